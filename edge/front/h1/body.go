package h1

import (
	"errors"
	"io"
	"os"
	"sync"
	"time"

	"github.com/wedgecdn/wedge/hostapi/exchange"
)

// A body is the content of one request, decoded as it is pulled.
//
// mu is held during each read, so whoever holds it may use the connection's
// input. A body ends with its exchange (end): from then on reads fail without
// touching the connection, also those of a goroutine that has not noticed yet.
type body struct {
	c *conn

	mu      sync.Mutex
	left    int64 // of the content; of the current chunk if chunked
	chunked bool
	inChunk bool // the CRLF after the current chunk is still to come
	got     int64
	waste   int64         // octets of chunk headers so far
	asked   bool          // 100 (Continue) has been seen to
	silence time.Duration // how long a read waits for the client
	err     error         // what every further read returns
	trailer exchange.Header
}

const (
	// unreadKept is how much of a body that nobody read is read to keep the
	// connection, and for how long; beyond that the connection is closed.
	unreadKept = 64 << 10
	unreadTime = 2 * time.Second
	// chunkRoom is the least room for a chunk's header or a trailer field.
	chunkRoom = 1 << 10
	// wasteAllowed is how many octets of chunk headers are taken beyond one
	// for each octet of content.
	wasteAllowed = 16 << 10
)

func newBody(c *conn, length int64) *body {
	b := &body{c: c, left: length, silence: c.front.options.BodyTimeout}
	if length < 0 {
		b.left, b.chunked = 0, true
		if len(c.buf)-c.base < chunkRoom {
			// The head fills the buffer; chunk headers need room of their own.
			head, left := c.buf, c.buf[c.r:c.w]
			c.pooled = nil
			c.takeInput()
			c.headBuf, c.w, c.r, c.base = head, copy(c.buf, left), 0, 0
		}
	}
	return b
}

// Read reads content as soon as there is some.
func (b *body) Read(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.read(p)
}

func (b *body) read(p []byte) (int, error) {
	if b.err != nil {
		return 0, b.err
	}
	if len(p) == 0 {
		return 0, nil
	}
	c := b.c
	if !b.asked {
		b.asked = true
		if err := c.out.sendContinue(c.r < c.w); err != nil {
			return 0, b.fail(errBodyCut)
		}
	}
	if b.chunked && b.left == 0 {
		if err := b.nextChunk(); err != nil {
			return 0, b.fail(err)
		}
	}
	if !b.chunked && b.left == 0 {
		return 0, b.fail(io.EOF)
	}
	if int64(len(p)) > b.left {
		p = p[:b.left]
	}
	n := copy(p, c.buf[c.r:c.w])
	c.r += n
	if n == 0 {
		c.armRead(c.now(), b.silence)
		var err error
		if n, err = c.read(p); err != nil {
			return 0, b.fail(inputError(err))
		}
	}
	b.left -= int64(n)
	b.got += int64(n)
	if !b.chunked && b.left == 0 {
		b.err = io.EOF
	}
	return n, nil
}

func (b *body) fail(err error) error {
	b.err = err
	return err
}

// inputError is what an error of the connection means inside a body.
func inputError(err error) error {
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return errBodySlow
	}
	return errBodyCut
}

// WriteTo copies what is left.
func (b *body) WriteTo(w io.Writer) (int64, error) {
	buf := b.c.front.copies.Get().(*[]byte)
	defer b.c.front.copies.Put(buf)
	total := int64(0)
	for {
		n, err := b.Read(*buf)
		if n > 0 {
			m, err := w.Write((*buf)[:n])
			total += int64(m)
			if err != nil {
				return total, err
			}
		}
		if err == io.EOF {
			return total, nil
		}
		if err != nil {
			return total, err
		}
	}
}

// Close does nothing: what was not read is the front's to deal with, when the
// response has been sent.
func (b *body) Close() error { return nil }

// blocks tells that the next request cannot be reached: the content is broken,
// or much of it is left and nobody has begun to read. The response may say so.
func (b *body) blocks() bool {
	if !b.mu.TryLock() {
		return false // somebody is reading
	}
	defer b.mu.Unlock()
	return b.err != nil && b.err != io.EOF || !b.asked && !b.chunked && b.left-int64(b.c.w-b.c.r) > unreadKept
}

// end ends the body with its exchange and tells whether the input now stands
// at the next request. If drain is set it reads what is left of the content,
// within bounds.
func (b *body) end(drain bool) bool {
	c := b.c
	if !b.mu.TryLock() {
		// Somebody still reads, and may be waiting for the client.
		c.interrupted.Store(true)
		c.nc.SetReadDeadline(past)
		b.mu.Lock()
		b.err = errBodyOver
		b.mu.Unlock()
		return false
	}
	defer b.mu.Unlock()
	defer func() { b.err = errBodyOver }()
	if b.err == io.EOF {
		return true
	}
	if b.err != nil || !drain {
		return false
	}
	b.asked = true
	buf := c.front.copies.Get().(*[]byte)
	defer c.front.copies.Put(buf)
	until := c.now() + unreadTime
	for left := unreadKept; left > 0; {
		b.silence = max(until-c.now(), 1)
		n, err := b.read((*buf)[:min(left, len(*buf))])
		if err != nil {
			return err == io.EOF
		}
		left -= n
	}
	_, err := b.read((*buf)[:1])
	return err == io.EOF
}
