package store

import (
	"errors"
	"io"
	"sync"

	"github.com/wedgecdn/wedge/hostapi/exchange"
)

// smallBody is the length up to which a body lies in the Body itself.
const smallBody = 4 << 10

// verified is how many chunks are looked for before a body is handed out, at
// least; and verifiedBytes how many bytes.
const (
	verified      = 256
	verifiedBytes = 1 << 20
)

// A Body reads a stored content. A content of one chunk has been copied when
// the Body is opened, so nothing can go wrong later; a longer one is copied
// piece by piece as it is read, and fails with [ErrLost] if a chunk has gone.
// It is used by one goroutine and closed exactly once, after which it belongs
// to the pool.
type Body struct {
	content  *Content // nil after Close
	held     bool
	off, end int64 // what is left to read, in the content
	// copied is a hot copy in a slab, which the body holds; nil if there is none.
	copied *hotCopy
	// buf holds what stands at the offset at: in small, in large, in the
	// content's inline bytes or in its hot copy.
	buf   []byte
	at    int64
	small [smallBody]byte
	large *[]byte
}

var bodies = sync.Pool{New: func() any { return new(Body) }}

// Pool of buffers for chunks above smallBody; all have maxChunk bytes, so that
// one pool serves stores of every chunk size.
var buffers = sync.Pool{New: func() any { b := make([]byte, maxChunk); return &b }}

// open makes a body of c; false if it is not complete any more. Up to 1 MiB and
// up to 256 chunks every chunk is looked for; of a longer body the first ones.
func (c *Content) open() (*Body, bool) {
	if c.Lost() {
		return nil, false
	}
	if c.chunks == nil {
		panic("BUG: store: a content that lies elsewhere is opened in the arena")
	}
	b := bodies.Get().(*Body)
	b.content, b.off, b.end, b.buf, b.at, b.held = c, 0, c.size, nil, 0, false
	count := c.count()
	switch {
	case c.inline():
		if c.rest != nil {
			b.buf = *c.rest
		}
		return b, true
	case b.hold():
		return b, true // it stands, whatever becomes of the content
	case count == 1:
		if b.load() {
			return b, true
		}
	case c.hold():
		b.held = true
		if h := c.hot.Load(); h != nil && h.slab == nil {
			return b, true
		}
		n := 0
		for upTo := min(count, max(verified, verifiedBytes/c.chunks.size)); n < upTo && c.chunks.find(c.key(n)); n++ {
			if n == upTo-1 {
				return b, true
			}
		}
	}
	c.lost.Store(true)
	b.Close()
	return nil, false
}

// hold takes the hot copy of the content for the body, if it stands in a slab.
func (b *Body) hold() bool {
	h := b.content.hot.Load()
	if h == nil || h.slab == nil || !h.slab.hold() {
		return false
	}
	h.use()
	b.copied = h
	return true
}

// load makes buf hold what stands at off: the hot copy's part, else as many
// chunks as the buffer takes, copied out of the arena.
func (b *Body) load() bool {
	c := b.content
	if b.copied != nil {
		b.buf, b.at = b.copied.bytes(b.off), b.off
		return true
	}
	if h := c.hot.Load(); h != nil && h.slab == nil {
		b.buf, b.at = h.part(b.off)
		return true
	}
	size := int64(c.chunks.size)
	first := b.off / size
	b.at = first * size
	// A write for each chunk would cost more than the copying.
	want := int(min(c.size-b.at, max(size, maxChunk/size*size), (b.end+size-1)/size*size-b.at))
	b.buf = b.small[:0]
	if want > smallBody {
		if b.large == nil {
			b.large = buffers.Get().(*[]byte)
		}
		b.buf = (*b.large)[:0]
	}
	for n := int(first); len(b.buf) < want; n++ {
		length := c.chunks.length(c.size, n)
		if _, ok := c.chunks.read(c.key(n), length, b.buf[len(b.buf):want]); !ok {
			if b.off >= b.at+int64(len(b.buf)) {
				b.buf = nil
				return false
			}
			break // what comes before it is whole
		}
		b.buf = b.buf[:len(b.buf)+length]
	}
	return true
}

// send has the kernel send what is left from the copy in a slab.
func (b *Body) send(to exchange.FileSender) (n int64, err error) {
	file, at := b.copied.slab.memory.file, b.copied.at+b.off
	if m, ok := to.(exchange.MemorySender); ok {
		n, err = m.SendMemory(file, at, b.Len())
	} else {
		n, err = to.SendFile(file, at, b.Len())
	}
	b.off += n
	return n, err
}

func (b *Body) lose() error {
	b.content.lost.Store(true)
	b.content.chunks.lost.Add(1)
	return ErrLost
}

// next is what is at hand of the content at off.
func (b *Body) next() ([]byte, error) {
	at := b.off - b.at
	if at < 0 || at >= int64(len(b.buf)) {
		if !b.load() {
			return nil, b.lose()
		}
		at = b.off - b.at
	}
	p := b.buf[at:]
	return p[:min(int64(len(p)), b.end-b.off)], nil
}

// Len is the number of bytes that are left.
func (b *Body) Len() int64 { return b.end - b.off }

// Skip leaves out the next n bytes, or what is left. There is no error: what
// cannot be had shows when it is read.
func (b *Body) Skip(n int64) error {
	b.off += min(max(n, 0), b.Len())
	return nil
}

// Limit ends the body after n more bytes.
func (b *Body) Limit(n int64) { b.end = b.off + min(max(n, 0), b.Len()) }

// Read reads the next bytes.
func (b *Body) Read(p []byte) (int, error) {
	if b.off == b.end {
		return 0, io.EOF
	}
	src, err := b.next()
	if err != nil {
		return 0, err
	}
	n := copy(p, src)
	b.off += int64(n)
	return n, nil
}

// WriteTo writes what is left.
func (b *Body) WriteTo(w io.Writer) (written int64, err error) {
	if sender, ok := w.(exchange.FileSender); ok && b.copied != nil && b.Len() >= hotSlab {
		if written, err = b.send(sender); !errors.Is(err, errors.ErrUnsupported) {
			if err == nil && b.off < b.end {
				err = b.lose()
			}
			return written, err
		}
	}
	for b.off < b.end {
		p, err := b.next()
		if err != nil {
			return written, err
		}
		n, err := w.Write(p)
		b.off += int64(n)
		written += int64(n)
		if err != nil {
			return written, err
		}
	}
	return written, nil
}

// Close gives the body back.
func (b *Body) Close() error {
	if b.content == nil {
		panic("BUG: store: a body is closed twice")
	}
	if b.copied != nil {
		b.content.chunks.hot.slabs.release(b.copied.slab)
		b.copied = nil
	}
	if b.held {
		b.content.release()
	}
	if b.large != nil {
		buffers.Put(b.large)
		b.large = nil
	}
	b.content, b.buf = nil, nil
	bodies.Put(b)
	return nil
}
