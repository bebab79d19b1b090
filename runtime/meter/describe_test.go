package meter

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/tetratelabs/wazero/api"
	"github.com/wedgecdn/wedge/runtime/wasm"
)

// host is an import of a host function of that type.
func host(module, name string, typ byte) []byte {
	return append(wasm.AppendName(wasm.AppendName(nil, module), name), wasm.FuncKind, typ)
}

func TestDescribe(t *testing.T) {
	i32, i64 := wasm.ValType{Code: wasm.I32}, wasm.ValType{Code: wasm.I64}
	s := sketch{
		imports: [][]byte{host("env", "log", 0)},
		memory:  []uint32{2, 9},
		table:   []uint32{3},
		global:  true,
		data:    [][]byte{{1}},
		funcs: []fn{
			{name: "a", params: "il", results: "i", code: []any{wasm.I32Const, 1}},
			{code: []any{wasm.DataDrop, byte(0)}},
		},
		sections: []wasm.Section{{ID: wasm.StartSection, Data: []byte{2}}},
	}
	m := mustRewrite(t, s.build())
	sum := len(m.Wasm)
	m.Wasm = nil
	typ := wasm.FuncType{Params: []wasm.ValType{i32, i64}, Results: []wasm.ValType{i32}}
	want := &Module{
		HasMemory: true, MemoryMin: 2, MemoryMax: 9, MemoryHasMax: true,
		Imports:  []Func{{Module: "env", Name: "log", Type: typ}},
		Exports:  []Func{{Name: "a", Type: typ}},
		HasStart: true,
		Tables:   []wasm.Limits{{Min: 3}},
		Entries:  3, NotesWrites: true,
		State: State{Globals: []Global{{Name: "wedge_meter_global_0", Type: i32}, {Name: "wedge_meter_global_3", Type: i32}}},
	}
	if d := cmp.Diff(want, m); d != "" || sum == 0 {
		t.Error(d)
	}

	foreign := append(wasm.AppendName(wasm.AppendName(nil, "env"), "memory"), wasm.MemoryKind, 0, 1)
	m = mustRewrite(t, sketch{sections: []wasm.Section{{ID: wasm.ImportSection, Data: vector(foreign)}}}.build())
	if !m.MemoryImported || m.MemoryMax != 65536 || !slices.Equal(m.Foreign, []string{"env.memory"}) {
		t.Errorf("a module that imports its memory: %+v", m)
	}
}

// Every mutable global can be read and put back by its export.
func TestGlobalsAreExported(t *testing.T) {
	s := sketch{global: true, funcs: []fn{{name: "bump", results: "i", code: []any{
		wasm.GlobalGet, byte(0), wasm.I32Const, 1, wasm.I32Add, wasm.GlobalSet, byte(0), wasm.GlobalGet, byte(0)}}}}
	m := mustRewrite(t, s.build())
	in := newMachine(t, false, features).mustStart(m.Wasm)
	for range 3 {
		g := in.mod.ExportedGlobal(m.Globals[0].Name).(api.MutableGlobal)
		before := g.Get()
		r, _, err := in.call("bump")
		if err != nil || before != 7 || r[0] != 8 || g.Get() != 8 {
			t.Fatalf("bump from %d = %v, %v; the export shows %d", before, r, err, g.Get())
		}
		g.Set(before)
	}
}

// Function indices move everywhere: exports, elements, start, ref.func, names. Sections with offsets are dropped, others stay.
func TestIndicesMove(t *testing.T) {
	names := func(s string, index byte) []byte { return append([]byte{index}, wasm.AppendName(nil, s)...) }
	sub := func(id byte, content []byte) []byte {
		return append(wasm.AppendU32([]byte{id}, uint32(len(content))), content...)
	}
	s := sketch{
		imports: [][]byte{host("env", "unused", 2)},
		table:   []uint32{2},
		element: []uint32{2, 1},
		global:  true,
		memory:  []uint32{1},
		funcs: []fn{
			{name: "one", results: "i", code: []any{wasm.I32Const, 1}},
			{name: "two", results: "i", code: []any{wasm.Unreachable}},
			{name: "init", code: []any{wasm.I32Const, 42, wasm.GlobalSet, byte(0)}}, // start
			{name: "indirect", params: "i", results: "i", code: []any{wasm.LocalGet, byte(0), wasm.CallIndirect, byte(0), byte(0)}},
			{name: "direct", results: "i", code: []any{wasm.Call, byte(1)}},
			{name: "same", params: "i", results: "i", code: []any{wasm.I32Const, 0, wasm.RefFunc, byte(1), wasm.TableSet, byte(0),
				wasm.I32Const, 0, wasm.CallIndirect, byte(0), byte(0)}},
			{name: "fill", params: "i", code: []any{wasm.I32Const, 0, wasm.I32Const, 0, wasm.LocalGet, byte(0), wasm.MemoryFill, byte(0)}},
		},
		sections: []wasm.Section{
			{ID: wasm.StartSection, Data: []byte{3}},
			custom("name", append(append(sub(0, wasm.AppendName(nil, "mod")),
				sub(1, vector(names("first", 1), names("second", 2)))...),
				sub(2, vector(append([]byte{5}, vector(names("x", 0))...)))...)...),
			custom(".debug_line", 1, 2, 3), custom("sourceMappingURL", 1), custom("metadata.code.branch_hint", 0), custom("reloc.CODE", 0),
			custom("producers", 0), custom("my own", 1, 2),
		},
	}
	original := s.build()
	m := mustRewrite(t, original)

	decoded, err := wasm.Decode(m.Wasm)
	if err != nil {
		t.Fatal(err)
	}
	var kept []string
	for _, x := range decoded.Sections {
		if x.ID == wasm.CustomSection {
			kept = append(kept, x.Name)
		}
	}
	if want := []string{"name", "producers", "my own"}; !slices.Equal(kept, want) {
		t.Errorf("custom sections %q, want %q", kept, want)
	}

	machine := newMachine(t, false, features)
	_, err = machine.r.NewHostModuleBuilder("env").NewFunctionBuilder().WithFunc(func() {}).Export("unused").Instantiate(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	in := machine.mustStart(m.Wasm)
	if g := in.mod.ExportedGlobal(GlobalPrefix + "0"); g.Get() != 42 {
		t.Errorf("the start function did not run: %d", g.Get())
	}
	f := func(name, want string, args ...uint64) {
		t.Helper()
		r, _, err := in.call(name, args...)
		got := firstLine(err)
		if err == nil {
			got = string('0' + rune(r[0]))
		}
		if got != want {
			t.Errorf("%s%v = %s, want %s", name, args, got, want)
		}
		if err != nil && !strings.Contains(err.Error(), "mod.second(") {
			t.Errorf("%s%v: the stack does not name the function: %v", name, args, err)
		}
	}
	f("one", "1")
	f("direct", "1")
	f("indirect", "1", 1)
	f("two", "wasm error: unreachable")
	f("indirect", "wasm error: unreachable", 0)
	f("same", "1", 0)
	f("indirect", "1", 0)
	if _, _, err := in.call("fill", 1<<20); err == nil || !strings.Contains(err.Error(), "wedge_meter.memory.fill") {
		t.Errorf("the stack does not name the injected function: %v", err)
	}
}
