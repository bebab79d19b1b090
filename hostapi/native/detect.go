package native

import (
	"fmt"
	"slices"
	"strings"

	"github.com/wedgecdn/wedge/hostapi/abi"
	"github.com/wedgecdn/wedge/hostapi/adapter"
	"github.com/wedgecdn/wedge/hostapi/exchange"
)

const (
	hintReactor = "build a library: for Go go build -buildmode=c-shared, for C and Rust a reactor (clang -mexec-model=reactor, a cdylib)"
	hintHooks   = "export at least one of on_request, on_fetch, on_fetched, on_error, on_response, each without parameters and with an i32 as its result"
)

// Sought satisfies adapter.ABI.
func (ABI) Sought() string { return "imports from " + abi.Module + " or an export on_request (Wedge)" }

// Detect satisfies adapter.ABI. A module that nearly speaks the ABI is one of it: its author is told what is missing.
func (ABI) Detect(m adapter.Module) (adapter.Facts, bool, error) {
	names := m.Exports()
	near := nearly(names)
	mine := slices.ContainsFunc(names, spelled) || slices.ContainsFunc(names, func(n string) bool { return strings.HasPrefix(n, markerPrefix()) })
	f := adapter.Facts{ABI: fmt.Sprintf("%s/%d", abi.Module, abi.Version)}
	for _, im := range m.Imports() {
		if im.Module == abi.Module {
			mine = true
			f.Streams = f.Streams || im.Name == abi.Funcs[abi.FuncBodyStreamBegin].Name
		}
	}
	if !mine {
		return f, false, nil
	}
	if _, ok := m.Export("_start"); ok {
		return f, true, &adapter.Refused{Reason: "it is a program that runs once (it exports _start), and hooks need a module that stays", Hint: hintReactor}
	}
	var err error
	if f.Hooks, err = hooksOf(m, near); err != nil {
		return f, true, err
	}
	f.Remark = near
	if err := marked(m, names); err != nil {
		return f, true, err
	}
	if s, _ := m.Export(abi.Marker); s.String() != "()" {
		return f, true, &adapter.Refused{Reason: fmt.Sprintf("it exports %s as %s, and that takes and returns nothing", abi.Marker, s), Hint: "remove its parameters and results"}
	}
	return f, true, nil
}

// hooksOf finds the hooks and what is wrong with them.
func hooksOf(m adapter.Module, near string) (set exchange.HookSet, err error) {
	for h := range exchange.Hooks {
		s, ok := m.Export(h.String())
		if !ok {
			continue
		}
		if s.String() != "() i32" {
			return 0, &adapter.Refused{Reason: fmt.Sprintf("it exports %s as %s, and a hook is () i32", h, s), Hint: "take no parameters and return 0 to go on or 1 if the hook has answered"}
		}
		set = set.With(h)
	}
	if set != 0 {
		return set, nil
	}
	hint := hintHooks
	if near != "" {
		hint = near
	}
	return 0, &adapter.Refused{Reason: "it exports no hook", Hint: hint}
}

// spelled tells whether a name is that of a hook, however it is written.
func spelled(name string) bool {
	for h := range exchange.Hooks {
		if plain(name) == plain(h.String()) {
			return true
		}
	}
	return false
}

// nearly tells of an export that is no hook, and would be one if it were written otherwise, or with one letter more, less or other, or two in another order.
func nearly(names []string) (hint string) {
	for _, name := range names {
		found, slips := exchange.Hook(0), 2
		for h := range exchange.Hooks {
			if name == h.String() {
				slips = 2
				break
			}
			if n := apart(plain(name), plain(h.String())); n < slips {
				found, slips = h, n
			}
		}
		if slips < 2 {
			hint = fmt.Sprintf("%s is nearly a hook: export it as %s", name, found)
		}
	}
	return hint
}

// apart is 0 for equal words, 1 for those that one slip makes equal, and 2 for all others.
func apart(a, b string) int {
	if a == b {
		return 0
	}
	if len(a) > len(b) {
		a, b = b, a
	}
	i := 0
	for i < len(a) && a[i] == b[i] {
		i++
	}
	switch {
	case len(a)+1 == len(b) && a[i:] == b[i+1:], // one is missing
		len(a) == len(b) && a[i+1:] == b[i+1:],                                                     // another
		len(a) == len(b) && i+1 < len(a) && a[i] == b[i+1] && a[i+1] == b[i] && a[i+2:] == b[i+2:]: // in another order
		return 1
	}
	return 2
}

// plain makes names equal that differ only in how they are written.
func plain(name string) string {
	return strings.ToLower(strings.NewReplacer("_", "", "-", "", ".", "").Replace(name))
}

func markerPrefix() string { return strings.TrimRight(abi.Marker, "0123456789") }

// marked tells whether the module says which version of the ABI it speaks.
func marked(m adapter.Module, names []string) error {
	if _, ok := m.Export(abi.Marker); ok {
		return nil
	}
	prefix := markerPrefix()
	if i := slices.IndexFunc(names, func(n string) bool { return strings.HasPrefix(n, prefix) }); i >= 0 {
		return &adapter.Refused{Reason: fmt.Sprintf("it speaks version %s of the ABI, and this node version %d", names[i][len(prefix):], abi.Version), Hint: "build it with the SDK of this node's version"}
	}
	return &adapter.Refused{Reason: "it exports hooks, but not " + abi.Marker, Hint: "build it with an SDK, or export a function " + abi.Marker + " without parameters and results"}
}
