package h1

import (
	"errors"
	"fmt"
	"io"
	"runtime/debug"

	"github.com/valyala/fasthttp"

	"github.com/wedgecdn/wedge/hostapi/exchange"
)

// handle is called by fasthttp for the stand-in that a connection's first
// request becomes, and serves that and every further one.
//
// Fast path: going back to fasthttp between two requests would have it parse
// another stand-in and make another response for nobody, which costs a twelfth
// of a hit. It counts connections, not requests, and we ask it for no time
// limits, so nothing of its own depends on the way back.
func (f *Front) handle(ctx *fasthttp.RequestCtx) {
	c, ok := ctx.Conn().(*conn)
	if !ok {
		panic("BUG: h1: a connection that is not ours")
	}
	ctx.SetConnectionClose()
	for c.serve() && c.next() {
	}
}

// serve serves the request whose head has been read. It tells whether the
// connection can go on.
func (c *conn) serve() (goOn bool) {
	x := exchange.New()
	x.ID, x.Now = c.front.options.IDs.Next(), c.arrival()
	c.front.watch(x.Now.Sub(c.front.epoch))
	x.Client, x.Peer = c.client, c
	return c.exchange(x)
}

// exchange has x served, sends the response and ends x. It tells whether the
// connection can go on.
func (c *conn) exchange(x *exchange.Exchange) (goOn bool) {
	c.x = x
	defer func() { c.x = nil }()
	f, o := c.front, &c.out
	r := &x.Request
	r.Scheme = "http"
	o.begun, o.expects, o.framing, o.left, o.sent, o.err, o.ready = false, false, unframed, 0, 0, nil, 0
	var m framing
	fault := c.fault
	if fault == nil {
		m, fault = c.head.fill(c.headBuf[:c.headEnd], r, f.options.BodySize)
	} else {
		c.partial(r)
	}
	// What delimits the response is the method as it was received: a function
	// may give the request another one.
	c.asHead = r.Method == "HEAD"
	if fault == nil && m.length != 0 {
		c.body = newBody(c, m.length)
		r.Body = c.body
		if m.length < 0 {
			r.Trailer = &c.body.trailer
		}
		o.expects = m.expects
	}
	// After a fault nothing tells where the next request would begin.
	mustClose := m.close || fault != nil
	c.linger = fault != nil
	if !c.decide(x, fault) {
		c.linger = true
		return false
	}
	sent := c.respond(x, mustClose)
	if c.body != nil {
		clean := c.body.end(sent && !o.expects)
		c.linger = c.linger || !clean
		c.body, sent, c.ended = nil, sent && clean, 0
	}
	c.linger = c.linger || !sent && c.r < c.w
	exchange.Poison(c.headBuf[:c.headEnd:c.headEnd])
	return sent
}

// partial fills in what was understood of a head that was not accepted, for
// the log.
func (c *conn) partial(r *exchange.Request) {
	h := &c.head
	c.headBuf, c.headEnd = c.buf, c.w
	c.r, c.base = c.w, c.w // nothing more is read as a request
	r.Method, r.Target = view(h.method.of(c.buf)), view(h.target.of(c.buf))
	r.Proto = exchange.HTTP11
	if h.http10 {
		r.Proto = exchange.HTTP10
	}
}

// decide lets the server decide. After a panic there it answers by itself and
// returns false: x is left to the collector, because nobody knows what in it
// is still in use.
func (c *conn) decide(x *exchange.Exchange, fault *fault) (ok bool) {
	defer func() {
		if v := recover(); v != nil {
			ok = false
			c.panicked(x, v)
			if c.body != nil {
				c.body.end(false)
				c.body = nil
			}
			c.out.begin()
			c.write([]byte("HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"))
		}
	}()
	if fault != nil {
		x.Err = &fault.err
		c.front.server.Refuse(x, fault.status, fault.err.Reason)
	} else {
		c.front.server.Serve(x)
	}
	return true
}

func (c *conn) panicked(x *exchange.Exchange, v any) {
	if e := c.front.options.Events.Panic; e != nil {
		e(x, v, debug.Stack())
	}
}

// respond sends the response, closes its body, and tells whether the
// connection can carry another request.
func (c *conn) respond(x *exchange.Exchange, mustClose bool) bool {
	o, r := &c.out, &x.Response
	continued := o.begin()
	if r.Status == 101 && r.Upgrade != nil {
		c.upgrade(x)
		return false
	}
	if r.Status < 200 || r.Status > 999 {
		c.panicked(x, fmt.Sprintf("BUG: h1: response with status %d", r.Status))
		r.Status, r.ContentLength = 500, 0
	}
	// Fast path: a hit has its body at hand, so the time at which its head was
	// ready is still the time at which it is sent.
	if x.Outcome == exchange.Hit && x.FirstByte > 0 {
		o.ready = x.Now.Sub(c.front.epoch) + x.FirstByte
	}
	framing, framingCloses := frame(x, c.asHead)
	// The client that waits for 100 (Continue) may send the content all the
	// same after a final response, or may not: nothing tells what comes next.
	asked := mustClose
	mustClose = mustClose || framingCloses || !continued || c.front.draining.Load() || c.body != nil && c.body.blocks()
	o.take()
	defer o.give()
	o.held = c.appendHead(o.held, x, framing, mustClose)
	o.framing, o.left = framing, 0
	if framing == counted {
		o.left = r.ContentLength
	}
	whole := c.content(x)
	switch {
	case !whole:
		c.reset = framing == untilClose
	case mustClose && !asked:
		c.linger = true // the client may be sending its next request
	}
	return whole && !mustClose
}

// content sends the body and closes it, which ends x. It tells whether the
// client has the whole response; if not, the connection must be closed, and
// the client sees that something is missing.
func (c *conn) content(x *exchange.Exchange) (whole bool) {
	o, r := &c.out, &x.Response
	body, trailer := r.Body, r.Trailer
	err := c.pull(x, body)
	if err == nil {
		err = o.finish(c, x, trailer)
	}
	if err != nil {
		o.Flush() // what was sent is not taken back
		switch {
		case o.err != nil && (x.Err == nil || errors.Is(x.Err, o.err)): // the body may have passed it on
			x.Err = &exchange.Error{Source: exchange.SourceClient, Op: "send response", Reason: exchange.ReasonClientGone, Err: o.err}
		case x.Err == nil:
			x.Err = err
		}
	}
	c.ended = c.now()
	x.Sent, x.Took = o.sent, c.ended-x.Now.Sub(c.front.epoch)
	if body != nil {
		c.closeBody(x, body)
	}
	return err == nil
}

// pull has the body write itself out.
func (c *conn) pull(x *exchange.Exchange, body exchange.Body) (err error) {
	o := &c.out
	if body == nil || o.framing == unframed || o.framing == counted && o.left == 0 {
		return nil
	}
	defer func() {
		if v := recover(); v != nil {
			c.panicked(x, v)
			err = errors.New("send response: the body panicked")
		}
	}()
	if o.framing != counted {
		// A length that nobody knows is one that comes bit by bit.
		if err := o.Flush(); err != nil {
			return err
		}
	}
	_, err = body.WriteTo(o)
	return err
}

func (c *conn) closeBody(x *exchange.Exchange, body exchange.Body) {
	defer func() {
		if v := recover(); v != nil {
			c.panicked(x, v)
		}
	}()
	body.Close()
}

// finish sends the end of the content.
func (o *out) finish(c *conn, x *exchange.Exchange, trailer *exchange.Header) error {
	switch {
	case o.err != nil:
		return o.err
	case o.framing == counted && o.left > 0:
		return io.ErrUnexpectedEOF
	case o.framing == chunked:
		o.held = append(o.held, "0\r\n"...)
		if trailer != nil {
			for f := range trailer.All() {
				if !validName(f.Name) || splitsField(f) {
					c.dropped(x, f.Name)
					continue
				}
				o.held = append(append(o.held, f.Name...), ": "...)
				o.held = append(append(o.held, f.Value...), "\r\n"...)
			}
		}
		o.held = append(o.held, "\r\n"...)
	}
	return o.Flush()
}
