package node_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	. "github.com/wedgecdn/wedge/runtime/engine/enginetest"
)

// A failure is a way for a function to end without returning.
type failure struct {
	name   string
	limits string
	reason string // what the log says; "a or b" if it is a race which comes first
	code   func(g *guest, self uint32) []byte
}

func failures() []failure {
	const trap, budget = "function-trap", "function-budget"
	plain := func(code ...[]byte) func(*guest, uint32) []byte {
		return func(*guest, uint32) []byte { return Code(code...) }
	}
	return []failure{
		{"unreachable", "", trap, plain(Unreachable)},
		{"bounds", "", trap, plain(I32(-4), Load32, Drop)},
		{"division", "", trap, plain(I32(1), I32(0), Div32, Drop)},
		{"indirect", "", trap, func(g *guest, _ uint32) []byte {
			g.module.Table(1, 0)
			return Code(I32(0), Op(0x11, byte(g.module.Type("", "")), 0))
		}},
		{"exit", "", trap, func(g *guest, _ uint32) []byte { return Code(I32(0), Call(g.imports["proc_exit"])) }},
		{"recursion", "", trap + " or " + budget, func(_ *guest, self uint32) []byte { return Code(Call(self), Drop) }},
		{"cpu", "cpu: 5ms, wall: 20s", budget, plain(Forever())},
		{"wall", "cpu: 5s, wall: 300ms", budget, plain(Forever())}, // a busy machine makes an instance within it
		{"fuel", "fuel: 100000", budget, plain(Forever())},
		{"memory", "memory: 4MiB", trap, plain(Forever(when(Code(I32(16), Grow, I32(-1), Op(0x46)), Unreachable)))},
		{"calls", "cpu: 10s, wall: 20s", trap, func(g *guest, _ uint32) []byte { // a host function that refuses its arguments is no failure
			return Code(Forever(g.do("var_get", Code(I32(-8), I32(100)), buffer()), Unreachable))
		}},
	}
}

// module stages changes at on_request, and fails.
func (f *failure) module() []byte {
	g := newGuest()
	g.imports["proc_exit"] = g.module.Import("wasi_snapshot_preview1", "proc_exit", "i", "")
	staged := Code(g.do("field_set", I32(toRequest), g.text("X-Staged"), g.text("1")), g.do("var_set", g.text("staged"), g.text("1")),
		g.do("cache_key_add", g.text("staged"), g.text("1")))
	if f.name == "calls" {
		g.call("var_get") // imports come before functions
	}
	g.funcs = append(g.funcs, guestFunc{"on_request", "i", "iii", func(self uint32) []byte { return Code(staged, f.code(g, self), I32(0)) }})
	g.hook("on_response", g.setField("X-Function", "after its failure"))
	return g.bytes()
}

// Every kind of failure reaches the binding's policy at once: closed answers, open goes on as if the function were not there,
// and nothing of what it had changed is left; a failed check of who asks never serves anything stale.
func TestEachFailureReachesThePolicy(t *testing.T) {
	u := newUpstream(t, "a")
	u.serve(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "max-age=60")
		fmt.Fprintf(w, "%s %s", r.URL.Path, r.Header.Get("X-Staged"))
	})
	var functions, routes strings.Builder
	modules := map[string][]byte{"witness.wasm": func() []byte {
		g := newGuest()
		g.hook("on_response", g.call("var_get", g.text("staged"), buffer()), Set(0),
			when(Code(Get(0), I32(0), Op(0x4e)), // not below zero: it is set
				g.do("field_set", I32(toResponse), g.text("X-Var"), Code(I32(scratch), Get(0)))))
		return g.bytes()
	}()}
	all := failures()
	for _, f := range all {
		modules[f.name+".wasm"] = f.module()
		for _, policy := range []string{"closed", "open", "stale"} {
			fmt.Fprintf(&functions, "  - {name: %s-%s, module: %s.wasm, on_failure: %s, limits: {%s}}\n", f.name, policy, f.name, policy, f.limits)
			fmt.Fprintf(&routes, "      - {path: /%s/%s, functions: [%s-%s]}\n", f.name, policy, f.name, policy)
		}
	}
	w := newWorld(t, fmt.Sprintf(`
functions:
  - {name: witness, module: witness.wasm}
%sorigins: [{name: a, servers: [{url: %q}]}]
sites:
  - hosts: [a.example]
    origin: a
    functions: [witness]
    routes:
%s`, functions.String(), u.url(), routes.String()), modules)
	for _, f := range all {
		for _, policy := range []string{"closed", "open", "stale"} {
			path := "/" + f.name + "/" + policy
			asked := u.requests.Load()
			if policy == "open" {
				r := w.want("http://a.example"+path, 200, path+" ")
				if r.header.Get("X-Var") != "" || r.header.Get("X-Function") != "" {
					t.Errorf("%s: the function that failed has left %v", path, r.header)
				}
				// What was fetched is what everybody gets: it is stored, under the key that it had without the function.
				w.wantOutcome("http://a.example"+path, 200, path+" ", "; hit")
				continue
			}
			r := w.get("http://a.example" + path)
			if r.err != nil || r.status != 500 || u.requests.Load() != asked {
				t.Errorf("%s: %d (%v), the origin was asked %d times", path, r.status, r.err, u.requests.Load()-asked)
			}
			if reason := r.header.Get("Cache-Status"); !detailIsOneOf(reason, f.reason) {
				t.Errorf("%s: Cache-Status %q, want %s", path, reason, f.reason)
			}
		}
	}
	if n := w.metric("wedge_events_total", `event="function_circuit_opened"`); n != 0 {
		t.Errorf("failures in exchanges have opened a circuit %v times", n)
	}
}

func detailIsOneOf(status, reasons string) bool {
	for reason := range strings.SplitSeq(reasons, " or ") {
		if strings.Contains(status, "detail="+reason) {
			return true
		}
	}
	return false
}

// Only failures to make an instance open the circuit: then requests are answered at once, without an attempt, by the
// binding's policy.
func TestCircuitOfAFunction(t *testing.T) {
	u := newUpstream(t, "a")
	w := newWorld(t, fmt.Sprintf(`
functions:
  - {name: f, isolation: instance}
  - {name: o, isolation: instance, on_failure: open}
origins: [{name: a, servers: [{url: %q}]}]
sites:
  - {hosts: [f.example], origin: a, functions: [f]}
  - {hosts: [o.example], origin: a, functions: [o]}
`, u.url()), nil)
	// Three of four instances do not come to life, and none lives longer than an exchange.
	module := func() []byte {
		g := newGuest()
		draw := Code(g.do("random", I32(scratch), I32(1)), I32(scratch), Op(0x2d, 0, 0), I32(3), Op(0x71))
		g.init = append(g.init, when(draw, Unreachable)...)
		return g.hook("on_request", Unreachable).bytes()
	}()
	event := func(name string) float64 { return w.metric("wedge_events_total", `event="`+name+`"`) }
	f := func(name string, want int) {
		t.Helper()
		eventually(t, "an instance comes to life", func() bool { return w.api("PUT", "/v1/functions/"+name, module).status == 200 })
		for attempt := 0; ; attempt++ {
			before := event("function_circuit_opened")
			eventually(t, "the circuit opens", func() bool {
				w.get("http://" + name + ".example/")
				return event("function_circuit_opened") > before
			})
			tried := event("function_instance_failed")
			r := w.get("http://" + name + ".example/")
			if event("function_instance_failed") > tried && attempt < 10 { // on a busy machine the pause may be over
				continue
			}
			if r.status != want || event("function_instance_failed") > tried {
				t.Errorf("%s: with an open circuit: %d %s", name, r.status, r.header.Get("Cache-Status"))
			}
			break
		}
	}
	f("f", 503)
	f("o", 200)
	eventually(t, "the log tells of it", func() bool { return strings.Contains(w.stderr.String(), "no instances of a function can be made") })
}
