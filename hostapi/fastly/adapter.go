package fastly

import (
	"context"
	"strings"

	"github.com/wedgecdn/wedge/hostapi/adapter"
	"github.com/wedgecdn/wedge/runtime/hostcall"
)

// start is what runs a program.
const start = "_start"

// ABI is this contract as hostapi/guest sees it.
type ABI struct{}

// Name satisfies adapter.ABI.
func (ABI) Name() string { return "fastly" }

// Sought satisfies adapter.ABI.
func (ABI) Sought() string { return "a program for Fastly Compute (_start, and imports of fastly_…)" }

// Detect satisfies adapter.ABI.
func (ABI) Detect(m adapter.Module) (f adapter.Facts, mine bool, err error) {
	for _, im := range m.Imports() {
		mine = mine || strings.HasPrefix(im.Module, "fastly_")
	}
	if !mine {
		return f, false, nil
	}
	s, program := m.Export(start)
	switch {
	case !program:
		return f, true, &adapter.Refused{Reason: "it imports what programs for Fastly Compute do, and exports no _start to run it by", Hint: "build a program, not a library"}
	case s.String() != "()":
		return f, true, &adapter.Refused{Reason: "it exports _start as " + s.String() + ", and that takes and returns nothing", Hint: "build it with an SDK for Fastly Compute"}
	}
	return adapter.Facts{ABI: "fastly/1", Handler: true, MemoryLimit: adapter.Foreign}, true, nil
}

// Funcs satisfies adapter.ABI.
func (ABI) Funcs() []hostcall.Func { return Funcs() }

// Bind satisfies adapter.ABI.
func (ABI) Bind(s adapter.Settings) (adapter.Binding, error) { return NewBinding(s), nil }

// Outside satisfies adapter.Binding.
func (b *Binding) Outside() any { return NewSession(b) }

// Prepare satisfies adapter.Binding: a program does nothing before it runs.
func (*Binding) Prepare(context.Context, adapter.Instance, any) error { return nil }

// NewSession satisfies adapter.Binding.
func (b *Binding) NewSession() adapter.Session { return NewSession(b) }

// Denied satisfies adapter.Binding.
func (b *Binding) Denied() int64 { return b.denied.Load() }

// Close satisfies adapter.Binding.
func (*Binding) Close() {}
