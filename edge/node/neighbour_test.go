package node_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// neighbours is a node with two sites: what happens to a.example must not be felt at b.example.
func neighbours(t *testing.T) (w *world, a *upstream) {
	t.Helper()
	a, b := newUpstream(t, "a"), newUpstream(t, "b")
	w = newWorld(t, fmt.Sprintf(`
functions:
  - {name: f, limits: {cpu: 30ms, wall: 1s, memory: 4MiB}, instances: 4}
  - {name: g, owner: bee}
origins:
  - {name: a, servers: [{url: %q}], first_byte_timeout: 500ms, connect_timeout: 500ms, idle_timeout: 500ms}
  - {name: b, owner: bee, servers: [{url: %q}]}
sites:
  - {hosts: [a.example], origin: a, functions: [f]}
  - {hosts: [b.example], origin: b, owner: bee, functions: [g]}
`, a.url(), b.url()), nil)
	w.deploy("f", harmless())
	w.did("PUT", "/v1/functions/g?owner=bee", harmless())
	return w, a
}

// A fault is something that goes wrong at one site, and what must be said about it.
type fault struct {
	name          string
	begin, end    func()
	status        int // 0: the response breaks off
	outcome       string
	reason        string
	orReason      string // another that is as right: it is a race which comes first
	function      bool   // it is a function that fails
	mayAlsoAnswer bool   // some requests go well
}

func TestNeighbour(t *testing.T) {
	w, a := neighbours(t)
	plain := a.serve(nil)
	a.serve(plain)
	answers := func(h http.HandlerFunc) func() { return func() { a.serve(h) } }
	runs := func(module []byte) func() { return func() { w.deploy("f", module) } }
	good := runs(harmless())

	f := func(v fault) {
		t.Helper()
		t.Run(v.name, func(t *testing.T) {
			w.t = t
			defer func() { w.t = nil }()
			before := w.metric("wedge_requests_total", `site="a.example"`, `outcome="`+v.outcome+`"`)
			failed := func() float64 {
				n := w.metric("wedge_function_failures_total", `function="f"`, `kind="`+v.reason+`"`)
				if v.orReason != "" {
					n += w.metric("wedge_function_failures_total", `function="f"`, `kind="`+v.orReason+`"`)
				}
				return n
			}
			failures := failed()
			v.begin()
			asked := w.besideFault(t, v)
			v.end()
			// Afterwards the site is as it was.
			eventually(t, "the site works again", func() bool {
				r := w.get("http://a.example/after/" + strings.ReplaceAll(v.name, " ", "-"))
				return r.err == nil && r.status == 200 && r.header.Get("X-Function") == "harmless"
			})
			w.wantLogged(t, v, asked)
			if got := w.metric("wedge_requests_total", `site="a.example"`, `outcome="`+v.outcome+`"`) - before; got < float64(asked) && !v.mayAlsoAnswer {
				t.Errorf("metrics count %v requests with outcome %s, want %d", got, v.outcome, asked)
			}
			if got := failed() - failures; v.function && got < 1 {
				t.Errorf("metrics count no failure of kind %s of the function", v.reason)
			}
		})
	}
	f(fault{name: "origin killed", begin: a.kill, end: a.revive, status: 502, outcome: "failed", reason: "origin-connect"})
	f(fault{name: "origin silent", begin: answers(func(http.ResponseWriter, *http.Request) { <-a.silent }), end: answers(plain), status: 504, outcome: "failed", reason: "origin-timeout"})
	f(fault{name: "origin cuts bodies", begin: answers(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "100000")
		w.Write(make([]byte, 5000))
		panic(http.ErrAbortHandler)
	}), end: answers(plain), status: 0, outcome: "miss", reason: "origin-cut"})
	f(fault{name: "origin cuts bodies that are kept", begin: answers(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Cache-Control", "max-age=60")
		w.Write(make([]byte, 5000))
		w.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	}), end: answers(plain), status: 0, outcome: "miss", reason: "origin-cut"})
	f(fault{name: "loop", begin: runs(loops()), end: good, status: 500, outcome: "failed", reason: "function-budget", function: true, mayAlsoAnswer: true})
	f(fault{name: "memory", begin: runs(eats()), end: good, status: 500, outcome: "failed", reason: "function-trap", orReason: "function-budget", function: true})
	f(fault{name: "trap", begin: runs(traps("on_request")), end: good, status: 500, outcome: "failed", reason: "function-trap", function: true})
	f(fault{name: "recursion", begin: runs(recurses()), end: good, status: 500, outcome: "failed", reason: "function-trap", orReason: "function-budget", function: true})
	f(fault{name: "sleep", begin: runs(sleeps()), end: good, status: 500, outcome: "failed", reason: "function-budget", function: true, mayAlsoAnswer: true})
	f(fault{name: "init fails sometimes", begin: func() {
		m := stillborn(true)
		eventually(t, "an instance comes to life", func() bool { return w.api("PUT", "/v1/functions/f", m).status == 200 })
	}, end: good, status: 503, outcome: "failed", reason: "function-unavailable", mayAlsoAnswer: true})
	w.t = t

	// A function that never comes to life is refused, and what ran runs on.
	r := w.api("PUT", "/v1/functions/f", stillborn(false))
	if r.status != 422 || !strings.Contains(r.body, "initialised") {
		t.Errorf("deploy of a function that fails at init: %d %s", r.status, r.body)
	}
	if r := w.want("http://a.example/", 200, "a /"); r.header.Get("X-Function") != "harmless" {
		t.Errorf("after a refused deploy the old version does not run: %v", r.header)
	}
}

// besideFault asks the broken site while its neighbour answers, and returns how often.
func (w *world) besideFault(t *testing.T, v fault) (asked int) {
	t.Helper()
	const clients = 3
	var broken, fine sync.WaitGroup
	over := make(chan struct{})
	counts := make([]int, clients)
	for c := range clients {
		broken.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-over:
					return
				default:
				}
				r := w.get(fmt.Sprintf("http://a.example/fault/%s/%d/%d", strings.ReplaceAll(v.name, " ", "-"), c, i))
				counts[c]++
				switch {
				case v.status == 0:
					if r.err == nil {
						t.Errorf("a cut body arrived as a whole: %d %d bytes", r.status, len(r.body))
					}
				case r.err != nil:
					t.Errorf("%s: %v", v.name, r.err)
				case r.status != v.status && !(v.mayAlsoAnswer && (r.status == 200 || r.status == 503)):
					t.Errorf("%s: status %d: %s, want %d", v.name, r.status, r.header.Get("Cache-Status"), v.status)
				}
			}
		})
	}
	n := proof(200, 10_000)
	slowest, late := make([]time.Duration, clients), make([]int, clients)
	for c := range clients {
		fine.Go(func() {
			for i := c; i < n; i += clients {
				// Half of them are stored by then, half must go to the origin.
				path := fmt.Sprintf("/fault/%s/%d", strings.ReplaceAll(v.name, " ", "-"), i/2)
				r := w.get("http://b.example" + path)
				if r.err != nil || r.status != 200 || r.body != "b "+path || r.header.Get("X-Function") != "harmless" {
					t.Errorf("neighbour: %d %q (%v)", r.status, r.body, r.err)
				}
				if slowest[c] = max(slowest[c], r.took); r.took > time.Second {
					late[c]++
				}
			}
		})
	}
	fine.Wait()
	close(over)
	broken.Wait()
	for c := range clients {
		asked += counts[c]
		// One that is late may have met a pause of the machine. A fault that is felt is felt again.
		if slowest[c] > 5*time.Second || late[c] > 1 {
			t.Errorf("%d of the neighbour's requests took more than a second, the slowest %s", late[c], slowest[c])
		}
	}
	t.Logf("%d requests at the broken site, slowest at the neighbour %s", asked, max(slowest[0], slowest[1], slowest[2]))
	if asked < clients {
		t.Errorf("only %d requests met the fault", asked)
	}
	return asked
}

// wantLogged checks what the access log says of the requests that met a fault.
func (w *world) wantLogged(t *testing.T, v fault, asked int) {
	t.Helper()
	of := func(lines []logLine) (mine []logLine) {
		for _, l := range lines {
			if l.Host == "a.example" && strings.HasPrefix(l.Path, "/fault/"+strings.ReplaceAll(v.name, " ", "-")+"/") {
				mine = append(mine, l)
			}
		}
		return mine
	}
	mine := of(w.logged(func(lines []logLine) bool { return len(of(lines)) >= asked }))
	if len(mine) != asked {
		t.Errorf("%d lines of the access log, want %d", len(mine), asked)
	}
	told := 0
	for _, l := range mine {
		right := l.Outcome == v.outcome && l.Reason != "" && (l.Reason == v.reason || l.Reason == v.orReason)
		if v.function && right {
			right = len(l.Functions) == 1 && l.Functions[0].Failed == l.Reason && l.Functions[0].Hook == "on_request"
		}
		if right {
			told++
		} else if !v.mayAlsoAnswer || l.Outcome == v.outcome && l.Reason != "no-instance" {
			t.Errorf("the access log says %+v, want %s, %s", l, v.outcome, v.reason)
			return
		}
	}
	if told == 0 {
		t.Errorf("no line of the access log says %s, %s", v.outcome, v.reason)
	}
}
