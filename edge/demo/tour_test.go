package demo

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/wedgecdn/wedge/edge/node"
	"github.com/wedgecdn/wedge/runtime/engine/enginetest"
)

// examplesOnce builds the example functions with the Go toolchain, once for all tests.
var examplesOnce = sync.OnceValues(func() (map[string][]byte, error) {
	dir, err := os.MkdirTemp("", "wedge-guests-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	built := map[string][]byte{}
	for _, name := range examples {
		out := filepath.Join(dir, name+".wasm")
		cmd := exec.Command("go", "build", "-buildmode=c-shared", "-trimpath", "-buildvcs=false", "-ldflags=-s -w", "-o", out, "./"+name)
		cmd.Dir = filepath.Join("..", "..", "examples")
		cmd.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm", "CGO_ENABLED=0")
		if text, err := cmd.CombinedOutput(); err != nil {
			os.Stderr.Write(text)
			return nil, err
		}
		if built[name], err = os.ReadFile(out); err != nil {
			return nil, err
		}
	}
	return built, nil
})

// open starts a demo with the examples as they stand in the tree.
func open(t *testing.T) *Demo {
	t.Helper()
	build := examplesOnce
	if enginetest.Race {
		build = func() (map[string][]byte, error) { return idle(), nil }
	}
	guests, err := build()
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	d, err := Open(t.Context(), Options{Log: &log, guests: guests, CompileCache: node.CacheDir("demo-test")})
	if err != nil {
		t.Fatalf("%v\n%s", err, log.String())
	}
	t.Cleanup(func() {
		if err := d.Close(context.Background()); err != nil {
			t.Errorf("close: %v", err)
		}
		if t.Failed() {
			t.Logf("the node's log:\n%s", log.String())
		}
	})
	return d
}

// idle are functions that do nothing, in place of the examples.
func idle() map[string][]byte {
	guests := map[string][]byte{}
	for _, name := range examples {
		guests[name] = harmless
	}
	return guests
}

// needsExamples skips a test under the race detector: making instances of Go's guests takes seconds there, and the test is about them.
func needsExamples(t *testing.T) {
	t.Helper()
	if enginetest.Race {
		t.Skip("instances of Go guests take too long to make with the race detector, and the test is about the guests")
	}
}

// TestTour plays the whole tour, as wedge demo --tour does. Under the race detector the functions do nothing, so that the story is not true; it is
// played all the same.
func TestTour(t *testing.T) {
	d := open(t)
	var out bytes.Buffer
	err := d.Tour(t.Context(), &out, false)
	if enginetest.Race {
		if _, differs := errors.AsType[*Differs](err); !differs {
			t.Fatalf("without the examples: %v\n%s", err, out.String())
		}
		return
	}
	if err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	if strings.Contains(out.String(), "\x1b") {
		t.Error("there are colours, although nobody asked for them")
	}
	inREADME(t, out.String())
}

// A second demo on the folder of one that runs is refused before it has written anything.
func TestFolderIsTaken(t *testing.T) {
	path := t.TempDir()
	first, err := makeFolder(path, nil, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := makeFolder(path, nil, time.Now()); err == nil || !strings.Contains(err.Error(), "a demo that runs") {
		t.Errorf("a second demo: %v", err)
	}
	if b, err := os.ReadFile(first.file("admin.token")); err != nil || strings.TrimSpace(string(b)) != first.operator {
		t.Errorf("the first one's token is gone: %q, %v", b, err)
	}
	first.remove()
	again, err := makeFolder(path, nil, time.Now())
	if err != nil {
		t.Fatalf("after the first has ended: %v", err)
	}
	again.remove()
	if _, err := os.Stat(path); err != nil {
		t.Errorf("a folder that was named is gone: %v", err)
	}
}
