package origin

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wedgecdn/wedge/hostapi/exchange"
)

// TestRequest: what goes over the wire.
func TestRequest(t *testing.T) {
	f := func(x *exchange.Exchange, host, want string) {
		t.Helper()
		defer x.Release()
		b, err := appendRequest(nil, &x.Request, host)
		got := strings.ReplaceAll(string(b), "\r\n", "~")
		if err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
	const bad = "the request has a character that would break its message"
	f(request("GET /"), "a.example", "GET / HTTP/1.1~Host: a.example~~")
	f(request("GET /a?b=c"), "a.example", "GET /a?b=c HTTP/1.1~Host: a.example~~")
	f(request("GET /a?"), "a.example:81", "GET /a? HTTP/1.1~Host: a.example:81~~")
	f(request("OPTIONS *"), "[::1]:81", "OPTIONS * HTTP/1.1~Host: [::1]:81~~")
	f(request("GET /", "x-B: 1", "Accept: */*", "X-b: 2"), "a", "GET / HTTP/1.1~Host: a~x-B: 1~Accept: */*~X-b: 2~~")
	f(request("GET /", "Host: b", "Connection: close", "TE: trailers", "Content-Length: 7", "Expect: 100-continue", "Transfer-Encoding: chunked"), "a", "GET / HTTP/1.1~Host: a~~")
	f(request("GET /", "Upgrade: websocket"), "a", "GET / HTTP/1.1~Host: a~Upgrade: websocket~Connection: Upgrade~~")
	f(request("POST /"), "a", "POST / HTTP/1.1~Host: a~Content-Length: 0~~")
	f(request("DELETE /"), "a", "DELETE / HTTP/1.1~Host: a~~")
	f(with(request("POST /"), nil, 5), "a", "POST / HTTP/1.1~Host: a~Content-Length: 5~~")
	f(with(request("POST /"), nil, 0), "a", "POST / HTTP/1.1~Host: a~Content-Length: 0~~")
	f(with(request("POST /"), nil, -1), "a", "POST / HTTP/1.1~Host: a~Transfer-Encoding: chunked~~")
	f(request("GET /\r\n"), "a", bad)
	f(request("GET /a b"), "a", bad)
	f(request("GET /?a\x00"), "a", bad)
	f(request("GET a"), "a", bad)
	f(request("GET "), "a", bad)
	f(request("G\rT /"), "a", bad)
	f(request(" /"), "a", bad)
	f(request("GET /"), "a\r\nB: c", bad)
	f(request("GET /"), "a/b", bad)
	f(request("GET /", "A: b\r\nC: d"), "a", bad)
	f(request("GET /", "A: b\x00"), "a", bad)
	f(request("GET /", "A\r: b"), "a", bad)
	f(request("GET /", "Accept: b\nC: d"), "a", bad)
}

// TestFieldsKeepOrderAndSpelling: the response is what the server said.
func TestFieldsKeepOrderAndSpelling(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.close()
		w.serve["shop.test:80"] = always("HTTP/1.1 200 OK\r\nx-B: 1 \r\netag:\"e\"\r\nX-a:\r\nX-b: 2\tz\xff\r\nContent-Length: 2\r\n\r\nok")
		x := request("GET /")
		defer x.Release()
		want(t, "the response", w.outcome(t.Context(), x, true), `200 "ok", length 2`)
		var got string
		for f := range x.Response.Header.All() {
			got += f.Name + "=" + f.Value + ";"
		}
		want(t, "the fields", got, "x-B=1;etag=\"e\";X-a=;X-b=2\tz\xff;Content-Length=2;")
		want(t, "a slot", x.Response.Header.Value(exchange.ETag), `"e"`)
	})
}

// TestHost: the server sees the request's host, the one of the settings, or its own.
func TestHost(t *testing.T) {
	f := func(settings, host, want string) {
		t.Helper()
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, Pool{Owner: "o", Name: "shop", Servers: []Server{{URL: "http://Shop.test:81/"}}, Settings: Settings{Host: settings}})
			defer w.close()
			seen := ""
			w.serve["shop.test:81"] = func(s *side) { seen = s.head(); s.say(ok) }
			x := request("GET /")
			defer x.Release()
			x.Request.Host = host
			w.outcome(t.Context(), x, true)
			if !strings.Contains(seen, "\r\nHost: "+want+"\r\n") {
				t.Errorf("settings %q, request %q: the server saw %q, want %q", settings, host, seen, want)
			}
		})
	}
	f("", "a.example", "a.example")
	f("b.example", "a.example", "b.example")
	f("", "", "shop.test:81")
}

// TestRetries: which failures lead to another attempt. Each script is what the
// connections do, one word a connection: "ok" answers all requests, "once"
// answers one and closes when the next has come, "late" one and closes then,
// "junk" one and then garbage, "part" one and then half a head, "slow" one and
// then nothing, "early" closes at once.
func TestRetries(t *testing.T) {
	f := func(retries int, line string, script string, expected string, dials int) {
		t.Helper()
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, Pool{Owner: "o", Name: "shop", Servers: []Server{{URL: "http://shop.test"}}, Settings: Settings{Retries: retries}})
			defer w.close()
			words := strings.Fields(script)
			w.serve["shop.test:80"] = func(s *side) {
				word := words[min(s.n, len(words))-1]
				if word == "early" {
					s.head()
					return
				}
				if s.head() == "" {
					return
				}
				s.say(ok)
				if word == "late" {
					return
				}
				for s.head() != "" {
					switch word {
					case "once":
						return
					case "junk":
						s.say("junk")
						return
					case "part":
						s.say("HTTP/1.1 2")
						return
					case "slow":
						s.wait()
						return
					}
					s.say(ok)
				}
			}
			want(t, "the first request", w.get(), `200 "ok", length 2`)
			synctest.Wait()
			x := request(line)
			defer x.Release()
			if strings.HasSuffix(line, "+") {
				x = with(request(strings.TrimSuffix(line, "+")), strings.NewReader("body"), 4)
				x.Request.Header.Add("A", "b")
			}
			want(t, line+" after "+script, w.outcome(t.Context(), x, true), expected)
			w.wantDials(line+" after "+script, dials)
		})
	}
	const fine, cut = `200 "ok", length 2`, "failed: origin origin-cut"
	f(1, "GET /", "ok", fine, 1)
	f(1, "GET /", "once ok", fine, 2)
	f(1, "GET /", "late ok", fine, 2)
	f(1, "PUT /", "once ok", fine, 2)
	f(1, "DELETE /", "once ok", fine, 2)
	f(0, "GET /", "once ok", cut, 1)
	f(1, "GET /", "once early", cut, 2) // a fresh connection that ends is no stale one
	f(5, "GET /", "once early", cut, 2)
	f(1, "POST /", "once ok", cut, 1)  // it may have been done
	f(1, "POST /", "late ok", fine, 2) // not a byte went out
	f(1, "PATCH /", "once ok", cut, 1)
	f(1, "get /", "once ok", cut, 1) // a method of its own
	f(1, "PUT /+", "once ok", cut, 1)
	f(1, "PUT /+", "late ok", fine, 2)
	f(1, "GET /", "part ok", cut, 1)
	f(1, "GET /", "junk ok", "failed: origin origin-protocol", 1)
	f(1, "GET /", "slow ok", "failed: origin origin-timeout", 1)
}

// TestEvents: what observers are told of two requests, the second on a connection that has died.
func TestEvents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Pool{Owner: "o", Name: "shop", Servers: []Server{{URL: "http://shop.test"}}, Settings: Settings{Retries: 1}})
		defer w.close()
		w.serve["shop.test:80"] = func(s *side) { s.head(); s.say(ok); s.head() }
		w.get()
		w.wantEvents("the first request", "connected shop.test open=1 true", "attempt shop.test 200 reused=false again=false", "ended shop.test sent=38 received=40 ")
		w.get()
		w.wantEvents("the second request", "attempt shop.test 0origin-cut reused=true again=true", "connected shop.test open=1 true",
			"attempt shop.test 200 reused=false again=false", "ended shop.test sent=38 received=40 ")
	})
}

// TestReuse: a connection carries the next request if, and only if, nothing of this one is left on it.
func TestReuse(t *testing.T) {
	f := func(says string, read int, dials int) {
		t.Helper()
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t)
			defer w.close()
			w.serve["shop.test:80"] = always(strings.ReplaceAll(says, "~", "\r\n"))
			for range 3 {
				x := request("GET /")
				if err := w.u.Send(t.Context(), x, "shop"); err != nil {
					t.Fatal(says, err)
				}
				if b := x.Response.Body; b != nil {
					if read < 0 {
						b.WriteTo(io.Discard)
					} else {
						io.ReadFull(b, make([]byte, read))
					}
					b.Close()
					if _, err := b.Read(make([]byte, 1)); err == nil {
						t.Errorf("%s: a closed body can be read", says)
					}
				}
				x.Release()
				synctest.Wait()
			}
			w.wantDials(says, dials)
		})
	}
	f("HTTP/1.1 200 OK~Content-Length: 5~~hello", -1, 1)
	f("HTTP/1.1 200 OK~Content-Length: 5~~hello", 5, 1) // all of it, though nobody saw the end
	f("HTTP/1.1 200 OK~Content-Length: 5~~hello", 4, 3)
	f("HTTP/1.1 200 OK~Content-Length: 5~~hello", 0, 3)
	f("HTTP/1.1 200 OK~Content-Length: 5~~hel", 3, 3) // the rest may come later
	f("HTTP/1.1 200 OK~Content-Length: 0~~", -1, 1)
	f("HTTP/1.1 204 No Content~~", -1, 1)
	f("HTTP/1.1 304 Not Modified~Content-Length: 5~~", -1, 1)
	f("HTTP/1.1 200 OK~Transfer-Encoding: chunked~~5~hello~0~A: b~~", -1, 1)
	f("HTTP/1.1 200 OK~Transfer-Encoding: chunked~~5~hello~0~~", 5, 3)
	f("HTTP/1.1 200 OK~Content-Length: 5~Connection: close~~hello", -1, 3)
	f("HTTP/1.1 200 OK~Content-Length: 5~Connection: x, Close~~hello", -1, 3)
	f("HTTP/1.0 200 OK~Content-Length: 5~~hello", -1, 3)
	f("HTTP/1.1 200 OK~Content-Length: 5~~helloHTTP/1.1 200 OK", -1, 3) // an answer to nothing
	f("HTTP/1.1 204 No Content~Content-Length: 5~~hello", -1, 3)
}

// TestBackPressure: a body is pulled, never pushed. What the node holds of it is a
// buffer, however much the server has.
func TestBackPressure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.close()
		var mu sync.Mutex
		said := 0
		w.serve["shop.test:80"] = func(s *side) {
			s.head()
			s.say("HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n")
			piece := make([]byte, 1000)
			for {
				n, err := s.Conn.Write(piece)
				mu.Lock()
				said += n
				mu.Unlock()
				if err != nil {
					return
				}
			}
		}
		x := request("GET /")
		defer x.Release()
		if err := w.u.Send(t.Context(), x, "shop"); err != nil {
			t.Fatal(err)
		}
		read := 0
		for range 10 {
			synctest.Wait()
			mu.Lock()
			if said > read+bufferSize {
				t.Fatalf("the server could send %d bytes, and %d were read", said, read)
			}
			mu.Unlock()
			n, err := io.ReadFull(x.Response.Body, make([]byte, 5000))
			if read += n; err != nil {
				t.Fatal(err)
			}
		}
		x.Response.Body.Close()
	})
}

// TestInterim: 103 and its like are passed on, 100 is not.
func TestInterim(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.close()
		w.serve["shop.test:80"] = always("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\nConnection: x\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n" + ok)
		x := request("GET /")
		defer x.Release()
		p := &hints{}
		x.Peer = p
		want(t, "the response", w.outcome(t.Context(), x, true), `200 "ok", length 2`)
		want(t, "the interim responses", strings.Join(p.got, "|"), "103 Link=</a.css>|102")
	})
}

type hints struct{ got []string }

func (h *hints) Gone() <-chan struct{} { return nil }
func (h *hints) Interim(status int, f *exchange.Header) error {
	s := fmt.Sprint(status)
	for f := range f.All() {
		s += " " + f.Name + "=" + f.Value
	}
	h.got = append(h.got, s)
	return errors.New("the client has left")
}

// TestTimes: each time bounds what it should, and no more.
func TestTimes(t *testing.T) {
	pool := Pool{Owner: "o", Name: "shop", Servers: []Server{{URL: "http://shop.test"}},
		Settings: Settings{ConnectTimeout: time.Second, FirstByteTimeout: 10 * time.Second, IdleTimeout: 3 * time.Second}}
	synctest.Test(t, func(t *testing.T) {
		f := func(serve func(*side), d time.Duration, expected string) {
			t.Helper()
			w := newWorld(t, pool)
			defer w.close()
			w.serve["shop.test:80"] = serve
			within(t, d, func() { want(t, "the outcome", w.get(), expected) })
		}
		f(nil, time.Second, "failed: origin origin-connect")
		f((*side).wait, 10*time.Second, "failed: origin origin-timeout")
		f(func(s *side) { // a head that drips for ever
			s.head()
			s.say("HTTP/1.1 200 OK\r\n")
			for {
				time.Sleep(time.Second)
				if _, err := s.Conn.Write([]byte("A: b\r\n")); err != nil {
					return
				}
			}
		}, 10*time.Second, "failed: origin origin-timeout")
		f(func(s *side) { s.head(); time.Sleep(9 * time.Second); s.say(ok) }, 9*time.Second, `200 "ok", length 2`)
		f(func(s *side) { // slow, but never silent for long
			s.head()
			s.say("HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n")
			for range 20 {
				time.Sleep(2 * time.Second)
				s.say("x")
			}
		}, 40*time.Second, `200 "xxxxxxxxxxxxxxxxxxxx", length 20`)
		f(func(s *side) {
			s.head()
			s.say("HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\nx")
			s.wait()
		}, 3*time.Second, `200 "x", length 20, broken: origin origin-timeout`)
	})
}

// TestCancel: the end of the context ends everything at once.
func TestCancel(t *testing.T) {
	f := func(serve func(*side), after time.Duration, cause error, expected string) {
		t.Helper()
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t)
			defer w.close()
			w.serve["shop.test:80"] = serve
			ctx, cancel := context.WithCancel(t.Context())
			if cause == context.DeadlineExceeded {
				ctx, cancel = context.WithTimeout(t.Context(), after)
			} else {
				time.AfterFunc(after, cancel)
			}
			defer cancel()
			x := request("GET /")
			defer x.Release()
			within(t, after, func() { want(t, "the outcome", w.outcome(ctx, x, true), expected) })
			synctest.Wait()
			if w.open["shop.test"] > 0 {
				t.Error("the connection is kept")
			}
		})
	}
	half := func(s *side) { s.head(); s.say("HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\nx"); s.wait() }
	f(nil, time.Second, context.Canceled, "failed: client client-gone")
	f((*side).wait, time.Second, context.Canceled, "failed: client client-gone")
	f((*side).wait, time.Second, context.DeadlineExceeded, "failed: origin origin-timeout")
	f(half, time.Second, context.Canceled, `200 "x", length 20, broken: client client-gone`)
	f(half, time.Second, context.DeadlineExceeded, `200 "x", length 20, broken: origin origin-timeout`)
}

// TestCancelledIsNotKept: a context may end when all of the response is there already.
func TestCancelledIsNotKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.close()
		w.serve["shop.test:80"] = always(ok)
		ctx, cancel := context.WithCancel(t.Context())
		x := request("GET /")
		defer x.Release()
		if err := w.u.Send(ctx, x, "shop"); err != nil {
			t.Fatal(err)
		}
		cancel()
		synctest.Wait()
		want(t, "what had come", content(x, true), `"ok", length 2`)
		want(t, "the next request", w.get(), `200 "ok", length 2`)
		w.wantDials("two requests", 2)
		y := request("GET /")
		defer y.Release()
		want(t, "a context that has ended", w.outcome(ctx, y, true), "failed: client client-gone")
		want(t, "the next request", w.get(), `200 "ok", length 2`)
		w.wantDials("three requests", 2)
	})
}

// TestFreshRetry: the second attempt trusts no kept connection.
func TestFreshRetry(t *testing.T) {
	f := func(connections, together, dials int) {
		t.Helper()
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, Pool{Owner: "o", Name: "shop", Servers: []Server{{URL: "http://shop.test"}}, Settings: Settings{Retries: 1, Connections: connections}})
			defer w.close()
			w.serve["shop.test:80"] = func(s *side) { // one answer, and the end when a second is asked for
				s.head()
				time.Sleep(time.Second)
				s.say(ok)
				s.head()
				time.Sleep(time.Second)
			}
			for range 2 {
				var wg sync.WaitGroup
				for range together {
					wg.Go(func() { want(t, "each", w.get(), `200 "ok", length 2`) })
				}
				wg.Wait()
			}
			w.wantDials("two rounds", dials)
		})
	}
	f(9, 1, 2)
	f(9, 2, 4)
	// The place of the dead connection goes to the one in the line, whose own
	// connection is then closed for the one who needs a fresh one.
	f(1, 2, 4)
}

// TestUnknown: an origin that is not there, or another owner's.
func TestUnknown(t *testing.T) {
	w := newWorld(t)
	defer w.close()
	f := func(owner, name, want string) {
		t.Helper()
		x := request("GET /")
		defer x.Release()
		x.Owner = owner
		err := w.u.Send(t.Context(), x, name)
		if err == nil || reason(err) != "origin origin-unknown" || !err.(*exchange.Error).Retry || err.Error() != want {
			t.Errorf("%s/%s: %v", owner, name, err)
		}
	}
	f("o", "shap", `send: owner "o" has no origin "shap": add it to origins, or name another`)
	f("p", "shop", `send: owner "p" has no origin "shop": add it to origins, or name another`)
}
