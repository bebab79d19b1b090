package fastly

import (
	"io"
	"sync"
)

// readAhead is how much of a source is read before the guest asks for it.
const readAhead = 32 << 10

// source is a stream of bytes that comes from elsewhere: the client, a backend, a pipe. It is read by one goroutine at
// a time, its owner; so that a guest can wait for several at once, a piece of it may be read ahead by a goroutine of its
// own.
//
// States: idle (done is nil, or closed and what was read is in got and err); reading ahead (done is open, got and err
// belong to the goroutine); closed. If it is closed while it is read ahead, the goroutine closes the reader.
type source struct {
	r    io.ReadCloser
	peer bool // what is waited for is the client

	done chan struct{}
	buf  []byte
	got  []byte // of buf, read and not taken
	err  error

	mu sync.Mutex
	// busy and closed decide who closes r.
	busy, closed bool
}

func newSource(r io.ReadCloser, peer bool) *source { return &source{r: r, peer: peer} }

// over is a channel that is closed.
func over() <-chan struct{} {
	c := make(chan struct{})
	close(c)
	return c
}

// ahead makes sure that the next read does not wait once the channel is closed.
func (s *source) ahead() <-chan struct{} {
	if s.done != nil {
		select {
		case <-s.done:
		default:
			return s.done
		}
	}
	if len(s.got) > 0 || s.err != nil {
		return s.done
	}
	if s.buf == nil {
		s.buf = make([]byte, readAhead)
	}
	s.mu.Lock()
	s.busy = true
	s.mu.Unlock()
	done := make(chan struct{})
	s.done = done
	go func() {
		n, err := 0, error(nil)
		for range 100 {
			if n, err = s.r.Read(s.buf); n > 0 || err != nil {
				break
			}
		}
		if n == 0 && err == nil {
			err = io.ErrNoProgress
		}
		s.got, s.err = s.buf[:n], err
		s.mu.Lock()
		s.busy = false
		closed := s.closed
		s.mu.Unlock()
		close(done)
		if closed {
			s.r.Close()
		}
	}()
	return done
}

// Read reads what was read ahead, or what comes.
func (s *source) Read(p []byte) (int, error) {
	if s.done != nil {
		<-s.done
	}
	if len(s.got) > 0 {
		n := copy(p, s.got)
		s.got = s.got[n:]
		return n, nil
	}
	if s.err != nil {
		return 0, s.err
	}
	n, err := s.r.Read(p)
	s.err = err
	return n, err
}

// Close ends it. A second Close does nothing.
func (s *source) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil
	}
	s.closed = true
	if s.busy {
		return nil
	}
	return s.r.Close()
}

// upload is the client's content, for as long as the exchange is there.
//
// mu is held while it is read, so who has ended it knows that nobody is at the exchange any more.
type upload struct {
	mu sync.Mutex
	r  io.Reader // nil: over
}

// Read reads the client's content.
func (u *upload) Read(p []byte) (int, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.r == nil {
		return 0, io.ErrClosedPipe
	}
	return u.r.Read(p)
}

// Close does nothing: the content is closed by whom it belongs to.
func (u *upload) Close() error { return nil }

func (u *upload) end() {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.r = nil
}
