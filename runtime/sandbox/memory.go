package sandbox

import "github.com/tetratelabs/wazero/experimental"

// linear is the memory of one instance. Its address space is reserved as a whole, up to the limit, so that it grows in
// place: no copy, and a view stays where it is. Pages cost nothing until the guest touches them.
//
// It belongs to its instance's goroutine. States: empty (no memory made yet), reserved, freed. Once freed nothing may
// look at bytes: the addresses are gone.
type linear struct {
	limit   int64
	reserve []byte
	bytes   []byte // what the guest has, a prefix of reserve
	refused int64  // growths beyond the limit
}

// Allocate satisfies experimental.MemoryAllocator. The engine calls it once an instance.
func (l *linear) Allocate(_, most uint64) experimental.LinearMemory {
	l.reserve = reserve(int(min(most, uint64(l.limit))))
	return l
}

// Reallocate satisfies experimental.LinearMemory: it gives the guest size bytes, or nil if that is beyond the limit.
// memory.grow is then -1 for the guest.
func (l *linear) Reallocate(size uint64) []byte {
	if size > uint64(len(l.reserve)) {
		l.refused++
		return nil
	}
	l.bytes = l.reserve[:size:size]
	return l.bytes
}

// Free satisfies experimental.LinearMemory.
func (l *linear) Free() {
	if l.reserve != nil {
		unreserve(l.reserve)
	}
	l.reserve, l.bytes = nil, nil
}
