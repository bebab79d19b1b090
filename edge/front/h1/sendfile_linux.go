package h1

import (
	"errors"
	"os"
	"syscall"
)

// A sending has the kernel send a part of a file: the bytes do not pass through
// this process, and the head goes out in one packet with the first of them. A
// connection makes one when it first needs it; step is its method, bound once,
// since binding it allocates.
type sending struct {
	raw  syscall.RawConn
	step func(fd uintptr) bool

	head      []byte
	file      int
	memory    bool // no disk is read for it
	off, left int64
	moved     bool // something was sent since the deadline was set
	err       error
}

// sendMost bounds one call, since the kernel reads the file in it; rawFile one
// that the scheduler is not told of, which takes the kernel some 15 µs.
const sendMost, rawFile = 1 << 20, 64 << 10

func newSending(c *conn) *sending {
	socket, ok := c.nc.(syscall.Conn)
	if !ok {
		return nil
	}
	raw, err := socket.SyscallConn()
	if err != nil {
		return nil
	}
	s := &sending{raw: raw}
	s.step = s.send
	return s
}

// send sends what the socket takes. It is true when there is nothing left to
// do, false if the socket has to be waited for.
func (s *sending) send(fd uintptr) bool {
	for len(s.head) > 0 || s.left > 0 {
		var n int
		var err error
		switch {
		case len(s.head) > 0:
			n, err = sendMore(fd, s.head)
		case s.memory && s.left <= rawFile:
			n, err = sendMemory(fd, s.file, &s.off, int(s.left))
		default:
			n, err = syscall.Sendfile(int(fd), s.file, &s.off, int(min(s.left, sendMost)))
		}
		switch {
		case err == syscall.EAGAIN:
			return false
		case err == syscall.EINTR:
		case err != nil:
			s.err = err
			return true
		case len(s.head) > 0:
			s.head = s.head[n:]
		case n == 0:
			return true // the file ends here
		default:
			s.left -= int64(n)
		}
		s.moved = s.moved || n > 0
	}
	return true
}

// SendFile has the kernel send a part of a file (exchange.FileSender).
func (o *out) SendFile(f *os.File, off, n int64) (int64, error) { return o.sendFile(f, off, n, false) }

// SendMemory is SendFile of a file that stands in memory (exchange.MemorySender).
func (o *out) SendMemory(f *os.File, off, n int64) (int64, error) { return o.sendFile(f, off, n, true) }

func (o *out) sendFile(f *os.File, off, n int64, memory bool) (int64, error) {
	c := o.c
	switch {
	case o.err != nil:
		return 0, o.err
	case o.framing != counted:
		return 0, errors.ErrUnsupported
	case n > o.left:
		return 0, errOverlong
	}
	if c.sending == nil {
		if c.sending = newSending(c); c.sending == nil {
			return 0, errors.ErrUnsupported
		}
	}
	s := c.sending
	s.head, s.file, s.memory, s.off, s.left, s.err = o.held, int(f.Fd()), memory, off, n, nil
	c.armWrite()
	for {
		s.moved = false
		err := s.raw.Write(s.step)
		if err == nil {
			err = s.err
		}
		if err == nil || !s.moved || !errors.Is(err, os.ErrDeadlineExceeded) {
			o.err = err
			break
		}
		c.writeUntil = 0
		c.armWrite()
	}
	o.held, s.head = o.held[:0], nil
	sent := n - s.left
	o.left -= sent
	o.sent += sent
	return sent, o.err
}
