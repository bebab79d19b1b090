package kv

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
)

// lockHolder says which process holds the lock on a file, as far as the kernel tells.
func lockHolder(path string) string {
	info, err := os.Stat(path)
	if err != nil {
		return "another process"
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return "another process"
	}
	locks, err := os.ReadFile("/proc/locks")
	if err != nil {
		return "another process"
	}
	pid := findLock(string(locks), st.Ino)
	switch {
	case pid <= 0: // a process of another namespace has no number here
		return "another process"
	case pid == os.Getpid():
		return "this very process"
	}
	name, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/comm")
	if err != nil {
		return fmt.Sprintf("process %d", pid)
	}
	return fmt.Sprintf("process %d (%s)", pid, bytes.TrimSpace(name))
}

// findLock finds the process that holds an advisory lock of a whole file in the kernel's list, 0 if none does. Lines
// read "1: FLOCK  ADVISORY  WRITE 4711 08:01:131 0 EOF"; waiters have "->" after the number.
func findLock(locks string, inode uint64) int {
	for line := range strings.Lines(locks) {
		f := strings.Fields(line)
		if len(f) < 6 || f[1] != "FLOCK" || !strings.HasSuffix(f[5], ":"+strconv.FormatUint(inode, 10)) {
			continue
		}
		if pid, err := strconv.Atoi(f[4]); err == nil {
			return pid
		}
	}
	return 0
}
