package meter

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"sort"
	"strings"
	"sync"
	"testing"

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
	err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
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

// wide are caps for test modules, which declare the most that there can be.
var wide = Caps{TableEntries: 1 << 27, MemoryPages: 65536, Params: 1 << 20, Locals: 1 << 20, Functions: 1 << 20}

// Every module of the engine's corpus that compiles before compiles after, but for those that are refused, by reason.
func TestCorpusCompiles(t *testing.T) {
	ctx := context.Background()
	r := wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfigInterpreter().WithCoreFeatures(everything))
	defer r.Close(ctx)
	valid := func(b []byte) error {
		c, err := r.CompileModule(ctx, b)
		if err == nil {
			c.Close(ctx)
		}
		return err
	}
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
		before := valid(b)
		switch {
		case errors.As(err, &refused):
			if before == nil {
				reasons[reason(refused)]++
			}
		case err != nil:
			if before == nil {
				t.Errorf("%s: valid, but %v", name, err)
			}
		case before == nil:
			good++
			if err := valid(m.Wasm); err != nil {
				t.Errorf("%s: valid before, after: %v", name, err)
			}
		}
	})
	var list []string
	for k := range reasons {
		list = append(list, k)
	}
	sort.Strings(list)
	t.Logf("%d modules, %d rewritten and valid", total, good)
	for _, k := range list {
		t.Logf("  %4d refused: %s", reasons[k], k)
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
