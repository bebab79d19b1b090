package h1

import (
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wedgecdn/wedge/edge/front/fronttest"
	"github.com/wedgecdn/wedge/hostapi/exchange"
)

const (
	refused408 = "HTTP/1.1 408 Request Timeout\r\nContent-Length: 12\r\nConnection: close\r\n\r\nslow-client\n<closed>"
	ok200      = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
)

var timeouts = Options{HeaderTimeout: 8 * time.Second, BodyTimeout: 16 * time.Second, WriteTimeout: 24 * time.Second, IdleTimeout: 80 * time.Second}

// wantClosedIn says when the front closes the connection: a deadline may fire
// up to an eighth late.
func (w *wired) wantClosedIn(c *fronttest.Conn, limit time.Duration, want string) {
	w.Helper()
	began := time.Now()
	b, err := io.ReadAll(c)
	took := time.Since(began)
	if err != nil || took < limit || took > limit+limit/8 {
		w.Errorf("closed after %v (%v), want %v", took, err, limit)
	}
	if got := string(b) + "<closed>"; got != want {
		w.Errorf("got %q, want %q", got, want)
	}
}

func TestHeaderTimeout(t *testing.T) {
	serve := func(x *exchange.Exchange) { fronttest.Respond(x, 200, "") }
	inWire(t, timeouts, serve, func(w *wired) {
		w.wantClosedIn(w.dial(), timeouts.HeaderTimeout, "<closed>") // not a byte: nobody to answer
	})
	inWire(t, timeouts, serve, func(w *wired) {
		c := w.dial()
		w.send(c, "GET / HTTP/1.1\r\nHo")
		w.wantClosedIn(c, timeouts.HeaderTimeout, refused408)
	})
	inWire(t, timeouts, serve, func(w *wired) { // a trickle moves nothing
		c := w.dial()
		w.send(c, get)
		w.wantNow(c, ok200)
		time.Sleep(30 * time.Second)
		for range 9 {
			w.send(c, "X")
			time.Sleep(time.Second)
		}
		w.wantNow(c, "HTTP/1.1 408 Request Timeout\r\nContent-Length: 12\r\nConnection: close\r\n\r\nslow-client\n<closed>")
	})
}

func TestIdleTimeout(t *testing.T) {
	inWire(t, timeouts, func(x *exchange.Exchange) { fronttest.Respond(x, 200, "") }, func(w *wired) {
		c := w.dial()
		for range 5 { // each request starts the time anew
			w.send(c, get)
			w.wantNow(c, ok200)
			time.Sleep(timeouts.IdleTimeout - time.Second)
		}
		w.send(c, get)
		w.wantNow(c, ok200)
		w.wantClosedIn(c, timeouts.IdleTimeout, "<closed>")
	})
}

func TestBodyTimeout(t *testing.T) {
	var got error
	serve := func(x *exchange.Exchange) {
		_, got = io.Copy(io.Discard, x.Request.Body)
		fronttest.Respond(x, 200, "")
	}
	f := func(head, piece string) {
		t.Helper()
		inWire(t, timeouts, serve, func(w *wired) {
			c := w.dial()
			w.send(c, head)
			for range 10 { // a slow client that moves is served
				time.Sleep(timeouts.BodyTimeout - time.Second)
				w.send(c, piece)
			}
			began := time.Now()
			io.ReadAll(c)
			if took := time.Since(began); took < timeouts.BodyTimeout || took > timeouts.BodyTimeout*9/8+time.Second {
				t.Errorf("gave up after %v, want %v", took, timeouts.BodyTimeout)
			}
			if exchange.ReasonOf(got, exchange.ReasonNone) != exchange.ReasonSlowClient {
				t.Errorf("read %v, want %v", got, exchange.ReasonSlowClient)
			}
		})
	}
	f("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n\r\n", "x")
	f("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", "1\r\nx\r\n")
}

func TestUnreadBodyTimeout(t *testing.T) {
	inWire(t, timeouts, func(x *exchange.Exchange) { fronttest.Respond(x, 200, "") }, func(w *wired) {
		c := w.dial()
		w.send(c, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n")
		w.wantNow(c, ok200) // the response does not wait for the content
		for range 2 {       // a trickle of it does not keep the connection
			time.Sleep(unreadTime * 2 / 3)
			w.send(c, "x")
		}
		time.Sleep(unreadTime)
		w.wantNow(c, "<closed>")
	})
}

func TestWriteTimeout(t *testing.T) {
	var got error
	size := int64(4 * fronttest.WireSize)
	serve := func(x *exchange.Exchange) {
		if x.Request.Target == "/head" {
			x.Response.Header.Add("X", strings.Repeat("x", int(size)))
		}
		fronttest.Stream(x, size, func(w io.Writer) error {
			if got = exchange.Flush(w); got != nil {
				return got
			}
			_, got = w.Write(make([]byte, size))
			return got
		})
	}
	inWire(t, timeouts, serve, func(w *wired) { // a client that takes nothing
		c := w.dial()
		w.send(c, get)
		// It took what fits on the wire, so its time starts anew once.
		time.Sleep(timeouts.WriteTimeout * 9 / 4)
		synctest.Wait()
		if got == nil {
			t.Error("still writing")
		}
	})
	slow := func(path string) { // a client that takes little, for much longer than the timeout
		t.Helper()
		inWire(t, timeouts, serve, func(w *wired) {
			c := w.dial()
			w.send(c, "GET "+path+" HTTP/1.1\r\nHost: a\r\n\r\n")
			b, total := make([]byte, 1<<10), int64(0)
			for total < size {
				time.Sleep(timeouts.WriteTimeout - time.Second)
				n, err := c.Read(b)
				if total += int64(n); err != nil {
					t.Fatalf("after %d bytes: %v", total, err)
				}
			}
			synctest.Wait()
			if got != nil {
				t.Errorf("write: %v", got)
			}
		})
	}
	slow("/")
	slow("/head")
}
