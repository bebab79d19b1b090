package wedge_test

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

// The tests of this folder hold the rules of the tree: who may import whom, what must be documented, what must not
// be committed. They read files and start no "go list", so that "go test" sees which files they depend on and
// does not answer from its cache when one changes. Each rule is a function from a tree to complaints, so that it can
// be tried on a small tree that breaks it: a rule that finds nothing anywhere is no rule.

const module = "github.com/wedgecdn/wedge"

// folders are the three that hold packages of the host, lowest first: a package imports its own folder or lower ones.
var folders = []string{"runtime", "hostapi", "edge"}

// repository is the real tree. "go test" runs tests in their package's folder, which is the root here.
func repository() fs.FS { return os.DirFS(".") }

// A rule returns one complaint for each place where the tree breaks it.
type rule func(fs.FS) ([]string, error)

// holds runs a rule on the repository.
func holds(t *testing.T, r rule) {
	t.Helper()
	complaints, err := r(repository())
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range complaints {
		t.Error(c)
	}
}

// tree is a small repository for the tests of rules: names and contents in turn.
func tree(namesAndContents ...string) fs.FS {
	m := fstest.MapFS{}
	for i := 0; i < len(namesAndContents); i += 2 {
		m[namesAndContents[i]] = &fstest.MapFile{Data: []byte(namesAndContents[i+1])}
	}
	return m
}

// finds checks that a rule complains about a tree exactly so often, each time with the words given for it.
func finds(t *testing.T, r rule, tree fs.FS, want ...string) {
	t.Helper()
	got, err := r(tree)
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != len(want) {
		t.Fatalf("%d complaints, want %d:\n%s", len(got), len(want), strings.Join(got, "\n"))
	}
	for i := range want {
		if !strings.Contains(got[i], want[i]) {
			t.Errorf("complaint %q does not say %q", got[i], want[i])
		}
	}
}

// walk visits every file that may be committed, in lexical order: not what make or a node writes, nothing hidden
// but .ci.
func walk(fsys fs.FS, visit func(name string) error) error {
	return fs.WalkDir(fsys, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if name == ".git" && !d.IsDir() {
			return nil // a second work tree has a file there, which says where its repository is
		}
		if !d.IsDir() {
			return visit(name)
		}
		base := path.Base(name)
		hidden := strings.HasPrefix(base, ".") && name != "." && name != ".ci"
		if hidden || slices.Contains(unversioned, name) || base == "node_modules" || base == "__pycache__" {
			return fs.SkipDir
		}
		return nil
	})
}

// unversioned folders of the root are written by make and by nodes, and are in .gitignore.
var unversioned = []string{"bin", "dist", "wedge-data"}

// A source is one parsed Go file.
type source struct {
	name string // "edge/kv/get.go"
	pkg  string // its folder, "edge/kv"
	test bool
	fset *token.FileSet
	file *ast.File
}

func (s source) line(p token.Pos) int { return s.fset.Position(p).Line }

// sources parses all Go files below the given folders ("." for all), testdata left out: what stands there is input.
func sources(fsys fs.FS, mode parser.Mode, below ...string) (all []source, err error) {
	err = walk(fsys, func(name string) error {
		dir := path.Dir(name)
		if path.Ext(name) != ".go" || slices.Contains(strings.Split(dir, "/"), "testdata") || !within(dir, below) {
			return nil
		}
		text, err := fs.ReadFile(fsys, name)
		if err != nil {
			return err
		}
		fset := token.NewFileSet()
		file, err := parser.ParseFile(fset, name, text, mode|parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		all = append(all, source{name: name, pkg: dir, test: strings.HasSuffix(name, "_test.go"), fset: fset, file: file})
		return nil
	})
	return all, err
}

// within says whether a folder is, or is below, one of the given ones.
func within(dir string, below []string) bool {
	return slices.ContainsFunc(below, func(b string) bool {
		return b == "." || dir == b || strings.HasPrefix(dir, b+"/")
	})
}

// texts calls visit with each file of the tree that is text.
func texts(fsys fs.FS, visit func(name string, lines []string)) error {
	return walk(fsys, func(name string) error {
		text, err := fs.ReadFile(fsys, name)
		if err != nil || bytes.IndexByte(text, 0) >= 0 {
			return err
		}
		visit(name, strings.Split(strings.TrimSuffix(string(text), "\n"), "\n"))
		return nil
	})
}
