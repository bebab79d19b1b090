package pipeline_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/wedgecdn/wedge/edge/cache"
	"github.com/wedgecdn/wedge/edge/front/h1"
	"github.com/wedgecdn/wedge/edge/origin"
	"github.com/wedgecdn/wedge/edge/pipeline"
	"github.com/wedgecdn/wedge/edge/route"
	"github.com/wedgecdn/wedge/hostapi/exchange"
)

// patience is how long a step may take that needs no time at all.
const patience = 10 * time.Second

type noEvents struct{ t *testing.T }

func (noEvents) Ended(*exchange.Exchange, time.Duration)   {}
func (noEvents) Fetched(*exchange.Exchange, time.Duration) {}
func (e noEvents) Bug(_ *exchange.Exchange, v any, stack []byte) {
	e.t.Errorf("bug: %v\n%s", v, stack)
}

// served is a real front and a real origin client around the pipeline; the
// origin is whatever the test says on the connections that it accepts.
type served struct {
	t      *testing.T
	origin net.Listener
	front  net.Listener
}

func serve(t *testing.T) *served {
	t.Helper()
	s := &served{t: t}
	for _, l := range []*net.Listener{&s.origin, &s.front} {
		var err error
		if *l, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
			t.Fatal(err)
		}
	}
	upstreams := origin.New(origin.Options{Node: "node-a"})
	err := upstreams.SetPools([]origin.Pool{{Owner: "default", Name: "main", Servers: []origin.Server{{URL: "http://" + s.origin.Addr().String()}}}})
	if err != nil {
		t.Fatal(err)
	}
	c, err := cache.New(cache.Options{Memory: 16 << 20})
	if err != nil {
		t.Fatal(err)
	}
	p := pipeline.New(pipeline.Options{Cache: c, Origins: upstreams, Events: noEvents{t}, Node: "node-a"})
	at := func(mode cache.Mode) *pipeline.Route {
		return &pipeline.Route{Owner: "default", Site: "shop", Origin: "main", Rules: cache.Rules{Owner: "default", Site: "shop", Mode: mode, Collapse: true}}
	}
	p.SetTable(pipeline.NewTable([]route.Site[*pipeline.Route]{{
		Hosts: []string{"shop.example"}, Any: at(cache.Honour), Routes: []route.Path[*pipeline.Route]{{Path: "/pass/*", Entry: at(cache.Pass)}},
	}}))
	f := h1.New(p, h1.Options{})
	done := make(chan struct{})
	go func() { defer close(done); f.Serve(s.front) }()
	t.Cleanup(func() {
		f.Close()
		<-done
		upstreams.Close()
		s.origin.Close()
		p.Drain()
	})
	return s
}

// ask sends a request and leaves its answer to the caller.
func (s *served) ask(path string) (net.Conn, *bufio.Reader) {
	s.t.Helper()
	c, err := net.Dial("tcp", s.front.Addr().String())
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(patience))
	fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: shop.example\r\n\r\n", path)
	return c, bufio.NewReader(c)
}

// accept takes the next request at the origin.
func (s *served) accept() net.Conn {
	s.t.Helper()
	c, err := s.origin.Accept()
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(patience))
	head(s.t, bufio.NewReader(c))
	return c
}

func head(t *testing.T, r *bufio.Reader) (first string) {
	t.Helper()
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			t.Fatalf("a head does not come: %v", err)
		}
		if first == "" {
			first = strings.TrimSpace(line)
		}
		if line == "\r\n" {
			return first
		}
	}
}

// What an origin sends drop by drop reaches the client drop by drop, the head
// before all: the origin of this test sends nothing before the client has what
// was sent already.
func TestDrippingOrigin(t *testing.T) {
	s := serve(t)
	f := func(path, fields string, chunked bool) {
		t.Helper()
		client, r := s.ask(path)
		defer client.Close()
		o := s.accept()
		defer o.Close()
		io.WriteString(o, "HTTP/1.1 200 OK\r\n"+fields+"\r\n\r\n")
		if got := head(t, r); got != "HTTP/1.1 200 OK" {
			t.Fatalf("%s: %s", path, got)
		}
		for _, drop := range []string{"one ", "two ", "three", " end"} {
			want := drop
			if chunked {
				want = fmt.Sprintf("%x\r\n%s\r\n", len(drop), drop)
			}
			if chunked && drop == " end" {
				want += "0\r\n\r\n"
			}
			io.WriteString(o, want)
			got := make([]byte, len(want))
			if n, err := io.ReadFull(r, got); err != nil || string(got) != want {
				t.Fatalf("%s (%s): the client has %q of %q: %v", path, fields, got[:n], want, err)
			}
		}
	}
	f("/miss/length", "Cache-Control: max-age=60\r\nContent-Length: 17", false)
	f("/miss/chunked", "Cache-Control: max-age=60\r\nTransfer-Encoding: chunked", true)
	f("/miss/private/length", "Cache-Control: no-store\r\nContent-Length: 17", false)
	f("/miss/private/chunked", "Cache-Control: no-store\r\nTransfer-Encoding: chunked", true)
	f("/pass/length", "Content-Length: 17", false)
	f("/pass/chunked", "Transfer-Encoding: chunked", true)
}

// A pass whose client is gone is not read to its end: the first write that
// fails closes the origin's connection. HTTP/1 tells of a client only so.
func TestClientOfPassLeaves(t *testing.T) {
	s := serve(t)
	f := func(path, fields string) {
		t.Helper()
		client, r := s.ask(path)
		o := s.accept()
		io.WriteString(o, "HTTP/1.1 200 OK\r\n"+fields+"\r\n\r\n")
		head(t, r)
		client.(*net.TCPConn).SetLinger(0) // it resets, so that the next write fails
		client.Close()
		// An origin without an end: only a closed connection stops it.
		chunk := []byte("400\r\n" + strings.Repeat("x", 0x400) + "\r\n")
		sent := 0
		for {
			n, err := o.Write(chunk)
			if sent += n; err != nil {
				if ne, ok := err.(net.Error); ok && ne.Timeout() {
					t.Errorf("%s: the origin is stuck after %d bytes", path, sent)
				}
				break
			}
			if sent > 64<<20 {
				t.Fatalf("%s: the origin has sent %d bytes for nobody", path, sent)
			}
		}
	}
	f("/pass/leaves", "Transfer-Encoding: chunked")
	f("/pass/leaves/length", "Content-Length: 1000000000000")
	f("/miss/leaves", "Cache-Control: no-store\r\nTransfer-Encoding: chunked")
}
