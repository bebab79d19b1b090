package store

import (
	"math/rand/v2"
	"sync"
	"sync/atomic"
)

// A partsRing has the copies in parts: on the Go heap, each by itself. Their
// readers need no count: one holds a part until it goes on to the next, which is
// as much as the buffer that it would have filled.
//
// INVARIANTS: a content has such a copy exactly if it stands in ring; bytes is
// the sum of their costs, and at most limit.
type partsRing struct {
	limit int64
	bytes atomic.Int64 // changes with mu held

	mu   sync.Mutex
	ring []*Content
	hand int // where the next victim is looked for
}

// partsCost is what the copy of so many bytes takes, with what the allocator rounds.
func partsCost(size int64) int64 { return size + size/8 + 96 }

// wants tells whether the content may be taken: a fast path, since else every use
// of what does not fit would look for room.
func (p *partsRing) wants(c *Content) bool {
	cost := partsCost(c.size)
	return cost <= p.limit/4 && (p.bytes.Load()+cost <= p.limit || rand.Uint32()%hotTries == 0)
}

// take copies the content.
// Preconditions: the content is held.
func (p *partsRing) take(c *Content) {
	cost := partsCost(c.size)
	if !p.mu.TryLock() {
		return
	}
	defer p.mu.Unlock()
	if c.hot.Load() != nil || !p.makeRoom(cost) {
		return
	}
	made := &hotCopy{size: c.size}
	made.used.Store(true)
	if !c.copyOut(func(_ int64, part []byte) bool {
		made.parts = append(made.parts, append([]byte(nil), part...))
		return true
	}) {
		return
	}
	made.place = len(p.ring)
	p.ring = append(p.ring, c)
	p.bytes.Add(cost)
	c.hot.Store(made)
}

// makeRoom drops copies that have not been used since the hand came by last, as
// far as it finds some near.
// Preconditions: mu is held.
func (p *partsRing) makeRoom(cost int64) bool {
	for range min(hotSteps, len(p.ring)) {
		if p.bytes.Load()+cost <= p.limit {
			break
		}
		if p.hand >= len(p.ring) {
			p.hand = 0
		}
		if v := p.ring[p.hand]; v.hot.Load().used.Swap(false) {
			p.hand++
		} else {
			p.remove(v)
		}
	}
	return p.bytes.Load()+cost <= p.limit
}

// remove takes the copy of c away; the last in the ring takes its place.
// Preconditions: mu is held, c has a copy in parts.
func (p *partsRing) remove(c *Content) {
	copied := c.hot.Load()
	last := len(p.ring) - 1
	moved := p.ring[last]
	p.ring[copied.place], p.ring[last] = moved, nil
	moved.hot.Load().place = copied.place
	p.ring = p.ring[:last]
	c.hot.Store(nil)
	p.bytes.Add(-partsCost(copied.size))
}

// drop takes the copy of c away, if it is in parts.
func (p *partsRing) drop(c *Content) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if h := c.hot.Load(); h != nil && h.slab == nil {
		p.remove(c)
	}
}
