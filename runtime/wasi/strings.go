package wasi

import (
	"strings"

	"github.com/wedgecdn/wedge/runtime/hostcall"
)

// argsSizesGet is args_sizes_get: how many arguments there are, and how many bytes args_get writes of them.
//
//	parameters: count i32, bytes i32 (pointers)
//	result:     success, or fault when one of the two numbers does not fit
//
// With the arguments "a" and "bc" and the parameters 1 and 6:
//
//	         uint32le      uint32le
//	       +----------+  +----------+
//	[]byte{?, 2, 0, 0, 0, ?, 5, 0, 0, 0, ?}
//	 count  --^            ^-- bytes, each argument with its NUL
func argsSizesGet(s *State, c *hostcall.Call, p []uint64) errno {
	return sizes(c.Memory(), s.Args, uint32(p[0]), uint32(p[1]))
}

// argsGet is args_get: the arguments, each ended by NUL, and a list of pointers to them.
//
//	parameters: list i32, buffer i32 (pointers)
//	result:     success, or fault when one of the two areas does not fit; then nothing is written
//
// With the arguments "a" and "bc" and the parameters 7 and 1:
//
//	        buffer                 uint32le    uint32le
//	       +----------------+    +----------+ +----------+
//	[]byte{?, 'a', 0, 'b', 'c', 0, ?, 1, 0, 0, 0, 3, 0, 0, 0, ?}
//	 offset 1 --^      ^-- offset 3   ^-- list
func argsGet(s *State, c *hostcall.Call, p []uint64) errno {
	return list(c, s.Args, uint32(p[0]), uint32(p[1]))
}

// environSizesGet is environ_sizes_get. It writes as args_sizes_get does.
func environSizesGet(s *State, c *hostcall.Call, p []uint64) errno {
	return sizes(c.Memory(), s.Environ, uint32(p[0]), uint32(p[1]))
}

// environGet is environ_get. It writes as args_get does; each string is "KEY=value".
func environGet(s *State, c *hostcall.Call, p []uint64) errno {
	return list(c, s.Environ, uint32(p[0]), uint32(p[1]))
}

func sizes(m hostcall.Memory, all []string, countPtr, bytesPtr uint32) errno {
	if !m.WriteUint32(countPtr, uint32(len(all))) || !m.WriteUint32(bytesPtr, total(all)) {
		return fault
	}
	return success
}

func list(c *hostcall.Call, all []string, listPtr, bufferPtr uint32) errno {
	m, n := c.Memory(), total(all)
	c.Charge(int64(n))
	pointers, ok := m.View(listPtr, uint32(len(all)*4))
	buffer, ok2 := m.View(bufferPtr, n)
	if !ok || !ok2 {
		return fault
	}
	at := uint32(0)
	for i, s := range all {
		hostcall.MemoryOf(pointers).WriteUint32(uint32(i*4), bufferPtr+at)
		at += uint32(copy(buffer[at:], cString(s)))
		buffer[at] = 0
		at++
	}
	return success
}

func total(all []string) uint32 {
	n := 0
	for _, s := range all {
		n += len(cString(s)) + 1
	}
	return uint32(n)
}

func cString(s string) string {
	s, _, _ = strings.Cut(s, "\x00")
	return s
}
