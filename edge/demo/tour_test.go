package demo

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"github.com/wedgecdn/wedge/edge/node"
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
	guests, err := examplesOnce()
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

func TestTour(t *testing.T) {
	d := open(t)
	var out bytes.Buffer
	err := d.Tour(t.Context(), &out, false)
	t.Log(out.String())
	if err != nil {
		t.Error(err)
	}
}
