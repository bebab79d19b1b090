package h1

import (
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wedgecdn/wedge/edge/front/fronttest"
	"github.com/wedgecdn/wedge/hostapi/exchange"
)

// TestUpgradeHalfClose: each direction of a tunnel ends by itself.
func TestUpgradeHalfClose(t *testing.T) {
	near, far := fronttest.Pair()
	serve := func(x *exchange.Exchange) {
		x.Response.Status = 101
		x.Response.Header.Add("Upgrade", "x")
		x.Response.Upgrade = near
	}
	inWire(t, timeouts, serve, func(w *wired) {
		c := w.dial()
		w.send(c, "GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\nat once")
		w.wantNow(c, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n")
		w.wantNow(far, "at once") // what came together with the head
		time.Sleep(time.Hour)     // no timeout ends a tunnel
		w.send(c, "up")
		c.CloseWrite()
		w.wantNow(far, "up<closed>")
		w.send(far, "down")
		w.wantNow(c, "down")
		far.Close()
		w.wantNow(c, "<closed>")
	})
}

// TestUpgradeBreaks: an error in one direction ends both.
func TestUpgradeBreaks(t *testing.T) {
	f := func(breakIt func(client, far *fronttest.Conn)) {
		t.Helper()
		near, far := fronttest.Pair()
		serve := func(x *exchange.Exchange) {
			x.Response.Status, x.Response.Upgrade = 101, near
		}
		inWire(t, Options{}, serve, func(w *wired) {
			c := w.dial()
			w.send(c, get)
			w.wantNow(c, "HTTP/1.1 101 Switching Protocols\r\n\r\n")
			breakIt(c, far)
			synctest.Wait()
			io.WriteString(c, "x") // whoever is still there notices
			synctest.Wait()
			if n := w.front.Open(); n != 0 {
				t.Errorf("%d connections open, want 0", n)
			}
			if _, err := far.Write([]byte("x")); err == nil {
				t.Error("the other side is still open")
			}
		})
	}
	f(func(c, far *fronttest.Conn) { c.SetLinger(0); c.Close() })
	f(func(c, far *fronttest.Conn) { far.SetLinger(0); far.Close() })
}

// TestLateReader: a goroutine that reads a request's body when the response
// has been sent gets an error, and the connection's next request is not its
// food.
func TestLateReader(t *testing.T) {
	var mu sync.Mutex
	var errs []error
	inWire(t, Options{}, func(x *exchange.Exchange) {
		body := x.Request.Body
		fronttest.Respond(x, 200, "")
		if body == nil {
			return
		}
		go func() {
			b := make([]byte, 10)
			for {
				_, err := body.Read(b)
				mu.Lock()
				errs = append(errs, err)
				mu.Unlock()
				if err != nil {
					return
				}
			}
		}()
		time.Sleep(time.Second) // it is reading
	}, func(w *wired) {
		c := w.dial()
		w.send(c, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nab")
		time.Sleep(2 * time.Second)
		w.wantNow(c, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n<closed>")
		mu.Lock()
		defer mu.Unlock()
		if len(errs) != 2 || errs[0] != nil || errs[1] == nil {
			t.Errorf("reads returned %v, want one success, then an error", errs)
		}
	})
}

// TestInterim10: HTTP/1.0 has no interim responses, and none come late.
func TestInterim10(t *testing.T) {
	var late error
	serve := func(x *exchange.Exchange) {
		peer := x.Peer
		if err := peer.Interim(103, &x.Response.Header); err != nil {
			t.Errorf("interim: %v", err)
		}
		fronttest.Stream(x, 1, func(w io.Writer) error {
			late = peer.Interim(103, nil)
			_, err := io.WriteString(w, "x")
			return err
		})
	}
	inWire(t, Options{}, serve, func(w *wired) {
		c := w.dial()
		w.send(c, "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
		w.wantNow(c, "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nConnection: keep-alive\r\n\r\nx")
		w.send(c, get)
		w.wantNow(c, "HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx")
		if late == nil {
			t.Error("an interim response went out after the final one had begun")
		}
	})
}

// TestPanicEvent: a bug is told, with the exchange and the stack.
func TestPanicEvent(t *testing.T) {
	var got []string
	o := Options{Events: Events{Panic: func(x *exchange.Exchange, v any, stack []byte) {
		got = append(got, x.Request.Target+" "+v.(string))
		if !strings.Contains(string(stack), "TestPanicEvent") {
			t.Errorf("stack %s", stack)
		}
	}}}
	synctest.Test(t, func(t *testing.T) {
		f, wire := start(t, serverFunc(func(x *exchange.Exchange) { panic("BUG: on purpose") }), o)
		synctest.Wait()
		c, err := wire.Dial()
		if err != nil {
			t.Fatal(err)
		}
		io.WriteString(c, get)
		b, err := io.ReadAll(c)
		if want := "HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"; string(b) != want || err != nil {
			t.Errorf("got %q, %v", b, err)
		}
		c.Close()
		f.Shutdown(t.Context())
		time.Sleep(time.Minute)
	})
	if strings.Join(got, "|") != "/ BUG: on purpose" {
		t.Errorf("told %q", got)
	}
}

type serverFunc func(x *exchange.Exchange)

func (f serverFunc) Serve(x *exchange.Exchange)                            { f(x) }
func (f serverFunc) Refuse(x *exchange.Exchange, _ int, _ exchange.Reason) { f(x) }

// hammer runs each function in a loop of its own for a moment.
func hammer(t *testing.T, fs ...func()) {
	t.Helper()
	var wg sync.WaitGroup
	end := time.Now().Add(100 * time.Millisecond)
	for _, f := range fs {
		wg.Go(func() {
			for time.Now().Before(end) {
				f()
			}
		})
	}
	wg.Wait()
}

// TestHammerFront: connections come and go, are counted and shut down.
func TestHammerFront(t *testing.T) {
	one := func() {
		r := fronttest.NewRecorder(t, func(x *exchange.Exchange) { fronttest.Respond(x, 200, "ok") })
		f, wire := start(t, r, Options{Connections: 3})
		var wg sync.WaitGroup
		for i := range 6 {
			wg.Go(func() {
				for range 5 {
					c, err := wire.Dial()
					if err != nil {
						return
					}
					io.WriteString(c, get)
					if i == 0 {
						f.Open()
					}
					c.Read(make([]byte, 100))
					c.Close()
				}
			})
		}
		if err := f.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
		wg.Wait()
		r.Check()
		if n := f.Open(); n != 0 {
			t.Errorf("%d connections open, want 0", n)
		}
	}
	hammer(t, one, one)
}

// TestHammerBody: a body is read while its exchange ends.
func TestHammerBody(t *testing.T) {
	var wg sync.WaitGroup
	r := fronttest.NewRecorder(t, func(x *exchange.Exchange) {
		if body := x.Request.Body; body != nil {
			wg.Go(func() { io.Copy(io.Discard, body) })
		}
		fronttest.Respond(x, 200, "ok")
	})
	f, wire := start(t, r, Options{})
	client := func() {
		c, err := wire.Dial()
		if err != nil {
			t.Error(err)
			return
		}
		defer c.Close()
		c.SetDeadline(time.Now().Add(time.Minute))
		for range 3 {
			// The connection may end here, because a reader was in the way; but not in an answer.
			if _, err := io.WriteString(c, "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\nhe"); err != nil {
				return
			}
			io.WriteString(c, "llo")
			b := make([]byte, 256)
			n, err := c.Read(b)
			if err != nil {
				if !errors.Is(err, io.EOF) && !errors.Is(err, net.ErrClosed) {
					t.Error(err)
				}
				return
			}
			if got := string(b[:n]); !strings.HasPrefix(got, "HTTP/1.1 ") {
				t.Errorf("got %q", got)
			}
		}
	}
	hammer(t, client, client, client, client)
	if err := f.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	wg.Wait()
	r.Check()
}
