package store

import (
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
	Meta M

	prev, next *Object[M] // in its queue; guarded by Store.mu
	Extra      int32
	cost       int32 // bytes of the index, as counted at Insert
	uses       atomic.Uint32
	place      place // which queue it stands in; guarded by Store.mu
}

// A place is where an object of the index stands.
type place uint8

const (
	outside place = iota // not in the index
	inSmall
	inMain
)

// mostUses is how far uses are counted.
const mostUses = 3

// use counts a use. Two at once may count as one.
func (o *Object[M]) use() {
	// Fast path: a popular object has its count already, and its line of memory
	// stays shared between the processors.
	if n := o.uses.Load(); n < mostUses {
		o.uses.Store(n + 1)
	}
}

// weight is what it takes of all memory.
func (o *Object[M]) weight() int64 { return int64(o.cost) + o.Content.space() }

// keyCost is what a key takes beside its objects: the map's slot at its usual
// load, and the set.
const keyCost = 69 + 32

// objectCost is what an object takes in the index.
func objectCost[M any](o *Object[M]) int {
	fixed := int(unsafe.Sizeof(*o)) + int(unsafe.Sizeof(*o.Content)) + 8 // 8 for the pointer in the set
	rest := o.Content.overhead() + o.Head.Size() + int(o.Extra)
	return fixed + rest + rest/16 + 16 // the allocator rounds
}
