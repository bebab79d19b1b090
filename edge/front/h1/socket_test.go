//go:build linux && (amd64 || arm64) && !race

package h1

import (
	"errors"
	"io"
	"net"
	"os"
	"syscall"
	"testing"
	"time"
)

// ends are a connection of the system's, from our side and from the other.
func ends(t *testing.T) (*conn, *net.TCPConn) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	there, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	here, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { here.Close(); there.Close() })
	c := newConn(New(nil, Options{}), here)
	if !c.socket.open(c) {
		t.Fatal("a TCP connection is no socket")
	}
	return c, there.(*net.TCPConn)
}

// What is sent is what arrives, in both directions, in pieces of any size and whether or not the other side is quick.
func TestSocket(t *testing.T) {
	c, there := ends(t)
	content := make([]byte, 3<<20) // more than the sockets take
	for i := range content {
		content[i] = byte(i * 13 >> 2)
	}
	f := func(name string, write func([]byte) (int, error), read func([]byte) (int, error), piece int) {
		t.Helper()
		done := make(chan error, 1)
		go func() {
			n, err := write(content)
			if n != len(content) {
				err = errors.Join(err, io.ErrShortWrite)
			}
			done <- err
		}()
		buf := make([]byte, piece)
		for got := 0; got < len(content); {
			n, err := read(buf)
			if err != nil || n == 0 || string(buf[:n]) != string(content[got:got+n]) {
				t.Fatalf("%s: after %d bytes %d more, %v", name, got, n, err)
			}
			got += n
		}
		if err := <-done; err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	f("transmit", c.transmit, there.Read, 1<<20)
	f("transmit to a slow reader", c.transmit, there.Read, 1000)
	f("receive", there.Write, c.receive, 64<<10)
	f("receive by little", there.Write, c.receive, 777)
	if n, err := c.receive(nil); n != 0 || err != nil {
		t.Errorf("nothing was asked for: %d, %v", n, err)
	}
}

// What ends a connection, or a wait, shows as it does with net.Conn.
func TestSocketErrors(t *testing.T) {
	f := func(name string, do func(c *conn, there *net.TCPConn) error, want error) {
		t.Helper()
		c, there := ends(t)
		if err := do(c, there); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", name, err, want)
		}
	}
	receive := func(c *conn) error { _, err := c.receive(make([]byte, 10)); return err }
	// transmit goes on until it fails: the first bytes after a reset may still be taken.
	transmit := func(c *conn) error {
		for {
			if _, err := c.transmit(make([]byte, 100<<10)); err != nil {
				return err
			}
		}
	}
	f("the client has closed", func(c *conn, there *net.TCPConn) error { there.Close(); return receive(c) }, io.EOF)
	f("the client has reset", func(c *conn, there *net.TCPConn) error { there.SetLinger(0); there.Close(); return receive(c) }, syscall.ECONNRESET)
	f("write after a close", func(c *conn, there *net.TCPConn) error { c.nc.(*net.TCPConn).CloseWrite(); return transmit(c) }, syscall.EPIPE)
	f("closed by ourselves, read", func(c *conn, _ *net.TCPConn) error { c.nc.Close(); return receive(c) }, net.ErrClosed)
	f("closed by ourselves, write", func(c *conn, _ *net.TCPConn) error { c.nc.Close(); return transmit(c) }, net.ErrClosed)
	f("nothing comes", func(c *conn, _ *net.TCPConn) error {
		c.nc.SetReadDeadline(time.Now().Add(time.Millisecond))
		return receive(c)
	}, os.ErrDeadlineExceeded)
	f("the deadline has passed", func(c *conn, there *net.TCPConn) error {
		c.nc.SetReadDeadline(past)
		return receive(c)
	}, os.ErrDeadlineExceeded)
	f("nothing is taken", func(c *conn, _ *net.TCPConn) error {
		c.nc.SetWriteDeadline(time.Now().Add(10 * time.Millisecond))
		return transmit(c)
	}, os.ErrDeadlineExceeded)
}

// A write that a deadline cuts tells how much was taken.
func TestSocketShortWrite(t *testing.T) {
	c, there := ends(t)
	go func() {
		there.Read(make([]byte, 1)) // by then something was taken, and not all of it can be
		c.nc.SetWriteDeadline(past)
	}()
	n, err := c.transmit(make([]byte, 64<<20))
	if n <= 0 || n >= 64<<20 || !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("%d, %v", n, err)
	}
	c.nc.Close()
	if got, err := io.Copy(io.Discard, there); got != int64(n)-1 || err != nil {
		t.Errorf("the client has got %d of %d: %v", got, n, err)
	}
}

// The scheduler's watch is woken once in a while, by one of those who serve then.
func TestWatch(t *testing.T) {
	front := New(nil, Options{})
	f := func(now, want time.Duration) {
		t.Helper()
		front.watch(now)
		if got := time.Duration(front.watched.Load()); got != want {
			t.Errorf("at %v: woken at %v, want %v", now, got, want)
		}
	}
	f(time.Millisecond, 0)
	f(watchEvery, 0)
	f(watchEvery+1, watchEvery+1)
	f(2*watchEvery, watchEvery+1)
	f(time.Hour, time.Hour)
	f(time.Minute, time.Hour) // another request's time, from before
}
