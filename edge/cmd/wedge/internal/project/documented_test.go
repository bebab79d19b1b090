package project

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// undocumented lists the lines of text that declare a public name and have no comment above or behind them.
func undocumented(text string, public, private *regexp.Regexp) (lines []string) {
	before := ""
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if public.MatchString(line) && !private.MatchString(line) && !strings.HasSuffix(before, "*/") && !strings.Contains(line, "/**") {
			lines = append(lines, line)
		}
		if line != "" && !strings.HasPrefix(line, "// @ts-ignore") {
			before = line
		} else if line == "" {
			before = ""
		}
	}
	return lines
}

var (
	publicC  = regexp.MustCompile(`^(static inline [^(]*\bwedge_\w+\(|#define WEDGE_\w+|enum wedge_\w+ \{|typedef |WEDGE_IMPORT\(")`)
	privateC = regexp.MustCompile(`^(static inline [^(]*\bwedge_\w+_\(|#define WEDGE_(\w+_|IMPORT|EXPORT|H|ABI|ARENA_SIZE|FAKE_H)\b)`)
	publicA  = regexp.MustCompile(`^(export (declare )?(function|class|enum|const enum) \w+|(static |get |readonly |public )*\w+(\(.*\))?: .*[;{,]$)`)
	privateA = regexp.MustCompile(`^(private |protected |return |const |let |while |if |for |case |\} |export declare function)`)
)

// Every name of an SDK that a function can use has a line about it. Rust's compiler sees to that by itself.
func TestEveryNameIsDocumented(t *testing.T) {
	f := func(l Language, name string, public, private *regexp.Regexp) {
		t.Helper()
		text, err := os.ReadFile(filepath.Join(sdk, l.folder(), name))
		if err != nil {
			t.Fatal(err)
		}
		for _, line := range undocumented(string(text), public, private) {
			t.Errorf("sdk/%s/%s: nothing is said about %q", l.folder(), name, line)
		}
	}
	f(C, "wedge.h", publicC, privateC)
	names, err := filepath.Glob(filepath.Join(sdk, "assemblyscript", "*.ts"))
	if err != nil || len(names) == 0 {
		t.Fatal(names, err)
	}
	for _, name := range names {
		if filepath.Base(name) != "raw.ts" { // generated, with comments from the contract
			f(AssemblyScript, filepath.Base(name), publicA, privateA)
		}
	}
	for _, dir := range []string{"", "wedgetest", "random"} {
		for _, name := range undocumentedGo(t, filepath.Join(sdk, "go", dir)) {
			t.Errorf("sdk/go/%s: nothing is said about %s", dir, name)
		}
	}

	want := func(l Language, text string, public, private *regexp.Regexp, n int) {
		t.Helper()
		if got := undocumented(text, public, private); len(got) != n {
			t.Errorf("%s: %q, want %d lines", l, got, n)
		}
	}
	want(C, "static inline int wedge_x(void) {\n/** y */\nstatic inline int wedge_y(void) {\nstatic inline int wedge_z_(void) {\n#define WEDGE_A\n", publicC, privateC, 2)
	want(AssemblyScript, "export function f(): void {\n/** g */\nexport function g(): void {\n  private x: i32 = 0;\n  y: i32 = 0;\n  get z(): i32 {\n", publicA, privateA, 3)
}

// undocumentedGo lists the exported names of a package that have no comment: of their own, of their group, or behind them.
func undocumentedGo(t *testing.T, dir string) (names []string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil || len(files) == 0 {
		t.Fatal(dir, err)
	}
	say := func(name *ast.Ident, comments ...*ast.CommentGroup) {
		for _, c := range comments {
			if c != nil {
				return
			}
		}
		if name.IsExported() {
			names = append(names, name.Name)
		}
	}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range file.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				if d.Recv == nil || ast.IsExported(receiver(d.Recv.List[0].Type)) {
					say(d.Name, d.Doc)
				}
			case *ast.GenDecl:
				for _, s := range d.Specs {
					switch s := s.(type) {
					case *ast.TypeSpec:
						say(s.Name, s.Doc, s.Comment, d.Doc)
					case *ast.ValueSpec:
						say(s.Names[0], s.Doc, s.Comment, d.Doc)
					}
				}
			}
		}
	}
	return names
}

func receiver(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.StarExpr:
		return receiver(e.X)
	case *ast.Ident:
		return e.Name
	case *ast.IndexExpr:
		return receiver(e.X)
	}
	return ""
}
