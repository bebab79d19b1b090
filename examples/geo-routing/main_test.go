package main

import (
	"strings"
	"testing"

	wedge "github.com/wedgecdn/wedge/sdk/go"

	"github.com/wedgecdn/wedge/examples/internal/built"
	"github.com/wedgecdn/wedge/sdk/go/wedgetest"
)

func TestBuild(t *testing.T) { built.Exports(t, "on_request", "on_fetch") }

func client(n *wedgetest.Node, country string) *wedgetest.Exchange {
	x := n.Exchange("GET", "https://a.example/")
	x.Client = map[wedge.Fact]string{}
	if country != "" {
		x.Client[wedge.Country] = country
	}
	return x
}

func TestDirect(t *testing.T) {
	f := func(rules, country, want string) {
		t.Helper()
		n := wedgetest.New(t)
		n.Config["origins"] = rules
		x := client(n, country)
		if got := x.OnRequest(onRequest); got != wedgetest.GoOn || x.Origin != want {
			t.Errorf("%q from %q: %v to %q, want %q\n%s", rules, country, got, x.Origin, want, n.LogText())
		}
		if parts := x.Key.Parts; (want == "") != (len(parts) == 0) || want != "" && (parts[0] != wedgetest.Field{Name: "origin", Value: want}) {
			t.Errorf("%q from %q: key parts %v", rules, country, parts)
		}
	}
	const world = "DE, at,CH=europe; US,CA = america; *=world;"
	f(world, "DE", "europe")
	f(world, "AT", "europe")
	f(world, "CA", "america")
	f(world, "JP", "world")
	f(world, "", "world")
	f("DE=europe", "FR", "")
	f("DE=europe", "", "")
	f("unknown=world", "", "world")
	f("", "DE", "")
}

func TestBlock(t *testing.T) {
	n := wedgetest.New(t)
	f := func(country, want string) {
		t.Helper()
		x := client(n, country)
		got := x.OnRequest(onRequest).String()
		if got == "answered" {
			got = x.Response.Header.Value("Link") + " " + x.Response.Header.Value("Cache-Control")
			if x.Response.Status != 451 {
				t.Errorf("%s: status %d", country, x.Response.Status)
			}
		}
		if got != want {
			t.Errorf("%q: %q, want %q\n%s", country, got, want, n.LogText())
		}
	}
	n.Config["block"] = "XA, xb"
	f("XA", " private, no-store")
	f("XB", " private, no-store")
	f("DE", "go on")
	f("", "go on")
	n.Config["blocked_by"] = "https://law.example/order/7"
	f("XA", `<https://law.example/order/7>; rel="blocked-by" private, no-store`)
	n.Config["block"] = "XA, unknown"
	f("", `<https://law.example/order/7>; rel="blocked-by" private, no-store`)
	if n.Counts["blocked"] != 4 {
		t.Errorf("counted %d, want 4", n.Counts["blocked"])
	}
}

// The origin hears the node's word, never the client's.
func TestAnnounce(t *testing.T) {
	f := func(country, want string) {
		t.Helper()
		n := wedgetest.New(t)
		n.Config["origins"] = "*=world"
		x := client(n, country)
		x.Request.Header.Add("X-Client-Country", "ZZ")
		if got := x.OnRequest(onRequest); got != wedgetest.GoOn {
			t.Fatal(got, n.LogText())
		}
		o := x.Fetch()
		if got := o.OnFetch(onFetch); got != wedgetest.GoOn || strings.Join(o.Request.Header.Values("X-Client-Country"), "|") != want {
			t.Errorf("%q: %v, the origin sees %q, want %q", country, got, o.Request.Header.Values("X-Client-Country"), want)
		}
	}
	f("DE", "DE")
	f("", "unknown")
}

func TestBadRule(t *testing.T) {
	for _, rules := range []string{"DE", "DE=", "DE=europe; US"} {
		n := wedgetest.New(t)
		n.Config["origins"] = rules
		if got := client(n, "US").OnRequest(onRequest); got != wedgetest.Failed || !strings.Contains(n.LogText(), "is no rule: write COUNTRY,COUNTRY=ORIGIN") {
			t.Errorf("%q: %v\n%s", rules, got, n.LogText())
		}
	}
}
