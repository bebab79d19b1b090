package engine

import (
	"fmt"
	"os"
	"syscall"
)

// Confine bounds this process's processor time and address space, and that of processes that it starts, and lowers its priority. The address space is
// bounded relative to what is mapped already: Go's runtime, and more so the race detector, reserves far more than it uses.
func Confine(seconds, memory uint64) error {
	b, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return err
	}
	var pages uint64
	if _, err := fmt.Sscan(string(b), &pages); err != nil {
		return err
	}
	set := func(resource int, v uint64) error {
		return syscall.Setrlimit(resource, &syscall.Rlimit{Cur: v, Max: v})
	}
	if err := set(syscall.RLIMIT_AS, pages*uint64(os.Getpagesize())+memory); err != nil {
		return err
	}
	if err := set(syscall.RLIMIT_CPU, seconds); err != nil {
		return err
	}
	if err := set(syscall.RLIMIT_CORE, 0); err != nil {
		return err
	}
	return syscall.Setpriority(syscall.PRIO_PROCESS, 0, childNice)
}
