package meter

import (
	"errors"
	"slices"
	"testing"

	"github.com/wedgecdn/wedge/runtime/wasm"
)

// Which functions count the stack: those that can be in a recursion, and all if the others make too long a chain.
func TestRecursion(t *testing.T) {
	f := func(what string, want []bool, s sketch) {
		t.Helper()
		w, err := rewrite(s.build(), Caps{}, nil)
		if err != nil {
			t.Fatal(err)
		}
		if got := w.recursion.counted; !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", what, got, want)
		}
	}
	call := func(n byte) []any { return []any{wasm.Call, n} }
	loop := []any{wasm.Loop, empty, wasm.End} // so that it is not tiny
	f("a chain", []bool{false, false, false}, sketch{funcs: []fn{{code: call(1)}, {code: call(2)}, {code: loop}}})
	f("itself", []bool{true, false}, sketch{funcs: []fn{{code: append(call(0), call(1)...)}, {code: loop}}})
	f("each other", []bool{false, true, true, false}, sketch{funcs: []fn{{code: call(1)}, {code: call(2)}, {code: append(call(1), call(3)...)}, {code: loop}}})
	f("by a table", []bool{true, true, false}, sketch{table: []uint32{1}, element: []uint32{0}, funcs: []fn{
		{code: call(1)}, {code: []any{wasm.I32Const, 0, wasm.CallIndirect, byte(0), byte(0)}}, {code: loop}}})
	f("a table without the caller", []bool{false, false, false}, sketch{table: []uint32{1}, element: []uint32{2}, funcs: []fn{
		{code: call(1)}, {code: []any{wasm.I32Const, 0, wasm.CallIndirect, byte(0), byte(0)}}, {code: loop}}})
	f("by tail calls", []bool{true, true}, sketch{funcs: []fn{{code: []any{wasm.ReturnCall, byte(1)}}, {code: []any{wasm.ReturnCall, byte(0)}}}})

	var chain []fn
	var all []bool
	for i := range 5000 {
		chain = append(chain, fn{locals: "i", code: []any{wasm.Call, wasm.AppendU32(nil, uint32(i+1))}})
		all = append(all, true)
	}
	f("a long chain", append(all, true), sketch{funcs: append(chain, fn{code: loop})})
}

// A recursion ends after the same number of calls on both engines, for the same fuel, before the engine's own stack is
// anywhere near its end; and frames are given back on all ways out of a function.
func TestStack(t *testing.T) {
	deep := []any{wasm.LocalGet, byte(0), wasm.I32Eqz, wasm.If, empty, wasm.Return, wasm.End,
		wasm.LocalGet, byte(0), wasm.I32Const, 1, wasm.I32Sub}
	s := sketch{global: true, table: []uint32{2}, element: []uint32{4, 5}, funcs: []fn{
		{name: "deep", params: "i", code: append(deep[:len(deep):len(deep)], wasm.Call, byte(0))},
		{name: "often", params: "i", locals: "i", code: []any{wasm.I32Const, 50, wasm.LocalSet, byte(1),
			wasm.Loop, empty, wasm.LocalGet, byte(0), wasm.Call, byte(0), wasm.LocalGet, byte(0), wasm.Call, byte(3), wasm.Drop,
			wasm.LocalGet, byte(1), wasm.I32Const, 1, wasm.I32Sub, wasm.LocalTee, byte(1), wasm.BrIf, byte(0), wasm.End}},
		{name: "tail", params: "i", code: append(deep[:len(deep):len(deep)], wasm.ReturnCall, byte(2))},
		{name: "value", params: "i", results: "i", code: []any{ // leaves by br to its own label, by return, and at its end
			wasm.LocalGet, byte(0), wasm.I32Eqz, wasm.If, empty, wasm.I32Const, 7, wasm.Return, wasm.End,
			wasm.LocalGet, byte(0), wasm.I32Const, 1, wasm.I32Sub, wasm.Call, byte(3),
			wasm.LocalGet, byte(0), wasm.I32Const, 1, []byte{0x71}, wasm.BrIf, byte(0)}},
		{name: "indirect", params: "i", code: append(deep[:len(deep):len(deep)], wasm.I32Const, 0, wasm.CallIndirect, byte(4), byte(0))},
		{name: "indirect tail", params: "i", code: append(deep[:len(deep):len(deep)], wasm.I32Const, 1, wasm.ReturnCallIndirect, byte(4), byte(0))},
	}}
	// On the way: how deep the one function can go, with frames of its own size.
	const size = 100_000 // the engine's interpreter ends at 2000 calls of its own
	m, err := Rewrite(s.build(), Caps{Stack: size})
	if err != nil {
		t.Fatal(err)
	}
	w, err := rewrite(s.build(), Caps{Stack: size}, nil)
	if err != nil {
		t.Fatal(err)
	}
	most := func(function int) uint64 { return uint64(size/w.recursion.frame[function]) - 1 }
	machines := []*machine{newMachine(t, false, features), newMachine(t, true, features)}
	f := func(name string, arg uint64, fits bool) {
		t.Helper()
		var first int64
		for i, machine := range machines {
			in := machine.mustStart(m.Wasm)
			_, used, err := in.call(name, arg)
			if fits != (err == nil) || err != nil && !errors.Is(err, errStack) {
				t.Errorf("%s(%d), engine %d: %v", name, arg, i, err)
			}
			if i == 0 {
				first = used
			} else if used != first {
				t.Errorf("%s(%d): the compiler used %d, the interpreter %d", name, arg, first, used)
			}
		}
	}
	f("deep", most(0), true)
	f("deep", most(0)+1, false)
	f("deep", 0xffffffff, false)
	f("often", 500, true)
	f("value", most(3), true)
	f("value", most(3)+1, false)
	f("indirect", most(4), true)
	f("indirect", most(4)+1, false)
	f("tail", 100_000, true)
	f("indirect tail", 1000, true)
	if most(0) < 1000 || most(0) > 1500 {
		t.Errorf("the smallest function can call itself %d times", most(0))
	}
}
