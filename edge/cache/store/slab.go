package store

import (
	"math/rand/v2"
	"os"
	"sync"
	"sync/atomic"
)

const (
	// hugePage is the size of the pages that slabs are made of, if the system
	// has them.
	hugePage = 2 << 20
	// slabMost is how many slabs there are at the most, about, and slabLeast how
	// many before they have large pages.
	slabMost, slabLeast = 256, 2
	// slabAlign is where copies begin: with pages of their own.
	slabAlign = 4 << 10
)

// memory is a file in memory: the kernel sends from file, who sends by himself
// from bytes, which nobody may write to.
type memory struct {
	file  *os.File
	bytes []byte
}

// A slab is a file in memory, in which the copies of several bodies stand one
// behind the other.
//
// What stands in it is never written to again, also when its copy was dropped:
// the kernel may still have it in a queue of a socket long after everybody let
// go. So a slab is filled from its front and goes as a whole.
//
// The ring and the readers hold it; the last one that lets go closes it, after
// which nobody can hold it.
type slab struct {
	memory *memory
	size   int64
	held   atomic.Int32

	// All of these are guarded by slabRing.mu.
	place    int        // in slabRing.ring
	end      int64      // where the next copy goes
	contents []*Content // that have a copy here
}

func slabRoom(size int64) int64 { return (size + slabAlign - 1) &^ (slabAlign - 1) }

// hold adds a holder, if there is one still.
func (s *slab) hold() bool {
	for {
		n := s.held.Load()
		if n == 0 {
			return false
		}
		if s.held.CompareAndSwap(n, n+1) {
			return true
		}
	}
}

// busy tells whether half of what was written was used since the hand came by,
// and begins to count anew.
// Preconditions: slabRing.mu is held.
func (s *slab) busy() bool {
	used := int64(0)
	for _, c := range s.contents {
		if h := c.hot.Load(); h.used.Swap(false) {
			used += h.size
		}
	}
	return used >= s.end/2
}

// A slabRing has the copies that stand in slabs.
//
// A slab is made beside the requests, because the kernel may have to look for a
// large page. So a body has its copy by the second use after those that make it
// popular, if there is room and nobody else is making one: the first of the two
// may only have had a slab made.
//
// INVARIANTS: a content has such a copy exactly if it is among the contents of a
// slab in ring; bytes is the sum of the sizes of these slabs, of those that have
// left but are still read, and of the one that is being made, and at most limit;
// open is in ring, and may have no content.
type slabRing struct {
	limit int64
	bytes atomic.Int64 // grows with mu held
	room  atomic.Int64 // what open has left; changes with mu held
	short atomic.Bool  // the system had no file the last time

	mu   sync.Mutex
	ring []*slab
	hand int           // where the next victim is looked for
	open *slab         // where the next copy goes; nil if there is none
	made chan struct{} // closed when the slab is there that is being made; nil if none is
}

// release lets go of a slab.
func (r *slabRing) release(s *slab) {
	if s.held.Add(-1) == 0 {
		s.memory.close()
		r.bytes.Add(-s.size)
	}
}

// sizeFor is the size of a slab for a body of so many bytes; 0 if it is too long.
func (r *slabRing) sizeFor(size int64) int64 {
	if r.limit < slabLeast*hugePage { // there are no large pages for so little
		if size = slabRoom(max(size, r.limit/8)); size > r.limit/4 {
			return 0
		}
		return size
	}
	size = (max(size, r.limit/slabMost) + hugePage - 1) / hugePage * hugePage
	if size > r.limit/slabLeast {
		return 0
	}
	return size
}

// wants tells whether the content may be taken: a fast path, since else every use
// of what does not fit would look for room. A slab takes the place of a slab,
// which many bodies will fill: so short ones look more seldom.
func (r *slabRing) wants(c *Content) bool {
	size := r.sizeFor(c.size)
	switch {
	case size == 0:
		return false
	case r.room.Load() >= c.size, !r.short.Load() && r.bytes.Load()+size <= r.limit:
		return true
	}
	return rand.Int64N(hotTries*size/c.size) == 0
}

// take copies the content, or has a slab made.
// Preconditions: the content is held.
func (r *slabRing) take(c *Content) {
	if !r.mu.TryLock() {
		return
	}
	defer r.mu.Unlock()
	switch {
	case c.hot.Load() != nil:
	case r.open != nil && r.open.size-r.open.end >= c.size:
		r.copy(c)
	default:
		r.make(r.sizeFor(c.size))
	}
}

// make has a slab made, if there is room for it.
// Preconditions: mu is held.
func (r *slabRing) make(size int64) {
	if r.made != nil {
		return
	}
	if r.open != nil && len(r.open.contents) == 0 {
		r.remove(r.open) // what stood in it has gone, and what is left of it is too short
	}
	if !r.makeRoom(size) {
		return
	}
	r.bytes.Add(size)
	made := make(chan struct{})
	r.made = made
	go func() {
		s := &slab{memory: newMemory(size), size: size}
		s.held.Store(1)
		defer close(made) // with mu free again: the next use makes the copy
		r.mu.Lock()
		defer r.mu.Unlock()
		r.made = nil
		r.short.Store(s.memory == nil)
		if s.memory == nil {
			r.bytes.Add(-size)
			return
		}
		s.place = len(r.ring)
		r.ring = append(r.ring, s)
		r.fill(s)
	}()
}

// fill makes s the slab that is open, nil for none.
// Preconditions: mu is held.
func (r *slabRing) fill(s *slab) {
	r.open = s
	if s == nil {
		r.room.Store(0)
	} else {
		r.room.Store(s.size - s.end)
	}
}

// makeRoom drops slabs that are not busy any more.
// Preconditions: mu is held.
func (r *slabRing) makeRoom(size int64) bool {
	for range min(hotSteps, len(r.ring)) {
		if r.bytes.Load()+size <= r.limit {
			break
		}
		if r.hand >= len(r.ring) {
			r.hand = 0
		}
		if s := r.ring[r.hand]; s.busy() {
			r.hand++
		} else {
			r.remove(s)
		}
	}
	return r.bytes.Load()+size <= r.limit
}

// remove takes a slab out of the ring, and with it all copies that stand there.
// Preconditions: mu is held.
func (r *slabRing) remove(s *slab) {
	for _, c := range s.contents {
		c.hot.Store(nil)
	}
	s.contents = nil
	if r.open == s {
		r.fill(nil)
	}
	last := len(r.ring) - 1
	r.ring[s.place], r.ring[last] = r.ring[last], nil
	if s.place < last {
		r.ring[s.place].place = s.place
	}
	r.ring = r.ring[:last]
	r.release(s)
}

// drop takes the copy of c away, if it stands in a slab, and the slab if nothing
// else does and little more would fit.
func (r *slabRing) drop(c *Content) {
	r.mu.Lock()
	defer r.mu.Unlock()
	copied := c.hot.Load()
	if copied == nil || copied.slab == nil {
		return
	}
	s := copied.slab
	last := len(s.contents) - 1
	if last == 0 && (s != r.open || s.size-s.end < hotSlab) {
		r.remove(s)
		return
	}
	moved := s.contents[last]
	s.contents[copied.place], s.contents[last] = moved, nil
	moved.hot.Load().place = copied.place
	s.contents = s.contents[:last]
	c.hot.Store(nil)
}

// copy makes a copy in the open slab, if the content is whole.
// Preconditions: mu and the content are held; the slab has room for it.
func (r *slabRing) copy(c *Content) {
	s := r.open
	made := &hotCopy{size: c.size, slab: s, at: s.end}
	made.used.Store(true)
	whole := c.copyOut(func(at int64, part []byte) bool {
		_, err := s.memory.file.WriteAt(part, made.at+at)
		return err == nil // else the system is short of memory
	})
	// What was begun has been nobody's, but it is simpler not to write there again.
	s.end = min(s.size, s.end+slabRoom(c.size))
	r.fill(s)
	if whole {
		made.place = len(s.contents)
		s.contents = append(s.contents, c)
		c.hot.Store(made)
	}
}
