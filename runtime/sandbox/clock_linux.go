package sandbox

import (
	"syscall"
	"time"
	"unsafe"
)

const haveThreadTime = true

// threadTime is the processor time of the thread that calls. It cannot fail with these arguments. The raw system call does
// not tell the scheduler, which is right for one that never blocks.
func threadTime() time.Duration {
	const clockThread = 3 // CLOCK_THREAD_CPUTIME_ID
	var ts syscall.Timespec
	syscall.RawSyscall(syscall.SYS_CLOCK_GETTIME, clockThread, uintptr(unsafe.Pointer(&ts)), 0)
	return time.Duration(ts.Nano())
}

// threadFaults is how many page faults the thread that calls has had for which nothing had to be read.
func threadFaults() int64 {
	const thisThread = 1 // RUSAGE_THREAD
	var u syscall.Rusage
	syscall.RawSyscall(syscall.SYS_GETRUSAGE, thisThread, uintptr(unsafe.Pointer(&u)), 0)
	return int64(u.Minflt)
}
