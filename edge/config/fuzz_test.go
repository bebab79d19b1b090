package config

import (
	"os"
	"path/filepath"
	"testing"
)

// FuzzParse knows what must hold for every file: a complaint has a message and a hint, and its place is in the file; what is right is
// shown so that it is read back to the same, and the JSON Schema agrees.
func FuzzParse(f *testing.F) {
	for _, pattern := range []string{"testdata/*.yaml", "testdata/errors/*.yaml"} {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			f.Fatal(pattern, err)
		}
		for _, file := range files {
			data, err := os.ReadFile(file)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(string(data))
		}
	}
	f.Add(`functions: [{name: f, config: {a: "\x00\u0085\U0001f600", b: |` + "\n  x\n }}]")
	f.Add("origins: [&o {name: o, servers: [{url: http://a}]}, {<<: *o, name: p}]")
	f.Add("functions:\n- name: f\n  config:\n    a: |\n      x\n       y\n\n    b: >-\n      folded\n      text\n    c: 'it''s'\n")
	f.Add(site("functions: [auth, {name: ab, kv: []}], routes: [{path: /a/*, functions: [], cache: {mode: force}}]"))
	schema := compileSchema(f)
	f.Fuzz(func(t *testing.T, text string) {
		c, err := Parse("/etc/wedge/wedge.yaml", []byte(text))
		if err == nil {
			sameAgain(t, c)
			if shown := Show(c); len(shown) <= MaxFile {
				if err := validate(t, schema, shown); err != nil {
					t.Fatalf("%v\n%s", err, shown)
				}
			}
			return
		}
		all, ok := err.(Errors)
		if !ok || len(all) == 0 || c != nil {
			t.Fatalf("%T: %v, %v", err, err, c)
		}
		last := 0
		for _, p := range all[:min(len(all), maxReported)] {
			if p.Message == "" || p.Hint == "" || p.Line < last || p.Line > len(text)+1 || (p.Line > 0) != (p.Column > 0) {
				t.Fatalf("%+v", p)
			}
			last = p.Line
		}
	})
}
