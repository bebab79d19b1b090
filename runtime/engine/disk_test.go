package engine_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/wedgecdn/wedge/runtime/engine"
	. "github.com/wedgecdn/wedge/runtime/engine/enginetest"
	"github.com/wedgecdn/wedge/runtime/wasi"
)

// counting wraps a compiler and counts its calls.
func counting(n *int, compiler func(context.Context, string, string) error) func(context.Context, string, string) error {
	return func(ctx context.Context, path, out string) error {
		*n++
		return compiler(ctx, path, out)
	}
}

// files lists what is in one part of a cache.
func files(t *testing.T, dir, part string) []string {
	t.Helper()
	var out []string
	roots, _ := filepath.Glob(filepath.Join(dir, "code-*", part))
	if len(roots) != 1 {
		t.Fatalf("%d folders %s", len(roots), part)
	}
	err := filepath.WalkDir(roots[0], func(path string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			out = append(out, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// The child compiles once; after that the node loads.
func TestChildCompiles(t *testing.T) {
	dir, calls := t.TempDir(), 0
	module := adder(5)
	use := func(what string, wantCalls int) {
		t.Helper()
		e, err := engine.New(engine.Options{Host: host(), CacheDir: dir, Compiler: counting(&calls, self(t, "compile"))})
		if err != nil {
			t.Fatal(err)
		}
		defer e.Close()
		m, err := e.Compile(t.Context(), module)
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		defer m.Close()
		if r := run(t, m, "add", 37); r[0] != 42 {
			t.Errorf("%s: 37 + 5 = %v", what, r)
		}
		if calls != wantCalls {
			t.Errorf("%s: the child ran %d times, want %d", what, calls, wantCalls)
		}
	}
	use("the first time", 1)
	native := files(t, dir, "native")
	if len(native) != 1 || len(files(t, dir, "index")) != 1 || len(files(t, dir, "tmp")) != 0 {
		t.Fatalf("the cache holds %v, %v, %v", native, files(t, dir, "index"), files(t, dir, "tmp"))
	}
	use("the second time", 1)

	damage := func(what, path string, change func([]byte) []byte) {
		t.Helper()
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, change(b), 0o600); err != nil {
			t.Fatal(err)
		}
		calls = 0
		use(what, 1)
		use(what+", and then", 1)
	}
	index := files(t, dir, "index")[0]
	damage("damaged code", native[0], func(b []byte) []byte { b[len(b)/2] ^= 1; return b })
	damage("cut code", native[0], func(b []byte) []byte { return b[:len(b)-1] })
	damage("damaged index", index, func(b []byte) []byte { return b[:len(b)/2] })
	damage("index that points elsewhere", index, func(b []byte) []byte { return bytes.Replace(b, []byte(`"file":"`), []byte(`"file":"../../`), 1) })
	if err := os.Remove(native[0]); err != nil {
		t.Fatal(err)
	}
	calls = 0
	use("code that was deleted", 1)
}

// Without a child it is the same, but for the limits.
func TestCacheWithoutChild(t *testing.T) {
	dir := t.TempDir()
	for range 2 {
		e := newEngine(t, engine.Options{CacheDir: dir})
		m, err := e.Compile(t.Context(), adder(5))
		if err != nil {
			t.Fatal(err)
		}
		if r := run(t, m, "add", 37); r[0] != 42 {
			t.Errorf("37 + 5 = %v", r)
		}
		m.Close()
		if n := len(files(t, dir, "index")); n != 1 {
			t.Errorf("%d entries", n)
		}
	}
}

func TestCodeOfAnotherVersionIsDeleted(t *testing.T) {
	dir := t.TempDir()
	old, other := filepath.Join(dir, "code-m0-v1.0.0-linux-amd64", "native"), filepath.Join(dir, "functions")
	for _, d := range []string{old, other} {
		if err := os.MkdirAll(d, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	newEngine(t, engine.Options{CacheDir: dir})
	if _, err := os.Stat(old); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("old code: %v", err)
	}
	if _, err := os.Stat(other); err != nil {
		t.Errorf("what is not ours: %v", err)
	}
}

func TestChildFails(t *testing.T) {
	f := func(name string, compiler func(context.Context, string, string) error, o engine.Options, want string) {
		t.Helper()
		o.Host, o.CacheDir, o.Compiler = host(), t.TempDir(), compiler
		e, err := engine.New(o)
		if err != nil {
			t.Fatal(err)
		}
		defer e.Close()
		_, err = e.Compile(t.Context(), adder(1))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", name, err, want)
		}
		if left := files(t, o.CacheDir, "tmp"); len(left) != 0 {
			t.Errorf("%s: left behind %v", name, left)
		}
	}
	f("a bomb", self(t, "spin"), engine.Options{CompileTime: 200 * time.Millisecond}, "module refused: it did not compile within 200ms")
	f("a memory bomb", self(t, "eat"), engine.Options{}, "module refused: compiling it took too much time or memory")
	f("no such program", engine.ChildCompiler("/nonexistent/wedge"), engine.Options{}, "engine: start the compiling process")
	f("one that writes nothing", func(context.Context, string, string) error { return nil }, engine.Options{}, "left 0 files, want 1")
	f("one that fails", func(context.Context, string, string) error { return errors.New("no") }, engine.Options{}, "no")
}

func TestCompileChild(t *testing.T) {
	f := func(want int, text string, args ...string) {
		t.Helper()
		var stderr bytes.Buffer
		// The real one takes limits upon its process, so it runs in one of its own.
		compiler := self(t, "compile")
		if len(args) == 2 {
			if err := compiler(t.Context(), args[0], args[1]); err == nil || !strings.Contains(err.Error(), text) {
				t.Errorf("%v: %v, want %s", args, err, text)
			}
			return
		}
		if got := engine.CompileChild(args, &stderr); got != want || !strings.Contains(stderr.String(), text) {
			t.Errorf("%v: %d, %s; want %d, %s", args, got, &stderr, want, text)
		}
	}
	dir := t.TempDir()
	bad := filepath.Join(dir, "bad.wasm")
	if err := os.WriteFile(bad, []byte("not wasm"), 0o600); err != nil {
		t.Fatal(err)
	}
	f(4, "want the path of a metered module")
	f(3, "module refused: the compiler failed: open ", filepath.Join(dir, "none.wasm"), dir)
	f(3, "module refused: the compiler failed: invalid magic number", bad, dir)
}

const goGuest = `package main

import ("encoding/json"; "fmt"; "regexp"; "strings")

func main() {}

//go:wasmexport work
func work() int32 {
	var v map[string]any
	_ = json.Unmarshal([]byte("{\"a\": [1, 2]}"), &v)
	return int32(len(fmt.Sprint(v, regexp.MustCompile("a+").FindString(strings.Repeat("a", 9)))))
}
`

// BenchmarkLoad is what a restart of the node costs a module: from the disk cache, in a new process. What the whole node needs
// until its first hit, with twenty functions, is the scenario start of benchmarks/suite.
func BenchmarkLoad(b *testing.B) {
	module := Go(b, goGuest)
	all := wasi.Funcs()
	dir := b.TempDir()
	load := func() {
		e, err := engine.New(engine.Options{Host: all, CacheDir: dir, Compiler: self(b, "compile")})
		if err != nil {
			b.Fatal(err)
		}
		m, err := e.Compile(context.Background(), module)
		if err != nil {
			b.Fatal(err)
		}
		m.Close()
		e.Close()
	}
	begin := time.Now()
	load()
	first := time.Since(begin)
	for b.Loop() {
		load()
	}
	b.ReportMetric(first.Seconds(), "s-compile")
	b.ReportMetric(float64(len(module))/1e6, "MB")
}
