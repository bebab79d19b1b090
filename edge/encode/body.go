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
	return &body{e: e, coding: c, inner: inner, live: live}
}

// Compress is content in a coding, as short as it gets: for what is compressed
// once and sent often. It is nil if that saves less than a tenth of size bytes.
func (e *Encoder) Compress(content io.WriterTo, size int64, c Coding) ([]byte, error) {
	var out bytes.Buffer
	out.Grow(int(size / 4))
	z := e.best.take(c, &out)
	defer e.best.put(c, z)
	m := Made{Coding: c, Use: Dropped}
	stop := onThread()
	var err error
	if m.In, err = content.WriteTo(z); err == nil {
		err = z.Close()
	}
	m.CPU, m.Out = stop(), int64(out.Len())
	worth := err == nil && m.Out <= size/10*9
	if worth {
		m.Use = Kept
	}
	e.tell(m)
	if !worth {
		return nil, err
	}
	return out.Bytes(), nil
}

// A body is used by one goroutine. The compressor is taken with the first byte
// and given back at the end of the content or at Close.
type body struct {
	e      *Encoder
	coding Coding
	inner  exchange.Body
	live   bool
	z      compressor   // nil before the first byte and after the last
	to     counter      // what z writes to
	taken  int64        // bytes of inner that z was given
	ended  bool         // all of inner has been read and compressed
	out    bytes.Buffer // of Read only
	in     []byte       // of Read only
}

// begin takes a compressor that writes to w.
func (b *body) begin(w io.Writer) {
	b.to = counter{w: w}
	b.z = b.e.pools.take(b.coding, &b.to)
}

// WriteTo writes the rest of the content.
func (b *body) WriteTo(w io.Writer) (int64, error) {
	if b.ended || b.z != nil {
		// Read began: the compressor, if there is still one, writes into out.
		return io.Copy(w, struct{ io.Reader }{b})
	}
	b.begin(w)
	var src io.Writer = b.z
	if b.live {
		src = flusher{b.z}
	}
	n, err := b.inner.WriteTo(src)
	b.taken += n
	if err == nil {
		err = b.end()
	}
	return b.to.n, err
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
		b.e.pools.put(b.coding, b.z)
		b.z = nil
		b.e.tell(Made{Coding: b.coding, Use: Sent, In: b.taken, Out: b.to.n})
	}
}

// Read reads the next bytes of the content.
func (b *body) Read(p []byte) (int, error) {
	for b.out.Len() == 0 {
		if b.ended {
			return 0, io.EOF
		}
		if b.z == nil {
			b.begin(&b.out)
			b.in = make([]byte, 16<<10)
		}
		n, err := b.inner.Read(b.in)
		b.taken += int64(n)
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
