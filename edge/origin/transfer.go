package origin

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/wedgecdn/wedge/hostapi/exchange"
)

// A transfer is one request and its response on one connection. As soon as
// there is a head it is the response's body: read and closed by one goroutine.
// It keeps nothing of the exchange, which may be gone before it.
type transfer struct {
	p       *pool
	c       *conn
	ctx     context.Context
	unwatch func() bool // ends the watch of ctx; false if that has closed c. nil: no watch
	upload  *upload     // nil: no body was sent
	began   time.Time
	sent    int64 // of the request's head

	framing
	left    int64 // of counted content
	chunker chunker
	trailer exchange.Header
	whole   bool  // all of the response has been read
	err     error // what each further read returns
	over    bool  // c is given back or closed
}

// Read reads content as soon as there is some.
func (t *transfer) Read(p []byte) (int, error) {
	if t.err != nil {
		return 0, t.err
	}
	if len(p) == 0 {
		return 0, nil
	}
	most, err := t.available(true)
	if err != nil {
		return 0, t.end(err)
	}
	total := 0
	for {
		n, err := t.c.read(p[:min(int64(len(p)), most)])
		t.took(n)
		total += n
		p = p[n:]
		if err != nil {
			return total, t.end(t.expected(err))
		}
		if t.whole {
			return total, t.end(nil)
		}
		// Small chunks that are there already come in one read.
		if len(p) == 0 || t.kind != chunked || t.c.r == t.c.w {
			return total, nil
		}
		if most, err = t.available(false); err != nil {
			return total, t.end(err)
		}
		if most == 0 {
			return total, nil
		}
	}
}

// WriteTo writes what is left, out of the connection's own input buffer. It
// lets the writer send what it holds back before it waits for more.
func (t *transfer) WriteTo(w io.Writer) (int64, error) {
	var total int64
	for t.err == nil {
		if t.c.r == t.c.w {
			if err := exchange.Flush(w); err != nil {
				return total, err
			}
		}
		most, err := t.available(true)
		if err == nil && t.c.r == t.c.w {
			err = t.expected(t.c.more(maxHead))
		}
		if err != nil {
			t.end(err)
			break
		}
		b := t.c.buf[t.c.r:t.c.w]
		b = b[:min(int64(len(b)), most)]
		n, err := w.Write(b)
		n = max(0, min(n, len(b)))
		t.c.r += n
		t.took(n)
		total += int64(n)
		if err == nil && n < len(b) {
			err = io.ErrShortWrite
		}
		if err != nil {
			return total, err
		}
		if t.whole {
			t.end(nil)
		}
	}
	if t.err == io.EOF {
		return total, nil
	}
	return total, t.err
}

// available is how many bytes of content may be taken off the connection now:
// more than 0, or the end of the content, as io.EOF, or an error. If wait is
// not set it may be 0.
func (t *transfer) available(wait bool) (int64, error) {
	switch t.kind {
	case counted:
		return t.left, nil // counted content ends when its last byte is taken
	case untilClose:
		return 1<<63 - 1, nil
	}
	k := &t.chunker
	if k.left == 0 && !k.last {
		ok, err := k.next(t.c, wait)
		if err != nil || !ok {
			return 0, err
		}
	}
	if k.last && wait {
		if err := t.c.trailer(&t.trailer); err != nil {
			return 0, err
		}
		t.whole = true
		return 0, io.EOF
	}
	return k.left, nil
}

// took counts content that was taken.
func (t *transfer) took(n int) {
	switch t.kind {
	case counted:
		t.left -= int64(n)
		t.whole = t.left == 0
	case chunked:
		t.chunker.left -= int64(n)
	}
}

// expected tells what an error of the connection inside the content is: the
// end of content that ends so, or one that came too early.
func (t *transfer) expected(err error) error {
	if err == io.EOF && t.kind == untilClose {
		t.whole = true
		return io.EOF
	}
	return unexpected(err)
}

// end ends the reading: nil and io.EOF are the end of the content.
func (t *transfer) end(err error) error {
	if err == nil || err == io.EOF {
		t.err = io.EOF
		if t.upload == nil || t.upload.isDone() {
			t.finish(nil, false)
		}
		return t.err
	}
	failed := t.cause("read the body from", err)
	t.err = failed
	t.finish(failed, false)
	return t.err
}

// Close ends the transfer. If the response was not read to its end, the
// connection is closed.
func (t *transfer) Close() error {
	if t.err == nil {
		t.err = &exchange.Error{Source: exchange.SourceNode, Op: "read a body that was closed", Err: io.ErrClosedPipe}
	}
	t.finish(nil, true)
	return nil
}

// finish ends the use of the connection, once. patient is set if the caller
// may wait a moment for the end of the request's body.
func (t *transfer) finish(failed *exchange.Error, patient bool) {
	if t.over {
		return
	}
	t.over = true
	c, sent := t.c, t.sent
	reuse := t.whole && t.keep && failed == nil
	if u := t.upload; u != nil {
		u.stop.Store(true)
		if !reuse {
			c.close()
		}
		if patient || failed != nil {
			u.settle()
		}
		reuse = reuse && u.isWhole()
		sent += u.sent.Load()
	}
	if t.unwatch != nil && !t.unwatch() {
		reuse = false // the end of the context is closing it
	}
	// What follows the response was sent unasked; it answers nothing.
	reuse = reuse && c.r == c.w
	event := Transfer{Owner: t.p.def.Owner, Origin: t.p.def.Name, Server: c.server.authority, Sent: sent, Received: c.received, Took: time.Since(t.began)}
	if reuse {
		t.p.give(c)
	} else {
		t.p.discard(c)
	}
	if failed != nil {
		event.Reason = failed.Reason
	}
	if t.kind != none || failed == nil {
		t.p.u.o.Events.ended(event)
	}
}

// cause finds out why the transfer broke, of which err is what was seen.
func (t *transfer) cause(op string, err error) *exchange.Error {
	if e, ok := err.(*exchange.Error); ok {
		return e
	}
	if err == errRequest {
		return &exchange.Error{Source: exchange.SourceNode, Op: fmt.Sprintf("origin %q: write the request", t.p.def.Name), Reason: exchange.ReasonBadRequest, Err: err}
	}
	if t.ctx.Err() != nil {
		return t.p.ended(op+" "+t.c.server.address, t.ctx.Err())
	}
	if t.upload != nil {
		if e := t.upload.failed(); e != nil && (e.Source != exchange.SourceOrigin || e.Reason == exchange.ReasonOriginTimeout) {
			return e // it closed the connection
		}
	}
	return t.p.failure(op, t.c.server, reasonOfRead(err), err)
}
