package h1

import (
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"sync/atomic"
	"time"

	"github.com/wedgecdn/wedge/hostapi/exchange"
)

// A conn is one client's connection, and what fasthttp reads in its place.
//
// It belongs to the worker that fasthttp gave it, but for three doors: a
// request's body may be pulled by another goroutine (body.mu), the interim
// responses and the final one may be begun by different ones (out.mu), and
// Shutdown moves the read deadline of a connection that waits (waiting).
type conn struct {
	front  *Front
	nc     net.Conn
	client exchange.Client
	served bool // a request has been read before

	// buf[base:] is where input is read to; buf[r:w] has not been taken yet.
	// The head of the request being served stands in headBuf[:headEnd]: in the
	// same buffer, unless that had no room left for a chunked body.
	buf        []byte
	pooled     *[]byte // what buf came from, to be given back; nil if it grew out of it
	r, w, base int
	headBuf    []byte
	headEnd    int
	head       head
	fault      *fault // why the head was not accepted

	x      *exchange.Exchange // being served; nil between two
	asHead bool               // it came as HEAD
	body   *body              // of its request; nil if it has none
	out    out
	// sending is how content goes out that stands in files; nil until some does.
	sending *sending
	socket  socket // how short things come and go

	// The deadlines in force, on the front's clock; 0 is none.
	readUntil, writeUntil time.Duration
	// ended is when the last response had gone, on the front's clock; 0 if other
	// things have been waited for since.
	ended time.Duration
	// wall is when arrival last read both clocks.
	wall time.Time

	// waiting is true while the worker waits for the first byte of a request.
	waiting atomic.Bool
	// interrupted makes a read of the body end at once (body.end).
	interrupted atomic.Bool

	// How the connection is to be closed: after the client has had time to read
	// the response, although it may still be sending; or with a reset, where
	// nothing else tells it that the response is not whole.
	linger, reset bool
}

// standIn is the request that fasthttp sees in place of a connection's first:
// it gives the connection a worker and counts it, and everything about requests
// is read here.
const (
	standIn       = "GET / HTTP/1.1\r\nHost: h\r\n\r\n"
	standInBuffer = 128
)

func newConn(f *Front, nc net.Conn) *conn {
	c := &conn{front: f, nc: nc}
	c.out.c = c
	peer, err := netip.ParseAddrPort(nc.RemoteAddr().String())
	if err != nil { // no TCP: a pipe, a socket with a name
		peer = netip.AddrPortFrom(netip.IPv4Unspecified(), 0)
	}
	c.client = exchange.Client{Addr: peer.Addr().Unmap(), PeerAddr: peer.Addr().Unmap(), Port: peer.Port()}
	return c
}

// Read is how fasthttp asks for a request: it waits until there is one, accepted
// or not, and answers with the stand-in. io.EOF ends the connection.
func (c *conn) Read(p []byte) (int, error) {
	if !c.next() {
		return 0, io.EOF
	}
	return copy(p, standIn), nil
}

// next waits for a request and reads its head; false if there comes none.
func (c *conn) next() bool {
	if !c.await() {
		return false
	}
	c.fault = c.readHead()
	c.served = true
	return true
}

// Write takes fasthttp's own response and drops it: the real one has been sent
// by then (send.go).
func (c *conn) Write(p []byte) (int, error) { return len(p), nil }

// Close ends the connection. The worker calls it once.
func (c *conn) Close() error {
	switch {
	case c.reset:
		if l, ok := c.nc.(interface{ SetLinger(int) error }); ok {
			l.SetLinger(0)
		}
	case c.linger:
		c.sip()
	}
	err := c.nc.Close()
	c.giveInput()
	c.buf = nil
	c.front.leave(c)
	return err
}

// LocalAddr and the following complete net.Conn.
func (c *conn) LocalAddr() net.Addr { return c.nc.LocalAddr() }

// RemoteAddr is the client's address.
func (c *conn) RemoteAddr() net.Addr { return c.nc.RemoteAddr() }

// SetDeadline does nothing: the deadlines are the front's (deadline.go).
func (c *conn) SetDeadline(time.Time) error { return nil }

// SetReadDeadline does nothing.
func (c *conn) SetReadDeadline(time.Time) error { return nil }

// SetWriteDeadline does nothing.
func (c *conn) SetWriteDeadline(time.Time) error { return nil }

// await waits for the first byte of a request; false if there comes none.
func (c *conn) await() bool {
	// What is left of the input moves to the beginning: the head that stood
	// there belongs to an exchange that is over. A buffer that grew for that
	// head goes.
	left := c.buf[c.r:c.w]
	if c.buf == nil || c.pooled == nil && len(left) <= inputSize {
		c.takeInput()
	}
	c.w = copy(c.buf, left)
	c.r, c.base = 0, 0
	c.head.reset()
	if c.w > 0 {
		return true
	}
	limit := c.front.options.HeaderTimeout
	if c.served {
		limit = c.front.options.IdleTimeout
	}
	// Fast path: what happened since the last response takes no time that counts.
	now := c.ended
	if now == 0 {
		now = c.now()
	}
	c.armRead(now, limit)
	c.waiting.Store(true)
	defer c.waiting.Store(false)
	if c.front.draining.Load() {
		c.lastCall()
	}
	for {
		n, err := c.receive(c.buf)
		if n > 0 {
			c.w = n
			return true
		}
		if err == nil {
			continue
		}
		if c.front.draining.Load() || !c.early(err) {
			return false
		}
	}
}

// lastCall gives a connection that waits for a request a last moment.
func (c *conn) lastCall() {
	if c.waiting.Load() {
		c.nc.SetReadDeadline(time.Now().Add(lastCall))
	}
}

// readHead reads on until the head is complete, or wrong.
func (c *conn) readHead() *fault {
	o := &c.front.options
	var began time.Duration
	for {
		done, fault := c.head.scan(c.buf[:c.w], o.HeaderSize, o.HeaderCount)
		if fault != nil {
			return fault
		}
		if done {
			c.headBuf, c.headEnd = c.buf, c.head.end
			c.r, c.base = c.head.end, c.head.end
			return nil
		}
		if c.w == len(c.buf) {
			bigger := make([]byte, min(2*len(c.buf), o.HeaderSize+inputSize))
			copy(bigger, c.buf)
			c.giveInput()
			c.buf = bigger
		}
		if began == 0 {
			// The deadline is for the whole head, so that no trickle of bytes
			// moves it.
			began = c.now()
			c.armRead(began, o.HeaderTimeout)
		}
		n, err := c.read(c.buf[c.w:])
		c.w += n
		if err != nil {
			if errors.Is(err, os.ErrDeadlineExceeded) {
				return faultHeadSlow
			}
			return faultHeadCut
		}
	}
}

// sip closes the sending side and takes what the client still sends, for a
// while: closing at once would reset the connection, and a client that is
// sending would lose the response that tells it to stop (RFC 9112 §9.6).
func (c *conn) sip() {
	const (
		patience = time.Second
		most     = 1 << 20
	)
	w, ok := c.nc.(interface{ CloseWrite() error })
	if !ok || w.CloseWrite() != nil {
		return
	}
	c.nc.SetReadDeadline(time.Now().Add(patience))
	for got := 0; got < most; {
		n, err := c.nc.Read(c.buf)
		if err != nil {
			return
		}
		got += n
	}
}

func (c *conn) takeInput() {
	c.pooled = c.front.input.Get().(*[]byte)
	c.buf = *c.pooled
}

// giveInput gives buf back if it came from the pool.
// Preconditions: no exchange holds a view of it.
func (c *conn) giveInput() {
	if c.pooled != nil {
		c.front.input.Put(c.pooled)
		c.pooled = nil
	}
}
