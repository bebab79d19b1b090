package store

import (
	"errors"
	"sync/atomic"
)

// ErrLost is the error of a body of which a chunk was evicted while it was
// being read. The response is cut; its receiver must be able to see that.
var ErrLost = errors.New("store: a part of the stored body has been evicted")

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
	free   func()  // tells that nobody holds it any more; set if chunks is nil
	id     uint64
	size   int64        // set by the writer before the content is shared
	held   atomic.Int32 // holders; 0 is final
	lost   atomic.Bool  // a chunk is missing; final
}

// Elsewhere is a content whose bytes do not stand in the arena, but on disk: the
// index keeps its object's head, and whoever serves it opens the bytes by other
// means than [Store.Open]. free is called once, when the last holder has let go;
// it must be quick. The caller holds the content, and lets go by Release.
func Elsewhere(size int64, free func()) *Content {
	c := &Content{size: size, free: free}
	c.held.Store(1)
	return c
}

// Release lets go of a content that [Elsewhere] made.
func (c *Content) Release() { c.release() }

// Lose tells that the content is not to be had any more: no lookup opens it
// again.
func (c *Content) Lose() { c.lost.Store(true) }

// Size is the length of the body in bytes.
func (c *Content) Size() int64 { return c.size }

// Lost tells that a chunk has been found missing.
func (c *Content) Lost() bool { return c.lost.Load() }

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
			c.free()
			return
		}
		c.chunks.drop(c.id, c.chunks.count(c.size))
	} else if n < 0 {
		panic("BUG: store: a content is released more often than it is held")
	}
}

// A Writer puts a body into the arena, chunk by chunk. It is used by one
// goroutine; [Writer.Chunk] may be called by others for chunks whose Put has
// returned.
type Writer struct {
	content *Content
	n       int
	done    bool
}

// Create begins a new content.
func (c *Chunks) Create() *Writer {
	w := &Writer{content: &Content{chunks: c, id: c.ids.Add(1)}}
	w.content.held.Store(1)
	return w
}

// Size is the length of every chunk but the last.
func (w *Writer) Size() int { return w.content.chunks.size }

// Put adds a chunk: each but the last is [Chunks.Size] long.
func (w *Writer) Put(b []byte) error {
	if w.content.size%int64(w.content.chunks.size) != 0 {
		panic("BUG: store: a chunk follows a short one")
	}
	if err := w.content.chunks.put(w.content.id, w.n, b); err != nil {
		return err
	}
	w.n++
	w.content.size += int64(len(b))
	return nil
}

// Chunk copies the n-th chunk, of length want, into dst, whose capacity is at
// least that; false if it has been evicted.
func (w *Writer) Chunk(n, want int, dst []byte) ([]byte, bool) {
	b, ok := w.content.chunks.read(w.content.id, n, want, dst)
	if !ok {
		w.content.lost.Store(true)
		w.content.chunks.lost.Add(1)
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
