package origin

import (
	"errors"
	"io"
	"net"
	"time"
)

// A conn is one connection to a server, with the bytes that were read ahead.
// One goroutine reads it; another may write, and anyone may close it.
type conn struct {
	net.Conn // TLS, or raw
	u        *Upstreams
	server   *server
	raw      net.Conn
	wire     *wire // nil without TLS
	probe    *probe
	since    time.Time // idle since; guarded by pool.mu
	used     bool      // it has carried a request

	// Input. buf[r:w] is read and not yet taken.
	pooled   *[]byte
	buf      []byte
	r, w     int
	received int64
	// silence bounds each read; 0 leaves deadlines to whoever sets them.
	silence time.Duration
	until   time.Time // the deadline that silence has set
}

// alive tells whether the server of an idle connection has neither closed it
// nor sent something that nobody asked for. A deadline that has passed would
// hide it: the caller sets a new one before.
func (c *conn) alive() bool { return c.probe == nil || c.probe.quiet() }

// begin readies c for a new request.
func (c *conn) begin() {
	c.received, c.silence, c.until = 0, 0, time.Time{}
	if c.pooled == nil {
		c.pooled = c.u.buffers.Get().(*[]byte)
		c.buf, c.r, c.w = *c.pooled, 0, 0
	}
}

// rest gives the input buffer back: an idle connection holds none.
func (c *conn) rest() {
	if c.r != c.w {
		panic("BUG: origin: a connection with unread input is kept")
	}
	c.drop()
}

// drop gives the input buffer back. The caller must be the one who reads.
func (c *conn) drop() {
	if c.pooled != nil {
		c.u.buffers.Put(c.pooled)
		c.pooled, c.buf, c.r, c.w = nil, nil, 0, 0
	}
}

// close closes the connection, also under whoever reads or writes it. TLS says
// no goodbye: it could have to wait for room, and every request is delimited.
func (c *conn) close() { c.raw.Close() }

// errHeadSize is a head, or a trailer section, beyond maxHead.
var errHeadSize = protocolError("the head is larger than 64 KiB")

// more reads ahead, at least one byte. It makes room if need be, for at most
// limit bytes that are read and not taken.
func (c *conn) more(limit int) error {
	if c.r == c.w {
		c.r, c.w = 0, 0
	}
	if c.w == len(c.buf) {
		switch {
		case c.w-c.r >= limit:
			return errHeadSize
		case c.r > 0:
			copy(c.buf, c.buf[c.r:c.w])
		default:
			grown := make([]byte, min(2*len(c.buf), limit+bufferSize))
			copy(grown, c.buf[c.r:c.w])
			c.buf = grown
		}
		c.w -= c.r
		c.r = 0
	}
	n, err := c.pull(c.buf[c.w:])
	c.w += n
	return err
}

// pull reads from the connection once: n > 0 or an error.
func (c *conn) pull(p []byte) (int, error) {
	if c.silence > 0 {
		// Setting a deadline is not for nothing, so one that leaves what is
		// asked is kept; it may fire up to an eighth late.
		now := time.Now()
		if want := now.Add(c.silence); c.until.Before(want) {
			c.until = want.Add(c.silence / 8)
			c.SetReadDeadline(c.until)
		}
	}
	for range 100 {
		n, err := c.Conn.Read(p)
		if n > 0 {
			c.received += int64(n)
			return n, nil // an error shows again at the next read
		}
		if err != nil {
			if err == io.EOF && c.wire != nil && c.wire.ended.Load() {
				return 0, errIncomplete
			}
			return 0, err
		}
	}
	return 0, io.ErrNoProgress
}

// read takes bytes that were read ahead, or reads once, straight into p.
func (c *conn) read(p []byte) (int, error) {
	if c.r < c.w {
		n := copy(p, c.buf[c.r:c.w])
		c.r += n
		return n, nil
	}
	return c.pull(p)
}

// closeWrite ends the sending direction alone, if the connection can.
func (c *conn) closeWrite() error {
	if h, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return h.CloseWrite()
	}
	return errors.ErrUnsupported
}
