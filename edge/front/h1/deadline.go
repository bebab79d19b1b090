package h1

import (
	"errors"
	"os"
	"time"
)

// Deadlines roll: they bound a silence, not a message, so a long transfer that
// moves is never cut. Setting one costs as much as parsing two fields, so one
// in force is kept while it still leaves what is asked; it may therefore fire
// up to an eighth late. Reading a clock costs a twentieth of what a hit costs
// beside the kernel, so where no time has passed a reading serves twice.

// past is a deadline that has always passed: it ends a read that waits.
var past = time.Unix(1, 0)

// now is the time on the front's clock.
func (c *conn) now() time.Duration { return time.Since(c.front.epoch) }

// arrival is the time at which a request is there.
func (c *conn) arrival() time.Time {
	// Fast path: the time of day is the last one and what a steady clock says
	// has passed since; a clock that was set is noticed within a second.
	if since := time.Since(c.wall); since < time.Second {
		return c.wall.Add(since)
	}
	c.wall = time.Now()
	return c.wall
}

func stale(until, want, limit time.Duration) bool { return until < want || until > want+limit/8 }

// armRead makes reads fail when the client has been silent for limit from now.
func (c *conn) armRead(now, limit time.Duration) {
	if want := now + limit; stale(c.readUntil, want, limit) {
		c.readUntil = want + limit/8
		c.nc.SetReadDeadline(c.front.epoch.Add(c.readUntil))
	}
}

// armWrite makes writes fail when the client has taken nothing for limit from now.
func (c *conn) armWrite() {
	now := c.out.ready
	if now == 0 {
		now = c.now()
	}
	c.out.ready = 0
	limit := c.front.options.WriteTimeout
	if want := now + limit; stale(c.writeUntil, want, limit) {
		c.writeUntil = want + limit/8
		c.nc.SetWriteDeadline(c.front.epoch.Add(c.writeUntil))
	}
}

// early tells that err is a deadline that Shutdown had set for a connection
// that was waiting, but is not any more; it puts ours back.
func (c *conn) early(err error) bool {
	if !errors.Is(err, os.ErrDeadlineExceeded) || c.now() >= c.readUntil || c.interrupted.Load() {
		return false
	}
	c.nc.SetReadDeadline(c.front.epoch.Add(c.readUntil))
	return true
}

// read reads once under the deadline in force.
func (c *conn) read(p []byte) (int, error) {
	for {
		n, err := c.receive(p)
		if n > 0 {
			return n, nil // an error shows again at the next read
		}
		if err != nil && !c.early(err) {
			return 0, err
		}
	}
}

// write writes all of p. A deadline that fires although the client has taken
// some of p starts anew: who takes nothing any more is found out after once to
// twice the time.
func (c *conn) write(p []byte) error {
	c.armWrite()
	for {
		n, err := c.transmit(p)
		p = p[n:]
		if err == nil || n == 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
			return err
		}
		c.writeUntil = 0
		c.armWrite()
	}
}

// untilForever takes the read deadline away: an upgraded connection may be silent.
func (c *conn) untilForever() {
	c.readUntil = 1<<63 - 1
	c.nc.SetReadDeadline(time.Time{})
}
