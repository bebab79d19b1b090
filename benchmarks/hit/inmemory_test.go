package main

import (
	"context"
	"io"
	"net"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/wedgecdn/wedge/edge/cache"
	"github.com/wedgecdn/wedge/edge/front/h1"
	"github.com/wedgecdn/wedge/edge/observe"
	"github.com/wedgecdn/wedge/edge/pipeline"
	"github.com/wedgecdn/wedge/edge/route"
	"github.com/wedgecdn/wedge/hostapi/exchange"
)

// BenchmarkWithoutSockets is what a hit costs beside the kernel: the same
// request again and again on a connection in memory.
func BenchmarkWithoutSockets(b *testing.B) {
	b.Run("bare", func(b *testing.B) {
		s := &fasthttp.Server{Handler: bare, NoDefaultServerHeader: true, NoDefaultContentType: true}
		measure(b, func(ln net.Listener) { s.Serve(ln) })
	})
	b.Run("wedge", func(b *testing.B) {
		c, err := cache.New(cache.Options{})
		if err != nil {
			b.Fatal(err)
		}
		access, err := observe.OpenAccessLog(filepath.Join(b.TempDir(), "access.log"), nil)
		if err != nil {
			b.Fatal(err)
		}
		defer access.Close(time.Second)
		p := pipeline.New(pipeline.Options{
			Cache: c, Origins: origins{}, Node: "wedge-00000000", Trusted: func(*exchange.Exchange) bool { return false },
			Events: &observe.Observer{Access: access, Metrics: observe.NewMetrics("bench")},
		})
		p.SetTable(pipeline.NewTable([]route.Site[*pipeline.Route]{{Hosts: []string{"*"}, Any: &pipeline.Route{
			Owner: "default", Site: "*", Origin: "o", Rules: cache.Rules{Owner: "default", Site: "*", Collapse: true}}}}))
		f := h1.New(p, h1.Options{})
		measure(b, func(ln net.Listener) { f.Serve(ln) })
	})
}

// origins answers the one fetch.
type origins struct{}

func (origins) Send(_ context.Context, x *exchange.Exchange, _ string) error {
	r := &x.Response
	r.Status, r.ContentLength, r.Body = 200, int64(len(body)), exchange.NewBytesBody(body)
	r.Header.Add("Cache-Control", "max-age=86400")
	r.Header.Add("Content-Type", "text/plain")
	return nil
}

// measure has b.N requests served on one connection.
func measure(b *testing.B, serve func(net.Listener)) {
	c := &loop{b: b, warm: 1000, left: b.N, closed: make(chan struct{})}
	go serve(c)
	<-c.closed
	b.StopTimer()
}

// A loop is a listener with one connection, which is itself: every read brings
// one request, until there were enough. Either's end is the end of both.
type loop struct {
	b          *testing.B
	accepted   bool
	warm, left int
	once       sync.Once
	closed     chan struct{}
}

func (l *loop) Accept() (net.Conn, error) {
	if l.accepted {
		<-l.closed
		return nil, io.EOF
	}
	l.accepted = true
	return l, nil
}

func (l *loop) Addr() net.Addr { return l.LocalAddr() }

func (l *loop) Read(p []byte) (int, error) {
	switch {
	case l.warm > 0:
		if l.warm--; l.warm == 0 {
			l.b.ReportAllocs()
			l.b.ResetTimer()
		}
	case l.left == 0:
		return 0, io.EOF
	default:
		l.left--
	}
	return copy(p, request), nil
}

func (l *loop) Write(p []byte) (int, error) { return len(p), nil }

func (l *loop) Close() error { l.once.Do(func() { close(l.closed) }); return nil }

func (l *loop) LocalAddr() net.Addr              { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 80} }
func (l *loop) RemoteAddr() net.Addr             { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 54321} }
func (l *loop) SetDeadline(time.Time) error      { return nil }
func (l *loop) SetReadDeadline(time.Time) error  { return nil }
func (l *loop) SetWriteDeadline(time.Time) error { return nil }
