package fastly

import (
	"io"
	"slices"
	"strings"
	"time"

	"github.com/wedgecdn/wedge/hostapi/adapter"
	"github.com/wedgecdn/wedge/hostapi/exchange"
)

// chunk is a piece of a body: bytes, or a source that is read to its end.
type chunk struct {
	b       []byte
	src     *source
	length  int64            // of src; -1 if it is not known
	trailer *exchange.Header // of src; complete when src has ended
}

// drop lets go of what was not read.
func (c *chunk) drop(held *gauge) {
	if held != nil {
		held.sub(len(c.b))
	}
	if c.src != nil {
		c.src.Close()
	}
}

// body is the content of a message: pieces that are read in their order. With
// out it is written only: what it had has gone to whoever sends it, and what
// is written follows.
type body struct {
	booking     // of its trailer, and of what is inserted with it
	carried int // beside its content, if it is inserted
	chunks  []chunk
	trailer exchange.Header
	ended   bool // it was read to its end, so its trailer is complete
	out     *pipe
	held    *gauge
	// after is closed when what was written has been taken in; nil: nobody waits for that.
	after <-chan struct{}
}

func newBody(held *gauge) *body { return &body{held: held} }

func (b *body) add(c chunk) { b.chunks = append(b.chunks, c) }

// abandon ends it where its writer has gone.
func (b *body) abandon(err error) {
	if b.out != nil {
		b.out.end(err)
		return
	}
	for i := range b.chunks {
		b.chunks[i].drop(b.held)
	}
	b.chunks = nil
}

// length is how many bytes are to come; -1 if that is not known.
func (b *body) length() int64 {
	if b.out != nil {
		return -1
	}
	n := int64(0)
	for i := range b.chunks {
		switch c := &b.chunks[i]; {
		case c.src == nil:
			n += int64(len(c.b))
		case c.length < 0 || c.src.done != nil || c.src.err != nil: // some of it has been read
			return -1
		default:
			n += c.length
		}
	}
	return n
}

// stream makes b a body that is written only, and returns what is read of it.
func (b *body) stream(held *gauge) *body {
	p := newPipe(held)
	for _, c := range b.chunks {
		p.put(c)
	}
	for f := range b.trailer.All() {
		p.trailer.Add(f.Name, f.Value)
	}
	b.chunks, b.out = nil, p
	return &body{chunks: []chunk{{src: newSource(&reader{p: p}, false), length: -1, trailer: &p.trailer}}, held: held}
}

// pop removes the first piece, which was read to its end.
func (b *body) pop() {
	if t := b.chunks[0].trailer; t != nil {
		for f := range t.All() {
			b.trailer.Add(strings.Clone(f.Name), strings.Clone(f.Value))
		}
	}
	if s := b.chunks[0].src; s != nil {
		s.Close()
	}
	b.chunks[0] = chunk{}
	b.chunks = b.chunks[1:]
	b.ended = len(b.chunks) == 0
}

// Read reads what stands there and waits for what comes.
func (b *body) Read(p []byte) (int, error) {
	for len(b.chunks) > 0 {
		c := &b.chunks[0]
		if c.src == nil {
			if len(c.b) > 0 {
				n := copy(p, c.b)
				c.b = c.b[n:]
				if b.held != nil {
					b.held.sub(n)
				}
				return n, nil
			}
			b.pop()
			continue
		}
		n, err := c.src.Read(p)
		if err == io.EOF {
			b.pop()
			err = nil
		}
		if n > 0 || err != nil {
			return n, err
		}
	}
	b.ended = true
	return 0, io.EOF
}

// Close lets go of what was not read.
func (b *body) Close() error {
	b.abandon(errUnfinished)
	return nil
}

// trailerTo is where the trailer will be when the body has been read; nil if
// there can be none.
func (b *body) trailerTo() *exchange.Header {
	if b.trailer.Len() == 0 && !slices.ContainsFunc(b.chunks, func(c chunk) bool { return c.trailer != nil }) {
		return nil
	}
	return &b.trailer
}

// content is the body of the response that goes to the client. Its Close waits
// for the guest to end, or to be ready for another exchange.
type content struct {
	t      *turn
	b      *body
	ended  adapter.Ended
	closed bool
}

// Read reads what the guest sends.
func (c *content) Read(p []byte) (int, error) { return c.b.Read(p) }

// WriteTo writes what the guest sends, as it comes.
func (c *content) WriteTo(w io.Writer) (n int64, err error) {
	var buf []byte
	for {
		if len(c.b.chunks) > 0 && c.b.chunks[0].src == nil {
			piece := c.b.chunks[0].b
			c.b.chunks[0].b = nil
			m, err := w.Write(piece)
			c.t.held.sub(len(piece))
			if n += int64(m); err != nil {
				return n, err
			}
			c.b.pop()
			continue
		}
		if buf == nil {
			buf = make([]byte, readAhead)
		}
		m, err := c.b.Read(buf)
		if m > 0 {
			k, werr := w.Write(buf[:m])
			if n += int64(k); werr != nil {
				return n, werr
			}
		}
		if err == io.EOF {
			return n, nil
		}
		if err != nil {
			return n, err
		}
	}
}

// Close ends the content, waits for the guest, and tells of its end.
func (c *content) Close() error {
	if c.closed {
		return nil
	}
	c.closed = true
	c.b.abandon(errUnfinished)
	close(c.t.sent)
	<-c.t.over
	c.t.leave()
	// The session may be another exchange's already, and is once this has told of the end.
	return c.ended(1, c.t.err)
}

// The functions.

func bodyNew(c *call) status { return c.open(0, newBody(c.held)) }

func onBody(c *call, f func(b *body) status) status {
	b, found := find[body](c, c.u32(0))
	if !found {
		return badHandle
	}
	return f(b)
}

// takeTrailer books a trailer that is to stand behind b's own; false if that is more than a head may have, or than the run may
// hold.
func (b *body) takeTrailer(t *exchange.Header) bool {
	if t.Len() == 0 { // Fast path
		return true
	}
	return b.trailer.Len()+t.Len() <= maxFields && b.trailer.Size()+t.Size() <= maxHead && b.change(headWeight(t))
}

// bodyAppend moves one body behind another, without reading it.
func bodyAppend(c *call) status {
	dst, found := find[body](c, c.u32(0))
	src, found2 := find[body](c, c.u32(1))
	if !found || !found2 || dst == src || src.out != nil {
		return badHandle
	}
	c.handles.remove(c.u32(1))
	if dst.out == nil {
		if len(dst.chunks)+len(src.chunks) > maxHandles {
			src.abandon(errUnfinished)
			return limitExceeded
		}
		if !dst.takeTrailer(&src.trailer) {
			src.abandon(errUnfinished)
			return limitExceeded
		}
		dst.chunks = append(dst.chunks, src.chunks...)
		for f := range src.trailer.All() {
			dst.trailer.Add(f.Name, f.Value)
		}
		return ok
	}
	for len(src.chunks) > 0 {
		piece := src.chunks[0]
		src.chunks = src.chunks[1:]
		if st := c.toPipe(dst.out, piece); st != ok {
			src.abandon(errUnfinished) // its handle is gone: nobody else lets go of the rest
			return st
		}
	}
	for f := range src.trailer.All() {
		dst.out.addTrailer(f.Name, f.Value)
	}
	return ok
}

// toPipe waits for room and puts a piece into a pipe. To wait for the reader
// is not the guest's time.
func (c *call) toPipe(p *pipe, piece chunk) status {
	paused := false
	defer func() {
		if paused {
			c.host.Resume()
		}
	}()
	for {
		room, changed := p.room()
		if room {
			break
		}
		if !paused {
			c.host.Pause()
			paused = true
		}
		timer := time.NewTimer(c.b.patience)
		select {
		case <-changed:
			timer.Stop()
		case <-timer.C: // the reader may be waiting for this very guest
			piece.drop(c.held)
			return failed
		}
	}
	if !p.put(piece) {
		piece.drop(c.held)
		return failed
	}
	return ok
}

func bodyRead(c *call) status {
	return onBody(c, func(b *body) status {
		if b.out != nil {
			return badHandle
		}
		room := c.view(1)
		c.put32(2, 0)
		if len(room) == 0 {
			return ok
		}
		n, st := c.readBody(b, room)
		if st == ok {
			c.charge(n)
			c.put32(2, uint32(n))
		}
		return st
	})
}

// readBody reads the next bytes of a body; none is its end.
func (c *call) readBody(b *body, room []byte) (int, status) {
	for len(b.chunks) > 0 {
		piece := &b.chunks[0]
		if piece.src == nil {
			if len(piece.b) == 0 {
				b.pop()
				continue
			}
			n, _ := b.Read(room)
			return n, ok
		}
		if !c.await(piece.src.ahead(), piece.src.peer) {
			return 0, failed
		}
		switch n, err := piece.src.Read(room); {
		case n > 0:
			return n, ok
		case err == io.EOF:
			b.pop()
		case err != nil:
			return 0, httpIncomplete
		}
	}
	b.ended = true
	return 0, ok
}

// await waits for done; false if the guest's time is over. What the client is
// waited for is not the guest's time.
func (c *call) await(done <-chan struct{}, peer bool) bool {
	select {
	case <-done: // Fast path
		return true
	default:
	}
	if peer {
		c.host.Pause()
		defer c.host.Resume()
		<-done // the front ends it
		return true
	}
	select {
	case <-done:
		return true
	case <-c.host.Context().Done():
		return false
	}
}

// bodyWrite writes to the end, or, what a streaming body cannot, to the front.
func bodyWrite(c *call) status {
	return onBody(c, func(b *body) status {
		text := c.view(1)
		if c.u32(2) > 1 {
			return invalid
		}
		front := c.u32(2) == 1
		if front && b.out != nil {
			return badHandle
		}
		c.put32(3, uint32(len(text)))
		if len(text) == 0 {
			return ok
		}
		c.charge(len(text))
		if !c.held.add(len(text)) {
			c.put32(3, 0)
			return limitExceeded
		}
		switch n := len(b.chunks); {
		case b.out != nil:
			return c.toPipe(b.out, chunk{b: slices.Clone(text)})
		case front:
			b.chunks = slices.Insert(b.chunks, 0, chunk{b: slices.Clone(text)})
		case n > 0 && b.chunks[n-1].src == nil:
			b.chunks[n-1].b = append(b.chunks[n-1].b, text...)
		default:
			b.add(chunk{b: slices.Clone(text)})
		}
		b.held, b.ended = c.held, false
		if len(b.chunks) > maxHandles {
			return limitExceeded
		}
		return ok
	})
}

func bodyClose(c *call) status {
	return onBody(c, func(b *body) status {
		c.handles.remove(c.u32(0))
		if b.out != nil {
			b.out.end(nil)
			if b.after != nil && !c.await(b.after, false) {
				return failed
			}
			return ok
		}
		b.abandon(nil)
		return ok
	})
}

func bodyAbandon(c *call) status {
	return onBody(c, func(b *body) status {
		c.handles.remove(c.u32(0))
		b.abandon(errUnfinished)
		if b.after != nil && !c.await(b.after, false) {
			return failed
		}
		return ok
	})
}

func bodyKnownLength(c *call) status {
	return onBody(c, func(b *body) status {
		n := b.length()
		if n < 0 {
			return none
		}
		c.put64(1, uint64(n))
		return ok
	})
}

func trailerAppend(c *call) status {
	return onBody(c, func(b *body) status {
		if b.out == nil {
			return c.headerAppend(&b.booking, &b.trailer, 1)
		}
		var one exchange.Header
		if st := c.headerAppend(&b.booking, &one, 1); st != ok {
			return st
		}
		return b.out.addTrailer(one.At(0).Name, one.At(0).Value)
	})
}

// onTrailer runs f on the trailer of a body that was read to its end.
func onTrailer(c *call, f func(h *exchange.Header) status) status {
	return onBody(c, func(b *body) status {
		switch {
		case b.out != nil:
			return invalid
		case !b.ended && len(b.chunks) > 0:
			return again
		}
		return f(&b.trailer)
	})
}

func trailerNames(c *call) status {
	return onTrailer(c, func(h *exchange.Header) status { return c.headerNames(h, 1) })
}

func trailerValue(c *call) status {
	return onTrailer(c, func(h *exchange.Header) status { return c.headerValue(h, 1) })
}

func trailerValues(c *call) status {
	return onTrailer(c, func(h *exchange.Header) status { return c.headerValues(h, 1) })
}

// openBytes opens a body of bytes that are the session's, and writes its
// number to the result i.
func (c *call) openBytes(i int, text []byte) status {
	b := newBody(c.held)
	if len(text) > 0 {
		if !c.held.add(len(text)) {
			c.put32(i, noHandle)
			return limitExceeded
		}
		b.add(chunk{b: text})
	}
	return c.open(i, b)
}
