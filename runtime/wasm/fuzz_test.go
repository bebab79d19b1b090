package wasm

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"
)

// everything is all that the engine has.
const everything = api.CoreFeaturesV2 | experimental.CoreFeaturesTailCall | experimental.CoreFeaturesExtendedConst |
	experimental.CoreFeaturesTypedFunctionReferences | experimental.CoreFeaturesThreads | experimental.CoreFeaturesExceptionHandling

// corpus calls f for every module that the engine's own tests bring along.
func corpus(t testing.TB, f func(name string, module []byte)) {
	t.Helper()
	dir, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/tetratelabs/wazero").Output()
	if err != nil {
		t.Fatal(err)
	}
	err = filepath.WalkDir(strings.TrimSpace(string(dir)), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(path) != ".wasm" {
			return err
		}
		b, err := os.ReadFile(path)
		if err == nil {
			f(path, b)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// checker holds the reader against the engine.
type checker struct {
	r wazero.Runtime
}

func newChecker(t testing.TB) *checker {
	ctx := context.Background()
	r := wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfigInterpreter().WithCoreFeatures(everything))
	t.Cleanup(func() { r.Close(ctx) })
	return &checker{r}
}

// lenient are errors of ours over which the engine passes, against the specification.
func lenient(err error) bool {
	var e *Error
	if !errors.As(err, &e) {
		return false
	}
	for _, s := range []string{
		"more than 33 bits",    // it ignores some unused bits and the last continuation bit,
		"more than 32 bits",    // here one of three unused bits
		"more than 64 bits",    // and here
		"after prefix 0xfd",    // it takes one byte of the number, and runs what follows
		"data segments, found", // a data count section may be empty
	} {
		if strings.Contains(e.Problem, s) {
			return true
		}
	}
	return false
}

// check says whether the engine accepts the module, and fails if we do not read what it accepts. The name section is
// left out: the engine allocates by its counts, and nobody else reads it.
func (c *checker) check(t testing.TB, b []byte) (accepted bool) {
	t.Helper()
	sections, err := Sections(b)
	if err != nil {
		return false // showing it to the engine may end in an allocation by some count
	}
	if !bytes.Equal(Write(sections), b) {
		t.Errorf("reading and writing changed %x", b)
	}
	b = Write(slices.DeleteFunc(sections, func(s Section) bool { return s.ID == CustomSection && s.Name == "name" }))
	m, err := Decode(b)
	if err == nil {
		for _, body := range m.Bodies {
			if body.Locals > 1<<16 {
				return false // the engine allocates by this, too
			}
		}
		err = readAll(m)
	}
	if err != nil && (lenient(err) || strings.Contains(err.Error(), "at most")) {
		return false
	}
	if !c.accepts(b) {
		return false
	}
	if err != nil {
		t.Errorf("the engine accepts what we do not: %v", err)
	}
	return true
}

// accepts asks the engine. It panics on some invalid modules, such as a call of a function whose type does not exist.
func (c *checker) accepts(b []byte) (ok bool) {
	defer func() {
		if recover() != nil {
			ok = false
		}
	}()
	m, err := c.r.CompileModule(context.Background(), b)
	if err != nil {
		return false
	}
	m.Close(context.Background())
	return true
}

func TestCorpus(t *testing.T) {
	c := newChecker(t)
	total, accepted := 0, 0
	corpus(t, func(name string, b []byte) {
		total++
		if c.check(t, b) {
			accepted++
		} else if _, err := Decode(b); err != nil && !strings.Contains(err.Error(), "at most") && c.accepts(b) {
			t.Errorf("the engine accepts what we do not: %v", err)
		}
		if t.Failed() {
			t.Fatal(name)
		}
	})
	t.Logf("%d modules, of which the engine accepts %d and all were read", total, accepted)
	if accepted < 2000 {
		t.Errorf("the engine accepts only %d of %d modules", accepted, total)
	}
}

// FuzzDecode: whatever the bytes, no panic; what the engine accepts is read; what is read is written as it was.
func FuzzDecode(f *testing.F) {
	n := 0
	corpus(f, func(name string, b []byte) {
		if n++; n%10 == 0 && len(b) < 4000 {
			f.Add(b)
		}
	})
	c := newChecker(f)
	f.Fuzz(func(t *testing.T, b []byte) { c.check(t, b) })
}
