package h1

import (
	"io"

	"github.com/wedgecdn/wedge/hostapi/exchange"
)

// upgrade sends the head of a 101 response and then copies bytes both ways
// between the client and x.Response.Upgrade until both have ended, or one has
// failed. The connection counts as open meanwhile, and ends afterwards.
func (c *conn) upgrade(x *exchange.Exchange) {
	o, r := &c.out, &x.Response
	other := r.Upgrade
	o.take()
	o.held = c.appendHead(o.held, x, unframed, false)
	err := o.Flush()
	o.give()
	if err == nil {
		c.untilForever()
		o.framing = untilClose
		toOther := make(chan error, 1)
		go func() {
			_, err := io.Copy(other, tunnel{c})
			if err != nil || !closeWrite(other) {
				other.Close() // ends the other direction as well
			}
			toOther <- err
		}()
		_, err = o.ReadFrom(other)
		if err != nil || !closeWrite(c.nc) {
			c.interrupted.Store(true)
			c.nc.SetReadDeadline(past)
		}
		if other := <-toOther; err == nil && !c.interrupted.Load() {
			err = other
		}
	}
	if err != nil && x.Err == nil {
		x.Err = err
	}
	x.Sent = o.sent
	other.Close()
	if r.Body != nil {
		c.closeBody(x, r.Body)
	}
}

// closeWrite ends one direction and tells whether that was possible; where it
// is not, the end of one direction is the end of both.
func closeWrite(w any) bool {
	h, ok := w.(interface{ CloseWrite() error })
	return ok && h.CloseWrite() == nil
}

// tunnel reads what the client sends after the upgrade, beginning with what
// came together with the request.
type tunnel struct{ c *conn }

func (t tunnel) Read(p []byte) (int, error) {
	c := t.c
	if c.r < c.w {
		n := copy(p, c.buf[c.r:c.w])
		c.r += n
		return n, nil
	}
	return c.read(p)
}
