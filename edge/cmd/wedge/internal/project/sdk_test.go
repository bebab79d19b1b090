package project

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wedgecdn/wedge/hostapi/cost"
)

const sdk = "../../../../../sdk"

// withCompilers puts AssemblyScript's compiler into PATH: that of the tests of runtime/engine.
func withCompilers(t *testing.T) {
	t.Helper()
	js, err := filepath.Abs("../../../../../runtime/engine/enginetest/guests/testdata/assemblyscript/node_modules/assemblyscript/bin/asc.js")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "asc"), []byte("#!/bin/sh\nexec node '"+js+"' \"$@\"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(js); err == nil {
		t.Setenv("PATH", dir+string(filepath.ListSeparator)+os.Getenv("PATH"))
	}
}

// needs skips the test if the compiler of a language is missing.
func needs(t *testing.T, l Language) {
	t.Helper()
	var missing *MissingError
	if err := Toolchain(l, ""); errors.As(err, &missing) {
		t.Skipf("%s: run .ci/tools", missing)
	} else if err != nil {
		t.Fatal(err)
	}
}

// blocks are the pieces of code of a language in an SDK's README.
func blocks(t *testing.T, l Language, word string) (code []string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(sdk, l.folder(), "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	for i, block := range strings.Split(string(text), "```") {
		if body, ok := strings.CutPrefix(block, word+"\n"); ok && i%2 == 1 {
			code = append(code, body)
		}
	}
	return code
}

// made is a project with that source.
func made(t *testing.T, l Language, source string) *Project {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "limit")
	if _, err := New(dir, Options{Language: l}); err != nil {
		t.Fatal(err)
	}
	if source != "" {
		if err := write(dir, []file{{l.source(), source}}); err != nil {
			t.Fatal(err)
		}
	}
	p, err := Open(dir)
	if err != nil || p.Language != l || p.Name != "limit" {
		t.Fatalf("%+v, %v", p, err)
	}
	return p
}

// run is a command of a test that has to succeed.
func run(t *testing.T, dir, name string, args ...string) {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Dir = dir
	if text, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, text)
	}
}

// The example of each README compiles, and does on the node's runtime what it says.
func TestReadmeExamples(t *testing.T) {
	withCompilers(t)
	f := func(l Language, word string) {
		t.Run(string(l), func(t *testing.T) {
			needs(t, l)
			code := blocks(t, l, word)
			if len(code) == 0 {
				t.Fatal("no example")
			}
			built, err := made(t, l, code[0]).Build(t.Context(), BuildOptions{Plain: true})
			if err != nil {
				t.Fatal(err)
			}
			fn, err := cost.Open(built.Module, cost.Options{})
			if err != nil {
				t.Fatal(err)
			}
			defer fn.Close()
			if hooks := strings.Join(fn.Hooks(), " "); hooks != "on_request on_response" {
				t.Errorf("hooks %s", hooks)
			}
			t.Logf("%d bytes", len(built.Module))
		})
	}
	f(C, "c")
	f(AssemblyScript, "ts")
	if os.Getenv("WEDGE_PROOF") == "" {
		return // the other two are compiled natively, by TestRustNatively and in sdk/go
	}
	f(Rust, "rust")
	f(Go, "go")
}

// The tests of the README for C run natively, by whatever compiler is there.
func TestFakeInC(t *testing.T) {
	code := blocks(t, C, "c")
	if len(code) != 2 {
		t.Fatalf("%d pieces of code, want the function and its test", len(code))
	}
	p := made(t, C, "")
	if err := write(p.Dir, []file{{"limit.c", code[0]}, {"limit_test.c", code[1]}}); err != nil {
		t.Fatal(err)
	}
	cc := command("cc")
	if cc == nil {
		cc = command("clang")
	}
	if cc == nil {
		t.Skip("needs a compiler for C: run .ci/tools")
	}
	run(t, p.Dir, cc[0], "-D_DEFAULT_SOURCE", "-Wall", "-Wextra", "-Werror", "-Isdk/wedge", "-o", "limit_test", "limit_test.c")
	run(t, p.Dir, "./limit_test")
}

// The crate's own tests, and those of its README, run natively. Warnings are errors, in 1.63 as well.
func TestRustNatively(t *testing.T) {
	needs(t, Rust)
	rustc := rustc()[0]
	p := made(t, Rust, blocks(t, Rust, "rust")[0])
	common := []string{"--edition=2021", "-Dwarnings", "-Cdebuginfo=0"}
	run(t, p.Dir, rustc, append(common, "--test", "--crate-name=wedge", "-o", "crate_test", "sdk/wedge/src/lib.rs")...)
	run(t, p.Dir, "./crate_test")
	run(t, p.Dir, rustc, append(common, "--crate-type=rlib", "--crate-name=wedge", "-o", "libwedge.rlib", "sdk/wedge/src/lib.rs")...)
	run(t, p.Dir, rustc, append(common, "--test", "--extern=wedge=libwedge.rlib", "-o", "limit_test", "src/lib.rs")...)
	run(t, p.Dir, "./limit_test")
}

func TestOtherCrates(t *testing.T) {
	f := func(manifest, want string) {
		t.Helper()
		if got := strings.Join(otherCrates(manifest), " "); got != want {
			t.Errorf("%q: %q, want %q", manifest, got, want)
		}
	}
	f("[package]\nname = \"x\"\n[dependencies]\nwedge = { path = \"sdk/wedge\" }\n\n[profile.release]\nlto = true\n", "")
	f("[dependencies]\nserde = \"1\" # x\nwedge = \"0\"\n", "serde")
	f("[dependencies.wedge]\npath = \"x\"\n[dependencies.serde]\nversion = \"1\"\n", "serde")
	f("[dev-dependencies]\nproptest = \"1\"\n", "")
	for _, m := range manifests[Rust] {
		f(m.text, "")
	}
}
