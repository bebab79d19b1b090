package store

import (
	"sync"
	"sync/atomic"
	"unsafe"
)

// An Object is one stored response. Whoever makes it sets the exported fields
// before Insert; nobody changes them afterwards (but what has atomics of its own).
type Object[M any] struct {
	Key, Variant Key
	// Born orders responses: an older one never takes the place of a newer one.
	Born uint64
	Head Head
	// Content is the body; the index holds it while the object is in it.
	Content *Content
	// Meta is what the caller keeps with the object, and Extra how many bytes
	// that has beside itself.
	Meta  M
	Extra int

	used       atomic.Bool // found since the hand last came by
	prev, next *Object[M]  // in shard.queue; guarded by shard.mu
	in         bool        // in the index; guarded by shard.mu
	cost       int         // as counted at Insert
}

// A shard is a part of the index with a lock of its own.
//
// Evictions follow SIEVE (Zhang et al., NSDI 2024): objects stand in a queue by
// insertion; a hand goes from the oldest towards the newest, takes the mark
// from those that were found since it last came by, and evicts the first one
// without. A hit only sets a mark; nothing moves. What is asked for once goes
// soon, because the hand stays where it was.
//
// INVARIANTS: an object is in sets exactly if it is in the queue and `in` is
// true; bytes is the sum of cost over the queue, plus keyCost for each set; the
// hand is nil or in the queue.
//
// Lock order: mu is a leaf; contents are released after it.
type shard[M any] struct {
	mu             sync.Mutex
	sets           map[Key]*Set[M]
	newest, oldest *Object[M]
	hand           *Object[M]
	bytes, limit   int
	count          int
}

// keyCost is what a key takes beside its objects: the map's slot at its usual
// load, and the set.
const keyCost = (16+8)*2 + 48

// objectCost is what an object takes in the index.
func objectCost[M any](o *Object[M]) int {
	n := int(unsafe.Sizeof(*o)) + int(unsafe.Sizeof(*o.Content)) + o.Head.Size() + o.Extra
	return n + n/8 + 8 // the allocator's rounding, and the pointer in the set
}

func (s *shard[M]) link(o *Object[M]) {
	o.in, o.prev, o.next = true, nil, s.newest
	if s.newest != nil {
		s.newest.prev = o
	} else {
		s.oldest = o
	}
	s.newest = o
	s.bytes += o.cost
	s.count++
}

func (s *shard[M]) unlink(o *Object[M]) {
	if s.hand == o {
		s.hand = o.prev
	}
	if o.prev != nil {
		o.prev.next = o.next
	} else {
		s.newest = o.next
	}
	if o.next != nil {
		o.next.prev = o.prev
	} else {
		s.oldest = o.prev
	}
	o.in, o.prev, o.next = false, nil, nil
	s.bytes -= o.cost
	s.count--
}

// put makes set the one of key; nil removes it.
func (s *shard[M]) put(key Key, set *Set[M]) {
	_, had := s.sets[key]
	switch {
	case set == nil && had:
		delete(s.sets, key)
		s.bytes -= keyCost
	case set != nil:
		s.sets[key] = set
		if !had {
			s.bytes += keyCost
		}
	}
}

// take removes o from the index.
func (s *shard[M]) take(o *Object[M]) {
	s.put(o.Key, s.sets[o.Key].without(o))
	s.unlink(o)
}

// evict removes the object that SIEVE chooses, other than keep.
func (s *shard[M]) evict(keep *Object[M]) *Object[M] {
	o := s.hand
	// Two rounds at most: after the first no mark is left but those that hits
	// set meanwhile.
	for range 2*s.count + 1 {
		if o == nil {
			o = s.oldest
		}
		if o != keep && !o.used.Swap(false) {
			break
		}
		o = o.prev
	}
	if o == nil || o == keep {
		if o = s.oldest; o == keep {
			o = o.prev
		}
		if o == nil {
			return nil
		}
	}
	s.hand = o.prev
	s.take(o)
	return o
}
