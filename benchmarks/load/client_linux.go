package load

import (
	"errors"
	"fmt"
	"net/netip"
	"runtime"
	"time"

	"golang.org/x/sys/unix"
)

// A Shot is a request and what must come back.
type Shot struct {
	Request []byte
	Status  int
	Body    []byte
	AnyBody bool // it is not compared
	// Field, if it is not empty, is a response field that must have Value.
	Field, Value string
}

// A Client holds keep-alive connections to one server. It belongs to one goroutine.
type Client struct {
	addr  unix.SockaddrInet4
	epoll int
	conns []*conn
	byFD  map[int32]*conn
	buf   []byte
	// Patience is how long nothing may come back at all; 0 is 20 s.
	Patience time.Duration
	// Dialled counts connections, those made anew after a server closed one too.
	Dialled int
}

// A conn is free, or waits for the answer to what was sent on it.
type conn struct {
	fd     int32
	busy   bool
	again  bool      // the request was sent a second time
	from   time.Time // what its latency counts from
	answer answer
}

// A Result is what a run measured.
type Result struct {
	Requests int
	Took     time.Duration
	Latency  Histogram
	Bytes    int64
}

// Dial opens connections to a server.
func Dial(addr string, conns int) (*Client, error) {
	a, err := netip.ParseAddrPort(addr)
	if err != nil || !a.Addr().Is4() {
		return nil, fmt.Errorf("load: %q is no address with an IPv4 number and a port", addr)
	}
	c := &Client{addr: unix.SockaddrInet4{Port: int(a.Port()), Addr: a.Addr().As4()}, byFD: map[int32]*conn{}, buf: make([]byte, 256<<10)}
	if c.epoll, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return nil, fmt.Errorf("load: epoll: %w", err)
	}
	for range conns {
		k := &conn{}
		if err := c.connect(k); err != nil {
			c.Close()
			return nil, err
		}
		c.conns = append(c.conns, k)
	}
	return c, nil
}

func (c *Client) connect(k *conn) error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("load: socket: %w", err)
	}
	err = unix.Connect(fd, &c.addr)
	for err == unix.EINTR {
		err = unix.Connect(fd, &c.addr)
	}
	if err == nil {
		err = errors.Join(unix.SetNonblock(fd, true), unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1),
			unix.EpollCtl(c.epoll, unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(fd)}))
	}
	if err != nil {
		_ = unix.Close(fd)
		return fmt.Errorf("load: connect: %w", err)
	}
	c.Dialled++
	k.fd, k.busy = int32(fd), false
	c.byFD[k.fd] = k
	return nil
}

func (c *Client) disconnect(k *conn) {
	delete(c.byFD, k.fd)
	_ = unix.Close(int(k.fd))
}

// Close closes the connections.
func (c *Client) Close() {
	for _, k := range c.conns {
		c.disconnect(k)
	}
	_ = unix.Close(c.epoll)
}

// Closed sends n requests, the next as soon as a connection is free. next gives the i-th.
func (c *Client) Closed(n int, next func(i int) *Shot) (*Result, error) {
	return c.run(n, 0, next)
}

// Open sends n requests, rate of them a second, and measures each latency from the time at which it was due.
func (c *Client) Open(n int, rate float64, next func(i int) *Shot) (*Result, error) {
	return c.run(n, time.Duration(float64(time.Second)/rate), next)
}

// ErrSilent says that a server answered nothing any more.
var ErrSilent = errors.New("load: nothing came back")

func (c *Client) run(n int, every time.Duration, next func(i int) *Shot) (*Result, error) {
	patience := c.Patience
	if patience == 0 {
		patience = 20 * time.Second
	}
	runtime.LockOSThread() // the thread that waits is the one that epoll wakes
	defer runtime.UnlockOSThread()
	r := &Result{}
	free := append([]*conn(nil), c.conns...)
	for _, k := range free {
		if k.busy {
			return nil, errors.New("load: the last run of this client failed: dial again")
		}
	}
	events := make([]unix.EpollEvent, 256)
	sent := 0
	start := time.Now()
	heard := start
	for r.Requests < n {
		// Send what is due on what is free.
		now := time.Now()
		wait := 1000
		for sent < n && len(free) > 0 {
			from := now
			if every > 0 {
				if from = start.Add(time.Duration(sent) * every); from.After(now) {
					wait = 0 // the next is due before epoll's millisecond is over: look again and again
					if ahead := from.Sub(now); ahead > 2*time.Millisecond {
						wait = int(ahead/time.Millisecond) - 1
					}
					break
				}
			}
			k := free[len(free)-1]
			free = free[:len(free)-1]
			if err := c.send(k, next(sent), from); err != nil {
				return nil, err
			}
			sent++
		}
		got, err := unix.EpollWait(c.epoll, events, wait)
		if err != nil && err != unix.EINTR {
			return nil, fmt.Errorf("load: epoll: %w", err)
		}
		if got <= 0 {
			if time.Since(heard) > patience && sent > r.Requests {
				return r, fmt.Errorf("%w for %v, after %d answers", ErrSilent, patience, r.Requests)
			}
			continue
		}
		for _, e := range events[:got] {
			k := c.byFD[e.Fd]
			if k == nil {
				continue
			}
			finished, err := c.receive(k, r)
			if err != nil {
				return nil, err
			}
			if finished {
				free = append(free, k)
			}
		}
		heard = now
	}
	r.Took = time.Since(start)
	return r, nil
}

func (c *Client) send(k *conn, s *Shot, from time.Time) error {
	k.busy, k.again, k.from = true, false, from
	k.answer.reset(s)
	n, err := unix.Write(int(k.fd), s.Request)
	if err == unix.EPIPE || err == unix.ECONNRESET { // closed while it was free
		c.disconnect(k)
		if err := c.connect(k); err != nil {
			return err
		}
		k.busy = true
		n, err = unix.Write(int(k.fd), s.Request)
	}
	if err != nil {
		return fmt.Errorf("load: send: %w", err)
	}
	if n != len(s.Request) {
		return fmt.Errorf("load: a request of %d bytes does not fit a socket's buffer", len(s.Request))
	}
	return nil
}

// receive reads what is there and says whether the answer is complete.
func (c *Client) receive(k *conn, r *Result) (finished bool, err error) {
	for {
		n, err := unix.Read(int(k.fd), c.buf)
		switch {
		case err == unix.EINTR:
			continue
		case err == unix.EAGAIN:
			return false, nil
		case err != nil && k.busy:
			return false, fmt.Errorf("load: receive: %w", err)
		case err != nil || n == 0:
			if k.busy {
				if k.answer.phase == inHead && len(k.answer.head) == 0 && !k.again {
					// It was closed for having been idle or old as we sent; all of ours may be sent twice.
					want, from := k.answer.want, k.from
					c.disconnect(k)
					if err := c.connect(k); err != nil {
						return false, err
					}
					err := c.send(k, want, from)
					k.again = true
					return false, err
				}
				return false, fmt.Errorf("load: the connection ends within a response, after:\n%s", k.answer.head)
			}
			c.disconnect(k)
			return false, c.connect(k)
		}
		if !k.busy {
			return false, errors.New("load: bytes that nobody asked for")
		}
		r.Bytes += int64(n)
		if err := k.answer.feed(c.buf[:n]); err != nil {
			return false, fmt.Errorf("load: %w", err)
		}
		if k.answer.phase == done {
			r.Latency.Record(time.Since(k.from))
			r.Requests++
			k.busy = false
			if k.answer.close {
				c.disconnect(k)
				if err := c.connect(k); err != nil {
					return false, err
				}
			}
			return true, nil
		}
		if n < len(c.buf) {
			return false, nil
		}
	}
}
