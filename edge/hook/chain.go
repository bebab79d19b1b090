package hook

import (
	"fmt"
	"sync"

	"github.com/wedgecdn/wedge/hostapi/exchange"
)

// A Function is one version of a function, ready to be called.
type Function interface {
	// Hooks are the hooks that its module exports.
	Hooks() exchange.HookSet
	// Start takes an instance for x. The error carries an exchange.Reason.
	Start(x *exchange.Exchange) (Run, error)
}

// A Run is an instance of a function for one exchange.
type Run interface {
	// Call calls one hook. answered tells that the function made the response.
	// After an error the exchange is as it was before, and the run is over but
	// for End.
	Call(h exchange.Hook) (answered bool, err error)
	// End gives the instance back. A body that the function still transforms
	// goes on; the instance then returns when that body is closed.
	End()
}

// Policy says what a failure of a function means for the request.
type Policy uint8

// The policies.
const (
	// Closed answers 5xx at once.
	Closed Policy = iota
	// Open goes on as if the function were not there; what it fetched is sent
	// but not stored.
	Open
	// Stale serves a stored response if there is one, else answers 5xx. It is
	// for on_fetch and on_fetched; elsewhere it is Closed, since a failed check
	// of who asks must never serve anything.
	Stale
)

// A Binding attaches a function to a route.
type Binding struct {
	Name string
	// Function is nil while there is no version to call: not deployed yet, or
	// switched off. Every request then meets the failure policy.
	Function  Function
	OnFailure Policy
	// Shadow, if it is not nil, is given copies of exchanges.
	Shadow Shadow
}

// A Chain is a route's functions: the site's first, then the route's own. It
// never changes, so a request finishes on the versions it began with.
type Chain struct {
	bindings []Binding
	hooks    exchange.HookSet
}

// NewChain makes a chain of bindings in their order; nil if there are none.
func NewChain(bindings []Binding) *Chain {
	if len(bindings) == 0 {
		return nil
	}
	c := &Chain{bindings: bindings}
	for _, b := range bindings {
		if b.Function == nil {
			c.hooks = c.hooks.With(exchange.OnRequest)
			continue
		}
		c.hooks |= b.Function.Hooks()
	}
	return c
}

// Has tells whether any function has hook h. A nil chain has none.
func (c *Chain) Has(h exchange.Hook) bool { return c != nil && c.hooks.Has(h) }

// Kind says how a request goes on after a hook.
type Kind uint8

// The kinds of results.
const (
	// Continue goes on to the next step.
	Continue Kind = iota
	// Answered means that the response stands in the exchange.
	Answered
	// Failed means that the request must not go on; Status says how to answer.
	Failed
)

// A Result tells the pipeline what a hook came to.
type Result struct {
	Kind   Kind
	Reason exchange.Reason
	Status int // if Failed: 500 or 503
	// ServeStale, if Failed: a stored response may be served instead.
	ServeStale bool
	Err        error
}

// state is what a chain keeps of an exchange between hooks, in
// Exchange.Guests. It belongs to the exchange's goroutine.
type state struct {
	runs []run
	// entered is how many of the functions the request has come to.
	entered int
}

type run struct {
	Run
	// out tells that the function failed under policy open: to this exchange it
	// is not there any more.
	out bool
	// copy is what is copied of the exchange for the binding's shadow, if it wants
	// this one; asked tells that it has said so.
	copy  *Copy
	asked bool
}

var states = sync.Pool{New: func() any { return new(state) }}

func (c *Chain) state(x *exchange.Exchange) *state {
	if s, ok := x.Guests.(*state); ok {
		return s
	}
	s := states.Get().(*state)
	for len(s.runs) < len(c.bindings) {
		s.runs = append(s.runs, run{})
	}
	s.entered = 0
	x.Guests = s
	return s
}

// last is the last hook of each side: after it nothing of a function is needed.
func lastHook(h exchange.Hook, hooks exchange.HookSet) bool {
	switch h {
	case exchange.OnRequest:
		return !hooks.Has(exchange.OnResponse)
	case exchange.OnFetch:
		return !hooks.Has(exchange.OnFetched) && !hooks.Has(exchange.OnError)
	case exchange.OnError:
		return false // another origin may be tried, and its answer meets on_fetched
	}
	return true
}

// Call calls hook h of each function that has it. Preconditions: c is not nil.
func (c *Chain) Call(x *exchange.Exchange, h exchange.Hook) Result { return c.Watch(x, h, nil) }

// Watch is Call, and tells after each function that the request has come to
// what it made of the request: seen may look at x, and must not change it. Nil
// is not called.
func (c *Chain) Watch(x *exchange.Exchange, h exchange.Hook, seen func(function string, r Result)) Result {
	s := c.state(x)
	switch h {
	case exchange.OnRequest, exchange.OnFetch, exchange.OnError:
		for i := range c.bindings {
			s.entered = max(s.entered, i+1)
			r := c.one(x, s, i, h)
			if seen != nil {
				seen(c.bindings[i].Name, r)
			}
			if r.Kind != Continue {
				return r
			}
		}
	case exchange.OnFetched, exchange.OnResponse:
		// Reversed: the function that saw the request last sees the response first.
		n := len(c.bindings)
		if h == exchange.OnResponse && c.hooks.Has(exchange.OnRequest) {
			// "on_response runs for the functions already entered."
			n = s.entered
		}
		for i := n - 1; i >= 0; i-- {
			r := c.one(x, s, i, h)
			if seen != nil {
				seen(c.bindings[i].Name, r)
			}
			if r.Kind != Continue {
				return r
			}
		}
	}
	return Result{}
}

// one calls hook h of the i-th function.
func (c *Chain) one(x *exchange.Exchange, s *state, i int, h exchange.Hook) Result {
	b, r := &c.bindings[i], &s.runs[i]
	if r.out {
		return Result{}
	}
	if b.Function == nil {
		if h != exchange.OnRequest {
			return Result{}
		}
		return c.failed(x, b, r, h, unavailable(b.Name))
	}
	hooks := b.Function.Hooks()
	if !hooks.Has(h) {
		return Result{}
	}
	if r.Run == nil {
		var err error
		if r.Run, err = b.Function.Start(x); err != nil {
			r.Run = nil
			return c.failed(x, b, r, h, err)
		}
	}
	if b.Shadow != nil && !r.asked {
		if r.asked = true; x.Request.Body == nil && b.Shadow.Sampled(x) {
			r.copy = &Copy{ID: x.ID}
		}
	}
	if r.copy != nil {
		r.copy.begin(x, h)
	}
	answered, err := r.Call(h)
	if r.copy != nil {
		r.copy.done(x, answered, err)
	}
	if err != nil {
		return c.failed(x, b, r, h, err)
	}
	if lastHook(h, hooks) {
		r.End()
		r.Run = nil
	}
	if answered {
		return Result{Kind: Answered}
	}
	return Result{}
}

// unavailable is the error of a function that has not been deployed, or is switched off.
func unavailable(name string) error {
	return &exchange.Error{Source: exchange.SourceFunction, Op: "start", Reason: exchange.ReasonFunctionUnavailable,
		Err: fmt.Errorf("no version of the function %s is active", name)}
}

// failed turns an error into what the binding's policy says.
func (c *Chain) failed(x *exchange.Exchange, b *Binding, r *run, h exchange.Hook, err error) Result {
	if r.Run != nil {
		r.End()
		r.Run = nil
	}
	reason := exchange.ReasonOf(err, exchange.ReasonFunctionTrap)
	res := Result{Kind: Failed, Reason: reason, Status: 500, Err: err}
	switch reason {
	case exchange.ReasonNoInstance:
		// "No instance in time is 503 under every policy": else whoever fills the
		// pool switches an open function off for everybody.
		res.Status = 503
		return res
	case exchange.ReasonFunctionUnavailable, exchange.ReasonOverload:
		res.Status = 503
	}
	switch {
	case b.OnFailure == Open:
		r.out = true
		if h == exchange.OnFetch || h == exchange.OnFetched || h == exchange.OnError {
			// What the function would have changed is missing, now or, since it is
			// out, at its on_fetched: good enough for this client, not for everybody
			// after.
			x.Choices.NoStore = true
			x.Reason = exchange.ReasonFunctionFailedOpen
		}
		if x.Err == nil {
			x.Err = err // the request goes on, the log still says it
		}
		return Result{}
	case b.OnFailure == Stale && (h == exchange.OnFetch || h == exchange.OnFetched):
		res.ServeStale = true
	}
	return res
}

// End gives back every instance that x still holds. It may be called again.
func (c *Chain) End(x *exchange.Exchange) {
	s, ok := x.Guests.(*state)
	if !ok {
		return
	}
	x.Guests = nil
	for i := range s.runs {
		if s.runs[i].Run != nil {
			s.runs[i].End()
		}
		if k := s.runs[i].copy; k != nil {
			k.end(x, c.bindings[i].Name)
			c.bindings[i].Shadow.Take(k)
		}
		s.runs[i] = run{}
	}
	states.Put(s)
}
