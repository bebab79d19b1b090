package pipeline

import (
	"errors"
	"runtime/debug"

	"github.com/wedgecdn/wedge/edge/cache"
	"github.com/wedgecdn/wedge/edge/cache/policy"
	"github.com/wedgecdn/wedge/hostapi/exchange"
)

// Where a route says so, what is longer than a segment is fetched by segments:
// the fetch of what is not stored asks for one of them, and if the answer is a
// part of more, that is stored as a head without a body, which each client puts
// together of segments while it reads. What is missing then is fetched for it, and
// for all who want it at that time, by a fetch of its own. See package cache.

// askSegment makes the fetch one of the segment from first on, whatever the
// response turns out to be.
func (f *fetch) askSegment(size, first int64) {
	f.segment = size
	f.x.Request.Header.SetKnown(exchange.Range, f.x.Text(policy.AppendSegment(nil, first, size)))
}

// whole makes it one of the whole again.
func (f *fetch) whole() {
	f.x.Response.Drop()
	f.x.Request.Header.DeleteKnown(exchange.Range)
	f.segment, f.part, f.tag = 0, policy.Part{}, ""
	f.fill.Entire()
}

// settleSegment reads the answer to the fetch of a segment. A part of more than
// that becomes what the whole would be, with the part as its body. again tells
// that the origin has to be asked anew, for another segment or for the whole.
func (f *fetch) settleSegment() (again bool) {
	r := &f.x.Response
	first := policy.SegmentAt(&f.x.Request.Header, f.segment)
	switch r.Status {
	case 206:
	case 416:
		// It is not so long, or empty.
		if first == 0 {
			f.whole()
			return true
		}
		r.Drop()
		f.askSegment(f.segment, 0)
		return true
	case 304:
		return false
	default:
		// All of it, for an origin without ranges and for what is no content.
		f.segment = 0
		return false
	}
	p, tag, ok := policy.Segment(&r.Header, first, f.segment)
	if !ok || f.x.Request.Header.Count(exchange.Range) != 1 {
		f.whole()
		return true
	}
	r.Status = 200
	r.Header.DeleteKnown(exchange.ContentRange)
	if r.ContentLength < 0 {
		r.ContentLength = p.Length()
	}
	if p.Whole() {
		f.segment = 0
	} else {
		f.part, f.tag = p, tag
	}
	return false
}

// segments prepares the response to be put together of segments, if it stands in
// some: the first one that the client will read is there, or arrives, before the
// head is decided.
func (c *call) segments() step {
	x := c.x
	b, ok := x.Response.Body.(*cache.Segments)
	if !ok {
		return onResponse
	}
	b.Ready(cache.SegmentAsker{Exchange: x, Rules: &c.route.Rules, Fetch: c.fetchSegment, Wait: c.p.o.Wait})
	off, n := c.reading()
	if n == 0 {
		return onResponse
	}
	if !c.route.Rules.IgnoreClientDirectives && !b.Stored(off, n) && policy.CacheControl(&x.Request.Header).Has(policy.OnlyIfCached) {
		x.Response.Drop()
		c.stored, x.Cache.HasTTL = nil, false
		return c.fail(504, exchange.ReasonOnlyIfCached)
	}
	fetched, err := b.Begin(off, n)
	switch {
	case err == nil:
		if fetched && x.Outcome == exchange.Hit {
			// "partial: The cache was able to select a response for the request's
			// target resource, but not all of it was available".
			// https://www.rfc-editor.org/rfc/rfc9211#section-2.2
			x.Outcome, x.Cache.Forward, x.Cache.Stored = exchange.Miss, exchange.ForwardPartial, true
		}
		return onResponse
	case errors.Is(err, cache.ErrChanged) && !c.restarted:
		// What was stored has been forgotten: there is nothing now, or something newer.
		x.Response.Drop()
		c.restarted, c.stored = true, nil
		x.Cache.HasTTL, x.Cache.Stored, x.Cache.Collapsed = false, false, false
		x.Outcome, x.Reason = exchange.OutcomeNone, exchange.ReasonNone
		return c.look()
	}
	x.Response.Drop()
	c.stored, x.Cache.HasTTL = nil, false
	return c.fetchFailed(err)
}

// reading is what the client will read of the content: n bytes from off on, of
// several ranges all from the first on.
func (c *call) reading() (off, n int64) {
	x := c.x
	q, r := &x.Request.Header, &x.Response
	if x.Request.Method != "GET" || c.asHead || policy.Conditional(q, x.Request.Method, &r.Header, x.Now) != policy.Proceed {
		return 0, 0
	}
	if !policy.RangeApplies(q, &r.Header) {
		return 0, r.ContentLength
	}
	switch rg, kind := policy.ParseRange(q.Value(exchange.Range), r.ContentLength); kind {
	case policy.Satisfiable:
		return rg.First, rg.Length()
	case policy.Unsatisfiable:
		return 0, 0
	}
	var room [policy.MaxRanges]policy.Range
	if list, kind := policy.ParseRanges(room[:0], q.Value(exchange.Range), r.ContentLength); kind == policy.Satisfiable {
		return list[0].First, list[len(list)-1].Last + 1 - list[0].First
	}
	return 0, r.ContentLength
}

// fetchSegment starts the fetch of a segment beside this request, which reads, and
// may leave before it is there.
func (c *call) fetchSegment(l *cache.Filling, g cache.Segment) {
	f := &fetch{p: c.p, route: c.route, x: c.x.ForFetch(), fill: l}
	f.x.Now = c.p.o.Now()
	f.prepare()
	g.Conditions(f.x)
	p, table := c.p, c.table
	table.enter()
	p.fetches.Go(func() {
		defer table.leave()
		f.leadSegment(&g)
	})
}

// leadSegment runs the fetch of a segment.
func (f *fetch) leadSegment(g *cache.Segment) {
	defer f.end()
	defer func() {
		if v := recover(); v != nil {
			f.p.o.Events.Bug(f.x, v, debug.Stack())
			f.fill.Fail(&fetchError{status: 500, err: &exchange.Error{Source: exchange.SourceNode, Op: "fetch a segment", Reason: exchange.ReasonBug}})
		}
	}()
	f.run()
	x := f.x
	r := &x.Response
	switch {
	case f.failed != nil:
		f.fail()
		return
	case policy.Errs(r.Status):
		f.fill.Fail(&exchange.Error{Source: exchange.SourceOrigin, Op: "fetch a segment", Reason: exchange.ReasonOriginError})
		return
	case f.answered, !g.Brings(x):
		f.fill.Fail(cache.ErrChanged)
		return
	}
	// It is judged as what it is a part of.
	r.Status = 200
	v := f.p.o.Cache.Judge(x, &f.asked, &f.route.Rules)
	if !v.Store || !v.Share {
		f.fill.Fail(cache.ErrChanged) // nobody else may have it from now on
		return
	}
	if err := f.fill.StoreSegment(x, g, v); err != nil {
		x.Err = err
	}
}
