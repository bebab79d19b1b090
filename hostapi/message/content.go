package message

import (
	"errors"
	"io"
	"slices"

	"github.com/wedgecdn/wedge/hostapi/exchange"
)

// Slot is where a message keeps what belongs to its body.
type Slot struct {
	Body   *exchange.Body
	Length *int64
	Header *exchange.Header
}

// Of is the slot of a request.
func Of(r *exchange.Request) Slot { return Slot{&r.Body, &r.ContentLength, &r.Header} }

// OfResponse is the slot of a response.
func OfResponse(r *exchange.Response) Slot { return Slot{&r.Body, &r.ContentLength, &r.Header} }

// Failures of bodies that are read ahead.
var (
	// ErrTooLarge: the body, or what it decodes to, is larger than the limit.
	ErrTooLarge = errors.New("body larger than max_body")
	// ErrCoding: its content coding is one that is not decoded here, or there are several.
	ErrCoding = errors.New("body with a content coding that is not known")
	// ErrBroken: it cannot be read, or is not what its content coding says.
	ErrBroken = errors.New("broken body")
)

// Content is what one hook has seen and made of one body. The zero value has seen nothing.
type Content struct {
	// What came: src reads it ahead, and text is what was decoded so far. Without
	// a coding text is not used, src.raw says the same.
	src    *replay
	coding string
	dec    io.Reader
	done   func()
	text   []byte
	end    bool

	// What the hook put in its place.
	Replaced bool
	Own      []byte
	ownBody  *exchange.BytesBody
	old      exchange.Body // what was replaced; closed when the hook has succeeded
}

// Seen is what is known of the body so far.
func (c *Content) Seen() []byte {
	switch {
	case c.Replaced:
		return c.Own
	case c.src == nil:
		return nil
	case c.coding == "":
		return c.src.raw
	}
	return c.text
}

// Want reads until n bytes are known or the body ends, at most limit bytes
// (and one more, to know that there are more).
func (c *Content) Want(at Slot, n, limit int, decode bool) error {
	if c.Replaced || *at.Body == nil {
		return nil
	}
	if c.src == nil {
		if decode {
			name, ok := Coding(at.Header)
			if !ok {
				return ErrCoding
			}
			c.coding = name
		}
		c.src = ahead(at.Body)
	}
	if c.coding == "" {
		return c.wantPlain(n, limit)
	}
	return c.wantDecoded(n, limit)
}

func (c *Content) wantPlain(n, limit int) error {
	for len(c.src.raw) < n && !c.end {
		if len(c.src.raw) > limit {
			return ErrTooLarge
		}
		switch err := c.src.more(limit + 1); err {
		case nil:
		case io.EOF:
			c.end = true
		default:
			return ErrBroken
		}
	}
	return nil
}

func (c *Content) wantDecoded(n, limit int) error {
	if c.dec == nil && !c.end {
		d, done, err := Decoder(c.coding, &tee{r: c.src, limit: limit})
		c.done = done
		switch {
		case err == io.EOF && len(c.src.raw) == 0:
			c.end = true // an empty body with a coding: a response to HEAD, say
		case err != nil:
			return decodeError(err)
		}
		c.dec = d
	}
	for idle := 0; len(c.text) < n && !c.end; idle++ {
		if len(c.text) > limit {
			return ErrTooLarge
		}
		if idle > 1<<16 { // a decoder that makes no progress; each turn reads a byte at least otherwise
			return ErrBroken
		}
		c.text = slices.Grow(c.text, min(chunk, limit+1-len(c.text)))
		m, err := c.dec.Read(c.text[len(c.text):min(cap(c.text), limit+1)])
		c.text = c.text[:len(c.text)+m]
		switch {
		case err == io.EOF:
			c.end = true
		case err != nil:
			return decodeError(err)
		}
	}
	return nil
}

func decodeError(err error) error {
	if errors.Is(err, ErrTooLarge) {
		return ErrTooLarge
	}
	return ErrBroken
}

// Replace puts b, which must not be changed afterwards, in the place of the body.
func (c *Content) Replace(at Slot, b []byte) {
	if !c.Replaced {
		c.Replaced, c.old, c.ownBody = true, *at.Body, exchange.NewBytesBody(nil)
	}
	c.Own = b
	c.ownBody.SetBytes(b)
	*at.Body, *at.Length = c.ownBody, int64(len(b))
}

// Drop forgets what the hook put in the body's place. The exchange is restored
// afterwards, and then Restore puts back what was read ahead.
func (c *Content) Drop() { c.Replaced, c.Own, c.ownBody, c.old = false, nil, nil, nil }

// Restore puts what was read ahead into the place of what it was read from.
func (c *Content) Restore(at Slot) {
	if c.src != nil {
		*at.Body = c.src
	}
}

// Settle closes what was replaced.
func (c *Content) Settle() {
	if c.Replaced && c.old != nil {
		c.old.Close()
	}
	c.old = nil
}

// Forget lets go of everything; the bodies themselves live in the exchange.
func (c *Content) Forget() {
	if c.done != nil {
		c.done()
	}
	*c = Content{}
}

// Ended tells whether all of the body at at is known.
func (c *Content) Ended(at Slot) bool { return c.Replaced || *at.Body == nil || c.src != nil && c.end }

// Held is how many bytes of memory what was read ahead takes: as it came, and decoded.
func (c *Content) Held() (raw, decoded int) {
	if c.src != nil {
		raw = len(c.src.raw)
	}
	return raw, len(c.text)
}
