package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The files in the tree are what abi.txt says.
func TestGeneratedFilesAreCurrent(t *testing.T) {
	files, err := generate("..")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		got, err := os.ReadFile(filepath.Join("..", f.path))
		if err != nil {
			t.Error(err)
		} else if !bytes.Equal(got, f.content) {
			t.Errorf("%s differs from abi.txt: run go generate ./hostapi/abi", f.path)
		}
	}
}

func TestParseErrors(t *testing.T) {
	const head = "abi 1\nmodule m\nhook on_a\nenum message\n  request 0\npermit p on_a\narea x\n"
	f := func(text, want string) {
		t.Helper()
		_, err := parse(head + text)
		if want == "" {
			if err != nil {
				t.Errorf("%q: %v", text, err)
			}
			return
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: error %v, want %q", text, err, want)
		}
	}
	f("func f() status\nneeds p\n  Doc.", "")
	f("func f(message message) status\nneeds p p\n  Doc.", "")
	f("func f() status\nneeds p\n", "func f: no documentation")
	f("func f() status\n  Doc.", "needs 0 permits")
	f("func f(message message) status\nneeds p\n  Doc.", "needs 1 permits")
	f("func f() status\nneeds q\n  Doc.", `unknown permit "q"`)
	f("func f() nothing\nneeds p\n  Doc.", `unknown result "nothing"`)
	f("func f(a b) status\nneeds p\n  Doc.", `parameter a has unknown kind "b"`)
	f("func f(a) status\n", `abi.txt:8: function f: want a name and a kind, got "a"`)
	f("func f\n", "abi.txt:8: want name(param kind, ...) result")
	f("func f() status\nneeds p\n  Doc.\nfunc f() status\nneeds p\n  Doc.", `func "f": not a name, or there twice`)
	f("func message() status\nneeds p\n  Doc.", "func message: an enum has that name")
	f("permit q on_b", `permit q: no hook "on_b"`)
	f("permit p on_a", `permit "p": not a name, or there twice`)
	f("wat", `abi.txt:8: unknown word "wat"`)
	f("enum e\n  a 0\n  what is this", "want name, value, documentation")
	f("waits", "waits belongs to no function")
}
