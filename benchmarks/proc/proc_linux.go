package proc

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// tick is the unit of times in /proc/PID/stat: USER_HZ is 100 on every architecture that Go knows.
const tick = time.Second / 100

// stat has of /proc/PID/stat what is needed.
type stat struct {
	parent int
	waited time.Duration // processor time of children that have ended and were waited for
}

func readStat(pid int) (s stat, err error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return s, err
	}
	// The name in parentheses may hold anything.
	f := strings.Fields(string(b[bytes.LastIndexByte(b, ')')+1:]))
	if len(f) < 15 {
		return s, fmt.Errorf("proc: /proc/%d/stat is too short", pid)
	}
	var user, system int
	s.parent, err = strconv.Atoi(f[1])
	user, err1 := strconv.Atoi(f[13])
	system, err2 := strconv.Atoi(f[14])
	s.waited = time.Duration(user+system) * tick
	return s, errors.Join(err, err1, err2)
}

// Tree is a process and all that descend from it, now.
func Tree(root int) ([]int, error) {
	names, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		return nil, err
	}
	children := map[int][]int{}
	for _, name := range names {
		pid, err := strconv.Atoi(filepath.Base(name))
		if err != nil {
			continue
		}
		s, err := readStat(pid)
		if err != nil {
			continue // it has ended meanwhile
		}
		children[s.parent] = append(children[s.parent], pid)
	}
	tree := []int{root}
	for i := 0; i < len(tree); i++ {
		tree = append(tree, children[tree[i]]...)
	}
	return tree, nil
}

// CPU is the processor time, user's and system's, that the processes have used so far, those that they waited for included.
func CPU(pids []int) (time.Duration, error) {
	var sum time.Duration
	for _, pid := range pids {
		var ts unix.Timespec
		// The clock of another process, as clock_getcpuclockid(3) makes it.
		if err := unix.ClockGettime(int32(^pid<<3|2), &ts); err != nil {
			return 0, fmt.Errorf("proc: the clock of process %d: %w (has it ended?)", pid, err)
		}
		s, err := readStat(pid)
		if err != nil {
			return 0, fmt.Errorf("proc: %w", err)
		}
		sum += time.Duration(ts.Nano()) + s.waited
	}
	return sum, nil
}

// Memory is what the processes take of the machine's memory, in bytes; what several share is divided among them.
func Memory(pids []int) (int64, error) {
	var sum int64
	for _, pid := range pids {
		b, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
		if err != nil {
			return 0, fmt.Errorf("proc: %w", err)
		}
		_, after, found := strings.Cut(string(b), "\nPss:")
		if !found {
			return 0, fmt.Errorf("proc: /proc/%d/smaps_rollup has no Pss", pid)
		}
		kib, err := strconv.ParseInt(strings.Fields(after)[0], 10, 64)
		if err != nil {
			return 0, fmt.Errorf("proc: /proc/%d/smaps_rollup: %w", pid, err)
		}
		sum += kib << 10
	}
	return sum, nil
}

// Cores are the processors that this process may run on.
func Cores() (cores []int, err error) {
	var set unix.CPUSet
	if err := unix.SchedGetaffinity(0, &set); err != nil {
		return nil, fmt.Errorf("proc: affinity: %w", err)
	}
	for i := range 1024 {
		if set.IsSet(i) {
			cores = append(cores, i)
		}
	}
	return cores, nil
}

// On runs f on the calling thread bound to the processors; what f starts stays on them. The caller has locked its thread.
func On(cores []int, f func() error) error {
	var before, set unix.CPUSet
	if err := unix.SchedGetaffinity(0, &before); err != nil {
		return fmt.Errorf("proc: affinity: %w", err)
	}
	for _, c := range cores {
		set.Set(c)
	}
	if err := unix.SchedSetaffinity(0, &set); err != nil {
		return fmt.Errorf("proc: affinity: %w", err)
	}
	err := f()
	return errors.Join(err, unix.SchedSetaffinity(0, &before))
}

// Bind puts all threads of this process on the processors.
func Bind(cores []int) error {
	var set unix.CPUSet
	for _, c := range cores {
		set.Set(c)
	}
	threads, err := filepath.Glob("/proc/self/task/*")
	if err != nil {
		return err
	}
	for _, t := range threads {
		tid, err := strconv.Atoi(filepath.Base(t))
		if err != nil {
			return err
		}
		if err := unix.SchedSetaffinity(tid, &set); err != nil && err != unix.ESRCH {
			return fmt.Errorf("proc: affinity: %w", err)
		}
	}
	return nil
}
