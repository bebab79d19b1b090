package main

import (
	"io"
	"strings"
	"testing"
	"time"

	"github.com/wedgecdn/wedge/examples/internal/built"
	"github.com/wedgecdn/wedge/sdk/go/wedgetest"
)

func TestBuild(t *testing.T) { built.Exports(t, "on_fetched") }

// through sends a page through in pieces of n bytes.
func through(t testing.TB, c config, page string, n int) string {
	t.Helper()
	var out strings.Builder
	s := &scanner{w: &out, tag: c.tag}
	for rest := page; rest != ""; rest = rest[min(n, len(rest)):] {
		if _, err := s.Write([]byte(rest[:min(n, len(rest))])); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.end(); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestTags(t *testing.T) {
	c := config{moved: [][2]string{{"http://old.example", "https://new.example"}, {"/a/", "/b/"}}, lazy: true, head: "<X>"}
	f := func(page, want string) {
		t.Helper()
		for _, n := range []int{len(page), 1, 2, 3, 7} {
			if got := through(t, c, page, n); got != want {
				t.Errorf("%s\n in pieces of %d %s\nwant %s", page, n, got, want)
			}
		}
	}
	f(`<a href="http://old.example/x">`, `<a href="https://new.example/x">`)
	f(`<A class=x HREF='http://old.example/x' >y</A>`, `<A class=x HREF='https://new.example/x' >y</A>`)
	f(`<a href=http://old.example/x>`, `<a href=https://new.example/x>`)
	f(`<a href = "/a/x" title='>'>`, `<a href = "/b/x" title='>'>`)
	f(`<a href=" http://old.example/">`, `<a href=" https://new.example/">`)
	f(`<a href="x http://old.example/" data-href="/a/">`, `<a href="x http://old.example/" data-href="/a/">`)
	f(`<a href>`, `<a href>`)
	f(`<a href=>`, `<a href=>`)
	f(`<a title=it's href=/a/x>'`, `<a title=it's href=/b/x>'`)
	f(`<a =href="/a/" href="/a/">`, `<a =href="/a/" href="/b/">`)
	f(`<form action=/a/><button formaction="/a/">`, `<form action=/b/><button formaction="/b/">`)
	f(`<img src="/a/1.png"/>`, `<img loading="lazy" src="/b/1.png"/>`)
	f(`<img loading=eager src=x>`, `<img loading=eager src=x>`)
	f(`<img srcset="/a/1.png 1x, /a/2.png 2x,/a/3,4.png 3x" src=x>`, `<img loading="lazy" srcset="/b/1.png 1x, /b/2.png 2x,/a/3,4.png 3x" src=x>`)
	f(`<image src="/a/">`, `<image src="/b/">`)
	f(`<head></head ><body>`, `<head><X></head ><body>`)
	f(`<header></header>`, `<header></header>`)

	// What only looks like a tag.
	f(`a < b <5 <`, `a < b <5 <`)
	f(`<!doctype html><a href=/a/>`, `<!doctype html><a href=/b/>`)
	f(`<!-- <a href="/a/"> --><a href="/a/">`, `<!-- <a href="/a/"> --><a href="/b/">`)
	f(`<!--><a href="/a/">`, `<!--><a href="/b/">`)
	f(`<!-- --`, `<!-- --`)
	f(`<script>"<a href='/a/'>"</SCRIPT><a href=/a/>`, `<script>"<a href='/a/'>"</SCRIPT><a href=/b/>`)
	f(`<style><a href=/a/></style><a href=/a/>`, `<style><a href=/a/></style><a href=/b/>`)
	f(`<title><head></head></title>`, `<title><head></head></title>`)
	f(`<script src=/a/x.js></script>`, `<script src=/b/x.js></script>`)
	f(`<a href="/a/`, `<a href="/a/`)
	f(`</`, `</`)
	f(`<script></scripts><a href=/a/></script/><a href=/a/>`, `<script></scripts><a href=/a/></script/><a href=/b/>`)
	f(`<script><</script </head>`, `<script><</script </head>`)
	f(`<!--- <a href=/a/> --a --><a href=/a/>`, `<!--- <a href=/a/> --a --><a href=/b/>`)
	f(`<a title="a href=/a/"href=/a/ x>`, `<a title="a href=/a/"href=/b/ x>`)
	f(`<a <a href=/a/>`, `<a <a href=/b/>`)

	// What is too long to be held passes as it is, up to its end.
	long := strings.Repeat("x", maxTag)
	f(`<a title="`+long+`" href="/a/"><a href="/a/">`, `<a title="`+long+`" href="/a/"><a href="/b/">`)
	f(`<a title="`+long+`<a href='/a/'>" href="/a/"><a href="/a/">`, `<a title="`+long+`<a href='/a/'>" href="/a/"><a href="/b/">`)
	f(`<script `+long+`><a href=/a/></script><a href=/a/>`, `<script `+long+`><a href=/a/></script><a href=/b/>`)
	f(`<`+long+`><a href=/a/>`, `<`+long+`><a href=/b/>`)
	f(`</`+long+` a=b c=d></head>`, `</`+long+` a=b c=d><X></head>`)
}

func TestFetched(t *testing.T) {
	n := wedgetest.New(t)
	n.Config["moved"] = "http://old.example https://new.example; "
	f := func(method, kind, body, tag string) {
		t.Helper()
		x := n.Exchange(method, "https://a.example/").Fetch()
		x.Respond(200, `<a href="http://old.example/">`, "Content-Type", kind, "ETag", `"1"`)
		if got := x.OnFetched(onFetched); got != wedgetest.GoOn || string(x.Response.Body) != body || x.Response.Header.Value("ETag") != tag {
			t.Errorf("%s %s: %v, %s, %s\n%s", method, kind, got, x.Response.Body, x.Response.Header.Value("ETag"), n.LogText())
		}
	}
	f("GET", "Text/HTML; charset=utf-8", `<a href="https://new.example/">`, `W/"1"`)
	f("GET", "text/plain", `<a href="http://old.example/">`, `"1"`)
	f("HEAD", "text/html", `<a href="http://old.example/">`, `"1"`)
}

func TestBadSettings(t *testing.T) {
	f := func(name, value, want string) {
		t.Helper()
		n := wedgetest.New(t)
		n.Config[name] = value
		x := n.Exchange("GET", "https://a.example/").Fetch()
		x.Respond(200, "", "Content-Type", "text/html")
		if got := x.OnFetched(onFetched); got != wedgetest.Failed || !strings.Contains(n.LogText(), want) {
			t.Errorf("%s %q: %v\n%s", name, value, got, n.LogText())
		}
	}
	f("moved", "http://old.example", "is no rule: write FROM TO")
	f("moved", `a "onload=x`, "is no rule: write FROM TO")
	f("move", "a b", "config move is not known")
}

// A page cannot make the scanner slow: whatever it holds, and however it is cut, each byte is looked at once.
func TestEachByteOnce(t *testing.T) {
	const n = 1 << 19
	f := func(what, unit string, piece int) time.Duration {
		page := strings.Repeat(unit, n/len(unit))
		best := time.Hour
		for range 3 { // the best of some, as the machine may be busy
			s := &scanner{w: io.Discard, tag: config{lazy: true}.tag}
			began := time.Now()
			for rest := page; rest != ""; rest = rest[min(piece, len(rest)):] {
				s.Write([]byte(rest[:min(piece, len(rest))]))
			}
			best = min(best, time.Since(began))
		}
		t.Logf("%s: %.1f ns a byte", what, float64(best)/n)
		return best
	}
	plain := f("whole tags", "<a href=x> ", 8<<10)
	for _, c := range []struct {
		what, unit string
		piece      int
	}{
		{"tags that never end", "<a ", 8 << 10}, {"values that never end", `<a b="`, 8 << 10}, {"less-than signs", "<", 8 << 10},
		{"comments that never end", "<!--", 8 << 10}, {"elements that never end", "<script>", 8 << 10}, {"byte by byte", "<a ", 1},
	} {
		if took := f(c.what, c.unit, c.piece); took > 500*plain {
			t.Errorf("%s: %v, and %v for whole tags", c.what, took, plain)
		}
	}
}

// However a page is cut, the same comes out; without rules it comes out as it went in.
func FuzzCuts(f *testing.F) {
	f.Add(`<!doctype html><head></head><img src="/a/x"><!-- <a> --><script>"</a>"</script><a href='/a/'>`, 3)
	f.Add(`<a href=/a/`, 1)
	f.Fuzz(func(t *testing.T, page string, n int) {
		c := config{moved: [][2]string{{"/a/", "/b/"}}, lazy: true, head: "x"}
		n = max(1, min(n, 100))
		if whole, cut := through(t, c, page, len(page)+1), through(t, c, page, n); whole != cut {
			t.Errorf("%q\nwhole %q\nin pieces of %d %q", page, whole, n, cut)
		}
		if got := through(t, config{}, page, n); got != page {
			t.Errorf("%q became %q", page, got)
		}
	})
}
