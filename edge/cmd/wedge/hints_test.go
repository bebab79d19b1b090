package main

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/wedgecdn/wedge/edge/admin"
	"github.com/wedgecdn/wedge/edge/cmd/wedge/internal/client"
)

// A file that is not there is told of in words, and not in the system's.
func TestAdviseAbsent(t *testing.T) {
	f := func(path, want string) {
		t.Helper()
		_, err := os.ReadFile(path)
		got := (&command{}).advise(err)
		var hinted *hintedError
		if !errors.As(got, &hinted) || got.Error() != want || hinted.hint == "" || !errors.Is(got, fs.ErrNotExist) {
			t.Errorf("%v: %#v, want %q", err, got, want)
		}
	}
	dir := t.TempDir()
	f(dir+"/x", "there is no file "+dir+"/x")
	f(dir+"/y/x", "there is no folder "+dir+"/y")
	f("nothing-of-that-name", "there is no file nothing-of-that-name")
}

// Whatever a node says, or does not, there is a next step.
func TestAdvise(t *testing.T) {
	f := func(at *place, err error, want string) {
		t.Helper()
		got := (&command{asked: at}).advise(err)
		var hinted *hintedError
		if !errors.As(got, &hinted) || hinted.hint != want || got.Error() != err.Error() {
			t.Errorf("%v: %#v, want the hint %q", err, got, want)
		}
	}
	here := &place{base: "http://127.0.0.1:9070", from: "--node"}
	withToken := &place{base: "http://127.0.0.1:9070", from: "--node", token: "secret", tokenFrom: "ci.token (--token-file)"}
	refusal := func(code admin.Code, hint string) error { return &admin.Error{Code: code, Message: "no", Hint: hint} }

	f(here, refusal(admin.NotFound, "functions: auth"), "functions: auth")
	f(here, refusal(admin.Unauthorized, "say who you are"), "no token was sent: name its file with --token-file or WEDGE_TOKEN_FILE")
	f(withToken, refusal(admin.Unauthorized, ""), "the token is from ci.token (--token-file), the address from --node: do they belong together?")
	f(here, refusal(admin.Forbidden, ""), "use a token that may do this; none was sent")
	f(withToken, refusal(admin.Forbidden, ""), "use a token that may do this; this one is from ci.token (--token-file)")
	f(withToken, refusal(admin.Forbidden, "use the operator's"), "use the operator's")
	f(here, refusal(admin.Internal, ""), "the node's own log tells more")
	f(here, &admin.Error{Code: admin.Internal, Message: "no", Request: "00ff"}, "the node's own log tells more under 00ff")
	f(here, refusal(admin.PreconditionFailed, ""), "somebody was faster: read it again, then decide again")
	f(here, refusal(admin.Unavailable, ""), "try again in a moment")
	f(here, refusal(admin.TooMany, "wait 5 seconds"), "wait 5 seconds")
	f(here, refusal(admin.MethodNotAllowed, ""), `the node is of another version: compare "wedge version" with "wedge status"`)
	f(here, refusal("of a newer node", ""), "the command's --help says what it takes")
	f(here, &client.Unreachable{Base: here.base, Err: errors.New("x")}, `the address is from --node; "wedge serve --config wedge.yaml" starts a node, --node says where another is`)
	f(here, &client.Foreign{Base: here.base}, "the address is from --node; --node wants that of the operators' API, admin.listen of the configuration, and not one that serves sites")
	f(here, &client.Broken{Base: here.base, Err: errors.New("x")}, `look with "wedge status" whether the node is well, and what was done; then try again`)
	f(nil, &fs.PathError{Op: "open", Path: "x", Err: fs.ErrPermission}, "is the name right, and may you use it?")
	f(nil, fmt.Errorf("read the token: %w", &fs.PathError{Op: "open", Path: "x", Err: fs.ErrNotExist}), "is the name right, and may you use it?")
	f(nil, hint(refusal(admin.Internal, "theirs"), "ours"), "ours")

	for _, code := range admin.Code("").Values() {
		var hinted *hintedError
		if err := (&command{asked: here}).advise(refusal(admin.Code(code), "")); !errors.As(err, &hinted) || hinted.hint == "" {
			t.Errorf("%s: no hint", code)
		}
		if err := (&command{asked: here}).advise(refusal(admin.Code(code), "")); strings.Contains(fmt.Sprint(err), "secret") {
			t.Errorf("%s: shows the token: %v", code, err)
		}
	}
}

// Where a user's error is made, a hint is made with it. What is exempt says why.
func TestErrorsAreMadeWithHints(t *testing.T) {
	exempt := map[string]string{
		"command.go answer":       "stdout cannot be written, or the answer is no JSON: there is nothing to hint at",
		"errors.go explain":       "gives the hint in its last lines",
		"functionlogs.go print":   "as answer",
		"replay.go package level": "Run gives the hint, which wraps errDiffers",
		"node.go readToken":       "find, which calls it, gives the hint",
		"run.go package level":    "errHelp is never printed",
		"terminal.go confirm":     "the terminal broke",
	}
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	used := map[string]bool{}
	found := 0
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") || name == "deps_tmp.go" {
			continue
		}
		set := token.NewFileSet()
		file, err := parser.ParseFile(set, name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range file.Decls {
			in := name + " package level"
			if fn, ok := d.(*ast.FuncDecl); ok {
				in = name + " " + fn.Name.Name
			}
			var hinted []ast.Node // calls of hint around what is looked at
			ast.Inspect(d, func(n ast.Node) bool {
				call, ok := n.(*ast.CallExpr)
				if !ok {
					return true
				}
				switch text := callee(call); {
				case text == "hint":
					hinted = append(hinted, call)
				case text == "errors.New" || text == "fmt.Errorf":
					found++
					within := slices.ContainsFunc(hinted, func(h ast.Node) bool { return h.Pos() <= call.Pos() && call.End() <= h.End() })
					if _, ok := exempt[in]; ok && !within {
						used[in] = true
					} else if !within {
						t.Errorf("%s: an error without a hint: wrap it in hint, or exempt %q and say why", set.Position(call.Pos()), in)
					}
				}
				return true
			})
		}
	}
	if found < 20 {
		t.Errorf("only %d errors are made: this test looks in the wrong place", found)
	}
	for in := range exempt {
		if !used[in] {
			t.Errorf("%s is exempt and makes no error without a hint", in)
		}
	}
}

func callee(call *ast.CallExpr) string {
	switch f := call.Fun.(type) {
	case *ast.Ident:
		return f.Name
	case *ast.SelectorExpr:
		if x, ok := f.X.(*ast.Ident); ok {
			return x.Name + "." + f.Sel.Name
		}
	}
	return ""
}
