package pipeline

import (
	"runtime/debug"
	"strings"

	"github.com/wedgecdn/wedge/edge/encode"
	"github.com/wedgecdn/wedge/hostapi/exchange"
)

// wantIdentity takes Accept-Encoding out of the request where the route
// compresses by itself: the origin is asked for the identity, and what is stored
// is that, once, for all clients.
func (c *call) wantIdentity() {
	if c.route.Encode == nil || c.forGuest {
		return
	}
	h := &c.x.Request.Header
	c.accept = c.acceptEncoding()
	h.SetKnown(exchange.AcceptEncoding, "identity")
}

// acceptEncoding is the field's value, of all its lines.
//
// "A recipient MAY combine multiple field lines within a field section that have
// the same field name into one field line, without changing the semantics of the
// message, by appending each subsequent field line value to the initial field
// line value in order, separated by a comma (",") and optional whitespace".
// https://www.rfc-editor.org/rfc/rfc9110#section-5.3
func (c *call) acceptEncoding() string {
	h := &c.x.Request.Header
	if h.Count(exchange.AcceptEncoding) <= 1 {
		return h.Value(exchange.AcceptEncoding)
	}
	var lines []string
	for v := range h.Values(exchange.AcceptEncoding) {
		lines = append(lines, v)
	}
	return strings.Join(lines, ", ")
}

// encode chooses the content coding for this client. Functions have seen, and
// changed, the content as it was before.
func (c *call) encode() step {
	if c.route == nil || c.route.Encode == nil || c.forGuest || c.push != nil {
		return conditional
	}
	if c.accept == "" { // a function has answered before the lookup
		if a := c.acceptEncoding(); a != "identity" {
			c.accept = a
		}
	}
	c.coding = c.route.Encode.Decide(c.x, c.accept)
	return conditional
}

// compress puts the compressor before the content, if there is any left to send.
func (c *call) compress() {
	r := &c.x.Response
	if c.coding == encode.Identity || r.Body == nil || r.Status == 412 || r.Status == 416 {
		return
	}
	if c.compressed() {
		return
	}
	r.Body = c.route.Encode.Body(r.Body, c.coding, c.x.Outcome != exchange.Hit)
}

// maxCoded is the longest content that is compressed in the background.
const maxCoded = 4 << 20

// compressed puts the form that has been compressed before in place of the
// stored content, if there is one. If there is none it lets it be made, beside
// the request; one is made at a time.
func (c *call) compressed() bool {
	r := &c.x.Response
	if c.stored == nil || r.Body != c.stored || c.body.skip != 0 || c.found.Size() > maxCoded {
		return false
	}
	body, length, decided := c.found.Coded(uint8(c.coding))
	if body != nil {
		r.Body.Close()
		r.Body, r.ContentLength = body, length
		return true
	}
	if !decided && c.p.coding.CompareAndSwap(false, true) {
		p, e, found, coding := c.p, c.route.Encode, c.found.ForFetch(), c.coding
		p.fetches.Go(func() {
			defer p.coding.Store(false)
			defer func() {
				if v := recover(); v != nil {
					x := exchange.New()
					p.o.Events.Bug(x, v, debug.Stack())
					x.Release()
				}
			}()
			plain, ok := found.Plain()
			if !ok {
				return
			}
			defer plain.Close()
			if b, err := e.Compress(plain, found.Size(), coding); err == nil {
				found.KeepCoded(uint8(coding), b)
			}
		})
	}
	return false
}
