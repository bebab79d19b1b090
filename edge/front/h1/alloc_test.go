package h1

import (
	"io"
	"testing"

	"github.com/wedgecdn/wedge/hostapi/exchange"
)

// pooledServer is hitServer without an allocation of its own.
type pooledServer struct {
	body exchange.BytesBody
	x    *exchange.Exchange
}

func (s *pooledServer) Serve(x *exchange.Exchange) {
	r := &x.Response
	r.Status, r.ContentLength = 200, int64(len(kilobyte))
	for _, f := range responseFields {
		r.Header.Add(f[0], f[1])
	}
	s.body.SetBytes(kilobyte)
	s.x, r.Body = x, (*pooledBody)(s)
}

func (s *pooledServer) Refuse(*exchange.Exchange, int, exchange.Reason) { panic("BUG: refused") }

type pooledBody pooledServer

func (b *pooledBody) Read(p []byte) (int, error) { return b.body.Read(p) }

func (b *pooledBody) WriteTo(w io.Writer) (int64, error) { return b.body.WriteTo(w) }
func (b *pooledBody) Close() error                       { b.x.Release(); return nil }

// TestAllocations: a GET of a small response on a kept-alive connection
// allocates what a bare fasthttp handler does, which is nothing.
func TestAllocations(t *testing.T) {
	if raceDetector {
		t.Skip("under the race detector sync.Pool drops what it is given")
	}
	f := func(name string, serve func(c *loopConn), want float64) float64 {
		t.Helper()
		c := &loopConn{request: []byte(getRequest), step: make(chan struct{}), done: make(chan struct{}, 16)}
		ended := make(chan struct{})
		go func() { serve(c); close(ended) }()
		got := testing.AllocsPerRun(2000, func() {
			c.step <- struct{}{}
			<-c.done
		})
		close(c.step)
		<-ended
		if got > want {
			t.Errorf("%s: %v allocations a request, want %v", name, got, want)
		}
		return got
	}
	plain := f("bare", func(c *loopConn) { serveBare(c) }, 1)
	f("front", func(c *loopConn) { serveConn(New(&pooledServer{}, Options{}), c) }, plain)
}
