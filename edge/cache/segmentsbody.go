package cache

import (
	"errors"
	"io"
	"time"

	"github.com/wedgecdn/wedge/edge/cache/disk"
	"github.com/wedgecdn/wedge/edge/cache/fill"
	"github.com/wedgecdn/wedge/edge/cache/store"
	"github.com/wedgecdn/wedge/edge/cache/tag"
	"github.com/wedgecdn/wedge/hostapi/exchange"
)

// Segments is the body of a response that stands in segments. It opens one after
// the other, and has fetched what is not stored. It is used by one goroutine and
// closed exactly once. Before it is read, Ready must be called.
type Segments struct {
	c        *Cache
	o        *store.Object[kept] // the head
	s        *segmented
	off, end int64 // what is left to read
	asker    SegmentAsker

	open storedBody // a segment; nil if none is open
	// at and upTo are where in the whole open goes on, and where it ends.
	at, upTo int64
	// fetched tells that a segment had to be fetched, or was just being.
	fetched bool
	again   int // attempts at segments that broke off
}

// A SegmentAsker is the request that reads a body of segments.
type SegmentAsker struct {
	Exchange *exchange.Exchange
	Rules    *Rules
	// Fetch starts the fetch of a segment beside the request. l is the leader's
	// side of it.
	Fetch func(l *Filling, g Segment)
	// Wait is how long the request waits for the fetch of another one.
	Wait time.Duration
}

// retries is how often a body goes on behind a segment that broke off.
const retries = 3

// segmentsOf is a body of o, which stands in segments.
func (c *Cache) segmentsOf(o *store.Object[kept]) *Segments {
	return &Segments{c: c, o: o, s: o.Meta.disk.segments, end: o.Content.Size()}
}

// Ready says who reads.
func (b *Segments) Ready(a SegmentAsker) { b.asker = a }

// Stored tells whether the n bytes from off on are stored, and nothing has to be
// fetched.
func (b *Segments) Stored(off, n int64) bool {
	for i := off / b.s.size; i*b.s.size < min(b.end, off+n); i++ {
		if !b.c.hasSegment(b.c.segmentKey(b.s, i)) {
			return false
		}
	}
	return true
}

// Begin makes sure that the segment with the byte at off, with which a reading of
// n bytes begins, is there or arrives. Without it the response can still be another one:
// the error is ErrChanged if the origin has another representation by now, and
// the head is gone then. fetched tells that the segment is not from the store.
func (b *Segments) Begin(off, n int64) (fetched bool, err error) {
	was, end := b.off, b.end
	b.off, b.end = off, min(end, off+n)
	if off < b.end {
		err = b.next()
	}
	b.off, b.end = was, end
	return b.fetched, err
}

// next has open go on at off.
func (b *Segments) next() error {
	if b.open != nil && b.at <= b.off && b.off < b.upTo {
		return b.catchUp()
	}
	b.shut()
	if b.asker.Fetch == nil {
		panic("BUG: cache: a body of segments is read by nobody")
	}
	n := b.off / b.s.size
	g := b.segment(n)
	k := b.c.segmentKey(b.s, n)
	body, ok := b.c.openSegment(k, g.Length())
	if !ok {
		var err error
		if body, err = b.join(k, g); err != nil {
			return err
		}
		if b.end > g.Last+1 {
			b.ahead(n + 1)
		}
	}
	b.open, b.at, b.upTo = body, g.First, min(g.Last+1, b.end)
	body.Limit(b.upTo - b.at)
	return b.catchUp()
}

// catchUp leaves out what stands in the open segment before off.
func (b *Segments) catchUp() error {
	n := b.off - b.at
	b.at = b.off
	if n == 0 {
		return nil
	}
	return b.open.Skip(n)
}

func (b *Segments) segment(n int64) Segment {
	return Segment{Range: b.s.segment(n), s: b.s, size: b.s.size, mark: &b.o.Meta.mark}
}

// mark is that of a fetch that begins now.
func (b *Segments) mark() *tag.Mark {
	m, u := new(tag.Mark), urlsOf(b.asker.Exchange)
	m.Set(b.c.tags.Owner(b.asker.Rules.Owner), b.c.tags.Sequence(), u.asked, u.made)
	return m
}

// join takes part in the fetch of a segment, or leads it, and is its body while
// it arrives.
func (b *Segments) join(k store.Key, g Segment) (storedBody, error) {
	b.fetched = true
	alone := false
	for range retries + 1 {
		t := b.c.joinSegment(k, func() fill.Guard { return guard{b.mark()} }, alone)
		if t.Stored() {
			if body, ok := b.c.openSegment(k, g.Length()); ok {
				return body, nil
			}
			alone = true // it was stored, and is lost again
			continue
		}
		wait := b.asker.Wait
		if b.lead(t, k, g) {
			wait = 0 // the origin's own timeouts end it
		}
	waiting:
		switch d := t.Wait(b.asker.Exchange.Peer.Gone(), wait); d {
		case Shared:
			if r := t.Reader(); r != nil {
				return r, nil
			}
			t.Leave()
			alone = true // it has been stored meanwhile, or cannot be read from its first byte
		case Turn:
			b.lead(t, k, g)
			wait = 0
			goto waiting
		case Failed:
			t.Leave()
			err := t.Err()
			if errors.Is(err, ErrChanged) {
				b.c.drop(b.o)
			}
			return nil, err
		case Gone:
			t.Leave()
			return nil, &exchange.Error{Source: exchange.SourceClient, Op: "fetch a segment", Reason: exchange.ReasonClientGone}
		default: // Released, TimedOut
			t.Leave()
			alone = true
		}
	}
	return nil, errLost
}

// lead starts the fetch of a segment, if it is this ticket's to make.
func (b *Segments) lead(t *fill.Ticket, k store.Key, g Segment) bool {
	f := t.Filling()
	if f == nil {
		return false
	}
	b.asker.Fetch(&Filling{c: b.c, r: b.asker.Rules, f: f, key: k, mark: f.Guard().(guard).mark}, g)
	return true
}

// ahead has the n-th segment fetched into the store while the one before it is
// read: an origin far away is not waited for each time.
func (b *Segments) ahead(n int64) {
	k := b.c.segmentKey(b.s, n)
	if b.c.hasSegment(k) {
		return
	}
	t := b.c.joinSegment(k, func() fill.Guard { return guard{b.mark()} }, false)
	b.lead(t, k, b.segment(n))
	t.Leave()
}

// goesOn tells whether the reading can go on although the open segment ended
// early, with an error or without: because it broke off on its way, or a part of
// it was lost. What is left of it is then had anew.
func (b *Segments) goesOn(err error) bool {
	var e *exchange.Error
	broke := err == nil || err == io.EOF || errors.Is(err, fill.ErrLost) || errors.Is(err, store.ErrLost) || errors.Is(err, disk.ErrLost) ||
		errors.As(err, &e) && e.Source == exchange.SourceOrigin && !errors.Is(err, ErrChanged)
	if !broke || b.again == retries {
		return false
	}
	b.again++
	b.shut()
	return true
}

// Read reads the next bytes.
func (b *Segments) Read(p []byte) (int, error) {
	for b.off < b.end {
		if err := b.next(); err != nil {
			return 0, err
		}
		n, err := b.open.Read(p)
		b.off, b.at = b.off+int64(n), b.at+int64(n)
		switch {
		case n > 0:
			return n, nil // an error comes again
		case err != nil && !b.goesOn(err):
			if err == io.EOF {
				err = errLost
			}
			return 0, err
		}
	}
	return 0, io.EOF
}

// WriteTo writes what is left, each segment as it does best: while it arrives, by
// chunks, or by the kernel out of a file.
func (b *Segments) WriteTo(w io.Writer) (written int64, err error) {
	for b.off < b.end {
		if err := b.next(); err != nil {
			return written, err
		}
		n, err := b.open.WriteTo(w)
		b.off, b.at = b.off+n, b.at+n
		written += n
		if err == nil && b.off >= b.upTo {
			continue
		}
		if !b.goesOn(err) {
			if err == nil {
				err = errLost
			}
			return written, err
		}
	}
	return written, nil
}

// Skip leaves out the next n bytes, without fetching them.
func (b *Segments) Skip(n int64) error {
	b.off += min(max(n, 0), b.end-b.off)
	return nil
}

// Limit ends the body after n more bytes.
func (b *Segments) Limit(n int64) {
	b.end = b.off + min(max(n, 0), b.end-b.off)
	if b.open != nil && b.end < b.upTo {
		if b.end <= b.at {
			b.shut()
			return
		}
		b.upTo = b.end
		b.open.Limit(b.end - b.at)
	}
}

func (b *Segments) shut() {
	if b.open != nil {
		b.open.Close()
		b.open = nil
	}
}

// Close lets go of what is open. What is being fetched goes on into the store.
func (b *Segments) Close() error {
	b.shut()
	return nil
}
