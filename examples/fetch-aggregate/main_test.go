package main

import (
	"fmt"
	"strings"
	"testing"

	"github.com/wedgecdn/wedge/examples/internal/built"
	"github.com/wedgecdn/wedge/sdk/go/wedgetest"
)

func TestBuild(t *testing.T) { built.Exports(t, "on_request") }

func TestAggregate(t *testing.T) {
	n := wedgetest.New(t)
	n.Config["parts"] = "user=accounts/me; news = cms/latest?n=3"
	user, news := &wedgetest.FetchResponse{Status: 200, Body: `{"id":7}`}, &wedgetest.FetchResponse{Status: 200, Body: " [1,2]\n"}
	n.Origin("accounts", func(r *wedgetest.FetchRequest) *wedgetest.FetchResponse {
		if r.Target != "/me" || !r.UseCache || r.Header.Value("Accept") != "application/json" {
			t.Errorf("accounts was asked %+v", r)
		}
		return user
	})
	n.Origin("cms", func(r *wedgetest.FetchRequest) *wedgetest.FetchResponse {
		if r.Target != "/latest?n=3" {
			t.Errorf("cms was asked %+v", r)
		}
		return news
	})
	f := func(want, missing string) {
		t.Helper()
		n.Logs = nil
		x := n.Exchange("GET", "https://a.example/dashboard")
		if got := x.OnRequest(onRequest); got != wedgetest.Answered {
			t.Fatal(got, n.LogText())
		}
		if got := fmt.Sprint(x.Response.Status, " ", strings.TrimSpace(string(x.Response.Body))); got != want || x.Response.Header.Value("X-Missing") != missing {
			t.Errorf("%s, missing %q; want %s, %q\n%s", got, x.Response.Header.Value("X-Missing"), want, missing, n.LogText())
		}
	}
	f(`200 {"user":{"id":7},"news": [1,2]
}`, "")
	for _, bad := range []*wedgetest.FetchResponse{
		nil, {Status: 500, Body: "{}"}, {Status: 200, Body: "<html>"}, {Status: 200, Body: `{"id":`}, {Status: 200, Body: `{"id":7}`, Cut: true}, {TimedOut: true},
		{Status: 200, Body: `"` + strings.Repeat("x", maxBody) + `"`}, {Status: 200},
	} {
		user = bad
		f(`200 {"user":null,"news": [1,2]
}`, "user")
	}
	news = nil
	f(`502 {"user":null,"news":null}`, "user news")
}

func TestMethod(t *testing.T) {
	n := wedgetest.New(t)
	n.Config["parts"] = "a=b/c"
	x := n.Exchange("POST", "https://a.example/")
	if got := x.OnRequest(onRequest); got != wedgetest.Answered || x.Response.Status != 405 || x.Response.Header.Value("Allow") != "GET, HEAD" {
		t.Errorf("%v, %+v", got, x.Response)
	}
}

func TestBadSettings(t *testing.T) {
	f := func(parts, want string) {
		t.Helper()
		n := wedgetest.New(t)
		n.Config["parts"] = parts
		if got := n.Exchange("GET", "https://a.example/").OnRequest(onRequest); got != wedgetest.Failed || !strings.Contains(n.LogText(), want) {
			t.Errorf("%q: %v\n%s", parts, got, n.LogText())
		}
	}
	f("", "config parts: from 1 to 8 of them")
	f(strings.Repeat("a=b/c;", 9), "config parts: from 1 to 8 of them")
	f("a", "is no part: write NAME=ORIGIN/PATH")
	f("a=b", "is no part: write NAME=ORIGIN/PATH")
	f("=b/c", "is no part: write NAME=ORIGIN/PATH")
	f("a=/c", "is no part: write NAME=ORIGIN/PATH")
	f("a=elsewhere/c", `"elsewhere/c": not allowed`)
}
