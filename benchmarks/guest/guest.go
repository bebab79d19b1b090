// Package guest compiles the functions that are measured, in each language, with the compilers that .ci/tools installs.
//
// The sources are in testdata, one file a function and language; they do the same in all. A compiler that is missing is
// no failure: the rows of its language show the reason. The suite calls it; it runs nothing.
package guest

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// A Module is what a compiler made, or why there is none.
type Module struct {
	File   string
	Lacks  string // a reason, if there is no file
	Length int
}

// Languages are those with a compiler here, in the order of a report; what is written for another ABI than the node's own
// counts as one. The last, javascript, answers by itself.
func Languages() []string {
	return []string{"c", "assemblyscript", "rust", "go", "http-wasm", "proxy-wasm", JavaScript}
}

// JavaScript is the language of programs that answer by themselves.
const JavaScript = "javascript"

// Build compiles a function in every language that has it into a folder. root is the folder of the repository.
func Build(root, dir, function string) (map[string]Module, error) {
	root, err1 := filepath.Abs(root)
	dir, err2 := filepath.Abs(dir)
	if err := errors.Join(err1, err2); err != nil {
		return nil, fmt.Errorf("guest: %w", err)
	}
	made := map[string]Module{}
	for _, language := range Languages() {
		source := filepath.Join(root, "benchmarks", "guest", "testdata", language, function+suffix(language))
		if _, err := os.Stat(source); err != nil {
			continue
		}
		to := filepath.Join(dir, function+"-"+language+".wasm")
		cmd, missing := compiler(root, language, source, to)
		if cmd == nil {
			made[language] = Module{Lacks: "no compiler: " + missing + ": run .ci/tools"}
			continue
		}
		if out, err := cmd.CombinedOutput(); err != nil {
			return nil, fmt.Errorf("guest: %s in %s: %w\n%s", function, language, err, out)
		}
		info, err := os.Stat(to)
		if err != nil {
			return nil, fmt.Errorf("guest: %w", err)
		}
		made[language] = Module{File: to, Length: int(info.Size())}
	}
	if len(made) == 0 {
		return nil, errors.New("guest: no language has a function " + function)
	}
	return made, nil
}

func suffix(language string) string {
	return map[string]string{"c": ".c", "assemblyscript": ".ts", "rust": ".rs", "go": "", "http-wasm": ".c", "proxy-wasm": ".c", JavaScript: ".js"}[language]
}

// compiler is the command that makes the module, or what is missing.
func compiler(root, language, source, to string) (*exec.Cmd, string) {
	switch language {
	case "c", "http-wasm", "proxy-wasm":
		clang, err1 := exec.LookPath("clang")
		_, err2 := exec.LookPath("wasm-ld")
		if err1 != nil || err2 != nil {
			return nil, "clang and lld"
		}
		return exec.Command(clang, "--target=wasm32", "-O2", "-nostdlib", "-mbulk-memory", "-Wl,--no-entry,--strip-all,-zstack-size=8192", "-o", to, source), ""
	case "assemblyscript":
		node, err := exec.LookPath("node")
		asc := filepath.Join(root, "runtime", "engine", "enginetest", "guests", "testdata", "assemblyscript", "node_modules", "assemblyscript", "bin", "asc.js")
		if _, err2 := os.Stat(asc); err != nil || err2 != nil {
			return nil, "node and AssemblyScript"
		}
		// The compiler wants paths below the folder that it runs in.
		cmd := exec.Command(node, asc, filepath.Base(source), "--optimize", "--use", "abort=", "--runtime", "incremental", "-o", to)
		cmd.Dir = filepath.Dir(source)
		if rel, err := filepath.Rel(cmd.Dir, to); err == nil {
			cmd.Args[len(cmd.Args)-1] = rel
		}
		return cmd, ""
	case JavaScript:
		node, err := exec.LookPath("node")
		dir := filepath.Join(root, "edge", "node", "testdata", "js", "node_modules")
		program := filepath.Join(dir, "@fastly", "js-compute", "fastly.wasm")
		if _, err2 := os.Stat(program); err != nil || err2 != nil {
			return nil, "node and js-compute"
		}
		// As js-compute's own command line does it: the engine runs up to where it has read the script, whose name it is told.
		cmd := exec.Command(node, filepath.Join(dir, "@bytecodealliance", "wizer", "wizer.js"), "--inherit-env=true", "--allow-wasi", "--dir=.",
			"-r", "_start=wizer.resume", "--wasm-bulk-memory=true", "-o="+to, program)
		cmd.Dir, cmd.Stdin = filepath.Dir(source), strings.NewReader(filepath.Base(source)+" --legacy-script")
		return cmd, ""
	case "rust":
		const target = "wasm32-unknown-unknown"
		for _, dir := range filepath.SplitList(os.Getenv("PATH")) { // the first may lack the library
			rustc := filepath.Join(dir, "rustc")
			lib, err := exec.Command(rustc, "--print", "target-libdir", "--target", target).Output()
			if err != nil {
				continue
			}
			if _, err := os.Stat(strings.TrimSpace(string(lib))); err == nil {
				return exec.Command(rustc, "--edition", "2021", "--crate-type", "cdylib", "--target", target, "-C", "opt-level=2", "-C", "panic=abort",
					"-C", "strip=symbols", "-C", "link-arg=-zstack-size=16384", "-o", to, source), ""
			}
		}
		return nil, "rustc with the library for WebAssembly"
	}
	goTool, err := exec.LookPath("go")
	if err != nil {
		return nil, "Go"
	}
	cmd := exec.Command(goTool, "build", "-buildmode=c-shared", "-trimpath", "-buildvcs=false", "-ldflags=-s -w", "-o", to, filepath.Join(source, "main.go"))
	cmd.Dir = filepath.Join(root, "examples") // whose module has the SDK
	cmd.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm", "CGO_ENABLED=0", "GOFLAGS=")
	return cmd, ""
}
