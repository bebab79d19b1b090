package main

import (
	"strings"
	"testing"

	"github.com/wedgecdn/wedge/examples/internal/built"
	"github.com/wedgecdn/wedge/sdk/go/wedgetest"
)

func TestBuild(t *testing.T) { built.Exports(t, "on_fetched", "on_response") }

func fetched(n *wedgetest.Node, fields ...string) *wedgetest.Exchange {
	x := n.Exchange("GET", "https://a.example/").Fetch()
	x.Respond(200, "hello", fields...)
	return x
}

// A stored object never holds Set-Cookie, however it is spelled and however often it comes.
func TestStrip(t *testing.T) {
	n := wedgetest.New(t)
	x := fetched(n, "set-cookie", "a=1", "Content-Type", "text/html", "SET-COOKIE", "b=2", "Server", "x/1", "X-Powered-By", "y", "X-AspNet-Version", "4")
	if got := x.OnFetched(onFetched); got != wedgetest.GoOn {
		t.Fatalf("%v\n%s", got, n.LogText())
	}
	if len(x.Response.Header) != 1 || x.Response.Header.Value("Content-Type") != "text/html" || x.NoStore {
		t.Errorf("kept %+v, NoStore %v; want Content-Type only, stored", x.Response.Header, x.NoStore)
	}
}

func TestKeepCookies(t *testing.T) {
	n := wedgetest.New(t)
	n.Config["keep_cookies"] = "true"
	x := fetched(n, "Set-Cookie", "a=1", "Server", "x")
	if got := x.OnFetched(onFetched); got != wedgetest.GoOn || !x.NoStore || !x.Response.Header.Has("Set-Cookie") || x.Response.Header.Has("Server") {
		t.Errorf("%v, NoStore %v, %+v; want the cookie kept, and nothing stored", got, x.NoStore, x.Response.Header)
	}
	x = fetched(n)
	if got := x.OnFetched(onFetched); got != wedgetest.GoOn || x.NoStore {
		t.Errorf("%v, NoStore %v without a cookie; want it stored", got, x.NoStore)
	}
}

func TestProtect(t *testing.T) {
	n := wedgetest.New(t)
	f := func(url, field, want string, set ...string) {
		t.Helper()
		clear(n.Config)
		x := n.Exchange("GET", url)
		x.Respond(200, "", "Server", "x", "X-Frame-Options", "DENY")
		for i := 0; i+1 < len(set); i += 2 {
			if name, ok := strings.CutPrefix(set[i], "request "); ok {
				x.Request.Header.Set(name, set[i+1])
			} else {
				n.Config[set[i]] = set[i+1]
			}
		}
		if got := x.OnResponse(onResponse); got != wedgetest.GoOn {
			t.Fatalf("%v\n%s", got, n.LogText())
		}
		if want == "ID" {
			want = x.ID
		}
		if got := strings.Join(x.Response.Header.Values(field), " | "); got != want {
			t.Errorf("%s %q: %s: %q, want %q", url, set, field, got, want)
		}
	}
	const a, b = "https://a.example/", "http://a.example/"
	f(a, "X-Content-Type-Options", "nosniff")
	f(a, "Referrer-Policy", "strict-origin-when-cross-origin")
	f(a, "Referrer-Policy", "no-referrer", "referrer_policy", "no-referrer")
	f(a, "Referrer-Policy", "", "referrer_policy", "off")
	f(a, "X-Frame-Options", "DENY") // the origin's own
	f(a, "Content-Security-Policy", "")
	f(a, "Content-Security-Policy", "default-src 'self'", "content_security_policy", "default-src 'self'")
	f(a, "Strict-Transport-Security", "max-age=31536000")
	f(b, "Strict-Transport-Security", "")
	f(a, "Server", "")
	f(a, "X-Request-Id", "ID")
	f(a, "X-Request-Id", "ID", "request X-Request-Id", "client-chosen-1")
	f(a, "X-Request-Id", "client-chosen-1", "request X-Request-Id", "client-chosen-1", "trust_request_id", "true")
	f(a, "X-Request-Id", "ID", "request X-Request-Id", "short", "trust_request_id", "true")
	f(a, "X-Request-Id", "ID", "request X-Request-Id", `long enough" quote`, "trust_request_id", "true")
	f(a, "X-Request-Id", "ID", "request X-Request-Id", strings.Repeat("x", 129), "trust_request_id", "true")
}

// A setting that is no field value fails the hook, so that a typing error is seen and no response goes out half protected.
func TestBadSetting(t *testing.T) {
	n := wedgetest.New(t)
	n.Config["referrer_policy"] = "a\r\nX-Injected: yes"
	x := n.Exchange("GET", "https://a.example/")
	x.Respond(200, "")
	if got := x.OnResponse(onResponse); got != wedgetest.Failed || len(x.Response.Header) != 0 || !strings.Contains(n.LogText(), `set field "Referrer-Policy": invalid`) {
		t.Errorf("%v, %+v\n%s", got, x.Response.Header, n.LogText())
	}
}
