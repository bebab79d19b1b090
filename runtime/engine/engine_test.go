package engine_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"

	"github.com/wedgecdn/wedge/runtime/engine"
	. "github.com/wedgecdn/wedge/runtime/engine/enginetest"
	"github.com/wedgecdn/wedge/runtime/hostcall"
	"github.com/wedgecdn/wedge/runtime/meter"
	"github.com/wedgecdn/wedge/runtime/wasm"
)

// TestMain makes this test's binary the compiling process as well.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 {
		switch os.Args[1] {
		case "compile":
			os.Exit(engine.CompileChild(os.Args[2:], os.Stderr))
		case "spin": // a compiler that meets a bomb
			if err := engine.LimitSelf(); err != nil {
				os.Exit(4)
			}
			for n := 1; n != 0; n += 2 { // never 0
			}
		case "eat":
			if err := engine.LimitSelf(); err != nil {
				os.Exit(4)
			}
			for all := [][]byte{}; ; all = append(all, bytes.Repeat([]byte{1}, 64<<20)) {
			}
		}
	}
	os.Exit(m.Run())
}

// self starts this binary again. Where the system cannot run it by itself, as with one for another processor, WEDGE_EXEC names
// the emulator and its arguments, as go test's -exec does.
func self(t testing.TB, command string) func(context.Context, string, string) error {
	t.Helper()
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return engine.ChildCompiler(append(strings.Fields(os.Getenv("WEDGE_EXEC")), path, command)...)
}

func host() []hostcall.Func {
	i32, i64 := []hostcall.ValueType{hostcall.I32}, []hostcall.ValueType{hostcall.I64}
	return []hostcall.Func{
		{Module: "wedge", Name: "log", Params: i32, Body: func(c *hostcall.Call, p []uint64) {}},
		{Module: "wedge", Name: "now", Results: i64, Body: func(c *hostcall.Call, p []uint64) { p[0] = 7 }},
		{Module: "wasi_snapshot_preview1", Name: "sched_yield", Results: i32, Body: func(c *hostcall.Call, p []uint64) { p[0] = 0 }},
	}
}

func newEngine(t testing.TB, o engine.Options) *engine.Engine {
	t.Helper()
	if o.Host == nil {
		o.Host = host()
	}
	e, err := engine.New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	return e
}

// caller is the least that a guest needs to run.
type caller struct {
	context.Context
	call *hostcall.Call
}

func (c caller) HostCall(f *hostcall.Func, stack []uint64) { c.call.Invoke(f, stack) }
func (c caller) Tick(int64) int64                          { return 1 << 40 }
func (c caller) State() any                                { return nil }
func (c caller) Memory() hostcall.Memory                   { return hostcall.Memory{} }
func (c caller) Enter(*hostcall.Func)                      {}
func (c caller) Leave(*hostcall.Func)                      {}
func (c caller) Charge(int64)                              {}
func (c caller) Pause()                                    {}
func (c caller) Resume()                                   {}

type asHost struct{ caller }

func (h asHost) Context() context.Context { return h.caller }

func newCaller() caller {
	c := caller{Context: context.Background()}
	c.call = hostcall.NewCall(asHost{c})
	return c
}

// run makes an instance and calls an export of it.
func run(t testing.TB, m *engine.Module, name string, args ...uint64) []uint64 {
	t.Helper()
	ctx := newCaller()
	i, release, err := m.Instantiate(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer release()
	defer i.Close(ctx)
	r, err := i.ExportedFunction(name).Call(ctx, args...)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func adder(n int32) []byte {
	var m Module
	m.Func("add", "i", "i", "", Code(Get(0), I32(n), Add32)...)
	return m.Bytes()
}

func TestCompile(t *testing.T) {
	for _, interpreter := range []bool{false, true} {
		e := newEngine(t, engine.Options{Interpreter: interpreter})
		var b Module
		now := b.Import("wedge", "now", "", "I")
		b.Memory(3, 9)
		b.Func("now", "", "I", "", Call(now)...)
		b.Func("add", "ii", "i", "", Code(Get(0), Get(1), Add32)...)
		m, err := e.Compile(t.Context(), b.Bytes())
		if err != nil {
			t.Fatal(err)
		}
		defer m.Close()
		if r := run(t, m, "now"); r[0] != 7 {
			t.Errorf("now is %v", r)
		}
		if r := run(t, m, "add", 20, 22); r[0] != 42 {
			t.Errorf("20 + 22 = %v", r)
		}
		if got := fmt.Sprint(m.Exports(), m.Imports(), m.Command(), m.Size() == len(b.Bytes())); got != "[add now] [{wedge now}] false true" {
			t.Errorf("about: %s", got)
		}
		if sig, ok := m.Export("add"); !ok || sig.String() != "(i32, i32) i32" {
			t.Errorf("add is %s, %v", sig, ok)
		}
		if _, ok := m.Export("sub"); ok {
			t.Error("there is a sub")
		}
		if size, ok := m.Memory(); !ok || size != 3<<16 {
			t.Errorf("memory of %d bytes, %v", size, ok)
		}
	}
}

func TestRefused(t *testing.T) {
	e := newEngine(t, engine.Options{MaxBytes: 1000})
	f := func(name string, module []byte, want string) {
		t.Helper()
		m, err := e.Compile(t.Context(), module)
		var r *engine.Refused
		if !errors.As(err, &r) {
			t.Fatalf("%s: %v, %v", name, m, err)
		}
		if got := fmt.Sprintf("%s: %s", r.Kind, r.Error()); !strings.HasPrefix(got, want) {
			t.Errorf("%s:\ngot  %s\nwant %s", name, got, want)
		}
		if r.Hint == "" || r.Hint == strings.ToUpper(r.Hint) || strings.HasSuffix(r.Hint, ".") {
			t.Errorf("%s: hint %q", name, r.Hint)
		}
	}
	build := func(f func(m *Module)) []byte {
		var m Module
		f(&m)
		return m.Bytes()
	}
	f("nothing", nil, "not_wasm: module refused: it is empty")
	f("text", []byte("hello, world"), `not_wasm: module refused: it is not WebAssembly: it begins with "hello, w"`)
	f("text format", []byte("(module)"), "not_wasm: module refused: it is not WebAssembly: it is WebAssembly's text format")
	f("gzip", []byte("\x1f\x8b\x08\x00\x00\x00\x00\x00"), "not_wasm: module refused: it is not WebAssembly: it is compressed with gzip")
	f("executable", []byte("\x7fELF\x02\x01\x01\x00"), "not_wasm: module refused: it is not WebAssembly: it is a native executable")
	f("cut", []byte("\x00asm\x01\x00"), "not_wasm: module refused: it is not WebAssembly: it ends after the first bytes")
	f("version", []byte("\x00asm\x02\x00\x00\x00"), "not_wasm: module refused: it is WebAssembly of the unknown version 02 00 00 00")
	f("component", []byte("\x00asm\x0d\x00\x01\x00"), "component: module refused: it is a component, and this node runs core modules")
	f("too large", append(adder(1), make([]byte, 1000)...), "too_large: module refused: it has 1040 bytes, at most 1000 are allowed")
	f("cut in a section", adder(1)[:20], "invalid: module refused at offset 0x")
	f("wrong type", build(func(m *Module) { m.Func("f", "", "i", "", I64(1)...) }), "invalid: module refused: it is not valid: invalid function[0]")
	f("unknown instruction", build(func(m *Module) { m.Func("f", "", "", "", 0xff) }), "unmetered: module refused at offset 0x")
	f("threads", build(func(m *Module) { m.Func("f", "", "", "", 0xfe, 0x03, 0x00) }), "unmetered: module refused at offset 0x")
	f("unknown imports", build(func(m *Module) {
		m.Import("wedge", "log", "i", "")
		m.Import("wedge", "lgo", "i", "")
		m.Import("wedge", "now", "", "i")
		m.Import("other", "f", "", "")
		m.ImportOther("wedge", "memory", 2, 0, 1)
	}), "bad_import: module refused at offset 0x29: imports: wedge.lgo is unknown; wedge.now is imported as () i32, and is () i64; other.f is unknown; wedge.memory is a memory, and only functions can be imported")
	f("the meter's import", build(func(m *Module) { m.Import(meter.TickModule, meter.TickName, "I", "I") }), "unmetered: module refused at offset 0x")
}

func TestFeatures(t *testing.T) {
	e := newEngine(t, engine.Options{})
	f := func(name string, want string, build func(m *Module)) {
		t.Helper()
		var b Module
		build(&b)
		m, err := e.Compile(t.Context(), b.Bytes())
		var r *engine.Refused
		switch {
		case err == nil && want != "":
			t.Errorf("%s was accepted", name)
		case err != nil && !errors.As(err, &r):
			t.Errorf("%s: %v", name, err)
		case r != nil && string(r.Kind) != want:
			t.Errorf("%s: %v", name, err)
		case m != nil:
			run(t, m, "f")
			m.Close()
		}
	}
	f("tail calls", "", func(m *Module) { m.Func("", "", "", ""); m.Func("f", "", "", "", 0x12, 0) })
	f("extended constants", "", func(m *Module) {
		m.Globals = [][]byte{Code(Op(0x7f, 0), I32(1), I32(2), Add32, Op(0x0b))}
		m.Func("f", "", "", "")
	})
	f("sign extension", "", func(m *Module) { m.Func("f", "", "i", "", Code(I32(200), Op(0xc0))...) })
	f("SIMD", "", func(m *Module) { m.Func("f", "", "i", "", Code(I32(7), Op(0xfd, 15, 0xfd, 21, 0))...) })
	f("exceptions", "unmetered", func(m *Module) { m.Func("f", "", "", "", 0x1f, 0x40, 0, 0x0b) })
	f("several memories", "unmetered", func(m *Module) { m.Memory(1, 2); m.Memories(2); m.Func("f", "", "", "") })
	f("a huge memory at the start", "unmetered", func(m *Module) { m.Memory(65536, 0); m.Func("f", "", "", "") })
	f("a huge table", "unmetered", func(m *Module) { m.Table(134_000_000, 0); m.Func("f", "", "", "") })
}

func TestManyUnknownImports(t *testing.T) {
	e := newEngine(t, engine.Options{})
	var m Module
	for n := range 5000 {
		m.Import("env", fmt.Sprint("symbol", n), "", "")
	}
	_, err := e.Compile(t.Context(), m.Bytes())
	var r *engine.Refused
	if !errors.As(err, &r) || len(r.Reason) > 2000 || !strings.HasSuffix(r.Reason, "and 4950 more") || !strings.Contains(r.Hint, "linker") {
		t.Errorf("got %v", err)
	}
}

// Small modules that take minutes to compile. They are refused before anything looks at them for long.
func TestCompileBombs(t *testing.T) {
	e := newEngine(t, engine.Options{})
	f := func(locals, loops int) {
		t.Helper()
		var m Module
		var body []byte
		for range loops {
			body = append(body, 0x03, 0x40)
		}
		for range loops {
			body = append(body, 0x0b)
		}
		m.Func("f", "", "", strings.Repeat("i", locals), body...)
		begin := time.Now()
		_, err := e.Compile(t.Context(), m.Bytes())
		took := time.Since(begin)
		var r *engine.Refused
		if !errors.As(err, &r) || r.Kind != engine.Unmetered || took > 20*time.Second {
			t.Errorf("%d locals × %d loops: %v after %s", locals, loops, err, took)
		}
	}
	f(1000, 1000)
	f(5000, 5000)
}

func TestOptions(t *testing.T) {
	twice := append(host(), host()[0], hostcall.Func{Module: "m", Name: "f"})
	_, err := engine.New(engine.Options{Host: twice, Compiler: self(t, "compile")})
	want := "engine: a compiler needs a cache folder to compile into\nengine: host function wedge.log exists twice\nengine: host function m.f has no body"
	if err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}

// A module is freed with the last of its Modules and instances, and not before.
func TestClose(t *testing.T) {
	e := newEngine(t, engine.Options{})
	ctx := newCaller()
	one, err := e.Compile(ctx, adder(1))
	if err != nil {
		t.Fatal(err)
	}
	two, err := e.Compile(ctx, adder(1))
	if err != nil {
		t.Fatal(err)
	}
	if engine.Loaded(e) != 1 || one.Hash() != two.Hash() {
		t.Errorf("the same bytes are loaded %d times", engine.Loaded(e))
	}
	i, release, err := one.Instantiate(ctx)
	if err != nil {
		t.Fatal(err)
	}
	one.Close()
	one.Close()
	if _, _, err := one.Instantiate(ctx); !errors.Is(err, engine.ErrClosed) {
		t.Errorf("instance of a closed module: %v", err)
	}
	if r := run(t, two, "add", 1); r[0] != 2 {
		t.Errorf("after the other was closed: %v", r)
	}
	two.Close()
	if engine.Loaded(e) != 1 {
		t.Error("the code was freed under a living instance")
	}
	if r, err := i.ExportedFunction("add").Call(ctx, 41); err != nil || r[0] != 42 {
		t.Errorf("an instance of a closed module: %v, %v", r, err)
	}
	_ = i.Close(ctx)
	release()
	if engine.Loaded(e) != 0 {
		t.Errorf("%d modules stay loaded", engine.Loaded(e))
	}
}

func TestOneCompilesAtATime(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		running, most, calls := 0, 0, 0
		e, err := engine.New(engine.Options{Host: host(), CacheDir: dir, Compiler: func(ctx context.Context, path, out string) error {
			mu.Lock()
			running++
			calls++
			most = max(most, running)
			mu.Unlock()
			time.Sleep(time.Second)
			mu.Lock()
			running--
			mu.Unlock()
			if code := engine.CompileInto(path, out); code != nil {
				return code
			}
			return nil
		}})
		if err != nil {
			t.Fatal(err)
		}
		defer e.Close()
		var wg sync.WaitGroup
		for n := range 6 {
			wg.Go(func() {
				m, err := e.Compile(t.Context(), adder(int32(n%3))) // three modules, twice each
				if err != nil {
					t.Error(err)
					return
				}
				m.Close()
			})
		}
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		if _, err := e.Compile(ctx, adder(9)); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("who could not wait got %v", err)
		}
		wg.Wait()
		if most != 1 || calls != 3 {
			t.Errorf("%d compiled at once, %d in all; want 1 and 3", most, calls)
		}

		// A compiler that never ends is left to its own devices after four minutes.
		slow, err := engine.New(engine.Options{Host: host(), CacheDir: filepath.Join(dir, "slow"), Compiler: func(ctx context.Context, _, _ string) error {
			<-ctx.Done()
			return ctx.Err()
		}})
		if err != nil {
			t.Fatal(err)
		}
		defer slow.Close()
		begin := time.Now()
		_, err = slow.Compile(t.Context(), adder(1))
		var r *engine.Refused
		if !errors.As(err, &r) || r.Kind != engine.TooComplex || r.Reason != "it did not compile within 4m0s" || time.Since(begin) != 4*time.Minute {
			t.Errorf("after %s: %v", time.Since(begin), err)
		}
	})
}

func TestHammerEngine(t *testing.T) {
	e := newEngine(t, engine.Options{})
	var wg sync.WaitGroup
	until := time.Now().Add(100 * time.Millisecond)
	for g := range 4 {
		wg.Go(func() {
			for n := g; time.Now().Before(until); n++ {
				m, err := e.Compile(context.Background(), adder(int32(n%3)))
				if err != nil {
					t.Error(err)
					return
				}
				if r := run(t, m, "add", 1); r[0] != uint64(1+n%3) {
					t.Errorf("1 + %d = %d", n%3, r[0])
				}
				m.Close()
			}
		})
	}
	wg.Wait()
	if n := engine.Loaded(e); n != 0 {
		t.Errorf("%d modules stay loaded", n)
	}
}

// Many deploys of different modules leave nothing behind.
func TestDeploysLeaveMemoryFlat(t *testing.T) {
	e := newEngine(t, engine.Options{})
	heap := func(from, to int) uint64 {
		for n := from; n < to; n++ {
			m, err := e.Compile(context.Background(), adder(int32(n)))
			if err != nil {
				t.Fatal(err)
			}
			run(t, m, "add", 1)
			m.Close()
		}
		runtime.GC()
		runtime.GC() // compiled code is freed by finalizers
		var s runtime.MemStats
		runtime.ReadMemStats(&s)
		return s.HeapAlloc
	}
	before, after := heap(0, 200), heap(200, 1200)
	t.Logf("heap after 200 deploys %d, after 1200 %d", before, after)
	if after > before+before/20+64<<10 {
		t.Errorf("1000 deploys took %d bytes", after-before)
	}
}

// FuzzCompile: whatever the bytes, there is a module or a *Refused, and what was valid still compiles when it is metered.
// The oracle is wazero's interpreter. It is not asked about what our own reader refuses: it believes counts, and would take
// gigabytes for some of it.
func FuzzCompile(f *testing.F) {
	f.Add(adder(1))
	var m Module
	m.Import("wedge", "log", "i", "")
	m.Memory(1, 2)
	m.Table(3, 4)
	m.Globals = [][]byte{Op(0x7f, 1, 0x41, 0, 0x0b)}
	m.Start(m.Func("f", "", "", "i", Code(I32(1), Grow, Drop, Forever(I32(3), Set(0)))...))
	f.Add(m.Bytes())
	e := newEngine(f, engine.Options{Interpreter: true})
	ctx := context.Background()
	f.Fuzz(func(t *testing.T, module []byte) {
		m, err := e.Compile(ctx, module)
		var r *engine.Refused
		if err != nil && !errors.As(err, &r) {
			t.Fatalf("refused with %v", err)
		}
		var unread *wasm.Error
		switch {
		case errors.As(err, &unread):
			return
		case r != nil && r.Kind == engine.Internal:
			t.Fatal(r)
		case r != nil && r.Kind != engine.Invalid:
			return
		}
		rt := wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfigInterpreter().WithCoreFeatures(
			api.CoreFeaturesV2|experimental.CoreFeaturesTailCall|experimental.CoreFeaturesExtendedConst).
			WithDebugInfoEnabled(false)) // with it, wazero refuses an empty custom section at the end
		defer rt.Close(ctx)
		_, oracle := rt.CompileModule(ctx, module)
		if (oracle == nil) != (err == nil) {
			t.Fatalf("the oracle says %v, the engine %v", oracle, err)
		}
		if m != nil {
			m.Close()
		}
	})
}
