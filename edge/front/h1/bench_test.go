package h1

import (
	"bytes"
	"fmt"
	"io"
	"log"
	"net"
	"syscall"
	"testing"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/wedgecdn/wedge/edge/listen"
	"github.com/wedgecdn/wedge/hostapi/exchange"
)

// getRequest is what a browser asks, near enough.
const getRequest = "GET /static/app.4f1c2.js?v=3 HTTP/1.1\r\n" +
	"Host: www.example.com\r\n" +
	"User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0\r\n" +
	"Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\n" +
	"Accept-Language: en-US,en;q=0.5\r\n" +
	"Accept-Encoding: gzip, deflate, br, zstd\r\n" +
	"Referer: https://www.example.com/\r\n" +
	"Connection: keep-alive\r\n" +
	"Cookie: sid=0123456789abcdef; theme=dark\r\n\r\n"

// responseFields are set by both sides of the comparison.
var responseFields = [][2]string{
	{"Date", "Sat, 21 Nov 2026 21:00:00 GMT"}, {"Content-Type", "text/javascript"}, {"ETag", `"4f1c2"`},
	{"Cache-Control", "public, max-age=31536000"}, {"Cache-Status", "wedge; hit; ttl=1000"}, {"Age", "12"}, {"Vary", "Accept-Encoding"},
}

// kilobyte is the content of both sides.
var kilobyte = bytes.Repeat([]byte("0123456789abcdef"), 64)

// hitServer answers as a hit would: fields that stand ready, content in memory.
type hitServer struct{ body exchange.BytesBody }

func (s *hitServer) Serve(x *exchange.Exchange) {
	r := &x.Response
	r.Status, r.ContentLength = 200, int64(len(kilobyte))
	for _, f := range responseFields {
		r.Header.Add(f[0], f[1])
	}
	s.body.SetBytes(kilobyte)
	r.Body = &releasing{&s.body, x}
}

func (s *hitServer) Refuse(x *exchange.Exchange, status int, _ exchange.Reason) {
	x.Response.Status = status
	x.Response.Body = &releasing{&s.body, x}
}

// releasing ends its exchange when it is closed, as the pipeline's bodies do.
type releasing struct {
	*exchange.BytesBody
	x *exchange.Exchange
}

func (r *releasing) Close() error { r.x.Release(); return nil }

// bare is a plain fasthttp handler that answers the same.
func bare(ctx *fasthttp.RequestCtx) {
	for _, f := range responseFields {
		ctx.Response.Header.Set(f[0], f[1])
	}
	ctx.Response.SetBodyRaw(kilobyte)
}

// loopConn is a connection in memory on which n requests come, one at a read.
type loopConn struct {
	n       int
	request []byte
	step    chan struct{} // if not nil, a read waits for it
	done    chan struct{} // if not nil, told of each write
	out     int
}

func (c *loopConn) Read(p []byte) (int, error) {
	if c.step != nil {
		if _, ok := <-c.step; !ok {
			return 0, io.EOF
		}
		return copy(p, c.request), nil
	}
	if c.n == 0 {
		return 0, io.EOF
	}
	c.n--
	return copy(p, c.request), nil
}

func (c *loopConn) Write(p []byte) (int, error) {
	c.out += len(p)
	if c.done != nil {
		c.done <- struct{}{}
	}
	return len(p), nil
}
func (c *loopConn) Close() error                     { return nil }
func (c *loopConn) LocalAddr() net.Addr              { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 80} }
func (c *loopConn) RemoteAddr() net.Addr             { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 81} }
func (c *loopConn) SetDeadline(time.Time) error      { return nil }
func (c *loopConn) SetReadDeadline(time.Time) error  { return nil }
func (c *loopConn) SetWriteDeadline(time.Time) error { return nil }

// serveConn serves one connection until its end.
func serveConn(f *Front, nc net.Conn) {
	c := newConn(f, nc)
	f.enter(c)
	f.engine.ServeConn(c)
}

func serveBare(nc net.Conn) {
	s := &fasthttp.Server{Handler: bare, NoDefaultDate: true, NoDefaultServerHeader: true}
	s.ServeConn(nc)
}

// BenchmarkGet compares a request of a small response with a bare fasthttp
// handler that answers the same; both without sockets. What the whole node costs
// with sockets, beside others, says benchmarks/suite.
func BenchmarkGet(b *testing.B) {
	b.Run("front", func(b *testing.B) {
		b.ReportAllocs()
		serveConn(New(&hitServer{}, Options{}), &loopConn{n: b.N, request: []byte(getRequest)})
	})
	b.Run("bare", func(b *testing.B) {
		b.ReportAllocs()
		serveBare(&loopConn{n: b.N, request: []byte(getRequest)})
	})
}

// sized answers with content of the size that stands in the target.
type sized struct{ content []byte }

func (s sized) Serve(x *exchange.Exchange) {
	r := &x.Response
	r.Status, r.ContentLength = 200, int64(len(s.content))
	for _, f := range responseFields {
		r.Header.Add(f[0], f[1])
	}
	r.Body = &releasing{exchange.NewBytesBody(s.content), x}
}

func (s sized) Refuse(*exchange.Exchange, int, exchange.Reason) { panic("BUG: refused") }

// BenchmarkLoopback is the same over sockets, CPU time of client and server
// together: one client, one request after the other.
func BenchmarkLoopback(b *testing.B) {
	for _, size := range []int{1 << 10, 64 << 10, 1 << 20} {
		content := bytes.Repeat([]byte("x"), size)
		run := func(name string, serve func(ln net.Listener)) {
			b.Run(fmt.Sprintf("%dKiB/%s", size>>10, name), func(b *testing.B) {
				ln, err := listen.Open(listen.Options{Address: "127.0.0.1:0"})
				if err != nil {
					b.Fatal(err)
				}
				go serve(ln)
				defer ln.Close()
				nc, err := net.Dial("tcp", ln.Addr().String())
				if err != nil {
					b.Fatal(err)
				}
				defer nc.Close()
				buf := make([]byte, 256<<10)
				b.SetBytes(int64(size))
				before := cpuTime(b)
				for b.Loop() {
					io.WriteString(nc, getRequest)
					head := -1
					for got := 0; head < 0 || got < head+size; {
						n, err := nc.Read(buf)
						if err != nil {
							b.Fatal(err)
						}
						if head < 0 {
							head = bytes.Index(buf[:n], []byte("\r\n\r\n")) + 4
						}
						got += n
					}
				}
				b.ReportMetric(float64(cpuTime(b)-before)/float64(b.N), "cpu-ns/op")
			})
		}
		run("front", func(ln net.Listener) { New(sized{content}, Options{}).Serve(ln) })
		run("bare", func(ln net.Listener) {
			s := &fasthttp.Server{NoDefaultDate: true, NoDefaultServerHeader: true, Logger: log.New(io.Discard, "", 0), Handler: func(ctx *fasthttp.RequestCtx) {
				for _, f := range responseFields {
					ctx.Response.Header.Set(f[0], f[1])
				}
				ctx.Response.SetBodyRaw(content)
			}}
			s.Serve(ln)
		})
	}
}

// cpuTime is what this process has used so far.
func cpuTime(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
