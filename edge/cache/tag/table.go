package tag

import "sync/atomic"

const (
	firstSlots = 1 << 8
	growth     = 1 << 4
	// maxSlots is what half of a 32-bit hash can address.
	maxSlots = 1 << 16
)

// A table holds, for each hash, the number of the newest purge that named it.
// A hash has two slots, and its number is the smaller of theirs, as in a
// count-min sketch: to be taken for purged an object must collide twice.
//
// Reading takes no lock. Slots only grow, and a larger table holds every slot
// of the smaller one at each place that folds onto it: a reader with the old
// table runs beside the purge that replaced it, and may answer either way.
//
// INVARIANT: newest(h) ≥ the number of every mark(h, n) that has returned.
type table struct {
	slots atomic.Pointer[[]atomic.Uint64] // nil until the first mark; the length is a power of two
	marks int                             // since slots was made; guarded by Owner.mu
}

// newest is the number of the newest purge that may have named h.
func (t *table) newest(h uint32) uint64 {
	p := t.slots.Load()
	if p == nil {
		return 0
	}
	s := *p
	mask := uint32(len(s) - 1)
	return min(s[h&mask].Load(), s[h>>16&mask].Load())
}

// mark writes down that purge n named h. room tells whether the table may take
// that many more bytes; the first slots are always granted.
// Preconditions: Owner.mu is held.
func (t *table) mark(h uint32, n uint64, room func(bytes int) bool) {
	var s []atomic.Uint64
	if p := t.slots.Load(); p != nil {
		s = *p
	} else {
		s = make([]atomic.Uint64, firstSlots)
		t.slots.Store(&s)
	}
	// Growing does not thin out what is there, so it comes early and in large
	// steps: a thirty-second of the slots is marked twice (1/16 of them), then
	// the table is widened, twice in its life.
	if t.marks++; t.marks > len(s)/32 && len(s) < maxSlots && room(8*(growth-1)*len(s)) {
		wide := make([]atomic.Uint64, growth*len(s))
		for i := range wide {
			wide[i].Store(s[i&(len(s)-1)].Load())
		}
		t.slots.Store(&wide)
		t.marks, s = 1, wide
	}
	mask := uint32(len(s) - 1)
	for _, i := range [...]uint32{h & mask, h >> 16 & mask} {
		if s[i].Load() < n {
			s[i].Store(n)
		}
	}
}
