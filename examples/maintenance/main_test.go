package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/wedgecdn/wedge/examples/internal/built"
	"github.com/wedgecdn/wedge/sdk/go/wedgetest"
)

func TestBuild(t *testing.T) { built.Exports(t, "on_request", "on_error") }

func TestAnnounced(t *testing.T) {
	n := wedgetest.New(t)
	s := n.Store("maintenance")
	f := func(want string, fields ...string) {
		t.Helper()
		x := n.Exchange("GET", "https://a.example/")
		for i := 0; i < len(fields); i += 2 {
			x.Request.Header.Add(fields[i], fields[i+1])
		}
		got := x.OnRequest(onRequest).String()
		if got == "answered" {
			h := x.Response.Header
			got = fmt.Sprint(x.Response.Status, " ", h.Value("Content-Type"), " ", h.Value("Retry-After"), " ", h.Value("Cache-Control"))
		}
		if x.Bypass {
			got += ", past the cache"
		}
		if got != want {
			t.Errorf("%q: %s, want %s\n%s", fields, got, want, n.LogText())
		}
	}
	const page, problem = "503 text/html; charset=utf-8 120 no-store", "503 application/problem+json 120 no-store"
	f("go on")
	s.Put("notice", "Back at noon")
	f(page)
	f(page, "Accept", "text/html,application/json;q=0.9")
	f(problem, "Accept", "application/json")
	f(page, "Cookie", "maintenance-pass=")
	n.Secrets["pass"] = "mole-17"
	f(page, "Cookie", "maintenance-pass=mole")
	f("go on, past the cache", "Cookie", "a=b; maintenance-pass=mole-17")
	n.Config["retry_after"] = "3600"
	f("503 text/html; charset=utf-8 3600 no-store")
	n.Config["retry_after"] = "soon"
	f("failed")
	s.Delete("notice")
	f("go on")
}

// Whatever an operator writes is text, on the page and in JSON.
func TestText(t *testing.T) {
	n := wedgetest.New(t)
	s := n.Store("maintenance")
	for _, text := range []string{`<script>alert("1")</script> & 'x'`, `\"`, "two\nlines", "\xff", ""} {
		s.Put("notice", text)
		x := n.Exchange("GET", "https://a.example/")
		if got := x.OnRequest(onRequest); got != wedgetest.Answered || strings.Contains(string(x.Response.Body), "<script>") {
			t.Errorf("%q: %v\n%s", text, got, x.Response.Body)
		}
		x = n.Exchange("GET", "https://a.example/")
		x.Request.Header.Set("Accept", "application/json")
		var o struct {
			Status   int
			Instance string
		}
		if got := x.OnRequest(onRequest); got != wedgetest.Answered || json.Unmarshal(x.Response.Body, &o) != nil || o.Status != 503 || o.Instance != x.ID {
			t.Errorf("%q: %v\n%s", text, got, x.Response.Body)
		}
	}
}

func TestFailed(t *testing.T) {
	n := wedgetest.New(t)
	x := n.Exchange("GET", "https://a.example/page").Fetch()
	x.Failure = "origin-timeout"
	if got := x.OnError(onError); got != wedgetest.Answered || x.Response.Status != 503 || !strings.Contains(string(x.Response.Body), x.ID) {
		t.Errorf("%v, %d\n%s\n%s", got, x.Response.Status, x.Response.Body, n.LogText())
	}
	if !strings.Contains(n.LogText(), "the origin failed why=origin-timeout path=/page") {
		t.Errorf("log:\n%s", n.LogText())
	}
}
