package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/wedgecdn/wedge/edge/cmd/wedge/internal/project"
	"github.com/wedgecdn/wedge/edge/node"
	"github.com/wedgecdn/wedge/hostapi/cost"
)

type functionBuild struct {
	Dir    string `arg:"" optional:"" default:"." type:"path" complete:"file" help:"The project's folder. This one unless said."`
	Output string `name:"output" short:"o" type:"path" placeholder:"FILE" help:"Where the module goes; NAME.wasm in the folder unless said."`
	Debug  bool   `name:"debug" help:"Keep names and line tables, so that a trap tells where it was."`
	Plain  bool   `name:"plain" help:"Do not use wasm-opt, even if it is there."`
	jsonFlag
}

// A buildReport is the answer as JSON.
type buildReport struct {
	Name      string     `json:"name"`
	Language  string     `json:"language"`
	File      string     `json:"file"`
	Size      int        `json:"size"`
	Optimised bool       `json:"optimised"`
	Hooks     []string   `json:"hooks"`
	Handler   bool       `json:"handler,omitempty"` // it has no hooks, and answers by itself
	Empty     []fuelHook `json:"empty_call,omitempty"`
	// Remark is what the author may have overlooked.
	Remark string `json:"remark,omitempty"`
	// Failed is why the empty call failed: a function may need settings or a store that a node gives it.
	Failed string `json:"empty_call_failed,omitempty"`
}

func (f functionBuild) Run(c *command) error {
	p, err := project.Open(f.Dir)
	if errors.Is(err, project.ErrNoProject) {
		return hint(err, `"wedge function new NAME --lang c" makes a project; its folder has go.mod, Cargo.toml, index.ts, a .c file, or package.json with @fastly/js-compute`)
	}
	if err != nil {
		return err
	}
	built, err := c.build(p, project.BuildOptions{Debug: f.Debug, Plain: f.Plain})
	if err != nil {
		return err
	}
	report, err := inspect(p, built)
	if err != nil {
		return err
	}
	report.File = f.Output
	if report.File == "" {
		report.File = p.Output()
	}
	if err := os.WriteFile(report.File, built.Module, 0o644); err != nil {
		return err
	}
	if wd, err := os.Getwd(); err == nil {
		if rel, err := filepath.Rel(wd, report.File); err == nil && !strings.HasPrefix(rel, "..") {
			report.File = rel
		}
	}
	raw, err := json.MarshalIndent(report, "", "  ")
	if err != nil {
		return err
	}
	if report.Remark != "" {
		c.note("%s", report.Remark)
	}
	if report.Failed != "" {
		c.note("a call without settings, on an empty store, failed: %s; wedge function test and wedge dev give it what function.cases says, and tell the file and line where it fails", report.Failed)
	}
	return c.answer(f.jsonFlag, json.RawMessage(raw), func(w io.Writer) error { return printBuild(w, report) })
}

// compiledCode is where nodes that live as long as a command keep compiled code, so that the next one finds it: a script's engine takes 15 s to compile.
func compiledCode() string { return node.CacheDir("compiled") }

// build compiles a project, with hints for what may go wrong.
func (c *command) build(p *project.Project, o project.BuildOptions) (*project.Built, error) {
	return c.buildBy(p, p, o)
}

// buildBy compiles a project by what is given for it.
func (c *command) buildBy(p *project.Project, by builder, o project.BuildOptions) (*project.Built, error) {
	built, err := by.Build(c.context, o)
	var missing *project.MissingError
	var compile *project.CompileError
	switch {
	case errors.As(err, &missing):
		return nil, hint(err, "%s", missing.Hint())
	case errors.As(err, &compile):
		for line := range strings.Lines(compile.Text) {
			fmt.Fprintln(c.stderr, clean(strings.ReplaceAll(strings.TrimRight(line, "\r\n"), "\t", "    ")))
		}
		return nil, hint(err, "%s", compileHint(compile))
	}
	return built, err
}

// A builder compiles a project: the project itself, or what keeps something between two times.
type builder interface {
	Build(context.Context, project.BuildOptions) (*project.Built, error)
}

func compileHint(e *project.CompileError) string {
	switch e.Language {
	case project.AssemblyScript:
		return "AssemblyScript is a strict part of TypeScript: what it lacks is at https://www.assemblyscript.org; sdk/wedge/README.md shows what the SDK has"
	case project.C:
		return "sdk/wedge/wedge.h has every function with a line about it; there is no libc"
	case project.JavaScript, project.TypeScript:
		if e.Tool == "tsc" {
			return "TypeScript checks the types before js-compute, which does not look at them, builds the module; tsconfig.json says how strictly"
		}
		if strings.Contains(e.Text, project.NoHandler) {
			return exportHint(e.Language)
		}
		if strings.Contains(e.Text, "Could not resolve") {
			return "a script can import other files, the packages of its package.json and fastly:...; what Node.js has is not there"
		}
		if strings.Contains(e.Text, "[ERROR]") {
			return "a script is JavaScript as browsers have it, with the modules fastly:...: https://js-compute-reference-docs.edgecompute.app"
		}
		return "the script runs once while it is built, up to its addEventListener: what asks the node for something belongs into the handler"
	}
	return "the SDK's README with an example is sdk/wedge/README.md"
}

// inspect looks at a module as a node would, and runs its hooks once on a request that nothing is known of.
func inspect(p *project.Project, built *project.Built) (*buildReport, error) {
	r := &buildReport{Name: p.Name, Language: string(p.Language), Size: len(built.Module), Optimised: built.Optimised, Hooks: []string{}}
	if p.Language.Handler() { // its engine takes seconds to compile, which a node does at the deploy
		var err error
		if r.Handler, err = cost.Handler(built.Module); err != nil {
			return nil, hint(fmt.Errorf("no node would take the module: %w", err), "%s", importHint(p, err.Error()))
		}
		return r, nil
	}
	fn, err := cost.Open(built.Module, cost.Options{})
	if err != nil {
		next := noHookHint(p.Language, cost.Hint(err))
		if strings.Contains(err.Error(), "imports: ") {
			next = importHint(p, err.Error())
		}
		why, _, _ := strings.Cut(err.Error(), ": looked for") // what other kinds of functions would have: its language says of which kind this is
		return nil, hint(fmt.Errorf("no node would take the module: %s", why), "%s", next)
	}
	defer fn.Close()
	if r.Hooks = fn.Hooks(); len(r.Hooks) == 0 {
		return nil, hint(fmt.Errorf("the module of %s has no hook, so no node would ever call it", p.Name), "%s", exportHint(p.Language))
	}
	r.Remark = fn.Remark()
	calls, err := fn.Run(cost.Case{})
	if err != nil {
		r.Failed = err.Error()
	}
	for _, call := range calls {
		r.Empty = append(r.Empty, fuelHook{call.Hook.String(), call.Fuel, call.Memory, call.Answered})
	}
	return r, nil
}

// noHookHint says how to mend a module without a hook: the node knows it if one is only misspelt, why is its hint.
func noHookHint(l project.Language, why string) string {
	if strings.Contains(why, "nearly a hook") {
		return why + "; " + exportHint(l)
	}
	return exportHint(l)
}

// exportHint says how a hook is exported in a language, and the ABI's mark with it.
func exportHint(l project.Language) string {
	switch l {
	case project.Go:
		return "a hook in Go is //go:wasmexport on_request above func onRequest() int32 { return wedge.OnRequest(f) }"
	case project.Rust:
		return "a hook in Rust is wedge::hooks! { on_request => f }"
	case project.AssemblyScript:
		return `a hook in AssemblyScript is export function on_request(): i32 { return onRequest(f); } beside export { wedge_abi_v1, wedge_restored } from "wedge"`
	}
	if l.Handler() {
		return `a handler is addEventListener("fetch", (event) => event.respondWith(handle(event.request))), where handle returns a Response`
	}
	return "a hook in C is WEDGE_ON_REQUEST { return WEDGE_GO_ON; }"
}

func printBuild(w io.Writer, r *buildReport) error {
	size := bytesText(int64(r.Size))
	if r.Optimised {
		size += ", by wasm-opt"
	}
	if r.Handler {
		_, err := fmt.Fprintf(w, "%s: %s, for handler: %s\n", clean(r.File), size, clean(r.Name))
		return err
	}
	if _, err := fmt.Fprintf(w, "%s: %s\n\n", clean(r.File), size); err != nil {
		return err
	}
	t := newTable(w)
	t.row("HOOK", "FUEL", "MEMORY", "OF AN EMPTY CALL")
	cost := map[string]fuelHook{}
	for _, h := range r.Empty {
		cost[h.Hook] = h
	}
	for _, hook := range r.Hooks {
		h, ok := cost[hook]
		switch {
		case !ok:
			t.row(hook, "", "", "not called")
		case h.Answered:
			t.row(hook, strconv.FormatInt(h.Fuel, 10), bytesText(h.Memory), "answers")
		default:
			t.row(hook, strconv.FormatInt(h.Fuel, 10), bytesText(h.Memory), "goes on")
		}
	}
	return t.flush()
}
