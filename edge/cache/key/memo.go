package key

import (
	"bytes"
	"crypto/sha256"
	"hash/maphash"
	"sync/atomic"
)

// A memo remembers the keys of parts that come again and again: comparing a
// hundred bytes takes a tenth of what hashing them does.
//
// A cell remembers one entry, which never changes; another takes its place when
// its parts have come twice while nothing else came to the cell. So a flood of
// parts that come once stores nothing. Cells are written without a lock: who
// writes last wins, and whatever stands there is right.
type memo struct {
	seed  maphash.Seed
	cells [memoCells]memoCell
}

type memoCell struct {
	entry atomic.Pointer[memoEntry]
	seen  atomic.Uint32 // of the hash of the parts that came last without being found
}

type memoEntry struct {
	parts []byte
	key   Key
}

// memoCells and memoParts bound what a memo takes: half a MiB.
const memoCells, memoParts = 1 << 10, 448

// key is the hash of the parts.
func (m *memo) key(parts []byte) Key {
	h := maphash.Bytes(m.seed, parts)
	c := &m.cells[h%memoCells]
	if e := c.entry.Load(); e != nil && bytes.Equal(e.parts, parts) {
		return e.key
	}
	sum := sha256.Sum256(parts)
	k := Key(sum[:len(Key{})])
	if seen := uint32(h >> 32); len(parts) > memoParts || c.seen.Load() != seen {
		c.seen.Store(seen)
	} else {
		c.entry.Store(&memoEntry{bytes.Clone(parts), k})
	}
	return k
}
