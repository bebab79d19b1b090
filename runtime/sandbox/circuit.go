package sandbox

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/wedgecdn/wedge/runtime/engine"
)

// ErrCircuit is what Acquire returns, at once, while no instances are made because the last ones could not be.
var ErrCircuit = errors.New("sandbox: instances cannot be made")

// How a circuit opens.
const (
	tripsAfter = 3 // failures in a row
	firstPause = time.Second
	longPause  = 30 * time.Second
)

// circuit spares a node from trying again and again to make instances of a module that fails while it is made, with every
// request waiting for the attempt. Only making counts: what happens in an exchange is in the hand of whoever sends the
// request, and must never switch a function off for others.
//
// States: closed, fewer than tripsAfter failures in a row; open, until a time; half open, when that time is over: one may
// try while all others are still refused. A success closes it from any state.
type circuit struct {
	mu       sync.Mutex
	failures int           // in a row
	until    time.Duration // when it may be tried again, on the pool's clock
	trying   bool          // somebody does
	last     error
}

// enter asks for leave to make an instance. Who gets it tells leave how it went.
func (c *circuit) enter(now time.Duration) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.failures < tripsAfter:
		return nil
	case now < c.until:
		return fmt.Errorf("%w: %d attempts in a row have failed, the next is in %s: %w", ErrCircuit, c.failures, (c.until - now).Round(time.Millisecond), c.last)
	case c.trying:
		return fmt.Errorf("%w: %d attempts in a row have failed, one more is under way: %w", ErrCircuit, c.failures, c.last)
	}
	c.trying = true
	return nil
}

// leave notes how an attempt went. It tells for how long the circuit is open now, if it has just opened.
func (c *circuit) leave(now time.Duration, err error) (opened time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.trying = false
	switch {
	case err == nil:
		c.failures, c.last = 0, nil
		return 0
	case !counts(err):
		return 0
	}
	c.last = err
	if c.failures++; c.failures < tripsAfter {
		return 0
	}
	opened = min(firstPause<<min(c.failures-tripsAfter, 10), longPause)
	c.until = now + opened
	return opened
}

// counts tells whether an error says something about the module, and not about the one who asked.
func counts(err error) bool {
	var trap *Trap
	switch {
	case errors.Is(err, ErrClosed), errors.Is(err, engine.ErrClosed), errors.Is(err, ErrNoInstance), errors.Is(err, context.Canceled):
		return false
	case errors.As(err, &trap):
		return trap.Kind != Cancelled
	}
	return true
}
