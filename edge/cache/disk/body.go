package disk

import (
	"errors"
	"io"

	"github.com/wedgecdn/wedge/hostapi/exchange"
)

// sendLeast is how much is sent by the kernel at once, at least; less is copied,
// and so is what has just been read to be checked. sendMost is how much is checked and sent before the next is looked at.
const (
	sendLeast = 12 << 10
	sendMost  = 1 << 20
)

// A Body reads a stored body, each block of it checked. It is used by one
// goroutine and closed exactly once, after which it belongs to the pool.
type Body struct {
	content  *Content // nil after Close
	held     int      // segments held, of content.segments
	off, end int64    // what is left to read
	// place is the one that was looked at last, and start its offset in the body.
	place int
	start int64
	// buf holds block number have, -1 if none.
	buf    []byte
	have   int
	pooled *[block]byte
}

// locate makes place the one that holds the offset.
func (b *Body) locate(off int64) {
	if off < b.start {
		b.place, b.start = 0, 0
	}
	for off >= b.start+b.content.layout.places[b.place].length {
		b.start += b.content.layout.places[b.place].length
		b.place++
	}
}

// load reads block n and checks it.
func (b *Body) load(n int) bool {
	c := b.content
	off := int64(n) * block
	b.locate(off)
	if b.pooled == nil {
		b.pooled = buffers.Get().(*[block]byte)
	}
	p := c.layout.places[b.place]
	b.buf, b.have = b.pooled[:min(block, c.layout.size-off)], -1
	got, err := c.segments[b.place].file.ReadAt(b.buf, p.off+off-b.start)
	switch {
	case got < len(b.buf):
		if err == nil || err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
	case crc(b.buf) != c.layout.sums[n] && c.tier.checks:
		err = errSum
	default:
		at := c.tier.second()
		c.stamps[n].Store(at)
		if len(c.stamps) == 1 && c.spot.size != 0 {
			c.tier.right(c.spot, at)
		}
		b.have = n
		return true
	}
	c.lose(err)
	return false
}

var errSum = errors.New("a checksum is not right")

// check makes sure that block n is what was written.
func (b *Body) check(n int) bool {
	return b.have == n || b.content.trusted(n) && b.sends(n) || b.load(n)
}

// sends tells whether block n can be sent by the kernel. What is copied is
// checked when it is.
func (b *Body) sends(n int) bool {
	b.locate(int64(n) * block)
	return b.content.segments[b.place].os != nil
}

// next is what is left of the block at off, in the body's own buffer.
func (b *Body) next() ([]byte, error) {
	n := int(b.off / block)
	if b.have != n && !b.load(n) {
		return nil, ErrLost
	}
	p := b.buf[b.off-int64(n)*block:]
	return p[:min(int64(len(p)), b.end-b.off)], nil
}

// Len is the number of bytes that are left.
func (b *Body) Len() int64 { return b.end - b.off }

// Skip leaves out the next n bytes, or what is left, without reading them.
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

// WriteTo writes what is left: by the kernel if the writer can have it send from
// a file, and much is left; else block by block.
func (b *Body) WriteTo(w io.Writer) (written int64, err error) {
	sender, _ := w.(exchange.FileSender)
	for b.off < b.end {
		var n int64
		if sender != nil && b.end-b.off >= sendLeast && b.have != int(b.off/block) && b.sends(int(b.off/block)) {
			n, err = b.send(sender)
			if errors.Is(err, errors.ErrUnsupported) {
				sender, err = nil, nil
			}
		} else {
			var p []byte
			if p, err = b.next(); err == nil {
				var m int
				m, err = w.Write(p)
				n = int64(m)
			}
		}
		b.off += n
		written += n
		if err != nil {
			return written, err
		}
	}
	return written, nil
}

// send has the kernel send what stands together, once it is checked.
func (b *Body) send(to exchange.FileSender) (int64, error) {
	c := b.content
	b.locate(b.off)
	p, at := c.layout.places[b.place], b.off-b.start
	s := c.segments[b.place]
	n := min(p.length-at, b.end-b.off, sendMost)
	for k := b.off / block; k*block < b.off+n; k++ {
		if !c.trusted(int(k)) && !b.load(int(k)) {
			return 0, ErrLost
		}
	}
	sent, err := to.SendFile(s.os, p.off+at, n)
	if err == nil && sent < n { // the file is shorter: the segment was cut
		c.lose(io.ErrUnexpectedEOF)
		err = ErrLost
	}
	return sent, err
}

// Close gives the body back.
func (b *Body) Close() error {
	if b.content == nil {
		panic("BUG: disk: a body is closed twice")
	}
	for _, s := range b.content.segments[:b.held] {
		s.release()
	}
	if b.pooled != nil {
		buffers.Put(b.pooled)
		b.pooled = nil
	}
	b.content, b.buf, b.held = nil, nil, 0
	bodies.Put(b)
	return nil
}
