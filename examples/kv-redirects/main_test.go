package main

import (
	"strconv"
	"strings"
	"testing"

	"github.com/wedgecdn/wedge/examples/internal/built"
	"github.com/wedgecdn/wedge/sdk/go/wedgetest"
)

func TestBuild(t *testing.T) { built.Exports(t, "on_request") }

// rules fills the store with lines "key value".
func rules(t *testing.T, lines ...string) *wedgetest.Node {
	n := wedgetest.New(t)
	s := n.Store("redirects")
	for _, l := range lines {
		k, v, _ := strings.Cut(l, " ")
		s.Put(k, v)
	}
	return n
}

func TestRedirect(t *testing.T) {
	n := rules(t,
		"/old /new",
		"/moved 301 https://www.example/moved?x=1",
		"/post 307 /elsewhere",
		"/docs/* 308 /manual/*",
		"/docs/v1/* /archive/",
		"/docs/intro /welcome",
		"other.example/old https://third.example/",
		"/evil/* 302 /*",
		"/shop/* https://shop.example/*",
		"/to-root/* /*",
	)
	f := func(url, want string) {
		t.Helper()
		n.Logs = nil
		x := n.Exchange("GET", url)
		got := x.OnRequest(onRequest).String()
		if got == "answered" {
			got = strconv.Itoa(x.Response.Status) + " " + x.Response.Header.Value("Location")
		}
		if got != want {
			t.Errorf("%s: %s, want %s\n%s", url, got, want, n.LogText())
		}
	}
	f("https://a.example/old", "302 /new")
	f("https://a.example/old?q=1&r=%2F", "302 /new?q=1&r=%2F")
	f("https://a.example/old/", "go on")
	f("https://a.example/OLD", "go on")
	f("https://a.example/", "go on")
	f("https://a.example/moved?q=1", "301 https://www.example/moved?x=1")
	f("https://a.example/post", "307 /elsewhere")
	f("https://a.example/docs/a/b?c", "308 /manual/a/b?c")
	f("https://a.example/docs/", "308 /manual/")
	f("https://a.example/docs", "go on")
	f("https://a.example/docs/v1/x", "302 /archive/")
	f("https://a.example/docs/intro", "302 /welcome")
	f("https://other.example/old", "302 https://third.example/")
	f("https://other.example/post", "307 /elsewhere")
	// A client cannot choose the host.
	f("https://a.example/evil//b.example/x", "302 /b.example/x")
	f("https://a.example/evil/%2F%2Fb.example", "302 /%2F%2Fb.example")
	f("https://a.example/shop/@b.example/", "302 https://shop.example/@b.example/")
	f("https://a.example/shop/.b.example", "302 https://shop.example/.b.example")
	f("https://a.example/evil/x%0D%0ASet-Cookie:a=b", "302 /x%0D%0ASet-Cookie:a=b")
}

// What is wrong in the store is said in the log and not followed.
func TestBadRules(t *testing.T) {
	f := func(value, want string) {
		t.Helper()
		n := rules(t, "/a "+value)
		x := n.Exchange("GET", "https://a.example/a?q")
		if got := x.OnRequest(onRequest); got != wedgetest.GoOn || !strings.Contains(n.LogText(), want) {
			t.Errorf("%q: %v, log %q, want go on and %q", value, got, n.LogText(), want)
		}
	}
	f("200 /b", "not understood")
	f("302 ", "unsafe")
	f("302 /b /c", "not understood")
	f("", "not understood")
	f("//b.example/", "unsafe")
	f(`/\b.example/`, "unsafe")
	f("javascript:alert(1)", "unsafe")
	f("https:///x", "unsafe")
	f("https://", "unsafe")
	f("https://user@b.example/", "unsafe")
	f("b.example", "unsafe")
	f("/b\r\nSet-Cookie:x=y", "unsafe")
	f("/bé", "unsafe")
	n := rules(t, "/p/* https://*", "/q/* https://b.example*")
	for _, url := range []string{"https://a.example/p/evil.example", "https://a.example/q/.evil.example"} {
		if got := n.Exchange("GET", url).OnRequest(onRequest); got != wedgetest.GoOn {
			t.Errorf("%s: %v, want go on", url, got)
		}
	}
}

func TestLoops(t *testing.T) {
	f := func(path, want string, lines ...string) {
		t.Helper()
		n := rules(t, lines...)
		x := n.Exchange("GET", "https://a.example"+path)
		got := x.OnRequest(onRequest).String()
		if got == "answered" {
			got = x.Response.Header.Value("Location")
		}
		if got != want {
			t.Errorf("%s with %q: %s, want %s\n%s", path, lines, got, want, n.LogText())
		}
	}
	f("/a", "go on", "/a /a")
	f("/a", "go on", "/a https://a.example/a")
	f("/a", "http://a.example/a", "/a http://a.example/a") // down to http is another URL
	f("/a", "go on", "/a /b", "/b /a")
	f("/a", "go on", "/a /b", "/b /c", "/c https://a.example/a#x")
	f("/a/x", "go on", "/a/* /a/b/*")      // longer each time
	f("/a/x", "/a/", "/a/* /a/")           // all but the page itself
	f("/a/", "go on", "/a/* /a/")          // which is served
	f("/a", "/b", "/a /b", "/b /c")        // a chain ends
	f("/a", "/b", "/a /b", "/b //unsafe/") // at a rule that is not followed
	f("/a?x=1", "/b?x=1", "/a /b")
	f("/a", "go on", "/a /b1", "/b1 /b2", "/b2 /b3", "/b3 /b4", "/b4 /b5", "/b5 /b6", "/b6 /b7", "/b7 /b8", "/b8 /b9", "/b9 /end")
}

// An edit of the store shows on the next request.
func TestEdit(t *testing.T) {
	n := rules(t)
	f := func(want string) {
		t.Helper()
		x := n.Exchange("GET", "https://a.example/a")
		x.OnRequest(onRequest)
		if got := x.Response.Header.Value("Location"); got != want {
			t.Errorf("Location %q, want %q", got, want)
		}
	}
	f("")
	n.Store("redirects").Put("/a", "/b")
	f("/b")
	n.Store("redirects").Put("/a", "301 /c")
	f("/c")
	n.Store("redirects").Delete("/a")
	f("")
}

func TestSettings(t *testing.T) {
	n := wedgetest.New(t)
	n.Store("links").Put("/a", "301 /b")
	n.Config["store"] = "links"
	x := n.Exchange("GET", "https://a.example/a")
	if x.OnRequest(onRequest) != wedgetest.Answered || x.Response.Header.Value("Cache-Control") != "public, max-age=60" {
		t.Errorf("%+v\n%s", x.Response, n.LogText())
	}
	n.Config["cache_control"] = "max-age=5"
	x = n.Exchange("GET", "https://a.example/a")
	if x.OnRequest(onRequest) != wedgetest.Answered || x.Response.Header.Value("Cache-Control") != "max-age=5" {
		t.Errorf("%+v\n%s", x.Response, n.LogText())
	}
	// A store that the binding does not list fails the function, and says so.
	n.Config["store"] = "secret-links"
	x = n.Exchange("GET", "https://a.example/a")
	if got := x.OnRequest(onRequest); got != wedgetest.Failed || !strings.Contains(n.LogText(), `open store "secret-links": not allowed`) {
		t.Errorf("%v\n%s", got, n.LogText())
	}
}

func TestLongPath(t *testing.T) {
	n := rules(t, "/* /x")
	x := n.Exchange("GET", "https://a.example/"+strings.Repeat("a/", 4000))
	if got := x.OnRequest(onRequest); got != wedgetest.GoOn {
		t.Errorf("%v: a path of 4000 segments is looked up to the end", got)
	}
}
