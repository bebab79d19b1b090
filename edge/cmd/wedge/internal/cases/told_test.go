package cases_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wedgecdn/wedge/edge/cmd/wedge/internal/cases"
	"github.com/wedgecdn/wedge/edge/cmd/wedge/internal/project"
)

// What a conversation says of time, stores, counters, keys and fuel is held against the node: a change of the text is a difference.
func TestEverySectionIsHeld(t *testing.T) {
	module := built(t, "testdata/session.c")
	b, err := os.ReadFile("testdata/session.cases")
	if err != nil {
		t.Fatal(err)
	}
	text := string(b)
	run := func(text string) (want, got string) {
		t.Helper()
		c, err := cases.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		went, err := c.Run(t.Context(), cases.Options{Name: "session", Module: module})
		if err != nil {
			t.Fatal(err)
		}
		return c.String(), went.String()
	}
	want, got := run(text)
	if *rewrite {
		if err := os.WriteFile("testdata/session.cases", []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if d := cases.Difference(want, got); d != "" {
		t.Fatalf("- wanted, + came:\n%s", d)
	}
	f := func(old, new, line string) {
		t.Helper()
		if strings.Count(text, old) == 0 {
			t.Fatalf("the conversation has no %q", old)
		}
		want, got := run(strings.Replace(text, old, new, 1))
		if d := cases.Difference(want, got); !strings.Contains("\n"+d, "\n"+line+"\n") {
			t.Errorf("%q for %q: got\n%s, want %q in it", new, old, d, line)
		}
	}
	f("-- fuel at most 1000000 --", "-- fuel at most 10 --", "- -- fuel at most 10 --")
	f("recent in 1m: 5", "recent in 1m: 7", "+ recent in 1m: 8")
	f("function visit: first", "function visit: second", "+ function visit: first")
	f("visits (1m left): 1", "visits (1m left): 3", "- visits (1m left): 3")
	f("-- at 12:00:00 --", "-- at 11:00:00 --", "- 1767268800000000000")
	f("name: ann", "name: eve", "+ name: eve")
}

// built is a module in C.
func built(t *testing.T, source string) []byte {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "session")
	if _, err := project.New(dir, project.Options{Language: project.C, Template: "blank"}); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(source)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "main.c"), b, 0o600); err != nil {
		t.Fatal(err)
	}
	p, err := project.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	made, err := p.Build(t.Context(), project.BuildOptions{Plain: true})
	if missing := (*project.MissingError)(nil); errors.As(err, &missing) {
		t.Skipf("%s: run .ci/tools", missing)
	}
	if compile := (*project.CompileError)(nil); errors.As(err, &compile) {
		t.Fatalf("%v\n%s", err, compile.Text)
	}
	if err != nil {
		t.Fatal(err)
	}
	return made.Module
}
