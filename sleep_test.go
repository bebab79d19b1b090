package wedge_test

import (
	"fmt"
	"go/ast"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strconv"
	"testing"
)

// local is the name under which a file knows a package, "" if it does not import it.
func (s source) local(imp string) string {
	for _, spec := range s.file.Imports {
		if p, err := strconv.Unquote(spec.Path.Value); err == nil && p == imp {
			if spec.Name != nil {
				return spec.Name.Name
			}
			return path.Base(imp)
		}
	}
	return ""
}

// selects says whether an expression is pkg.name.
func selects(e ast.Expr, pkg, name string) bool {
	sel, ok := e.(*ast.SelectorExpr)
	if !ok || sel.Sel.Name != name {
		return false
	}
	x, ok := sel.X.(*ast.Ident)
	return ok && x.Name == pkg
}

// calls tells the name of what is called, if it is a plain name or a method.
func calls(n *ast.CallExpr) string {
	switch f := n.Fun.(type) {
	case *ast.Ident:
		return f.Name
	case *ast.SelectorExpr:
		return f.Sel.Name
	}
	return ""
}

// bubbles lists the functions of a package's tests, declared or in a variable, that run what they are given in fake
// time: those that call synctest.Test, and those that call one of them.
func bubbles(files []source) (names []string) {
	for grown := true; grown; {
		grown = false
		for _, s := range files {
			bubble := s.local("testing/synctest")
			note := func(name string, body ast.Node) {
				if slices.Contains(names, name) {
					return
				}
				ast.Inspect(body, func(n ast.Node) bool {
					call, ok := n.(*ast.CallExpr)
					if ok && !slices.Contains(names, name) && (bubble != "" && selects(call.Fun, bubble, "Test") || slices.Contains(names, calls(call))) {
						names, grown = append(names, name), true
					}
					return true
				})
			}
			ast.Inspect(s.file, func(n ast.Node) bool {
				switch n := n.(type) {
				case *ast.FuncDecl:
					if n.Body != nil {
						note(n.Name.Name, n.Body)
					}
				case *ast.AssignStmt:
					for i, v := range n.Rhs {
						if lit, ok := v.(*ast.FuncLit); ok && i < len(n.Lhs) {
							if id, ok := n.Lhs[i].(*ast.Ident); ok {
								note(id.Name, lit.Body)
							}
						}
					}
				}
				return true
			})
		}
	}
	return names
}

// nobodySleeps is the rule that a test waits in fake time or for an event, never for the clock of the machine: such a
// test is slow when all is well, and fails when the machine is busy. Inside synctest.Test sleeping is free and exact:
// in the function given to it, written in place or declared in the package, in what that one contains, and in
// functions written in place that are given to a function which runs them so.
func nobodySleeps(fsys fs.FS) (complaints []string, err error) {
	files, err := sources(fsys, 0, ".")
	if err != nil {
		return nil, err
	}
	packages := map[string][]source{}
	for _, s := range files {
		if s.test {
			packages[path.Dir(s.name)] = append(packages[path.Dir(s.name)], s)
		}
	}
	for _, dir := range slices.Sorted(maps.Keys(packages)) {
		inside := bubbles(packages[dir])
		var fake []string // declared functions that are given to synctest.Test
		for _, s := range packages[dir] {
			bubble := s.local("testing/synctest")
			ast.Inspect(s.file, func(n ast.Node) bool {
				call, ok := n.(*ast.CallExpr)
				if ok && bubble != "" && selects(call.Fun, bubble, "Test") && len(call.Args) == 2 {
					if id, ok := call.Args[1].(*ast.Ident); ok {
						fake = append(fake, id.Name)
					}
				}
				return true
			})
		}
		for _, s := range packages[dir] {
			clock, bubble := s.local("time"), s.local("testing/synctest")
			if clock == "" {
				continue
			}
			if clock == "." {
				complaints = append(complaints, s.name+": time is imported with a dot, and nobody sees who sleeps")
				continue
			}
			var look func(n ast.Node) bool
			look = func(n ast.Node) bool {
				switch n := n.(type) {
				case *ast.FuncDecl:
					return !slices.Contains(fake, n.Name.Name)
				case *ast.CallExpr:
					if bubble != "" && selects(n.Fun, bubble, "Test") {
						return false
					}
					if slices.Contains(inside, calls(n)) {
						for _, arg := range n.Args {
							if _, ok := arg.(*ast.FuncLit); !ok {
								ast.Inspect(arg, look)
							}
						}
						return false
					}
				case *ast.SelectorExpr:
					if selects(n, clock, "Sleep") {
						complaints = append(complaints, fmt.Sprintf("%s:%d: time.Sleep in a test, outside synctest.Test: wait for an event, or test in fake time", s.name, s.line(n.Pos())))
					}
				}
				return true
			}
			ast.Inspect(s.file, look)
		}
	}
	return complaints, nil
}

func TestNobodySleeps(t *testing.T) { holds(t, nobodySleeps) }

func TestNobodySleepsFinds(t *testing.T) {
	imports := "package x\n\nimport (\n\t\"testing\"\n\t\"testing/synctest\"\n\t\"time\"\n)\n\n"
	f := func(text string, want ...string) {
		t.Helper()
		finds(t, nobodySleeps, tree("edge/x/x_test.go", text), want...)
	}
	f(imports+"func TestX(t *testing.T) { time.Sleep(1) }\n", "edge/x/x_test.go:9: time.Sleep")
	f(imports+"func TestX(t *testing.T) { go func() { time.Sleep(1) }() }\n", "time.Sleep")
	f(imports + "func TestX(t *testing.T) { synctest.Test(t, func(t *testing.T) { go func() { time.Sleep(1) }() }) }\n")
	f(imports+"func TestX(t *testing.T) { synctest.Test(t, func(t *testing.T) {}); time.Sleep(1) }\n", "time.Sleep")
	f(imports + "func TestX(t *testing.T) { synctest.Test(t, inBubble) }\n\nfunc inBubble(t *testing.T) { time.Sleep(1) }\n")
	f(imports + "func in(t *testing.T, f func()) { synctest.Test(t, func(t *testing.T) { f() }) }\n\nfunc TestX(t *testing.T) { in(t, func() { time.Sleep(1) }) }\n")
	f(imports+"func in(t *testing.T, f func()) { synctest.Test(t, func(t *testing.T) { f() }) }\n\nfunc TestX(t *testing.T) { in(t, nil); time.Sleep(1) }\n", "time.Sleep")
	f(imports + "func TestX(t *testing.T) {\n\tin := func(f func()) { synctest.Test(t, func(t *testing.T) { f() }) }\n\tdeep := func(f func()) { in(f) }\n\tdeep(func() { time.Sleep(1) })\n}\n")
	f(imports+"func nap() { time.Sleep(1) }\n", "time.Sleep")
	f(imports+"var nap = time.Sleep\n", "time.Sleep")
	f("package x\n\nimport clock \"time\"\n\nfunc nap() { clock.Sleep(1) }\n", "time.Sleep")
	f("package x\n\nimport . \"time\"\n\nfunc nap() { Sleep(1) }\n", "with a dot")
	f("package x\n\nfunc nap() { time.Sleep(1) }\n\nvar time struct{ Sleep func(int) }\n")
	finds(t, nobodySleeps, tree("edge/x/x.go", imports+"func nap() { time.Sleep(1) }\n"))
}
