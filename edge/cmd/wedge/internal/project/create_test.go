package project

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestNew(t *testing.T) {
	for _, l := range Languages() {
		for _, template := range TemplatesOf(l) {
			dir := filepath.Join(t.TempDir(), "my-function")
			files, err := New(dir, Options{Language: l, Template: template})
			if err != nil {
				t.Fatalf("%s, %s: %v", l, template, err)
			}
			for _, f := range files {
				b, err := os.ReadFile(filepath.Join(dir, f))
				if err != nil || len(b) == 0 || strings.Contains(string(b), "{{") {
					t.Errorf("%s, %s: %s: %v, %q", l, template, f, err, b)
				}
			}
			if p, err := Open(dir); err != nil || p.Language != l || p.Name != "my-function" {
				t.Errorf("%s, %s: %+v, %v", l, template, p, err)
			}
			if _, err := New(dir, Options{Language: l}); !errors.Is(err, ErrNotEmpty) {
				t.Errorf("over itself: %v", err)
			}
		}
	}
	if _, err := New(t.TempDir()+"/Bad_Name", Options{Language: C}); err == nil {
		t.Error("a bad name is taken")
	}
	if _, err := Open(t.TempDir()); err == nil {
		t.Error("a folder without a source is a project")
	}
}

// A machine without compilers is told what to install.
func TestMissing(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	for _, l := range Languages() {
		var missing *MissingError
		if err := Toolchain(l, t.TempDir()); !errors.As(err, &missing) || missing.Hint() == "" || missing.Language != l {
			t.Errorf("%s: %v", l, err)
		}
	}
}
