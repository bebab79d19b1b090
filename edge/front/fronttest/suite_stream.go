package fronttest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"sync/atomic"
	"testing/synctest"

	"github.com/wedgecdn/wedge/hostapi/exchange"
)

// wantNext reads exactly what is there to be read now: with nothing more on
// its way a read that waited for more would leave the bubble deadlocked.
func (h *harness) wantNext(r io.Reader, want string) {
	h.Helper()
	b := make([]byte, len(want))
	if _, err := io.ReadFull(r, b); err != nil {
		h.Fatalf("read: %v, want %q", err, want)
	}
	h.want("content", string(b), want)
}

func testStreamDown(h *harness) {
	f := func(length int64) {
		next := make(chan string)
		h.serve(func(x *exchange.Exchange) {
			Stream(x, length, func(w io.Writer) error {
				if length >= 0 { // a length that is not known needs no asking
					exchange.Flush(w)
				}
				for s := range next {
					if _, err := io.WriteString(w, s); err != nil {
						return err
					}
				}
				return nil
			})
		})
		resp := h.do(h.request("GET", "/", nil)) // the head is there before any content
		next <- "one "
		h.wantNext(resp.Body, "one ")
		next <- "two "
		h.wantNext(resp.Body, "two ")
		next <- "three"
		close(next)
		h.want("rest", h.all(resp), "three")
		h.end()
	}
	f(-1)
	f(int64(len("one two three")))

	pr, pw := io.Pipe()
	h.serve(func(x *exchange.Exchange) {
		x.Response.Status, x.Response.ContentLength, x.Response.Body = 200, 6, exchange.ReaderBody(pr)
	})
	resp := h.do(h.request("GET", "/", nil)) // a reader is not waited for with the head in hand
	io.WriteString(pw, "one")
	h.wantNext(resp.Body, "one")
	io.WriteString(pw, "two")
	pw.Close()
	h.want("rest", h.all(resp), "two")
}

func testStreamUp(h *harness) {
	read := make(chan string)
	h.serve(func(x *exchange.Exchange) {
		b := make([]byte, 100)
		for {
			n, err := x.Request.Body.Read(b)
			if n > 0 {
				read <- string(b[:n])
			}
			if err != nil {
				if err != io.EOF {
					h.Errorf("read body: %v", err)
				}
				break
			}
		}
		Respond(x, 200, "ok")
	})
	f := func(length int64) {
		pr, pw := io.Pipe()
		r := h.request("POST", "/", pr)
		r.ContentLength = length
		done := make(chan struct{})
		go func() {
			defer close(done)
			h.want("content", h.all(h.do(r)), "ok")
		}()
		io.WriteString(pw, "one")
		h.want("first", <-read, "one")
		io.WriteString(pw, "two")
		h.want("second", <-read, "two")
		pw.Close()
		<-done
	}
	f(-1)
	f(6)
}

func testFullDuplex(h *harness) {
	h.serve(func(x *exchange.Exchange) {
		body := x.Request.Body
		Stream(x, -1, func(w io.Writer) error {
			exchange.Flush(w)
			_, err := body.WriteTo(w)
			return err
		})
	})
	pr, pw := io.Pipe()
	resp := h.do(h.request("POST", "/", pr))
	for _, s := range []string{"ping", "pong", "ping"} {
		io.WriteString(pw, s)
		h.wantNext(resp.Body, s)
	}
	pw.Close()
	h.want("rest", h.all(resp), "")
}

// enough is what connections, front and client together may take of a body
// that nobody reads.
const enough = 256 << 10

func testBackPressureDown(h *harness) {
	const total = 8 << 20
	f := func(length int64) {
		var pulled atomic.Int64
		h.serve(func(x *exchange.Exchange) {
			Stream(x, length, func(w io.Writer) error {
				b := make([]byte, 8<<10)
				for pulled.Load() < total {
					n, err := w.Write(b)
					pulled.Add(int64(n))
					if err != nil {
						return err
					}
				}
				return nil
			})
		})
		resp := h.do(h.request("GET", "/", nil))
		synctest.Wait() // nothing moves any more
		if n := pulled.Load(); n > enough {
			h.Errorf("the front took %d bytes that the client did not read, want at most %d", n, enough)
		}
		n, err := io.Copy(io.Discard, resp.Body)
		if n != total || err != nil {
			h.Errorf("%d bytes, %v, want %d", n, err, total)
		}
		h.end()
	}
	f(-1)
	f(total)
	h.front = nil
}

func testBackPressureUp(h *harness) {
	read := make(chan struct{})
	h.serve(func(x *exchange.Exchange) {
		<-read
		n, err := io.Copy(io.Discard, x.Request.Body)
		if n != BodySize || err != nil {
			h.Errorf("%d bytes, %v, want %d", n, err, BodySize)
		}
		Respond(x, 200, "ok")
	})
	source := &counted{r: bytes.NewReader(make([]byte, BodySize))}
	r := h.request("POST", "/", source)
	done := make(chan struct{})
	go func() {
		defer close(done)
		h.want("content", h.all(h.do(r)), "ok")
	}()
	synctest.Wait()
	if n := source.n.Load(); n > enough {
		h.Errorf("the front took %d bytes that the server did not read, want at most %d", n, enough)
	}
	close(read)
	<-done
}

// counted counts what is read of it.
type counted struct {
	r io.Reader
	n atomic.Int64
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n.Add(int64(n))
	return n, err
}

var errBroken = errors.New("broken on purpose")

// testBodyFails: a client must not take a response that broke off for a whole one.
func testBodyFails(h *harness) {
	f := func(length int64, sent string) {
		h.Helper()
		h.serve(func(x *exchange.Exchange) {
			Stream(x, length, func(w io.Writer) error {
				io.WriteString(w, sent)
				return errBroken
			})
		})
		resp, err := h.front.Client.RoundTrip(h.request("GET", "/", nil))
		if err == nil {
			var b []byte
			b, err = io.ReadAll(resp.Body)
			if !strings.HasPrefix(sent, string(b)) {
				h.Errorf("content %q, want the beginning of %q", b, sent)
			}
		}
		if err == nil {
			h.Errorf("length %d, sent %q: the client saw a whole response", length, sent)
		}
		if e := h.recorder.Ended(1)[0]; !errors.Is(e.Err, errBroken) || e.Sent != int64(len(sent)) {
			h.Errorf("ended with %v after %d bytes, want %v after %d", e.Err, e.Sent, errBroken, len(sent))
		}
		h.end()
	}
	f(-1, "abc")
	f(-1, "")
	f(6, "abc")
	f(6, "")
	h.front = nil
}

// testBodyShort: neither must one whose length was a lie.
func testBodyShort(h *harness) {
	f := func(length int64, sent string) {
		h.Helper()
		h.serve(func(x *exchange.Exchange) {
			Stream(x, length, func(w io.Writer) error {
				_, err := io.WriteString(w, sent)
				return err
			})
		})
		resp, err := h.front.Client.RoundTrip(h.request("GET", "/", nil))
		if err == nil {
			_, err = io.ReadAll(resp.Body)
		}
		if err == nil {
			h.Errorf("length %d, sent %q: the client saw a whole response", length, sent)
		}
		if e := h.recorder.Ended(1)[0]; e.Err == nil {
			h.Errorf("length %d, sent %q: ended without an error", length, sent)
		}
		h.end()
	}
	f(6, "abc")
	f(2, "abc")
	f(1, "")
	h.front = nil
}

func testClientLeavesDown(h *harness) {
	ctx, leave := context.WithCancel(h.Context())
	h.serve(func(x *exchange.Exchange) {
		Stream(x, -1, func(w io.Writer) error {
			for {
				if _, err := w.Write(make([]byte, 1024)); err != nil {
					x.Err = err // a body may note what it saw
					return err
				}
			}
		})
	})
	resp := h.do(h.request("GET", "/", nil).WithContext(ctx))
	h.wantNext(resp.Body, string(make([]byte, 1024)))
	leave()
	e := h.recorder.Ended(1)[0]
	if exchange.ReasonOf(e.Err, exchange.ReasonNone) != exchange.ReasonClientGone {
		h.Errorf("ended with %v, want %v", e.Err, exchange.ReasonClientGone)
	}
}

func testClientLeavesUp(h *harness) {
	f := func(length int64) {
		h.Helper()
		var got error
		h.serve(func(x *exchange.Exchange) {
			_, got = io.Copy(io.Discard, x.Request.Body)
			Respond(x, 400, "")
		})
		r := h.request("POST", "/", io.MultiReader(strings.NewReader("abc"), brokenReader{}))
		r.ContentLength = length
		if resp, err := h.front.Client.RoundTrip(r); err == nil {
			resp.Body.Close()
		}
		h.recorder.Ended(1)
		if e, ok := errors.AsType[*exchange.Error](got); !ok || e.Source != exchange.SourceClient {
			h.Errorf("length %d: read %v, want a client's error", length, got)
		}
		h.end()
	}
	f(-1)
	f(10)
	h.front = nil
}

type brokenReader struct{}

func (brokenReader) Read([]byte) (int, error) { return 0, errBroken }

// testUnreadBody: content that nobody read does not become the next request.
func testUnreadBody(h *harness) {
	h.serve(func(x *exchange.Exchange) { Respond(x, 200, x.Request.Target) })
	f := func(path string, body io.Reader) {
		h.Helper()
		resp, err := h.front.Client.RoundTrip(h.request("POST", path, body))
		if err != nil {
			h.Fatalf("%s: %v", path, err)
		}
		h.want("content", h.all(resp), path)
		// A front that did not take all of the content closes the connection then,
		// which the client must have seen before it sends the next on another.
		synctest.Wait()
	}
	smuggled := "GET /smuggled HTTP/1.1\r\nHost: front.example\r\n\r\n"
	f("/short", strings.NewReader(smuggled))
	f("/chunked", io.MultiReader(strings.NewReader(smuggled)))
	f("/long", strings.NewReader(strings.Repeat(smuggled, 5000)))
	f("/long-chunked", io.MultiReader(strings.NewReader(strings.Repeat(smuggled, 5000))))
	f("/after", strings.NewReader("x"))
	for _, e := range h.recorder.Ended(5) {
		if e.Target == "/smuggled" {
			h.Fatal("content was served as a request")
		}
	}
}
