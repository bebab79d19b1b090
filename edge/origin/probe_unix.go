//go:build unix

package origin

import (
	"net"
	"syscall"
)

// A probe looks whether an idle connection is still one. What arrives while
// nobody has asked is the end, or a response to no request (a 408, as a rule):
// the next request's client must not get it.
type probe struct {
	quiet func() bool
}

// newProbe is nil for a connection that is none of the operating system's.
func newProbe(c net.Conn) *probe {
	s, ok := c.(syscall.Conn)
	if !ok {
		return nil
	}
	raw, err := s.SyscallConn()
	if err != nil {
		return nil
	}
	// The closures are made once a connection, not once a request.
	waiting := false
	look := func(fd uintptr) bool {
		var b [1]byte
		n, err := syscall.Read(int(fd), b[:]) // the descriptor does not block
		waiting = n < 0 && (err == syscall.EAGAIN || err == syscall.EWOULDBLOCK || err == syscall.EINTR)
		return true
	}
	return &probe{func() bool {
		waiting = false
		return raw.Read(look) == nil && waiting
	}}
}
