package h1

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wedgecdn/wedge/edge/front/fronttest"
	"github.com/wedgecdn/wedge/edge/listen"
	"github.com/wedgecdn/wedge/hostapi/exchange"
)

func (w *wired) shutdown() chan error {
	done := make(chan error, 1)
	go func() { done <- w.front.Shutdown(context.Background()) }()
	synctest.Wait()
	return done
}

func wantDrained(t *testing.T, done chan error) {
	t.Helper()
	synctest.Wait()
	select {
	case err := <-done:
		if err != nil {
			t.Errorf("shut down: %v", err)
		}
	default:
		t.Error("not drained")
	}
}

const ok200close = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n<closed>"

func TestShutdown(t *testing.T) {
	serve := func(x *exchange.Exchange) { fronttest.Respond(x, 200, "") }
	inWire(t, Options{}, serve, func(w *wired) {
		idle, fresh, late := w.dial(), w.dial(), w.dial()
		w.send(idle, get)
		w.wantNow(idle, ok200)
		w.send(late, get)
		w.wantNow(late, ok200)
		done := w.shutdown()
		// A request that was on its way when the shutdown began is answered.
		time.Sleep(lastCall / 2)
		w.send(late, get)
		w.wantNow(late, ok200close)
		late.Close()
		// The others get no more than the last call.
		time.Sleep(lastCall)
		w.wantNow(idle, "<closed>")
		w.wantNow(fresh, "<closed>")
		wantDrained(t, done)
		if _, err := w.wire.Dial(); err == nil {
			t.Error("accepted after the shutdown")
		}
	})
	inWire(t, Options{}, serve, func(w *wired) { // half a head is waited for
		c := w.dial()
		w.send(c, get[:10])
		done := w.shutdown()
		time.Sleep(2 * lastCall)
		w.send(c, get[10:])
		w.wantNow(c, ok200close)
		c.Close()
		wantDrained(t, done)
	})
	inWire(t, Options{}, func(x *exchange.Exchange) { // so is content
		io.Copy(io.Discard, x.Request.Body)
		serve(x)
	}, func(w *wired) {
		c := w.dial()
		w.send(c, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nx")
		done := w.shutdown()
		time.Sleep(2 * lastCall)
		w.send(c, "x")
		w.wantNow(c, ok200close)
		c.Close()
		wantDrained(t, done)
	})
	inWire(t, Options{}, func(x *exchange.Exchange) { // a response that streams goes to its end
		fronttest.Stream(x, -1, func(w io.Writer) error {
			for range 3 {
				time.Sleep(time.Second)
				io.WriteString(w, "x")
			}
			return nil
		})
	}, func(w *wired) {
		c := w.dial()
		w.send(c, get)
		synctest.Wait()
		done := w.shutdown()
		const chunks = "1\r\nx\r\n1\r\nx\r\n1\r\nx\r\n0\r\n\r\n"
		time.Sleep(3*time.Second + lastCall/2)
		w.wantNow(c, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"+chunks)
		// It had begun before the shutdown, so the client may send another.
		w.send(c, get)
		time.Sleep(3*time.Second + lastCall/2)
		w.wantNow(c, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"+chunks+"<closed>")
		c.Close()
		wantDrained(t, done)
	})
	inWire(t, Options{}, func(x *exchange.Exchange) { // nothing follows one that had begun before
		fronttest.Stream(x, -1, func(io.Writer) error { time.Sleep(time.Second); return nil })
	}, func(w *wired) {
		c := w.dial()
		w.send(c, get)
		synctest.Wait()
		done := w.shutdown()
		time.Sleep(time.Second + lastCall)
		w.wantNow(c, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n<closed>")
		wantDrained(t, done)
	})
}

// TestClose: a shutdown whose time is up leaves connections, Close ends them.
func TestClose(t *testing.T) {
	inWire(t, Options{}, func(x *exchange.Exchange) {
		fronttest.Stream(x, -1, func(w io.Writer) error {
			for {
				time.Sleep(time.Second)
				if _, err := io.WriteString(w, "x"); err != nil {
					return err
				}
			}
		})
	}, func(w *wired) {
		c := w.dial()
		w.send(c, get)
		ctx, cancel := context.WithTimeout(w.Context(), 10*time.Second)
		defer cancel()
		if err := w.front.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("shut down: %v", err)
		}
		if n := w.front.Open(); n != 1 {
			t.Errorf("%d connections open, want 1", n)
		}
		w.front.Close()
		time.Sleep(2 * time.Second)
		if n := w.front.Open(); n != 0 {
			t.Errorf("%d connections open, want 0", n)
		}
		if err := w.front.Serve(fronttest.NewWire()); !errors.Is(err, ErrClosed) {
			t.Errorf("serve after close: %v", err)
		}
	})
}

// TestConnections: one connection too many is told so and closed; it is no
// event of an exchange.
func TestConnections(t *testing.T) {
	refused, booked, booking := 0, 0, 0
	events := Events{Refused: func(string) { refused++ }}
	two := func(t *testing.T, o Options) {
		inWire(t, o, func(x *exchange.Exchange) { fronttest.Respond(x, 200, "") }, func(w *wired) {
			a, b, c := w.dial(), w.dial(), w.dial()
			w.wantNow(c, overload+"<closed>")
			w.send(a, get)
			w.wantNow(a, ok200)
			b.Close()
			synctest.Wait()
			d := w.dial()
			w.send(d, get)
			w.wantNow(d, ok200)
			if refused != 1 {
				t.Errorf("%d refused, want 1", refused)
			}
		})
	}
	two(t, Options{Connections: 2, Events: events})
	// The same with somebody else who books them.
	refused = 0
	two(t, Options{Events: events, Take: func() bool {
		if booking++; booked == 2 {
			return false
		}
		booked++
		return true
	}, Give: func() { booked-- }})
	if booked != 0 || booking != 4 {
		t.Errorf("%d of %d bookings are left", booked, booking)
	}
}

// TestLinger: a client that is still sending when it is refused, or told that
// the connection ends, gets the response all the same: no reset overtakes it.
func TestLinger(t *testing.T) {
	address := listenLoopback(t, New(fronttest.NewRecorder(t, func(x *exchange.Exchange) {
		fronttest.Stream(x, -1, func(io.Writer) error { return nil })
	}), tableLimits))
	f := func(request string, status int) {
		t.Helper()
		for range 20 {
			nc, err := net.Dial("tcp", address)
			if err != nil {
				t.Fatal(err)
			}
			nc.SetDeadline(time.Now().Add(patience))
			sent := make(chan struct{})
			go func() {
				defer close(sent)
				io.WriteString(nc, request)
				nc.Write(make([]byte, 600<<10))
			}()
			br := bufio.NewReader(nc)
			resp, err := http.ReadResponse(br, nil)
			if err != nil || resp.StatusCode != status {
				t.Errorf("%v, %v, want %d", resp, err, status)
			}
			<-sent
			if _, err := io.Copy(io.Discard, br); err != nil {
				t.Errorf("after the response: %v, want its end", err)
			}
			nc.Close()
		}
	}
	f("GET\r\n", 400)
	f("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", 200)
	f("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 600000\r\n\r\n", 413)
	f("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", 200)
	f("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 900\r\nExpect: 100-continue\r\n\r\n", 200)
}

// TestLingerUnasked: nor does one when the close was not the client's idea, and
// its next request is on its way.
func TestLingerUnasked(t *testing.T) {
	f := func(request string, lingers bool) {
		t.Helper()
		inWire(t, Options{}, func(x *exchange.Exchange) {
			fronttest.Stream(x, -1, func(io.Writer) error { return nil })
		}, func(w *wired) {
			c := w.dial()
			w.send(c, request)
			synctest.Wait()
			_, err := c.Write(make([]byte, 2*fronttest.WireSize))
			if (err == nil) != lingers {
				t.Errorf("%q: sending on: %v", request, err)
			}
		})
	}
	f("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", true)
	f("GET / HTTP/1.0\r\n\r\n", false)
}

// TestShutdownUnderLoad: clients that send one request after the other, over
// real sockets, and connect again when they are told to close, lose none: every
// request sent on a connection that was open is answered.
func TestShutdownUnderLoad(t *testing.T) {
	var served atomic.Int64
	r := fronttest.NewRecorder(t, func(x *exchange.Exchange) {
		served.Add(1)
		fronttest.Respond(x, 200, "ok")
	})
	f := New(r, Options{})
	ln, err := listen.Open(listen.Options{Address: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- f.Serve(ln) }()
	const clients = 16
	var answered atomic.Int64
	var ending atomic.Bool
	var wg sync.WaitGroup
	client := func() error {
		for {
			nc, err := (&net.Dialer{Timeout: 300 * time.Millisecond}).Dial("tcp", ln.Addr().String())
			if err != nil && !ending.Load() {
				continue // the machine has paused
			}
			if err != nil {
				return nil // it does not listen any more
			}
			br := bufio.NewReader(nc)
			for {
				_, err := io.WriteString(nc, get)
				if err != nil {
					return fmt.Errorf("send on an open connection: %w", err)
				}
				resp, err := http.ReadResponse(br, nil)
				if err != nil {
					return fmt.Errorf("a request was lost: %w", err)
				}
				if b, err := io.ReadAll(resp.Body); err != nil || string(b) != "ok" {
					return fmt.Errorf("content %q, %w", b, err)
				}
				answered.Add(1)
				if resp.Close {
					nc.Close()
					break
				}
			}
		}
	}
	for range clients {
		wg.Go(func() {
			if err := client(); err != nil {
				t.Error(err)
			}
		})
	}
	for answered.Load() < 2000 { // the load is on
		<-time.After(time.Millisecond)
	}
	ending.Store(true)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := f.Shutdown(ctx); err != nil {
		t.Error(err)
	}
	wg.Wait()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if a, s := answered.Load(), served.Load(); a != s {
		t.Errorf("%d served, %d answered", s, a)
	}
	r.Check()
}
