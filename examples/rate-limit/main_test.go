package main

import (
	"fmt"
	"strings"
	"testing"
	"time"

	wedge "github.com/wedgecdn/wedge/sdk/go"

	"github.com/wedgecdn/wedge/examples/internal/built"
	"github.com/wedgecdn/wedge/sdk/go/wedgetest"
)

func TestBuild(t *testing.T) { built.Exports(t, "on_request", "on_response") }

func TestLimit(t *testing.T) {
	n := wedgetest.New(t)
	f := func(after time.Duration, address, key, want string) {
		t.Helper()
		n.Now = n.Now.Add(after)
		x := n.Exchange("GET", "https://a.example/")
		x.Client = map[wedge.Fact]string{wedge.Address: address}
		if key != "" {
			x.Request.Header.Set("X-Api-Key", key)
		}
		got := x.OnRequest(onRequest).String()
		switch {
		case got == "answered":
			got = fmt.Sprint(x.Response.Status, " ", x.Response.Header.Value("Retry-After"), " ", x.Response.Header.Value("Cache-Control"))
		case got == "go on":
			x.Respond(200, "")
			x.OnResponse(onResponse)
			got = "left " + x.Response.Header.Value("X-RateLimit-Remaining")
		}
		if got != want {
			t.Errorf("%s: %s, want %s\n%s", address, got, want, n.LogText())
		}
	}
	const a, b, c = "192.0.2.1", "2001:db8::1", "192.0.2.3"
	n.Config = map[string]string{"limit": "2", "window": "10"}
	f(0, a, "", "left 1")
	f(0, "::ffff:"+a, "", "left 0")       // the same one, written as IPv6
	f(0, b, "", "left 1")                 // a client of its own
	f(0, "2001:db8::2", "", "left 0")     // the same one
	f(0, "2001:db8:0:1::1", "", "left 1") // its neighbour
	f(0, a, "", "429 10 no-store")
	f(0, a, "", "429 10 no-store")
	f(30*time.Second, a, "", "left 1")
	if n.Counts["refused"] != 2 || len(n.Logs) != 1 {
		t.Errorf("%d refused, log:\n%s\nwant 2 and one line", n.Counts["refused"], n.LogText())
	}

	n.Config = map[string]string{"limit": "1", "window": "1", "penalty": "60"}
	f(time.Hour, a, "", "left 0")
	f(0, a, "", "429 60 no-store")
	f(10*time.Second, a, "", "429 50 no-store") // asking again does not make it longer
	f(51*time.Second, a, "", "left 0")

	n.Config = map[string]string{"limit": "1", "by": "X-Api-Key"}
	f(time.Hour, a, "one", "left 0")
	f(0, b, "one", "429 60 no-store") // whatever the address
	f(0, a, "two", "left 0")
	f(0, a, strings.Repeat("x", 8000), "left 0")
	f(0, a, "", "left 0") // without the field: by address
	f(0, a, "", "429 60 no-store")
	f(0, c, "", "left 0")
}

func TestBadSettings(t *testing.T) {
	n := wedgetest.New(t)
	f := func(name, value, want string) {
		t.Helper()
		n.Config, n.Logs = map[string]string{name: value}, nil
		if got := n.Exchange("GET", "https://a.example/").OnRequest(onRequest); got != wedgetest.Failed || !strings.Contains(n.LogText(), want) {
			t.Errorf("%s %q: %v\n%s", name, value, got, n.LogText())
		}
	}
	f("limit", "0", "config limit: a number of requests, from 1")
	f("limit", "many", "config limit: a number of requests, from 1")
	f("window", "0", "config window: a number of seconds, from 1 to 86400")
	f("window", "86401", "config window: a number of seconds, from 1 to 86400")
	f("penalty", "-1", "config penalty: a number of seconds, from 1 to 86400")
	f("limits", "1", "config limits is not known")
}
