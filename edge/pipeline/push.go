package pipeline

import (
	"io"

	"github.com/wedgecdn/wedge/edge/cache"
	"github.com/wedgecdn/wedge/hostapi/exchange"
)

// Warm serves x as if a client had sent it, so that the cache has what it asks
// for; functions run, and the log has its line. The caller reads the response's
// body and closes it. The error is ErrForeign if the site is not the owner's:
// then there is no response, and nothing has run.
func (p *Pipeline) Warm(x *exchange.Exchange, owner string) error { return p.serveFor(x, owner, nil) }

// Push stores a response as if an origin had just given it to x, a GET request:
// by the route's rules, after the functions at on_request and on_fetched. The
// body becomes the pipeline's. Reason is why the response was not stored,
// ReasonNone if it was. The error is ErrForeign, or why the body broke off.
func (p *Pipeline) Push(x *exchange.Exchange, owner string, r *exchange.Response) (exchange.Reason, error) {
	defer r.Drop() // what nobody took over
	g := &push{response: r, kept: make(chan error, 1)}
	if err := p.serveFor(x, owner, g); err != nil {
		return exchange.ReasonNone, err
	}
	b := x.Response.Body
	defer b.Close()
	if _, err := b.WriteTo(io.Discard); err != nil {
		return exchange.ReasonNone, err
	}
	if !g.stores {
		return x.Reason, nil
	}
	return exchange.ReasonOf(<-g.kept, exchange.ReasonNone), nil
}

// A push is a response that stands in for an origin's. It belongs to the
// goroutine of its request; response and kept are the fetch's while that runs.
type push struct {
	response *exchange.Response
	// kept gets one value if the fetch comes to store the response: nil if it has.
	kept   chan error
	stores bool // the request has been told that the response is being stored
}

func (p *Pipeline) serveFor(x *exchange.Exchange, owner string, g *push) error {
	c := p.begin(x)
	c.push = g
	s := c.receive()
	if s == findRoute {
		s = c.findRoute()
		if c.route == nil || c.route.Owner != owner {
			c.forGuest = true // nobody asked
			x.Response.Drop()
			c.end()
			return ErrForeign
		}
	}
	defer c.recovered()
	c.run(s)
	return nil
}

// takeIn makes the pushed response what the cache gets for this request,
// whatever it has.
func (c *call) takeIn() step {
	if c.found.State == cache.Bypass {
		c.dropFound()
		return c.fail(409, c.found.Reason)
	}
	c.found.Replace()
	return await
}

// takePushed is askOrigin for a response that is there already.
func (f *fetch) takePushed() fetchStep {
	from, to := f.push.response, &f.x.Response
	to.Status, to.ContentLength = from.Status, from.ContentLength
	to.Header.CopyFrom(&from.Header)
	to.Body, from.Body = from.Body, nil
	removeHopByHop(&to.Header, false)
	to.Header.DeleteKnown(exchange.ContentLength) // the body's own length counts
	if !to.Header.Has(exchange.Date) {
		to.Header.AddKnown(exchange.Date, f.p.date.at(f.p.o.Now()))
	}
	return onFetched
}
