package listen

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// Options say how a socket is opened. The zero value listens on a free port of
// every address, without a limit.
type Options struct {
	// Address is host:port; an empty host is every address.
	Address string
	// Connections bounds the connections that are open at once; one too many is
	// closed as soon as it is accepted. 0 means no limit.
	Connections int
	// Refused is told of each connection above the limit; nil is not called.
	Refused func(peer string)
	// Retried is told when Accept failed for a reason that passes (no file
	// descriptor is free) and will be tried again; nil is not called.
	Retried func(err error)
}

// A Listener accepts connections. Its states: open, draining (Drain was
// called: what the kernel has taken is still accepted), closed.
type Listener struct {
	tcp      *net.TCPListener
	options  Options
	open     atomic.Int64
	draining atomic.Bool
	once     sync.Once
	closed   chan struct{}
}

const (
	// drainTime is for handshakes that were under way when Drain was called.
	drainTime = 100 * time.Millisecond

	retryFirst = 5 * time.Millisecond
	retryMost  = time.Second
)

// Open opens a socket.
func Open(o Options) (*Listener, error) {
	var config net.ListenConfig
	config.SetMultipathTCP(false) // its sockets take no filter (refuseHandshakes)
	ln, err := config.Listen(context.Background(), "tcp", o.Address)
	if err != nil {
		return nil, fmt.Errorf("listen on %q: %w", o.Address, err)
	}
	tcp, ok := ln.(*net.TCPListener)
	if !ok {
		panic(fmt.Sprintf("BUG: listen: a tcp socket that is a %T", ln))
	}
	return &Listener{tcp: tcp, options: o, closed: make(chan struct{})}, nil
}

// A Conn is an accepted connection. It is a TCP connection in everything but
// its Close.
type Conn struct {
	*net.TCPConn
	once sync.Once
	l    *Listener
}

// Close closes the connection and makes room for another.
func (c *Conn) Close() error {
	c.once.Do(func() { c.l.open.Add(-1) })
	return c.TCPConn.Close()
}

// Accept waits for a connection within the limit. Its error is net.ErrClosed
// when the listener was closed or has drained.
func (l *Listener) Accept() (net.Conn, error) {
	for retry := retryFirst; ; {
		tcp, err := l.tcp.AcceptTCP()
		switch {
		case err == nil:
		case l.draining.Load() && errors.Is(err, os.ErrDeadlineExceeded):
			l.Close()
			return nil, net.ErrClosed
		case passes(err):
			if l.options.Retried != nil {
				l.options.Retried(err)
			}
			select {
			case <-time.After(retry):
			case <-l.closed:
			}
			retry = min(2*retry, retryMost)
			continue
		default:
			return nil, err
		}
		retry = retryFirst
		if n := l.open.Add(1); l.options.Connections > 0 && n > int64(l.options.Connections) {
			l.open.Add(-1)
			if l.options.Refused != nil {
				l.options.Refused(tcp.RemoteAddr().String())
			}
			tcp.Close()
			continue
		}
		return &Conn{TCPConn: tcp, l: l}, nil
	}
}

// passes tells that an accept failed for a reason that is not the listener's:
// the client had left, or the process or the machine is short of something.
func passes(err error) bool {
	for _, e := range [...]syscall.Errno{syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM, syscall.ECONNABORTED, syscall.EINTR} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// Drain ends the listener without resetting anybody: closing a listening
// socket resets the connections that wait in its queue, requests and all.
// So where the system can, handshakes are not begun any more, and Accept
// returns what is left before it fails with net.ErrClosed.
func (l *Listener) Drain() error {
	l.draining.Store(true)
	refuseHandshakes(l.tcp)
	return l.tcp.SetDeadline(time.Now().Add(drainTime))
}

// Close ends the listener at once.
func (l *Listener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return l.tcp.Close()
}

// Addr is where it listens.
func (l *Listener) Addr() net.Addr { return l.tcp.Addr() }

// Open is the number of connections accepted and not yet closed.
func (l *Listener) Open() int { return int(l.open.Load()) }
