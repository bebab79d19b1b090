package origin

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/wedgecdn/wedge/hostapi/exchange"
)

// send makes attempts until one brings a response, or may not be repeated.
//
// Repeated are: a connect that failed, on another server; a request of which
// not a byte went out, because the connection that was kept had died; and, if
// its method is idempotent and it has no body, one whose kept connection ended
// before the first byte of a response.
func (p *pool) send(ctx context.Context, x *exchange.Exchange) error {
	var tried []*server
	fresh := false
	body, err := p.turn(ctx, &x.Request)
	if err != nil {
		return err
	}
	defer body.end()
	for n := 0; ; n++ {
		if ctx.Err() != nil {
			return p.ended("begin", ctx.Err()) // no connection is worth it
		}
		began := time.Now()
		a := Attempt{Owner: p.def.Owner, Origin: p.def.Name}
		var failed *exchange.Error
		c, s, err := p.take(ctx, fresh, tried)
		if err == nil {
			a.Reused = c.used
			a.Again, failed = p.attempt(ctx, c, x, &body)
			fresh = true
		} else {
			failed = err.(*exchange.Error)
			if s != nil {
				tried = append(tried, s)
				a.Again = failed.Reason == exchange.ReasonOriginConnect && p.untried(tried)
			}
		}
		a.Again = a.Again && n < p.settings.Retries
		if s != nil {
			a.Server = s.authority
		}
		a.Took = time.Since(began)
		if failed == nil {
			a.Status = x.Response.Status
		} else {
			a.Reason = failed.Reason
		}
		p.u.o.Events.attempted(a)
		if failed == nil {
			return nil
		}
		if !a.Again {
			return failed
		}
	}
}

// attempt sends x's request on c and reads the head of its response. c is
// given back, closed, or part of x.Response afterwards; body is the upload's if
// that has begun. again tells that the
// failure is one after which the request may be repeated.
func (p *pool) attempt(ctx context.Context, c *conn, x *exchange.Exchange, body *turn) (again bool, failed *exchange.Error) {
	t := &transfer{p: p, c: c, ctx: ctx, began: time.Now()}
	reused := c.used
	c.begin()
	if ctx.Done() != nil {
		t.unwatch = context.AfterFunc(ctx, c.close)
	}
	q, r := &x.Request, &x.Response
	r.Header.Reset()
	host := p.settings.Host
	if host == "" {
		host = q.Host
	}
	if host == "" {
		host = c.server.authority
	}
	op := "write the request to"
	n, err := t.sendHead(q, host)
	if err != nil {
		again = reused && n == 0 && !errors.Is(err, errRequest)
	} else {
		op = "read the response's head from"
		c.used = true
		if sendsBody(q) {
			// The time for the answer begins when all is sent.
			c.SetReadDeadline(time.Time{})
			t.upload = newUpload(p, c, q, body.pass())
			go t.upload.run()
		}
		err = t.readHead(x)
		again = err != nil && reused && c.received == 0 && t.upload == nil && idempotent(q.Method) && reasonOfRead(err) == exchange.ReasonOriginCut
	}
	if err == nil {
		err = t.accept(x)
	}
	if err != nil {
		r.Header.Reset()
		r.Status = 0
		failed = t.cause(op, err)
		if again = again && failed.Reason == exchange.ReasonOriginCut; again {
			failed.Retry = true
		}
		t.finish(failed, false)
		return again, failed
	}
	return false, nil
}

// sendHead sends the head of the request.
func (t *transfer) sendHead(q *exchange.Request, host string) (int, error) {
	heads := &t.p.u.heads
	buf := heads.Get().(*[]byte)
	defer heads.Put(buf)
	head, err := appendRequest((*buf)[:0], q, host)
	if cap(head) <= maxHead {
		*buf = head[:0]
	}
	if err != nil {
		return 0, err
	}
	n, err := t.c.Write(head)
	t.sent = int64(n)
	return n, err
}

// readHead reads heads until a final one, which is then in x.Response; those
// before are passed on.
func (t *transfer) readHead(x *exchange.Exchange) error {
	c, r := t.c, &x.Response
	for budget, n := maxHead, 0; ; n++ {
		from, end := 0, -1
		for {
			b := c.buf[c.r:c.w]
			if end, from = headEnd(b, from); end >= 0 {
				break
			}
			if !begins(b, "HTTP/1.") {
				return protocolError("what came is not HTTP/1")
			}
			if len(b) > budget {
				return errHeadSize
			}
			if err := c.more(budget + 1); err != nil {
				return unexpected(err)
			}
		}
		if budget -= end; budget < 0 {
			return errHeadSize
		}
		head := string(c.buf[c.r : c.r+end])
		c.r += end
		status, http10, err := parseHead(head, &r.Header)
		if err != nil {
			return err
		}
		if status >= 200 || status == 101 {
			r.Status = status
			t.framing, err = frame(x.Request.Method, status, http10, &r.Header)
			return err
		}
		if n >= maxInterim {
			return protocolError("there are more than 16 interim responses")
		}
		// "A proxy MUST forward 1xx responses unless the proxy itself requested
		// the generation of the 1xx response." We never send Expect: a 100 is
		// meant for nobody behind us.
		// https://www.rfc-editor.org/rfc/rfc9110#section-15.2
		if status != 100 && x.Peer != nil {
			r.Header.DeleteFunc(ofConnection)
			x.Peer.Interim(status, &r.Header) // a client that has left shows at the final response
		}
		r.Header.Reset()
	}
}

// begins tells whether b may be, or go on to be, something that begins with prefix.
func begins(b []byte, prefix string) bool {
	n := min(len(b), len(prefix))
	return string(b[:n]) == prefix[:n]
}

// ofConnection tells of a field that belongs to one connection or frames a message.
func ofConnection(f *exchange.Field) bool {
	switch f.Known() {
	case exchange.Connection, exchange.KeepAlive, exchange.ProxyConnection, exchange.TE, exchange.Trailer,
		exchange.TransferEncoding, exchange.ContentLength, exchange.Upgrade:
		return true
	}
	return false
}

// accept makes the response of a final head. The request's body may still be
// on its way.
func (t *transfer) accept(x *exchange.Exchange) error {
	c, r := t.c, &x.Response
	if r.Status == 101 && !x.Request.Header.Has(exchange.Upgrade) {
		return protocolError("the protocol was changed (101), and nobody had asked")
	}
	if u := t.upload; u != nil {
		u.answered()
		// "If the client sees a response that indicates the server does not wish to
		// receive the message body and is closing the connection, the client SHOULD
		// immediately cease transmitting the body and close its side of the
		// connection." https://www.rfc-editor.org/rfc/rfc9112#section-9.5
		if r.Status >= 300 {
			u.stop.Store(true)
		} else if t.kind == none || r.Status == 101 {
			// Nothing holds the exchange open after this, so the body goes first.
			select {
			case <-u.done:
			case <-t.ctx.Done():
				return t.ctx.Err()
			}
			if err := u.failed(); err != nil && err.Source == exchange.SourceClient {
				return err
			}
		}
	}
	if r.Status == 101 {
		if t.unwatch != nil && !t.unwatch() {
			return t.ctx.Err()
		}
		c.SetDeadline(time.Time{})
		r.ContentLength = -1
		r.Upgrade = newTunnel(t)
		return nil
	}
	r.ContentLength = t.length
	if t.kind == counted && (r.Header.Count(exchange.ContentLength) > 1 || !digits(r.Header.Value(exchange.ContentLength))) {
		r.Header.SetKnown(exchange.ContentLength, fmt.Sprint(t.length)) // it stood there several times
	}
	if t.kind == none {
		t.whole = true
		t.finish(nil, true)
		return nil
	}
	t.left = t.length
	c.silence = t.p.settings.IdleTimeout
	r.Body = t
	if t.kind == chunked {
		r.Trailer = &t.trailer
	}
	return nil
}
