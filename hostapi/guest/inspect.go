package guest

import (
	"fmt"
	"strings"

	"github.com/wedgecdn/wedge/hostapi/adapter"
	"github.com/wedgecdn/wedge/hostapi/fastly"
	"github.com/wedgecdn/wedge/hostapi/httpwasm"
	"github.com/wedgecdn/wedge/hostapi/native"
	"github.com/wedgecdn/wedge/hostapi/proxywasm"
	"github.com/wedgecdn/wedge/runtime/engine"
	"github.com/wedgecdn/wedge/runtime/hostcall"
	"github.com/wedgecdn/wedge/runtime/sandbox"
	"github.com/wedgecdn/wedge/runtime/wasi"
)

// abis are the contracts that modules are tried against, in this order: the first that knows a module has it. Each host
// has its own, for what they keep.
func abis() []adapter.ABI {
	return []adapter.ABI{httpwasm.ABI{}, proxywasm.New(), fastly.ABI{}, native.ABI{}}
}

// HostFuncs returns every function that a guest of any ABI may import, for
// engine.Options.Host.
func HostFuncs() (all []hostcall.Func) {
	for _, a := range abis() {
		all = append(all, a.Funcs()...)
	}
	return append(all, wasi.Funcs()...)
}

// Info is what a module says of itself.
type Info struct {
	adapter.Facts
	// Hash is the SHA-256 of the module, Size its length, Memory what an instance
	// begins with, in bytes.
	Hash    [32]byte
	Size    int
	Memory  int64
	Imports []string // "module.name", in the module's order
}

// Refused says that a module is valid but no function, and how to mend it.
type Refused = adapter.Refused

// view is the part of engine.Module that inspection reads.
type view interface {
	Export(name string) (engine.Signature, bool)
	Exports() []string
	Imports() []engine.Import
	Hash() [32]byte
	Size() int
	Memory() (int64, bool)
}

// inspect finds the ABI of a module.
func (h *Host) inspect(m view) (Info, adapter.ABI, error) {
	for _, name := range []string{sandbox.Initialize, sandbox.Restored} {
		if s, ok := m.Export(name); ok && s.String() != "()" {
			return Info{}, nil, &Refused{Reason: fmt.Sprintf("it exports %s as %s, and that takes and returns nothing", name, s), Hint: "remove its parameters and results"}
		}
	}
	for _, a := range h.abis {
		facts, mine, err := a.Detect(m)
		if !mine {
			continue
		}
		if err != nil {
			return Info{}, nil, err
		}
		i := Info{Facts: facts, Hash: m.Hash(), Size: m.Size()}
		i.Memory, _ = m.Memory()
		for _, im := range m.Imports() {
			i.Imports = append(i.Imports, im.Module+"."+im.Name)
		}
		return i, a, nil
	}
	return Info{}, nil, h.unknown(m)
}

// unknown says of a module that no ABI knows what it lacks.
func (h *Host) unknown(m view) error {
	if _, ok := m.Export("_start"); ok {
		return &Refused{Reason: "it is a program that runs once (it exports _start), and hooks need a module that stays", Hint: hintReactor}
	}
	var sought []string
	for _, a := range h.abis {
		sought = append(sought, a.Sought())
	}
	return &Refused{Reason: "it exports no hook: looked for " + strings.Join(sought, "; "), Hint: hintHooks}
}

const (
	hintReactor = "build a library: for Go go build -buildmode=c-shared, for C and Rust a reactor (clang -mexec-model=reactor, a cdylib)"
	hintHooks   = "export at least one of on_request, on_fetch, on_fetched, on_error, on_response, each without parameters and with an i32 as its result, or build with the SDK of another ABI that this node speaks"
)
