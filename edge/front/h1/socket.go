//go:build linux && (amd64 || arm64) && !race

package h1

import (
	"io"
	"os"
	"syscall"
	"time"
	"unsafe"
)

// A socket reads and writes without a word to Go's scheduler, which is told of
// every system call by default, since most may block. These do not: who would
// have to wait is told so, and waits as ever.
//
// Fast path: two things cost more than telling. A call that is found to take
// some 20 µs, because the kernel let others go first or did their work in it,
// has its place taken away: a thread is woken to go on, and this one queues.
// And while nothing runs, the scheduler's watch sleeps: the first call that is
// told wakes it, and for some milliseconds it then looks every 20 µs. Between
// requests something is always idle for a moment. So the watch is woken when it
// has not been for a while (watch), and not for each of them.
//
// The race detector takes what one end of a connection wrote as seen by who
// reads at the other, if both go by net.Conn. Under it there is no such socket.
type socket struct {
	raw   syscall.RawConn // nil if there is none, as with TLS
	tried bool            // to find raw

	// One reads and one writes at a time; the two do not meet in here. The steps
	// are the methods of the same name, bound once, since binding them allocates.
	readStep, writeStep func(fd uintptr) bool
	in, out             []byte // what is read to, what is left to write
	got                 int
	readErr, writeErr   error
}

// rawMost bounds what one call moves: while the kernel copies it, the collector
// may have to wait for this thread.
const rawMost = 32 << 10

// open tells whether there is a socket. Every connection begins with a read,
// before which nobody else uses it.
func (s *socket) open(c *conn) bool {
	if !s.tried {
		s.tried = true
		if nc, ok := c.nc.(syscall.Conn); ok {
			if raw, err := nc.SyscallConn(); err == nil {
				s.raw, s.readStep, s.writeStep = raw, s.read, s.write
			}
		}
	}
	return s.raw != nil
}

// read reads what there is. It is false if the socket has to be waited for.
func (s *socket) read(fd uintptr) bool {
	for {
		n, _, err := syscall.RawSyscall6(syscall.SYS_RECVFROM, fd, uintptr(unsafe.Pointer(unsafe.SliceData(s.in))), uintptr(len(s.in)), 0, 0, 0)
		switch {
		case err == syscall.EAGAIN:
			return false
		case err == syscall.EINTR:
			continue
		case err != 0:
			s.readErr = os.NewSyscallError("read", err)
		case n == 0:
			s.readErr = io.EOF
		default:
			s.got = int(n)
		}
		return true
	}
}

// write writes what the socket takes. It is true when there is nothing left to
// do, false if the socket has to be waited for.
func (s *socket) write(fd uintptr) bool {
	for len(s.out) > 0 {
		n, _, err := syscall.RawSyscall6(syscall.SYS_SENDTO, fd, uintptr(unsafe.Pointer(unsafe.SliceData(s.out))), uintptr(min(len(s.out), rawMost)), syscall.MSG_NOSIGNAL, 0, 0)
		switch err {
		case 0:
			s.out = s.out[n:]
		case syscall.EINTR:
		case syscall.EAGAIN:
			return false
		default:
			s.writeErr = os.NewSyscallError("write", err)
			return true
		}
	}
	return true
}

// receive reads into p, as net.Conn's Read does.
func (c *conn) receive(p []byte) (int, error) {
	s := &c.socket
	if len(p) == 0 || !s.open(c) {
		return c.nc.Read(p)
	}
	s.in, s.got, s.readErr = p[:min(len(p), rawMost)], 0, nil
	err := s.raw.Read(s.readStep)
	if err == nil {
		err = s.readErr
	}
	s.in = nil
	return s.got, err
}

// transmit writes p, as net.Conn's Write does.
func (c *conn) transmit(p []byte) (int, error) {
	s := &c.socket
	if s.raw == nil {
		return c.nc.Write(p)
	}
	s.out, s.writeErr = p, nil
	err := s.raw.Write(s.writeStep)
	if err == nil {
		err = s.writeErr
	}
	n := len(p) - len(s.out)
	s.out = nil
	return n, err
}

// sendMore writes the beginning of what a file will go on with.
func sendMore(fd uintptr, p []byte) (int, error) {
	n, _, err := syscall.RawSyscall6(syscall.SYS_SENDTO, fd, uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)), syscall.MSG_MORE|syscall.MSG_NOSIGNAL, 0, 0)
	return result(n, err)
}

// sendMemory sends of a file that stands in memory.
func sendMemory(fd uintptr, file int, off *int64, n int) (int, error) {
	sent, _, err := syscall.RawSyscall6(syscall.SYS_SENDFILE, fd, uintptr(file), uintptr(unsafe.Pointer(off)), uintptr(n), 0, 0)
	return result(sent, err)
}

func result(n uintptr, err syscall.Errno) (int, error) {
	if err != 0 {
		return 0, err
	}
	return int(n), nil
}

// watchEvery is how long the scheduler's watch may sleep although requests are
// served: as long as it pauses by itself when it finds nothing to do.
const watchEvery = 10 * time.Millisecond

// watch sees to it that the scheduler's watch is awake before a request is
// served: it stops what runs too long.
func (f *Front) watch(now time.Duration) {
	if last := f.watched.Load(); now-time.Duration(last) > watchEvery && f.watched.CompareAndSwap(last, int64(now)) {
		// Any call that is told does; this one does nothing else.
		_, _, _ = syscall.Syscall(syscall.SYS_GETTID, 0, 0, 0)
	}
}
