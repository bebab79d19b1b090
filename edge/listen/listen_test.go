package listen

import (
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

func open(t *testing.T, o Options) *Listener {
	t.Helper()
	o.Address = "127.0.0.1:0"
	l, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

func dial(t *testing.T, l *Listener) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func accept(t *testing.T, l *Listener) net.Conn {
	t.Helper()
	c, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestLimit(t *testing.T) {
	refused := make(chan string, 10)
	l := open(t, Options{Connections: 2, Refused: func(peer string) { refused <- peer }})
	dial(t, l)
	dial(t, l)
	a, b := accept(t, l), accept(t, l)
	over := dial(t, l)
	next := make(chan net.Conn)
	go func() {
		c, _ := l.Accept()
		next <- c
	}()
	if peer := <-refused; peer != over.LocalAddr().String() {
		t.Errorf("refused %s, want %s", peer, over.LocalAddr())
	}
	if n, err := over.Read(make([]byte, 1)); n != 0 || err == nil {
		t.Errorf("one too many reads %d, %v, want its end", n, err)
	}
	a.Close()
	a.Close() // makes room once
	dial(t, l)
	if (<-next) == nil {
		t.Fatal("no connection although one was closed")
	}
	if n := l.Open(); n != 2 {
		t.Errorf("%d open, want 2", n)
	}
	b.Close()
}

func TestErrors(t *testing.T) {
	f := func(address, want string) {
		t.Helper()
		if _, err := Open(Options{Address: address}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", address, err, want)
		}
	}
	l := open(t, Options{})
	f(l.Addr().String(), "listen on \""+l.Addr().String())
	f("127.0.0.1:http-nowhere", "http-nowhere")
	l.Close()
	if _, err := l.Accept(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("accept on a closed listener: %v", err)
	}
	g := func(err error, want bool) {
		t.Helper()
		if got := passes(&net.OpError{Op: "accept", Err: err}); got != want {
			t.Errorf("%v passes: %v, want %v", err, got, want)
		}
	}
	g(syscall.EMFILE, true)
	g(syscall.ECONNABORTED, true)
	g(syscall.EBADF, false)
	g(net.ErrClosed, false)
}

// TestDrain: whoever got a connection is served, however many come while the
// listener ends.
func TestDrain(t *testing.T) {
	for range 3 {
		l := open(t, Options{})
		ended := make(chan error, 1)
		go func() {
			for {
				c, err := l.Accept()
				if err != nil {
					ended <- err
					return
				}
				go func() { io.Copy(c, c); c.Close() }()
			}
		}()
		var served atomic.Int64
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				for {
					c, err := (&net.Dialer{Timeout: 300 * time.Millisecond}).Dial("tcp", l.Addr().String())
					if err != nil && served.Load() < 200 {
						continue // the machine has paused
					}
					if err != nil {
						return // never opened: nothing is lost
					}
					b := []byte("x")
					if _, err = c.Write(b); err == nil {
						_, err = io.ReadFull(c, b)
					}
					c.Close()
					if err != nil {
						t.Errorf("an open connection was lost: %v", err)
						return
					}
					if served.Add(1) == 200 {
						l.Drain()
					}
				}
			})
		}
		wg.Wait()
		if err := <-ended; !errors.Is(err, net.ErrClosed) {
			t.Errorf("accept ended with %v", err)
		}
	}
}
