package main

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/wedgecdn/wedge/examples/internal/built"
	"github.com/wedgecdn/wedge/sdk/go/wedgetest"
)

func TestBuild(t *testing.T) { built.Exports(t, "on_request", "on_fetched", "on_response") }

var token = regexp.MustCompile(`^__Host-session=([A-Za-z0-9_-]{43}); Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=43200$`)

// A browser keeps one cookie.
type browser struct {
	t      *testing.T
	n      *wedgetest.Node
	cookie string
}

// ask sends a request that the origin answers with fields, and returns the user that the origin saw.
func (b *browser) ask(fields ...string) (seen string, x *wedgetest.Exchange) {
	b.t.Helper()
	x = b.n.Exchange("GET", "https://a.example/")
	x.Request.Header.Add(user, "root") // forged
	if b.cookie != "" {
		x.Request.Header.Add("Cookie", "a=b; __Host-session="+b.cookie)
	}
	if got := x.OnRequest(onRequest); got != wedgetest.GoOn {
		b.t.Fatal(got, b.n.LogText())
	}
	seen = x.Request.Header.Value(user)
	if x.Bypass != (seen != "") {
		b.t.Errorf("bypass %v, user %q: what is for one user must not be stored", x.Bypass, seen)
	}
	x.Respond(200, "", fields...)
	x.Outcome = "pass"
	if got := x.OnResponse(onResponse); got != wedgetest.GoOn {
		b.t.Fatal(got, b.n.LogText())
	}
	if h := x.Response.Header; h.Has(user) || h.Has(end) {
		b.t.Errorf("the client sees %v", h)
	}
	for _, c := range x.Response.Header.Values("Set-Cookie") {
		if x.Response.Header.Value("Cache-Control") != "private, no-store" {
			b.t.Errorf("a cookie is set in a response with Cache-Control %q", x.Response.Header.Value("Cache-Control"))
		}
		if m := token.FindStringSubmatch(c); m != nil {
			b.cookie = m[1]
		} else if strings.Contains(c, "Max-Age=0") {
			b.cookie = ""
		} else {
			b.t.Errorf("Set-Cookie: %s", c)
		}
	}
	return seen, x
}

func TestSession(t *testing.T) {
	n := wedgetest.New(t)
	n.Store("sessions")
	orla, eve := &browser{t: t, n: n}, &browser{t: t, n: n}
	f := func(b *browser, want string, fields ...string) {
		t.Helper()
		if seen, _ := b.ask(fields...); seen != want {
			t.Errorf("the origin saw %q, want %q", seen, want)
		}
	}
	f(orla, "")
	f(orla, "", user, "orla") // logs in
	f(orla, "orla")
	f(eve, "")
	eve.cookie = strings.Repeat("A", 43)
	f(eve, "")
	eve.cookie = orla.cookie[:42]
	f(eve, "")

	// A login ends the session before it, so that a token which somebody planted is worth nothing.
	planted := orla.cookie
	f(orla, "orla", user, "admin")
	f(orla, "admin")
	eve.cookie = planted
	f(eve, "")

	old := orla.cookie
	f(orla, "admin", end, "1")
	if orla.cookie != "" {
		t.Error("the cookie was not taken away")
	}
	eve.cookie = old
	f(eve, "")
}

// A session that is used lives on, one that is not ends.
func TestLife(t *testing.T) {
	n := wedgetest.New(t)
	n.Store("sessions")
	b := &browser{t: t, n: n}
	b.ask(user, "orla")
	for range 10 {
		n.Now = n.Now.Add(8 * time.Hour)
		if seen, _ := b.ask(); seen != "orla" {
			t.Fatal("a session that is used has ended")
		}
	}
	n.Now = n.Now.Add(13 * time.Hour)
	if seen, _ := b.ask(); seen != "" {
		t.Error("a session that was not used for 13 hours goes on")
	}
}

func TestStoredLogin(t *testing.T) {
	n := wedgetest.New(t)
	n.Store("sessions")
	x := n.Exchange("GET", "https://a.example/login")
	x.Respond(200, "", user, "orla")
	x.Outcome = "hit"
	if got := x.OnResponse(onResponse); got != wedgetest.GoOn || x.Response.Header.Has("Set-Cookie") || x.Response.Header.Has(user) || !strings.Contains(n.LogText(), "must not be cached") {
		t.Errorf("%v, %v\n%s", got, x.Response.Header, n.LogText())
	}
}

// What logs one client in is not shared with those who wait for the same.
func TestNotShared(t *testing.T) {
	f := func(want bool, fields ...string) {
		t.Helper()
		n := wedgetest.New(t)
		x := n.Exchange("GET", "https://a.example/login")
		x.Respond(200, "", append(fields, "Cache-Control", "max-age=60")...)
		if got := x.OnFetched(onFetched); got != wedgetest.GoOn || x.NoStore != want {
			t.Errorf("%q: %v, kept out of the cache: %v", fields, got, x.NoStore)
		}
	}
	f(true, user, "orla")
	f(true, end, "1")
	f(false)
}

func TestSettings(t *testing.T) {
	f := func(name, value, want string) {
		t.Helper()
		n := wedgetest.New(t)
		n.Config[name] = value
		x := n.Exchange("GET", "https://a.example/")
		x.Respond(200, "", user, "orla")
		if got := x.OnResponse(onResponse); got != wedgetest.Failed || !strings.Contains(n.LogText(), want) {
			t.Errorf("%s %q: %v\n%s", name, value, got, n.LogText())
		}
	}
	f("life", "59", "config life: a number of seconds, from 60 to 31536000")
	f("life", "a day", "config life: a number of seconds, from 60 to 31536000")
	f("store", "elsewhere", `"elsewhere": not allowed`)
}
