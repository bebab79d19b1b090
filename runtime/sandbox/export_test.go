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

// ForgetStretch begins to look for the pool's longest stretch anew.
func (p *Pool) ForgetStretch() { p.o.stretches.longest.Store(0); p.o.stretches.most.Store(0) }

// Bursts tells whether a guest of the pool touched too many pages at once.
func (p *Pool) Bursts() bool { return p.o.stretches.bursts.Load() }

// Untouched is how many pages of its memory the guest has never touched, at most.
func (i *Instance) Untouched() int { return i.memory.cold }
