package store

import (
	"encoding/binary"
	"fmt"
	"math/bits"
	"sync/atomic"

	"github.com/coocood/freecache"
)

const (
	// entryOverhead is what freecache adds to a value: its header and our key.
	entryOverhead = freecache.ENTRY_HDR_SIZE + keySize
	keySize       = 12
	segments      = 256 // freecache's rings
	maxChunk      = 64 << 10
)

// Chunks is the arena of bodies.
//
// freecache is 256 rings of equal size, and takes no entry above a quarter of a
// ring. The chunk size follows from the arena's, so that no chunk is ever too
// large: a sixteenth of a ring, at most 64 KiB.
//
// An object's chunks fall into rings by their hashes, and the fullest ring says
// how large an object can be: with 15 chunks to a ring, one of a quarter of the
// arena (4 to a ring on average) finds a ring too full in 1 of 800 cases; with
// 7 to a ring, in which it were 2 on average, in each fourth.
type Chunks struct {
	arena *freecache.Cache
	size  int
	clock *clock
	ids   atomic.Uint64 // the number of the newest content
	lost  atomic.Int64  // chunks that were gone while their body was being read
}

// clock is what freecache takes for the time. Its rings spare, once, what has
// been read later than their mean; with seconds that tells little apart on a
// busy node. Time here is the number of chunks written: an object is recent if
// few have been written since its last reading. It wraps after 2^32 chunks,
// which for a moment spares the wrong ones.
type clock struct{ n atomic.Uint32 }

// Now is the number of chunks written so far.
func (c *clock) Now() uint32 { return c.n.Load() }

func newChunks(bytes int64) *Chunks {
	c := &Chunks{clock: new(clock)}
	bytes = max(bytes, 512<<10) // freecache's least
	c.size = chunkSize(bytes)
	c.arena = freecache.NewCacheCustomTimer(int(bytes), c.clock)
	return c
}

// chunkSize is the chunk size of an arena of that many bytes, a power of two.
func chunkSize(bytes int64) int {
	return min(1<<(bits.Len64(uint64(bytes)/segments/16)-1), maxChunk)
}

// Size is the length of every chunk but a content's last.
func (c *Chunks) Size() int { return c.size }

// count is the number of chunks of so many bytes.
func (c *Chunks) count(size int64) int { return int((size + int64(c.size) - 1) / int64(c.size)) }

// length is the length of the n-th chunk of so many bytes.
func (c *Chunks) length(size int64, n int) int {
	return int(min(int64(c.size), size-int64(n)*int64(c.size)))
}

func chunkKey(id uint64, n int) (k [keySize]byte) {
	binary.LittleEndian.PutUint64(k[:], id)
	binary.LittleEndian.PutUint32(k[8:], uint32(n))
	return k
}

func (c *Chunks) put(id uint64, n int, b []byte) error {
	if len(b) == 0 || len(b) > c.size {
		panic(fmt.Sprintf("BUG: store: a chunk of %d bytes, the size is %d", len(b), c.size))
	}
	c.clock.n.Add(1)
	k := chunkKey(id, n)
	if err := c.arena.Set(k[:], b, 0); err != nil {
		return fmt.Errorf("store: put chunk %d of %d bytes: %w", n, len(b), err)
	}
	return nil
}

// read copies the n-th chunk into dst, whose capacity is at least want, and
// tells whether it was there in full.
func (c *Chunks) read(id uint64, n, want int, dst []byte) ([]byte, bool) {
	k := chunkKey(id, n)
	// GetWithBuf copies within the ring's lock, also where the entry goes
	// around the ring's end; GetFn would allocate there.
	b, err := c.arena.GetWithBuf(k[:], dst[:0:cap(dst)])
	return b, err == nil && len(b) == want
}

// touch tells whether the n-th chunk is there, and makes it recent.
func (c *Chunks) touch(id uint64, n int) bool {
	k := chunkKey(id, n)
	return c.arena.Touch(k[:], 0) == nil
}

func (c *Chunks) drop(id uint64, count int) {
	for n := range count {
		k := chunkKey(id, n)
		c.arena.Del(k[:])
	}
}
