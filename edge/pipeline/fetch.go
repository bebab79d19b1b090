package pipeline

import (
	"context"
	"fmt"
	"io"
	"runtime/debug"
	"sync/atomic"
	"time"

	"github.com/wedgecdn/wedge/edge/cache"
	"github.com/wedgecdn/wedge/edge/cache/policy"
	"github.com/wedgecdn/wedge/edge/hook"
	"github.com/wedgecdn/wedge/hostapi/exchange"
)

// A fetchStep is one point on the origin's side.
type fetchStep uint8

const (
	onFetch fetchStep = iota
	askOrigin
	onError
	onFetched
	fetched // the machine has halted: x.Response or failed
)

// maxAttempts is how many origins on_error may have tried for one fetch.
const maxAttempts = 3

// A fetch is the origin's side of a request: an exchange of its own on a clone
// of the request. It runs on its client's goroutine when it passes, and on one
// of its own when it fills the cache.
type fetch struct {
	p     *Pipeline
	route *Route
	x     *exchange.Exchange
	// asked are the request's fields as they left on_request. Vary is judged by
	// them: on_fetch may change what the origin sees.
	asked exchange.Header
	// found is the stored response that is being validated.
	found      cache.Found
	validating bool
	ranged     bool           // the range that was asked for is fetched, not the whole
	segment    int64          // of the size the segment that is asked for has; 0: the whole
	part       policy.Part    // that came, of a response that is fetched by segments; else zero
	tag        string         // of that
	fill       *cache.Filling // nil for a pass
	hints      *interim       // nil for a pass, and in the background

	failed   error
	answered bool // a function made the response, nobody asked the origin
	// confirmed tells that the origin answered 304 to our own condition.
	confirmed bool
	attempts  int
	// push is the response that stands in for an origin's; nil as a rule.
	push    *push
	started time.Time

	// facts are what the client that caused the fetch reports of it. They are
	// written before the fetch is delivered and read after that.
	facts facts

	// own hands a response that may not be shared to the client that caused
	// the fetch; deserted tells that it has left. Whoever of the two comes
	// second takes the response out of the channel.
	own      chan *exchange.Exchange
	deserted atomic.Bool
}

// prepare makes the clone into what origins are asked: the fields that every
// fetch has, and none that only the client's own conditions need.
func (f *fetch) prepare() {
	h := &f.x.Request.Header
	f.asked.CopyFrom(h)
	f.started = f.p.o.Now()
	if f.route.own {
		addToList(h, exchange.CDNLoop, f.p.o.Node) // nobody is spoken for
	} else {
		f.p.addForwarded(f.x)
	}
	if f.fill == nil {
		return
	}
	// What is stored must be whole and must not depend on what this client has
	// already: its conditions and range are answered from it afterwards.
	if f.x.Request.Method == "HEAD" {
		f.x.Request.Method = "GET"
	}
	for _, k := range [...]exchange.Known{exchange.IfMatch, exchange.IfModifiedSince, exchange.IfNoneMatch, exchange.IfRange, exchange.IfUnmodifiedSince} {
		h.DeleteKnown(k)
	}
	if !f.ranged {
		h.DeleteKnown(exchange.Range)
	}
	if f.route.Rules.IgnoreCookies {
		h.DeleteKnown(exchange.Cookie)
	}
}

// validate puts the conditions on the fetch by which the origin can confirm
// what is stored.
func (f *fetch) validate() {
	f.found.Validators(&f.x.Request.Header)
	h := &f.x.Request.Header
	f.validating = h.Has(exchange.IfNoneMatch) || h.Has(exchange.IfModifiedSince)
}

// unconditional takes them away again.
func (f *fetch) unconditional() {
	f.validating = false
	f.x.Request.Header.DeleteKnown(exchange.IfNoneMatch)
	f.x.Request.Header.DeleteKnown(exchange.IfModifiedSince)
}

// run takes the fetch to its response's head or its failure.
func (f *fetch) run() {
	s := onFetch
	if f.push != nil {
		s = f.takePushed()
	}
	f.runFrom(s)
}

func (f *fetch) runFrom(s fetchStep) {
	for s != fetched {
		switch s {
		case onFetch:
			s = f.onFetch()
		case askOrigin:
			s = f.askOrigin()
		case onError:
			s = f.onError()
		case onFetched:
			s = f.onFetched()
		}
	}
	f.p.o.Events.Fetched(f.x, f.p.since(f.started))
}

func (f *fetch) onFetch() fetchStep {
	if !f.route.Hooks.Has(exchange.OnFetch) {
		return askOrigin
	}
	switch r := f.route.Hooks.Call(f.x, exchange.OnFetch); r.Kind {
	case hook.Answered:
		f.answered = true
		return onFetched
	case hook.Failed:
		return f.hookFailed(r)
	}
	return askOrigin
}

// A fetchError is a failure for which a status, or a stored response, has been
// chosen already.
type fetchError struct {
	status int
	// serveStale: what is stored is served, whoever allows it.
	serveStale bool
	// ofOrigin: the origin answered with an error; what is stored is served
	// where that is allowed.
	ofOrigin bool
	err      error
}

func (e *fetchError) Error() string { return e.err.Error() }
func (e *fetchError) Unwrap() error { return e.err }

func (f *fetch) hookFailed(r hook.Result) fetchStep {
	f.x.Response.Drop()
	f.failed = &fetchError{status: r.Status, serveStale: r.ServeStale, err: r.Err}
	return fetched
}

func (f *fetch) askOrigin() fetchStep {
	name := f.route.Origin
	if f.x.Choices.Origin != "" {
		name = f.x.Choices.Origin
	}
	f.attempts++
	ctx, cancel := f.whileWanted()
	err := f.p.o.Origins.Send(ctx, f.x, name)
	if cancel != nil {
		if err == nil && f.x.Response.Body != nil {
			f.x.Response.Body = &cancelBody{f.x.Response.Body, cancel}
		} else {
			cancel()
		}
	}
	if err != nil {
		f.x.Response.Drop()
		f.failed = err
		return onError
	}
	f.failed = nil
	r := &f.x.Response
	f.x.Cache.ForwardStatus = r.Status
	removeHopByHop(&r.Header, r.Upgrade != nil)
	if !r.Header.Has(exchange.Date) {
		// "A recipient with a clock that receives a response message without a
		// Date header field MUST record the time it was received and append a
		// corresponding Date header field to the message's header section if it is
		// cached or forwarded downstream."
		// https://www.rfc-editor.org/rfc/rfc9110#section-6.6.1
		r.Header.AddKnown(exchange.Date, f.p.date.at(f.p.o.Now()))
	}
	if f.validating && r.Status == 304 {
		if !f.p.o.Cache.Merge(&f.found, f.x, &f.route.Rules) {
			// What it would confirm is gone: the whole response is needed.
			r.Drop()
			f.unconditional()
			return askOrigin
		}
		f.confirmed = true
	}
	if f.segment != 0 && f.settleSegment() {
		return askOrigin
	}
	if policy.Errs(r.Status) && f.found.Servable(f.p.o.Now()) {
		// "...if a cache receives a 5xx (Server Error) response while attempting to
		// validate a response, it can either forward this response to the
		// requesting client or act as if the server failed to respond. In the
		// latter case, the cache can send a previously stored response, subject to
		// its constraints on doing so".
		// https://www.rfc-editor.org/rfc/rfc9111#section-4.3.3
		f.failed = &fetchError{status: r.Status, ofOrigin: true, err: &exchange.Error{Source: exchange.SourceOrigin, Op: "fetch", Reason: exchange.ReasonOriginError,
			Retry: true, Err: fmt.Errorf("the origin answered %d", r.Status)}}
		r.Drop()
		return fetched
	}
	return onFetched
}

// whileWanted is the context of a fetch: it ends when the client of a pass has
// left, where its protocol can tell. A fill goes on without its client.
// cancel is nil if there is nothing to cancel.
func (f *fetch) whileWanted() (ctx context.Context, cancel context.CancelFunc) {
	gone := f.x.Peer.Gone()
	if gone == nil {
		return context.Background(), nil
	}
	ctx, cancel = context.WithCancel(context.Background())
	go func() {
		select {
		case <-gone:
			cancel()
		case <-ctx.Done():
		}
	}()
	return ctx, cancel
}

// cancelBody ends a fetch's context when its body is closed.
type cancelBody struct {
	exchange.Body
	cancel context.CancelFunc
}

func (b *cancelBody) Close() error {
	defer b.cancel()
	return b.Body.Close()
}

func (f *fetch) onError() fetchStep {
	if !f.route.Hooks.Has(exchange.OnError) {
		return fetched
	}
	before := f.x.Choices.Origin
	f.x.Err = f.failed
	f.x.Reason = exchange.ReasonOf(f.failed, exchange.ReasonOriginProtocol)
	switch r := f.route.Hooks.Call(f.x, exchange.OnError); r.Kind {
	case hook.Answered:
		f.failed, f.answered = nil, true
		return fetched
	case hook.Failed:
		return f.hookFailed(r)
	}
	// A request with a body has sent it; it cannot be asked again.
	if f.x.Choices.Origin != before && f.attempts < maxAttempts && f.x.Request.Body == nil {
		return askOrigin
	}
	return fetched
}

func (f *fetch) onFetched() fetchStep {
	if !f.route.Hooks.Has(exchange.OnFetched) || f.x.Response.Upgrade != nil {
		return fetched
	}
	if r := f.route.Hooks.Call(f.x, exchange.OnFetched); r.Kind == hook.Failed {
		return f.hookFailed(r)
	}
	return fetched
}

// lead runs a fetch that fills the cache and delivers what came of it to all
// who wait.
func (f *fetch) lead() {
	defer func() {
		if v := recover(); v != nil {
			f.p.o.Events.Bug(f.x, v, debug.Stack())
			// Whatever those who wait have been told already, they keep.
			f.fill.Fail(&fetchError{status: 500, err: &exchange.Error{Source: exchange.SourceNode, Op: "fetch", Reason: exchange.ReasonBug}})
			f.end()
		}
	}()
	f.run()
	x := f.x
	if f.failed != nil {
		f.facts.take(x)
		f.fail()
		f.end()
		return
	}
	v := f.p.o.Cache.Judge(x, &f.asked, &f.route.Rules)
	if f.part.Total != 0 && !(v.Store && v.Share) {
		// What is for one client, or has to be confirmed each time, is fetched whole.
		f.whole()
		if f.runFrom(askOrigin); f.failed != nil {
			f.facts.take(x)
			f.fail()
			f.end()
			return
		}
		v = f.p.o.Cache.Judge(x, &f.asked, &f.route.Rules)
	}
	if x.Reason == exchange.ReasonNone { // else a function, or what it stood in for, has said why
		x.Reason = v.Reason
	}
	f.facts.take(x)
	switch {
	case f.confirmed:
		// A verdict that forbids to keep what was confirmed removes it, and this
		// request alone gets it.
		x.Cache.Stored = v.Store
		if err := f.fill.Refresh(&f.found, x, &f.asked, v); err != nil {
			x.Err = err
		}
	case f.part.Total != 0:
		x.Cache.Stored = true
		if err := f.fill.StoreSegments(x, &f.asked, v, f.part, f.tag, f.segment); err != nil {
			x.Err = err
		}
	case v.Store:
		x.Cache.Stored = true
		err := f.fill.Store(x, &f.asked, v)
		if err != nil {
			x.Err = err
		}
		if f.push != nil {
			f.push.kept <- err
		}
	case f.answered && x.Response.ContentLength >= 0 && x.Response.ContentLength <= sharedMax:
		// A made response, of a failure as a rule: everybody who waits gets it.
		f.share()
	default:
		f.own <- x
		f.fill.Release(v.Reason)
		if f.deserted.Load() {
			f.takeBack()
		}
		return // the client ends the exchange
	}
	f.end()
}

// facts are what a client's exchange takes over from its fetch.
type facts struct {
	status int
	reason exchange.Reason
	calls  []exchange.Call
}

func (t *facts) take(x *exchange.Exchange) {
	t.status, t.reason = x.Cache.ForwardStatus, x.Reason
	t.calls = append(t.calls[:0], x.Calls...)
}

// tell puts the facts of the fetch into the exchange of the client that caused it.
func (t *facts) tell(x *exchange.Exchange) {
	x.Cache.ForwardStatus = t.status
	if t.reason != exchange.ReasonNone {
		x.Reason = t.reason
	}
	x.Calls = append(x.Calls, t.calls...)
}

// sharedMax bounds a made response that is copied for everybody who waits, in bytes.
const sharedMax = 1 << 20

func (f *fetch) share() {
	var b []byte
	if f.x.Response.Body != nil {
		var err error
		if b, err = io.ReadAll(io.LimitReader(f.x.Response.Body, sharedMax)); err != nil {
			f.fill.Fail(&exchange.Error{Source: exchange.SourceFunction, Op: "read made response", Reason: exchange.ReasonFunctionTrap, Err: err})
			return
		}
	}
	f.fill.Share(f.x, b)
}

// fail tells everybody who waits, unless the failure is this leader's own.
func (f *fetch) fail() {
	e, ok := f.failed.(*fetchError)
	if ok && !e.serveStale && !e.ofOrigin {
		// "Only a failure of the leader itself (trap, client gone) passes the turn
		// to one waiter": what this request made a function do must not decide
		// for others.
		f.fill.Abandon()
		return
	}
	f.fill.Fail(f.failed)
}

// desert tells the fetch that the client that caused it has left.
func (f *fetch) desert() {
	f.deserted.Store(true)
	f.takeBack()
}

// takeBack ends a private response that nobody waits for any more.
func (f *fetch) takeBack() {
	select {
	case <-f.own:
		f.end()
	default:
	}
}

// end gives back everything the fetch holds.
func (f *fetch) end() {
	if f.route.Hooks != nil {
		f.route.Hooks.End(f.x)
	}
	f.x.Response.Drop()
	f.x.Release()
}
