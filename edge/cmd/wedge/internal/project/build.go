package project

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// A Project is a folder with a function's source.
type Project struct {
	Dir      string
	Name     string
	Language Language
}

// ErrNoProject says that a folder has none of the files by which projects are known.
var ErrNoProject = errors.New("there is no function's source")

// Open finds out what is in a folder.
func Open(dir string) (*Project, error) {
	if info, err := os.Stat(dir); err != nil {
		return nil, err
	} else if !info.IsDir() {
		return nil, fmt.Errorf("%s is no folder", dir)
	}
	name, err := Name(dir)
	if err != nil {
		return nil, err
	}
	p := &Project{Dir: dir, Name: name}
	has := func(pattern string) bool {
		found, _ := filepath.Glob(filepath.Join(dir, pattern))
		return len(found) > 0
	}
	switch {
	case has("go.mod"):
		p.Language = Go
	case has("Cargo.toml"):
		p.Language = Rust
	case p.usesJSCompute() && p.script() != "":
		p.Language = JavaScript
		if strings.HasSuffix(p.script(), ".ts") {
			p.Language = TypeScript
		}
	case p.entry() != "":
		p.Language = AssemblyScript
	case has("*.c"):
		p.Language = C
	default:
		return nil, fmt.Errorf("%s: %w", dir, ErrNoProject)
	}
	return p, nil
}

// Output is where the module goes unless something else is said.
func (p *Project) Output() string { return filepath.Join(p.Dir, p.Name+".wasm") }

// Conversation is the file that says what the function has to answer.
func (p *Project) Conversation() string { return filepath.Join(p.Dir, conversation) }

// entry is the file of AssemblyScript that exports the hooks.
func (p *Project) entry() string {
	for _, name := range []string{"index.ts", "assembly/index.ts", "src/index.ts"} {
		if _, err := os.Stat(filepath.Join(p.Dir, name)); err == nil {
			return name
		}
	}
	return ""
}

// usesJSCompute tells whether the project is one in JavaScript or TypeScript.
func (p *Project) usesJSCompute() bool {
	b, err := os.ReadFile(filepath.Join(p.Dir, "package.json"))
	var manifest struct {
		Dependencies    map[string]string `json:"dependencies"`
		DevDependencies map[string]string `json:"devDependencies"`
	}
	if err != nil || json.Unmarshal(b, &manifest) != nil {
		return false
	}
	return manifest.Dependencies[jsCompute] != "" || manifest.DevDependencies[jsCompute] != ""
}

const jsCompute = "@fastly/js-compute"

// script is the file of JavaScript or TypeScript that has the handler.
func (p *Project) script() string {
	for _, name := range []string{"src/index.ts", "src/index.js", "index.ts", "index.js"} {
		if _, err := os.Stat(filepath.Join(p.Dir, name)); err == nil {
			return name
		}
	}
	return ""
}

// BuildOptions say how to build.
type BuildOptions struct {
	// Debug keeps names and, where the compiler makes them, line tables, so that a trap tells where it was.
	Debug bool
	// Plain leaves wasm-opt out, even if it is there.
	Plain bool
	// Quick leaves out what an AssemblyScript compiler does beyond translating: it is there in half the time, every call keeps its place in the
	// stack, and costs half as much fuel again. It goes with Debug.
	Quick bool
}

// A Built is a module fresh from its compiler.
type Built struct {
	Module []byte
	// Optimised tells that wasm-opt has made it smaller.
	Optimised bool
	// Lines leads to the source, if the compiler wrote a map of its own; else nil.
	Lines *SourceMap
}

// A CompileError is that a compiler did not take the source; Text is what it said, in lines.
type CompileError struct {
	Language Language
	Tool     string
	Text     string
}

func (e *CompileError) Error() string {
	return e.Tool + " did not take the source"
}

// Build compiles the project. The error is a [MissingError], a [CompileError] or the system's.
func (p *Project) Build(ctx context.Context, o BuildOptions) (*Built, error) {
	return p.build(ctx, o, nil)
}

// build compiles the project; keep, if it is not nil, has what earlier builds left.
func (p *Project) build(ctx context.Context, o BuildOptions, keep *Builder) (*Built, error) {
	t, err := find(p.Language, p.Dir)
	if err != nil {
		return nil, err
	}
	scratch, err := os.MkdirTemp("", "wedge-build-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(scratch)
	b := build{ctx: ctx, p: p, o: o, t: t, keep: keep, scratch: scratch, out: filepath.Join(scratch, p.Name+".wasm")}
	switch p.Language {
	case Go:
		err = b.golang()
	case Rust:
		err = b.rust()
	case AssemblyScript:
		err = b.assemblyScript()
	case C:
		err = b.c()
	case JavaScript, TypeScript:
		err = b.javaScript()
	}
	if err != nil {
		return nil, err
	}
	module, err := os.ReadFile(b.out)
	if err != nil {
		return nil, err
	}
	built := &Built{Module: module}
	if text, err := os.ReadFile(b.out + ".map"); err == nil {
		built.Lines, _ = readSourceMap(text) // without it a failure has no lines, and nothing else is missing
	}
	if !o.Debug && !o.Plain && p.Language != Go && !p.Language.Handler() { // their tools leave little to do, and it takes half a minute
		if smaller := b.optimise(); smaller != nil && len(smaller) < len(module) {
			built.Module, built.Optimised = smaller, true
		}
	}
	return built, nil
}

// build is one run of a compiler.
type build struct {
	ctx     context.Context
	p       *Project
	o       BuildOptions
	t       tools
	keep    *Builder // nil if nothing is kept
	scratch string   // a folder that is removed afterwards
	out     string   // where the module goes
}

// run calls a tool in the project's folder.
func (b *build) run(tool []string, env []string, args ...string) error {
	abs, err := filepath.Abs(b.p.Dir)
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(b.ctx, tool[0], slices.Concat(tool[1:], args)...)
	cmd.Dir, cmd.Env = abs, append(os.Environ(), env...)
	text, err := cmd.CombinedOutput()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) && b.ctx.Err() == nil {
		return b.refused(tool, string(text))
	}
	return err
}

// refused is the error of a tool that did not take the source, and said text.
func (b *build) refused(tool []string, text string) error {
	name := strings.TrimSuffix(strings.TrimSuffix(filepath.Base(tool[len(tool)-1]), ".js"), "-cli")
	return &CompileError{b.p.Language, name, strings.ReplaceAll(text, b.scratch+string(filepath.Separator), "")}
}

func (b *build) golang() error {
	args := []string{"build", "-buildmode=c-shared", "-trimpath", "-buildvcs=false"}
	if !b.o.Debug {
		args = append(args, "-ldflags=-s -w")
	}
	return b.run(b.t.compiler, []string{"GOOS=wasip1", "GOARCH=wasm", "CGO_ENABLED=0", "GOWORK=off", "GOFLAGS="}, append(args, "-o", b.out, ".")...)
}

// rust calls the compiler itself: the SDK first, then the function. So it works where there is no cargo, or one that does not go with the only
// rustc that has the library. A project that uses other crates is built by cargo.
func (b *build) rust() error {
	manifest, err := os.ReadFile(filepath.Join(b.p.Dir, "Cargo.toml"))
	if err != nil {
		return err
	}
	if crates := otherCrates(string(manifest)); len(crates) > 0 {
		return b.cargo(crates)
	}
	flags := []string{"--edition=2021", "--target=" + rustTarget, "-Copt-level=s", "-Cpanic=abort", "-Ccodegen-units=1", "-Ctarget-feature=+bulk-memory"}
	if b.o.Debug {
		flags = append(flags, "-Cdebuginfo=1")
	}
	sdk, err := b.rustSDK(flags)
	if err != nil {
		return err
	}
	if !b.o.Debug {
		flags = append(flags, "-Cstrip=symbols")
	}
	return b.run(b.t.compiler, nil, append(flags, "-Clto=fat", "--crate-type=cdylib", "--crate-name="+strings.ReplaceAll(b.p.Name, "-", "_"),
		"--extern=wedge="+sdk, "-o", b.out, "src/lib.rs")...)
}

// rustSDK compiles the SDK, unless an earlier build has.
func (b *build) rustSDK(flags []string) (file string, err error) {
	dir, source := b.scratch, stampOf(nil)
	if b.keep != nil {
		if dir, err = b.keep.folder(); err != nil {
			return "", err
		}
		source = stamp(filepath.Join(b.p.Dir, filepath.FromSlash(sdkFolder)))
		source[""] = strings.Join(slices.Concat(b.t.compiler, flags), " ")
	}
	file = filepath.Join(dir, "libwedge.rlib")
	if b.keep != nil && maps.Equal(source, b.keep.rlib) {
		return file, nil
	}
	if b.keep != nil {
		b.keep.rlib = nil
	}
	err = b.run(b.t.compiler, nil, append(flags, "--crate-type=rlib", "--crate-name=wedge", "-o", file, sdkFolder+"/src/lib.rs")...)
	if err == nil && b.keep != nil {
		b.keep.rlib = source
	}
	return file, err
}

// otherCrates lists the dependencies of a manifest beside the SDK.
func otherCrates(manifest string) (names []string) {
	inside := false
	for line := range strings.Lines(manifest) {
		line, _, _ = strings.Cut(strings.TrimSpace(line), "#")
		if section, ok := strings.CutPrefix(line, "["); ok {
			section = strings.Trim(section, "[] ")
			inside = section == "dependencies"
			if name, ok := strings.CutPrefix(section, "dependencies."); ok && name != "wedge" {
				names = append(names, name)
			}
			continue
		}
		if name, _, ok := strings.Cut(line, "="); ok && inside {
			if name = strings.TrimSpace(name); name != "wedge" {
				names = append(names, name)
			}
		}
	}
	return names
}

// cargo has cargo use the compiler that has the library, and keeps what it makes in the project.
func (b *build) cargo(crates []string) error {
	cargo := command("cargo")
	if cargo == nil {
		return &MissingError{Rust, "cargo, which the crate " + crates[0] + " needs"}
	}
	args := []string{"build", "--release", "--target", rustTarget, "--target-dir", "target"}
	if err := b.run(cargo, []string{"RUSTC=" + b.t.compiler[0]}, args...); err != nil {
		return err
	}
	made, err := filepath.Glob(filepath.Join(b.p.Dir, "target", rustTarget, "release", "*.wasm"))
	if err != nil || len(made) != 1 {
		return fmt.Errorf("cargo made %d modules, and not one: is crate-type = [\"cdylib\"] in Cargo.toml?", len(made))
	}
	module, err := os.ReadFile(made[0])
	if err != nil {
		return err
	}
	return os.WriteFile(b.out, module, 0o600)
}

func (b *build) assemblyScript() error {
	args := []string{b.p.entry(), "--path", filepath.Dir(filepath.FromSlash(sdkFolder)), "--exportStart", "_initialize", "--runtime", "incremental",
		"--use", "abort=~lib/wedge/failure/abort", "--use", "seed=~lib/wedge/module/seed", "--outFile", b.out}
	if b.o.Debug {
		level := "1"
		if b.o.Quick {
			level = "0"
		}
		args = append(args, "--optimizeLevel", level, "--debug", "--sourceMap")
	} else {
		args = append(args, "--optimize")
	}
	if b.keep != nil {
		abs, err := filepath.Abs(b.p.Dir)
		if err != nil {
			return err
		}
		if text, ran, err := b.keep.script(b.ctx, b.t, abs, args); errors.Is(err, errFailed) {
			return b.refused(b.t.compiler, text)
		} else if ran || err != nil {
			return err
		}
	}
	return b.run(b.t.compiler, nil, args...)
}

// c compiles and links in two steps, as clang would have wasm-opt work on the result, which does not know what clang has used.
func (b *build) c() error {
	sources, err := filepath.Glob(filepath.Join(b.p.Dir, "*.c"))
	if err != nil {
		return err
	}
	flags := []string{"--target=wasm32", "-mbulk-memory", "-O2", "-Wall", "-I" + sdkFolder, "-c"}
	strip := "--strip-all"
	if b.o.Debug {
		flags, strip = append(flags, "-g"), "--no-gc-sections"
	}
	link := []string{"--no-entry", strip, "--stack-first", "-z", "stack-size=65536", "-o", b.out}
	for _, s := range sources {
		name := filepath.Base(s)
		if strings.HasSuffix(name, "_test.c") {
			continue
		}
		object := filepath.Join(b.scratch, name+".o")
		if err := b.run(b.t.compiler, nil, append(flags, "-o", object, name)...); err != nil {
			return err
		}
		link = append(link, object)
	}
	return b.run(b.t.linker, nil, link...)
}

// javaScript has js-compute's own command line bundle the script and put it into its engine. It does not look at types; the
// project's TypeScript does.
func (b *build) javaScript() error {
	if b.t.checker != nil {
		if _, err := os.Stat(filepath.Join(b.p.Dir, "tsconfig.json")); err == nil {
			if err := b.run(b.t.checker, nil, "--noEmit", "-p", "."); err != nil {
				return err
			}
		}
	}
	script, err := b.watchedScript()
	if err != nil {
		return err
	}
	traced := []string{"--enable-stack-traces", script, b.out}
	if b.o.Debug {
		err = b.run(b.t.compiler, nil, traced...)
	} else {
		err = b.run(b.t.compiler, nil, script, b.out)
	}
	compile := (*CompileError)(nil)
	if errors.As(err, &compile) && !b.o.Debug && strings.Contains(compile.Text, "Exception while evaluating") {
		err = b.run(b.t.compiler, nil, traced...) // which says where
	}
	if errors.As(err, &compile) {
		if strings.Contains(compile.Text, NoHandler) {
			compile.Text = b.p.script() + ": " + NoHandler + "\n"
		}
		compile.Text = withoutTraces(compile.Text)
	}
	return err
}

// NoHandler is what the text of a [CompileError] says of a script that would never be asked anything.
const NoHandler = "the script handles no request"

// watchedScript writes a script that runs the project's, while the module is built, and refuses one that handles no request: js-compute would take it, and answer
// all of them with 500.
//
// It also has the first place found in the source map, if there is one. The map is read then: that takes some 50 ms, all that a request has, so the author of one
// that fails would be told of a budget instead of the failure.
func (b *build) watchedScript() (string, error) {
	abs, err := filepath.Abs(filepath.Join(b.p.Dir, filepath.FromSlash(b.p.script())))
	if err != nil {
		return "", err
	}
	name, err := json.Marshal(filepath.ToSlash(abs))
	if err != nil {
		return "", err
	}
	files := map[string]string{"watch.js": fmt.Sprintf(watchScript, NoHandler), "watched.js": "import { done } from \"./watch.js\";\nimport " + string(name) + ";\ndone();\n"}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(b.scratch, name), []byte(text), 0o600); err != nil {
			return "", err
		}
	}
	return filepath.Join(b.scratch, "watched.js"), nil
}

const watchScript = `let handlers = 0;
const add = globalThis.addEventListener;
globalThis.addEventListener = function (type, ...rest) {
  if (type === "fetch") handlers++;
  return add.call(this, type, ...rest);
};

export function done() {
  globalThis.addEventListener = add;
  if (handlers === 0) throw new Error(%q);
  globalThis.__fastlyMapError?.(new Error());
}
`

// withoutTraces cuts off what js-compute says of itself when a script is to blame.
func withoutTraces(text string) string {
	for _, own := range []string{"Error: the `wizer.initialize` function", "Error: Build failed with", "Raw error below:", "file:///"} {
		if i := strings.Index("\n"+text, "\n"+own); i > 0 {
			text = text[:i]
		}
	}
	return strings.TrimRight(text, "\n") + "\n"
}

// optimise returns what wasm-opt makes of the module, nil if it is not there or does not know what the compiler has used.
func (b *build) optimise() []byte {
	tool := command("wasm-opt")
	if tool == nil {
		return nil
	}
	smaller := b.out + ".opt"
	if b.run(tool, nil, "-O2", "--enable-bulk-memory", "--enable-sign-ext", "--enable-nontrapping-float-to-int", "--enable-mutable-globals", "-o", smaller, b.out) != nil {
		return nil
	}
	module, err := os.ReadFile(smaller)
	if err != nil {
		return nil
	}
	return module
}
