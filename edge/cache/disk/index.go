package disk

import (
	"encoding/binary"
	"sync/atomic"
)

// An entry is what memory holds of a stored response: enough to find it, and to
// forget it with its segment. Everything else is read from its head on disk.
//
// next chains the entries of one key, newest first. older and newer make a list
// of the entries that go with one segment: the oldest in which a part of their
// body lies, since segments go from the oldest on.
type entry struct {
	key     uint64 // half of the key; the head has all of it
	born    uint64
	variant uint32 // a quarter of the variant
	segment uint32 // of the head
	off     uint32 // of the head, in units
	size    uint32 // of the head's region, in units
	first   uint32 // the oldest segment of the body, or the head's
	next    ref
	older   ref
	newer   ref
	// used counts how often the entry was found since it was written. It may be
	// counted for the next entry in this slot when the two meet.
	used atomic.Uint32
	// checked is when the body was last found right, in seconds of the tier's
	// clock, if it has one block; 0 if it was not yet.
	checked uint32
}

// A ref is an entry's number; 0 is none.
type ref uint32

// EntryCost is what a stored response takes in memory, in bytes: its entry, and
// its slot in the map at the map's emptiest.
const EntryCost = 56 + 40

const slabSize = 1 << 12

// An index is the entries of all segments. It has no lock of its own: the tier's
// mu guards it, but for entry.used.
//
// INVARIANTS: keys holds the newest entry of each key; an entry is in exactly
// one chain, and in the list of the segment `first`; count is the number of
// entries. Slots of the slabs do not move.
type index struct {
	keys  map[uint64]ref
	slabs []*[slabSize]entry
	free  ref // chained by next
	made  ref // slots made so far; slot 0 is not used
	count int
	// lists are the entries of each segment, by its number.
	lists map[uint32]ref
}

func newIndex() *index { return &index{keys: map[uint64]ref{}, lists: map[uint32]ref{}} }

func half(k Key) uint64          { return binary.LittleEndian.Uint64(k[:]) }
func quarter(k Key) uint32       { return binary.LittleEndian.Uint32(k[:]) }
func (x *index) at(r ref) *entry { return &x.slabs[r/slabSize][r%slabSize] }

func (x *index) slot() ref {
	if r := x.free; r != 0 {
		x.free = x.at(r).next
		return r
	}
	if x.made++; int(x.made) >= len(x.slabs)*slabSize {
		x.slabs = append(x.slabs, new([slabSize]entry))
	}
	return x.made
}

// A spot is where a head stands.
type spot struct {
	key, born          uint64
	variant            uint32
	segment, off, size uint32
	first              uint32
}

// add puts an entry in place of the one of the same variant; false if that one
// is newer.
func (x *index) add(s spot) (ref, bool) {
	if old := x.find(s.key, s.variant); old != 0 {
		if x.at(old).born > s.born {
			return 0, false
		}
		x.remove(old)
	}
	if x.length(s.key) >= maxVariants {
		x.remove(x.oldest(s.key))
	}
	r := x.slot()
	e := x.at(r)
	e.key, e.born, e.variant = s.key, s.born, s.variant
	e.segment, e.off, e.size, e.first = s.segment, s.off, s.size, s.first
	e.used.Store(0)
	e.checked = 0
	e.next = x.keys[s.key]
	x.keys[s.key] = r
	e.newer, e.older = 0, x.lists[s.first]
	if e.older != 0 {
		x.at(e.older).newer = r
	}
	x.lists[s.first] = r
	x.count++
	return r, true
}

// find is the entry of that key and variant.
func (x *index) find(key uint64, variant uint32) ref {
	for r := x.keys[key]; r != 0; r = x.at(r).next {
		if x.at(r).variant == variant {
			return r
		}
	}
	return 0
}

// remove takes an entry out.
func (x *index) remove(r ref) {
	e := x.at(r)
	if first := x.keys[e.key]; first != r {
		for p := first; ; p = x.at(p).next {
			if x.at(p).next == r {
				x.at(p).next = e.next
				break
			}
		}
	} else if e.next != 0 {
		x.keys[e.key] = e.next
	} else {
		delete(x.keys, e.key)
	}
	switch {
	case e.newer != 0:
		x.at(e.newer).older = e.older
	case e.older != 0:
		x.lists[e.first] = e.older
	default:
		delete(x.lists, e.first)
	}
	if e.older != 0 {
		x.at(e.older).newer = e.newer
	}
	e.next, e.older, e.newer, e.born = x.free, 0, 0, 0
	x.free = r
	x.count--
}

// drop takes out all entries that go with a segment, and is how many there were.
func (x *index) drop(segment uint32) (n int) {
	for r := x.lists[segment]; r != 0; r = x.lists[segment] {
		x.remove(r)
		n++
	}
	return n
}

// maxVariants is how many responses of one key are kept; the oldest goes.
const maxVariants = 64

// length is how many entries there are under a key.
func (x *index) length(key uint64) (n int) {
	for r := x.keys[key]; r != 0; r = x.at(r).next {
		n++
	}
	return n
}

// oldest is the entry of a key that was added first.
func (x *index) oldest(key uint64) (r ref) {
	for r = x.keys[key]; x.at(r).next != 0; r = x.at(r).next {
	}
	return r
}
