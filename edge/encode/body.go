package encode

import (
	"bytes"
	"io"

	"github.com/wedgecdn/wedge/hostapi/exchange"
)

// Body is the content of inner in a coding. live tells that inner is still
// arriving: then each part is sent as soon as it is there, which costs some
// bytes. Closing it closes inner.
//
// If inner breaks off, so does this: the end of the coding is never written, and
// the receiver can see that it is missing.
func (e *Encoder) Body(inner exchange.Body, c Coding, live bool) exchange.Body {
	return &body{pools: &e.pools, coding: c, inner: inner, live: live}
}

// Compress is content in a coding, as short as it gets: for what is compressed
// once and sent often. It is nil if that saves less than a tenth of size bytes.
func (e *Encoder) Compress(content io.WriterTo, size int64, c Coding) ([]byte, error) {
	var out bytes.Buffer
	out.Grow(int(size / 4))
	z := e.best.take(c, &out)
	defer e.best.put(c, z)
	if _, err := content.WriteTo(z); err != nil {
		return nil, err
	}
	if err := z.Close(); err != nil {
		return nil, err
	}
	if int64(out.Len()) > size/10*9 {
		return nil, nil
	}
	return out.Bytes(), nil
}

// A body is used by one goroutine. The compressor is taken with the first byte
// and given back at the end of the content or at Close.
type body struct {
	pools  *pools
	coding Coding
	inner  exchange.Body
	live   bool
	z      compressor   // nil before the first byte and after the last
	ended  bool         // all of inner has been read and compressed
	out    bytes.Buffer // of Read only
	in     []byte       // of Read only
}

// WriteTo writes the rest of the content.
func (b *body) WriteTo(w io.Writer) (int64, error) {
	to := &counter{w: w}
	if b.out.Len() > 0 { // what Read has made already
		if _, err := b.out.WriteTo(to); err != nil {
			return to.n, err
		}
	}
	if b.ended {
		return to.n, nil
	}
	if b.z == nil {
		b.z = b.pools.take(b.coding, to)
	} else {
		// Read began: the compressor still writes into out.
		return b.rest(to)
	}
	var src io.Writer = b.z
	if b.live {
		src = flusher{b.z}
	}
	if _, err := b.inner.WriteTo(src); err != nil {
		return to.n, err
	}
	err := b.end()
	return to.n, err
}

// rest copies by Read.
func (b *body) rest(to *counter) (int64, error) {
	_, err := io.Copy(to, struct{ io.Reader }{b})
	return to.n, err
}

// end completes the coding.
func (b *body) end() error {
	err := b.z.Close()
	b.ended = true
	b.giveBack()
	return err
}

func (b *body) giveBack() {
	if b.z != nil {
		b.pools.put(b.coding, b.z)
		b.z = nil
	}
}

// Read reads the next bytes of the content.
func (b *body) Read(p []byte) (int, error) {
	for b.out.Len() == 0 {
		if b.ended {
			return 0, io.EOF
		}
		if b.z == nil {
			b.z, b.in = b.pools.take(b.coding, &b.out), make([]byte, 16<<10)
		}
		n, err := b.inner.Read(b.in)
		if n > 0 {
			if _, err := b.z.Write(b.in[:n]); err != nil {
				return 0, err
			}
			if b.live {
				if err := b.z.Flush(); err != nil {
					return 0, err
				}
			}
		}
		switch err {
		case nil:
		case io.EOF:
			if err := b.end(); err != nil {
				return 0, err
			}
		default:
			return 0, err
		}
	}
	return b.out.Read(p)
}

// Close ends the content.
func (b *body) Close() error {
	b.giveBack()
	return b.inner.Close()
}

// A counter counts what is written.
type counter struct {
	w io.Writer
	n int64
}

func (c *counter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += int64(n)
	return n, err
}

// A flusher sends on each part at once.
type flusher struct{ z compressor }

func (f flusher) Write(p []byte) (int, error) {
	n, err := f.z.Write(p)
	if err == nil {
		err = f.z.Flush()
	}
	return n, err
}
