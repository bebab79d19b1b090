package route

import (
	"net/url"
	"path"
	"strings"
	"testing"
)

func TestMatch(t *testing.T) {
	tab := New([]Site[string]{
		{Hosts: []string{"shop.example", "*.shop.example"}, Any: "shop", Routes: []Path[string]{
			{"/api/*", "api"}, {"/api/v2/*", "v2"}, {"/api/health", "health"}, {"/*", "all"}}},
		{Hosts: []string{"eu.shop.example"}, Any: "eu"},
		{Hosts: []string{"*.eu.shop.example"}, Any: "below-eu"},
	})
	f := func(host, path, want string) {
		t.Helper()
		if got, ok := tab.Match(host, path); got != want || ok != (want != "") {
			t.Errorf("Match(%q, %q) = %q, %v; want %q", host, path, got, ok, want)
		}
	}
	f("shop.example", "/", "all")
	f("shop.example", "/api", "all")
	f("shop.example", "/api/", "api")
	f("shop.example", "/api/v1", "api")
	f("shop.example", "/api/v2/x", "v2")
	f("shop.example", "/api/health", "health")
	f("shop.example", "/api/health/", "api")
	f("shop.example:8080", "/api/x", "api")
	f("a.shop.example", "/x", "all")
	f("a.b.shop.example", "/x", "all")
	f("eu.shop.example", "/x", "eu")
	f("a.eu.shop.example", "/x", "below-eu")
	f("ashop.example", "/", "")
	f("example", "/", "")
	f("", "/", "")

	tab = New([]Site[string]{{Hosts: []string{"*"}, Any: "rest"}, {Hosts: []string{"[::1]"}, Any: "six"}})
	f("anything.example", "/", "rest")
	f("[::1]:80", "/", "six")
	f("[::1]", "/", "six")
}

func TestParseTarget(t *testing.T) {
	f := func(target, want string, wantErr error) {
		t.Helper()
		got, err := ParseTarget(target)
		s := got.Path
		if got.HasQuery {
			s += "?" + got.Query
		}
		if got.Authority != "" {
			s = got.Authority + " " + s
		}
		if err != wantErr || err == nil && s != want {
			t.Errorf("ParseTarget(%q) = %q, %v; want %q, %v", target, s, err, want, wantErr)
		}
	}
	f("/", "/", nil)
	f("/a/b", "/a/b", nil)
	f("/a?", "/a?", nil)
	f("/a?b?c", "/a?b?c", nil)
	f("/%41%7e%2d", "/A~-", nil)
	f("/?%%610", "/?%%610", nil) // not the octet %a0
	f("/?%zz%61", "/?%zza", nil)
	f("/?%4%31", "/?%4%31", nil)
	f("/%c3%a9", "/%C3%A9", nil)
	f("/\xc3\xa9", "/%C3%A9", nil)
	f("/a%2fb", "/a%2Fb", nil)
	f("/a//b", "/a//b", nil)
	f("/a/./b", "/a/b", nil)
	f("/a/b/..", "/a/", nil)
	f("/a/b/.", "/a/b/", nil)
	f("/a/b/../../c", "/c", nil)
	f("/a//../b", "/a/b", nil)
	f("/.a/..b/c.", "/.a/..b/c.", nil)
	f("/...", "/...", nil)
	f("/a b", "", ErrCharacter)
	f("/a\x00", "", ErrCharacter)
	f("/a%00", "", ErrCharacter)
	f(`/a\b`, "", ErrCharacter)
	f("/a%5cb", "", ErrCharacter)
	f("/a#b", "", ErrCharacter)
	f("/a?b#c", "", ErrCharacter)
	f("/%", "", ErrEncoding)
	f("/%4", "", ErrEncoding)
	f("/%zz", "", ErrEncoding)
	f("/..", "", ErrEscape)
	f("/a/../..", "", ErrEscape)
	f("/%2e%2e/etc", "", ErrEscape)
	f("/a/%2E%2e/%2e./b", "", ErrEscape)
	f("/a%2f..%2fb", "", ErrEscape)
	f("/a/..%2f..%2fb", "", ErrEscape)
	f("/a%2F..", "", ErrEscape)
	f("/a..%2Fb", "/a..%2Fb", nil)
	f("/?a=%7E%2f&b=100%", "/?a=~%2F&b=100%", nil)
	f("/?a=%00\\", "/?a=%00\\", nil)
	f("/?a=<b>", "/?a=%3Cb%3E", nil)
	f("http://shop.example", "shop.example /", nil)
	f("HTTP://Shop.example:80/a?b", "Shop.example:80 /a?b", nil)
	f("https://shop.example?b", "shop.example /?b", nil)
	f("http://", "", ErrForm)
	f("ftp://shop.example/", "", ErrForm)
	f("shop.example:443", "", ErrForm)
	f("", "", ErrForm)
	f("*", "*", nil)
}

func TestAuthority(t *testing.T) {
	f := func(host, scheme, want string) {
		t.Helper()
		got, err := Authority(host, scheme)
		if got != want || (err != nil) != (want == "") {
			t.Errorf("Authority(%q, %q) = %q, %v; want %q", host, scheme, got, err, want)
		}
	}
	f("shop.example", "http", "shop.example")
	f("Shop.EXAMPLE", "http", "shop.example")
	f("shop.example.", "http", "shop.example")
	f("shop.example:80", "http", "shop.example")
	f("shop.example:", "http", "shop.example")
	f("shop.example:443", "https", "shop.example")
	f("shop.example:443", "http", "shop.example:443")
	f("SHOP.example:8080", "http", "shop.example:8080")
	f("shop.example.:8080", "http", "shop.example:8080")
	f("127.0.0.1:8080", "http", "127.0.0.1:8080")
	f("[::1]:8080", "http", "[::1]:8080")
	f("[0:0:0:0:0:0:0:1]", "http", "[::1]")
	f("[::1%eth0]", "http", "")
	f("[::1", "http", "")
	f("[127.0.0.1]", "http", "")
	f("[::1]x", "http", "")
	f("", "http", "")
	f(".", "http", "")
	f("a..b", "http", "")
	f("user@shop.example", "http", "")
	f("shop.example:99999", "http", "")
	f("shop.example:8a", "http", "")
	f("sh\xc3\xb6p.example", "http", "")
	f("a b", "http", "")
	f("a/b", "http", "")
}

func TestMatchAllocatesNothing(t *testing.T) {
	tab := New([]Site[*int]{{Hosts: []string{"shop.example"}, Routes: []Path[*int]{{"/api/*", new(int)}}}})
	if n := testing.AllocsPerRun(100, func() {
		g, _ := ParseTarget("/api/items?page=2")
		h, _ := Authority("shop.example:8080", "http")
		tab.Match(h, g.Path)
	}); n != 0 {
		t.Errorf("%v allocations, want 0", n)
	}
}

// FuzzTarget holds normal form against net/url: both must mean the same path
// once decoded, and a normal form must be its own.
func FuzzTarget(f *testing.F) {
	for _, s := range []string{"/a/../b//c%2fd?x=%7e", "/%2e%2e", "http://a.example/%41?", "/\xff\"<", "/..%2f", "*"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		g, err := ParseTarget(s)
		if err != nil || g.Asterisk || g.Authority != "" {
			return
		}
		again, err := ParseTarget(g.Path + strings.Repeat("?", btoi(g.HasQuery)) + g.Query)
		if err != nil || again.Path != g.Path || again.Query != g.Query || again.HasQuery != g.HasQuery {
			t.Fatalf("normal form of %q is %q?%q, whose own is %q?%q (%v)", s, g.Path, g.Query, again.Path, again.Query, err)
		}
		got, err := url.ParseRequestURI(g.Path)
		if err != nil {
			t.Fatalf("net/url refuses the normal form %q of %q: %v", g.Path, s, err)
		}
		for seg := range strings.SplitSeq(got.Path, "/") {
			if seg == ".." && !strings.Contains(g.Path, "%2F") {
				t.Fatalf("%q became %q, which has a dot segment", s, g.Path)
			}
		}
		if strings.ContainsAny(got.Path, "\x00\\") {
			t.Fatalf("%q became %q, which has NUL or backslash", s, g.Path)
		}
		// The same path by the standard library: decode, then resolve.
		p, _, _ := strings.Cut(s, "?")
		if u, err := url.ParseRequestURI(p); err == nil && !strings.Contains(g.Path, "%2F") && !strings.Contains(p, ";") {
			want := path.Clean(u.Path)
			if !strings.Contains(p, "//") && !strings.Contains(got.Path, "//") && strings.TrimSuffix(want, "/") != strings.TrimSuffix(got.Path, "/") {
				t.Fatalf("%q: we say %q, net/url %q", s, got.Path, want)
			}
		}
	})
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}
