package main

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/alecthomas/kong"

	"github.com/wedgecdn/wedge/edge/admin"
)

func TestReport(t *testing.T) {
	f := func(err error, wantCode int, want string) {
		t.Helper()
		var stderr strings.Builder
		c := &command{stderr: &stderr}
		if code := c.report(err); code != wantCode || stderr.String() != want {
			t.Errorf("report(%v) = %d, %q; want %d, %q", err, code, stderr.String(), wantCode, want)
		}
	}
	plain := errors.New("the node did not answer")
	f(nil, exitOK, "")
	f(plain, exitFailed, "wedge: error: the node did not answer\n")
	f(hint(plain, "is it running on %s", "127.0.0.1:9070"), exitFailed,
		"wedge: error: the node did not answer\nwedge: hint: is it running on 127.0.0.1:9070\n")
	f(usage(plain), exitUsage, "wedge: error: the node did not answer\n")
	f(hint(usage(plain), "next"), exitUsage, "wedge: error: the node did not answer\nwedge: hint: next\n")
	f(fmt.Errorf("purge: %w", hint(usage(plain), "next")), exitUsage,
		"wedge: error: purge: the node did not answer\nwedge: hint: next\n")
}

// What a node complains about is named once.
func TestComplaints(t *testing.T) {
	f := func(e admin.Error, want string) {
		t.Helper()
		var stderr strings.Builder
		(&command{stderr: &stderr, asked: &place{}}).report(&e)
		if stderr.String() != want {
			t.Errorf("got:\n%swant:\n%s", stderr.String(), want)
		}
	}
	f(admin.Error{Code: admin.BadRequest, Field: "key", Message: "it is empty", Hint: "give one"},
		"wedge: error: key: it is empty\nwedge: hint: give one\n")
	f(admin.Error{Code: admin.Invalid, Field: "module", Message: "the module has no hook", Hint: "export one"},
		"wedge: error: the module has no hook\nwedge: hint: export one\n")
	f(admin.Error{Code: admin.NotFound, Field: "name", Message: "there is no \"aut\"", Hint: "auth?"},
		"wedge: error: there is no \"aut\"\nwedge: hint: auth?\n")
	f(admin.Error{Code: admin.Invalid, Message: "the configuration is wrong", Problems: []admin.Problem{
		{File: "wedge.yaml", Line: 2, Column: 3, Message: "unknown field \"x\"", Hint: "did you mean \"y\"?", Snippet: " 2 | x: 1\x1b\n   | ^"},
		{Message: "no site", Hint: "add one"},
	}}, `wedge: error: wedge.yaml:2:3: unknown field "x"
 2 | x: 1\x1b
   | ^
wedge: hint: did you mean "y"?
wedge: error: no site
wedge: hint: add one
wedge: error: the configuration is wrong
wedge: hint: mend what is named above; nothing was changed
`)
}

func TestExplain(t *testing.T) {
	var nouns struct {
		Cache struct {
			Purge struct {
				Tag string
			} `cmd:""`
			Show struct {
				URL string `arg:""`
			} `cmd:""`
		} `cmd:""`
		Version struct{} `cmd:""`
	}
	parser, err := kong.New(&nouns, kong.Name("wedge"))
	if err != nil {
		t.Fatal(err)
	}
	parse := func(args string) *kong.ParseError {
		t.Helper()
		_, err := parser.Parse(strings.Fields(args))
		var p *kong.ParseError
		if !errors.As(err, &p) {
			t.Fatalf("wedge %s: %v is no parse error", args, err)
		}
		return p
	}
	f := func(args, wantError, wantHint string) {
		t.Helper()
		p := parse(args)
		var stderr strings.Builder
		code := (&command{stderr: &stderr}).report(explain(p))
		want := "wedge: error: " + wantError + "\nwedge: hint: " + wantHint + "\n"
		if code != exitUsage || incomplete(p) || stderr.String() != want {
			t.Errorf("wedge %s: incomplete %v, exit code %d\ngot:\n%swant:\n%s", args, incomplete(p), code, stderr.String(), want)
		}
	}
	f("cahce", `unknown command "cahce"`, `did you mean "cache"?`)
	f("cache prge", `unknown command "cache prge"`, `did you mean "purge"?`)
	f("cache frobnicate", `unknown command "cache frobnicate"`, `"wedge cache --help" says how it is used`)
	f("cache purge --tga x", `unknown flag --tga`, `did you mean "--tag"?`)
	f("cache purge now", `unexpected argument now`, `"wedge cache purge --help" says how it is used`)
	f("cache show", `missing argument <url>`, `"wedge cache show --help" says how it is used`)
	f("cache purge --tag", `--tag needs a value`, `"wedge cache purge --help" says how it is used`)

	for _, args := range []string{"", "cache"} {
		if p := parse(args); !incomplete(p) {
			t.Errorf("wedge %s: not taken for incomplete: %v", args, p)
		}
	}
}
