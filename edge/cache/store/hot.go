package store

import "sync/atomic"

// A hot keeps copies of the bodies that are asked for most, outside of the arena:
// freecache can only copy an entry out, under its ring's lock, and for a popular
// body that costs more than anything else beside the kernel. A copy is never
// written to, so that its readers send it from where it stands: out of a slab by
// the kernel, where the system has such; the smaller ones from the heap.
type hot struct {
	parts partsRing
	slabs slabRing
}

// A hotCopy is the whole of a content: in parts of maxChunk bytes, or in a slab.
type hotCopy struct {
	parts [][]byte
	slab  *slab // nil if it has parts
	at    int64 // where it begins in the slab
	size  int64
	used  atomic.Bool // since the hand came by
	place int         // in partsRing.ring or slab.contents, guarded by their mu
}

const (
	// hotShare is the part of the room for bodies that copies take, and hotParts
	// the part of this that those in parts take, where there are slabs.
	hotShare, hotParts = 25, 5
	// hotUses is how often an object has been used lately, at least, before its
	// body is copied.
	hotUses = 2
	// hotTries is how many candidates there are, on average, for one that is
	// looked at while there is no room.
	hotTries = 64
	// hotSteps is how many copies or slabs are looked at for one that may go.
	hotSteps = 8
	// hotSlab is the length from which on a copy stands in a slab: a smaller one
	// is copied into the socket in less time than the kernel needs to be told
	// about its pages.
	hotSlab = 12 << 10
)

// hotLimit is what copies may take of so many bytes for bodies.
func hotLimit(bodies int64) int64 { return bodies / hotShare }

func (h *hot) init(limit int64) {
	h.parts.limit = limit
	if slabsExist {
		h.parts.limit = limit / hotParts
		h.slabs.limit = limit - h.parts.limit
	}
}

func (h *hot) limit() int64 { return h.slabs.limit + h.parts.limit }

// bytes is what copies take.
func (h *hot) bytes() int64 { return h.slabs.bytes.Load() + h.parts.bytes.Load() }

// offer copies the content if it is worth it, and there is room for it or
// something to take the place of. It does not wait for others who do the same.
func (h *hot) offer(c *Content) {
	inSlab := slabsExist && c.size >= hotSlab
	switch {
	case c.inline(), inSlab && !h.slabs.wants(c), !inSlab && !h.parts.wants(c), !c.hold():
		return
	case inSlab:
		h.slabs.take(c)
	default:
		h.parts.take(c)
	}
	c.release() // whoever lets go last drops the copy, which takes a lock
}

// drop takes the copy of c away, if there is one.
func (h *hot) drop(c *Content) {
	switch copied := c.hot.Load(); {
	case copied == nil:
	case copied.slab != nil:
		h.slabs.drop(c)
	default:
		h.parts.drop(c)
	}
}

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

// bytes is what a copy in a slab has from the offset on.
// Preconditions: the slab is held.
func (h *hotCopy) bytes(off int64) []byte {
	return h.slab.memory.bytes[h.at+off : h.at+min(h.size, off+maxChunk)]
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
