package node_test

import (
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// ruler is what the clock that measures stretches shows where there is no guest: as many goroutines as there are spinners, each of
// which works for so long, in pieces of some 40 µs that each say how long they took. As guests do, they work on a thread of their own while
// it is their turn, of which there is one less than processors, and pass that on after 100 µs. The longest piece of all is returned:
// what is above 40 µs has been taken by interrupts, and by the host of a virtual machine that does not say what it takes.
func ruler(spinners int, each time.Duration) time.Duration {
	const piece, share = 40 * time.Microsecond, 100 * time.Microsecond
	clock := func() time.Duration {
		var t unix.Timespec
		if unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &t) != nil {
			return 0
		}
		return time.Duration(t.Nano())
	}
	var sink atomic.Uint64 // or the work would not be needed
	work := func(steps int) time.Duration {
		begin, sum := clock(), uint64(1)
		for range steps {
			sum = sum*6364136223846793005 + 1442695040888963407 // each waits for the one before
		}
		sink.Store(sum)
		return clock() - begin
	}
	steps := 1000
	for work(steps) < piece && steps < 1<<20 {
		steps += steps / 4
	}
	turns := make(chan struct{}, max(runtime.GOMAXPROCS(0)-1, 1))
	var longest atomic.Int64
	var wg sync.WaitGroup
	for range spinners {
		wg.Go(func() {
			for left := each; left > 0; {
				turns <- struct{}{}
				runtime.LockOSThread()
				for spent := time.Duration(0); spent < share; {
					took := work(steps)
					spent, left = spent+took, left-took
					for most := longest.Load(); int64(took) > most && !longest.CompareAndSwap(most, int64(took)); {
						most = longest.Load()
					}
				}
				runtime.UnlockOSThread()
				<-turns
				runtime.Gosched()
			}
		})
	}
	wg.Wait()
	return time.Duration(longest.Load())
}
