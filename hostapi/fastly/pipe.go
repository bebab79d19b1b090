package fastly

import (
	"io"
	"sync"
	"sync/atomic"

	"github.com/wedgecdn/wedge/hostapi/exchange"
)

// pipeRoom is how much may wait in a pipe before its writer waits.
const pipeRoom = 64 << 10

// gauge counts the bytes that a run's bodies hold.
type gauge struct {
	n    atomic.Int64
	most int64
}

// add takes n bytes in; false if that is too much.
func (g *gauge) add(n int) bool {
	if g.n.Add(int64(n)) > g.most {
		g.n.Add(int64(-n))
		return false
	}
	return true
}

func (g *gauge) sub(n int) { g.n.Add(int64(-n)) }

// pipe is a body that is written while it is read: by the guest, and by whoever sends it.
//
// States: open; ended, by close or abandon, when the reader gets what is left and then err (nil: io.EOF); left, when
// the reader has gone and writes fail. mu guards everything; changed is closed, and made anew, at each change.
type pipe struct {
	held *gauge

	mu      sync.Mutex
	chunks  []chunk
	waiting int // bytes in chunks that stand in memory
	ended   bool
	err     error
	left    bool
	trailer exchange.Header
	changed chan struct{}
}

func newPipe(held *gauge) *pipe { return &pipe{held: held, changed: make(chan struct{})} }

// change wakes who waits. mu is held.
func (p *pipe) change() {
	close(p.changed)
	p.changed = make(chan struct{})
}

// room tells whether a write would not wait, and a channel that is closed when that may be otherwise.
func (p *pipe) room() (bool, <-chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.left || p.ended || p.waiting < pipeRoom, p.changed
}

// put appends a chunk; false if nobody reads any more.
func (p *pipe) put(c chunk) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.left || p.ended {
		return false
	}
	p.chunks = append(p.chunks, c)
	p.waiting += len(c.b)
	p.change()
	return true
}

// end ends it: with nil as it should, otherwise broken.
func (p *pipe) end(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.ended {
		p.ended, p.err = true, err
		p.change()
	}
}

func (p *pipe) addTrailer(name, value string) status {
	p.mu.Lock()
	defer p.mu.Unlock()
	if st := fits(&p.trailer, name, value); st != ok {
		return st
	}
	p.trailer.Add(name, value)
	return ok
}

// next waits for a chunk and takes it away; io.EOF or why there is none.
func (p *pipe) next() (chunk, error) {
	for {
		p.mu.Lock()
		switch {
		case p.left:
			p.mu.Unlock()
			return chunk{}, io.ErrClosedPipe
		case len(p.chunks) > 0:
			c := p.chunks[0]
			p.chunks[0] = chunk{}
			p.chunks = p.chunks[1:]
			p.waiting -= len(c.b)
			p.change()
			p.mu.Unlock()
			return c, nil
		case p.ended:
			err := p.err
			p.mu.Unlock()
			if err == nil {
				err = io.EOF
			}
			return chunk{}, err
		}
		changed := p.changed
		p.mu.Unlock()
		<-changed
	}
}

// leave is the reader's end.
func (p *pipe) leave() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.left {
		return
	}
	p.left = true
	for i := range p.chunks {
		p.chunks[i].drop(p.held)
	}
	p.chunks, p.waiting = nil, 0
	p.change()
}

// reader reads a pipe as a stream of bytes.
type reader struct {
	p   *pipe
	now chunk
}

// Read reads the next bytes.
func (r *reader) Read(b []byte) (int, error) {
	for {
		if len(r.now.b) > 0 {
			n := copy(b, r.now.b)
			r.now.b = r.now.b[n:]
			r.p.held.sub(n)
			return n, nil
		}
		if r.now.src != nil {
			n, err := r.now.src.Read(b)
			if err == io.EOF {
				r.now.src.Close()
				r.now.src = nil
				if n > 0 {
					return n, nil
				}
				continue
			}
			return n, err
		}
		c, err := r.p.next()
		if err != nil {
			return 0, err
		}
		r.now = c
	}
}

// Close ends the reading.
func (r *reader) Close() error {
	r.now.drop(r.p.held)
	r.now = chunk{}
	r.p.leave()
	return nil
}
