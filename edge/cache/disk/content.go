package disk

import (
	"sync"
	"sync/atomic"
	"time"
	"unsafe"
)

// A Content is a stored body: where it lies, and the sums of its blocks. It
// holds no segment; opening it fails once one of them has gone.
//
// Its fields do not change once it is shared, but for the atomics: stamps are
// when each block was last found right, in seconds of the tier's clock; used
// points to the counter of its index entry; lost is final.
type Content struct {
	tier     *Tier
	layout   layout
	segments []*segment // of layout.places
	stamps   []atomic.Uint32
	used     atomic.Pointer[atomic.Uint32]
	spot     spot
	lost     atomic.Bool

	// OnLost, if it is set before the content is shared, is called when a part
	// of it is found missing or damaged. It must be quick, and may be called
	// more than once.
	OnLost func()
}

func newContent(t *Tier, l layout, segments []*segment) *Content {
	return &Content{tier: t, layout: l, segments: segments, stamps: make([]atomic.Uint32, len(l.sums))}
}

// Size is the length of the body in bytes.
func (c *Content) Size() int64 { return c.layout.size }

// Memory is what the content takes in memory, in bytes.
func (c *Content) Memory() int {
	return int(unsafe.Sizeof(*c)) + len(c.layout.places)*(int(unsafe.Sizeof(place{}))+8) + 8*len(c.layout.sums)
}

// Segment is the number of the oldest segment in which a part of the body lies,
// 0 if it is empty. The body is gone when Tier.Oldest is above it.
func (c *Content) Segment() uint32 {
	if len(c.layout.places) == 0 {
		return 0
	}
	return c.first(^uint32(0))
}

// first is the oldest segment of the body, or at if that is older.
func (c *Content) first(at uint32) uint32 {
	for _, p := range c.layout.places {
		at = min(at, p.segment)
	}
	return at
}

// found counts a use.
func (c *Content) found() *Content {
	if u := c.used.Load(); u != nil {
		u.Add(1)
	}
	return c
}

func (c *Content) lose(err error) {
	if !c.lost.Swap(true) {
		c.tier.fault("read a body", err)
		if c.spot.size != 0 {
			c.tier.spoil(c.spot)
		}
	}
	if c.OnLost != nil {
		c.OnLost()
	}
}

// openChecked is how much of a body is found right before it is handed out: a
// client whose response is no longer never gets a part of it.
const openChecked = 1 << 20

// Open makes a body of c; false if a segment has gone, or of its first MiB
// something is not what was written.
func (c *Content) Open() (*Body, bool) {
	if c.lost.Load() {
		return nil, false
	}
	b := bodies.Get().(*Body)
	b.content, b.off, b.end, b.have, b.place, b.start, b.held = c, 0, c.layout.size, -1, 0, 0, 0
	for _, s := range c.segments {
		if !s.acquire() {
			b.Close()
			c.lost.Store(true) // no fault: that is how things go
			if c.OnLost != nil {
				c.OnLost()
			}
			return nil, false
		}
		b.held++
	}
	for n := range blocks(min(c.layout.size, openChecked)) {
		if !b.check(n) {
			b.Close()
			return nil, false
		}
	}
	if u := c.used.Load(); u != nil {
		u.Add(1)
	}
	return b, true
}

// second is the tier's clock in the form of stamps; never 0.
func (t *Tier) second() uint32 { return uint32(time.Since(t.epoch)/time.Second) + 1 }

// trusted tells whether block n was found right a short while ago.
func (c *Content) trusted(n int) bool {
	at := c.stamps[n].Load()
	return at != 0 && time.Duration(c.tier.second()-at)*time.Second < c.tier.trust
}

var bodies = sync.Pool{New: func() any { return new(Body) }}

var buffers = sync.Pool{New: func() any { return new([block]byte) }}
