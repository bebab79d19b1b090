package main

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/wedgecdn/wedge/examples/internal/built"
	"github.com/wedgecdn/wedge/sdk/go/wedgetest"
)

func TestBuild(t *testing.T) { built.Exports(t, "on_request", "on_response") }

func node(t *testing.T, weights string) *wedgetest.Node {
	n := wedgetest.New(t)
	n.Config["experiment"], n.Config["origin_new"] = "shop", "shop-new"
	n.Store("ab").Put("shop", weights)
	return n
}

// visit is one request and its response; it returns the exchange and the cookie that the response sets.
func visit(t *testing.T, n *wedgetest.Node, cookies ...string) (x *wedgetest.Exchange, set string) {
	t.Helper()
	x = n.Exchange("GET", "https://shop.example/")
	for _, c := range cookies {
		x.Request.Header.Add("Cookie", c)
	}
	if got := x.OnRequest(onRequest); got != wedgetest.GoOn {
		t.Fatalf("on_request: %v\n%s", got, n.LogText())
	}
	x.Respond(200, "hello", "Cache-Control", "max-age=60")
	if got := x.OnResponse(onResponse); got != wedgetest.GoOn {
		t.Fatalf("on_response: %v\n%s", got, n.LogText())
	}
	return x, x.Response.Header.Value("Set-Cookie")
}

func key(x *wedgetest.Exchange) string { return fmt.Sprint(x.Key.Parts) }

func TestSticky(t *testing.T) {
	n := node(t, "control=50 new=50")
	count := map[string]int{}
	for range 100 {
		x, set := visit(t, n)
		pair, attributes, _ := strings.Cut(set, "; ")
		_, cohort, _ := strings.Cut(pair, "=")
		// With the origin's max-age beside it, another cache would give the cookie to the next who has none.
		if got := x.Response.Header.Values("Cache-Control"); !slices.Equal(got, []string{"max-age=60", "private"}) {
			t.Fatalf("Cache-Control %q", got)
		}
		if attributes != "Path=/; Max-Age=2592000; HttpOnly; SameSite=Lax; Secure" {
			t.Fatalf("cookie %q", set)
		}
		count[cohort]++
		for range 3 {
			y, again := visit(t, n, pair)
			if again != "" || key(y) != key(x) || y.Origin != x.Origin || y.Request.Header.Value("X-Cohort") != "shop="+cohort {
				t.Fatalf("a client of %s: sets %q, key %s, origin %q; the first had %s, %q", cohort, again, key(y), y.Origin, key(x), x.Origin)
			}
		}
		if want := map[string]string{"control": "", "new": "shop-new"}[cohort]; x.Origin != want || key(x) != "[{ab-shop "+cohort+"}]" {
			t.Fatalf("%s: origin %q, want %q; key %s", cohort, x.Origin, want, key(x))
		}
	}
	if count["control"] < 30 || count["new"] < 30 || len(count) != 2 {
		t.Errorf("100 new clients: %v, want about half and half", count)
	}
}

func TestWeights(t *testing.T) {
	n := node(t, "control=0 new=1")
	if _, set := visit(t, n); !strings.HasPrefix(set, "ab_shop=new;") {
		t.Errorf("weight 0: new client got %q", set)
	}
	if _, set := visit(t, n, "ab_shop=control"); set != "" {
		t.Errorf("weight 0: a client that was there got %q", set)
	}
	n.Store("ab").Put("shop", "new=1 third=1")
	if _, set := visit(t, n, "ab_shop=control"); set == "" || strings.Contains(set, "control") {
		t.Errorf("a cohort that has ended: %q", set)
	}
	n.Store("ab").Delete("shop")
	if x, set := visit(t, n, "ab_shop=control"); set != "" || len(x.Key.Parts) != 0 {
		t.Errorf("no weights: cookie %q, key %s", set, key(x))
	}
	n.Config["weights"] = "only=1"
	if _, set := visit(t, n); !strings.HasPrefix(set, "ab_shop=only;") {
		t.Errorf("weights of the settings: %q", set)
	}
}

func TestBadWeights(t *testing.T) {
	f := func(text string) {
		t.Helper()
		n := node(t, text)
		x, set := visit(t, n)
		if set != "" || len(x.Key.Parts) != 0 || !strings.Contains(n.LogText(), "weights not understood") {
			t.Errorf("%q: cookie %q, key %s, log %q", text, set, key(x), n.LogText())
		}
	}
	f("a=0")
	f("a")
	f("a=x")
	f("a=-1")
	f("a=1 a=2")
	f("a=1000001")
	f("A=1")
	f("a;Domain=evil=1")
	f(strings.Repeat("x", 33) + "=1")
	f("a=1 b=1 c=1 d=1 e=1 f=1 g=1 h=1 i=1 j=1 k=1 l=1 m=1 n=1 o=1 p=1 q=1")
}

// What a client makes up is not taken over: not into the key, not into a field, not into a cookie.
func TestHostileCookies(t *testing.T) {
	n := node(t, "control=1")
	f := func(cookies ...string) {
		t.Helper()
		x, set := visit(t, n, cookies...)
		if key(x) != "[{ab-shop control}]" || !strings.HasPrefix(set, "ab_shop=control;") || x.Request.Header.Value("X-Cohort") != "shop=control" {
			t.Errorf("%.60q: key %s, cookie %q", cookies, key(x), set)
		}
	}
	f("ab_shop=evil")
	f("ab_shop=")
	f("ab_shop")
	f("ab_shop=new; ab_shop=control", "ab_shop=control") // the first one counts
	f(`ab_shop="control"`)
	f("ab_shop=" + strings.Repeat("x", 60<<10))
	f(strings.Repeat("a=b;", 15<<10))
	f("AB_SHOP=control")
}

func TestDropCookie(t *testing.T) {
	n := node(t, "control=1")
	f := func(want string, cookies ...string) {
		t.Helper()
		x, _ := visit(t, n, cookies...)
		if got := strings.Join(x.Request.Header.Values("Cookie"), " | "); got != want {
			t.Errorf("%q: the origin gets %q, want %q", cookies, got, want)
		}
	}
	f("", "ab_shop=control")
	f("a=1; b=2", "a=1; ab_shop=control;b=2")
	f("a=1; c=3", "a=1", "ab_shop=control; c=3")
	f("a=1;b", "a=1;b")
	f("xab_shop=1", "xab_shop=1")
}

func TestVary(t *testing.T) {
	n := node(t, "control=1")
	f := func(want string, vary ...string) {
		t.Helper()
		x := n.Exchange("GET", "http://shop.example/")
		x.OnRequest(onRequest)
		x.Respond(200, "", vary...)
		x.OnResponse(onResponse)
		if got := strings.Join(x.Response.Header.Values("Vary"), " | "); got != want || strings.Contains(x.Response.Header.Value("Set-Cookie"), "Secure") {
			t.Errorf("%q: Vary %q, want %q; %q", vary, got, want, x.Response.Header.Value("Set-Cookie"))
		}
	}
	f("Cookie")
	f("Accept-Encoding | Cookie", "Vary", "Accept-Encoding")
	f("Accept, cookie", "Vary", "Accept, cookie")
	f("*", "Vary", "*")
}

func TestBadSettings(t *testing.T) {
	n := node(t, "control=1")
	for setting, v := range map[string]string{"experiment": "a b", "max_age": "1 day"} {
		n.Config["experiment"], n.Config["max_age"] = "shop", "1"
		n.Config[setting] = v
		if got := n.Exchange("GET", "https://shop.example/").OnRequest(onRequest); got != wedgetest.Failed || !strings.Contains(n.LogText(), "config "+setting) {
			t.Errorf("%s %q: %v\n%s", setting, v, got, n.LogText())
		}
	}
}
