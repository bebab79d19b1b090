package built

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// always is what each module exports besides its hooks.
var always = []string{"_initialize", "memory", "wedge_abi_v1", "wedge_restored"}

// Exports compiles the program in the current folder and compares its exports with the hooks, and with what each module has. All imports must be
// the node's or WASI's.
func Exports(t *testing.T, hooks ...string) {
	t.Helper()
	wasm := Module(t)
	exports, imports, err := sections(wasm)
	if err != nil {
		t.Fatal(err)
	}
	want := slices.Concat(always, hooks)
	slices.Sort(want)
	slices.Sort(exports)
	if !slices.Equal(exports, want) {
		t.Errorf("exports %q, want %q", exports, want)
	}
	for _, i := range imports {
		if !strings.HasPrefix(i, "wedge.") && !strings.HasPrefix(i, "wasi_snapshot_preview1.") {
			t.Errorf("imports %s, which no node offers", i)
		}
	}
	t.Logf("%d bytes, imports %q", len(wasm), imports)
}

// Module is the compiled program of the current folder.
func Module(t *testing.T) []byte {
	t.Helper()
	out := filepath.Join(t.TempDir(), "guest.wasm")
	cmd := exec.Command("go", "build", "-buildmode=c-shared", "-trimpath", "-buildvcs=false", "-ldflags=-s -w", "-o", out, ".")
	cmd.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm", "CGO_ENABLED=0")
	if text, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, text)
	}
	wasm, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	return wasm
}

// sections reads the names of the exports and imports of a module.
func sections(wasm []byte) (exports, imports []string, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("not a module: %v", r)
		}
	}()
	r := reader(wasm[8:])
	for len(r) > 0 {
		id, body := r.byte(), reader(r.bytes())
		switch id {
		case 2:
			for range body.number() {
				name := string(body.bytes()) + "." + string(body.bytes())
				if kind := body.byte(); kind != 0 {
					return nil, nil, fmt.Errorf("import %s is no function (kind %d)", name, kind)
				}
				body.number()
				imports = append(imports, name)
			}
		case 7:
			for range body.number() {
				exports = append(exports, string(body.bytes()))
				body.byte()
				body.number()
			}
		}
	}
	return exports, imports, nil
}

// reader takes from the front; it panics at the end.
type reader []byte

func (r *reader) byte() byte {
	b := (*r)[0]
	*r = (*r)[1:]
	return b
}

// number is an unsigned LEB128.
func (r *reader) number() (n uint64) {
	for shift := 0; ; shift += 7 {
		b := r.byte()
		n |= uint64(b&0x7f) << shift
		if b < 0x80 {
			return n
		}
	}
}

func (r *reader) bytes() []byte {
	n := r.number()
	b := (*r)[:n]
	*r = (*r)[n:]
	return b
}
