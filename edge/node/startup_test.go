package node_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/wedgecdn/wedge/runtime/engine"
	. "github.com/wedgecdn/wedge/runtime/engine/enginetest"
)

// TestMain makes this test's binary the compiling process as well, and a node
// that is to be killed.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "compile" {
		os.Exit(engine.CompileChild(os.Args[2:], os.Stderr))
	}
	if file := os.Getenv(killedNode); file != "" {
		os.Exit(runKilled(file, os.Getenv(uncheckedNode) != ""))
	}
	os.Exit(m.Run())
}

// child compiles in another process, as a node that serves does.
func child(t testing.TB) func(context.Context, string, string) error {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return engine.ChildCompiler(self, "compile")
}

// startup is a node with three sites: a.example has the function a, b.example has b, plain.example has none.
func startup(t *testing.T, dir string, compiler func(context.Context, string, string) error, a []byte) *world {
	t.Helper()
	u := newUpstream(t, "u")
	return newWorldIn(t, dir, compiler, fmt.Sprintf(`
functions: [{name: a, module: a.wasm}, {name: o, module: a.wasm, on_failure: open}, {name: b, module: b.wasm}, {name: c}]
origins: [{name: u, servers: [{url: %q}]}]
sites:
  - {hosts: [a.example], origin: u, functions: [a]}
  - {hosts: [open.example], origin: u, functions: [o]}
  - {hosts: [b.example], origin: u, functions: [b]}
  - {hosts: [c.example], origin: u, functions: [c]}
  - {hosts: [plain.example], origin: u}
`, u.url()), map[string][]byte{"a.wasm": a, "b.wasm": harmless()})
}

// A node listens before its functions are compiled. A request waits for its own functions, and for no others.
func TestRequestsWaitForTheirOwnFunctionsOnly(t *testing.T) {
	dir := t.TempDir()
	first := startup(t, dir, child(t), harmless())
	first.want("http://b.example/", 200, "u /") // its function is in the compile cache from now on
	first.stop()

	slow, begun, release := child(t), make(chan struct{}), make(chan struct{})
	var once sync.Once
	w := startup(t, dir, func(ctx context.Context, module, cache string) error {
		once.Do(func() { close(begun) })
		select {
		case <-release:
		case <-ctx.Done():
		}
		return slow(ctx, module, cache)
	}, tagged("new"))
	<-begun
	w.want("http://plain.example/", 200, "u /")
	if r := w.want("http://b.example/", 200, "u /"); r.header.Get("X-Function") != "harmless" {
		t.Error("the function of b.example did not run")
	}
	if r := w.api("GET", "/readyz", nil); r.status != 503 || !strings.Contains(r.body, "compiling functions") {
		t.Errorf("readyz while functions are compiled: %d %s", r.status, r.body)
	}
	answer := make(chan reply)
	go func() { answer <- w.get("http://a.example/") }()
	w.want("http://plain.example/2", 200, "u /2")
	select {
	case r := <-answer:
		t.Errorf("a.example was answered before its function was there: %d", r.status)
	default:
	}
	close(release)
	if r := <-answer; r.status != 200 || r.header.Get("X-Response") != "new" {
		t.Errorf("a.example: %d %v (%v)", r.status, r.header, r.err)
	}
	eventually(t, "the node is ready", func() bool { return w.api("GET", "/readyz", nil).status == 200 })
}

// A node that ends while it compiles does not wait for the compiler.
func TestShutdownWhileCompiling(t *testing.T) {
	begun := make(chan struct{})
	w := startup(t, t.TempDir(), func(ctx context.Context, _, _ string) error {
		close(begun)
		<-ctx.Done()
		return ctx.Err()
	}, tagged("never"))
	<-begun
	w.stop()
}

// A function that turns out to be broken behind open listeners is out of order; everything else works, and can be changed.
func TestBrokenFunctionAtTheStart(t *testing.T) {
	f := func(what string, a []byte, said string) {
		t.Helper()
		w := startup(t, t.TempDir(), child(t), a)
		for range 2 {
			eventually(t, "the node is ready", func() bool { return w.api("GET", "/readyz", nil).status == 200 })
			if r := w.get("http://a.example/"); r.status != 503 || !strings.Contains(r.header.Get("Cache-Status"), "function-unavailable") {
				t.Errorf("%s: a.example: %d %v", what, r.status, r.header)
			}
			w.want("http://open.example/", 200, "u /")
			w.want("http://b.example/", 200, "u /")
			w.deploy("c", harmless()) // builds the whole table anew
			w.want("http://c.example/", 200, "u /")
		}
		if s := w.stderr.String(); !strings.Contains(s, said) || !strings.Contains(s, "function=a") || strings.Count(s, "cannot be loaded") != 2 {
			t.Errorf("%s: the log says\n%s", what, s)
		}
		// Once its file is mended, a reload brings it to life.
		w.write("a.wasm", tagged("mended"))
		b, err := os.ReadFile(w.path("wedge.yaml"))
		if err != nil {
			t.Fatal(err)
		}
		w.did("PUT", "/v1/config", bytes.Clone(b))
		if r := w.want("http://a.example/", 200, "u /"); r.header.Get("X-Response") != "mended" {
			t.Errorf("%s: the mended function does not run: %v", what, r.header)
		}
		w.stop()
	}
	invalid := newGuest()
	invalid.funcs = append(invalid.funcs, guestFunc{"on_request", "i", "", func(uint32) []byte { return I64(1) }})
	f("invalid", invalid.bytes(), "it is not valid")
	f("does not initialise itself", stillborn(false), "cannot be initialised")
}
