package meter

import (
	"testing"

	"github.com/wedgecdn/wedge/runtime/wasm"
)

// instructionsOf lists the instructions of a module: where each stands in the contents of the code section, and its code.
func instructionsOf(t *testing.T, module []byte) (list map[int]wasm.Op, function map[int]uint32, order []int) {
	t.Helper()
	m, err := wasm.Decode(module)
	if err != nil {
		t.Fatal(err)
	}
	list, function = map[int]wasm.Op{}, map[int]uint32{}
	at, ok := wasm.Place(m.Sections, wasm.CodeSection)
	if !ok {
		return
	}
	first := m.Imported(wasm.FuncKind)
	for i, b := range m.Bodies {
		r := wasm.NewReader(b.Raw, b.Offset-m.Sections[at].Offset)
		r.Bytes(b.Code, "locals")
		var in wasm.Instr
		for r.Left() > 0 {
			pos := r.Offset()
			r.Instr(&in)
			if r.Err() != nil {
				t.Fatal(r.Err())
			}
			list[pos], function[pos] = in.Op, uint32(first+i)
			order = append(order, pos)
		}
	}
	return list, function, order
}

// Every instruction of the original is found behind the one that stands for it in the rewritten module, and nothing is
// found that is no instruction of the same function.
func TestLocate(t *testing.T) {
	t.Parallel()
	modules, located := 0, 0
	corpus(t, func(name string, b []byte) {
		if len(b) > 100<<10 {
			return
		}
		m, err := Rewrite(b, wide)
		if err != nil {
			return
		}
		modules++
		before, owner, all := instructionsOf(t, b)
		after, _, order := instructionsOf(t, m.Wasm)
		places, err := Locate(b, wide, order)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		last := map[int]wasm.Op{} // what stands for an instruction: the last that leads to it
		for _, offset := range order {
			p, ok := places[offset]
			if !ok {
				continue // a function of the rewriter's
			}
			located++
			if _, ok := before[p.Code]; !ok || owner[p.Code] != p.Function {
				t.Fatalf("%s: %#x comes from %+v, where no instruction begins", name, offset, p)
			}
			last[p.Code] = after[offset]
		}
		for _, offset := range all {
			op, ok := last[offset]
			if want := before[offset]; !ok || op != want && op != wasm.Call && !replaced(want) {
				t.Fatalf("%s: instruction %v at %#x became %v (%v)", name, want, offset, op, ok)
			}
		}
	})
	if modules < 100 || located < 10_000 {
		t.Errorf("only %d modules and %d instructions", modules, located)
	}
	t.Logf("%d instructions of %d modules", located, modules)
}

// replaced tells of instructions in whose place others may stand.
func replaced(op wasm.Op) bool {
	switch op {
	case wasm.MemorySize, wasm.MemoryGrow, wasm.MemoryFill, wasm.MemoryCopy, wasm.MemoryInit,
		wasm.TableInit, wasm.TableCopy, wasm.TableGrow, wasm.TableFill, wasm.TableSet, wasm.DataDrop, wasm.ElemDrop, wasm.Return:
		return true
	}
	return false
}

func TestLocateNothing(t *testing.T) {
	b := sketch{funcs: []fn{{name: "a", code: []any{wasm.Nop}}}}.build()
	places, err := Locate(b, Caps{}, []int{-1, 0, 1, 1 << 40})
	if err != nil || len(places) != 0 {
		t.Errorf("%v, %v", places, err)
	}
	if _, err := Locate([]byte("no module"), Caps{}, []int{1}); err == nil {
		t.Error("no error for what is no module")
	}
}
