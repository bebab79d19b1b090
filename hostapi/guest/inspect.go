package guest

import (
	"fmt"
	"slices"
	"strings"

	"github.com/wedgecdn/wedge/hostapi/abi"
	"github.com/wedgecdn/wedge/hostapi/exchange"
	"github.com/wedgecdn/wedge/runtime/engine"
	"github.com/wedgecdn/wedge/runtime/sandbox"
)

// NativeABI is the name of Wedge's own ABI in Info and in manifests.
const NativeABI = "wedge/1"

// Info is what a module says of itself.
type Info struct {
	ABI   string
	Hooks exchange.HookSet
	// Streams tells that it may transform bodies while they are sent.
	Streams bool
	// Hash is the SHA-256 of the module, Size its length, Memory what an instance
	// begins with, in bytes.
	Hash    [32]byte
	Size    int
	Memory  int64
	Imports []string // "module.name", in the module's order
}

// Refused says that a module is valid but no function, and how to mend it.
type Refused struct{ Reason, Hint string }

// Error is the reason, without the hint.
func (r *Refused) Error() string { return "module refused: " + r.Reason }

const (
	hintReactor = "build a library: for Go go build -buildmode=c-shared, for C and Rust a reactor (clang -mexec-model=reactor, a cdylib)"
	hintHooks   = "export at least one of on_request, on_fetch, on_fetched, on_error, on_response, each without parameters and with an i32 as its result"
)

// view is the part of engine.Module that inspection reads.
type view interface {
	Export(name string) (engine.Signature, bool)
	Exports() []string
	Imports() []engine.Import
	Hash() [32]byte
	Size() int
	Memory() (int64, bool)
}

func inspect(m view) (Info, error) {
	if _, ok := m.Export("_start"); ok {
		return Info{}, &Refused{"it is a program that runs once (it exports _start), and hooks need a module that stays", hintReactor}
	}
	hooks, err := hooksOf(m)
	if err != nil {
		return Info{}, err
	}
	if err := marked(m); err != nil {
		return Info{}, err
	}
	for _, name := range []string{abi.Marker, sandbox.Initialize, sandbox.Restored} {
		if s, ok := m.Export(name); ok && s.String() != "()" {
			return Info{}, &Refused{fmt.Sprintf("it exports %s as %s, and that takes and returns nothing", name, s), "remove its parameters and results"}
		}
	}
	i := Info{ABI: NativeABI, Hooks: hooks, Hash: m.Hash(), Size: m.Size()}
	i.Memory, _ = m.Memory()
	for _, im := range m.Imports() {
		i.Imports = append(i.Imports, im.Module+"."+im.Name)
		if im.Module == abi.Module && im.Name == abi.Funcs[abi.FuncBodyStreamBegin].Name {
			i.Streams = true
		}
	}
	return i, nil
}

// hooksOf finds the hooks and what is wrong with them.
func hooksOf(m view) (set exchange.HookSet, err error) {
	for h := range exchange.Hooks {
		s, ok := m.Export(h.String())
		if !ok {
			continue
		}
		if s.String() != "() i32" {
			return 0, &Refused{fmt.Sprintf("it exports %s as %s, and a hook is () i32", h, s), "take no parameters and return 0 to go on or 1 if the hook has answered"}
		}
		set = set.With(h)
	}
	if set != 0 {
		return set, nil
	}
	hint := hintHooks
	for _, name := range m.Exports() {
		for h := range exchange.Hooks {
			if plain(name) == plain(h.String()) {
				hint = fmt.Sprintf("%s is nearly a hook: export it as %s", name, h)
			}
		}
	}
	return 0, &Refused{"it exports no hook", hint}
}

// plain makes names equal that differ only in how they are written.
func plain(name string) string {
	return strings.ToLower(strings.NewReplacer("_", "", "-", "", ".", "").Replace(name))
}

// marked tells whether the module says which version of the ABI it speaks.
func marked(m view) error {
	if _, ok := m.Export(abi.Marker); ok {
		return nil
	}
	prefix := strings.TrimRight(abi.Marker, "0123456789")
	names := m.Exports()
	if i := slices.IndexFunc(names, func(n string) bool { return strings.HasPrefix(n, prefix) }); i >= 0 {
		return &Refused{fmt.Sprintf("it speaks version %s of the ABI, and this node version %d", names[i][len(prefix):], abi.Version), "build it with the SDK of this node's version"}
	}
	return &Refused{"it exports hooks, but not " + abi.Marker, "build it with an SDK, or export a function " + abi.Marker + " without parameters and results"}
}
