package pipeline

import (
	"errors"
	"io"

	"github.com/wedgecdn/wedge/hostapi/exchange"
)

// A body is what the front end pulls: the response's content, counted, cut to
// a range, and at its Close the end of the exchange. It is part of the call.
type body struct {
	c     *call
	inner exchange.Body // nil: no content
	// skip and left cut a range; left is -1 if there is none.
	skip, left int64
	// broke is why the content ended before its end.
	broke error
}

// narrow cuts the content to n bytes after the first skip bytes.
func (b *body) narrow(skip, n int64) { b.skip, b.left = skip, n }

// A skipper is a body that can leave out bytes without producing them.
type skipper interface {
	// Skip leaves out the next n bytes.
	Skip(n int64) error
}

// A limiter is a body that can end before its end.
type limiter interface {
	// Limit ends the body after n more bytes.
	Limit(n int64)
}

// errShort tells that content ended before the length that was promised for it.
var errShort = &exchange.Error{Source: exchange.SourceNode, Op: "send", Reason: exchange.ReasonCut, Err: errors.New("the content ended before its announced length")}

func (b *body) start() error {
	if b.skip == 0 {
		return nil
	}
	n := b.skip
	b.skip = 0
	if s, ok := b.inner.(skipper); ok {
		return s.Skip(n)
	}
	if _, err := io.CopyN(io.Discard, b.inner, n); err != nil {
		return errShort
	}
	return nil
}

// Read reads the next bytes of the content.
func (b *body) Read(p []byte) (n int, err error) {
	if b.inner == nil {
		return 0, io.EOF
	}
	defer func() {
		if err != nil && err != io.EOF {
			b.broke = err
		}
	}()
	if err := b.start(); err != nil {
		return 0, err
	}
	if b.left == 0 {
		return 0, io.EOF
	}
	if b.left > 0 && int64(len(p)) > b.left {
		p = p[:b.left]
	}
	n, err = b.inner.Read(p)
	if b.left > 0 {
		b.left -= int64(n)
		if err == io.EOF && b.left > 0 {
			err = errShort
		}
	}
	b.c.x.Sent += int64(n)
	return n, err
}

// WriteTo writes the content.
func (b *body) WriteTo(w io.Writer) (n int64, err error) {
	if b.inner == nil {
		return 0, nil
	}
	if err := b.start(); err != nil {
		b.broke = err
		return 0, err
	}
	limited, ok := b.inner.(limiter)
	switch {
	case b.left < 0:
		n, err = b.inner.WriteTo(w)
	case ok:
		// The body writes itself, so that it may do that as it does best: by
		// chunks, or by the kernel out of a file.
		limited.Limit(b.left)
		if n, err = b.inner.WriteTo(w); err == nil && n < b.left {
			err = errShort
		}
		b.left -= n
	default:
		n, err = io.CopyN(w, b.inner, b.left)
		if err == io.EOF {
			err = errShort
		}
		b.left -= n
	}
	b.c.x.Sent += n
	b.broke = err
	return n, err
}

// Close ends the exchange.
func (b *body) Close() error {
	c := b.c
	if c == nil || c.closed {
		return nil
	}
	if b.inner != nil {
		b.inner.Close()
		b.inner = nil
	}
	if b.broke != nil {
		b.tell()
	}
	c.end()
	return nil
}

// tell says in the exchange that the response broke off after its head, and
// why: that outweighs why it was, or was not, stored. If it was the client who
// went, only the front end knows: it has said so by now.
func (b *body) tell() {
	x := b.c.x
	if x.Err == nil {
		x.Err = b.broke
	}
	x.Reason = exchange.ReasonOf(b.broke, exchange.ReasonOf(x.Err, exchange.ReasonCut))
}
