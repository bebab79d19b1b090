package h1

import (
	"fmt"

	"github.com/wedgecdn/wedge/hostapi/exchange"
)

// Gone is nil: HTTP/1 cannot tell that a client has left before a write fails.
func (c *conn) Gone() <-chan struct{} { return nil }

// Interim sends a 1xx response at once (RFC 9110 §15.2).
func (c *conn) Interim(status int, h *exchange.Header) error {
	if status < 100 || status > 199 || status == 101 {
		return fmt.Errorf("h1: %d is no interim status", status)
	}
	o := &c.out
	o.mu.Lock()
	defer o.mu.Unlock()
	// "Since HTTP/1.0 did not define any 1xx status codes, a server MUST NOT
	// send a 1xx response to an HTTP/1.0 client."
	// https://www.rfc-editor.org/rfc/rfc9110#section-15.2
	if c.head.http10 {
		return nil
	}
	if o.begun {
		return fmt.Errorf("h1: interim response %d after the final one has begun", status)
	}
	if status == 100 {
		if !o.expects {
			return nil // nobody waits for it
		}
		o.expects = false
	}
	b := appendStatusLine(nil, status)
	if h != nil {
		for f := range h.All() {
			switch f.Known() {
			case exchange.Connection, exchange.ContentLength, exchange.TransferEncoding, exchange.KeepAlive,
				exchange.ProxyConnection, exchange.Trailer, exchange.Upgrade:
				continue
			}
			if !validName(f.Name) || splitsField(f) {
				c.dropped(c.x, f.Name)
				continue
			}
			b = append(append(b, f.Name...), ": "...)
			b = append(append(b, f.Value...), "\r\n"...)
		}
	}
	return c.write(append(b, "\r\n"...))
}
