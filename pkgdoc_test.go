package wedge_test

import (
	"errors"
	"fmt"
	"go/ast"
	"go/build/constraint"
	"go/parser"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// minDoc is how many characters a package comment has at least: enough for what it does, what not, who calls it.
const minDoc = 100

// program says whether a file is one that "go run" takes by name, kept out of its package by "//go:build ignore".
func (s source) program() bool {
	for _, group := range s.file.Comments {
		for _, c := range group.List {
			if x, err := constraint.Parse(c.Text); err == nil && c.Pos() < s.file.Package {
				return x.String() == "ignore"
			}
		}
	}
	return false
}

// packages lists the folders that hold Go code of the host, in order; one with tests only is none.
func packages(fsys fs.FS) (pkgs []string, err error) {
	files, err := sources(fsys, parser.PackageClauseOnly|parser.ParseComments, folders...)
	for _, s := range files {
		if !s.test && !s.program() && !slices.Contains(pkgs, s.pkg) {
			pkgs = append(pkgs, s.pkg)
		}
	}
	return pkgs, err
}

// documented is the rule that each package says what it is, where people look for it.
func documented(fsys fs.FS) (complaints []string, err error) {
	files, err := sources(fsys, parser.PackageClauseOnly|parser.ParseComments, ".")
	if err != nil {
		return nil, err
	}
	docs, names, order := map[string]*ast.CommentGroup{}, map[string]string{}, []string{}
	for _, s := range files {
		if s.test || s.program() {
			continue
		}
		name := s.file.Name.Name
		if _, ok := names[s.pkg]; !ok {
			names[s.pkg] = name
			order = append(order, s.pkg)
		}
		if base := path.Base(s.name); base == "doc.go" || base == name+".go" {
			if docs[s.pkg] == nil {
				docs[s.pkg] = s.file.Doc
			}
		} else if s.file.Doc != nil {
			complaints = append(complaints, fmt.Sprintf("%s: the package comment stands in doc.go or %s.go", s.name, name))
		}
	}
	for _, pkg := range order {
		doc, begin := "", "Package "+names[pkg]+" "
		if docs[pkg] != nil {
			doc = docs[pkg].Text()
		}
		switch {
		case doc == "":
			complaints = append(complaints, fmt.Sprintf("%s: no package comment in doc.go or %s.go", pkg, names[pkg]))
		case names[pkg] != "main" && !strings.HasPrefix(doc, begin):
			complaints = append(complaints, fmt.Sprintf("%s: the package comment begins with %q", pkg, begin))
		case len(doc) < minDoc:
			complaints = append(complaints, fmt.Sprintf("%s: the package comment has %d characters of %d: what it does, what it does not, who calls it", pkg, len(doc), minDoc))
		}
	}
	return complaints, nil
}

// A readmeEntry is a line "- `edge/kv`: One sentence." of a folder's README.
type readmeEntry struct {
	path    string
	text    string
	planned bool // announced with "*(planned)*", not there yet
}

var entryLine = regexp.MustCompile("^- `([a-z0-9_./-]+)`: (.*)$")

// readmeEntries reads a folder's README; a folder that has none has no entries.
func readmeEntries(fsys fs.FS, folder string) (entries []readmeEntry, err error) {
	text, err := fs.ReadFile(fsys, folder+"/README.md")
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	for line := range strings.Lines(string(text)) {
		if m := entryLine.FindStringSubmatch(strings.TrimSuffix(line, "\n")); m != nil {
			text, planned := strings.CutSuffix(m[2], " *(planned)*")
			entries = append(entries, readmeEntry{m[1], text, planned})
		}
	}
	return entries, nil
}

// described is the rule that the README of each top folder has one sentence for each package below it, and none for
// what is not there. In sdk, examples and benchmarks a line speaks for a whole subfolder.
func described(fsys fs.FS) (complaints []string, err error) {
	there := map[string][]string{}
	files, err := sources(fsys, parser.PackageClauseOnly|parser.ParseComments, slices.Concat(folders, []string{"sdk", "examples", "benchmarks"})...)
	if err != nil {
		return nil, err
	}
	complain := func(format string, args ...any) { complaints = append(complaints, fmt.Sprintf(format, args...)) }
	for _, s := range files {
		parts := strings.Split(s.pkg, "/")
		top := parts[0]
		host := slices.Contains(folders, top)
		switch {
		case host && len(parts) == 1:
			complain("%s: %s/ is a folder of packages and holds no Go file of its own", s.name, top)
			continue
		case host && (s.test || s.program() || room(s.pkg) != s.pkg):
			continue // not a package, or part of one
		case !host:
			parts = parts[:min(2, len(parts))]
		}
		if entry := strings.Join(parts, "/"); !slices.Contains(there[top], entry) {
			there[top] = append(there[top], entry)
		}
	}
	for _, top := range slices.Concat(folders, []string{"sdk", "examples", "benchmarks"}) {
		entries, err := readmeEntries(fsys, top)
		if err != nil {
			return nil, err
		}
		var listed []string
		for _, e := range entries {
			exists := slices.Contains(there[top], e.path)
			switch {
			case slices.Contains(listed, e.path):
				complain("%s/README.md: %s is listed twice", top, e.path)
			case !strings.HasSuffix(e.text, "."):
				complain("%s/README.md: %s: one sentence, with a full stop", top, e.path)
			case exists && e.planned:
				complain("%s/README.md: %s is there: take *(planned)* away", top, e.path)
			case !exists && !e.planned:
				complain("%s/README.md: %s is not there: take the line away, or end it with *(planned)*", top, e.path)
			}
			listed = append(listed, e.path)
		}
		if !slices.IsSorted(listed) {
			complain("%s/README.md: the packages are not in alphabetical order", top)
		}
		for _, p := range there[top] {
			if !slices.Contains(listed, p) {
				complain("%s/README.md: no line for %s: add \"- `%s`: One sentence.\"", top, p, p)
			}
		}
	}
	return complaints, nil
}

func TestDocumented(t *testing.T) { holds(t, documented) }
func TestDescribed(t *testing.T)  { holds(t, described) }

func TestDocumentedFinds(t *testing.T) {
	long := strings.Repeat("It says what it does, and what it does not. ", 3)
	f := func(name, text string, want ...string) {
		t.Helper()
		finds(t, documented, tree(name, text), want...)
	}
	f("edge/kv/doc.go", "// Package kv keeps. "+long+"\npackage kv\n")
	f("edge/kv/kv.go", "// Package kv keeps. "+long+"\npackage kv\n")
	f("edge/kv/doc.go", "package kv\n", "no package comment")
	f("edge/kv/doc.go", "// Package kv keeps. "+long+"\n\npackage kv\n", "no package comment")
	f("edge/kv/get.go", "// Package kv keeps. "+long+"\npackage kv\n", "stands in doc.go or kv.go", "no package comment")
	f("edge/kv/doc.go", "// Package kv keeps.\npackage kv\n", "has 18 characters")
	f("edge/kv/doc.go", "// Stores are kept here. "+long+"\npackage kv\n", `begins with "Package kv "`)
	f("edge/cmd/wedge/main.go", "// Command wedge is the node. "+long+"\npackage main\n")
	f("edge/kv/kv_test.go", "package kv\n")
	f("edge/kv/gen.go", "//go:build ignore\n\npackage main\n")
	f("edge/kv/testdata/guest/x.go", "package main\n")
}

func TestDescribedFinds(t *testing.T) {
	f := func(readme string, want ...string) {
		t.Helper()
		finds(t, described, tree("edge/README.md", readme, "edge/kv/doc.go", "package kv\n", "edge/front/h1/x.go", "package h1\n"), want...)
	}
	h1, kv := "- `edge/front/h1`: Serves.\n", "- `edge/kv`: Keeps.\n"
	f("# Edge\n\n" + h1 + kv)
	f(h1, "no line for edge/kv")
	f(kv+h1, "alphabetical")
	f(h1+kv+kv, "twice")
	f(h1+"- `edge/kv`: Keeps\n", "full stop")
	f(h1+"- `edge/kv`: Keeps. *(planned)*\n", "edge/kv is there")
	f("- `edge/dns`: Answers. *(planned)*\n" + h1 + kv)
	f("- `edge/dns`: Answers.\n"+h1+kv, "edge/dns is not there")
	finds(t, described, tree("edge/kv/internal/line/x.go", "package line\n"))
	finds(t, described, tree("edge/README.md", "", "edge/x.go", "package edge\n"), "holds no Go file")
	finds(t, described, tree("sdk/README.md", "- `sdk/go`: For Go.\n", "sdk/go/x.go", "package wedge\n", "sdk/go/internal/raw/x.go", "package raw\n"))
	finds(t, described, tree("examples/auth/x_test.go", "package main\n"), "no line for examples/auth")
}
