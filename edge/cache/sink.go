package cache

import (
	"errors"
	"sync/atomic"

	"github.com/wedgecdn/wedge/edge/cache/disk"
	"github.com/wedgecdn/wedge/edge/cache/store"
)

// errNoRoom is why a body is not kept that is too long for memory, while the
// disk does not take it.
var errNoRoom = errors.New("cache: the body is too long for memory, and the disk does not take it")

// A sink takes a body that arrives while there is a cache on disk: into memory
// as long as it is short, and to disk when it turns out to be longer than that.
// Chunk may be called by others while Put is under way: what was put into memory
// stays readable there until Close.
type sink struct {
	t   *tier
	key store.Key
	// length is the announced length; -1 if there is none.
	length int64
	ram    *store.Writer
	disk   atomic.Pointer[disk.Writer]
	inRAM  int64 // bytes; only Put's goroutine uses it
	// refused: the disk has been asked, and does not take it.
	refused bool
	// held is the content on disk, if give has made one.
	held *store.Content
}

// sinkFor is where the body of a response goes; nil if neither memory nor disk
// takes it.
func (c *Cache) sinkFor(k store.Key, length int64) *sink {
	s := &sink{t: c.tier, key: k, length: length, ram: c.store.Chunks().Create()}
	if length >= inKernel {
		s.move()
	}
	if s.refused && length > c.ramObject {
		s.Close()
		return nil
	}
	return s
}

// blockSize is the length of a chunk of every body while there is a disk.
const blockSize = 64 << 10

// Size is the length of every chunk but the last.
func (s *sink) Size() int { return blockSize }

// Put adds a chunk.
func (s *sink) Put(b []byte) error {
	if s.disk.Load() == nil && !s.refused && s.inRAM+int64(len(b)) >= inKernel {
		s.move()
	}
	if w := s.disk.Load(); w != nil {
		return w.Put(b)
	}
	if s.inRAM+int64(len(b)) > s.t.c.ramObject {
		return errNoRoom
	}
	s.inRAM += int64(len(b))
	for len(b) > 0 {
		n := min(len(b), s.ram.Size())
		if err := s.ram.Put(b[:n]); err != nil {
			return err
		}
		b = b[n:]
	}
	return nil
}

// move goes on on disk, with what is in memory so far, if the disk takes it.
func (s *sink) move() {
	if s.length > s.t.disk.MaxObject() || !s.t.disk.Admit(disk.Key(s.key)) {
		s.refused = true
		return
	}
	w := s.t.disk.Create(s.length)
	buf := s.t.c.blocks.Get().(*[]byte)
	defer s.t.c.blocks.Put(buf)
	for off := int64(0); off < s.inRAM; off += blockSize {
		b, ok := s.fromRAM(int(off/blockSize), int(min(blockSize, s.inRAM-off)), *buf)
		if !ok || w.Put(b) != nil {
			w.Close()
			s.refused = true
			return
		}
	}
	s.disk.Store(w)
}

// fromRAM copies the n-th chunk, of length want, out of memory.
func (s *sink) fromRAM(n, want int, dst []byte) ([]byte, bool) {
	dst = dst[:0]
	size := s.ram.Size()
	for k := n * (blockSize / size); len(dst) < want; k++ {
		part := min(size, want-len(dst))
		b, ok := s.ram.Chunk(k, part, dst[len(dst):len(dst):cap(dst)])
		if !ok {
			return dst, false
		}
		dst = dst[:len(dst)+len(b)]
	}
	return dst, true
}

// Chunk copies the n-th chunk, of length want, into dst.
func (s *sink) Chunk(n, want int, dst []byte) ([]byte, bool) {
	if w := s.disk.Load(); w != nil {
		return w.Chunk(n, want, dst[:0])
	}
	return s.fromRAM(n, want, dst)
}

// give makes what was written the content of o.
func (s *sink) give(o *store.Object[kept]) {
	if w := s.disk.Load(); w != nil {
		s.t.keep(o, w.Content())
		s.held = o.Content
		return
	}
	o.Content = s.ram.Content()
}

// Close tells that nobody will read from the sink any more.
func (s *sink) Close() {
	s.ram.Close()
	if w := s.disk.Load(); w != nil {
		w.Close()
	}
	if s.held != nil {
		s.held.Release()
	}
}
