package config

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// TestBounds feeds what is meant to make a reader run out of memory, of stack or of time.
func TestBounds(t *testing.T) {
	f := func(what, text, want string) {
		t.Helper()
		start := time.Now()
		_, err := Parse("wedge.yaml", []byte(text))
		if took := time.Since(start); took > 20*time.Second {
			t.Errorf("%s took %v", what, took)
		}
		if want == "" && err == nil {
			return
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %.300v, want %s", what, err, want)
		}
	}
	f("a large file", strings.Repeat("#", MaxFile+1), "the file is larger than 1MiB")
	// A quarter of the largest file shows as well what calls itself, and is quick with the race detector, too.
	n := MaxFile / 4
	f("a list", "sites: ["+strings.Repeat("a,", n/2-5)+"]", "sites[0] wants a map")
	f("brackets", strings.Repeat("[", n), "brackets stand more than 32 deep")
	f("braces", "a: "+strings.Repeat("{a: ", n/5), "brackets stand more than 32 deep")
	f("dashes", strings.Repeat("- ", n/2), "indented by more than 200 columns")
	f("question marks", strings.Repeat("? ", n/2), "a key behind a question mark is not known here")
	f("anchors", strings.Repeat("&a ", n/3), "more than 10000 anchors and aliases")
	f("tags", strings.Repeat("! ", n/2), "tags")
	f("colons", strings.Repeat(": ", n/2), "unexpected key name")
	f("documents", strings.Repeat("---\n", n/4), "")
	f("quotes", `"`+strings.Repeat(`\"`, n/2-2), "could not find end character")
	f("keys", func() string {
		var b strings.Builder
		for i := 0; b.Len() < n-20; i++ {
			fmt.Fprintf(&b, "f%d: x\n", i)
		}
		return b.String()
	}(), "a map has more than 1000 keys")
	f("one key", strings.Repeat("memory: 1\n", n/11), "a map has more than 1000 keys")
	f("one key in braces", "{"+strings.Repeat("memory: 1,", n/11)+"}", "stands twice")
	f("maps of many keys", strings.Repeat("-"+strings.Repeat("\n  a: 1", 900)+"\n", n/8000), "the file wants a map")
	f("deep indentation", func() string {
		var b strings.Builder
		for i := range 1000 {
			b.WriteString(strings.Repeat(" ", i) + "a:\n")
		}
		return b.String()
	}(), "indented by more than 200 columns")
	f("laughs", "a: &a [x,x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nsites: [*b,*b]\n", "sites[0] wants a map")
	// 500 sites of 500 routes.
	f("an alias bomb", "origins: [{name: o, servers: [{url: http://a}]}]\nsites:\n- &s {hosts: [a], origin: o, routes: &r ["+strings.Repeat("{path: /},", 500)+"]}\n"+strings.Repeat("- *s\n", 500), "aliases make this file stand for more than 10000 further values")
	f("a merge bomb", "x: &x {"+strings.Repeat("a: 1,", 5000)+"b: 1}\nhttp: {<<: ["+strings.Repeat("*x,", 5000)+"]}\n", "aliases make this file stand for more than 10000 further values")
	f("an alias in its anchor", "http: &a {<<: *a}", `there is no anchor "a" above this line`)
	f("an alias to an alias", "http: &a *b", "unexpected")
	f("many unknown names", func() string {
		var b strings.Builder
		b.WriteString("origins:\n")
		for i := range 5000 {
			fmt.Fprintf(&b, "- {name: o%d, servers: [{url: http://a}]}\n", i)
		}
		b.WriteString("sites:\n")
		for i := range 5000 {
			fmt.Fprintf(&b, "- {hosts: [h%d], origin: p%d}\n", i, i)
		}
		return b.String()
	}(), "more problems are not shown")
	f("too many functions", site("functions: ["+strings.Repeat("auth,", 33)+"]"), "makes more than 32 functions run for a request")
	f("too many keys", function("config: {"+func() string {
		var b strings.Builder
		for i := range maxEntries + 1 {
			fmt.Fprintf(&b, "k%d: x, ", i)
		}
		return b.String()
	}()+"}"), "functions[0].config has more than 128 keys")
	f("a long key", function("config: {"+strings.Repeat("k", maxKey+1)+": x}"), "a key in functions[0].config is empty, longer than 1280 bytes, or holds a NUL")
}

// A file of the largest size that is right must be read in reasonable time, too.
func TestLargeFile(t *testing.T) {
	var b strings.Builder
	b.WriteString("origins: [{name: o, servers: [{url: http://a}]}]\nfunctions: [{name: f, config: {a: b}}]\nsites:\n")
	for i := 0; b.Len() < MaxFile-200; i++ {
		fmt.Fprintf(&b, "- hosts: [h%d.example]\n  origin: o\n  routes:\n  - {path: /a, functions: [{name: f, config: {b: c}}]}\n", i)
	}
	start := time.Now()
	c := mustParse(t, b.String())
	t.Logf("%d bytes, %d sites: %v", b.Len(), len(c.Sites), time.Since(start))
	if len(c.Sites) < 9000 || c.Sites[9000-1].Routes[0].Functions[0].Config["b"] != "c" {
		t.Errorf("%d sites", len(c.Sites))
	}
	if again := mustParse(t, string(Show(mustParse(t, b.String()[:strings.Index(b.String(), "- hosts: [h1000.")])))); len(again.Sites) != 1000 {
		t.Errorf("%d sites after Show", len(again.Sites))
	}
}
