package pipeline

import (
	"errors"
	"runtime/debug"

	"github.com/wedgecdn/wedge/edge/cache"
	"github.com/wedgecdn/wedge/edge/cache/policy"
	"github.com/wedgecdn/wedge/edge/encode"
	"github.com/wedgecdn/wedge/edge/hook"
	"github.com/wedgecdn/wedge/edge/route"
	"github.com/wedgecdn/wedge/hostapi/exchange"
)

// A step is one point on the client's side of a request. Each returns the step
// that follows.
type step uint8

const (
	receive step = iota
	findRoute
	onRequest
	handle
	lookup
	await
	pass
	onResponse
	encoded
	conditional
	finish
	sent // the machine has halted: the response can be sent
)

// A call is the client's side of one request. It is taken from a pool at the
// beginning and given back when the response body is closed.
type call struct {
	p     *Pipeline
	x     *exchange.Exchange
	table *Table // nil until the request is routed
	route *Route
	found cache.Found
	// own is the fetch whose response this client gets for itself; it ends with
	// the client's exchange.
	own  *exchange.Exchange
	body body
	// push is the response that is to be stored for this request; nil as a rule.
	push *push
	// visits is how often the request has been at this node before.
	visits int
	// token is what the client shows to see more of the cache's doing, debug that
	// it may; it is the site's owner that decides.
	token string
	debug bool
	// accept is the client's Accept-Encoding, and coding what it gets by that, if
	// the route compresses.
	accept string
	coding encode.Coding
	// stored is the body that came from the store, as long as it is the response's.
	stored exchange.Body
	// restarted tells that what was stored turned out to be of the past, and was
	// looked up again.
	restarted bool
	// asHead tells that the request came as HEAD: whatever functions make of the
	// method, the response is delimited by the one that was received.
	asHead bool
	// forGuest tells that a function asks for itself; see Own.
	forGuest bool
	// holdsFound tells that found must still be closed.
	holdsFound bool
	closed     bool
}

// Serve decides the response to x. It does not send it: the caller does, and
// closes its body, which is never nil.
func (p *Pipeline) Serve(x *exchange.Exchange) {
	c := p.begin(x)
	defer c.recovered()
	c.run(receive)
}

// Refuse makes the response to a request that a front end could not even fill.
func (p *Pipeline) Refuse(x *exchange.Exchange, status int, reason exchange.Reason) {
	c := p.begin(x)
	defer c.recovered()
	c.run(c.refuse(status, reason))
}

func (p *Pipeline) begin(x *exchange.Exchange) *call {
	c := p.calls.Get().(*call)
	c.p, c.x, c.asHead = p, x, x.Request.Method == "HEAD"
	if x.Now.IsZero() {
		x.Now = p.o.Now()
	}
	if x.ID == (exchange.ID{}) {
		x.ID = p.ids.Next()
	}
	return c
}

func (c *call) run(s step) {
	for s != sent {
		switch s {
		case receive:
			s = c.receive()
		case findRoute:
			s = c.findRoute()
		case onRequest:
			s = c.onRequest()
		case handle:
			s = c.handle()
		case lookup:
			s = c.lookup()
		case await:
			s = c.await()
		case pass:
			s = c.pass()
		case onResponse:
			s = c.onResponse()
		case encoded:
			s = c.encode()
		case conditional:
			s = c.conditional()
		case finish:
			s = c.finish()
		}
	}
}

// recovered makes a 500 of a panic in a step: a bug of ours must cost one
// request, not the node.
func (c *call) recovered() {
	v := recover()
	if v == nil {
		return
	}
	c.p.o.Events.Bug(c.x, v, debug.Stack())
	c.x.Response.Drop()
	c.x.Outcome, c.x.Reason = exchange.Failed, exchange.ReasonBug
	c.makeError(500)
	c.finish()
}

func (c *call) findRoute() step {
	c.table = c.p.hold()
	r, ok := c.table.routes.Match(c.x.Request.Host, c.x.Request.Path)
	if !ok {
		// "421 (Misdirected Request)": the node is not configured for this
		// authority. https://www.rfc-editor.org/rfc/rfc9110#section-15.5.20
		return c.refuse(421, exchange.ReasonNoSite)
	}
	if r.Split != nil {
		r = r.Split.choose(c.x)
	}
	c.route = r
	c.x.Owner, c.x.Site, c.x.Route = r.Owner, r.Site, r.Name
	c.debug = c.token != "" && c.p.o.Debug != nil && c.p.o.Debug(c.token, r.Owner, c.x.Now)
	return onRequest
}

func (c *call) onRequest() step {
	if !c.route.Hooks.Has(exchange.OnRequest) {
		return c.normalised()
	}
	host, path := c.x.Request.Host, c.x.Request.Path
	switch r := c.route.Hooks.Call(c.x, exchange.OnRequest); r.Kind {
	case hook.Answered:
		c.x.Outcome = exchange.Answered
		return onResponse
	case hook.Failed:
		return c.hookFailed(r)
	}
	// "A changed host or path changes key and origin request, it does not route
	// again": what a function wrote goes through the same normal form.
	if c.x.Request.Host != host || c.x.Request.Path != path {
		return c.renormalise()
	}
	return c.normalised()
}

// normalised is what follows on_request.
func (c *call) normalised() step {
	if c.route.Handler != nil {
		return handle
	}
	return lookup
}

func (c *call) renormalise() step {
	q := &c.x.Request
	t, err := route.ParseTarget(q.URI())
	if err == nil {
		q.Host, err = route.Authority(q.Host, q.Scheme)
	}
	if err != nil {
		c.x.Err = &exchange.Error{Source: exchange.SourceFunction, Op: "rewrite", Reason: exchange.ReasonBadTarget, Err: err}
		return c.fail(500, exchange.ReasonBadTarget)
	}
	q.Path, q.Query, q.HasQuery = t.Path, t.Query, t.HasQuery
	return c.normalised()
}

// handle has the route's handler answer. What it says goes to this client and
// nowhere else; what it asks of others goes by Own or past the cache.
func (c *call) handle() step {
	switch r := c.route.Handler.Call(c.x); r.Kind {
	case hook.Answered:
		c.x.Outcome = exchange.Answered
		removeHopByHop(&c.x.Response.Header, false)
		return onResponse
	case hook.Failed:
		return c.hookFailed(r)
	}
	return lookup
}

func (c *call) lookup() step {
	c.wantIdentity()
	return c.look()
}

// look finds what is stored.
func (c *call) look() step {
	c.found = c.p.o.Cache.Lookup(c.x, &c.route.Rules)
	c.holdsFound = true
	if c.p.o.Looked != nil && !c.forGuest {
		c.p.o.Looked(c.x, func() []cache.Part { return c.p.o.Cache.Parts(c.x, &c.route.Rules) })
	}
	if c.push != nil {
		return c.takeIn()
	}
	switch c.found.State {
	case cache.Fresh:
		c.x.Outcome = exchange.Hit
		if c.found.Reason != exchange.ReasonNone { // the client takes it stale
			c.x.Outcome, c.x.Reason = exchange.Stale, c.found.Reason
		}
		c.serveFound()
		return c.segments()
	case cache.Usable:
		c.x.Outcome, c.x.Reason = exchange.Stale, c.found.Reason
		c.refresh()
		c.serveFound()
		return c.segments()
	}
	c.x.Reason, c.x.Cache.Forward = c.found.Reason, c.found.Forward
	switch {
	case c.found.Reason == exchange.ReasonOnlyIfCached:
		// "If it is received, a cache SHOULD either respond using a stored
		// response consistent with the other constraints of the request or
		// respond with a 504 (Gateway Timeout) status code."
		// https://www.rfc-editor.org/rfc/rfc9111#section-5.2.1.7
		c.x.Cache.Forward = exchange.ForwardNone
		return c.fail(504, exchange.ReasonOnlyIfCached)
	case c.found.State == cache.Bypass:
		return pass
	}
	return await
}

// serveFound makes the stored response the response.
func (c *call) serveFound() {
	c.found.Serve(c.x)
	c.holdsFound = false
	c.stored = c.x.Response.Body
}

// dropFound gives up the stored response.
func (c *call) dropFound() {
	if c.holdsFound {
		c.found.Close()
		c.holdsFound = false
	}
}

// await joins the one fetch of the key, or begins it.
func (c *call) await() step {
	x := c.x
	t := c.p.o.Cache.Join(x, &c.route.Rules, &c.found)
	var lead *fetch
	if t.Leads() {
		lead = c.lead(t, c.found.State == cache.Stale, false)
	} else if c.visits > 0 {
		// The fetch may be the one that this request is made for: they would wait
		// for each other.
		t.Leave()
		x.Reason = exchange.ReasonLoop
		return pass
	}
	for {
		wait := c.p.o.Wait
		if lead != nil {
			wait = 0 // the origin's own timeouts end it
		} else {
			x.Cache.Collapsed = true
		}
		d := t.Wait(x.Peer.Gone(), wait)
		if lead != nil {
			lead.hints.close()
		}
		if lead != nil && d != cache.Gone {
			lead.facts.tell(x)
		}
		switch d {
		case cache.Shared:
			x.Outcome = exchange.Miss
			t.Serve(x, &c.found) // its body ends the ticket
			c.dropFound()
			if c.push != nil {
				c.push.stores = true
			}
			if lead != nil && lead.confirmed {
				x.Outcome = exchange.Revalidated
			}
			if lead != nil && lead.answered {
				x.Outcome = exchange.Answered
			}
			return c.segments()
		case cache.Released:
			x.Cache.Collapsed = false
			if lead == nil {
				x.Reason = exchange.ReasonHitForMiss
				return pass
			}
			return c.takeOwn(lead)
		case cache.Failed:
			t.Leave()
			if lead != nil && lead.failed != nil {
				return c.fetchFailed(lead.failed)
			}
			return c.fetchFailed(t.Err())
		case cache.Turn:
			// The leader gave up, or what this request tried cannot be done: it
			// fetches the whole response.
			lead = c.lead(t, false, false)
		case cache.TimedOut:
			t.Leave()
			x.Cache.Collapsed = false
			x.Reason = exchange.ReasonWaitTimeout
			return pass
		default: // Gone
			t.Leave()
			if lead != nil {
				lead.desert()
			}
			return c.fail(499, exchange.ReasonClientGone)
		}
	}
}

// refresh starts the fetch that brings the stored response up to date while this
// request, and all that follow, are served from it.
func (c *call) refresh() {
	p := c.p
	if p.refreshing.Add(1) > p.o.Refreshes {
		p.refreshing.Add(-1)
		return
	}
	t := p.o.Cache.Refresh(c.x, &c.route.Rules, &c.found)
	if t == nil {
		p.refreshing.Add(-1)
		return
	}
	c.lead(t, true, true)
	t.Leave()
}

// lead starts the fetch of a ticket's key beside this request; validate asks
// the origin to confirm what is stored, background tells that this request does
// not wait for it.
func (c *call) lead(t *cache.Ticket, validate, background bool) *fetch {
	f := &fetch{p: c.p, route: c.route, x: c.x.ForFetch(), fill: t.Filling(), own: make(chan *exchange.Exchange, 1), push: c.push}
	f.x.Now = c.p.o.Now()
	if !background {
		f.hints = newInterim(c.x.Peer)
		f.x.Peer = f.hints
	}
	f.ranged = c.found.Ranged()
	f.prepare()
	if n := c.p.o.Cache.Segment(&c.route.Rules); n > 0 && c.push == nil && !c.route.Hooks.Has(exchange.OnFetched) && c.found.Segmentable(f.x.Now) {
		f.askSegment(n, policy.SegmentAt(&f.asked, n))
	}
	if validate {
		f.found = c.found.ForFetch()
		f.validate()
	}
	f.deserted.Store(background)
	// The fetch may outlive its client.
	p, table := c.p, c.table
	table.enter()
	p.fetches.Go(func() {
		defer table.leave()
		if background {
			defer p.refreshing.Add(-1)
		}
		f.lead()
	})
	return f
}

// takeOwn makes the response of a fetch that nobody else may have this client's.
func (c *call) takeOwn(f *fetch) step {
	c.own = <-f.own
	c.x.Outcome = exchange.Miss
	c.takeResponse()
	return onResponse
}

// takeResponse moves the response of the own fetch into the client's exchange.
func (c *call) takeResponse() {
	from, to := &c.own.Response, &c.x.Response
	to.Status, to.ContentLength = from.Status, from.ContentLength
	to.Header.CopyFrom(&from.Header)
	to.Body, to.Trailer, to.Upgrade = from.Body, from.Trailer, from.Upgrade
	from.Body, from.Upgrade = nil, nil
}

// pass fetches for this client alone, on its own goroutine.
func (c *call) pass() step {
	c.dropFound()
	x := c.x
	f := &fetch{p: c.p, route: c.route, x: x.ForFetch()}
	f.x.Peer = passing{x.Peer}
	// The body streams from the client to the origin; it has one reader.
	f.x.Request.Body, f.x.Request.ContentLength, f.x.Request.Trailer = x.Request.Body, x.Request.ContentLength, x.Request.Trailer
	c.own = f.x
	f.prepare()
	f.run()
	f.facts.take(f.x)
	f.facts.tell(x)
	if f.failed != nil {
		return c.fetchFailed(f.failed)
	}
	x.Outcome = exchange.Pass
	if f.answered {
		x.Outcome = exchange.Answered
	} else {
		c.invalidate(&f.x.Response)
		c.posted(f)
		c.headed(f)
	}
	c.takeResponse()
	return onResponse
}

// fetchFailed answers for a fetch that brought nothing.
func (c *call) fetchFailed(err error) step {
	c.x.Err = err
	reason := exchange.ReasonOf(err, exchange.ReasonOriginProtocol)
	e, chosen := err.(*fetchError)
	// "A cache MUST NOT generate a stale response unless it is disconnected or
	// doing so is explicitly permitted by the client or origin server... or
	// configuration".
	// https://www.rfc-editor.org/rfc/rfc9111#section-4.2.4
	//
	// It takes both here: that the origin failed, and that somebody permitted it.
	// A function's failure has a policy of its own.
	if c.holdsFound && c.found.State == cache.Stale {
		if chosen && e.serveStale || (!chosen || e.ofOrigin) && c.found.Servable(c.x.Now) {
			c.x.Outcome, c.x.Reason = exchange.Stale, reason
			c.serveFound()
			return c.segments()
		}
	}
	if chosen {
		return c.fail(e.status, reason)
	}
	return c.fail(failureStatus(err, reason), reason)
}

// failureStatus is what a client is told when there is no answer of the
// origin's, by whose fault that is.
func failureStatus(err error, r exchange.Reason) int {
	if e, ok := errors.AsType[*exchange.Error](err); ok && e.Source == exchange.SourceClient {
		switch r {
		case exchange.ReasonTooLarge:
			return 413
		case exchange.ReasonSlowClient:
			return 408
		case exchange.ReasonClientGone:
			return 499
		}
		return 400
	}
	switch r {
	case exchange.ReasonOriginTimeout:
		return 504
	case exchange.ReasonOverload:
		return 503
	}
	return 502
}

// hookFailed answers for a function that failed.
func (c *call) hookFailed(r hook.Result) step {
	c.x.Err = r.Err
	return c.fail(r.Status, r.Reason)
}

func (c *call) onResponse() step {
	if c.route == nil || !c.route.Hooks.Has(exchange.OnResponse) || c.x.Response.Upgrade != nil {
		return encoded
	}
	if r := c.route.Hooks.Call(c.x, exchange.OnResponse); r.Kind == hook.Failed {
		c.x.Err, c.x.Outcome, c.x.Reason = r.Err, exchange.Failed, r.Reason
		c.x.Response.Drop()
		c.makeError(r.Status)
		return finish
	}
	return encoded
}

// end is the end of the exchange: its response body has been closed.
func (c *call) end() {
	if c.closed {
		return
	}
	c.closed = true
	p, x := c.p, c.x
	if c.route != nil && c.route.Hooks != nil {
		c.route.Hooks.End(x)
	}
	c.dropFound()
	if !c.forGuest && c.push == nil { // else no client has asked
		took := x.Took
		if took == 0 {
			took = p.since(x.Now)
		}
		p.o.Events.Ended(x, took)
	}
	if c.own != nil {
		if c.route.Hooks != nil {
			c.route.Hooks.End(c.own)
		}
		c.own.Response.Drop()
		c.own.Release()
	}
	if c.table != nil {
		c.table.leave()
	}
	x.Release()
	*c = call{}
	p.calls.Put(c)
}
