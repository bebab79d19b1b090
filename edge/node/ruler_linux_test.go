package node_test

import (
	"runtime"
	"time"

	"golang.org/x/sys/unix"
)

// ruler is what the clock that measures stretches shows where there is no guest: the longest of pieces of the same work, some
// 40 µs each, one after the other for as long as run. What is above 40 µs has been taken by interrupts, and by the host of a virtual machine
// that does not say what it takes.
func ruler(run time.Duration) (longest time.Duration) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	clock := func() time.Duration {
		var t unix.Timespec
		if unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &t) != nil {
			return 0
		}
		return time.Duration(t.Nano())
	}
	steps, sum := 1000, uint64(1)
	piece := func() time.Duration {
		begin := clock()
		for range steps {
			sum = sum*6364136223846793005 + 1442695040888963407 // each waits for the one before
		}
		return clock() - begin
	}
	for piece() < 40*time.Microsecond && steps < 1<<20 {
		steps += steps / 4
	}
	for begin := time.Now(); time.Since(begin) < run; {
		longest = max(longest, piece())
	}
	if sum == 0 { // or the work would not be needed
		return 0
	}
	return longest
}
