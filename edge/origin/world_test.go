package origin

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/wedgecdn/wedge/hostapi/exchange"
)

// A world is upstreams, and servers at the other ends of pipes. Its tests run
// in fake time.
type world struct {
	t     *testing.T
	u     *Upstreams
	serve map[string]func(*side) // by address
	wg    sync.WaitGroup

	mu    sync.Mutex
	dials []string
	log   []string
	open  map[string]int
}

// A side is the server's end of a connection.
type side struct {
	net.Conn
	*bufio.Reader
	w *world
	n int // which connection of the world this is, from 1
}

func (s *side) Read(p []byte) (int, error) { return s.Reader.Read(p) }

func newWorld(t *testing.T, pools ...Pool) *world {
	t.Helper()
	w := &world{t: t, serve: map[string]func(*side){}, open: map[string]int{}}
	w.u = New(Options{Node: "node-a", Dial: w.dial, Events: w.events()})
	if len(pools) == 0 {
		pools = []Pool{{Owner: "o", Name: "shop", Servers: []Server{{URL: "http://shop.test"}}}}
	}
	if err := w.u.SetPools(pools); err != nil {
		t.Fatal(err)
	}
	return w
}

func (w *world) events() Events {
	note := func(format string, args ...any) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.log = append(w.log, fmt.Sprintf(format, args...))
	}
	return Events{
		Attempted: func(a Attempt) {
			note("attempt %s %d%v reused=%v again=%v", a.Server, a.Status, a.Reason, a.Reused, a.Again)
		},
		Ended: func(e Transfer) { note("ended %s sent=%d received=%d %v", e.Server, e.Sent, e.Received, e.Reason) },
		Connected: func(c Connection) {
			note("connected %s open=%d %v", c.Server, c.Open, c.Err == nil)
			w.mu.Lock()
			defer w.mu.Unlock()
			w.open[c.Server] = c.Open
		},
		Closed: func(c Connection) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.open[c.Server] = c.Open
		},
	}
}

// close ends the world; whatever still runs then is a leak, and a bubble of
// synctest with one left deadlocks.
func (w *world) close() {
	w.u.Close()
	w.wg.Wait()
}

var errRefused = errors.New("connection refused")

func (w *world) dial(ctx context.Context, _, address string) (net.Conn, error) {
	w.mu.Lock()
	w.dials = append(w.dials, address)
	n := len(w.dials)
	serve, ok := w.serve[address]
	w.mu.Unlock()
	if !ok {
		return nil, errRefused
	}
	if serve == nil { // a host that answers nothing
		<-ctx.Done()
		return nil, ctx.Err()
	}
	here, there := net.Pipe()
	w.wg.Go(func() {
		defer there.Close()
		serve(&side{there, bufio.NewReader(there), w, n})
	})
	return here, nil
}

func (w *world) wantDials(why string, want int) {
	w.t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.dials) != want {
		w.t.Errorf("%s: %d connections were made, want %d: %v", why, len(w.dials), want, w.dials)
	}
}

func (w *world) wantEvents(why string, want ...string) {
	w.t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	if got := strings.Join(w.log, "\n"); got != strings.Join(want, "\n") {
		w.t.Errorf("%s: events are\n%s\nwant\n%s", why, got, strings.Join(want, "\n"))
	}
	w.log = nil
}

// head reads the head of a request; "" when the client has closed.
func (s *side) head() string {
	var b strings.Builder
	for {
		l, err := s.ReadString('\n')
		if err != nil {
			return ""
		}
		b.WriteString(l)
		if l == "\r\n" {
			return b.String()
		}
	}
}

func (s *side) say(text string) { io.WriteString(s.Conn, text) }

// wait waits until the client closes the connection.
func (s *side) wait() { io.Copy(io.Discard, s.Reader) }

// always answers each request on a connection with text.
func always(text string) func(*side) {
	return func(s *side) {
		for s.head() != "" {
			s.say(text)
		}
	}
}

const ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

// request makes an exchange; words are METHOD PATH, then field lines.
func request(line string, fields ...string) *exchange.Exchange {
	x := exchange.New()
	x.Owner = "o"
	q := &x.Request
	method, target, _ := strings.Cut(line, " ")
	q.Method, q.Host, q.Scheme = method, "shop.example", "http"
	q.Path, q.Query, q.HasQuery = strings.Cut(target, "?")
	for _, f := range fields {
		name, value, _ := strings.Cut(f, ": ")
		q.Header.Add(name, value)
	}
	return x
}

func with(x *exchange.Exchange, body io.Reader, length int64) *exchange.Exchange {
	x.Request.Body, x.Request.ContentLength = exchange.ReaderBody(io.NopCloser(body)), length
	return x
}

// reason is what an error says to the log; a bare io.EOF or a foreign error is shown as it is.
func reason(err error) string {
	e, ok := err.(*exchange.Error)
	if !ok {
		return fmt.Sprintf("%v (no exchange.Error)", err)
	}
	return e.Source.String() + " " + e.Reason.String()
}

// outcome sends x and tells in one line what came of it.
func (w *world) outcome(ctx context.Context, x *exchange.Exchange, writeTo bool) string {
	if err := w.u.Send(ctx, x, "shop"); err != nil {
		if x.Response.Status != 0 || x.Response.Body != nil || x.Response.Header.Len() > 0 {
			w.t.Error("a failed Send leaves something in the response")
		}
		return "failed: " + reason(err)
	}
	return fmt.Sprint(x.Response.Status, " ") + content(x, writeTo)
}

func content(x *exchange.Exchange, writeTo bool) string {
	r := &x.Response
	if r.Body == nil {
		return fmt.Sprintf("no body, length %d", r.ContentLength)
	}
	defer func() { r.Body.Close() }()
	var got bytes.Buffer
	var err error
	if writeTo {
		_, err = r.Body.WriteTo(&got)
	} else {
		_, err = io.Copy(&got, struct{ io.Reader }{r.Body})
	}
	text := got.String()
	if len(text) > 40 {
		text = fmt.Sprintf("%s... %d bytes", text[:8], len(text))
	}
	s := fmt.Sprintf("%q, length %d", text, r.ContentLength)
	if err != nil {
		s += ", broken: " + reason(err)
	}
	if r.Trailer != nil && r.Trailer.Len() > 0 && err == nil {
		for f := range r.Trailer.All() {
			s += " +" + f.Name + ":" + f.Value
		}
	}
	return s
}

func (w *world) get() string {
	w.t.Helper()
	x := request("GET /")
	defer x.Release()
	return w.outcome(context.Background(), x, true)
}

func want(t *testing.T, what, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("%s:\n got  %s\n want %s", what, got, want)
	}
}

// within fails the test if f took longer than d of fake time, or less than half of it.
func within(t *testing.T, d time.Duration, f func()) {
	t.Helper()
	began := time.Now()
	f()
	if took := time.Since(began); took > d+d/8 || took < d/2 {
		t.Errorf("it took %v, want about %v", took, d)
	}
}
