package meter

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/tetratelabs/wazero"
	"github.com/wedgecdn/wedge/runtime/wasm"
)

var engineDir = sync.OnceValues(func() (string, error) {
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/tetratelabs/wazero").Output()
	return strings.TrimSpace(string(out)), err
})

// corpus calls f for every module that the engine's own tests bring along.
func corpus(t *testing.T, f func(name string, module []byte)) {
	t.Helper()
	dir, err := engineDir()
	if err != nil {
		t.Fatal(err)
	}
	walk(t, dir, f)
}

func walk(t testing.TB, dir string, f func(name string, module []byte)) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(path) != ".wasm" {
			return err
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		name, _ := filepath.Rel(dir, path)
		f(filepath.ToSlash(name), b)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// wide are caps for test modules, which declare the most that there can be. Their stack ends before that of the engine's
// interpreter, which takes 2000 calls.
var wide = Caps{TableEntries: 1 << 27, MemoryPages: 65536, Params: 1 << 20, Locals: 1 << 20, Functions: 1 << 20, Stack: 100_000}

// Every module of the engine's corpus that compiles before compiles after, but for those that are refused, by reason.
func TestCorpusCompiles(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	r := wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfigInterpreter().WithCoreFeatures(everything))
	defer r.Close(ctx)
	reasons := map[string]int{}
	total, good := 0, 0
	corpus(t, func(name string, b []byte) {
		if len(b) > 1<<20 && testing.Short() {
			return
		}
		total++
		m, err := Rewrite(b, wide)
		var refused *Refused
		var bad *wasm.Error
		if errors.As(err, &bad) && strings.Contains(bad.Problem, "at most") {
			return // a count that the module has no bytes for: the engine would allocate by it
		}
		before := accepts(r, b)
		switch {
		case errors.As(err, &refused):
			if before {
				reasons[reason(refused)]++
			}
		case err != nil:
			if before {
				t.Errorf("%s: valid, but %v", name, err)
			}
		case before:
			good++
			if !accepts(r, m.Wasm) {
				t.Errorf("%s: valid before and not after", name)
			}
		}
	})
	t.Logf("%d modules, %d rewritten and valid, refused: %v", total, good, reasons)
	if testing.Short() {
		return
	}
	want := map[string]int{
		"atomic instruction xfe x":                            3,
		"exception instruction xf":                            1,
		"exception tag":                                       8,
		"import of an exception tag":                          2,
		"memory that is shared between threads":               9,
		"recursive types, of the garbage collection proposal": 3,
		"type  holds an exception":                            6,
	}
	if d := cmp.Diff(want, reasons); d != "" || good != 2980 {
		t.Errorf("%d rewritten, want 2980; refused:\n%s", good, d)
	}
}

// reason is a refusal's reason without its numbers.
func reason(r *Refused) string {
	return strings.Map(func(c rune) rune {
		if c >= '0' && c <= '9' {
			return -1
		}
		return c
	}, r.Reason)
}
