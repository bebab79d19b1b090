package node_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/wedgecdn/wedge/edge/admin"
	"github.com/wedgecdn/wedge/hostapi/abi"
	. "github.com/wedgecdn/wedge/runtime/engine/enginetest"
)

// canaryWorld is a node with one function behind a site, and a first version of it.
func canaryWorld(t *testing.T, first []byte) (*world, *upstream) {
	t.Helper()
	u := newUpstream(t, "shop")
	w := newWorld(t, canaryConfig(u), nil)
	w.deploy("f", first)
	return w, u
}

func canaryConfig(u *upstream) string {
	return fmt.Sprintf(`
trusted_proxies: [127.0.0.1/32]
functions: [{name: f, instances: 8, fetch: [shop]}]
origins: [{name: shop, servers: [{url: %q}]}]
sites: [{hosts: [shop.example], origin: shop, functions: [f]}]
`, u.url())
}

// restarted is the node after a restart.
func restarted(t *testing.T, w *world, u *upstream) *world {
	t.Helper()
	w.stop()
	return newWorldIn(t, w.dir, nil, canaryConfig(u), nil)
}

// try deploys a canary; query is "canary=5%" and such.
func (w *world) try(module []byte, query ...string) {
	w.t.Helper()
	q := url.Values{}
	for _, pair := range query {
		name, v, _ := strings.Cut(pair, "=")
		q.Set(name, v)
	}
	w.did("PUT", "/v1/functions/f?"+q.Encode(), module)
}

func (w *world) function() (f admin.Function) {
	w.t.Helper()
	if err := json.Unmarshal([]byte(w.did("GET", "/v1/functions/f", nil).body), &f); err != nil {
		w.t.Fatal(err)
	}
	return f
}

// marks puts a field into what is stored (on_fetched) and what is sent.
func marks(version string) []byte {
	g := newGuest()
	g.hook("on_fetched", g.setField("X-Stored", version))
	g.hook("on_response", g.setField("X-Sent", version))
	return g.bytes()
}

// asks puts a field into the request that the origin gets, at on_request.
func asks(version string) []byte {
	g := newGuest()
	g.hook("on_request", g.do("field_set", I32(int32(abi.MessageRequest)), g.text("X-Version"), g.text(version)))
	return g.bytes()
}

var canaryField = []string{"X-Canary", "1"}

// What a canary had a part in is stored apart from what all others get, both ways, and stays when it is promoted.
func TestCanaryStoresApart(t *testing.T) {
	w, _ := canaryWorld(t, marks("one"))
	f := func(url, outcome, stored, sent string, fields ...string) {
		t.Helper()
		r := w.wantOutcome(url, 200, "", outcome, fields...)
		if r.header.Get("X-Stored") != stored || r.header.Get("X-Sent") != sent {
			t.Errorf("%s %v: stored by %q, sent by %q, want %q, %q", url, fields, r.header.Get("X-Stored"), r.header.Get("X-Sent"), stored, sent)
		}
	}
	const a, b = "http://shop.example/a?ttl=100", "http://shop.example/b?ttl=100"
	f(a, "stored", "one", "one")
	w.try(marks("two"), "canary_header=X-Canary: 1")
	f(a, "hit", "one", "one")
	f(a, "stored", "two", "two", canaryField...)
	f(a, "hit", "two", "two", canaryField...)
	f(b, "stored", "two", "two", canaryField...)
	f(b, "stored", "one", "one")
	f(a, "hit", "one", "one")
	w.did("POST", "/v1/functions/f/promote", nil)
	f(a, "hit", "two", "two")
	f(b, "hit", "two", "two", canaryField...)
	w.did("POST", "/v1/functions/f/rollback", nil)
	f(a, "hit", "one", "one")
	f(b, "hit", "one", "one", canaryField...)
}

// A canary that only changes what the origin is asked must not fill what others find.
func TestCanaryOfRequestStoresApart(t *testing.T) {
	w, u := canaryWorld(t, asks("one"))
	u.serve(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		rw.Header().Set("Cache-Control", "max-age=100")
		fmt.Fprint(rw, "for ", r.Header.Get("X-Version"))
	}))
	w.try(asks("two"), "canary_header=X-Canary: 1")
	const url = "http://shop.example/a"
	w.wantOutcome(url, 200, "for two", "stored", canaryField...)
	w.wantOutcome(url, 200, "for one", "stored")
	w.wantOutcome(url, 200, "for two", "hit", canaryField...)
	w.did("POST", "/v1/functions/f/rollback", nil)
	w.wantOutcome(url, 200, "for one", "hit", canaryField...)
	// One that only changes what is sent shares what is stored.
	w.deploy("f", tagged("three"))
	w.wantOutcome(url+"2", 200, "", "stored")
	g := newGuest()
	w.try(g.hook("on_response", g.setField("X-Response", "four")).bytes(), "canary_header=X-Canary: 1")
	if r := w.wantOutcome(url+"2", 200, "", "hit", canaryField...); r.header.Get("X-Response") != "four" {
		t.Errorf("version %q answers", r.header.Get("X-Response"))
	}
}

// A client stays with its version, through a reload and a restart, and a share of them has the new one.
func TestCanaryShare(t *testing.T) {
	w, u := canaryWorld(t, tagged("one"))
	w.try(tagged("two"), "canary=25%")
	const clients = 400
	versions := func() (who [clients]string, share float64) {
		t.Helper()
		for i := range clients {
			r := w.want("http://shop.example/", 200, "", "X-Forwarded-For", fmt.Sprintf("192.0.%d.%d", i/200, i%200))
			who[i] = r.header.Get("X-Response")
			if who[i] == "two" {
				share++
			}
		}
		return who, share / clients
	}
	before, share := versions()
	t.Logf("%v of the clients have the canary", share)
	if share < 0.17 || share > 0.33 {
		t.Errorf("%v of the clients have the canary, want 0.25", share)
	}
	same := func(when string) {
		t.Helper()
		if now, _ := versions(); now != before {
			t.Errorf("%s clients have changed their version", when)
		}
	}
	w.did("PUT", "/v1/config", []byte(heading+canaryConfig(u)))
	same("after a reload")
	w = restarted(t, w, u)
	same("after a restart")
	if f := w.function(); f.Canary == nil || f.Canary.Share != "25%" || f.Canary.Calls == 0 || f.Canary.Failed != 0 {
		t.Errorf("%+v", f.Canary)
	}
	if n := w.metric("wedge_function_version_calls_total", `function="f"`, `version="`+w.function().Canary.Version[:12]+`"`); n == 0 {
		t.Error("the calls of the canary stand in no metric")
	}
	w.did("POST", "/v1/functions/f/rollback", nil)
	if _, share := versions(); share != 0 {
		t.Errorf("%v of the clients have a canary that was given up", share)
	}
}

// A canary that fails is rolled back by the node, which says by which figures; the ones whose turn it was got its failure, nobody after that.
func TestCanaryIsRolledBack(t *testing.T) {
	w, u := canaryWorld(t, tagged("one"))
	w.try(traps("on_request"), "canary_header=X-Canary: 1", "rollback_on=errors 1%", "rollback_calls=400")
	failed := 0
	for range 5 {
		if r := w.get("http://shop.example/", canaryField...); r.status == 500 {
			failed++
		}
		w.want("http://shop.example/", 200, "")
	}
	if failed != 5 { // 5 of 400 are too many, 4 would not be
		t.Errorf("%d requests met the canary, want 5", failed)
	}
	var f admin.Function
	eventually(t, "the canary is rolled back", func() bool { f = w.function(); return f.Canary == nil })
	const why = "5 of 5 calls within 1m0s (100.0%) failed: the budget is errors 1%"
	if e := f.LastCanary; e == nil || e.How != admin.CanaryRolledBack || e.Why != why {
		t.Errorf("%+v", e)
	}
	// The table of versions changes first, the log tells of it after that.
	eventually(t, "the log tells why", func() bool { return strings.Contains(w.stderr.String(), why) })
	w.want("http://shop.example/", 200, "", canaryField...)
	w = restarted(t, w, u)
	if e := w.function().LastCanary; e == nil || e.Why != why {
		t.Errorf("after a restart: %+v", e)
	}

	// Processor time is a budget too.
	g := newGuest()
	busy := g.hook("on_request", I32(3_000_000), Set(0), Op(0x03, 0x40), Get(0), I32(1), Op(0x6b), Op(0x22, 0), Op(0x0d, 0), Op(0x0b)).bytes()
	w.try(busy, "canary_header=X-Canary: 1", "rollback_on=p99 1ms", "rollback_calls=100")
	w.want("http://shop.example/", 200, "", canaryField...)
	w.want("http://shop.example/", 200, "", canaryField...)
	eventually(t, "the canary is rolled back", func() bool { f = w.function(); return f.Canary == nil })
	if e := f.LastCanary; !strings.Contains(e.Why, "took more than 1ms of processor time") {
		t.Errorf("%+v", e)
	}
}

// The same version with another budget is held against that one, at once.
func TestCanaryWithAnotherBudget(t *testing.T) {
	w, _ := canaryWorld(t, tagged("one"))
	two := traps("on_request")
	w.try(two, "canary_header=X-Canary: 1")
	w.try(two, "canary_header=X-Canary: 1", "rollback_on=errors 1%", "rollback_calls=1")
	w.get("http://shop.example/", canaryField...)
	eventually(t, "the canary is rolled back", func() bool { return w.function().Canary == nil })
}

// Of a handler too, an exchange that gets no instance in time is no failure of the version: the one that held the instance is, when its budget ends.
func TestCanaryHandlerWithoutInstance(t *testing.T) {
	u := newUpstream(t, "shop")
	w := newWorld(t, fmt.Sprintf(`
functions: [{name: f, instances: 1, limits: {cpu: 2s, wall: 20s}}]
origins: [{name: shop, servers: [{url: %q}]}]
sites: [{hosts: [shop.example], origin: shop, handler: f}]
`, u.url()), nil)
	program := func(code string) []byte {
		return []byte("\x00asm\x01\x00\x00\x00" + "\x01\x09\x02\x60\x00\x00\x60\x01\x7e\x01\x7f" + "\x02\x13\x01\x0afastly_abi\x04init\x00\x01" + "\x03\x02\x01\x00" + "\x07\x0a\x01\x06_start\x00\x01" + code)
	}
	w.deploy("f", program("\x0a\x04\x01\x02\x00\x0b"))
	w.try(program("\x0a\x09\x01\x07\x00\x03\x40\x0c\x00\x0b\x0b"), "canary_header=X-Canary: 1") // it never ends
	var both sync.WaitGroup
	var busy atomic.Int64
	for range 2 {
		both.Go(func() {
			if w.get("http://shop.example/", canaryField...).status == 503 {
				busy.Add(1)
			}
		})
	}
	both.Wait()
	if c := w.function().Canary; busy.Load() != 1 || c.Failed != 1 || c.Calls != 1 {
		t.Errorf("%d found no instance; %d of %d calls failed, want 1 and 1 of 1", busy.Load(), c.Failed, c.Calls)
	}
}

func TestCanaryRefused(t *testing.T) {
	w, _ := canaryWorld(t, tagged("one"))
	f := func(status int, says string, module []byte, query string) {
		t.Helper()
		if r := w.api("PUT", "/v1/functions/f?"+query, module); r.status != status || !strings.Contains(r.body, says) {
			t.Errorf("%s: %d %s, want %d %q", query, r.status, r.body, status, says)
		}
	}
	f(409, "runs for everybody already", tagged("one"), "canary=5%25")
	f(422, "percentage", tagged("two"), "canary=5")
	f(422, "percentage", tagged("two"), "canary=500%25")
	f(422, "header field", tagged("two"), "canary_header=X")
	f(422, "budget", tagged("two"), "canary=5%25&rollback_on=luck")
	f(422, "window", tagged("two"), "canary=5%25&rollback_on=errors+1%25&rollback_window=1ms")
	f(400, "canary", tagged("two"), "rollback_on=errors+1%25")
	f(400, "canary", tagged("two"), "canary_header=X:1&canary_cookie=id")
	f(400, "activate", tagged("two"), "canary=5%25&activate=false")
	f(422, "initialised", stillborn(false), "canary=5%25")
	if r := w.api("PUT", "/v1/functions/new?canary=5%25", tagged("two")); r.status != 409 || !strings.Contains(r.body, "runs no version") {
		t.Errorf("%d %s", r.status, r.body)
	}
	if r := w.api("POST", "/v1/functions/f/promote", nil); r.status != 409 {
		t.Errorf("%d %s", r.status, r.body)
	}
	if f := w.function(); f.Canary != nil || f.LastCanary != nil {
		t.Errorf("%+v %+v", f.Canary, f.LastCanary)
	}
}

// A route that calls more functions with canaries than it can try leaves out the last ones, and says so; who asks for one too many
// is refused.
func TestCanariesInARestart(t *testing.T) {
	u := newUpstream(t, "shop")
	conf := func(functions, rest string) string {
		return fmt.Sprintf(`
functions: [{name: a}, {name: b}, {name: c}, {name: d}]
origins: [{name: shop, servers: [{url: %q}]}]
sites: [{hosts: [shop.example], origin: shop, functions: %s}%s]
`, u.url(), functions, rest)
	}
	w := newWorld(t, conf("[a, b, c]", ", {hosts: [other.example], origin: shop, functions: [d]}"), nil)
	mark := func(f, version string) []byte {
		g := newGuest()
		return g.hook("on_response", g.setField("X-"+f, version)).bytes()
	}
	for _, f := range []string{"a", "b", "c", "d"} {
		w.deploy(f, mark(f, "one"))
		w.did("PUT", "/v1/functions/"+f+"?canary_header=X-Canary:+1", mark(f, "two"))
	}
	w.stop()
	w = newWorldIn(t, w.dir, nil, conf("[a, b, c, d]", ""), nil)
	f := func(want string) {
		t.Helper()
		h := w.want("http://shop.example/", 200, "", canaryField...).header
		if got := h.Get("X-A") + " " + h.Get("X-B") + " " + h.Get("X-C") + " " + h.Get("X-D"); got != want {
			t.Errorf("%q run, want %q", got, want)
		}
	}
	f("two two two one")
	if s := w.stderr.String(); !strings.Contains(s, "not tried on a route") || !strings.Contains(s, "function=d") {
		t.Errorf("the log says\n%s", s)
	}
	if r := w.api("PUT", "/v1/functions/d?canary_header=X-Canary:+1", mark("d", "three")); r.status != 409 || !strings.Contains(r.body, "at most 3") {
		t.Errorf("%d %s", r.status, r.body)
	}
	w.did("POST", "/v1/functions/a/promote", nil)
	f("two two two two")
}

// A function with a shadow that becomes a site's handler has none there.
func TestShadowOfAHandlerInARestart(t *testing.T) {
	u := newUpstream(t, "shop")
	conf := func(handler string) string {
		return fmt.Sprintf(`
functions: [{name: f, limits: {cpu: 2s, wall: 20s}}]
origins: [{name: shop, servers: [{url: %q}]}]
sites: [{hosts: [shop.example], origin: shop%s}]
`, u.url(), handler)
	}
	program := func(code string) []byte {
		return []byte("\x00asm\x01\x00\x00\x00" + "\x01\x09\x02\x60\x00\x00\x60\x01\x7e\x01\x7f" + "\x02\x13\x01\x0afastly_abi\x04init\x00\x01" + "\x03\x02\x01\x00" + "\x07\x0a\x01\x06_start\x00\x01" + code)
	}
	w := newWorld(t, conf(""), nil)
	one, two := program("\x0a\x04\x01\x02\x00\x0b"), program("\x0a\x05\x01\x03\x00\x01\x0b")
	w.deploy("f", one)
	w.did("PUT", "/v1/functions/f?shadow=5%25", two)
	w.stop()
	w = newWorldIn(t, w.dir, nil, conf(", handler: f"), nil)
	if s := w.stderr.String(); !strings.Contains(s, "not tried on a route") || !strings.Contains(s, "no shadow") {
		t.Errorf("the log says\n%s", s)
	}
	if r := w.api("PUT", "/v1/functions/f?shadow=5%25", program("\x0a\x06\x01\x04\x00\x01\x01\x0b")); r.status != 409 {
		t.Errorf("%d %s", r.status, r.body)
	}
}

// TestHammerCanary: while canaries begin, grow, are promoted and given up under load, each exchange has one version, and none fails.
func TestHammerCanary(t *testing.T) {
	w, _ := canaryWorld(t, tagged("first"))
	var met atomic.Int64
	l := begin(w, 3, "http://shop.example/", func(l *load, r reply) string {
		if strings.HasPrefix(r.header.Get("X-Response"), "canary") {
			met.Add(1)
		}
		return oneVersion(l, r)
	})
	for i := range proof(6, 100) {
		w.try(tagged(fmt.Sprint("canary", i)), "canary=100%", "rollback_on=errors 1%")
		l.more(6)
		w.try(tagged(fmt.Sprint("canary", i)), "canary=50%")
		l.more(3)
		switch i % 3 {
		case 0:
			w.did("POST", "/v1/functions/f/promote", nil)
		case 1:
			w.did("POST", "/v1/functions/f/rollback", nil)
		default:
			w.deploy("f", tagged(fmt.Sprint("stable", i)))
		}
		l.more(3)
	}
	l.end()
	if met.Load() == 0 {
		t.Error("no request met a canary")
	}
	t.Logf("%d requests, %d met a canary", l.asked.Load(), met.Load())
}
