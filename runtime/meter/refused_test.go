package meter

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/wedgecdn/wedge/runtime/wasm"
)

func TestRefused(t *testing.T) {
	f := func(want string, caps Caps, module []byte) {
		t.Helper()
		_, err := Rewrite(module, caps)
		var r *Refused
		if !errors.As(err, &r) {
			t.Errorf("%s: %v", want, err)
			return
		}
		if !strings.Contains(r.Reason, want) || r.Hint == "" || r.Offset > len(module) {
			t.Errorf("want %q: %v", want, err)
		}
	}
	code := func(code ...any) []byte {
		return sketch{memory: []uint32{1}, funcs: []fn{{name: "run", code: code}}}.build()
	}
	section := func(id wasm.SectionID, items ...[]byte) []byte {
		return sketch{sections: []wasm.Section{{ID: id, Data: vector(items...)}}}.build()
	}
	name := func(s string, more ...byte) []byte { return append(wasm.AppendName(nil, s), more...) }
	many := func(n int, code ...any) (all []any) {
		for range n {
			all = append(all, code...)
		}
		return all
	}

	f("unknown instruction 0x06", Caps{}, code(byte(0x06), empty, wasm.End))
	f("unknown instruction 0xfb", Caps{}, code(byte(0xfb), byte(0)))
	f("unknown instruction after prefix 0xfd", Caps{}, code(byte(0xfd), byte(0x80), byte(2)))
	f("unknown instruction 0xfd 0x9a", Caps{}, code(byte(0xfd), byte(0x9a), byte(1)))
	f("unknown instruction 0xfc 0x12", Caps{}, code(byte(0xfc), byte(0x12)))
	f("atomic instruction 0xfe 0x01", Caps{}, code(wasm.AtomicWait32, byte(2), byte(0)))
	f("atomic instruction 0xfe 0x03", Caps{}, code(wasm.AtomicFence, byte(0)))
	f("exception instruction 0x08", Caps{}, code(wasm.Throw, byte(0)))
	f("exception instruction 0x1f", Caps{}, code(wasm.TryTable, empty, byte(0), wasm.End))
	f("more memories than one", Caps{}, code(wasm.I32Const, 0, wasm.MemoryGrow, byte(1)))
	f("more memories than one", Caps{}, code(wasm.I32Const, 0, byte(0x28), byte(0x42), byte(0), byte(0)))
	f("more memories than one", Caps{}, section(wasm.MemorySection, []byte{0, 1}, []byte{0, 1}))
	f("64-bit addresses", Caps{}, section(wasm.MemorySection, []byte{4, 1}))
	f("shared between threads", Caps{}, section(wasm.MemorySection, []byte{3, 1, 1}))
	f("exception tag", Caps{}, section(wasm.TagSection, []byte{0, 0}))
	f("holds an exception", Caps{}, section(wasm.TypeSection, []byte{0x60, 1, wasm.ExnRef, 0}))
	f("recursive types", Caps{}, section(wasm.TypeSection, []byte{0x4e, 1, 0x60, 0, 0}))
	f("form 0x5f", Caps{}, section(wasm.TypeSection, []byte{0x5f, 0}))
	f("unknown value type", Caps{}, section(wasm.TypeSection, []byte{0x60, 1, 0x6e, 0}))
	f("unknown section 14", Caps{}, section(14))
	f(`import of "wedge_meter"."tick"`, Caps{}, section(wasm.ImportSection, append(name(TickModule), name(TickName, wasm.GlobalKind, wasm.I32, 0)...)))
	f(`export "wedge_meter_fuel"`, Caps{}, section(wasm.ExportSection, name(FuelGlobal, wasm.GlobalKind, 0)))
	f(`export "wedge_meter_global_0"`, Caps{}, section(wasm.ExportSection, name(GlobalPrefix+"0", wasm.GlobalKind, 0)))

	for _, content := range [][]byte{{1, 200}, {1, 2, 5, 0}, {1, 4, 1, 0, 1, 0xff}, {2, 1, 9}, {77}, {0, 5, 1, 'x', 1, 1, 1},
		{1, 6, 0xff, 0xff, 0xff, 0xff, 0x0f, 0}} {
		f("name section", Caps{}, sketch{sections: []wasm.Section{custom("name", content...)}}.build())
	}
	f("200001 exports", Caps{}, section(wasm.ExportSection, slices.Repeat([][]byte{{0, wasm.MemoryKind, 0}}, 200_001)...))

	f("bytes of module", Caps{ModuleBytes: 10}, code())
	f("more than 8000 bytes of code", Caps{ModuleBytes: 2000}, code(many(600, wasm.Loop, empty, wasm.End)...))
	f("2 functions", Caps{Functions: 1}, sketch{funcs: make([]fn, 2)}.build())
	f("function of 102 bytes", Caps{BodyBytes: 100}, code(many(100, wasm.Nop)...))
	f("function with 11 locals", Caps{Locals: 10}, sketch{funcs: []fn{{params: "i", locals: "iiiiiiiiii"}}}.build())
	f("function with 3000000000 locals", Caps{}, sketch{sections: []wasm.Section{
		{ID: wasm.TypeSection, Data: []byte{1, 0x60, 0, 0}}, {ID: wasm.FunctionSection, Data: []byte{1, 0}},
		{ID: wasm.CodeSection, Data: []byte{1, 8, 1, 0x80, 0xbc, 0xc1, 0x96, 0x0b, wasm.I32, byte(wasm.End)}}}}.build())
	f("type 0 has 3 parameters", Caps{Params: 2}, sketch{funcs: []fn{{params: "iii"}}}.build())
	f("nested more than 10 deep", Caps{Nesting: 10}, code(append(many(11, wasm.Block, empty), many(11, wasm.End)...)...))
	f("too costly to compile", Caps{}, code(append(many(600, wasm.Loop, empty), many(600, wasm.End)...)...))
	f("too costly to compile", Caps{}, sketch{funcs: []fn{{locals: strings.Repeat("i", 1000), code: many(401, wasm.Loop, empty, wasm.End)}}}.build())
	f("2 globals", Caps{Globals: 1}, section(wasm.GlobalSection, []byte{wasm.I32, 0, 0x41, 0, 0x0b}, []byte{wasm.I32, 0, 0x41, 0, 0x0b}))
	f("2 tables", Caps{Tables: 1}, section(wasm.TableSection, []byte{wasm.FuncRef, 0, 0}, []byte{wasm.FuncRef, 0, 0}))
	f("70000 table entries", Caps{}, sketch{table: []uint32{70_000}}.build())
	f("70000 table entries", Caps{}, section(wasm.TableSection, append([]byte{wasm.FuncRef}, limits([]uint32{35_000})...), append([]byte{wasm.FuncRef}, limits([]uint32{35_000})...)))
	f("3000 pages", Caps{}, sketch{memory: []uint32{3000}}.build())
	f("form 0x5e", Caps{}, section(wasm.TypeSection, []byte{0x5e, wasm.I32, 0}))

	var bombs []fn // each below the cap, too many of them
	for range 6 {
		bombs = append(bombs, fn{code: append(many(499, wasm.Loop, empty), many(499, wasm.End)...)})
	}
	f("too costly to compile", Caps{}, sketch{funcs: bombs}.build())
}

// What is malformed is an error, not a refusal, and tells where.
func TestMalformed(t *testing.T) {
	f := func(offset int, want string, module []byte) {
		t.Helper()
		_, err := Rewrite(module, Caps{})
		var e *wasm.Error
		var r *Refused
		if errors.As(err, &r) || !errors.As(err, &e) || e.Offset != offset || !strings.Contains(e.Problem, want) {
			t.Errorf("%v, want offset 0x%x: %s", err, offset, want)
		}
	}
	code := func(code ...any) []byte { return sketch{funcs: []fn{{code: code}}}.build() }
	const first = 23 // offset of the first instruction
	f(0, "core module", nil)
	f(0, "core module", []byte("\x00asm\x0d\x00\x01\x00"))
	f(first, "unknown function 1", code(wasm.Call, byte(1)))
	f(first, "unknown function 2", code(wasm.RefFunc, byte(2), wasm.Drop))
	f(first, "unknown global 0", code(wasm.GlobalGet, byte(0), wasm.Drop))
	f(first, "unknown label 1", code(wasm.Br, byte(1)))
	f(first+2, "unknown label 9", code(wasm.I32Const, 0, wasm.BrTable, byte(1), byte(0), byte(9)))
	f(first, "unknown type 1", code(wasm.Block, byte(1), wasm.End))
	f(first+2, "unknown type 7", code(wasm.I32Const, 0, wasm.CallIndirect, byte(7), byte(0)))
	f(first, "else without if", code(wasm.Else))
	f(first+1, "end of the function body", code(wasm.End))
	f(first+3, "an instruction", code(wasm.Block, empty))
	for _, live := range [][]any{nil, {wasm.Unreachable}} { // behind the module's own there are others
		f := func(what string, more ...any) {
			t.Helper()
			f(first+len(live), what, code(append(live[:len(live):len(live)], more...)...))
		}
		f("unknown table 0", wasm.TableGrow, byte(0))
		f("unknown table 0", wasm.TableGet, byte(0))
		f("unknown table 0", wasm.TableSet, byte(0))
		f("unknown table 0", wasm.TableSize, byte(0))
		f("unknown table 0", wasm.TableFill, byte(0))
		f("unknown table 1", wasm.TableCopy, byte(0), byte(1))
		f("unknown table 0", wasm.CallIndirect, byte(0), byte(0))
		f("unknown table 0", wasm.ReturnCallIndirect, byte(0), byte(0))
		f("unknown segment 0", wasm.TableInit, byte(0), byte(0))
		f("unknown segment 0", wasm.MemoryInit, byte(0), byte(0))
		f("unknown segment 0", wasm.DataDrop, byte(0))
		f("unknown segment 0", wasm.ElemDrop, byte(0))
	}
	f(0, "unknown type 48 of function 0", sketch{sections: []wasm.Section{
		{ID: wasm.TypeSection, Data: []byte{1, 0x60, 0, 0}}, {ID: wasm.FunctionSection, Data: []byte{1, 48}},
		{ID: wasm.CodeSection, Data: []byte{1, 4, 0, byte(wasm.Call), 0, byte(wasm.End)}}}}.build()) // the engine panics
	f(first, "unknown segment 3", code(wasm.MemoryInit, byte(3), byte(0)))

	// A memory of its own has more be looked at before the code is planned: loops, and what is called in them.
	written := func(code ...any) []byte {
		return sketch{memory: []uint32{1}, funcs: []fn{{name: "f", code: code}}}.build()
	}
	const body = 44 // offset of the first instruction
	f(body+7, "an instruction", written(wasm.Call, byte(0), wasm.Loop, empty, wasm.Block, empty))
	f(body+7, "an instruction", written(wasm.Loop, empty, wasm.Call, byte(0), wasm.Loop, empty))
	f(body+1, "end of the function body", written(wasm.End, wasm.Loop, empty, wasm.Call, byte(0)))
	f(body+2, "else without if", written(wasm.Loop, empty, wasm.Else, wasm.Loop, empty, wasm.End, wasm.End, wasm.Loop, empty, wasm.Call, byte(0), wasm.End))
}

// The result is a part of cache keys, so it must not depend on anything but its input.
func TestRewriteIsDeterministic(t *testing.T) {
	b := bulkGuest(random(1000)).build()
	first := mustRewrite(t, b)
	for range 20 {
		if string(mustRewrite(t, b).Wasm) != string(first.Wasm) {
			t.Fatal("two rewrites of one module differ")
		}
	}
}
