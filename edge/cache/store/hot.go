package store

import (
	"math/rand/v2"
	"os"
	"sync"
	"sync/atomic"
)

// A hot keeps copies of the bodies that are asked for most, outside of the arena:
// freecache can only copy an entry out, under its ring's lock, and for a popular
// body that costs more than anything else beside the kernel. A copy is never written to, so
// that its readers send it from where it stands.
//
// A large body's copy is a file in memory, where the system has such: the kernel
// sends from it, and nobody copies. Its readers are counted, and as long as one
// is there its bytes are. Of another copy a reader holds one part, until it goes
// on to the next: as much as the buffer that it would have filled. So those that
// were dropped while somebody still sends them need no count.
//
// INVARIANTS: a content has a copy exactly if it stands in ring; bytes is the sum
// of the costs of these and of the files that have left it but are still read,
// and at most limit.
type hot struct {
	limit int64
	bytes atomic.Int64 // grows with mu held

	mu   sync.Mutex
	ring []*Content
	hand int // where the next victim is looked for
}

// A hotCopy is the whole of a content: in parts of maxChunk bytes, or in a file,
// which is never written to again.
//
// The readers of a file and the ring hold it; the last one that lets go closes
// it, after which nobody can hold it.
type hotCopy struct {
	parts [][]byte
	file  *os.File // nil if it has parts
	size  int64
	held  atomic.Int32
	used  atomic.Bool // since the hand came by
	place int         // in hot.ring; guarded by hot.mu
}

const (
	// hotShare is the part of the room for bodies that hot copies take.
	hotShare = 32
	// hotUses is how often an object has been used lately, at least, before its
	// body is copied.
	hotUses = 2
	// hotTries is how many candidates there are, on average, for one that is
	// looked at while there is no room.
	hotTries = 64
	// hotSteps is how many copies are looked at for one that has not been used.
	hotSteps = 8
	// hotFile is the length from which on a copy is a file; there are hotFiles of
	// them at the most.
	hotFile, hotFiles = 128 << 10, 256
)

func (h *hotCopy) use() {
	if !h.used.Load() { // a line of memory that many processors read is not written to again
		h.used.Store(true)
	}
}

// part is the part of the copy that holds the offset, and where it begins.
// Preconditions: it has parts.
func (h *hotCopy) part(off int64) ([]byte, int64) {
	h.use()
	n := off / maxChunk
	return h.parts[n], n * maxChunk
}

// hold adds a holder of the file, if there is one still.
func (h *hotCopy) hold() bool {
	for {
		n := h.held.Load()
		if n == 0 {
			return false
		}
		if h.held.CompareAndSwap(n, n+1) {
			h.use()
			return true
		}
	}
}

// release lets go of the copy.
func (h *hot) release(c *hotCopy) {
	if c.held.Add(-1) == 0 {
		if c.file != nil {
			c.file.Close()
		}
		h.bytes.Add(-hotCost(c.size))
	}
}

// hotCost is what the copy of so many bytes takes, with what the allocator rounds.
func hotCost(size int64) int64 { return size + size/8 + 96 }

// offer copies the content if there is room for it, or something to take the
// place of. It does not wait for others who do the same.
func (h *hot) offer(c *Content) {
	cost := hotCost(c.size)
	switch {
	case c.inline(), cost > h.limit/4:
		return
	case h.bytes.Load()+cost > h.limit && rand.Uint32()%hotTries != 0:
		return // Fast path: else every use of what does not fit would look for room.
	case !c.hold():
		return
	}
	defer c.release() // whoever lets go last drops the copy, which takes mu
	if !h.mu.TryLock() {
		return
	}
	defer h.mu.Unlock()
	if c.hot.Load() != nil || !h.makeRoom(cost) {
		return
	}
	made := c.copyOut(c.size >= max(hotFile, h.limit/hotFiles))
	if made == nil {
		return
	}
	made.place = len(h.ring)
	h.ring = append(h.ring, c)
	h.bytes.Add(cost)
	c.hot.Store(made)
}

// makeRoom drops copies that have not been used since the hand came by last, as
// far as it finds some near.
// Preconditions: mu is held.
func (h *hot) makeRoom(cost int64) bool {
	for range hotSteps {
		if h.bytes.Load()+cost <= h.limit {
			return true
		}
		if h.hand >= len(h.ring) {
			h.hand = 0
		}
		if v := h.ring[h.hand]; v.hot.Load().used.Swap(false) {
			h.hand++
		} else {
			h.remove(v)
		}
	}
	return h.bytes.Load()+cost <= h.limit
}

// remove takes the copy of c away; the last in the ring takes its place.
// Preconditions: mu is held, c has a copy.
func (h *hot) remove(c *Content) {
	copied := c.hot.Load()
	place, last := copied.place, len(h.ring)-1
	moved := h.ring[last]
	h.ring[place], h.ring[last] = moved, nil
	moved.hot.Load().place = place
	h.ring = h.ring[:last]
	c.hot.Store(nil)
	h.release(copied)
}

// drop takes the copy of c away, if there is one.
func (h *hot) drop(c *Content) {
	if c.hot.Load() == nil {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if c.hot.Load() != nil {
		h.remove(c)
	}
}

// copyOut makes a copy of the content, in a file if it can be had; nil if a
// chunk is missing.
// Preconditions: the content is held.
func (c *Content) copyOut(inFile bool) *hotCopy {
	made := &hotCopy{size: c.size}
	made.used.Store(true)
	made.held.Store(1)
	if inFile {
		made.file = newFile()
	}
	n := 0
	var part []byte
	for at := int64(0); at < c.size; at += maxChunk {
		if made.file == nil || part == nil {
			part = make([]byte, 0, min(maxChunk, c.size-at))
		}
		part = part[:0]
		for upTo := int(min(maxChunk, c.size-at)); len(part) < upTo; n++ {
			length := c.chunks.length(c.size, n)
			if _, ok := c.chunks.read(c.key(n), length, part[len(part):]); !ok {
				made.close()
				return nil
			}
			part = part[:len(part)+length]
		}
		if made.file == nil {
			made.parts = append(made.parts, part)
		} else if _, err := made.file.WriteAt(part, at); err != nil {
			made.close() // the system is short of memory
			return nil
		}
	}
	return made
}

// close is the end of a copy that nobody has seen.
func (h *hotCopy) close() {
	if h.file != nil {
		h.file.Close()
	}
}
