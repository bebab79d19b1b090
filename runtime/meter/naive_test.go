package meter

import (
	"testing"

	"github.com/wedgecdn/wedge/runtime/wasm"
)

// naive rewrites a module so that each instruction is paid for just before it runs, with nothing merged and no checks
// of its own: the meaning of "exactly", against which Rewrite is held.
func naive(t testing.TB, module []byte) []byte {
	t.Helper()
	m, err := wasm.Decode(module)
	if err != nil {
		t.Fatal(err)
	}
	w := newRewriter(m, wide.withDefaults())
	clever := &plan{w: w}
	err = w.bodies(func(b wasm.Body, locals int) ([]edit, error) {
		list, err := clever.body(b, locals)
		if err != nil {
			return nil, err
		}
		other := map[int]edit{} // by where they end
		for _, e := range list {
			if e.kind != payment {
				other[e.to] = e
			}
		}
		edits := []edit{{at: b.Code, to: b.Code, units: costEntry}}
		r := wasm.NewReader(b.Raw, 0)
		r.Bytes(b.Code, "locals")
		var last, in wasm.Instr
		for r.Left() > 0 {
			last = in
			r.Instr(&in)
			units := cost(in.Op)
			replaced, is := other[in.End]
			if !is && in.Op >= wasm.MemoryInit && in.Op <= wasm.MemoryFill && last.Op == wasm.I32Const {
				units += int64(uint32(last.Value) >> byteShift)
			}
			if in.Op != wasm.Else { // nothing may stand between the first branch's end and else
				edits = append(edits, edit{at: in.Pos, to: in.Pos, units: units})
			}
			if is {
				edits = append(edits, replaced)
			} else if e, is := other[in.Imm+in.IndexN]; is {
				edits = append(edits, e)
			}
			if in.Op == wasm.Loop {
				edits = append(edits, edit{at: in.End, to: in.End, units: costLoop})
			}
		}
		return edits, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return w.result().Wasm
}
