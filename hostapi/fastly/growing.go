package fastly

import (
	"bytes"
	"io"
	"sync"
)

// growing is content that is read while it is written.
//
// With most above 0 it is kept whole only up to that length. Beyond it passes through: what all its readers have read is
// let go, and its writer waits where they are too slow. Then it cannot be kept any more, and nobody new reads it.
//
// States: kept whole; passing; ended, by end. mu guards everything; changed is closed, and made anew, at each change.
type growing struct {
	held *gauge          // nil: it is not counted
	gone <-chan struct{} // closed when its writer's run is over: nobody waits for more then
	most int64
	// spill is called once, when it begins to pass through, by who writes it; nil is nothing.
	spill func()

	mu      sync.Mutex
	b       []byte
	base    int64 // how much before b was let go
	passing bool
	readers map[*growingReader]struct{}
	on      *gauge // the account on which it stands once it has ended; nil: none, or not any more
	found   int    // how many have it
	ended   bool
	err     error
	changed chan struct{}
}

func newGrowing(held *gauge, gone <-chan struct{}) *growing {
	return &growing{held: held, gone: gone, changed: make(chan struct{})}
}

// wholeOf is content that is all there.
func wholeOf(b []byte) *growing { return &growing{b: b, ended: true} }

// change wakes who waits. mu is held.
func (g *growing) change() {
	if g.changed != nil {
		close(g.changed)
	}
	g.changed = make(chan struct{})
}

// write appends; false if the run holds too much, or nobody can take it any more.
func (g *growing) write(b []byte) bool {
	if len(b) == 0 {
		return true
	}
	if g.most > 0 && !g.passes() && g.size()+int64(len(b)) > g.most {
		g.mu.Lock()
		g.passing = true
		g.trim()
		g.mu.Unlock()
		if g.spill != nil {
			g.spill()
		}
	}
	for g.held != nil && !g.held.add(len(b)) {
		g.mu.Lock()
		passing, unread, changed := g.passing, len(g.b), g.changed
		g.mu.Unlock()
		if !passing || unread == 0 {
			return false // nobody's reading would make room
		}
		select {
		case <-changed:
		case <-g.gone:
			return false
		}
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.b = append(g.b, b...)
	g.trim()
	g.change()
	return true
}

// passes tells whether it is not kept any more.
func (g *growing) passes() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.passing
}

// trim lets go of what all have read, if it is passing. mu is held.
func (g *growing) trim() {
	if !g.passing || g.ended {
		return
	}
	least := g.base + int64(len(g.b))
	for r := range g.readers {
		least = min(least, r.at)
	}
	n := int(least - g.base)
	if n <= 0 {
		return
	}
	if g.b, g.base = g.b[n:], least; len(g.b) == 0 {
		g.b = nil
	}
	if g.held != nil {
		g.held.sub(n)
	}
	g.change()
}

func (g *growing) end(err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.ended, g.err = true, err
	g.change()
	g.on = g.held // it lives as long as somebody has it, or reads it
	g.settle()
}

// hold is told by each who finds it, or who keeps what he has written. It stands on an account for as long as any of them
// has it, or anybody reads it: on that of its writer, or else on the one of who was the first; false if that holds too much.
func (g *growing) hold(on *gauge) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.ended && g.on == nil {
		if !on.add(len(g.b)) {
			return false
		}
		g.on = on
	}
	g.found++
	return true
}

// release tells that one of those does not have it any more.
func (g *growing) release() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.found--
	g.settle()
}

// settle clears the account when nobody has it. mu is held.
func (g *growing) settle() {
	if g.on != nil && g.found == 0 && len(g.readers) == 0 {
		g.on.sub(len(g.b))
		g.on = nil
	}
}

func (g *growing) size() int64 {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.base + int64(len(g.b))
}

// whole is the length, if everything is there.
func (g *growing) whole() (int64, bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.base + int64(len(g.b)), g.ended && g.err == nil
}

func (g *growing) bytes() []byte {
	g.mu.Lock()
	defer g.mu.Unlock()
	return bytes.Clone(g.b)
}

// reader reads from first to last; -1 is to the end. It must be closed.
func (g *growing) reader(first, last int64) *growingReader {
	r := &growingReader{g: g, at: first, last: last}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.readers == nil {
		g.readers = map[*growingReader]struct{}{}
	}
	g.readers[r] = struct{}{}
	return r
}

// growingReader is one who reads; at is guarded by the mu of what it reads.
type growingReader struct {
	g        *growing
	at, last int64
}

// Read waits for more, if more is to come.
func (r *growingReader) Read(p []byte) (int, error) {
	g := r.g
	for {
		g.mu.Lock()
		end := g.base + int64(len(g.b))
		if r.last >= 0 && r.last+1 < end {
			end = r.last + 1
		}
		switch {
		case r.at < g.base:
			g.mu.Unlock()
			return 0, errUnfinished
		case r.at < end:
			n := copy(p, g.b[r.at-g.base:end-g.base])
			r.at += int64(n)
			g.trim()
			g.mu.Unlock()
			return n, nil
		}
		ended, err, changed := g.ended, g.err, g.changed
		g.mu.Unlock()
		switch {
		case r.last >= 0 && r.at > r.last:
			return 0, io.EOF
		case ended && err != nil:
			return 0, err
		case ended:
			return 0, io.EOF
		}
		select {
		case <-changed:
		case <-g.gone: // else a writer that waits for what it writes would wait for ever
			return 0, errUnfinished
		}
	}
}

// Close ends the reading.
func (r *growingReader) Close() error {
	r.g.mu.Lock()
	defer r.g.mu.Unlock()
	delete(r.g.readers, r)
	r.g.trim()
	r.g.settle()
	return nil
}
