package project

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// install says, for each language, how one gets its compiler.
var install = map[Language]string{
	Go:             "Go 1.26 or later",
	Rust:           "rustc and its library for wasm32-unknown-unknown",
	AssemblyScript: "Node.js and the npm package assemblyscript",
	C:              "clang and lld",
	JavaScript:     "Node.js and the npm package @fastly/js-compute",
	TypeScript:     "Node.js and the npm package @fastly/js-compute",
}

var howTo = map[Language]string{
	Go:             "install Go 1.26 or later from https://go.dev/dl",
	Rust:           "Debian and Ubuntu: apt install rustc libstd-rust-dev-wasm32; with rustup: rustup target add wasm32-unknown-unknown",
	AssemblyScript: "install Node.js, then run npm install in the project's folder",
	JavaScript:     "install Node.js, then run npm install in the project's folder",
	TypeScript:     "install Node.js, then run npm install in the project's folder",
	C:              "Debian and Ubuntu: apt install clang lld; macOS: brew install llvm lld, and put them into PATH",
}

// A MissingError says that this machine lacks a compiler, and how to get it.
type MissingError struct {
	Language Language
	Tool     string
}

func (e *MissingError) Error() string {
	return fmt.Sprintf("%s needs %s, and this machine has no %s", e.Language, install[e.Language], e.Tool)
}

// Hint is what to do about it.
func (e *MissingError) Hint() string { return howTo[e.Language] }

// Toolchain tells whether the compiler of a language is there; the error is a [MissingError]. dir is the project's folder, "" for none.
func Toolchain(l Language, dir string) error {
	_, err := find(l, dir)
	return err
}

// tools are the commands that build a language, each as the beginning of an argument list.
type tools struct {
	compiler, linker []string
	checker          []string // of types; nil if there is none
}

func find(l Language, dir string) (t tools, err error) {
	missing := func(tool string) (tools, error) { return tools{}, &MissingError{l, tool} }
	switch l {
	case Go:
		if t.compiler = command("go"); t.compiler == nil {
			return missing("go")
		}
	case C:
		if t.compiler = versioned("clang"); t.compiler == nil {
			return missing("clang")
		}
		if t.linker = versioned("wasm-ld"); t.linker == nil {
			return missing("wasm-ld")
		}
	case Rust:
		if t.compiler = rustc(); t.compiler == nil {
			return missing("rustc with that library")
		}
	case AssemblyScript:
		if t.compiler = asc(dir); t.compiler == nil {
			return missing("asc")
		}
	case JavaScript, TypeScript:
		if t.compiler = script(dir, "@fastly", "js-compute", "dist", "cli", "js-compute-runtime-cli.js"); t.compiler == nil {
			return missing("js-compute-runtime")
		}
		if l == TypeScript {
			t.checker = script(dir, "typescript", "bin", "tsc")
		}
	default:
		return tools{}, errors.New("no SDK for " + string(l))
	}
	return t, nil
}

func command(name string) []string {
	path, err := exec.LookPath(name)
	if err != nil {
		return nil
	}
	return []string{path}
}

// versioned finds a tool of LLVM, which may be installed under a name that ends with its version only.
func versioned(name string) []string {
	if c := command(name); c != nil {
		return c
	}
	for v := 30; v >= 11; v-- {
		if c := command(fmt.Sprintf("%s-%d", name, v)); c != nil {
			return c
		}
	}
	return nil
}

const rustTarget = "wasm32-unknown-unknown"

// rustc finds the first compiler that has the library for WebAssembly; the first of all may be one that has not.
func rustc() []string {
	for _, dir := range filepath.SplitList(os.Getenv("PATH")) {
		path := filepath.Join(dir, "rustc")
		if info, err := os.Stat(path); err != nil || info.IsDir() {
			continue
		}
		lib, err := exec.Command(path, "--print", "target-libdir", "--target", rustTarget).Output()
		if err != nil {
			continue
		}
		if _, err := os.Stat(strings.TrimSpace(string(lib))); err == nil {
			return []string{path}
		}
	}
	return nil
}

// asc finds AssemblyScript's compiler: that of the project or of a folder above it, or one in PATH.
func asc(dir string) []string {
	if c := script(dir, "assemblyscript", "bin", "asc.js"); c != nil {
		return c
	}
	return command("asc")
}

// script finds a file of an npm package that Node.js runs: below the project or a folder above it.
func script(dir string, file ...string) []string {
	node := command("node")
	abs, err := filepath.Abs(dir)
	if err != nil || node == nil {
		return nil
	}
	for {
		js := filepath.Join(append([]string{abs, "node_modules"}, file...)...)
		if _, err := os.Stat(js); err == nil {
			return append(node, js)
		}
		up := filepath.Dir(abs)
		if up == abs {
			return nil
		}
		abs = up
	}
}
