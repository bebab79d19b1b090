package sandbox

import (
	"runtime"
	"slices"
	"sync"
	"time"
)

// Turns shares the processors among guests that run long. One is made for a node, and all its pools use it.
//
// A call runs its first stretch freely, so short hooks never come here. To go on it takes one of the turns, of which there
// are fewer than processors: a good request finds a free processor however many guests spin. After each slice the turn
// goes to the next pool that has somebody waiting, round robin, and within a pool to whoever has waited longest. So a
// function that is called a thousand times at once takes no more from its neighbours than one that is called once.
//
// A turn is in one of these states: free; held by a run; on its way to a claim, which is in its channel. A claim is in a
// line, or has a turn in its channel, or neither.
//
// INVARIANT: if a turn is free, nobody waits. Each line in waiting has a claim; a line is there at most once.
//
// Rejected: one queue for all, first come, first served. A function with 32 requests in flight then gets 32 slices for
// each one of its neighbour's.
type Turns struct {
	mu      sync.Mutex
	free    int
	waiting []*line // in the order in which they are served
}

// line is those who wait for a turn for one pool. Its claims are guarded by Turns.mu. A nil *line means that turns are
// not shared.
type line struct {
	turns  *Turns
	claims []*claim // first come, first served
}

// claim is one run that waits. It belongs to the run, which makes it when it first has to wait; got has room for the one
// message that is under way at most.
type claim struct {
	got   chan struct{}
	timer *time.Timer
}

// NewTurns makes n turns; 0 is one less than the processors, and at least one.
func NewTurns(n int) *Turns {
	if n <= 0 {
		n = max(runtime.GOMAXPROCS(0)-1, 1)
	}
	return &Turns{free: n}
}

// line makes the queue of one pool.
func (t *Turns) line() *line {
	if t == nil {
		return nil
	}
	return &line{turns: t}
}

// take gets a turn: at once if one is free, else when the line's turn has come. It gives up after most and when gone is
// closed, and tells whether there was a turn. *own is the caller's claim, made here if there is none.
func (l *line) take(own **claim, most time.Duration, gone <-chan struct{}) bool {
	if l == nil {
		return true
	}
	t := l.turns
	t.mu.Lock()
	if t.free > 0 { // Fast path: nobody waits
		t.free--
		t.mu.Unlock()
		return true
	}
	c := l.join(own)
	t.mu.Unlock()
	return l.wait(c, most, gone)
}

// pass hands a turn that the caller holds to who is next, and waits until it comes back, as take does. If nobody waits the
// caller keeps it.
func (l *line) pass(own **claim, most time.Duration, gone <-chan struct{}) bool {
	if l == nil {
		return true
	}
	t := l.turns
	t.mu.Lock()
	if len(t.waiting) == 0 { // Fast path: nobody waits
		t.mu.Unlock()
		return true
	}
	c := l.join(own) // first, or a line with more claims would come before it again
	next := t.next()
	t.mu.Unlock()
	next.got <- struct{}{}
	return l.wait(c, most, gone)
}

// give hands a turn to who is next, or frees it.
func (l *line) give() {
	if l == nil {
		return
	}
	t := l.turns
	t.mu.Lock()
	next := t.next()
	if next == nil {
		t.free++
	}
	t.mu.Unlock()
	if next != nil {
		next.got <- struct{}{}
	}
}

// next takes the claim out that is served next; nil if nobody waits.
//
// Preconditions: t.mu is held.
func (t *Turns) next() *claim {
	if len(t.waiting) == 0 {
		return nil
	}
	l := t.waiting[0]
	c := l.claims[0]
	l.claims = slices.Delete(l.claims, 0, 1)
	t.waiting = slices.Delete(t.waiting, 0, 1)
	if len(l.claims) > 0 {
		t.waiting = append(t.waiting, l)
	}
	return c
}

// join puts the caller's claim at the end of its line.
//
// Preconditions: l.turns.mu is held.
func (l *line) join(own **claim) *claim {
	if *own == nil {
		*own = &claim{got: make(chan struct{}, 1)}
	}
	if len(l.claims) == 0 {
		l.turns.waiting = append(l.turns.waiting, l)
	}
	l.claims = append(l.claims, *own)
	return *own
}

// wait waits for a turn that was asked for.
func (l *line) wait(c *claim, most time.Duration, gone <-chan struct{}) bool {
	if c.timer == nil {
		c.timer = time.NewTimer(most)
	} else {
		c.timer.Reset(most)
	}
	select {
	case <-c.got:
		c.timer.Stop()
		return true
	case <-c.timer.C:
	case <-gone:
		c.timer.Stop()
	}
	if !l.leave(c) {
		<-c.got // it came at the same moment
		l.give()
	}
	return false
}

// leave takes a claim out of its line, and tells whether it was there.
func (l *line) leave(c *claim) bool {
	t := l.turns
	t.mu.Lock()
	defer t.mu.Unlock()
	n := slices.Index(l.claims, c)
	if n < 0 {
		return false
	}
	if l.claims = slices.Delete(l.claims, n, n+1); len(l.claims) == 0 {
		n = slices.Index(t.waiting, l)
		t.waiting = slices.Delete(t.waiting, n, n+1)
	}
	return true
}
