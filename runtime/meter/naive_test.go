package meter

import (
	"slices"
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
	clever := newPlan(w)
	w.findCallees(0)
	err = w.bodies(func(index, locals int) ([]edit, error) {
		b := m.Bodies[index]
		list, err := clever.body(index, locals)
		if err != nil {
			return nil, err
		}
		other := map[int][]edit{} // by where they end
		for _, e := range list {
			if e.kind != payment {
				other[e.to] = append(other[e.to], e)
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
				edits = append(edits, replaced...)
			} else if list, is := other[in.Imm+in.IndexN]; is {
				edits = append(edits, list...)
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
	w.keepState()
	d, err := w.result()
	if err != nil {
		t.Fatal(err)
	}
	return d.Wasm
}

// exactly rewrites a module as Rewrite does, but that nothing is paid for in advance: each call costs what its instructions do.
func exactly(t testing.TB, module []byte) []byte {
	t.Helper()
	m, err := wasm.Decode(module)
	if err != nil {
		t.Fatal(err)
	}
	w := newRewriter(m, wide.withDefaults())
	w.findCallees(0)
	p := newPlan(w)
	p.advance = 0
	if err := w.bodies(p.body); err != nil {
		t.Fatal(err)
	}
	w.keepState()
	d, err := w.result()
	if err != nil {
		t.Fatal(err)
	}
	return d.Wasm
}

// straight rewrites a module so that the engine's compiler gets its comparisons right, and changes nothing else.
func straight(t testing.TB, module []byte) []byte {
	t.Helper()
	m, err := wasm.Decode(module)
	if err != nil {
		t.Fatal(err)
	}
	w := newRewriter(m, wide.withDefaults())
	w.findCallees(0)
	p := newPlan(w)
	var bodies [][]byte
	for i, b := range m.Bodies {
		list, err := p.body(i, int(b.Locals)+len(m.Types[m.Funcs[i]].Params))
		if err != nil {
			t.Fatal(err)
		}
		var out code
		out.apply(b.Raw, 0, slices.DeleteFunc(list, func(e edit) bool { return e.kind != again }))
		bodies = append(bodies, append(wasm.AppendU32(nil, uint32(len(out.b))), out.b...))
	}
	sections := slices.Clone(m.Sections)
	if at, is := wasm.Place(sections, wasm.CodeSection); is {
		sections[at] = wasm.Section{ID: wasm.CodeSection, Data: vector(bodies...)}
	}
	return wasm.Write(sections)
}

// stretched rewrites a module so that the counter goes down by each instruction as it runs, and at each place where Rewrite
// would check, calls the host if it is below zero and is then set to limit: the host hears of every stretch without a check
// that was longer.
func stretched(t testing.TB, module []byte, s stretches, limit int64) []byte {
	t.Helper()
	m, err := wasm.Decode(module)
	if err != nil {
		t.Fatal(err)
	}
	w := newRewriter(m, wide.withDefaults())
	clever := newPlan(w)
	clever.limits = s
	w.findCallees(tinyMost)
	w.reshapes = true
	for i := range m.Bodies {
		list, err := w.plan(i, 0, clever.body)
		if err != nil {
			t.Fatal(err)
		}
		list = slices.DeleteFunc(list, func(e edit) bool { return e.kind == again })
		b := m.Bodies[i]
		out := code{counter: w.counter, tick: w.imported, b: append([]byte(nil), b.Raw[:b.Code]...)}
		catchUp := func(at int) { // the checks of Rewrite up to there
			for ; len(list) > 0 && list[0].kind == payment && list[0].at <= at; list = list[1:] {
				if list[0].check || list[0].round {
					out.check()
					out.i64(limit)
					out.idx(wasm.GlobalSet, out.counter)
				}
			}
		}
		r := wasm.NewReader(b.Raw, 0)
		r.Bytes(b.Code, "locals")
		var in wasm.Instr
		for r.Left() > 0 {
			catchUp(r.Pos())
			r.Instr(&in)
			if in.Op != wasm.Else {
				out.charge(cost(in.Op))
			}
			switch {
			case len(list) > 0 && list[0].kind == bulk && list[0].at == in.Pos:
				out.idx(wasm.Call, list[0].index)
				list = list[1:]
			case len(list) > 0 && list[0].kind == moved && list[0].at == in.Imm:
				out.idx(in.Op, list[0].index)
				list = list[1:]
			default:
				out.b = append(out.b, b.Raw[in.Pos:in.End]...)
			}
		}
		w.code = append(wasm.AppendU32(w.code, uint32(len(out.b))), out.b...)
	}
	w.keepState()
	d, err := w.result()
	if err != nil {
		t.Fatal(err)
	}
	return d.Wasm
}

// No stretch of instructions without a check is longer than it may be, in a real program and with bounds that it meets often.
func TestStretch(t *testing.T) {
	if racing {
		t.Skip("takes long under the race detector")
	}
	f := func(s stretches, limit int64, want bool) {
		t.Helper()
		m := newMachine(t, true, features)
		m.host.slice = 1 << 40
		in := m.mustStart(stretched(t, guest(t), s, limit))
		for range 3 { // at first the memory grows, which is paid for by the page; then it does not
			if _, _, err := in.call("work", 1); err != nil {
				t.Fatal(err)
			}
		}
		if in.host.ticks == 0 != want {
			t.Errorf("%+v: %d stretches longer than %d, the worst by %d", s, in.host.ticks, limit, -in.host.worst)
		}
	}
	const calls = 16 // returns in a row, each with its tail
	if *whole {
		f(stretches{200, 50}, 200+calls*50+2*tinyMost, true)
		f(stretches{1000, 100}, 1000+calls*100+2*tinyMost, true)
	}
	f(stretches{Stretch, Tail}, Stretch+calls*Tail+2*tinyMost, true)
	f(stretches{Stretch, Tail}, 100, false) // the test sees it when there are
}
