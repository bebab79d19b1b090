package fill

import (
	"sync"
	"time"
)

// A stream is a body on its way from one writer, the pump, to many readers.
//
// It holds the body in blocks, each as long as a chunk of the sink. While the
// body is being kept (sink, storing) a block may go as soon as it is in the
// sink: a reader that is behind, or joins late, gets it from there, or is cut
// if the store has lost it. While it is not kept, a block goes when every
// reader has passed it: the slowest sets the pace, and is cut if it stands in
// the others' way for Options.Stall.
//
// States: flowing, then done (err says how). A stream that keeps may stop
// keeping (the body is too long, the sink refuses), never the other way.
//
// INVARIANTS:
//   - blocks[i] holds the bytes from (base+i)·size on; all are full but the last.
//   - end is the number of bytes that readers may see, filled the number that
//     the pump has read; end ≤ filled. Bytes below filled never change, also
//     when a block grows into a larger array.
//   - every block below base has been put into the sink, or was passed by all
//     readers and nobody can attach any more.
//   - held > 0 until the last reader has left and the pump has finished; then
//     the sink is closed and the reservation given back, once.
//
// Lock order: Table.mu, Fill.mu, mu.
type stream struct {
	table *Table
	size  int // of a block
	sink  Sink
	ahead int64 // how far the pump may run before the fastest reader
	fate  Fate  // the pump's

	mu       sync.Mutex
	data     sync.Cond // readers wait for bytes
	pace     sync.Cond // the pump waits for readers
	pumping  bool      // the pump waits on pace
	blocks   [][]byte
	base     int
	end      int64
	filled   int64 // changed by the pump only, which may read it without mu
	done     bool
	err      error
	storing  bool // changed by the pump only, which may read it without mu
	stored   int  // blocks in the sink
	shut     bool
	readers  map[*Reader]struct{}
	reserved int64
	held     int
}

// windowBlock is the size of a block where there is no sink.
const windowBlock = 32 << 10

func newStream(t *Table, sink Sink, length int64) *stream {
	s := &stream{table: t, sink: sink, size: windowBlock, ahead: t.opts.ReadAhead, readers: map[*Reader]struct{}{}, held: 1, fate: Unkept}
	s.data.L, s.pace.L = &s.mu, &s.mu
	if sink == nil {
		return s
	}
	s.size = sink.Size()
	if length > t.opts.ObjectSize {
		s.fate = TooLong
		return s
	}
	// What the blocks take at most: the read-ahead, the block that is being
	// filled, and the one that a reader holds. Where memory is short the fetch
	// runs less far ahead; where there is none the body is not kept.
	block := int64(s.size)
	for _, ahead := range [...]int64{s.ahead, 2 * block} {
		want := ahead + 2*block
		if length >= 0 {
			want = min(want, length)
		}
		if t.reserve(want) {
			s.ahead, s.reserved, s.storing = min(ahead, s.ahead), want, true
			return s
		}
	}
	s.fate = Crowded
	return s
}

// wholeStream is a stream that has arrived. Its maker holds it as a pump does,
// until free.
func wholeStream(t *Table, body []byte) *stream {
	s := newStream(t, nil, int64(len(body)))
	s.size = max(len(body), 1)
	s.blocks, s.filled, s.end, s.done, s.shut = [][]byte{body}, int64(len(body)), int64(len(body)), true, true
	return s
}

// keeps tells whether the body is being stored.
func (s *stream) keeps() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.storing
}

// attach adds a reader at the first byte. A late one gets nil if the beginning
// is not to be had any more.
func (s *stream) attach(late bool) *Reader {
	s.mu.Lock()
	defer s.mu.Unlock()
	if late && (s.shut || s.base > 0 && !s.storing || s.done && s.err != nil) {
		return nil
	}
	r := &Reader{s: s, limit: -1}
	s.readers[r] = struct{}{}
	s.held++
	return r
}

// release gives up one hold.
// Preconditions: mu is held.
func (s *stream) release() {
	if s.held--; s.held == 0 {
		s.shut = true
		s.blocks = nil
		s.table.reserved.Add(-s.reserved)
		s.reserved = 0
		if s.sink != nil {
			s.sink.Close()
		}
	}
}

func (s *stream) free() {
	s.mu.Lock()
	s.release()
	s.mu.Unlock()
}

// finish ends the stream, if it has not ended; readers see the error after the
// bytes that are there.
func (s *stream) finish(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.done {
		return
	}
	s.done, s.err = true, err
	if err != nil {
		s.shut = true
	}
	if s.storing && err == nil && s.end > int64(s.size) {
		// All is in the store: slow readers read from there, and hold no memory.
		// One block they may keep, as they would one of the store's.
		s.drop(len(s.blocks))
		s.table.reserved.Add(-s.reserved)
		s.reserved = 0
	}
	s.data.Broadcast()
	s.release()
}

// drop lets go of the first n blocks.
func (s *stream) drop(n int) {
	clear(s.blocks[:n])
	s.blocks = s.blocks[n:]
	s.base += n
}

// span is the offsets of the slowest and the fastest reader.
// Preconditions: mu is held, there are readers.
func (s *stream) span() (slowest, fastest int64) {
	slowest = s.end
	for r := range s.readers {
		slowest, fastest = min(slowest, r.off), max(fastest, r.off)
	}
	return slowest, fastest
}

// trim drops blocks that are not needed.
// Preconditions: mu is held.
func (s *stream) trim() {
	if len(s.readers) == 0 {
		if s.storing {
			s.drop(min(s.stored-s.base, len(s.blocks)))
		}
		return
	}
	slowest, fastest := s.span()
	if s.storing {
		// Memory for the fastest; the others may have what fits.
		over := s.end - int64(s.base)*int64(s.size) - s.ahead
		n := min(over, fastest-int64(s.base)*int64(s.size)) / int64(s.size)
		s.drop(max(0, min(int(n), s.stored-s.base)))
		return
	}
	n := slowest/int64(s.size) - int64(s.base)
	s.drop(max(0, min(int(n), len(s.blocks))))
}

// admit waits until the pump may read more, and makes room for it: the unused
// rest of the last block, which nobody else looks at.
func (s *stream) admit(length int64) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var stall *time.Timer
	var since time.Time
	defer func() {
		if stall != nil {
			stall.Stop()
		}
	}()
	for {
		s.trim()
		if len(s.readers) == 0 {
			if !s.storing {
				return nil, ErrUnwanted
			}
			return s.room(length), nil
		}
		slowest, fastest := s.span()
		ahead := s.ahead
		if !s.storing {
			ahead = 2 * int64(s.size)
		}
		switch {
		case s.end-fastest >= ahead:
			since = time.Time{} // nobody stands in anybody's way
		case s.storing || s.end-slowest < ahead:
			return s.room(length), nil
		case since.IsZero():
			since = time.Now()
			if stall != nil {
				stall.Stop()
			}
			stall = time.AfterFunc(s.table.opts.Stall, s.wake)
		case time.Since(since) >= s.table.opts.Stall:
			for r := range s.readers {
				if s.end-r.off >= ahead {
					s.cut(r, ErrSlow)
				}
			}
			s.data.Broadcast()
			continue
		}
		s.pumping = true
		s.pace.Wait()
		s.pumping = false
	}
}

// room is free space at the end of the blocks.
// Preconditions: mu is held.
func (s *stream) room(length int64) []byte {
	if n := len(s.blocks); n > 0 && len(s.blocks[n-1]) < s.size {
		last := s.blocks[n-1]
		if len(last) == cap(last) {
			// Grows into another array: readers may still look at the old one.
			wide := make([]byte, len(last), min(4*cap(last), s.size))
			copy(wide, last)
			s.blocks[n-1], last = wide, wide
		}
		return last[len(last):cap(last)]
	}
	c := int64(4 << 10)
	if length >= 0 {
		c = max(length-s.filled, 1)
	} else if s.filled > 0 {
		c = int64(s.size)
	}
	b := make([]byte, 0, min(c, int64(s.size)))
	s.blocks = append(s.blocks, b)
	return b[:cap(b)]
}

func (s *stream) wake() {
	s.mu.Lock()
	s.pace.Signal()
	s.mu.Unlock()
}

// cut ends a reader with an error.
// Preconditions: mu is held.
func (s *stream) cut(r *Reader, err error) {
	r.err = err
	if _, ok := s.readers[r]; ok {
		delete(s.readers, r)
		if s.pumping {
			s.pace.Signal()
		}
		s.release()
	}
}
