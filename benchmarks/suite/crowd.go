package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/wedgecdn/wedge/benchmarks/load"
)

// A crowd is connections beside those that are measured. Each has asked once; then nothing happens on it, or it reads slowly for ever.
type crowd struct {
	conns []net.Conn
	wg    sync.WaitGroup
	done  chan struct{}
}

// gather has n connections ask: slowly and for ever, or once.
func gather(addr string, n int, slow bool, shot *load.Shot) (*crowd, error) {
	c := &crowd{done: make(chan struct{})}
	for range n {
		conn, err := net.Dial("tcp", addr)
		if err != nil {
			c.leave()
			return nil, fmt.Errorf("connection %d of %d: %w", len(c.conns)+1, n, err)
		}
		c.conns = append(c.conns, conn)
		if slow {
			_ = conn.(*net.TCPConn).SetReadBuffer(16 << 10)
			c.wg.Go(func() { c.crawl(conn, shot) })
			continue
		}
		if err := once(conn, shot); err != nil {
			c.leave()
			return nil, fmt.Errorf("connection %d of %d: %w", len(c.conns), n, err)
		}
	}
	return c, nil
}

func once(conn net.Conn, s *load.Shot) error {
	if _, err := conn.Write(s.Request); err != nil {
		return err
	}
	r, err := http.ReadResponse(bufio.NewReaderSize(conn, 512), nil)
	if err != nil {
		return err
	}
	n, err := io.Copy(io.Discard, r.Body)
	if err == nil && n != int64(len(s.Body)) {
		err = fmt.Errorf("%d bytes of %d", n, len(s.Body))
	}
	return err
}

// crawl asks again and again and takes 4 KiB every 20 ms.
func (c *crowd) crawl(conn net.Conn, s *load.Shot) {
	buf := make([]byte, 4<<10)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	left := 0
	for {
		if left <= 0 {
			if _, err := conn.Write(s.Request); err != nil {
				return
			}
			left = len(s.Body)
		}
		select {
		case <-tick.C:
		case <-c.done:
			return
		}
		n, err := conn.Read(buf)
		if err != nil {
			return
		}
		left -= n
	}
}

func (c *crowd) leave() {
	close(c.done)
	for _, conn := range c.conns {
		conn.Close()
	}
	c.wg.Wait()
}
