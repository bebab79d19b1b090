package meter

import (
	"fmt"
	"strings"
	"testing"

	"github.com/tetratelabs/wazero/api"

	"github.com/wedgecdn/wedge/runtime/wasm"
)

// notes writes what a guest noted: the pages, or that nothing is known.
func notes(bits uint64, from uint32) string {
	if bits&WrittenUnknown != 0 {
		return "unknown"
	}
	var pages []string
	for n := range 63 {
		if bits>>n&1 != 0 {
			pages = append(pages, fmt.Sprint(n+int(from)))
		}
	}
	return strings.Join(pages, " ")
}

func TestNotes(t *testing.T) {
	local, number := func(i byte) []any { return []any{wasm.LocalGet, i} }, func(n int) []any { return []any{wasm.I32Const, n} }
	var code func(parts ...any) []any // without lists in lists
	code = func(parts ...any) (out []any) {
		for _, p := range parts {
			if list, ok := p.([]any); ok {
				out = append(out, code(list...)...)
				continue
			}
			out = append(out, p)
		}
		return out
	}
	store := func(offset ...byte) []byte { return append([]byte{0x36, 2}, offset...) }
	at := func(address any) []any { return code(address, wasm.I32Const, 5, store(0)) }
	call := func(i byte) []any { return []any{wasm.Call, i} }
	loop := func(body ...any) []any { return code(wasm.Loop, empty, body, wasm.End) }
	fill := []any{wasm.MemoryFill, byte(0)}

	const page = WrittenPage
	run := func(name string, s sketch, want string, args ...uint64) {
		t.Helper()
		if s.memory == nil {
			s.memory = []uint32{3}
		}
		m := mustRewrite(t, s.build())
		if !m.NotesWrites {
			t.Errorf("%s: nothing is noted", name)
			return
		}
		in := newMachine(t, false, features).mustStart(m.Wasm)
		g := in.mod.ExportedGlobal(WrittenGlobal).(api.MutableGlobal)
		if _, _, err := in.call("f", args...); err != nil { // which looks for what was not noted
			t.Errorf("%s: %v", name, err)
		}
		if got := notes(g.Get(), m.NotedFrom); got != want {
			t.Errorf("%s: noted %q, want %q", name, got, want)
		}
	}
	f := func(name, want string, body []any, args ...uint64) {
		t.Helper()
		s := sketch{funcs: []fn{{name: "f", params: strings.Repeat("i", len(args)), locals: "i", code: body}}}
		run(name, s, want, args...)
	}
	f("nothing", "", code(number(1), wasm.Drop))
	f("a store", "2", at(local(0)), 2*page)
	f("the first byte of a page", "1", at(local(0)), page)
	f("the last of one, and three of the next", "0", at(local(0)), page-1)
	f("an offset", "2", code(local(0), number(5), store(0x80, 0x20)), page)
	f("two stores", "0 3", code(at(number(8)), at(local(0))), 3*page+9)
	f("a byte", "4", code(local(0), number(5), []byte{0x3a, 0, 0}), 5*page-1)
	f("a long", "1", code(local(0), wasm.I64Const, 5, []byte{0x37, 0, 0}), 2*page-4)
	f("a float", "1", code(local(0), wasm.F32Const, []byte{1, 2, 3, 4}, []byte{0x38, 0, 0}), 2*page-1)
	f("a double", "1", code(local(0), wasm.F64Const, make([]byte, 8), local(0), wasm.I32Const, 9, store(0), []byte{0x39, 0, 0}), page)
	f("a vector", "1", code(local(0), wasm.V128Const, []byte("0123456789abcdef"), []byte{0xfd, 11, 0, 0}), 2*page-1)
	f("a lane", "1", code(local(0), wasm.V128Const, []byte("0123456789abcdef"), []byte{0xfd, 0x58, 0, 0, 3}), 2*page-1)
	f("not reached", "", code(local(0), wasm.If, empty, at(number(0)), wasm.End), 0)
	f("a fill", "1 2", code(local(0), number(7), local(1), fill), 2*page-1, 2)
	f("a fill of nothing", "0 1", code(local(0), number(7), local(1), fill), page, 0)
	f("a page filled", "1 2", code(local(0), number(7), local(1), fill), page+1, page)
	f("more than a page filled", "unknown", code(local(0), number(7), local(1), fill), page, page+1)
	f("a copy", "2", code(local(0), number(7), local(1), wasm.MemoryCopy, byte(0), byte(0)), 2*page, 8)
	f("a fill of a known length", "unknown", code(local(0), number(7), number(8), fill), page)
	f("a store in a loop", "unknown", loop(at(number(0))))
	f("a store beside a loop", "0", code(at(number(0)), loop(wasm.Nop)))
	f("a loop that is not entered", "0", code(at(number(0)), local(0), wasm.If, empty, loop(at(number(0))), wasm.End), 0)
	f("two loops, and the second stores", "unknown", code(loop(wasm.Nop), loop(loop(at(number(0))))))
	f("a short loop, which is written twice", "unknown", code(
		loop(at(local(0)), local(0), wasm.I32Const, 4, wasm.I32Sub, wasm.LocalTee, byte(0), wasm.BrIf, byte(0)), at(number(0))), 64)
	f("a short loop that only reads, and a store", "1", code(
		loop(local(0), wasm.I32Const, 4, wasm.I32Sub, wasm.LocalTee, byte(0), wasm.BrIf, byte(0)), at(number(page))), 64)
	f("the last page", "47", at(local(0)), 48*page-8)
	f("many stores", "unknown", func() (b []any) {
		for range notedStores + 1 {
			b = append(b, at(number(0))...)
		}
		return b
	}())

	storing := fn{params: "i", code: at(local(0))}
	f2 := func(name, want string, s sketch, body []any, more ...fn) {
		t.Helper()
		s.funcs = append([]fn{{name: "f", code: body}}, more...)
		run(name, s, want)
	}
	f2("a function that stores", "1", sketch{}, code(number(page), call(1)), storing)
	f2("twice", "1 2", sketch{}, code(number(page), call(1), number(2*page), call(1)), storing)
	f2("in a loop", "unknown", sketch{}, loop(number(page), call(1)), storing)
	f2("in a loop and beside it", "unknown", sketch{}, code(number(page), call(1), number(0), wasm.If, empty, loop(number(page), call(1)), wasm.End), storing)
	f2("called by one that a loop calls", "unknown", sketch{}, loop(call(2)), storing, fn{code: code(number(page), call(1))})
	f2("one that does not store, in a loop", "0", sketch{}, code(at(number(0)), loop(call(1))), fn{code: code(number(1), wasm.Drop)})
	f2("by tail call", "3", sketch{}, code(number(3*page), wasm.ReturnCall, byte(1)), storing)
	f2("recursion", "unknown", sketch{}, call(1), fn{code: code(at(number(0)), number(0), wasm.If, empty, call(1), wasm.End)})
	f2("by reference", "unknown", sketch{table: []uint32{1}, element: []uint32{1}}, code(number(page), number(0), wasm.CallIndirect, byte(1), byte(0)), storing)
	f2("by reference, none of which stores", "2", sketch{table: []uint32{1}, element: []uint32{1}},
		code(at(number(2*page)), number(page), number(0), wasm.CallIndirect, byte(1), byte(0)), fn{params: "i"}, storing)
	f2("by tail call and reference", "unknown", sketch{table: []uint32{1}, element: []uint32{1}}, code(number(page), number(0), wasm.ReturnCallIndirect, byte(1), byte(0)), storing)
	run("exported, and called in a loop", sketch{funcs: []fn{{name: "f", code: at(number(page))}, {code: loop(call(0))}}}, "unknown")

	run("a page beyond the notes", sketch{memory: []uint32{5}, funcs: []fn{{name: "f", code: at(number(63 * page))}}}, "unknown")
	// Its first global is 7: no stack that begins beyond what has notes.
	run("a large memory", sketch{memory: []uint32{5}, global: true, funcs: []fn{{name: "f", code: at(number(62 * page))}}}, "62")
	stack := wasm.Section{ID: wasm.GlobalSection, Data: instructions(byte(1), byte(wasm.I32), byte(1), wasm.I32Const, 1<<20, wasm.End)}
	run("around the stack", sketch{memory: []uint32{17}, sections: []wasm.Section{stack}, funcs: []fn{{name: "f", code: at(number(1<<20 - 8))}}}, "255")
	run("the first of them", sketch{memory: []uint32{17}, sections: []wasm.Section{stack}, funcs: []fn{{name: "f", code: at(number(1<<20 - 16*page))}}}, "240")
	run("before them", sketch{memory: []uint32{17}, sections: []wasm.Section{stack}, funcs: []fn{{name: "f", code: at(number(1<<20 - 16*page - 1))}}}, "unknown")

	for name, s := range map[string]sketch{
		"no memory":          {funcs: []fn{{name: "f"}}},
		"an imported memory": {imports: [][]byte{append(wasm.AppendName(wasm.AppendName(nil, "env"), "memory"), wasm.MemoryKind, 0, 1)}},
	} {
		if m := mustRewrite(t, s.build()); m.NotesWrites {
			t.Errorf("%s: something is noted", name)
		}
	}
}

// Each store instruction, over the bounds of pages, of the notes and of the memory, with the largest offsets as well. The calls look for
// what was not noted.
func TestNotesOfEachStore(t *testing.T) {
	value := map[byte][]any{wasm.I32: {wasm.I32Const, -1}, wasm.I64: {wasm.I64Const, -1}, wasm.F32: {wasm.F32Const, []byte("1234")},
		wasm.F64: {wasm.F64Const, []byte("12345678")}, wasm.V128: {wasm.V128Const, []byte("0123456789abcdef")}}
	offsets := []uint32{0, 4095, 1<<32 - 4096}
	stack := wasm.Section{ID: wasm.GlobalSection, Data: instructions(byte(1), byte(wasm.I32), byte(1), wasm.I32Const, 20*WrittenPage, wasm.End)}
	s := sketch{memory: []uint32{5}, sections: []wasm.Section{stack}}
	for op := range wasm.Op(0xfdff) {
		typ := op.Stores()
		if typ == 0 {
			continue
		}
		for i, offset := range offsets {
			access := wasm.AppendU32([]byte{0}, offset)
			if op > 0xfd0b {
				access = append(access, 1) // the lane
			}
			s.funcs = append(s.funcs, fn{name: fmt.Sprintf("%v %d", op, i), params: "i", code: append(append([]any{wasm.LocalGet, byte(0)}, value[typ]...), op, access)})
		}
	}
	if len(s.funcs) != 14*len(offsets) {
		t.Fatalf("%d functions", len(s.funcs))
	}
	m := mustRewrite(t, s.build())
	in := newMachine(t, false, features).mustStart(m.Wasm)
	g := in.mod.ExportedGlobal(WrittenGlobal).(api.MutableGlobal)
	size, traps := len(memory(in.mod)), 0
	for i, f := range s.funcs {
		for _, page := range []uint32{0, m.NotedFrom, m.NotedFrom + 1, m.NotedFrom + 63, uint32(size / WrittenPage)} {
			for _, before := range []uint32{0, 1, 7, 15, 16} {
				clear(memory(in.mod))
				at := page*WrittenPage - before
				_, _, err := in.call(f.name, uint64(at-offsets[i%len(offsets)]))
				switch {
				case err != nil:
					traps++
				case g.Get() == 0:
					t.Errorf("%s: a store at %d is not noted", f.name, at)
				}
			}
		}
	}
	if all := len(s.funcs) * 25; traps < all/10 || traps > all*9/10 {
		t.Errorf("%d of %d stores trap: too few of one kind", traps, all)
	}
}
