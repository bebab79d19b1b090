package meter

import (
	"errors"
	"testing"

	"github.com/wedgecdn/wedge/runtime/wasm"
)

// Whatever goes on without bound dies when its budget is spent, on both engines and having used the same. The overdraft
// is what was paid for at once by the payment before the check: a segment, or a piece or length of a bulk operation.
func TestHostile(t *testing.T) {
	t.Parallel()
	const budget = 300_000
	compiler, interpreter := newMachine(t, false, features), newMachine(t, true, features)
	f := func(what string, overdraft int64, s sketch) {
		t.Helper()
		m, err := Rewrite(s.build(), Caps{})
		if err != nil {
			t.Errorf("%s: %v", what, err)
			return
		}
		var first int64
		for i, machine := range []*machine{compiler, interpreter} {
			in := machine.mustStart(m.Wasm)
			in.host.budget, in.host.slice = budget, 10_000
			_, used, err := in.call("run")
			if !errors.Is(err, errSpent) {
				t.Errorf("%s, engine %d: %v, want spent", what, i, err)
			}
			if used < budget || used > budget+overdraft {
				t.Errorf("%s, engine %d: used %d of %d", what, i, used, budget)
			}
			if i == 0 {
				first = used
			} else if used != first {
				t.Errorf("%s: the compiler used %d, the interpreter %d", what, first, used)
			}
		}
	}
	run := func(code ...any) []fn { return []fn{{name: "run", locals: "il", code: code}} }

	f("loop", 100, sketch{funcs: run(wasm.Loop, empty, wasm.Br, byte(0), wasm.End)})
	f("loop that counts", 100, sketch{funcs: run(wasm.Loop, empty, wasm.LocalGet, byte(0), wasm.I32Const, 1, wasm.I32Add,
		wasm.LocalTee, byte(0), wasm.I32Const, 0, wasm.I32Eq, wasm.I32Eqz, wasm.BrIf, byte(0), wasm.Br, byte(0), wasm.End)})
	f("loop by br_table", 100, sketch{funcs: run(wasm.Loop, empty, wasm.LocalGet, byte(0), wasm.BrTable, byte(1), byte(0), byte(0), wasm.End)})
	f("loop with a branch from inside blocks", 100, sketch{funcs: run(wasm.Loop, empty, wasm.Block, empty, wasm.LocalGet, byte(0), wasm.If, empty,
		wasm.Else, wasm.Br, byte(2), wasm.End, wasm.End, wasm.End)})
	f("loop in a loop", 100, sketch{funcs: run(wasm.Loop, empty, wasm.Loop, empty, wasm.LocalGet, byte(0), wasm.BrIf, byte(0), wasm.End, wasm.Br, byte(0), wasm.End)})
	f("loop with a parameter", 100, sketch{funcs: append(run(wasm.I32Const, 1, wasm.Loop, byte(1), wasm.Br, byte(0), wasm.End),
		fn{params: "i", code: []any{}})})
	f("loop behind a return", 100, sketch{funcs: run(wasm.Block, empty, wasm.LocalGet, byte(0), wasm.If, empty, wasm.Return, wasm.End,
		wasm.Loop, empty, wasm.Br, byte(0), wasm.End, wasm.End)})
	f("loop of calls", 100, sketch{funcs: append(run(wasm.Loop, empty, wasm.Call, byte(1), wasm.Br, byte(0), wasm.End), fn{code: []any{wasm.Nop}})})
	f("loop of indirect calls", 100, sketch{table: []uint32{2}, element: []uint32{1}, funcs: append(
		run(wasm.Loop, empty, wasm.I32Const, 0, wasm.CallIndirect, byte(1), byte(0), wasm.Br, byte(0), wasm.End), fn{code: []any{wasm.Nop}})})

	// A tree of calls, 2^40 of them: shallow, without loops.
	var tree []fn
	for i := range 40 {
		tree = append(tree, fn{code: []any{wasm.Call, wasm.AppendU32(nil, uint32(i+1)), wasm.Call, wasm.AppendU32(nil, uint32(i+1))}})
	}
	tree[0].name = "run"
	f("exponential calls", 400, sketch{funcs: append(tree, fn{code: []any{wasm.Nop}})})
	f("recursion, twice each", 400, sketch{funcs: []fn{
		{name: "run", code: []any{wasm.I32Const, 60, wasm.Call, byte(1)}},
		{params: "i", code: []any{wasm.LocalGet, byte(0), wasm.If, empty, wasm.LocalGet, byte(0), wasm.I32Const, 1, wasm.I32Sub, wasm.Call, byte(1),
			wasm.LocalGet, byte(0), wasm.I32Const, 1, wasm.I32Sub, wasm.Call, byte(1), wasm.End}},
	}})
	f("mutual recursion, twice each", 400, sketch{funcs: []fn{
		{name: "run", code: []any{wasm.I32Const, 60, wasm.Call, byte(1)}},
		{params: "i", code: []any{wasm.LocalGet, byte(0), wasm.If, empty, wasm.LocalGet, byte(0), wasm.I32Const, 1, wasm.I32Sub, wasm.Call, byte(2),
			wasm.LocalGet, byte(0), wasm.I32Const, 1, wasm.I32Sub, wasm.Call, byte(2), wasm.End}},
		{params: "i", code: []any{wasm.LocalGet, byte(0), wasm.If, empty, wasm.LocalGet, byte(0), wasm.I32Const, 1, wasm.I32Sub, wasm.Call, byte(1), wasm.End}},
	}})
	f("return_call to itself", 100, sketch{funcs: run(wasm.ReturnCall, byte(0))})
	f("return_call to each other", 100, sketch{funcs: append(run(wasm.ReturnCall, byte(1)), fn{code: []any{wasm.ReturnCall, byte(0)}})})
	f("return_call_indirect", 100, sketch{table: []uint32{1}, element: []uint32{0}, funcs: run(wasm.I32Const, 0, wasm.ReturnCallIndirect, byte(0), byte(0))})
	f("return_call_ref", 100, sketch{table: []uint32{1}, element: []uint32{0}, funcs: run(wasm.RefFunc, byte(0), wasm.ReturnCallRef, byte(0))})

	const mega = 1 << 20
	pieces := int64(Piece>>byteShift) + 100
	many := func(n int, code ...any) []any {
		var all []any
		for range n {
			all = append(all, code...)
		}
		return all
	}
	fill := []any{wasm.I32Const, 0, wasm.I32Const, 1, wasm.I32Const, 2 * mega, wasm.MemoryFill, byte(0)}
	f("fills in a row", pieces, sketch{memory: []uint32{64}, funcs: run(many(100, fill...)...)})
	f("one fill above the budget", pieces, sketch{memory: []uint32{64}, funcs: run(wasm.I32Const, 0, wasm.I32Const, 1, wasm.I32Const, 4*mega, wasm.MemoryFill, byte(0))})
	f("copies upwards", pieces, sketch{memory: []uint32{64}, funcs: run(many(100,
		wasm.I32Const, 0, wasm.I32Const, 1, wasm.I32Const, mega, wasm.MemoryCopy, byte(0), byte(0))...)})
	f("copies downwards", pieces, sketch{memory: []uint32{64}, funcs: run(many(100,
		wasm.I32Const, 1, wasm.I32Const, 0, wasm.I32Const, mega, wasm.MemoryCopy, byte(0), byte(0))...)})
	f("inits", pieces, sketch{memory: []uint32{64}, data: [][]byte{make([]byte, mega)}, funcs: run(many(100,
		wasm.I32Const, 0, wasm.I32Const, 0, wasm.I32Const, mega, wasm.MemoryInit, byte(0), byte(0))...)})
	f("small fills in a row", 2000*(inlineBytes>>byteShift), sketch{memory: []uint32{1}, funcs: run(many(2000,
		wasm.I32Const, 0, wasm.I32Const, 1, wasm.I32Const, inlineBytes, wasm.MemoryFill, byte(0))...)})
	f("table fills", 200_000, sketch{table: []uint32{60_000}, funcs: run(many(100,
		wasm.I32Const, 0, wasm.RefNull, byte(wasm.FuncRef), wasm.I32Const, 60_000, wasm.TableFill, byte(0))...)})
	f("table copies", 200_000, sketch{table: []uint32{60_000}, funcs: run(many(100,
		wasm.I32Const, 0, wasm.I32Const, 0, wasm.I32Const, 60_000, wasm.TableCopy, byte(0), byte(0))...)})
	f("table growth", 200_000, sketch{table: []uint32{0}, funcs: run(wasm.Loop, empty,
		wasm.RefNull, byte(wasm.FuncRef), wasm.I32Const, 1, wasm.TableGrow, byte(0), wasm.Drop, wasm.Br, byte(0), wasm.End)})
	f("memory growth", 9000, sketch{memory: []uint32{0}, funcs: run(many(100, wasm.I32Const, 1, wasm.MemoryGrow, byte(0), wasm.Drop)...)})
	f("memory growth by much", 16*costPage, sketch{memory: []uint32{0}, funcs: run(many(100, wasm.I32Const, 16, wasm.MemoryGrow, byte(0), wasm.Drop)...)})
	f("straight-line code", 200_000, sketch{funcs: run(many(200_000, wasm.LocalGet, byte(0), wasm.LocalSet, byte(0))...)})
	f("calls of leaves in a row", Stretch+100, sketch{funcs: append(run(many(20_000, wasm.Call, byte(1))...),
		fn{locals: "i", code: many(40, wasm.LocalGet, byte(0), wasm.LocalSet, byte(0))})})
}

// A budget that lasts is enough to the unit. One that is exceeded before the last check is not, by one unit; what is paid after that
// check is no longer looked at.
func TestBudgetIsExact(t *testing.T) {
	m := newMachine(t, false, features)
	s := sketch{funcs: []fn{{name: "run", params: "i", code: []any{wasm.Loop, empty, wasm.LocalGet, byte(0), wasm.I32Const, 1, wasm.I32Sub,
		wasm.LocalTee, byte(0), wasm.BrIf, byte(0), wasm.End}}}}
	in := m.mustStart(mustRewrite(t, s.build()).Wasm)
	_, used, err := in.call("run", 1000)
	if err != nil {
		t.Fatal(err)
	}
	if want := int64(costEntry + 1000*(costLoop+5)); used != want {
		t.Errorf("used %d, want %d", used, want)
	}
	for _, slice := range []int64{1, 7, 100, 1 << 40} {
		in.host.slice = slice
		in.host.budget = used
		if _, again, err := in.call("run", 1000); err != nil || again != used {
			t.Errorf("slice %d, budget %d: used %d, %v", slice, used, again, err)
		}
		least := used - copiesMost*(costLoop+5) // the last rounds are paid for at once, behind the last check
		in.host.budget = least
		if _, again, err := in.call("run", 1000); err != nil || again != used {
			t.Errorf("slice %d, budget %d: used %d, %v", slice, least, again, err)
		}
		in.host.budget = least - 1
		if _, _, err := in.call("run", 1000); !errors.Is(err, errSpent) {
			t.Errorf("slice %d, budget %d: %v, want spent", slice, least-1, err)
		}
	}
}
