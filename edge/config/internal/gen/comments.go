package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"reflect"
	"strings"
)

// commentMap holds the doc comments of types ("Site") and of their fields ("Site.Hosts"), each as one line.
type commentMap map[string]string

// comments reads the comments of the package in dir.
func comments(dir string) (commentMap, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	texts := commentMap{}
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), ".go") || strings.HasSuffix(e.Name(), "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), dir+"/"+e.Name(), nil, parser.ParseComments)
		if err != nil {
			return nil, err
		}
		for _, decl := range file.Decls {
			g, ok := decl.(*ast.GenDecl)
			if !ok || g.Tok != token.TYPE {
				continue
			}
			for _, spec := range g.Specs {
				t := spec.(*ast.TypeSpec)
				texts[t.Name.Name] = oneLine(g.Doc.Text())
				s, ok := t.Type.(*ast.StructType)
				if !ok {
					continue
				}
				for _, f := range s.Fields.List {
					for _, name := range f.Names {
						texts[t.Name.Name+"."+name.Name] = oneLine(f.Doc.Text())
					}
				}
			}
		}
	}
	return texts, nil
}

func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }

// of returns the comment of a field. A field without one would be a hole in the documentation.
func (m commentMap) of(owner reflect.Type, name string) string {
	text := m[owner.Name()+"."+name]
	if text == "" {
		panic(fmt.Sprintf("BUG: %s.%s has no comment", owner.Name(), name))
	}
	return text
}
