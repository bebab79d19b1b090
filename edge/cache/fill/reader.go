package fill

import (
	"errors"
	"io"

	"github.com/wedgecdn/wedge/hostapi/exchange"
)

// ErrLost is the error of a reader that was so far behind that its next bytes
// were to come from the store, and the store had evicted them.
var ErrLost = errors.New("fill: a part of the body has been evicted before it was read")

// A Reader reads the body of a fill from its first byte, while it arrives. It
// is used by one goroutine and closed exactly once.
type Reader struct {
	s *stream

	// Guarded by s.mu; only the reader's goroutine changes off and limit.
	off   int64
	limit int64 // the offset at which to end; -1 if at the body's end
	err   error // why the reader was cut

	// copied holds block number block, out of the sink.
	copied []byte
	block  int
}

// next waits for bytes and is a view of them, valid for ever.
func (r *Reader) next() ([]byte, error) {
	s := r.s
	s.mu.Lock()
	for r.err == nil && (r.limit < 0 || r.off < r.limit) && r.off >= s.end && !s.done {
		s.data.Wait()
	}
	switch {
	case r.err != nil:
		s.mu.Unlock()
		return nil, r.err
	case r.limit >= 0 && r.off >= r.limit:
		s.mu.Unlock()
		return nil, io.EOF
	case r.off >= s.end:
		err := s.err
		s.mu.Unlock()
		if err == nil {
			err = io.EOF
		}
		return nil, err
	}
	n := int(r.off / int64(s.size))
	start := int64(n) * int64(s.size)
	upTo := min(int64(s.size), s.end-start)
	var b []byte
	if n >= s.base {
		b = s.blocks[n-s.base]
		s.mu.Unlock()
	} else {
		s.mu.Unlock()
		if r.copied == nil || r.block != n {
			// A block that is not in memory is full, or the body's last.
			if cap(r.copied) < int(upTo) {
				r.copied = make([]byte, 0, s.size)
			}
			var ok bool
			if r.copied, ok = s.sink.Chunk(n, int(upTo), r.copied[:0]); !ok {
				r.copied = nil
				s.mu.Lock()
				s.shut = true // a late reader would fare no better
				s.cut(r, ErrLost)
				s.mu.Unlock()
				return nil, ErrLost
			}
			r.block = n
		}
		b = r.copied
	}
	b = b[r.off-start : upTo]
	if r.limit >= 0 {
		b = b[:min(int64(len(b)), r.limit-r.off)]
	}
	return b, nil
}

// advance says that n more bytes have been read.
func (r *Reader) advance(n int64) {
	s := r.s
	s.mu.Lock()
	r.off += n
	if s.pumping {
		s.pace.Signal()
	}
	s.mu.Unlock()
}

// Read reads the next bytes.
func (r *Reader) Read(p []byte) (int, error) {
	b, err := r.next()
	if err != nil {
		return 0, err
	}
	n := copy(p, b)
	r.advance(int64(n))
	return n, nil
}

// dry tells whether next would wait.
func (r *Reader) dry() bool {
	s := r.s
	s.mu.Lock()
	defer s.mu.Unlock()
	return r.err == nil && (r.limit < 0 || r.off < r.limit) && r.off >= s.end && !s.done
}

// WriteTo writes what is left, as it arrives. It lets the writer send what it
// holds back before it waits for more.
func (r *Reader) WriteTo(w io.Writer) (written int64, err error) {
	for {
		if r.dry() {
			if err := exchange.Flush(w); err != nil {
				return written, err
			}
		}
		b, err := r.next()
		if err == io.EOF {
			return written, nil
		}
		if err != nil {
			return written, err
		}
		n, err := w.Write(b)
		r.advance(int64(n))
		written += int64(n)
		if err != nil {
			return written, err
		}
	}
}

// Skip leaves out the next n bytes. There is no error: what cannot be had shows
// when it is read.
func (r *Reader) Skip(n int64) error {
	if n = max(n, 0); r.limit >= 0 {
		n = min(n, r.limit-r.off)
	}
	r.advance(n)
	return nil
}

// Limit ends the body after n more bytes.
func (r *Reader) Limit(n int64) {
	r.s.mu.Lock()
	if end := r.off + max(n, 0); r.limit < 0 || end < r.limit {
		r.limit = end
	}
	r.s.mu.Unlock()
}

// Close ends the reading.
func (r *Reader) Close() error {
	r.leave()
	return nil
}

// leave is Close, for a reader that may be nil or closed already.
func (r *Reader) leave() {
	if r == nil {
		return
	}
	r.s.mu.Lock()
	r.s.cut(r, io.ErrClosedPipe)
	r.s.mu.Unlock()
}
