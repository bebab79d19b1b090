package project

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// compilers is where the tests of runtime/engine have AssemblyScript.
const compilers = "../../../../../runtime/engine/enginetest/guests/testdata/assemblyscript/node_modules"

// builderProject is a new project of a language; the test is skipped without its compiler.
func builderProject(t *testing.T, l Language) *Project {
	t.Helper()
	above := t.TempDir()
	if l == AssemblyScript {
		modules, err := filepath.Abs(compilers)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(modules, filepath.Join(above, "node_modules")); err != nil {
			t.Fatal(err)
		}
	}
	dir := filepath.Join(above, "greet")
	if _, err := New(dir, Options{Language: l}); err != nil {
		t.Fatal(err)
	}
	if missing := (*MissingError)(nil); errors.As(Toolchain(l, dir), &missing) {
		t.Skipf("%s: run .ci/tools", missing)
	}
	p, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// The compiler that stays makes what a fresh one makes, and says what a fresh one says.
func TestResident(t *testing.T) {
	p := builderProject(t, AssemblyScript)
	b := NewBuilder(p)
	defer func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	}()
	index := filepath.Join(p.Dir, "index.ts")
	source, err := os.ReadFile(index)
	if err != nil {
		t.Fatal(err)
	}
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(index, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	o := BuildOptions{Debug: true, Quick: true}
	compare := func(what string, fails bool) {
		t.Helper()
		want, wantErr := p.Build(t.Context(), o)
		got, err := b.Build(t.Context(), o)
		switch wantText, text := saidOf(wantErr), saidOf(err); {
		case (err != nil) != fails || wantText != text:
			t.Errorf("%s: it says\n%s%v\na fresh one\n%s%v", what, text, err, wantText, wantErr)
		case err == nil && !bytes.Equal(got.Module, want.Module):
			t.Errorf("%s: %d bytes, a fresh one makes %d others", what, len(got.Module), len(want.Module))
		}
	}
	write(strings.Replace(string(source), "on_request(): i32 {", "on_request(): i32 { nothing_of_that_name();", 1))
	compare("an error", true)
	if b.asc == nil {
		t.Fatal("no compiler stays")
	}
	first := b.asc.cmd.Process.Pid
	write(string(source))
	compare("the template", false)
	if b.asc == nil || b.asc.cmd.Process.Pid != first || b.asc.compiled != 2 {
		t.Fatal("the compiler did not stay")
	}

	// One that has ended is replaced.
	b.asc.close()
	if _, err := b.Build(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Build(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	if b.asc == nil || b.asc.cmd.Process.Pid == first {
		t.Error("no other compiler came")
	}
}

func saidOf(err error) string {
	if compile := (*CompileError)(nil); errors.As(err, &compile) {
		return compile.Text
	}
	return ""
}

// Rust's SDK is compiled once, until it changes.
func TestRustSDKIsKept(t *testing.T) {
	p := builderProject(t, Rust)
	b := NewBuilder(p)
	o := BuildOptions{Debug: true}
	want, err := b.Build(t.Context(), o)
	if err != nil {
		t.Fatal(saidOf(err), err)
	}
	rlib := filepath.Join(b.dir, "libwedge.rlib")
	old := time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)
	if err := os.Chtimes(rlib, old, old); err != nil {
		t.Fatal(err)
	}
	got, err := b.Build(t.Context(), o)
	if err != nil {
		t.Fatal(saidOf(err), err)
	}
	if info, err := os.Stat(rlib); err != nil || !info.ModTime().Equal(old) {
		t.Error("the SDK was compiled again: ", err)
	}
	if !bytes.Equal(got.Module, want.Module) {
		t.Error("the second module is another")
	}
	if err := os.WriteFile(filepath.Join(p.Dir, "sdk/wedge/src/lib.rs"), []byte("nothing of that kind\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Build(t.Context(), o); saidOf(err) == "" {
		t.Errorf("the SDK changed, and the build says %v", err)
	}
	if err := b.Close(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(rlib); err == nil {
		t.Error("what was kept stays behind")
	}
}
