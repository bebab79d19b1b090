package guest

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/wedgecdn/wedge/hostapi/native"
	. "github.com/wedgecdn/wedge/runtime/engine/enginetest"
	"github.com/wedgecdn/wedge/runtime/limit"
	"github.com/wedgecdn/wedge/runtime/sandbox"
)

// Random numbers and the order of maps differ between exchanges with the Go SDK, whatever way instances are put back; what the
// guest has seeded itself, during initialisation, does not.
func TestRandomNumbersOfTheSDK(t *testing.T) {
	if Race {
		t.Skip("compiling a Go guest takes half a minute under the race detector")
	}
	out := filepath.Join(t.TempDir(), "dice.wasm")
	cmd := exec.Command("go", "build", "-buildmode=c-shared", "-o", out, "./internal/dice")
	cmd.Dir = filepath.Join("..", "..", "examples")
	cmd.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm", "GOFLAGS=", "GOWORK=off")
	if text, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("build the guest: %v\n%s", err, text)
	}
	code, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	m, err := newHost(t, Options{}).o.Engine.Compile(context.Background(), code)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	b := native.NewBinding(native.Options{Name: "dice"})

	const exchanges = 50
	for _, way := range sandbox.Ways() {
		p, err := sandbox.NewPool(sandbox.Options{
			Module: m, Limits: limit.Limits{CPU: limit.None}, Reset: way, Most: 3, Outside: func() any { return native.NewSession(b) },
		})
		if err != nil {
			t.Fatal(err)
		}
		seen := map[string]map[uint64]bool{}
		for n := range exchanges {
			var used []*sandbox.Instance
			for range 1 + n%3 { // each of several instances
				i, err := p.Acquire(context.Background())
				if err != nil {
					t.Fatal(err)
				}
				used = append(used, i)
			}
			i := used[n%len(used)]
			i.Bind(native.NewSession(b), nil)
			for _, name := range []string{"global", "order", "crypto", "node", "sdk", "variable"} {
				v, err := i.Call(context.Background(), name)
				if err != nil {
					t.Fatal(err)
				}
				if seen[name] == nil {
					seen[name] = map[uint64]bool{}
				}
				seen[name][v[0]] = true
			}
			for _, i := range used {
				p.Release(i)
			}
		}
		f := func(name string, least, most int) {
			t.Helper()
			if got := len(seen[name]); got < least || got > most {
				t.Errorf("%s, %s: %d different values in %d exchanges, want %d to %d", way, name, got, exchanges, least, most)
			}
		}
		f("global", exchanges, exchanges)
		f("order", exchanges*4/5, exchanges) // some orders are the same by chance
		f("crypto", exchanges, exchanges)
		f("node", exchanges, exchanges)
		f("sdk", exchanges, exchanges)
		f("variable", 1, 1) // the test would see a number that repeats itself
		p.Close()
	}
}
