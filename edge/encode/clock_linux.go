package encode

import (
	"runtime"
	"time"

	"golang.org/x/sys/unix"
)

const haveThreadTime = true

// onThread holds the goroutine to its thread and begins to measure the thread's
// processor time; stop ends both.
func onThread() (stop func() time.Duration) {
	runtime.LockOSThread()
	began := threadTime()
	return func() time.Duration {
		defer runtime.UnlockOSThread()
		return threadTime() - began
	}
}

func threadTime() time.Duration {
	var t unix.Timespec
	if unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &t) != nil {
		return 0
	}
	return time.Duration(t.Nano())
}
