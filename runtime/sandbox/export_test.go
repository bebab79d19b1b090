package sandbox

import (
	"runtime"
	"time"
)

const HaveThreadTime = haveThreadTime

// ThreadTime is the processor time of the thread that calls.
func ThreadTime() time.Duration { return threadTime() }

// OnOneThread runs f on a thread that it keeps, for ThreadTime.
func OnOneThread(f func()) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	f()
}
