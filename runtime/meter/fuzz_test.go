package meter

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/wedgecdn/wedge/runtime/wasm"
)

// accepts asks the engine whether a module is valid. The engine panics on some that are not.
func accepts(r wazero.Runtime, b []byte) (ok bool) {
	defer func() {
		if recover() != nil {
			ok = false
		}
	}()
	m, err := r.CompileModule(context.Background(), b)
	if err != nil {
		return false
	}
	m.Close(context.Background())
	return true
}

// FuzzRewrite: no panic, whatever the bytes. What compiles before compiles after. Both give the same outcome for each exported
// function, the metered one with equal fuel for any slice; a call that is not done within its budget is left out, since
// the original of it may never end.
func FuzzRewrite(f *testing.F) {
	for _, s := range []sketch{
		bulkGuest([]byte("segment")),
		{table: []uint32{4, 8}, element: []uint32{0, 1}, global: true, memory: []uint32{1, 2}, funcs: []fn{
			{name: "a", params: "i", results: "i", code: []any{wasm.Loop, empty, wasm.LocalGet, byte(0), wasm.I32Const, 1, wasm.I32Sub,
				wasm.LocalTee, byte(0), wasm.BrIf, byte(0), wasm.End, wasm.LocalGet, byte(0)}},
			{name: "b", params: "ii", results: "i", code: []any{wasm.LocalGet, byte(0), wasm.If, byte(wasm.I32), wasm.LocalGet, byte(1), wasm.LocalGet, byte(0), wasm.I32DivS,
				wasm.Else, wasm.Block, empty, wasm.LocalGet, byte(1), wasm.BrTable, byte(1), byte(0), byte(0), wasm.End, wasm.LocalGet, byte(1), wasm.I32Const, 0, wasm.CallIndirect, byte(0), byte(0), wasm.End}},
			{name: "c", locals: "il", results: "i", code: []any{wasm.Block, empty, wasm.Block, empty, wasm.LocalGet, byte(0), wasm.BrIf, byte(1), wasm.LocalGet, byte(0), wasm.If, empty, wasm.Unreachable, wasm.End,
				wasm.GlobalGet, byte(0), wasm.BrIf, byte(0), wasm.I32Const, 3, wasm.Return, wasm.End, wasm.I32Const, 9, wasm.GlobalSet, byte(0), wasm.End, wasm.GlobalGet, byte(0)}},
		}},
	} {
		f.Add(s.build())
	}
	dir, err := engineDir()
	if err != nil {
		f.Fatal(err)
	}
	n := 0
	walk(f, dir, func(_ string, b []byte) {
		if n++; n%12 == 0 && len(b) < 3000 {
			f.Add(b)
		}
	})
	before, after := newMachine(f, true, features), newMachine(f, true, features)
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := Rewrite(b, Caps{MemoryPages: 64, TableEntries: 1000, Locals: 500, Stack: 100_000})
		if err != nil || !accepts(before.r, b) {
			return
		}
		if !accepts(after.r, m.Wasm) {
			t.Fatalf("valid before, not after")
		}
		if m.HasStart || len(m.Foreign)+len(m.Imports) > 0 {
			return
		}
		ctx := context.Background()
		// An instance each, and no more calls of either once the metered one has run out of fuel.
		plain, err := before.r.InstantiateWithConfig(ctx, b, wazero.NewModuleConfig().WithName("").WithStartFunctions())
		if err != nil {
			return
		}
		defer plain.Close(ctx)
		open := func() *instance {
			mod, err := after.r.InstantiateWithConfig(ctx, m.Wasm, wazero.NewModuleConfig().WithName("").WithStartFunctions())
			if err != nil {
				t.Fatalf("instance before, none after: %v", err)
			}
			return &instance{machine: &machine{t: t, r: after.r, host: after.host}, mod: mod, g: mod.ExportedGlobal(FuelGlobal).(api.MutableGlobal), from: m.NotedFrom}
		}
		coarse, fine := open(), open()
		defer coarse.mod.Close(ctx)
		defer fine.mod.Close(ctx)
		after.host.budget = 100_000
		for _, e := range m.Exports {
			var args []uint64
			for i, p := range e.Type.Params {
				args = append(args, uint64(i*3+1))
				if p.Code != wasm.I32 && p.Code != wasm.I64 {
					return
				}
			}
			after.host.slice = 100_000
			r1, used1, err1 := coarse.call(e.Name, args...)
			after.host.slice = 10
			r2, used2, err2 := fine.call(e.Name, args...)
			if fmt.Sprint(r1) != fmt.Sprint(r2) || used1 != used2 || firstLine(err1) != firstLine(err2) {
				t.Fatalf("%s: slices matter: %v %d %v, %v %d %v", e.Name, r1, used1, err1, r2, used2, err2)
			}
			if errors.Is(err1, errSpent) || errors.Is(err1, errStack) {
				return
			}
			r0, err0 := plain.ExportedFunction(e.Name).Call(ctx, args...)
			for _, v := range e.Type.Results {
				if v.Code == wasm.FuncRef || v.Code == wasm.ExternRef || v.Code == wasm.RefNullable || v.Code == wasm.RefNonNull {
					r0, r1 = nil, nil // addresses
				}
			}
			if fmt.Sprint(r0) != fmt.Sprint(r1) || firstLine(err0) != firstLine(err1) {
				t.Fatalf("%s: before %v %v, after %v %v", e.Name, r0, err0, r1, err1)
			}
			if mem := plain.Memory(); m.HasMemory {
				x, _ := mem.Read(0, mem.Size())
				y, _ := coarse.mod.Memory().Read(0, coarse.mod.Memory().Size())
				if !bytes.Equal(x, y) {
					t.Fatalf("%s: memory differs", e.Name)
				}
			}
		}
	})
}
