package sandbox

import (
	"runtime"
	"time"
)

// Turns shares the processors among guests that run long. One is made for a node, and all its pools use it.
//
// A call runs its first slice freely, so short hooks never come here. To go on it takes one of the turns, of which there
// are fewer than processors, and after each slice it hands the turn to whoever has waited longest. So a good request
// finds a free processor however many guests spin.
//
// free holds a token for each turn that nobody has. INVARIANT: tokens in free + turns held = cap(free). Those who wait are
// in the channel's own queue, which is first come, first served.
type Turns struct{ free chan struct{} }

// NewTurns makes n turns; 0 is one less than the processors, and at least one.
func NewTurns(n int) *Turns {
	if n <= 0 {
		n = max(runtime.GOMAXPROCS(0)-1, 1)
	}
	t := &Turns{free: make(chan struct{}, n)}
	for range n {
		t.free <- struct{}{}
	}
	return t
}

// take waits for a turn for that long at most and tells whether there was one. Nil turns are always free.
func (t *Turns) take(most time.Duration) bool {
	if t == nil {
		return true
	}
	select {
	case <-t.free: // Fast path: nobody waits
		return true
	default:
	}
	timer := time.NewTimer(most)
	defer timer.Stop()
	select {
	case <-t.free:
		return true
	case <-timer.C:
		return false
	}
}

func (t *Turns) give() {
	if t != nil {
		t.free <- struct{}{}
	}
}
