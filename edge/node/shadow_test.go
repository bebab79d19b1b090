package node_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/wedgecdn/wedge/edge/admin"
	"github.com/wedgecdn/wedge/hostapi/abi"
	. "github.com/wedgecdn/wedge/runtime/engine/enginetest"
)

// shadowed asks for a URL until the shadow has been compared that often, and returns what came of it.
func shadowed(w *world, url string, exchanges int64) (s *admin.Shadow) {
	w.t.Helper()
	end := time.Now().Add(patience)
	for i := 0; ; i++ {
		w.want(fmt.Sprintf("%s?i=%d", url, i), 200, "")
		if s = w.function().Shadow; s == nil {
			w.t.Fatal("there is no shadow")
		}
		if s.Exchanges+s.Asked >= exchanges {
			return s
		}
		if time.Now().After(end) { // shadows rest, and longer on a busy machine
			w.t.Fatalf("after %d requests: %+v", i, s)
		}
	}
}

func differences(s *admin.Shadow) (list []string) {
	for _, d := range s.Differences {
		list = append(list, d.What)
	}
	slices.Sort(list)
	return list
}

// A shadow runs on copies of both sides of an exchange; what differs is told, and no client gets any of it.
func TestShadow(t *testing.T) {
	w, u := canaryWorld(t, marks("one"))
	w.try(marks("two"), "shadow=100%")
	s := shadowed(w, "http://shop.example/a", 20)
	if got, want := differences(s), []string{"on_fetched: field x-stored of the response", "on_response: field x-sent of the response"}; !slices.Equal(got, want) {
		t.Errorf("differences %q, want %q", got, want)
	}
	if s.Different != s.Exchanges || s.Failed != 0 || s.Unread != 0 || s.Fuel == 0 || s.Fuel != s.FuelServed {
		t.Errorf("%+v", s)
	}
	r := w.want("http://shop.example/a?i=0", 200, "shop /a")
	if r.header.Get("X-Sent") != "one" || r.header.Get("X-Stored") != "one" {
		t.Errorf("a client got %v", r.header)
	}
	// It goes on after a restart, and ends with a rollback.
	w = restarted(t, w, u)
	shadowed(w, "http://shop.example/b", 3)
	w.did("POST", "/v1/functions/f/rollback", nil)
	if f := w.function(); f.Shadow != nil || f.Active == "" {
		t.Errorf("%+v", f)
	}
	// The same version under another hash has no differences; one that fails is counted, and harms nobody.
	g := newGuest()
	g.text("this text makes another module")
	g.hook("on_fetched", g.setField("X-Stored", "one"))
	w.try(g.hook("on_response", g.setField("X-Sent", "one")).bytes(), "shadow=100%")
	if s := shadowed(w, "http://shop.example/c", 5); s.Different != 0 || len(s.Differences) != 0 {
		t.Errorf("%+v", s)
	}
	w.try(traps("on_response"), "shadow=100%")
	if s := shadowed(w, "http://shop.example/d", 5); s.Failed == 0 || !slices.Contains(differences(s), "on_response: it failed (function-trap), the served one did not") {
		t.Errorf("%+v", s)
	}
}

// What a shadow writes is forgotten, what it asks of others is refused and its exchange not compared, and what it logs and counts goes nowhere.
func TestShadowChangesNothing(t *testing.T) {
	first := newGuest()
	w, u := canaryWorld(t, first.hook("on_request").bytes())
	g := newGuest()
	g.hook("on_request",
		g.do("kv_put", g.call("kv_open", g.text("any")), g.text("k"), g.text("of the shadow"), Code(I32(0), I32(0)), I64(0), I32(0), I64(0), I32(64)),
		g.do("counter_add", g.text("k"), I64(60_000), I64(1), I32(2048)),
		g.do("log", I32(1), g.text("of the shadow"), Code(I32(0), I32(0))),
		g.do("field_set", I32(int32(abi.MessageRequest)), g.text("X-Secret"), g.text("of the shadow")))
	w.try(g.bytes(), "shadow=100%")
	u.serve(func(rw http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-Secret") != "" {
			t.Error("the origin got what the shadow made of a request")
		}
		fmt.Fprint(rw, "shop")
	})
	s := shadowed(w, "http://shop.example/a", 5)
	if got := differences(s); !slices.Equal(got, []string{"on_request: field x-secret of the request"}) {
		t.Errorf("differences %q", got)
	}
	if r := w.api("GET", "/v1/kv/any/value?key=k", nil); r.status != 404 {
		t.Errorf("the shadow has written: %d %q", r.status, r.body)
	}
	for _, page := range []string{"/v1/functions/f", "/v1/functions/f/logs", "/metrics"} {
		if r := w.did("GET", page, nil); strings.Contains(r.body, "of the shadow") {
			t.Errorf("%s tells what the shadow said: %s", page, r.body)
		}
	}
	f := w.function()
	for _, usage := range f.Usage {
		if usage.Version == f.Shadow.Version {
			t.Error("what the shadow spends is counted as the function's")
		}
	}
	ask := newGuest()
	var own atomic.Int64
	u.serve(func(_ http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/own" {
			own.Add(1)
		}
	})
	w.try(ask.hook("on_request", ask.call("fetch_new", ask.text("GET"), ask.text("shop"), ask.text("/own")), Set(0), ask.do("fetch_send", Get(0)), ask.do("fetch_status", Get(0))).bytes(), "shadow=100%")
	if s := shadowed(w, "http://shop.example/b", 5); s.Asked == 0 || s.Exchanges != 0 {
		t.Errorf("%+v", s)
	}
	if n := own.Load(); n != 0 {
		t.Errorf("the origin got %d requests of the shadow", n)
	}
}

func TestShadowRefused(t *testing.T) {
	w, _ := canaryWorld(t, tagged("one"))
	f := func(status int, says string, module []byte, query string) {
		t.Helper()
		if r := w.api("PUT", "/v1/functions/f?"+query, module); r.status != status || !strings.Contains(r.body, says) {
			t.Errorf("%s: %d %s, want %d %q", query, r.status, r.body, status, says)
		}
	}
	f(409, "runs for everybody already", tagged("one"), "shadow=5%25")
	f(422, "percentage", tagged("two"), "shadow=5")
	f(422, "between", tagged("two"), "shadow=0%25")
	f(400, "shadow or a canary", tagged("two"), "shadow=5%25&canary=5%25")
	f(422, "initialised", stillborn(false), "shadow=5%25")
	if f := w.function(); f.Shadow != nil {
		t.Errorf("%+v", f.Shadow)
	}
}

// TestHammerShadow: while shadows begin and end under load, every exchange is served by the active version, and nothing is left behind.
func TestHammerShadow(t *testing.T) {
	w, _ := canaryWorld(t, tagged("first"))
	l := begin(w, 2, "http://shop.example/", func(l *load, r reply) string {
		if strings.HasPrefix(r.header.Get("X-Response"), "shadow") {
			return "a client got what a shadow made"
		}
		return oneVersion(l, r)
	})
	for i := range proof(4, 60) {
		w.try(tagged(fmt.Sprint("shadow", i)), "shadow=100%")
		l.more(8)
		if i%2 == 0 {
			w.did("POST", "/v1/functions/f/rollback", nil)
		} else {
			w.deploy("f", tagged(fmt.Sprint("stable", i)))
		}
		l.more(2)
	}
	l.end()
}
