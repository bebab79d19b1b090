package origin

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"github.com/wedgecdn/wedge/hostapi/exchange"
)

// received is what net/http's server side makes of a request, in one line.
func received(s *side) string {
	r, err := http.ReadRequest(s.Reader)
	if err != nil {
		return "broken head: " + err.Error()
	}
	b, err := io.ReadAll(r.Body)
	line := r.Method + " " + string(b)
	if len(b) > 40 {
		line = r.Method + " " + string(b[:8]) + "..."
	}
	for k, v := range r.Trailer {
		line += " +" + k + ":" + strings.Join(v, ",")
	}
	if err != nil {
		line += " broken: " + err.Error()
	}
	return line
}

// TestUpload: bodies reach the server as they are, or visibly do not.
func TestUpload(t *testing.T) {
	f := func(body io.Reader, length int64, trailer string, seen, expected string) {
		t.Helper()
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t)
			defer w.close()
			got := ""
			w.serve["shop.test:80"] = func(s *side) { got = received(s); s.say(ok); s.wait() }
			x := with(request("PUT /"), body, length)
			defer x.Release()
			if trailer != "" {
				x.Request.Trailer = &exchange.Header{}
				for f := range strings.SplitSeq(trailer, "|") {
					name, value, _ := strings.Cut(f, ": ")
					x.Request.Trailer.Add(name, value)
				}
			}
			want(t, "the outcome", w.outcome(t.Context(), x, true), expected)
			synctest.Wait()
			want(t, "the server", got, seen)
		})
	}
	r := strings.NewReader
	const fine = `200 "ok", length 2`
	long := strings.Repeat("x", 100000)
	f(r("hello"), 5, "", "PUT hello", fine)
	f(r("hello"), -1, "", "PUT hello", fine)
	f(r(""), -1, "", "PUT ", fine)
	f(r("unread"), 0, "", "PUT ", fine)
	f(iotest.OneByteReader(r("hello")), 5, "", "PUT hello", fine)
	f(iotest.OneByteReader(r("hello")), -1, "", "PUT hello", fine)
	f(iotest.DataErrReader(r("hello")), 5, "", "PUT hello", fine)
	f(iotest.DataErrReader(r("hello")), -1, "", "PUT hello", fine)
	f(r(long), 100000, "", "PUT xxxxxxxx...", fine)
	f(r(long), -1, "", "PUT xxxxxxxx...", fine)
	f(exchange.NewBytesBody([]byte("hello")), 5, "", "PUT hello", fine)
	f(r("hello"), 5, "Sum: 1", "PUT hello", fine) // there is no place for it
	f(r("hello"), -1, "Sum: 1|Content-Length: 3|Bad\r: x|A: b\r\nc", "PUT hello +Sum:1", fine)

	gone := errors.New("the client has gone")
	const broken, client = "broken: unexpected EOF", "failed: client client-gone"
	f(io.MultiReader(r("hel"), iotest.ErrReader(gone)), 5, "", "PUT hel "+broken, client)
	f(io.MultiReader(r("hel"), iotest.ErrReader(gone)), -1, "", "PUT hel "+broken, client)
	f(r("hel"), 5, "", "PUT hel "+broken, client)
	slow := &exchange.Error{Source: exchange.SourceClient, Op: "read body", Reason: exchange.ReasonTooLarge}
	f(io.MultiReader(r("hel"), iotest.ErrReader(slow)), -1, "", "PUT hel "+broken, "failed: client too-large")
	f(panics{}, -1, "", "PUT  "+broken, "failed: node ")
	f(r("hello"), 3, "", "PUT  "+broken, client)
}

type panics struct{}

func (panics) Read([]byte) (int, error) { panic("a bug elsewhere") }

// TestEarlyAnswer: an answer does not wait for the end of the request's body.
func TestEarlyAnswer(t *testing.T) {
	// script answers with says after 3 bytes of the body; then it reads on if
	// drain is set. after is what of the body comes later; "-" is nothing.
	f := func(says, after string, drain bool, expected, seen string, dials int) {
		t.Helper()
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t)
			defer w.close()
			got := ""
			w.serve["shop.test:80"] = func(s *side) {
				for s.head() != "" {
					b := make([]byte, 3)
					io.ReadFull(s, b)
					s.say(strings.ReplaceAll(says, "~", "\r\n"))
					rest := make([]byte, 3)
					n := 0
					if drain {
						n, _ = io.ReadFull(s, rest)
					}
					w.mu.Lock()
					got = string(b) + string(rest[:n])
					w.mu.Unlock()
				}
			}
			for range 2 {
				pr, pw := io.Pipe()
				x := with(request("PUT /"), pr, 6)
				go func() {
					pw.Write([]byte("abc"))
					if after != "-" {
						time.Sleep(time.Second)
						pw.Write([]byte(after))
						pw.Close()
					}
				}()
				want(t, "the outcome", w.outcome(t.Context(), x, true), expected)
				x.Release()
				pr.CloseWithError(io.ErrClosedPipe) // the front ends the body
				time.Sleep(2 * time.Second)
			}
			w.mu.Lock()
			want(t, "the server", got, seen)
			w.mu.Unlock()
			w.wantDials("two requests", dials)
		})
	}
	// Nothing of the rest comes any more: the answer is there all the same.
	f("HTTP/1.1 413 Too Large~Content-Length: 2~~no", "-", false, `413 "no", length 2`, "abc", 2)
	f("HTTP/1.1 413 Too Large~Content-Length: 0~~", "-", false, `413 no body, length 0`, "abc", 2)
	f("HTTP/1.1 200 OK~Content-Length: 2~~ok", "-", false, `200 "ok", length 2`, "abc", 2)
	// The rest comes later. A refusal ends the sending.
	f("HTTP/1.1 413 Too Large~Content-Length: 2~~no", "def", true, `413 "no", length 2`, "abc", 2)
	// The server is content, and has it all before its response ends.
	f("HTTP/1.1 204 No Content~~", "def", true, `204 no body, length 0`, "abcdef", 1)
}

// TestRefusedUpload: after a refusal nothing more of the body is sent, however long the refusal takes.
func TestRefusedUpload(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.close()
		got := make(chan string, 1)
		w.serve["shop.test:80"] = func(s *side) {
			s.head()
			s.say("HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nn")
			go func() {
				time.Sleep(10 * time.Second)
				s.say("o")
			}()
			b, _ := io.ReadAll(s)
			got <- string(b)
		}
		pr, pw := io.Pipe()
		go func() {
			for _, s := range []string{"abc", "def", "ghi"} {
				time.Sleep(time.Second)
				pw.Write([]byte(s))
			}
		}()
		x := with(request("PUT /"), pr, 9)
		defer x.Release()
		want(t, "the outcome", w.outcome(t.Context(), x, true), `413 "no", length 2`)
		want(t, "the server", <-got, "")
		pr.Close()
		time.Sleep(5 * time.Second)
	})
}

// TestLateBody: when the head came before the request's end, its time does not count for the body.
func TestLateBody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Pool{Owner: "o", Name: "shop", Servers: []Server{{URL: "http://shop.test"}}, Settings: Settings{FirstByteTimeout: 5 * time.Second}})
		defer w.close()
		w.serve["shop.test:80"] = func(s *side) {
			s.head()
			s.say("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n")
			io.ReadFull(s, make([]byte, 3))
			time.Sleep(20 * time.Second)
			s.say("ok")
		}
		pr, pw := io.Pipe()
		time.AfterFunc(time.Second, func() { pw.Write([]byte("abc")); pw.Close() })
		x := with(request("PUT /"), pr, 3)
		defer x.Release()
		want(t, "the outcome", w.outcome(t.Context(), x, true), `200 "ok", length 2`)
	})
}

// TestSlowTaker: a server that takes bytes is not given up, however slowly it does.
func TestSlowTaker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.close()
		w.serve["shop.test:80"] = func(s *side) {
			s.head()
			for range 10 {
				time.Sleep(20 * time.Second)
				io.ReadFull(s, make([]byte, bufferSize/5))
			}
			s.say(ok)
		}
		x := with(request("PUT /"), io.LimitReader(&counting{}, 2*bufferSize), 2*bufferSize)
		defer x.Release()
		want(t, "the outcome", w.outcome(t.Context(), x, true), `200 "ok", length 2`)
	})
}

// TestBothWays: a server may answer while it reads, and the client may wait for that.
func TestBothWays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.close()
		w.serve["shop.test:80"] = func(s *side) {
			for {
				r, err := http.ReadRequest(s.Reader)
				if err != nil {
					return
				}
				s.say("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
				b := make([]byte, 3)
				for {
					if _, err := io.ReadFull(r.Body, b); err != nil {
						break
					}
					s.say("3\r\n" + string(bytes.ToUpper(b)) + "\r\n")
				}
				s.say("0\r\n\r\n")
			}
		}
		for range 2 {
			pr, pw := io.Pipe()
			x := with(request("POST /"), pr, -1)
			if err := w.u.Send(t.Context(), x, "shop"); err != nil {
				t.Fatal(err)
			}
			for _, word := range []string{"one", "two", "six"} {
				pw.Write([]byte(word))
				b := make([]byte, 3)
				io.ReadFull(x.Response.Body, b)
				want(t, "the echo", string(b), strings.ToUpper(word))
			}
			pw.Close()
			if _, err := x.Response.Body.Read(make([]byte, 1)); err != io.EOF {
				t.Error(err)
			}
			x.Response.Body.Close()
			x.Release()
		}
		w.wantDials("both ended well", 1)
	})
}

// TestBrokenWhileAnswering: the client's body breaks after the head of the answer.
func TestBrokenWhileAnswering(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.close()
		w.serve["shop.test:80"] = func(s *side) {
			s.head()
			s.say("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello")
			s.wait()
		}
		pr, pw := io.Pipe()
		x := with(request("POST /"), pr, -1)
		defer x.Release()
		time.AfterFunc(time.Second, func() { pw.CloseWithError(errors.New("gone")) })
		want(t, "the outcome", w.outcome(t.Context(), x, true), `200 "hello", length 10, broken: client client-gone`)
	})
}

// TestStuckUpload: a server that takes nothing of a body is given up.
func TestStuckUpload(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.close()
		w.serve["shop.test:80"] = func(s *side) { s.head(); time.Sleep(time.Hour) }
		x := with(request("POST /"), strings.NewReader(strings.Repeat("x", 1<<20)), 1<<20)
		defer x.Release()
		within(t, 30*time.Second, func() { want(t, "the outcome", w.outcome(t.Context(), x, true), "failed: origin origin-timeout") })
	})
}

// TestSlowUpload: a client may take its time; the server's begins when it has everything.
func TestSlowUpload(t *testing.T) {
	f := func(think time.Duration, expected string) {
		t.Helper()
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t)
			defer w.close()
			w.serve["shop.test:80"] = func(s *side) { received(s); time.Sleep(think); s.say(ok) }
			pr, pw := io.Pipe()
			go func() {
				for range 10 {
					time.Sleep(20 * time.Second)
					pw.Write([]byte("x"))
				}
				pw.Close()
			}()
			x := with(request("POST /"), pr, -1)
			defer x.Release()
			want(t, "the outcome", w.outcome(t.Context(), x, true), expected)
		})
	}
	f(29*time.Second, `200 "ok", length 2`)
	f(31*time.Second, "failed: origin origin-timeout")
}

// TestUploadBackPressure: of a body that the server does not take, no more
// than a buffer is read from the client.
func TestUploadBackPressure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.close()
		hold := make(chan struct{})
		w.serve["shop.test:80"] = func(s *side) { s.head(); <-hold; s.wait() }
		ctx, cancel := context.WithCancel(t.Context())
		body := &counting{}
		x := with(request("POST /"), body, -1)
		defer x.Release()
		done := make(chan string)
		go func() { done <- w.outcome(ctx, x, true) }()
		synctest.Wait()
		if body.n > 2*bufferSize {
			t.Errorf("%d bytes were read from the client, and the server has taken none", body.n)
		}
		cancel()
		want(t, "the outcome", <-done, "failed: client client-gone")
		close(hold)
	})
}

// counting is a body without end.
type counting struct{ n int }

func (c *counting) Read(p []byte) (int, error) { c.n += len(p); return len(p), nil }

// TestUpgrade: after 101 the connection is the client's, both ways.
func TestUpgrade(t *testing.T) {
	f := func(line string, fields []string, says string, expected string) {
		t.Helper()
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t)
			defer w.close()
			w.serve["shop.test:80"] = func(s *side) {
				if h := s.head(); !strings.Contains(h, "\r\nConnection: Upgrade\r\n") && len(fields) > 0 {
					t.Error("no Connection: Upgrade in", h)
				}
				s.say(strings.ReplaceAll(says, "~", "\r\n"))
				b := make([]byte, 4)
				io.ReadFull(s, b)
				s.say(strings.ToUpper(string(b)))
				s.wait()
			}
			ctx, cancel := context.WithCancel(t.Context())
			x := request(line, fields...)
			defer x.Release()
			if err := w.u.Send(ctx, x, "shop"); err != nil {
				want(t, "the outcome", reason(err), expected)
				cancel()
				return
			}
			cancel() // the pipeline ends the context of a response without a body
			u := x.Response.Upgrade
			if x.Response.Status != 101 || u == nil || x.Response.Body != nil {
				t.Fatal("no upgrade:", x.Response.Status)
			}
			time.Sleep(time.Hour) // silence is no fault here
			u.Write([]byte("ping"))
			b := make([]byte, 8)
			if _, err := io.ReadFull(u, b); err != nil {
				t.Error(err)
			}
			want(t, "what came", string(b), expected)
			reading := make(chan error)
			go func() {
				_, err := u.Read(b)
				reading <- err
			}()
			synctest.Wait()
			u.Close()
			u.Close()
			if err := <-reading; err == nil {
				t.Error("a closed tunnel can be read")
			}
			if w.open["shop.test"] != 0 {
				t.Error("the connection still counts as open")
			}
		})
	}
	up := []string{"Upgrade: websocket"}
	const switched = "HTTP/1.1 101 Switching Protocols~Upgrade: websocket~Connection: upgrade~~"
	f("GET /", up, switched+"more", "morePING")
	f("GET /", nil, switched+"more", "origin origin-protocol")
}
