package engine_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/wedgecdn/wedge/runtime/engine"
)

// The cache on disk stays within its bound: what was not used for longest goes, what is loaded stays.
func TestCacheIsPruned(t *testing.T) {
	dir, calls := t.TempDir(), 0
	const bound = 10 * 2 * 4096 // ten tiny modules
	o := engine.Options{Host: host(), CacheDir: dir, CacheBytes: bound, Compiler: counting(&calls, func(_ context.Context, path, out string) error { return engine.CompileInto(path, out) })}
	e := newEngine(t, o)
	keep := func(n int32) *engine.Module {
		t.Helper()
		m, err := e.Compile(t.Context(), adder(n))
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	past := func() { // what is on disk was used an hour ago
		for _, f := range files(t, dir, "index") {
			old := time.Now().Add(-time.Hour)
			if err := os.Chtimes(f, old, old); err != nil {
				t.Fatal(err)
			}
		}
	}
	held := keep(0)
	defer held.Close()
	keep(1).Close()
	past()
	keep(1).Close() // again
	for n := range int32(100) {
		keep(100 + n).Close()
		if entries := len(files(t, dir, "index")); entries > 10 {
			t.Fatalf("after %d modules the cache has %d entries", n, entries)
		}
	}
	if index, native := files(t, dir, "index"), files(t, dir, "native"); len(index) != len(native) || len(index) < 5 {
		t.Errorf("%d entries, %d files of code", len(index), len(native))
	}
	calls = 0
	keep(199).Close()
	if calls != 0 {
		t.Error("the latest module was deleted")
	}
	e2 := newEngine(t, o) // held is loaded by the first
	m, err := e2.Compile(t.Context(), adder(0))
	if err != nil || calls != 0 {
		t.Errorf("what was loaded is gone from the disk: %d calls, %v", calls, err)
	}
	m.Close()
	keep(1).Close()
	if calls != 1 {
		t.Error("what was not used for long is still there")
	}

	// While another engine uses the folder nothing is deleted.
	for n := range int32(20) {
		keep(300 + n).Close()
	}
	if entries := len(files(t, dir, "index")); entries < 20 {
		t.Errorf("beside another engine the cache was pruned to %d entries", entries)
	}
}

// What an interrupted process left is deleted with the next pruning.
func TestOrphansArePruned(t *testing.T) {
	dir := t.TempDir()
	e := newEngine(t, engine.Options{Host: host(), CacheDir: dir, CacheBytes: 1})
	compile := func(n int32) {
		m, err := e.Compile(t.Context(), adder(n))
		if err != nil {
			t.Fatal(err)
		}
		m.Close()
	}
	compile(1)
	orphan := filepath.Join(filepath.Dir(files(t, dir, "native")[0]), "orphan")
	if err := os.WriteFile(orphan, []byte("code"), 0o600); err != nil {
		t.Fatal(err)
	}
	compile(2)
	if _, err := os.Stat(orphan); err == nil {
		t.Error("it is still there")
	}
	if n := len(files(t, dir, "index")); n != 1 {
		t.Errorf("%d entries, want that of the module which was compiled last", n)
	}
}
