package sandbox_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wedgecdn/wedge/runtime/engine"
	"github.com/wedgecdn/wedge/runtime/sandbox"
)

// falls is a program whose lines are numbered, and which falls at one of them.
const falls = `static int check(int *p, int n) {
  if (n > 3)
    __builtin_trap();
  return p[n];
}
static int __attribute__((noinline)) deep(int n) {
  int a[4] = {1, 2, 3, n};
  int s = 0;
  for (int i = 0; i < 10; i++)
    s += check(a, i);
  return s;
}
__attribute__((export_name("fall"))) int fall(int n) {
  volatile int s = 0;
  for (int i = 0; i < n; i++)
    s += i;
  return deep(s) + 1;
}
`

// The lines of a C program are those that its compiler wrote down, in the tables of two versions, on both engines.
func TestLinesOfC(t *testing.T) {
	if _, err := exec.LookPath("clang"); err != nil {
		t.Skip("needs clang: apt-get install clang lld")
	}
	if _, err := exec.LookPath("wasm-ld"); err != nil {
		t.Skip("needs wasm-ld: apt-get install lld")
	}
	build := func(flags ...string) []byte {
		t.Helper()
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "falls.c"), []byte(falls), 0o600); err != nil {
			t.Fatal(err)
		}
		// In two steps, or clang has wasm-opt drop the tables if that is installed.
		for _, args := range [][]string{
			append([]string{"--target=wasm32", "-c", "falls.c", "-o", "falls.o"}, flags...),
			{"--target=wasm32", "-nostdlib", "-Wl,--no-entry", "falls.o", "-o", "falls.wasm"},
		} {
			cmd := exec.Command("clang", args...)
			cmd.Dir = dir
			if text, err := cmd.CombinedOutput(); err != nil {
				t.Fatalf("clang %s: %v\n%s", strings.Join(args, " "), err, text)
			}
		}
		b, err := os.ReadFile(filepath.Join(dir, "falls.wasm"))
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	f := func(module []byte, want string) {
		t.Helper()
		for _, interpreter := range []bool{false, true} {
			code := compile(t, newEngineWith(t, engine.Options{Interpreter: interpreter}), module)
			p := newPool(t, sandbox.Options{Module: code})
			i := acquire(t, p)
			_, err := i.Call(context.Background(), "fall", 3)
			p.Release(i)
			var trap *sandbox.Trap
			if !errors.As(err, &trap) {
				t.Fatalf("ended with %v", err)
			}
			var offsets []int
			for _, f := range trap.Stack {
				offsets = append(offsets, f.Offset)
			}
			known, err := code.Locate(module, offsets)
			if err != nil {
				t.Fatal(err)
			}
			got := ""
			for _, f := range trap.Stack {
				at := known[f.Offset].Source
				got += fmt.Sprintf("%s %s:%d; ", f.Function, at.File, at.Line)
			}
			if got != want {
				t.Errorf("interpreter %v: %s, want %s", interpreter, got, want)
			}
		}
	}
	f(build("-O0", "-gdwarf-4"), "check falls.c:3; deep falls.c:10; fall falls.c:17; ")
	f(build("-O2", "-gdwarf-5"), "deep falls.c:3; fall falls.c:17; ") // check is a part of deep
}
