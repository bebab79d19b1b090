package disk

import (
	"fmt"
	"sync"
)

// A Writer puts a body into the log, block by block, in stretches that grow to
// a MiB: bodies that arrive at the same time lie between one another. Nobody can
// find it until [Tier.Commit] has stored a record of it.
//
// It is used by one goroutine, but [Writer.Chunk] may be called by others.
type Writer struct {
	tier   *Tier
	length int64 // announced; -1 if it is not known

	mu       sync.RWMutex // guards what Chunk reads
	layout   layout
	segments []*segment // of layout.places; the writer holds each
	room     int64      // what is left of the last stretch
	reserved int64      // its length
	closed   bool
}

// The first stretch of a body whose length is not known, and the longest.
const (
	firstStretch = 2 * block
	mostStretch  = 16 * block
)

// Create begins a body of that length; -1 if it is not known.
func (t *Tier) Create(length int64) *Writer { return &Writer{tier: t, length: length} }

// Size is the length of every chunk but the last.
func (w *Writer) Size() int { return block }

// Put adds a chunk; each but the last is Size long.
func (w *Writer) Put(b []byte) error {
	if w.layout.size%block != 0 || len(b) > block || len(b) == 0 {
		panic(fmt.Sprintf("BUG: disk: a chunk of %d bytes after %d", len(b), w.layout.size))
	}
	if w.layout.size+int64(len(b)) > w.tier.MaxObject() {
		return fmt.Errorf("disk: a body of more than %d bytes does not fit", w.tier.MaxObject())
	}
	if w.room < int64(len(b)) {
		if err := w.stretch(int64(len(b))); err != nil {
			w.tier.failedWrite("store a body", err)
			return err
		}
	}
	p := &w.layout.places[len(w.layout.places)-1]
	s := w.segments[len(w.segments)-1]
	if _, err := s.file.WriteAt(b, p.off+p.length); err != nil {
		w.tier.failedWrite("store a body", err)
		return err
	}
	w.tier.written.Add(int64(len(b)))
	sum := crc(b)
	w.mu.Lock()
	p.length += int64(len(b))
	w.room -= int64(len(b))
	w.layout.size += int64(len(b))
	w.layout.sums = append(w.layout.sums, sum)
	w.mu.Unlock()
	return nil
}

// stretch reserves the next part of the log.
func (w *Writer) stretch(least int64) error {
	want := max(least, w.length-w.layout.size)
	if w.length < 0 {
		want = max(firstStretch, 2*w.reserved)
	}
	want = min(want, mostStretch, w.tier.o.Segment/2&^(block-1))
	s, off, err := w.tier.reserve(want)
	if err != nil {
		return err
	}
	w.mu.Lock()
	w.layout.places = append(w.layout.places, place{segment: s.number, off: off})
	w.segments = append(w.segments, s)
	w.room, w.reserved = want, want
	w.mu.Unlock()
	return nil
}

// Chunk copies the n-th chunk, of length want, into dst, whose capacity is at
// least that; false if it is not what was written.
func (w *Writer) Chunk(n, want int, dst []byte) ([]byte, bool) {
	off := int64(n) * block
	w.mu.RLock()
	defer w.mu.RUnlock()
	if w.closed || off+int64(want) > w.layout.size {
		return dst, false
	}
	for i, p := range w.layout.places {
		if off >= p.length {
			off -= p.length
			continue
		}
		dst = dst[:want]
		got, err := w.segments[i].file.ReadAt(dst, p.off+off)
		ok := got == want && (crc(dst) == w.layout.sums[n] || !w.tier.checks)
		if !ok {
			if err == nil {
				err = errSum
			}
			w.tier.fault("read a body that is arriving", err)
		}
		return dst, ok
	}
	return dst, false
}

// Content is what has been written, and the end of writing.
func (w *Writer) Content() *Content {
	if n := len(w.layout.places); n > 0 && w.room >= unit {
		p := w.layout.places[n-1]
		w.tier.shorten(w.segments[n-1], p.off, w.reserved, p.length)
		w.room, w.reserved = 0, 0
	}
	return newContent(w.tier, w.layout, w.segments)
}

// Close lets go of the segments. More calls do nothing.
func (w *Writer) Close() {
	w.mu.Lock()
	closed := w.closed
	w.closed = true
	w.mu.Unlock()
	if closed {
		return
	}
	for _, s := range w.segments {
		s.release()
	}
}
