package proc

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"

	"golang.org/x/sys/unix"
)

// A Machine is where a result comes from.
type Machine struct {
	CPU      string
	Cores    int
	MemoryMB int
	Kernel   string
	Go       string
	Pinned   string // which processors whom
}

// This is the machine that the caller runs on.
func This() Machine {
	m := Machine{Cores: runtime.NumCPU(), Go: runtime.Version() + " " + runtime.GOOS + "/" + runtime.GOARCH}
	m.CPU = procField("/proc/cpuinfo", "model name")
	var kib int
	_, _ = fmt.Sscan(procField("/proc/meminfo", "MemTotal"), &kib)
	m.MemoryMB = kib >> 10
	var u unix.Utsname
	if unix.Uname(&u) == nil {
		m.Kernel = unix.ByteSliceToString(u.Sysname[:]) + " " + unix.ByteSliceToString(u.Release[:])
	}
	return m
}

func procField(file, name string) string {
	b, err := os.ReadFile(file)
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(b)) {
		if k, v, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(k) == name {
			return strings.TrimSpace(v)
		}
	}
	return ""
}

// Commit is the newest that changed the node, marked if the tree has changes of its own; the caller runs in a folder beside the node's.
func Commit() string {
	node := []string{"--", "../edge", "../runtime", "../hostapi", "../go.mod"}
	out, err := exec.Command("git", append([]string{"log", "-1", "--format=%h", "--abbrev=12"}, node...)...).Output()
	if err != nil {
		return ""
	}
	c := strings.TrimSpace(string(out))
	if changed, err := exec.Command("git", append([]string{"status", "--porcelain"}, node...)...).Output(); err != nil || len(changed) > 0 {
		c += "+"
	}
	return c
}

// Load is the machine's load average of the last minute.
func Load() string {
	b, _ := os.ReadFile("/proc/loadavg")
	f := strings.Fields(string(b))
	if len(f) == 0 {
		return "unknown"
	}
	return f[0]
}
