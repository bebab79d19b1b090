package cases_test

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/wedgecdn/wedge/edge/cmd/wedge/internal/cases"
	"github.com/wedgecdn/wedge/edge/cmd/wedge/internal/project"
)

var rewrite = flag.Bool("rewrite", false, "record the templates' conversations anew, as they go with the functions in C, and those of handlers as they go in JavaScript")

// always are the templates that are held in each language by each run of the tests; the others are in C, and in all languages if WEDGE_PROOF is 1.
var always = []string{"ab-routing", "headers"}

// One conversation, guests of four languages: each template gives the same bytes in each of them, to the client and to the origin.
func TestLanguagesGiveTheSameBytes(t *testing.T) {
	withAssemblyScript(t)
	const compiled = ""
	for _, template := range project.Templates() {
		for _, l := range []project.Language{project.C, project.AssemblyScript, project.Rust, project.Go} {
			if l != project.C && (raced || !slices.Contains(always, template) && os.Getenv("WEDGE_PROOF") == "") {
				continue
			}
			t.Run(template+"/"+string(l), func(t *testing.T) { hold(t, template, l, compiled) })
		}
	}
}

// The templates in JavaScript and TypeScript, each of which takes ten seconds and more; one of them is in the tests of the command.
func TestHandlerTemplates(t *testing.T) {
	if os.Getenv("WEDGE_PROOF") == "" {
		return
	}
	compiled := t.TempDir() // they have one engine
	for _, l := range []project.Language{project.JavaScript, project.TypeScript} {
		for _, template := range project.TemplatesOf(l) {
			t.Run(template+"/"+string(l), func(t *testing.T) { hold(t, template, l, compiled) })
		}
	}
}

// The fifth guest: redirects in JavaScript and TypeScript hold the conversation of the other four languages, but for the names of
// fields, which the web's Headers writes in lower case. (The other templates read their settings under another name, or say more of a response.)
func TestFiveGuestsOneConversation(t *testing.T) {
	at := func(name string) string {
		return string(read(t, filepath.Join("..", "project", "templates", "redirects", name)))
	}
	if d := cases.Difference(strings.ToLower(at("function.cases")), strings.ToLower(at("handler.cases"))); d != "" {
		t.Error(d)
	}
}

// hold makes a project of a template and holds its conversation; compiled is a folder for code, "" for none.
func hold(t *testing.T, template string, l project.Language, compiled string) {
	dir := filepath.Join(t.TempDir(), template)
	if _, err := project.New(dir, project.Options{Language: l, Template: template}); err != nil {
		t.Fatal(err)
	}
	if l.Handler() {
		modules, err := filepath.Abs("../../../../node/testdata/js/node_modules")
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(modules, filepath.Join(dir, "node_modules")); err != nil {
			t.Fatal(err)
		}
	}
	p, err := project.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	built, err := p.Build(t.Context(), project.BuildOptions{Plain: true})
	var missing *project.MissingError
	if errors.As(err, &missing) {
		t.Skipf("%s: run .ci/tools", missing)
	}
	if compile := (*project.CompileError)(nil); errors.As(err, &compile) {
		t.Fatalf("%v\n%s", err, compile.Text)
	}
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(p.Conversation())
	if err != nil {
		t.Fatal(err)
	}
	want, err := cases.Parse(string(text))
	if err != nil {
		t.Fatal(err)
	}
	got, err := want.Run(t.Context(), cases.Options{Name: p.Name, Module: built.Module, CompileCache: compiled})
	if err != nil {
		t.Fatal(err)
	}
	if first := map[project.Language]string{project.C: "function.cases", project.JavaScript: "handler.cases"}[l]; *rewrite && first != "" {
		if err := os.WriteFile(filepath.Join("..", "project", "templates", template, first), []byte(got.String()), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if d := cases.Difference(want.String(), got.String()); d != "" {
		t.Errorf("%s in %s, - wanted, + came:\n%s", template, l, d)
	}
}

// withAssemblyScript puts the compiler of the tests of runtime/engine into PATH.
func withAssemblyScript(t *testing.T) {
	js, err := filepath.Abs("../../../../../runtime/engine/enginetest/guests/testdata/assemblyscript/node_modules/assemblyscript/bin/asc.js")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(js); err != nil {
		return
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "asc"), []byte("#!/bin/sh\nexec node '"+js+"' \"$@\"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+string(filepath.ListSeparator)+os.Getenv("PATH"))
}
