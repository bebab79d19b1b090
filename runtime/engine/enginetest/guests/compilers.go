package guests

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// clang compiles with Debian's clang and wasi-libc. Compiling and linking are two steps, as clang would have wasm-opt work
// on the result if it is installed: the guests would be others on other machines.
func clang(p Program) compiler {
	c := compiler{
		tool: command("clang"), version: []string{"--version"},
		missing: "clang, lld, wasi-libc and libclang-rt-dev-wasm32",
	}
	link := []string{"--target=wasm32-wasi", "--sysroot=/usr", "-mexec-model=reactor", "-Wl,--strip-all,-zstack-size=16384", "-o", "guest.wasm"}
	for _, pattern := range []string{string(p) + ".c", map[Program]string{Canary: "probe.s"}[p]} {
		if pattern == "" {
			continue
		}
		c.sources = append(c.sources, "c/"+pattern)
		c.steps = append(c.steps, []string{"--target=wasm32-wasi", "--sysroot=/usr", "-O2", "-mreference-types",
			"-fno-delete-null-pointer-checks", "-c", "-o", pattern + ".o", pattern}) // a search looks at address 0 too
		link = append(link, pattern+".o")
	}
	c.steps = append(c.steps, link)
	if !exists("/usr/include/wasm32-wasi/stdlib.h") || command("wasm-ld") == nil {
		c.tool = nil
	}
	return c
}

// rust compiles with the first rustc that has the library for WebAssembly; the first of all may be one that has not.
func rust(p Program) compiler {
	const target = "wasm32-unknown-unknown"
	c := compiler{
		sources: []string{"rust/" + string(p) + ".rs"}, version: []string{"--version"},
		missing: "rustc and libstd-rust-dev-wasm32",
		steps: [][]string{{"--edition", "2021", "--crate-type", "cdylib", "--target", target, "-C", "opt-level=2",
			"-C", "panic=abort", "-C", "strip=symbols", "-o", "guest.wasm", string(p) + ".rs"}},
	}
	for _, dir := range filepath.SplitList(os.Getenv("PATH")) {
		rustc := filepath.Join(dir, "rustc")
		if !exists(rustc) {
			continue
		}
		lib, err := exec.Command(rustc, "--print", "target-libdir", "--target", target).Output()
		if err == nil && exists(strings.TrimSpace(string(lib))) {
			c.tool = []string{rustc}
			break
		}
	}
	return c
}

// assemblyScript compiles with the compiler that package.json names.
func assemblyScript(p Program) compiler {
	c := compiler{
		sources: []string{"assemblyscript/" + string(p) + ".ts"},
		missing: "node and AssemblyScript's compiler",
		// No abort: a module that imports nothing of env.
		steps: [][]string{{string(p) + ".ts", "--optimize", "--use", "abort=", "--runtime", "incremental", "-o", "guest.wasm"}},
	}
	node := command("node")
	asc := above("runtime/engine/enginetest/guests/testdata/assemblyscript/node_modules/assemblyscript/bin/asc.js")
	if node != nil && asc != "" {
		c.tool = append(node, asc)
		c.release = filepath.Join(filepath.Dir(asc), "..", "..", ".package-lock.json")
	}
	return c
}

func golang(p Program) compiler {
	c := compiler{
		tool: command("go"), version: []string{"env", "GOVERSION"}, missing: "Go",
		extra: map[string]string{"go.mod": "module guest\n\ngo 1.24\n"},
		env:   []string{"GOOS=wasip1", "GOARCH=wasm", "CGO_ENABLED=0", "GOFLAGS=", "GOWORK=off"},
		steps: [][]string{{"build", "-buildmode=c-shared", "-trimpath", "-buildvcs=false", "-ldflags=-s -w", "-o", "guest.wasm", "."}},
	}
	c.sources = []string{"go/" + string(p) + ".go"}
	if p == Canary {
		c.sources = append(c.sources, "go/canary_wasm.s")
	}
	return c
}

func command(name string) []string {
	path, err := exec.LookPath(name)
	if err != nil {
		return nil
	}
	return []string{path}
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// above finds a file of this repository from a folder in it.
func above(path string) string {
	dir, err := os.Getwd()
	for err == nil {
		if file := filepath.Join(dir, filepath.FromSlash(path)); exists(file) {
			return file
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			break
		}
		dir = parent
	}
	return ""
}
