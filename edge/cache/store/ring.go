package store

import (
	"encoding/binary"
	"sync"

	"github.com/cespare/xxhash/v2"
	"github.com/coocood/freecache"
)

const (
	// entryOverhead is what freecache adds to a value: its header and our key.
	entryOverhead = freecache.ENTRY_HDR_SIZE + keySize
	keySize       = 12
	rings         = 256 // freecache's segments
)

// A chunkKey names a chunk in the arena: its content's number (8 bytes), its
// own (3 bytes), and which of several names it was given (1 byte, see
// Chunks.place). No two chunks ever have the same.
type chunkKey [keySize]byte

func newChunkKey(id uint64, n int, pick uint8) (k chunkKey) {
	binary.LittleEndian.PutUint64(k[:], id)
	binary.LittleEndian.PutUint32(k[8:], uint32(n)<<8|uint32(pick))
	return k
}

// ring is the number of the freecache segment in which the chunk stands, and
// slot that of its list of entries there: the two lowest bytes of the key's hash.
func (k chunkKey) ring() int { r, _ := k.place(); return r }

func (k chunkKey) place() (ring int, slot uint8) {
	h := xxhash.Sum64(k[:])
	return int(h % rings), uint8(h >> 8)
}

// A ring is our picture of one of freecache's rings: what stands in it, in
// order. freecache writes at the ring's end and frees what stands at its
// beginning, whatever that is; it would evict a body that is in use as gladly
// as a deleted one. So before each write we look at the beginning: what is
// deleted may go, what is alive is written anew at the end. freecache then
// never meets a living entry, and the index alone decides what is evicted.
//
// INVARIANTS: queue has the ring's entries in their order, the deleted ones
// too; free is the bytes before the first of them, as freecache will count them
// when it needs them; live is the sum of the lengths of the living ones; slots
// has the number of living ones by slot, and widest is the largest it ever was.
//
// Lock order: mu, then freecache's own lock of the segment. Readers take only
// the latter, and may so find nothing where a chunk is just being moved: they
// look again under mu.
type ring struct {
	mu    sync.Mutex
	queue queue
	free  int64
	live  int64
	slots [256]uint16
	// widest decides how much room freecache keeps in each slot of the ring: the
	// next power of two.
	widest uint16
}

// room is how much lives in the ring, and whether one more in the slot would
// make freecache widen its table.
func (r *ring) room(slot uint8) (live int64, widens bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := r.slots[slot]
	return r.live, n > 0 && n == r.widest && n&(n-1) == 0
}

// An entry is a chunk in a ring. With the zero key it is the deleted copy of
// one that was moved.
type entry struct {
	key    chunkKey
	length int32 // with its overhead
}

// put writes a chunk, if room can be made for it.
// Preconditions: mu is held.
func (r *ring) put(c *Chunks, k chunkKey, b []byte) error {
	length := int64(len(b) + entryOverhead)
	for r.free < length {
		r.advance(c, length)
	}
	return r.write(c, k, b)
}

// advance takes the first entry away: for good if it is deleted, or if there is
// no room for all that live and so many bytes more; else it moves it to the
// end.
func (r *ring) advance(c *Chunks, wanted int64) {
	first := r.queue.front()
	if first.key == (chunkKey{}) || !c.has(first.key) {
		r.pop()
		return
	}
	if r.live+wanted > c.ringSize {
		// The ring is full of what lives. That happens if readers hold on to much
		// that has been evicted; the chunk's object will find out.
		r.delete(c, first.key, int(first.length)-entryOverhead)
		c.displaced.Add(1)
		r.pop()
		return
	}
	buf := buffers.Get().(*[]byte)
	defer buffers.Put(buf)
	b, err := c.arena.GetWithBuf(first.key[:], (*buf)[:0])
	if err != nil {
		r.pop() // it is gone after all
		return
	}
	k := first.key
	first.key = chunkKey{}
	r.delete(c, k, len(b))
	for r.free < int64(first.length) {
		r.pop()
	}
	r.write(c, k, b)
	c.moved.Add(int64(len(b)))
}

// pop counts the first entry as free, as freecache will do when it needs the
// place.
func (r *ring) pop() {
	r.free += int64(r.queue.front().length)
	r.queue.pop()
}

// write puts a chunk at the end.
// Preconditions: it fits into free.
func (r *ring) write(c *Chunks, k chunkKey, b []byte) error {
	if err := c.arena.Set(k[:], b, 0); err != nil {
		return err
	}
	length := int64(len(b) + entryOverhead)
	r.free -= length
	r.live += length
	_, slot := k.place()
	r.slots[slot]++
	r.widest = max(r.widest, r.slots[slot])
	r.queue.push(entry{k, int32(length)})
	return nil
}

// delete marks a chunk as deleted; its place is free when the ring comes round.
// Preconditions: mu is held.
func (r *ring) delete(c *Chunks, k chunkKey, length int) {
	if c.arena.Del(k[:]) {
		r.live -= int64(length + entryOverhead)
		_, slot := k.place()
		r.slots[slot]--
	}
}

// A queue of entries, first in, first out. Its room doubles as needed and does
// not shrink; a ring has no more entries than its size allows.
type queue struct {
	room  []entry // a power of two
	first int
	count int
}

func (q *queue) front() *entry {
	if q.count == 0 {
		panic("BUG: store: a ring is full of nothing")
	}
	return &q.room[q.first]
}

func (q *queue) pop() {
	q.first = (q.first + 1) & (len(q.room) - 1)
	q.count--
}

func (q *queue) push(e entry) {
	if q.count == len(q.room) {
		wide := make([]entry, max(8, 2*len(q.room)))
		n := copy(wide, q.room[q.first:])
		copy(wide[n:], q.room[:q.first])
		q.room, q.first = wide, 0
	}
	q.room[(q.first+q.count)&(len(q.room)-1)] = e
	q.count++
}
