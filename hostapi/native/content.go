package native

import (
	"errors"
	"io"
	"slices"

	"github.com/wedgecdn/wedge/hostapi/abi"
	"github.com/wedgecdn/wedge/hostapi/exchange"
)

// slot is where a message keeps what belongs to its body.
type slot struct {
	body   *exchange.Body
	length *int64
	header *exchange.Header
}

func (s *Session) message(m uint32) slot {
	if m == uint32(abi.MessageRequest) {
		return slot{&s.x.Request.Body, &s.x.Request.ContentLength, &s.x.Request.Header}
	}
	return slot{&s.x.Response.Body, &s.x.Response.ContentLength, &s.x.Response.Header}
}

// content is what one hook has seen and made of one body.
type content struct {
	// What came: src reads it ahead, and text is what was decoded so far. Without
	// a coding text is not used, src.raw says the same.
	src    *replay
	coding string
	dec    io.Reader
	done   func()
	text   []byte
	end    bool

	// What the hook put in its place.
	replaced bool
	own      []byte
	ownBody  *exchange.BytesBody
	old      exchange.Body // what was replaced; closed when the hook has succeeded
}

// seen is what is known of the body so far.
func (c *content) seen() []byte {
	switch {
	case c.replaced:
		return c.own
	case c.src == nil:
		return nil
	case c.coding == "":
		return c.src.raw
	}
	return c.text
}

// want reads until n bytes are known or the body ends, at most limit bytes
// (and one more, to know that there are more).
func (c *content) want(at slot, n, limit int, decode bool) abi.Status {
	if c.replaced || *at.body == nil {
		return abi.StatusOK
	}
	if c.src == nil {
		if decode {
			name, ok := coding(at.header)
			if !ok {
				return abi.StatusUnavailable
			}
			c.coding = name
		}
		c.src = ahead(at.body)
	}
	if c.coding == "" {
		return c.wantPlain(n, limit)
	}
	return c.wantDecoded(n, limit)
}

func (c *content) wantPlain(n, limit int) abi.Status {
	for len(c.src.raw) < n && !c.end {
		if len(c.src.raw) > limit {
			return abi.StatusTooLarge
		}
		switch err := c.src.more(limit + 1); err {
		case nil:
		case io.EOF:
			c.end = true
		default:
			return abi.StatusIO
		}
	}
	return abi.StatusOK
}

func (c *content) wantDecoded(n, limit int) abi.Status {
	if c.dec == nil && !c.end {
		d, done, err := decoder(c.coding, &tee{r: c.src, limit: limit})
		c.done = done
		switch {
		case err == io.EOF && len(c.src.raw) == 0:
			c.end = true // an empty body with a coding: a response to HEAD, say
		case err != nil:
			return decodeStatus(err)
		}
		c.dec = d
	}
	for idle := 0; len(c.text) < n && !c.end; idle++ {
		if len(c.text) > limit {
			return abi.StatusTooLarge
		}
		if idle > 1<<16 { // a decoder that makes no progress; each turn reads a byte at least otherwise
			return abi.StatusIO
		}
		c.text = slices.Grow(c.text, min(chunk, limit+1-len(c.text)))
		m, err := c.dec.Read(c.text[len(c.text):min(cap(c.text), limit+1)])
		c.text = c.text[:len(c.text)+m]
		switch {
		case err == io.EOF:
			c.end = true
		case err != nil:
			return decodeStatus(err)
		}
	}
	return abi.StatusOK
}

func decodeStatus(err error) abi.Status {
	if _, ok := errors.AsType[errTooLarge](err); ok {
		return abi.StatusTooLarge
	}
	return abi.StatusIO
}

// replace puts b, which must not be changed afterwards, in the place of the body.
func (c *content) replace(at slot, b []byte) {
	if !c.replaced {
		c.replaced, c.old, c.ownBody = true, *at.body, exchange.NewBytesBody(nil)
	}
	c.own = b
	c.ownBody.SetBytes(b)
	*at.body, *at.length = c.ownBody, int64(len(b))
}

// drop forgets what the hook put in the body's place. The exchange is restored
// afterwards, and then restore puts back what was read ahead.
func (c *content) drop(slot) { c.replaced, c.own, c.ownBody, c.old = false, nil, nil, nil }

func (c *content) restore(at slot) {
	if c.src != nil {
		*at.body = c.src
	}
}

// settle closes what was replaced.
func (c *content) settle() {
	if c.replaced && c.old != nil {
		c.old.Close()
	}
	c.old = nil
}

// forget lets go of everything; the bodies themselves live in the exchange.
func (c *content) forget() {
	if c.done != nil {
		c.done()
	}
	*c = content{}
}
