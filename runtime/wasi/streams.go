package wasi

import (
	"github.com/wedgecdn/wedge/runtime/hostcall"
)

const (
	stdin  = 0
	stdout = 1
	stderr = 2
)

// maxVectors bounds the list of buffers of one read or write; it is what Linux takes (IOV_MAX).
const maxVectors = 1024

// fdWrite is fd_write on stdout and stderr: bytes that become lines of a log.
//
//	parameters: descriptor i32, vectors i32 (pointer), count i32, written i32 (pointer)
//	result:     success; badf; fault, then nothing is written; inval for more than 1024 vectors
//
// A vector is a pointer and a length. With the parameters 1, 1, 2, 25:
//
//	       vector 0: 2 bytes at 18   vector 1: 3 bytes at 21            uint32le
//	       +------------------------++------------------------+         +---------+
//	[]byte{?, 18, 0, 0, 0, 2, 0, 0, 0, 21, 0, 0, 0, 3, 0, 0, 0, ?, 'h', 'e', ?, 'y', '\n', …, 5, 0, 0, 0, ?}
func fdWrite(s *State, c *hostcall.Call, p []uint64) errno {
	fd := uint32(p[0])
	if fd != stdout && fd != stderr {
		return badf
	}
	m := c.Memory()
	n, e := vectors(m, uint32(p[1]), uint32(p[2]), nil)
	if e != success {
		return e
	}
	c.Charge(int64(n))
	if !m.WriteUint32(uint32(p[3]), n) {
		return fault
	}
	vectors(m, uint32(p[1]), uint32(p[2]), func(b []byte) { s.write(fd, b) })
	return success
}

// fdRead is fd_read on stdin, which is empty: 0 bytes were read.
//
//	parameters: descriptor i32, vectors i32 (pointer), count i32, read i32 (pointer)
//	result:     success; badf; fault
//
// With the parameters 0, 1, 1, 9:
//
//	       vector 0 stays as it is    uint32le
//	       +------------------------++----------+
//	[]byte{?, 18, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, ?}
func fdRead(_ *State, c *hostcall.Call, p []uint64) errno {
	if uint32(p[0]) != stdin {
		return badf
	}
	m := c.Memory()
	if _, e := vectors(m, uint32(p[1]), uint32(p[2]), nil); e != success {
		return e
	}
	if !m.WriteUint32(uint32(p[3]), 0) {
		return fault
	}
	return success
}

// vectors walks a list of buffers and returns the sum of their lengths. A sum that does not fit in 32 bits, which only
// buffers that overlap can reach, is inval.
func vectors(m hostcall.Memory, ptr, count uint32, each func([]byte)) (uint32, errno) {
	if count > maxVectors {
		return 0, inval
	}
	list, ok := m.View(ptr, count*8)
	if !ok {
		return 0, fault
	}
	sum := uint64(0)
	for i := uint32(0); i < count; i++ {
		at, _ := hostcall.MemoryOf(list).ReadUint32(i * 8)
		n, _ := hostcall.MemoryOf(list).ReadUint32(i*8 + 4)
		b, ok := m.View(at, n)
		if !ok {
			return 0, fault
		}
		if sum += uint64(n); sum > 1<<31-1 {
			return 0, inval
		}
		if each != nil {
			each(b)
		}
	}
	return uint32(sum), success
}

// fdFdstatGet is fd_fdstat_get: what a descriptor is. The three streams are character devices, so that toolchains
// neither seek in them nor hold back lines.
//
//	parameters: descriptor i32, stat i32 (pointer)
//	result:     success; badf; fault
//
// With the parameters 1 and 1:
//
//	      type  flags                 rights                    rights inherited
//	       +-+ +----+              +----------------------+   +----------------------+
//	[]byte{?, 2, 0, 0, 0, 0, 0, 0, 0, 64, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, ?}
func fdFdstatGet(_ *State, c *hostcall.Call, p []uint64) errno {
	const (
		characterDevice = 2
		rightRead       = 1 << 1
		rightWrite      = 1 << 6
	)
	fd := uint32(p[0])
	if fd > stderr {
		return badf
	}
	b, ok := c.Memory().View(uint32(p[1]), 24)
	if !ok {
		return fault
	}
	clear(b)
	b[0] = characterDevice
	b[8] = rightWrite
	if fd == stdin {
		b[8] = rightRead
	}
	return success
}
