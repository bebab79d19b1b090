package guests_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/imports/wasi_snapshot_preview1"

	"github.com/wedgecdn/wedge/runtime/engine/enginetest/guests"
	"github.com/wedgecdn/wedge/runtime/wasm"
)

// instance makes an instance without limits, on wazero as it is.
func instance(t *testing.T, module []byte) func(name string, arg uint64) uint64 {
	t.Helper()
	ctx := t.Context()
	config := wazero.NewRuntimeConfigInterpreter() // compiling a Go guest takes longer than all calls here
	rt := wazero.NewRuntimeWithConfig(ctx, config)
	t.Cleanup(func() { rt.Close(context.Background()) })
	wasi_snapshot_preview1.MustInstantiate(ctx, rt)
	m, err := rt.InstantiateWithConfig(ctx, module, wazero.NewModuleConfig().WithStartFunctions("_initialize"))
	if err != nil {
		t.Fatal(err)
	}
	return func(name string, arg uint64) uint64 {
		t.Helper()
		f := m.ExportedFunction(name)
		if f == nil {
			t.Fatalf("no export %s", name)
		}
		r, err := f.Call(ctx, arg)
		if err != nil {
			t.Fatalf("%s(%#x): %v", name, arg, err)
		}
		if name == "grow" {
			return uint64(m.Memory().Size())
		}
		if len(r) == 0 {
			return 0
		}
		if f.Definition().ResultTypes()[0] == api.ValueTypeI32 {
			return uint64(uint32(r[0]))
		}
		return r[0]
	}
}

func TestCanary(t *testing.T) {
	f := func(l guests.Language, want uint64) {
		t.Run(string(l), func(t *testing.T) {
			t.Parallel()
			module := guests.Module(t, l, guests.Canary)
			call := instance(t, module)
			const one, other = 0x6a09e667f3bcc908, 0xbb67ae8584caa73b
			found := func(what string, mark, want uint64) {
				t.Helper()
				if got := call("find", guests.Sought(mark)); got != want {
					t.Errorf("%s: found %#b, want %#b", what, got, want)
				}
			}
			found("before a mark", one, 0)
			found("by a second search", one, 0)
			call("mark", one)
			found("the mark", one, want)
			found("another mark", other, want&(guests.InTable|guests.InWASI)) // who changed these does not show
			before := call("grow", 0)
			if after := call("grow", 128); after < before+128<<16 {
				t.Errorf("grown from %d to %d bytes", before, after)
			}
			found("after growth", one, want)
			call = instance(t, module)
			found("in a fresh instance", one, 0)
		})
	}
	f(guests.C, guests.InMemory|guests.InGlobal|guests.InTable)
	f(guests.Rust, guests.InMemory)
	f(guests.AssemblyScript, guests.InMemory|guests.InGlobal)
	f(guests.Go, guests.InMemory|guests.InWASI)
}

// The programs of all languages are one program.
func TestWork(t *testing.T) {
	golang := instance(t, guests.Module(t, guests.Go, guests.Work))
	want := map[string][]uint64{}
	rounds := []uint64{0, 1, 2, 13}
	names := []string{"headers", "json", "loop", "crc", "alloc", "touch", "empty"}
	for _, name := range names {
		for _, n := range rounds {
			want[name] = append(want[name], golang(name, n))
		}
	}
	if got := want["alloc"][1]; got != 511 {
		t.Errorf("the tree has %d nodes", got)
	}
	for _, l := range guests.Languages() {
		t.Run(string(l), func(t *testing.T) {
			t.Parallel()
			call := instance(t, guests.Module(t, l, guests.Work))
			for _, name := range names {
				for i, n := range rounds {
					if got := call(name, n); got != want[name][i] {
						t.Errorf("%s(%d) = %#x, and %#x in Go", name, n, got, want[name][i])
					}
				}
			}
		})
	}
}

// A module imports nothing but WASI, and that only if it is of Go.
func TestImports(t *testing.T) {
	for _, l := range guests.Languages() {
		for _, p := range []guests.Program{guests.Canary, guests.Work} {
			t.Run(string(l)+"/"+string(p), func(t *testing.T) {
				m, err := wasm.Decode(guests.Module(t, l, p))
				if err != nil {
					t.Fatal(err)
				}
				for _, im := range m.Imports {
					if im.Module != "wasi_snapshot_preview1" || l != guests.Go {
						t.Errorf("it imports %s.%s", im.Module, im.Name)
					}
				}
			})
		}
	}
}

func TestCache(t *testing.T) {
	cache := t.TempDir()
	t.Setenv("XDG_CACHE_HOME", cache)
	t.Setenv("HOME", cache)
	t.Setenv("GOCACHE", t.TempDir()) // or the go command uses HOME
	if os.Getenv("PATH") == "" {
		t.Fatal("no PATH")
	}
	guests.Module(t, guests.C, guests.Canary)
	kept, err := filepath.Glob(filepath.Join(cache, "*", "*.wasm"))
	if more, _ := filepath.Glob(filepath.Join(cache, "*", "*", "*.wasm")); err != nil || len(kept)+len(more) != 1 {
		t.Fatalf("kept %q %q, %v", kept, more, err)
	} else {
		kept = append(kept, more...)
	}
	if err := os.WriteFile(kept[0], []byte("kept"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := guests.Module(t, guests.C, guests.Canary); string(got) != "kept" {
		t.Error("built again")
	}
	if got := guests.Module(t, guests.C, guests.Work); string(got) == "kept" {
		t.Error("another program from the cache")
	}
}

func TestMissing(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	for _, l := range guests.Languages() {
		if _, err := guests.Build(l, guests.Canary); !errors.Is(err, guests.ErrMissing) {
			t.Errorf("%s: %v", l, err)
		}
	}
}
