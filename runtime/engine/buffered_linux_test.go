package engine_test

import (
	"bytes"
	"fmt"
	"os"
	"runtime"
	"testing"

	"github.com/wedgecdn/wedge/runtime/engine"
	. "github.com/wedgecdn/wedge/runtime/engine/enginetest"
)

// Code with the offset of each of its instructions is read with some system calls, not with two for each offset.
func TestCodeIsReadThroughABuffer(t *testing.T) {
	const stores = 5000
	var m Module
	m.Memory(1, 0)
	var code [][]byte
	for n := range stores {
		code = append(code, I32(0), Get(0), Op(0x36, 2), []byte{byte(n & 0x7c)}) // i32.store
	}
	m.Func("run", "i", "", "", Code(code...)...)
	module, dir := m.Bytes(), t.TempDir()
	load := func() {
		t.Helper()
		e, err := engine.New(engine.Options{Host: host(), CacheDir: dir})
		if err != nil {
			t.Fatal(err)
		}
		defer e.Close()
		c, err := e.Compile(t.Context(), module)
		if err != nil {
			t.Fatal(err)
		}
		c.Close()
	}
	load() // compiles
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	before, ok := reads(t)
	if !ok {
		t.Skip("the kernel does not count what a thread reads")
	}
	load()
	if after, _ := reads(t); after-before > stores/10 {
		t.Errorf("%d system calls read the code of %d instructions", after-before, stores)
	}
}

// reads is how many system calls of this thread have read something.
func reads(t *testing.T) (n int, ok bool) {
	t.Helper()
	b, err := os.ReadFile("/proc/thread-self/io")
	if err != nil {
		return 0, false
	}
	for line := range bytes.Lines(b) {
		if _, err := fmt.Sscanf(string(line), "syscr: %d", &n); err == nil {
			return n, true
		}
	}
	return 0, false
}
