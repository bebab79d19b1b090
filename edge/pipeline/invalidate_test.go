package pipeline

import (
	"testing"

	"github.com/wedgecdn/wedge/hostapi/exchange"
)

func TestSameOrigin(t *testing.T) {
	target := exchange.URL{Scheme: "http", Host: "shop.example", Path: "/a/b%2Fc", Query: "x=1", HasQuery: true}
	f := func(ref, want string) {
		t.Helper()
		got, ok := sameOrigin(&target, ref)
		if got != want || ok != (want != "") {
			t.Errorf("%q: got %q, %t, want %q", ref, got, ok, want)
		}
	}
	f("", "")
	f("/c", "http://shop.example/c")
	f("/c?", "http://shop.example/c?")
	f("c?y=%7e#top", "http://shop.example/a/c?y=~")
	f("?y", "http://shop.example/a/b%2Fc?y")
	f("../d/./e", "http://shop.example/d/e")
	f("//shop.example/c", "http://shop.example/c")
	f("http://SHOP.example.:80/c", "http://shop.example/c")
	f("http://shop.example", "http://shop.example/")
	// Other origins.
	f("https://shop.example/c", "")
	f("http://shop.example:8080/c", "")
	f("http://other.example/c", "")
	f("//other.example/c", "")
	f("mailto:a@shop.example", "")
	f("http:c", "")
	// What is no reference, or no target.
	f("http://shop.example:x/", "")
	f("%zz", "")
	f("/\x00", "")
	f(`/a\b`, "")
}
