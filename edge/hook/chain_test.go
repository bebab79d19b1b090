package hook

import (
	"errors"
	"strings"
	"testing"

	"github.com/wedgecdn/wedge/hostapi/exchange"
)

// A fake is a function whose hooks do what its script says: "request" to go on,
// "request!" to answer, "request?" to fail. "start?" fails to make an instance.
type fake struct {
	name   string
	script string
	log    *[]string
	err    error
	live   int
}

func (f *fake) has(word string) bool { return strings.Contains(" "+f.script+" ", " "+word+" ") }

func (f *fake) Hooks() (s exchange.HookSet) {
	for h := range exchange.Hooks {
		w := strings.TrimPrefix(h.String(), "on_")
		if f.has(w) || f.has(w+"!") || f.has(w+"?") {
			s = s.With(h)
		}
	}
	return s
}

func (f *fake) Start(*exchange.Exchange) (Run, error) {
	if f.has("start?") {
		return nil, f.err
	}
	f.live++
	return &fakeRun{f, false}, nil
}

type fakeRun struct {
	*fake
	ended bool
}

func (r *fakeRun) Call(h exchange.Hook) (bool, error) {
	w := strings.TrimPrefix(h.String(), "on_")
	*r.log = append(*r.log, r.name+"."+w)
	if r.has(w + "?") {
		return false, r.err
	}
	return r.has(w + "!"), nil
}

func (r *fakeRun) End() {
	if r.ended {
		panic("BUG: an instance is given back twice")
	}
	r.ended = true
	r.live--
}

// chain makes a chain of "name policy: script" lines.
func chain(log *[]string, err error, lines ...string) (*Chain, []*fake) {
	var b []Binding
	var fakes []*fake
	for _, l := range lines {
		head, script, _ := strings.Cut(l, ":")
		name, policy, _ := strings.Cut(head, " ")
		bind := Binding{Name: name, OnFailure: map[string]Policy{"": Closed, "open": Open, "stale": Stale}[policy]}
		if script != " -" {
			f := &fake{name: name, script: strings.TrimSpace(script), log: log, err: err}
			fakes = append(fakes, f)
			bind.Function = f
		}
		b = append(b, bind)
	}
	return NewChain(b), fakes
}

func fails(r exchange.Reason) error {
	return &exchange.Error{Source: exchange.SourceFunction, Op: "call", Reason: r, Err: errors.New("it broke")}
}

func TestOrder(t *testing.T) {
	f := func(want string, hooks []exchange.Hook, lines ...string) {
		t.Helper()
		var log []string
		c, fakes := chain(&log, fails(exchange.ReasonFunctionTrap), lines...)
		x := exchange.New()
		for _, h := range hooks {
			if c.Has(h) {
				c.Call(x, h)
			}
		}
		c.End(x)
		c.End(x)
		if got := strings.Join(log, " "); got != want {
			t.Errorf("%q:\ngot  %s\nwant %s", lines, got, want)
		}
		for _, f := range fakes {
			if f.live != 0 {
				t.Errorf("%q: %s still has %d instances", lines, f.name, f.live)
			}
		}
		x.Release()
	}
	client := []exchange.Hook{exchange.OnRequest, exchange.OnResponse}
	fetch := []exchange.Hook{exchange.OnFetch, exchange.OnFetched}
	f("a.request b.request b.response a.response", client, "a: request response", "b: request response")
	f("a.request b.response a.response", client, "a: request response", "b: response")
	f("b.response a.response", client, "a: response", "b: response")
	f("a.fetch b.fetch b.fetched a.fetched", fetch, "a: fetch fetched", "b: fetch fetched")
	// Answering at once skips later on_request; on_response runs for those entered.
	f("a.request b.request b.response a.response", client, "a: request response", "b: request! response", "c: request response")
	f("a.request a.response", client, "a: request? response", "b: request response")
	// A function that failed under open is not there any more.
	f("a.request b.request b.response", client, "a open: request? response", "b: request response")
	f("b.request b.response", client, "a open: -", "b: request response")
	f("", client, "a: -", "b: request response")
}

func TestFailures(t *testing.T) {
	f := func(line string, h exchange.Hook, reason exchange.Reason, want Result, noStore bool) {
		t.Helper()
		var log []string
		c, _ := chain(&log, fails(reason), line)
		x := exchange.New()
		defer x.Release()
		got := c.Call(x, h)
		c.End(x)
		if got.Err == nil && x.Err == nil {
			t.Errorf("%s: no error for the log", line)
		}
		got.Err = nil
		if got != want || x.Choices.NoStore != noStore {
			t.Errorf("%s: got %+v, NoStore %v; want %+v, %v", line, got, x.Choices.NoStore, want, noStore)
		}
	}
	const trap, budget, none, gone = exchange.ReasonFunctionTrap, exchange.ReasonFunctionBudget, exchange.ReasonNoInstance, exchange.ReasonFunctionUnavailable
	f("a: request?", exchange.OnRequest, trap, Result{Kind: Failed, Reason: trap, Status: 500}, false)
	f("a: request?", exchange.OnRequest, budget, Result{Kind: Failed, Reason: budget, Status: 500}, false)
	f("a open: request?", exchange.OnRequest, trap, Result{}, false)
	// "a failed auth never serves anything"
	f("a stale: request?", exchange.OnRequest, trap, Result{Kind: Failed, Reason: trap, Status: 500}, false)
	f("a stale: response?", exchange.OnResponse, trap, Result{Kind: Failed, Reason: trap, Status: 500}, false)
	f("a stale: fetch?", exchange.OnFetch, trap, Result{Kind: Failed, Reason: trap, Status: 500, ServeStale: true}, false)
	f("a stale: fetched?", exchange.OnFetched, trap, Result{Kind: Failed, Reason: trap, Status: 500, ServeStale: true}, false)
	// "at on_fetched it sends but does not store"
	f("a open: fetched?", exchange.OnFetched, trap, Result{}, true)
	f("a open: fetch?", exchange.OnFetch, trap, Result{}, true) // nor will it be called at on_fetched
	// "No instance in time is 503 under every policy."
	f("a: request start?", exchange.OnRequest, none, Result{Kind: Failed, Reason: none, Status: 503}, false)
	f("a open: request start?", exchange.OnRequest, none, Result{Kind: Failed, Reason: none, Status: 503}, false)
	f("a stale: fetch start?", exchange.OnFetch, none, Result{Kind: Failed, Reason: none, Status: 503}, false)
	f("a: -", exchange.OnRequest, trap, Result{Kind: Failed, Reason: gone, Status: 503}, false)
	f("a open: -", exchange.OnRequest, trap, Result{}, false)
}

func TestInstancesAreReleasedEarly(t *testing.T) {
	var log []string
	c, fakes := chain(&log, nil, "a: request", "b: request response", "c: response")
	x := exchange.New()
	defer x.Release()
	c.Call(x, exchange.OnRequest)
	if fakes[0].live != 0 || fakes[1].live != 1 || fakes[2].live != 0 {
		t.Errorf("after on_request: %d %d %d instances, want 0 1 0", fakes[0].live, fakes[1].live, fakes[2].live)
	}
	c.Call(x, exchange.OnResponse)
	for _, f := range fakes {
		if f.live != 0 {
			t.Errorf("after on_response %s has %d instances", f.name, f.live)
		}
	}
}

func TestNilChain(t *testing.T) {
	if NewChain(nil) != nil || (*Chain)(nil).Has(exchange.OnRequest) {
		t.Error("a route without functions has hooks")
	}
}

type still struct{}

func (still) Hooks() exchange.HookSet {
	return exchange.HookSet(0).With(exchange.OnRequest).With(exchange.OnResponse)
}
func (still) Start(*exchange.Exchange) (Run, error) { return still{}, nil }
func (still) Call(exchange.Hook) (bool, error)      { return false, nil }
func (still) End()                                  {}

func TestCallAllocatesNothing(t *testing.T) {
	c := NewChain([]Binding{{Name: "a", Function: still{}}})
	x := exchange.New()
	defer x.Release()
	if n := testing.AllocsPerRun(100, func() {
		c.Call(x, exchange.OnRequest)
		c.Call(x, exchange.OnResponse)
		c.End(x)
	}); n > 0 {
		t.Errorf("%v allocations, want 0", n)
	}
}
