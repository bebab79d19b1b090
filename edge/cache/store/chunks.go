package store

import (
	"errors"
	"fmt"
	"math/bits"
	"sync/atomic"

	"github.com/coocood/freecache"
)

const (
	maxChunk = 64 << 10
	// arenaLeast is the smallest arena; its chunks are longer than inlineBody.
	arenaLeast = 1 << 20
	// choices is how many names a chunk chooses from, and mostChoices how many it
	// looks at if it fits into none of their rings.
	choices, mostChoices = 8, 128
)

// errFull is the error of a chunk for which no room could be made.
var errFull = errors.New("store: the bodies that are being written take all the room that they may")

// Chunks is the arena of bodies.
//
// freecache is 256 rings of equal size, and takes no entry above a quarter of a
// ring. The chunk size follows from the arena's, so that no chunk is ever too
// large: a sixteenth of a ring, at most 64 KiB. A chunk falls into a ring by the
// hash of its name, and as few chunks fit into a ring, chance alone would fill
// some of them long before the others; so each chunk may choose among eight
// names or more, and takes the one of the emptiest ring.
//
// What is alive takes at most limit bytes, and the rest is what the rings need
// to turn: a deleted chunk's place is free only when its ring has come round to
// it, and what is alive is moved meanwhile. At eleven twelfths a byte is moved
// about five times for each that is written.
type Chunks struct {
	arena    *freecache.Cache
	size     int
	ringSize int64
	limit    int64 // of indexed and writing together
	rings    [rings]ring
	hot      hot
	ids      atomic.Uint64 // the number of the newest content

	indexed atomic.Int64 // bytes of the arena for contents in the index
	writing atomic.Int64 // and for those that are on their way there
	taken   atomic.Int64 // and for all, those that readers still hold included
	full    func()       // evicts from the index until fits is true; nil if there is none

	lost      atomic.Int64 // chunks that were gone while their body was being read
	displaced atomic.Int64 // chunks that were dropped because their ring was full
	moved     atomic.Int64 // bytes that were written anew to stay
}

// timeless is freecache's clock. Nothing expires, and what is old is our
// business.
type timeless struct{}

// Now is always the same.
func (timeless) Now() uint32 { return 0 }

func newChunks(size int64) *Chunks {
	size = max(size, arenaLeast)
	c := &Chunks{size: chunkSize(size), ringSize: size / rings, limit: size - size/12}
	for i := range c.rings {
		c.rings[i].free = c.ringSize
	}
	c.arena = freecache.NewCacheCustomTimer(int(size), timeless{})
	return c
}

// chunkSize is the chunk size of an arena of that many bytes, a power of two.
func chunkSize(bytes int64) int {
	return min(1<<(bits.Len64(uint64(max(bytes, arenaLeast))/rings/16)-1), maxChunk)
}

// Size is the length of every chunk but a content's last.
func (c *Chunks) Size() int { return c.size }

// count is the number of chunks of so many bytes.
func (c *Chunks) count(size int64) int { return int((size + int64(c.size) - 1) / int64(c.size)) }

// length is the length of the n-th chunk of so many bytes.
func (c *Chunks) length(size int64, n int) int {
	return int(min(int64(c.size), size-int64(n)*int64(c.size)))
}

// fits tells whether what is in the index, on its way there, and held by readers
// although it has left, fits. Of the last no more than a quarter counts: slow
// readers must not empty the index.
func (c *Chunks) fits() bool {
	known := c.indexed.Load() + c.writing.Load()
	held := max(0, c.taken.Load()-known)
	return known+min(held, c.limit/4) <= c.limit
}

// put writes the n-th chunk of a content and says which name it has got.
func (c *Chunks) put(id uint64, n int, b []byte) (pick uint8, err error) {
	if len(b) == 0 || len(b) > c.size || n >= 1<<24 {
		panic(fmt.Sprintf("BUG: store: chunk %d of %d bytes, the size is %d", n, len(b), c.size))
	}
	key, r, pick := c.place(id, n, int64(len(b)+entryOverhead))
	r.mu.Lock()
	err = r.put(c, key, b)
	r.mu.Unlock()
	if err != nil {
		return 0, fmt.Errorf("store: put chunk %d of %d bytes: %w", n, len(b), err)
	}
	return pick, nil
}

// place chooses the name whose ring has the most room. One that would make its
// ring widen its table of slots counts as fuller by a chunk.
func (c *Chunks) place(id uint64, n int, length int64) (key chunkKey, in *ring, pick uint8) {
	least := int64(1) << 62
	for i := uint8(0); i < choices || i < mostChoices && least+length > c.ringSize; i++ {
		k := newChunkKey(id, n, i)
		number, slot := k.place()
		r := &c.rings[number]
		live, widens := r.room(slot)
		if widens {
			live += int64(c.size)
		}
		if live < least {
			key, in, pick, least = k, r, i, live
		}
	}
	return key, in, pick
}

// has tells whether the chunk is there.
func (c *Chunks) has(k chunkKey) bool {
	_, err := c.arena.TTL(k[:])
	return err == nil
}

// find is has for those who do not hold the ring's lock.
func (c *Chunks) find(k chunkKey) bool {
	if c.has(k) {
		return true
	}
	// It may be on the move.
	r := &c.rings[k.ring()]
	r.mu.Lock()
	defer r.mu.Unlock()
	return c.has(k)
}

// read copies a chunk into dst, whose capacity is at least want, and tells
// whether it was there in full.
func (c *Chunks) read(k chunkKey, want int, dst []byte) ([]byte, bool) {
	// GetWithBuf copies within the segment's lock, also where the entry goes
	// around the ring's end; GetFn would allocate there.
	b, err := c.arena.GetWithBuf(k[:], dst[:0:cap(dst)])
	if err != nil {
		r := &c.rings[k.ring()]
		r.mu.Lock()
		defer r.mu.Unlock()
		b, err = c.arena.GetWithBuf(k[:], dst[:0:cap(dst)])
	}
	return b, err == nil && len(b) == want
}

func (c *Chunks) drop(k chunkKey, length int) {
	r := &c.rings[k.ring()]
	r.mu.Lock()
	r.delete(c, k, length)
	r.mu.Unlock()
}
