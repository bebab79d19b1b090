package cost_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/wedgecdn/wedge/hostapi/cost"
	. "github.com/wedgecdn/wedge/runtime/engine/enginetest"
	"github.com/wedgecdn/wedge/runtime/limit"
)

// example builds an example function.
func example(t *testing.T, name string) []byte {
	t.Helper()
	out := filepath.Join(t.TempDir(), name+".wasm")
	cmd := exec.Command("go", "build", "-buildmode=c-shared", "-trimpath", "-buildvcs=false", "-ldflags=-s -w", "-o", out, "./"+name)
	cmd.Dir = filepath.Join("..", "..", "examples")
	cmd.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm", "CGO_ENABLED=0", "GOFLAGS=")
	if text, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("build %s: %v\n%s", name, err, text)
	}
	b, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// runs measures the case so many times and returns what each hook cost; it fails if that differs.
func runs(t *testing.T, module []byte, o cost.Options, c cost.Case, rounds int) string {
	t.Helper()
	f, err := cost.Open(module, o)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	first := ""
	for n := range rounds {
		calls, err := f.Run(c)
		if err != nil {
			t.Errorf("round %d: %v", n, err)
			return ""
		}
		got := ""
		for _, c := range calls {
			got += fmt.Sprintf("%v %d; ", c.Hook, c.Fuel)
		}
		if first == "" {
			first = got
		} else if got != first {
			t.Fatalf("round %d cost %s, the first %s", n, got, first)
		}
	}
	return first
}

// The same input costs the same fuel: examples 100 times, and on the interpreter as on the compiler.
func TestExamplesCostTheSame(t *testing.T) {
	t.Parallel()
	// Those that need neither counters nor origins, which this package has none of.
	settings := map[string]cost.Options{
		"ab-routing":        {Config: map[string]string{"experiment": "front", "origin_coast": "lights-b"}},
		"cache-key":         {Config: map[string]string{"device": "true"}},
		"kv-redirects":      {},
		"image-negotiation": {},
		"headers":           {Config: map[string]string{"content_security_policy": "default-src 'self'"}},
		"auth":              {Config: map[string]string{"algorithm": "HS256", "issuer": "https://id.example", "audience": "keepers", "realm": "keepers"}, Secrets: map[string]string{"key": "0123456789abcdef0123456789abcdef"}},
	}
	c := cost.Case{URL: "https://shop.example/a/path?q=1&utm_source=x", Header: []cost.Field{{"Accept", "text/html"}, {"Cookie", "a=b; c=d"}, {"Authorization", "Bearer x.y.z"}},
		Fields: []cost.Field{{"Content-Type", "text/html"}, {"Server", "origin"}}, Body: strings.Repeat("<p>hello</p>", 100)}
	for name, o := range settings {
		module := example(t, name)
		compiled := runs(t, module, o, c, 100)
		o.Interpreter = true
		if interpreted := runs(t, module, o, c, 3); compiled != interpreted || compiled == "" {
			t.Errorf("%s costs %s compiled, %s interpreted", name, compiled, interpreted)
		}
		t.Logf("%s: %s", name, compiled)
	}
}

// A guest that looks at clocks and random bytes meets the same ones each time.
func TestFixed(t *testing.T) {
	m := &Module{}
	m.Memory(1, 1)
	clock := m.Import("wasi_snapshot_preview1", "clock_time_get", "iIi", "i")
	random := m.Import("wasi_snapshot_preview1", "random_get", "ii", "i")
	seed := m.Import("wedge", "seed", "", "I")
	// It loops as often as the last byte of both says.
	m.Func("on_request", "", "i", "i", Code(I32(0), I64(0), I32(8), Call(clock), Op(0x1a), I32(1), I64(0), I32(16), Call(clock), Op(0x1a),
		I32(24), I32(8), Call(random), Op(0x1a), I32(8), Op(0x2d, 0, 0), I32(16), Op(0x2d, 0, 0), Op(0x6a), I32(24), Op(0x2d, 0, 0), Op(0x6a), Call(seed), Op(0xa7), I32(255), Op(0x71), Op(0x6a),
		Set(0), Op(0x03, 0x40), Get(0), I32(1), Op(0x6b), Op(0x22, 0), I32(0), Op(0x4a), Op(0x0d, 0), Op(0x0b), I32(0))...)
	m.Func("wedge_abi_v1", "", "", "")
	a := runs(t, m.Bytes(), cost.Options{}, cost.Case{}, 50)
	b := runs(t, m.Bytes(), cost.Options{Interpreter: true}, cost.Case{}, 50)
	if a != b || a == "" {
		t.Errorf("%s compiled, %s interpreted", a, b)
	}
}

// The hooks of a module are known without compiling it, and are those of the function.
func TestHooks(t *testing.T) {
	f := func(hooks ...string) {
		t.Helper()
		m := &Module{}
		for _, h := range hooks {
			m.Func(h, "", "i", "", I32(0)...)
		}
		m.Func("wedge_abi_v1", "", "", "")
		fn, err := cost.Open(m.Bytes(), cost.Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer fn.Close()
		if got, err := cost.Hooks(m.Bytes()); err != nil || !slices.Equal(got, hooks) || !slices.Equal(fn.Hooks(), hooks) {
			t.Errorf("%q: %q, loaded %q (%v)", hooks, got, fn.Hooks(), err)
		}
	}
	f("on_fetched")
	f("on_request", "on_fetch", "on_fetched", "on_error", "on_response")
	if got, err := cost.Hooks([]byte("no module")); err == nil || len(got) > 0 {
		t.Errorf("%q, %v", got, err)
	}
}

func TestFailures(t *testing.T) {
	m := &Module{}
	m.Func("on_response", "", "i", "", Code(Op(0x03, 0x40, 0x0c, 0x00, 0x0b), I32(0))...)
	m.Func("wedge_abi_v1", "", "", "")
	f, err := cost.Open(m.Bytes(), cost.Options{Limits: limit.Limits{Fuel: 1000}})
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	calls, err := f.Run(cost.Case{})
	var spent *limit.Exceeded
	if !errors.As(err, &spent) || spent.Budget != limit.Fuel || len(calls) != 1 || calls[0].Fuel < 1000 {
		t.Errorf("%v, %+v", err, calls)
	}
	if _, err := f.Run(cost.Case{URL: "shop"}); err == nil || !strings.Contains(err.Error(), `"shop" is no URL`) {
		t.Errorf("a bad URL: %v", err)
	}
	if _, err := cost.Open([]byte("no module"), cost.Options{}); err == nil {
		t.Error("no module is one")
	}
}
