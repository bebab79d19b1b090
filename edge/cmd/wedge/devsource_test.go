package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Where a version fails is shown in the text of which it was built, whatever the disk has by then.
func TestSourcesAreThoseOfTheVersion(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		file := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s := &sources{dir: dir}
	write("main.c", "one\r\ntwo")
	write("src/lib.rs", "rust")
	write("node_modules/x.js", "theirs")
	write("wedge-data/audit.log", "the node's")
	write("long.c", strings.Repeat("x", maxSource+1))
	s.add("v1", readSource(dir))
	write("main.c", "zero\none\ntwo")
	s.add("v2", readSource(dir))
	f := func(version, file string, want ...string) {
		t.Helper()
		if got := s.lines(version, file); fmt.Sprintf("%q", got) != fmt.Sprintf("%q", want) {
			t.Errorf("%s of %s: %q, want %q", file, version, got, want)
		}
	}
	f("v1", "main.c", "one", "two")
	f("v2", "main.c", "zero", "one", "two")
	f("v1", filepath.Join(dir, "main.c"), "one", "two")
	f("v1", "greet/main.c", "one", "two") // below the name of a module
	f("v1", "src/lib.rs", "rust")
	f("v1", "../main.c", "one", "two")
	f("v3", "main.c")
	f("v1", "long.c")
	f("v1", "node_modules/x.js")
	f("v1", "wedge-data/audit.log")
	f("v1", "")
	f("v1", filepath.Join(dir, "..", "elsewhere.c"))
	for i := range sourcesOf {
		s.add(fmt.Sprint("later", i), nil)
	}
	f("v1", "main.c")
}

func TestHammerSources(t *testing.T) {
	s := &sources{dir: t.TempDir()}
	done := make(chan struct{})
	end := time.Now().Add(100 * time.Millisecond)
	go func() {
		defer close(done)
		for i := 0; i < 100 || time.Now().Before(end); i++ {
			s.add(fmt.Sprint("v", i%8), sourceTree{"main.c": fmt.Sprint("v", i%8)})
		}
	}()
	for i := 0; ; i++ {
		version := fmt.Sprint("v", i%8)
		if got := s.lines(version, "main.c"); len(got) > 0 && got[0] != version {
			t.Fatalf("%s has the lines %q", version, got)
		}
		select {
		case <-done:
			return
		default:
		}
	}
}
