package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"syscall"
	"testing"
	"time"
)

// The kernel limits the process that holds conversations before it looks at the module: here it waits for one, and is looked at.
func TestHoldIsConfined(t *testing.T) {
	dir := t.TempDir()
	module, cases := filepath.Join(dir, "function.wasm"), filepath.Join(dir, "a.cases")
	if err := syscall.Mkfifo(module, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(cases, []byte("-- request --\nGET http://a.example/\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "wedge", "hold", dir, "--module", module, "--name", "f", "--cases", cases)
	var said sharedBuffer
	cmd.Stderr = &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Wait()
	defer cmd.Process.Kill()
	end := time.Now().Add(slowMachine)
	var w *os.File
	for w == nil { // until the process has opened its end
		fd, err := syscall.Open(module, syscall.O_WRONLY|syscall.O_NONBLOCK, 0)
		if err == nil {
			w = os.NewFile(uintptr(fd), module)
		} else if time.Now().After(end) {
			t.Fatalf("it does not read the module: %v\n%s", err, said.String())
		} else {
			<-time.After(10 * time.Millisecond)
		}
	}
	defer w.Close()
	limits, err := os.ReadFile(fmt.Sprintf("/proc/%d/limits", cmd.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	f := func(pattern string) {
		t.Helper()
		if !regexp.MustCompile(pattern).Match(limits) {
			t.Errorf("no %s in\n%s", pattern, bytes.TrimSpace(limits))
		}
	}
	f(`Max cpu time +120 +120 `)
	f(`Max address space +\d+ +\d+ `)
	f(`Max core file size +0 +0 `)
}
