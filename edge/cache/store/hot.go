package store

import (
	"math/rand/v2"
	"sync"
	"sync/atomic"
)

// A hot keeps copies of the bodies that are asked for most, outside of the arena:
// freecache can only copy an entry out, under its ring's lock, and for a popular
// body that costs more than anything else beside the kernel. A copy is never written to, so
// that its readers send it from where it stands.
//
// A large body's copy stands in a slab, where the system has such. Of another
// copy a reader holds one part, until it goes on to the next: as much as the
// buffer that it would have filled. So those that were dropped while somebody
// still sends them need no count.
//
// A body has its copy by the second time that it is opened after it has been
// used twice, if there is room and nobody else is making one: the first of these
// may only have had a slab made. That is done beside the requests, because the
// kernel may have to look for a large page.
//
// INVARIANTS: a content has a copy exactly if it stands in ring, or among the
// contents of a slab that does; bytes is the sum of the costs of these, of the
// slabs that have left the ring but are still read, and of the one that is being
// made, and at most limit; open is in ring, and may have no content.
type hot struct {
	limit int64
	bytes atomic.Int64 // grows with mu held
	room  atomic.Int64 // what open has left; changes with mu held

	mu    sync.Mutex
	ring  []hotEntry
	hand  int           // where the next victim is looked for
	open  *slab         // where the next copy goes; nil if there is none
	made  chan struct{} // closed when the slab is there that is being made; nil if none is
	plain bool          // there are no files: all copies have parts
}

// A hotEntry is what goes as a whole: the copy of a content, or a slab. One of
// the two is nil.
type hotEntry struct {
	content *Content
	slab    *slab
}

// A hotCopy is the whole of a content: in parts of maxChunk bytes, or in a slab.
type hotCopy struct {
	parts [][]byte
	slab  *slab // nil if it has parts
	at    int64 // where it begins in the slab
	size  int64
	used  atomic.Bool // since the hand came by; the slab's own if there is one
	place int         // in hot.ring or slab.contents; guarded by hot.mu
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
	// hotSteps is how many entries are looked at for one that has not been used.
	hotSteps = 8
	// hotFile is the length from which on the kernel sends a copy: a smaller one
	// is copied into the socket in less time than its pages are handed over.
	hotFile = 64 << 10
	// hotSlabs is how many slabs there are at the most, about.
	hotSlabs = 256
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

// release lets go of a slab.
func (h *hot) release(s *slab) {
	if s.held.Add(-1) == 0 {
		s.file.Close()
		h.bytes.Add(-s.size)
	}
}

// hotCost is what the copy of so many bytes takes, with what the allocator rounds.
func hotCost(size int64) int64 { return size + size/8 + 96 }

// slabSize is the size of a slab for a body of so many bytes, 0 if it is too long.
func (h *hot) slabSize(size int64) int64 {
	if h.limit < 2*hugePage { // such small ones have a slab each
		if size = slabRoom(size); size > h.limit/4 {
			return 0
		}
		return size
	}
	size = (max(size, h.limit/hotSlabs) + hugePage - 1) / hugePage * hugePage
	if size > h.limit/2 {
		return 0
	}
	return size
}

// offer copies the content if there is room for it, or something to take the
// place of. It does not wait for others who do the same.
func (h *hot) offer(c *Content) {
	room := int64(0) // what is open will do
	cost, least := hotCost(c.size), h.limit/4
	if c.size >= hotFile {
		cost, least = h.slabSize(c.size), h.limit
		room = h.room.Load()
	}
	switch {
	case c.inline(), cost == 0, cost > least:
		return
	case room < c.size && h.bytes.Load()+cost > h.limit && rand.Uint32()%hotTries != 0:
		return // Fast path: else every use of what does not fit would look for room.
	case !c.hold():
		return
	}
	defer c.release() // whoever lets go last drops the copy, which takes mu
	if !h.mu.TryLock() {
		return
	}
	defer h.mu.Unlock()
	switch {
	case c.hot.Load() != nil:
	case c.size < hotFile:
		h.copyParts(c)
	case h.plain:
		if cost = hotCost(c.size); cost <= h.limit/4 {
			h.copyParts(c)
		}
	case h.open != nil && h.open.size-h.open.end >= c.size:
		h.copyInto(h.open, c)
	default:
		h.makeSlab(cost)
	}
}

// makeSlab has a slab of that size made, if there is room for it.
// Preconditions: mu is held.
func (h *hot) makeSlab(size int64) {
	if h.made != nil {
		return
	}
	if h.open != nil && len(h.open.contents) == 0 {
		h.remove(hotEntry{slab: h.open}) // what stood in it has gone, and what is left of it is too short
	}
	if !h.makeRoom(size) {
		return
	}
	h.bytes.Add(size)
	made := make(chan struct{})
	h.made = made
	go func() {
		s := &slab{file: newMemory(size), size: size}
		s.held.Store(1)
		defer close(made) // with mu free again: the next use makes the copy
		h.mu.Lock()
		defer h.mu.Unlock()
		h.made = nil
		if s.file == nil {
			h.plain = true
			h.bytes.Add(-size)
			return
		}
		s.used.Store(true)
		s.place = len(h.ring)
		h.ring = append(h.ring, hotEntry{slab: s})
		h.setOpen(s)
	}()
}

// setOpen makes s the slab that is filled; nil for none.
// Preconditions: mu is held.
func (h *hot) setOpen(s *slab) {
	h.open = s
	if s == nil {
		h.room.Store(0)
	} else {
		h.room.Store(s.size - s.end)
	}
}

// makeRoom drops what has not been used since the hand came by last, as far as
// it finds some near.
// Preconditions: mu is held.
func (h *hot) makeRoom(cost int64) bool {
	for range hotSteps {
		if h.bytes.Load()+cost <= h.limit || len(h.ring) == 0 {
			break
		}
		if h.hand >= len(h.ring) {
			h.hand = 0
		}
		e := h.ring[h.hand]
		switch s := e.slab; {
		case s == nil && e.content.hot.Load().used.Swap(false), s != nil && s.used.Swap(false) && !s.sparse():
			h.hand++
		default:
			h.remove(e)
		}
	}
	return h.bytes.Load()+cost <= h.limit
}

// remove takes an entry out of the ring, with all that is in it; the last in the
// ring takes its place.
// Preconditions: mu is held.
func (h *hot) remove(e hotEntry) {
	place, last := 0, len(h.ring)-1
	if s := e.slab; s != nil {
		place = s.place
		for _, c := range s.contents {
			c.hot.Store(nil)
		}
		s.contents, s.live = nil, 0
		if h.open == s {
			h.setOpen(nil)
		}
		h.release(s)
	} else {
		copied := e.content.hot.Load()
		place = copied.place
		e.content.hot.Store(nil)
		h.bytes.Add(-hotCost(copied.size))
	}
	moved := h.ring[last]
	h.ring[place], h.ring[last] = moved, hotEntry{}
	h.ring = h.ring[:last]
	switch {
	case place == last:
	case moved.slab != nil:
		moved.slab.place = place
	default:
		moved.content.hot.Load().place = place
	}
}

// drop takes the copy of c away, if there is one, and a slab that was only for it.
func (h *hot) drop(c *Content) {
	if c.hot.Load() == nil {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	copied := c.hot.Load()
	if copied == nil {
		return
	}
	s := copied.slab
	if s == nil || len(s.contents) == 1 && (s != h.open || s.size-s.end < hotFile) {
		h.remove(hotEntry{content: c, slab: s})
		return
	}
	last := len(s.contents) - 1
	moved := s.contents[last]
	s.contents[copied.place], s.contents[last] = moved, nil
	moved.hot.Load().place = copied.place
	s.contents = s.contents[:last]
	s.live -= copied.size
	c.hot.Store(nil)
}

// copyParts makes a copy in parts, if there is room and the content is whole.
// Preconditions: mu and the content are held.
func (h *hot) copyParts(c *Content) {
	cost := hotCost(c.size)
	if !h.makeRoom(cost) {
		return
	}
	made := &hotCopy{size: c.size}
	made.used.Store(true)
	if !c.copyOut(func(at int64, part []byte) bool {
		made.parts = append(made.parts, append([]byte(nil), part...))
		return true
	}) {
		return
	}
	made.place = len(h.ring)
	h.ring = append(h.ring, hotEntry{content: c})
	h.bytes.Add(cost)
	c.hot.Store(made)
}

// copyInto makes a copy in the slab, if the content is whole.
// Preconditions: mu and the content are held; the slab has room for it.
func (h *hot) copyInto(s *slab, c *Content) {
	made := &hotCopy{size: c.size, slab: s, at: s.end}
	whole := c.copyOut(func(at int64, part []byte) bool {
		_, err := s.file.WriteAt(part, made.at+at)
		return err == nil // else the system is short of memory
	})
	// What was begun has been nobody's, but it is simpler not to write there again.
	s.end = min(s.size, s.end+slabRoom(c.size))
	h.setOpen(s)
	if !whole {
		return
	}
	s.use()
	made.place = len(s.contents)
	s.contents = append(s.contents, c)
	s.live += c.size
	c.hot.Store(made)
}

// copyOut gives the content away in parts of maxChunk bytes, which are the
// caller's until it returns; false if a chunk is missing, or the caller will not go on.
// Preconditions: the content is held.
func (c *Content) copyOut(take func(at int64, part []byte) bool) bool {
	buffer := buffers.Get().(*[]byte)
	defer buffers.Put(buffer)
	n := 0
	for at := int64(0); at < c.size; at += maxChunk {
		part := (*buffer)[:0]
		for upTo := int(min(maxChunk, c.size-at)); len(part) < upTo; n++ {
			length := c.chunks.length(c.size, n)
			if _, ok := c.chunks.read(c.key(n), length, part[len(part):]); !ok {
				return false
			}
			part = part[:len(part)+length]
		}
		if !take(at, part) {
			return false
		}
	}
	return true
}
