package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"slices"
	"testing"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/imports/wasi_snapshot_preview1"

	"github.com/wedgecdn/wedge/examples/internal/built"
)

// TestReset is about Go's generators, so it needs a memory that is put back and nothing else of a node.
func TestReset(t *testing.T) {
	ctx := context.Background()
	r := wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfigInterpreter())
	defer r.Close(ctx)
	wasi_snapshot_preview1.MustInstantiate(ctx, r)
	_, err := r.NewHostModuleBuilder("wedge").NewFunctionBuilder().WithFunc(func(_ context.Context, m api.Module, target, n uint32) int32 {
		b, ok := m.Memory().Read(target, n)
		if !ok {
			return -2
		}
		rand.Read(b) // never fails
		return int32(n)
	}).Export("random").Instantiate(ctx)
	if err != nil {
		t.Fatal(err)
	}
	m, err := r.InstantiateWithConfig(ctx, built.Module(t), wazero.NewModuleConfig().WithStartFunctions("_initialize").WithRandSource(rand.Reader))
	if err != nil {
		t.Fatal(err)
	}
	call := func(name string) []uint64 {
		t.Helper()
		v, err := m.ExportedFunction(name).Call(ctx)
		if err != nil {
			t.Fatal(name, err)
		}
		return v
	}
	view, _ := m.Memory().Read(0, m.Memory().Size())
	snapshot := bytes.Clone(view)
	reset := func() {
		view, _ := m.Memory().Read(0, m.Memory().Size())
		clear(view[copy(view, snapshot):]) // what it has grown by
		call("wedge_restored")
	}
	f := func(name string, repeats bool) {
		t.Helper()
		least := 20
		if name == "order" { // some orders are the same by chance
			least = 15
		}
		var seen []uint64
		for range 20 {
			seen = append(seen, call(name)[0])
			reset()
		}
		slices.Sort(seen)
		if kinds := len(slices.Compact(seen)); repeats && kinds != 1 || !repeats && kinds < least {
			t.Errorf("%s: %d different values in 20 exchanges", name, kinds)
		}
	}
	f("global", false)
	f("variable", true)
	f("order", false)
	f("crypto", false)
	f("node", false)
	f("sdk", false)
}
