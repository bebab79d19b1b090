package h1

import (
	"errors"
	"io"
	"net"
	"os"
	"time"
)

// A listener hands fasthttp connections that are ours.
type listener struct {
	net.Listener
	front *Front
}

// overload is the whole answer to a connection too many: it is not read.
const overload = "HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n"

// queueTime is for taking what is in the accept queue when a shutdown begins:
// closing the listener would reset those connections, requests and all.
const queueTime = 10 * time.Millisecond

// finish makes Accept end once the queue is empty, by the listener's own Drain
// where it has one.
func (l *listener) finish() {
	if d, ok := l.Listener.(interface{ Drain() error }); ok && d.Drain() == nil {
		return
	}
	if d, ok := l.Listener.(interface{ SetDeadline(time.Time) error }); ok && d.SetDeadline(time.Now().Add(queueTime)) == nil {
		return
	}
	l.Listener.Close()
}

// Accept waits for the next connection within the limit. io.EOF, fasthttp's
// word for a listener that was closed on purpose, ends it.
func (l *listener) Accept() (net.Conn, error) {
	for {
		nc, err := l.Listener.Accept()
		if err != nil {
			if errors.Is(err, net.ErrClosed) || l.front.draining.Load() && errors.Is(err, os.ErrDeadlineExceeded) {
				l.Listener.Close()
				return nil, io.EOF
			}
			return nil, err
		}
		c := newConn(l.front, nc)
		if l.front.enter(c) {
			return c, nil
		}
		// The answer fits into the socket's empty buffer; the deadline is for
		// connections that have none.
		nc.SetWriteDeadline(time.Now().Add(100 * time.Millisecond))
		io.WriteString(nc, overload)
		nc.Close()
		if e := l.front.options.Events.Refused; e != nil {
			e(nc.RemoteAddr().String())
		}
	}
}
