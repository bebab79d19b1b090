package config

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var rewrite = flag.Bool("rewrite", false, "write the golden files instead of comparing with them")

func golden(t *testing.T, file string, got []byte) {
	t.Helper()
	if *rewrite {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s differs (go test -rewrite, then read the diff); got:\n%s", file, got)
	}
}

// TestErrorText holds what a terminal shows for each file of testdata/errors.
func TestErrorText(t *testing.T) {
	files, err := filepath.Glob("testdata/errors/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		_, err := Load(file)
		all, ok := err.(Errors)
		if !ok {
			t.Errorf("%s: %v", file, err)
			continue
		}
		text := all.Text()
		if strings.Contains(text, "hunter2") {
			t.Errorf("%s: a secret shows:\n%s", file, text)
		}
		for _, p := range all {
			if p.Hint == "" {
				t.Errorf("no hint: %v", p)
			}
		}
		golden(t, strings.TrimSuffix(file, ".yaml")+".txt", []byte(text))
	}
}

// full reads testdata/full.yaml as if it stood in /etc/wedge, so that its absolute paths are the same everywhere.
func full(t testing.TB) *Config {
	t.Helper()
	data, err := os.ReadFile("testdata/full.yaml")
	if err != nil {
		t.Fatal(err)
	}
	c, err := Parse("/etc/wedge/wedge.yaml", data)
	if err != nil {
		t.Fatal(err.(Errors).Text())
	}
	return c
}

func TestShow(t *testing.T) {
	golden(t, "testdata/full.show.txt", Show(full(t)))
	golden(t, "testdata/default.show.txt", Show(mustParse(t, "")))
}

func mustParse(t testing.TB, text string) *Config {
	t.Helper()
	c, err := Parse("/etc/wedge/wedge.yaml", []byte(text))
	if err != nil {
		t.Fatalf("%s\n%s", text, err.(Errors).Text())
	}
	return c
}
