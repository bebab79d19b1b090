package disk

import (
	"encoding/binary"
	"sync/atomic"
)

// seen remembers keys that were not admitted, so that it knows them when they
// come again. It holds a part of each in a slot that the key chooses, where
// another takes its place some time: what is forgotten is admitted one request
// later.
type seen struct{ slots [1 << 16]atomic.Uint32 }

// before tells whether the key has been here, and remembers it.
func (s *seen) before(k Key) bool {
	slot, mark := binary.LittleEndian.Uint16(k[8:]), binary.LittleEndian.Uint32(k[10:])|1
	return s.slots[slot].Swap(mark) == mark
}
