package main

import (
	"slices"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
)

func TestGlue(t *testing.T) {
	f := func(words, want string) {
		t.Helper()
		if got := strings.Join(glue(strings.Split(words, " ")), " "); got != want {
			t.Errorf("glue(%q) = %q, want %q", words, got, want)
		}
	}
	f("", "")
	f("kv get", "kv get")
	f("kv --node = a", "kv --node=a")
	f("kv --node =", "kv --node=")
	f("kv --node = a store", "kv --node=a store")
	f("purge --url https : //shop", "purge --url https://shop")
	f("purge --url = https : //shop : 8080", "purge --url=https://shop:8080")
	f("kv get ", "kv get ")
	f("kv --node = ", "kv --node=")
}

// A word that a shell would obey is never completed, whatever a node calls its things.
func TestHarmless(t *testing.T) {
	f := func(word string, want bool) {
		t.Helper()
		if harmless.MatchString(word) != want {
			t.Errorf("%q: harmless is %v, want %v", word, !want, want)
		}
	}
	f("auth", true)
	f("https://shop.example:8080/", true)
	f("--url=https://shop.example/", true)
	f("x;rm", false)
	f("$(x)", false)
	f("a b", false)
	f("a\nb", false)
	f("auth\n", false)
	f("`x`", false)
	f("", false)
}

// visit walks over every command.
func visit(n *kong.Node, f func(*kong.Node)) {
	f(n)
	for _, child := range n.Children {
		visit(child, f)
	}
}

// Every value that names a thing of the node is completed, and by something that exists.
func TestCompleteTags(t *testing.T) {
	known := []string{"", "file", "function", "version", "store", "url", "owner"}
	wanted := map[string]string{"store": "store", "owner": "owner", "file": "file", "token-file": "file", "config": "file", "url": "url", "prefix": "url"}
	visit(newParser(nil, nil).Model.Node, func(n *kong.Node) {
		values := slices.Clone(n.Positional)
		for _, f := range n.Flags {
			values = append(values, f.Value)
		}
		for _, v := range values {
			tag := v.Tag.Get("complete")
			if v.Tag.PlaceHolder == "FILE" {
				tag = "file"
			}
			if !slices.Contains(known, tag) {
				t.Errorf("%s: %s is completed by %q, which nobody knows", n.FullPath(), v.Name, tag)
			}
			want := wanted[v.Name]
			if v.Name == "prefix" && v.Flag.PlaceHolder == "TEXT" {
				want = "" // of keys
			}
			if v.Name == "name" && strings.HasPrefix(n.FullPath(), "wedge function ") {
				want = "function"
			}
			if tag != want && want != "" {
				t.Errorf("%s: %s is completed by %q, want %q", n.FullPath(), v.Name, tag, want)
			}
		}
	})
}
