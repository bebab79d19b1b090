package store

import (
	"bytes"
	"errors"
	"sync"
	"sync/atomic"
)

// ErrLost is the error of a body of which a chunk was evicted while it was
// being read. The response is cut; its receiver must be able to see that.
var ErrLost = errors.New("store: a part of the stored body has been evicted")

// inlineBody is the length up to which a body stands in its content instead of
// in the arena, where its entry would be longer than itself.
const inlineBody = 192

// A Content is the stored bytes of one body. Objects that differ only in their
// heads share it.
//
// States: it is held by the index (once for each object), by bodies and by the
// writer that makes it. When the last holder lets go, its chunks are deleted;
// it cannot be held again.
//
// A content that lies elsewhere (see [Elsewhere]) has no chunks: the index holds
// it like any other, its bytes are the caller's.
type Content struct {
	chunks *Chunks // nil if it lies elsewhere
	id     uint64
	size   int64 // set by the writer before the content is shared
	// rest has the bytes of a body of up to inlineBody, and of another the names
	// that the chunks after the first were given; nil if there are none.
	rest    *[]byte
	held    atomic.Int32 // holders; 0 is final
	lost    atomic.Bool  // a chunk is missing; final
	settled atomic.Bool  // not counted in Chunks.writing any more; final
	// hot is a copy beside the arena, nil unless the body is asked for a lot.
	hot  atomic.Pointer[hotCopy]
	pick uint8 // the name that the first chunk was given
}

// Elsewhere is a content whose bytes do not stand in the arena, but on disk: the
// index keeps its object's head, and whoever serves it opens the bytes by other
// means than [Store.Open]. The caller holds the content, and lets go by Release;
// when the last holder has let go it cannot be inserted again.
func Elsewhere(size int64) *Content {
	c := &Content{size: size}
	c.held.Store(1)
	c.settled.Store(true)
	return c
}

// Release lets go of a content that [Elsewhere] made.
func (c *Content) Release() { c.release() }

// Lose tells that the content is not to be had any more: no lookup opens it
// again.
func (c *Content) Lose() { c.lost.Store(true) }

// Size is the length of the body in bytes.
func (c *Content) Size() int64 { return c.size }

// ID is a number that no other content of the arena ever has; 0 if it lies
// elsewhere.
func (c *Content) ID() uint64 { return c.id }

// Lost tells that a chunk has been found missing.
func (c *Content) Lost() bool { return c.lost.Load() }

// count is the number of its chunks in the arena.
func (c *Content) count() int {
	if c.chunks == nil || c.inline() {
		return 0
	}
	return c.chunks.count(c.size)
}

func (c *Content) inline() bool { return c.size <= inlineBody }

// space is what it takes in the arena.
func (c *Content) space() int64 {
	n := c.count()
	if n == 0 {
		return 0
	}
	return c.size + int64(n)*entryOverhead
}

// overhead is what it takes on the heap and in freecache's tables.
func (c *Content) overhead() int {
	// For each chunk 16 bytes in a ring's queue and 16 in freecache's slots, each
	// of which has room for twice as many at the most.
	const perChunk = 2 * (16 + 16)
	n := c.count() * perChunk
	if c.rest != nil {
		n += cap(*c.rest) + 24
	}
	return n
}

// key is the name of the n-th chunk.
func (c *Content) key(n int) chunkKey {
	if n == 0 {
		return newChunkKey(c.id, 0, c.pick)
	}
	return newChunkKey(c.id, n, (*c.rest)[n-1])
}

// hold adds a holder, if there is one still.
func (c *Content) hold() bool {
	for {
		n := c.held.Load()
		if n == 0 {
			return false
		}
		if c.held.CompareAndSwap(n, n+1) {
			return true
		}
	}
}

func (c *Content) release() {
	if n := c.held.Add(-1); n == 0 {
		if c.chunks == nil {
			return
		}
		c.settle()
		c.chunks.hot.drop(c)
		c.chunks.taken.Add(-c.space())
		for n := range c.count() {
			c.chunks.drop(c.key(n), c.chunks.length(c.size, n))
		}
	} else if n < 0 {
		panic("BUG: store: a content is released more often than it is held")
	}
}

// settle ends its time as a content on the way.
func (c *Content) settle() {
	if !c.settled.Swap(true) {
		c.chunks.writing.Add(-c.space())
	}
}

// A Writer puts a body into the arena, chunk by chunk. It is used by one
// goroutine; [Writer.Chunk] may be called by others for chunks whose Put has
// returned.
type Writer struct {
	content *Content
	n       int
	done    bool

	mu sync.Mutex // of the content's rest, while the writer adds to it
}

// Create begins a new content.
func (c *Chunks) Create() *Writer {
	w := &Writer{content: &Content{chunks: c, id: c.ids.Add(1)}}
	w.content.held.Store(1)
	return w
}

// Size is the length of every chunk but the last.
func (w *Writer) Size() int { return w.content.chunks.size }

// Put adds a chunk: each but the last is [Chunks.Size] long. It makes room by
// evicting from the index; there is an error if that is not enough.
func (w *Writer) Put(b []byte) error {
	c := w.content
	if c.size%int64(c.chunks.size) != 0 {
		panic("BUG: store: a chunk follows a short one")
	}
	if w.n == 0 && len(b) <= inlineBody {
		body := bytes.Clone(b)
		w.mu.Lock()
		c.rest, c.size = &body, int64(len(b))
		w.mu.Unlock()
		w.n++
		return nil
	}
	space := int64(len(b) + entryOverhead)
	if err := c.chunks.reserve(space); err != nil {
		return err
	}
	pick, err := c.chunks.put(c.id, w.n, b)
	if err != nil {
		c.chunks.writing.Add(-space)
		return err
	}
	if w.n == 0 {
		c.pick = pick
	} else {
		w.mu.Lock()
		if c.rest == nil {
			c.rest = new([]byte)
		}
		*c.rest = append(*c.rest, pick)
		w.mu.Unlock()
	}
	w.n++
	c.size += int64(len(b))
	c.chunks.taken.Add(space)
	return nil
}

// reserve counts more bytes on their way, and evicts for them.
func (c *Chunks) reserve(space int64) error {
	if c.writing.Add(space) > c.limit/2 {
		c.writing.Add(-space)
		return errFull
	}
	if !c.fits() && c.full != nil {
		c.full()
	}
	return nil
}

// Chunk copies the n-th chunk, of length want, into dst, whose capacity is at
// least that; false if it has been evicted.
func (w *Writer) Chunk(n, want int, dst []byte) ([]byte, bool) {
	c := w.content
	w.mu.Lock()
	if n == 0 && want <= inlineBody {
		defer w.mu.Unlock()
		return append(dst[:0], *c.rest...), len(*c.rest) == want
	}
	k := c.key(n)
	w.mu.Unlock()
	b, ok := c.chunks.read(k, want, dst)
	if !ok {
		c.lost.Store(true)
		c.chunks.lost.Add(1)
	}
	return b, ok
}

// Content is what has been written. It stays the writer's until Close.
func (w *Writer) Content() *Content { return w.content }

// Close lets go of the content: if nobody else holds it, it is deleted. More
// calls do nothing.
func (w *Writer) Close() {
	if !w.done {
		w.done = true
		w.content.release()
	}
}
