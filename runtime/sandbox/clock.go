package sandbox

import (
	"runtime"
	"time"
)

// cpuClock measures the processor time of one call into a guest.
//
// The clock of the thread is the truth, but reading it is a system call, and it is of use only while the goroutine stays on
// one thread. So a call begins on the wall clock, which short hooks never leave: an upper bound, cut at firstStretch, for
// a stretch without a tick is short. From its first tick on, the goroutine is locked to its thread while the guest runs, and
// the thread's clock counts. It is unlocked whenever it gives way or waits: a locked goroutine that parks costs two
// switches of threads.
//
// It is for the goroutine that runs the guest. States: stopped; running on the wall; running on the thread (locked);
// paused (pauses > 0), in which no time counts and the goroutine is not locked.
type cpuClock struct {
	mark   time.Duration // begin of the stretch
	thread time.Duration // the thread's clock at mark, if locked
	locked bool
	relock bool // the clock was on the thread when it was paused
	pauses int

	watch   bool  // count page faults from the next lock on
	watched bool  // since the last one they are counted
	faults  int64 // of the thread then
}

// firstStretch is the most that a stretch on the wall clock counts: ten times a slice. What is above it is the time of
// others, who had the processor.
const firstStretch = time.Millisecond

func (c *cpuClock) start(now time.Duration) { *c = cpuClock{mark: now} }

// lap returns the time since the last lap, and begins the next.
func (c *cpuClock) lap(now time.Duration) time.Duration {
	if c.pauses > 0 {
		return 0
	}
	wall := now - c.mark
	c.mark = now
	if !c.locked {
		return min(wall, firstStretch)
	}
	before := c.thread
	c.thread = threadTime()
	return max(c.thread-before, 0)
}

// unlock lets the goroutine move; the caller has taken the lap.
func (c *cpuClock) unlock() {
	if c.locked {
		c.locked = false
		runtime.UnlockOSThread()
	}
}

// lock begins a stretch on the thread's clock.
func (c *cpuClock) lock(now time.Duration) {
	c.mark = now
	if !haveThreadTime || c.pauses > 0 {
		return
	}
	runtime.LockOSThread()
	c.locked, c.thread = true, threadTime()
	c.count()
}

// count begins to count page faults, if it is wanted. It costs as much as reading the clock.
func (c *cpuClock) count() {
	if c.watched = c.watch; c.watched {
		c.faults = threadFaults()
	}
}

// pause stops the clock while a host function waits. Pauses nest. The caller has taken the lap.
func (c *cpuClock) pause() {
	if c.pauses++; c.pauses == 1 {
		c.relock = c.locked
		c.unlock()
	}
}

func (c *cpuClock) resume(now time.Duration) {
	if c.pauses--; c.pauses > 0 {
		return
	}
	if c.relock {
		c.lock(now)
	}
	c.mark = now
}
