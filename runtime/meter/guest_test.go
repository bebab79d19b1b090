package meter

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"testing"
)

var goGuest = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp("", "guest")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	out := filepath.Join(dir, "guest.wasm")
	cmd := exec.Command("go", "build", "-buildmode=c-shared", "-o", out, "main.go")
	cmd.Dir = filepath.Join("testdata", "guest")
	cmd.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm", "GOFLAGS=")
	if msg, err := cmd.CombinedOutput(); err != nil {
		return msg, err
	}
	return os.ReadFile(out)
})

// guest is a standard Go program, as users deploy them.
func guest(t testing.TB) []byte {
	t.Helper()
	b, err := goGuest()
	if err != nil {
		t.Fatalf("building the guest: %v\n%s", err, b)
	}
	return b
}

// A real program gives the same results metered and not, and uses the same fuel each time, with any slice and on both
// engines.
func TestGoGuest(t *testing.T) {
	if racing {
		t.Skip("takes long")
	}
	t.Parallel()
	original := guest(t)
	metered := mustRewrite(t, original)
	t.Logf("%d bytes, metered %d (%+.1f %%)", len(original), len(metered.Wasm),
		100*float64(len(metered.Wasm)-len(original))/float64(len(original)))
	interpreter, compiler := newMachine(t, true, features), newMachine(t, false, features)
	f := func(name string, arg uint64) {
		t.Helper()
		// A fresh instance for each run: a program's heap is not as it was after a call.
		want, _, err := interpreter.mustStart(original).call(name, arg)
		if err != nil {
			t.Fatal(err)
		}
		var first int64
		for i, run := range []struct {
			*machine
			slice int64
		}{{compiler, 100_000}, {compiler, 1000}, {interpreter, 7000}} {
			in := run.mustStart(metered.Wasm)
			in.host.slice = run.slice
			got, used, err := in.call(name, arg)
			if err != nil {
				t.Fatalf("%s(%d) run %d: %v", name, arg, i, err)
			}
			if !slices.Equal(got, want) {
				t.Errorf("%s(%d) run %d = %x, want %x", name, arg, i, got, want)
			}
			if i == 0 {
				first = used
			} else if used != first {
				t.Errorf("%s(%d) run %d used %d, the first %d", name, arg, i, used, first)
			}
			t.Logf("%s(%d): used %d in %d ticks", name, arg, used, in.host.ticks)
		}
	}
	f("spin", 100_000)
	f("work", 1)
	f("move", 100_000)
}
