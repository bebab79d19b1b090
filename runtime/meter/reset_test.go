package meter

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"

	"github.com/wedgecdn/wedge/runtime/wasm"
)

// stateful has each kind of state, and functions that change and show it.
func stateful() []byte {
	three := []any{wasm.LocalGet, byte(0), wasm.LocalGet, byte(1), wasm.LocalGet, byte(2)}
	lane := func(n byte) []any { return []any{wasm.GlobalGet, byte(1), wasm.I64x2ExtractLane, n} }
	return sketch{
		memory: []uint32{1, 3},
		table:  []uint32{20_000, 60_000},
		data:   [][]byte{[]byte("segment")},
		funcs: []fn{
			{name: "table.set", params: "i", code: []any{wasm.LocalGet, byte(0), wasm.RefFunc, byte(1), wasm.TableSet, byte(0)}},
			{name: "null", params: "i", results: "i", code: []any{wasm.LocalGet, byte(0), wasm.TableGet, byte(0), wasm.RefIsNull}},
			{name: "memory.init", params: "iii", code: append(three[:6:6], wasm.MemoryInit, byte(0), byte(0))},
			{name: "data.drop", code: []any{wasm.DataDrop, byte(0)}},
			{name: "elem.drop", code: []any{wasm.ElemDrop, byte(0)}},
			{name: "table.init", params: "iii", code: append(three[:6:6], wasm.TableInit, byte(0), byte(0))},
			{name: "table.grow", params: "i", results: "i", code: []any{wasm.RefNull, byte(wasm.FuncRef), wasm.LocalGet, byte(0), wasm.TableGrow, byte(0)}},
			{name: "vector", params: "l", code: []any{wasm.LocalGet, byte(0), wasm.I64x2Splat, wasm.LocalGet, byte(0), wasm.I64Const, 1, wasm.I64Add,
				wasm.I64x2ReplaceLane, byte(1), wasm.GlobalSet, byte(1)}},
			{name: "low", results: "l", code: lane(0)},
			{name: "high", results: "l", code: lane(1)},
			{name: "ref", code: []any{wasm.RefFunc, byte(1), wasm.GlobalSet, byte(2)}},
			{name: "ref.null", code: []any{wasm.RefNull, byte(wasm.FuncRef), wasm.GlobalSet, byte(2)}},
			{name: "is_null", results: "i", code: []any{wasm.GlobalGet, byte(2), wasm.RefIsNull}},
			{name: "number", params: "i", code: []any{wasm.LocalGet, byte(0), wasm.GlobalSet, byte(0)}},
			{name: "get", results: "i", code: []any{wasm.GlobalGet, byte(0)}},
		},
		sections: []wasm.Section{
			{ID: wasm.GlobalSection, Data: vector(
				[]byte{wasm.I32, 1, byte(wasm.I32Const), 7, byte(wasm.End)},
				append(append([]byte{wasm.V128, 1}, wasm.AppendOp(nil, wasm.V128Const)...), append(bytes.Repeat([]byte{3}, 16), byte(wasm.End))...),
				[]byte{wasm.FuncRef, 1, byte(wasm.RefNull), wasm.FuncRef, byte(wasm.End)},
			)},
			{ID: wasm.ElementSection, Data: vector([]byte{1, 0, 3, 1, 1, 1})}, // passive
		},
	}.build()
}

// Whatever an instance does to its globals, tables and segments, it is undone.
func TestStateIsPutBack(t *testing.T) {
	module := stateful()
	m := mustRewrite(t, module)
	if !m.Saves || !m.Bound || m.Fixed || len(m.Globals) != 5 {
		t.Fatalf("%+v", m.State)
	}
	for _, interpreter := range []bool{false, true} {
		machine := newMachine(t, interpreter, features)
		machine.host.slice = 1000
		in, plain := machine.mustStart(m.Wasm), machine.mustStart(module)
		call := func(in *instance, name string, args ...uint64) string {
			r, _, err := in.call(name, args...)
			return fmt.Sprint(r, " ", firstLine(err))
		}
		look := func(in *instance) string {
			s := fmt.Sprint(call(in, "null", 0), call(in, "null", 15_000), call(in, "null", 19_999), call(in, "low"), call(in, "high"), call(in, "is_null"), call(in, "get"))
			return s + call(in, "memory.init", 0, 0, 7) + call(in, "table.init", 7, 0, 3) + call(in, "memory.init", 0, 7, 0)
		}
		var changes [][2]any
		for _, in := range []*instance{in, plain} {
			call(in, "table.set", 15_000)
			call(in, "vector", 5)
			call(in, "number", 8)
		}
		before := look(in)
		call(in, SaveName)
		values := map[string]uint64{}
		for _, g := range m.Globals {
			values[g.Name] = in.mod.ExportedGlobal(g.Name).Get()
		}
		restore := func() uint64 {
			for _, g := range m.Globals {
				in.mod.ExportedGlobal(g.Name).(api.MutableGlobal).Set(values[g.Name])
			}
			r, _, err := in.call(RestoreName)
			if err != nil {
				t.Fatal(err)
			}
			return r[0]
		}
		for range 3 {
			for _, change := range []struct {
				name string
				args []uint64
			}{{"table.set", []uint64{0}}, {"table.set", []uint64{19_999}}, {"vector", []uint64{77}}, {"number", []uint64{9}}, {"ref", nil},
				{"data.drop", nil}, {"elem.drop", nil}, {"memory.init", []uint64{0, 0, 8}}, {"data.drop", nil}} {
				got, want := call(in, change.name, change.args...), call(plain, change.name, change.args...)
				if got != want {
					t.Errorf("%s: %s, want %s", change.name, got, want)
				}
				changes = append(changes, [2]any{got, want})
			}
			after := look(in)
			if want := look(plain); after != want || after == before {
				t.Errorf("changed to\n%s, want\n%s, was\n%s", after, want, before)
			}
			if restore() != 1 {
				t.Error("it says that it cannot put back what it can")
			}
			if now := look(in); now != before {
				t.Errorf("put back to\n%s, was\n%s", now, before)
			}
			plain = machine.mustStart(module)
			call(plain, "table.set", 15_000)
		}
		call(in, "table.grow", 1)
		if restore() != 0 {
			t.Error("a table has grown, and it says that it put it back")
		}
		if len(changes) == 0 {
			t.Error("nothing happened")
		}
	}
}

// elastic is a memory in one piece of address space, which can become shorter.
type elastic struct {
	whole, now []byte
	shrink     uint64 // the next size, if not 0
}

func (e *elastic) Allocate(_, most uint64) experimental.LinearMemory {
	e.whole = make([]byte, most)
	return e
}
func (e *elastic) Free() {}
func (e *elastic) Reallocate(size uint64) []byte {
	if e.shrink != 0 {
		size, e.shrink = e.shrink, 0
		clear(e.whole[size:])
	}
	e.now = e.whole[:size:size]
	return e.now
}

// A memory can be made smaller as State says, on both engines, and the guest sees it as if it had never grown.
func TestMemoryShrinks(t *testing.T) {
	module := sketch{memory: []uint32{1, 4}, funcs: []fn{
		{name: "grow", params: "i", results: "i", code: []any{wasm.LocalGet, byte(0), wasm.MemoryGrow, byte(0)}},
		{name: "size", results: "i", code: []any{wasm.MemorySize, byte(0)}},
		{name: "load", params: "i", results: "i", code: []any{wasm.LocalGet, byte(0), []byte{0x28, 2, 0}}},
		{name: "store", params: "i", code: []any{wasm.LocalGet, byte(0), wasm.I32Const, 5, []byte{0x36, 2, 0}}},
	}}.build()
	m := mustRewrite(t, module)
	for _, interpreter := range []bool{false, true} {
		machine := newMachine(t, interpreter, features)
		var e elastic
		ctx := experimental.WithMemoryAllocator(context.Background(), &e)
		mod, err := machine.r.InstantiateWithConfig(ctx, m.Wasm, wazero.NewModuleConfig().WithName("").WithStartFunctions())
		if err != nil {
			t.Fatal(err)
		}
		in := &instance{machine: machine, mod: mod, g: mod.ExportedGlobal(FuelGlobal).(api.MutableGlobal), from: m.NotedFrom}
		f := func(name, want string, args ...uint64) {
			t.Helper()
			r, _, err := in.call(name, args...)
			got := firstLine(err)
			if err == nil {
				got = fmt.Sprint(r)
			}
			if got != want {
				t.Errorf("%s%v = %s, want %s", name, args, got, want)
			}
		}
		const outside = "wasm error: out of bounds memory access"
		for range 3 {
			f("size", "[1]")
			f("load", outside, 65536)
			f("store", outside, 65533)
			f("grow", "[1]", 2)
			f("grow", "[4294967295]", 2)
			f("load", "[0]", 3*65536-4)
			f("store", "[]", 3*65536-4)
			f("store", "[]", 65536)
			if len(e.now) != 3<<16 {
				t.Errorf("%d bytes, want 3 pages", len(e.now))
			}
			e.shrink = 1 << 16
			if _, ok := mod.Memory().Grow(1); !ok || mod.Memory().Size() != 1<<16 {
				t.Fatalf("it does not shrink: %v, %d bytes", ok, mod.Memory().Size())
			}
		}
	}
}

// Merged segments leave the memory as the single ones did, overlaps included, and there are fewer of them.
func TestDataIsMerged(t *testing.T) {
	machine := newMachine(t, true, features)
	active := func(at int, b []byte) []byte {
		s := instructions(byte(0), wasm.I32Const, at, wasm.End)
		return append(wasm.AppendU32(s, uint32(len(b))), b...)
	}
	f := func(what string, fewer bool, s sketch, segments ...[]byte) {
		t.Helper()
		s.sections = append(s.sections, wasm.Section{ID: wasm.DataSection, Data: vector(segments...)})
		module := s.build()
		m := mustRewrite(t, module)
		got, err := wasm.Decode(m.Wasm)
		if err != nil {
			t.Fatal(err)
		}
		if (len(got.Data) < len(segments)) != fewer {
			t.Errorf("%s: %d segments became %d", what, len(segments), len(got.Data))
		}
		plain, err1 := machine.start(module)
		metered, err2 := machine.start(m.Wasm)
		if fmt.Sprint(err1) != fmt.Sprint(err2) {
			t.Fatalf("%s: %v, before: %v", what, err2, err1)
		}
		if err1 == nil && len(s.memory) > 0 {
			a, _ := plain.mod.Memory().Read(0, plain.mod.Memory().Size())
			b, _ := metered.mod.Memory().Read(0, metered.mod.Memory().Size())
			if !bytes.Equal(a, b) {
				t.Errorf("%s: memory differs", what)
			}
		}
	}
	one := sketch{memory: []uint32{1}}
	r := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		var list [][]byte
		for range 2 + r.IntN(12) {
			list = append(list, active(60_000+r.IntN(4000), random(r.IntN(300))))
		}
		f("at random", true, one, append(list, active(65536, nil))...)
	}
	count := func(n byte) sketch {
		return sketch{memory: []uint32{1}, sections: []wasm.Section{{ID: wasm.DataCountSection, Data: []byte{n}}}}
	}
	a, b := active(0, []byte("a")), active(2, []byte("b"))
	f("two", true, one, a, b)
	f("two, counted", true, count(2), a, b)
	f("two far apart", false, one, a, active(1000, []byte("b")))
	f("two with a wrong count", false, count(1), a, b)
	f("one outside", false, one, a, b, active(65535, []byte("cd")))
	f("one far outside", false, one, a, b, active(-1, nil))
	f("a passive one", false, one, a, b, []byte{1, 1, 'p'})
	f("a computed place", false, sketch{memory: []uint32{1}}, a, b, instructions(byte(0), wasm.I32Const, 1, wasm.I32Const, 2, wasm.I32Add, wasm.End, byte(1), byte('x')))
	f("no memory", false, sketch{}, a, b)
	f("a place of another type", false, one, a, b, instructions(byte(0), wasm.I64Const, 0, wasm.End, byte(0)))
	f("code that names segments", false, sketch{memory: []uint32{1}, sections: count(2).sections, funcs: []fn{{code: []any{wasm.DataDrop, byte(0)}}}}, a, b)
	f("dead code that names segments", false, sketch{memory: []uint32{1}, sections: count(2).sections, funcs: []fn{{code: []any{wasm.Unreachable, wasm.DataDrop, byte(0)}}}}, a, b)
}
