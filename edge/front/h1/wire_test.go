package h1

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wedgecdn/wedge/edge/front/fronttest"
	"github.com/wedgecdn/wedge/hostapi/exchange"
)

// A wired is a test's front, and raw connections to it.
type wired struct {
	*testing.T
	front *Front
	wire  *fronttest.Wire
	conns []*fronttest.Conn
}

// inWire runs a test in a bubble, on a front whose responses handle makes.
func inWire(t *testing.T, o Options, handle func(x *exchange.Exchange), test func(w *wired)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		r := fronttest.NewRecorder(t, handle)
		w := &wired{T: t}
		w.front, w.wire = start(t, r, o)
		synctest.Wait()
		test(w)
		for _, c := range w.conns {
			c.Close()
		}
		if err := w.front.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
		r.Check()
		time.Sleep(time.Minute) // fasthttp's worker pool looks now and then whether it may end
	})
}

func (w *wired) dial() *fronttest.Conn {
	w.Helper()
	c, err := w.wire.Dial()
	if err != nil {
		w.Fatal(err)
	}
	w.conns = append(w.conns, c)
	return c
}

func (w *wired) send(c *fronttest.Conn, s string) {
	w.Helper()
	if _, err := io.WriteString(c, s); err != nil {
		w.Fatalf("send: %v", err)
	}
}

// wantNow reads what is there once nothing moves any more.
func (w *wired) wantNow(c *fronttest.Conn, want string) {
	w.Helper()
	synctest.Wait()
	c.SetReadDeadline(time.Now().Add(time.Nanosecond))
	b, err := io.ReadAll(c)
	c.SetReadDeadline(time.Time{})
	if err == nil {
		b = append(b, "<closed>"...)
	} else if !errors.Is(err, os.ErrDeadlineExceeded) {
		b = append(b, "<reset>"...)
	}
	if string(b) != want {
		w.Errorf("got\n%q, want\n%q", b, want)
	}
}

const get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"

// TestResponseBytes is responses as they stand on the wire.
func TestResponseBytes(t *testing.T) {
	f := func(name, request string, respond func(x *exchange.Exchange), want string) {
		t.Helper()
		t.Run(name, func(t *testing.T) {
			t.Helper()
			inWire(t, Options{}, respond, func(w *wired) {
				c := w.dial()
				w.send(c, request)
				time.Sleep(2 * time.Second)
				w.wantNow(c, want)
			})
		})
	}
	text := func(status int, text string, fields ...string) func(x *exchange.Exchange) {
		return func(x *exchange.Exchange) {
			for _, f := range fields {
				name, value, _ := strings.Cut(f, ": ")
				x.Response.Header.Add(name, value)
			}
			fronttest.Respond(x, status, text)
		}
	}
	stream := func(length int64, pieces ...string) func(x *exchange.Exchange) {
		return func(x *exchange.Exchange) {
			fronttest.Stream(x, length, func(w io.Writer) error {
				for _, p := range pieces {
					io.WriteString(w, p)
				}
				return nil
			})
		}
	}
	const get10, get10keep, head = "GET / HTTP/1.0\r\n\r\n", "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", "HEAD / HTTP/1.1\r\nHost: a\r\n\r\n"

	f("nothing is added", get, text(200, "hi"), "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi")
	f("order, spelling and doubles stay", get, text(200, "", "x-b: 1", "Set-Cookie: a", "DATE: d", "content-type: t", "Set-Cookie: a", "X-B: 2", "Server: s"),
		"HTTP/1.1 200 OK\r\nx-b: 1\r\nSet-Cookie: a\r\nDATE: d\r\ncontent-type: t\r\nSet-Cookie: a\r\nX-B: 2\r\nServer: s\r\nContent-Length: 0\r\n\r\n")
	f("framing is the front's", get, text(200, "hi", "Content-Length: 7", "Transfer-Encoding: gzip", "Connection: x", "Keep-Alive: 1", "Proxy-Connection: x", "Trailer: x"),
		"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi")
	f("unknown status", get, text(799, ""), "HTTP/1.1 799 Unknown Status Code\r\nContent-Length: 0\r\n\r\n")
	f("close", "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", text(200, ""), "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n<closed>")
	f("HTTP/1.0", get10, text(200, "hi"), "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi<closed>")
	f("HTTP/1.0 keep-alive", get10keep, text(200, "hi"), "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: keep-alive\r\n\r\nhi")
	f("chunks", get, stream(-1, "one", "", "sixteen bytes...", "x"),
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n10\r\nsixteen bytes...\r\n1\r\nx\r\n0\r\n\r\n")
	f("no chunks", get, stream(-1), "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")
	f("unknown length in HTTP/1.0", get10keep, stream(-1, "one", "two"), "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nonetwo<closed>")
	f("HEAD", head, text(200, "hi"), "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n")
	f("HEAD of unknown length", head, stream(-1, "hi"), "HTTP/1.1 200 OK\r\n\r\n")
	f("204", get, text(204, "hi"), "HTTP/1.1 204 No Content\r\n\r\n")
	f("304", get, text(304, ""), "HTTP/1.1 304 Not Modified\r\n\r\n")
	f("304 with the length of a 200", get, func(x *exchange.Exchange) { text(304, "")(x); x.Response.ContentLength = 9 },
		"HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n")
	f("upgrade required", get, text(426, "", "Upgrade: x"), "HTTP/1.1 426 Upgrade Required\r\nUpgrade: x\r\nContent-Length: 0\r\nConnection: upgrade\r\n\r\n")
	f("trailer", get, func(x *exchange.Exchange) {
		stream(-1, "x")(x)
		x.Response.Header.Add("Trailer", "A, B")
		x.Response.Trailer = new(exchange.Header)
		x.Response.Trailer.Add("A", "1")
		x.Response.Trailer.Add("B\r\n", "1")
		x.Response.Trailer.Add("B", "1\r\nC: 2")
	}, "HTTP/1.1 200 OK\r\nTrailer: A, B\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\nA: 1\r\n\r\n")
	f("splitting", get, text(200, "", "A: 1", "B: 1\r\nX: y", "C: \n", "D: \r", "E: \x00", "F: 2"), "HTTP/1.1 200 OK\r\nA: 1\r\nF: 2\r\nContent-Length: 0\r\n\r\n")
	f("cut in HTTP/1.0", get10, func(x *exchange.Exchange) {
		fronttest.Stream(x, -1, func(w io.Writer) error { io.WriteString(w, "one"); return io.ErrUnexpectedEOF })
	}, "<reset>")
	f("cut in chunks", get, func(x *exchange.Exchange) {
		fronttest.Stream(x, -1, func(w io.Writer) error { io.WriteString(w, "one"); return io.ErrUnexpectedEOF })
	}, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n<closed>")
	f("pipelined", get+head+get, text(200, "hi"), "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"+
		"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n"+"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi")
	const post = "POST / HTTP/1.1\r\nHost: a\r\n"
	f("content that nobody waits for", post+"Content-Length: 70000\r\n\r\n", text(200, ""), "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n<closed>")
	f("broken content", post+"Transfer-Encoding: chunked\r\n\r\nx", func(x *exchange.Exchange) {
		io.Copy(io.Discard, x.Request.Body)
		text(200, "")(x)
	}, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n<closed>")
	f("an expectation that is not met", post+"Expect: 100-continue\r\nContent-Length: 1\r\n\r\n", text(200, ""),
		"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n<closed>")
	f("an expectation that is met too late", post+"Expect: 100-continue\r\nContent-Length: 1\r\n\r\n", func(x *exchange.Exchange) {
		body := x.Request.Body
		fronttest.Stream(x, 1, func(w io.Writer) error {
			exchange.Flush(w)
			go io.Copy(io.Discard, body)
			time.Sleep(time.Second)
			_, err := io.WriteString(w, "x")
			return err
		})
	}, "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nConnection: close\r\n\r\nx<closed>")
	f("an impossible status", get, text(99, "hi"), "HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n")
}

// TestHeadSizes: a head may end anywhere in the buffer, content follows it, and
// the head's views stay what they were.
func TestHeadSizes(t *testing.T) {
	for n := inputSize - 1200; n < inputSize+100; n += 7 {
		value := strings.Repeat("v", n)
		input := "POST /target HTTP/1.1\r\nHost: a\r\nX: " + value + "\r\nTransfer-Encoding: chunked\r\n\r\n" +
			"5;" + strings.Repeat("e", 300) + "\r\nhello\r\n0\r\nSum: 1\r\n\r\n" + get
		for _, piece := range []int{0, 1000} {
			r := readAs([]byte(input), piece, Options{})
			if r.fault != nil || r.err != nil || string(r.content) != "hello" || string(r.rest) != get {
				t.Fatalf("value of %d, pieces of %d: %v, content %q, %v, rest %q", n, piece, r.fault, r.content, r.err, r.rest)
			}
			if v, _ := r.request.Header.Named("x"); v != value || r.request.Target != "/target" {
				t.Fatalf("value of %d, pieces of %d: the head has changed", n, piece)
			}
		}
	}
}

// TestLargeHeadOnce: one large head does not cost memory as long as the connection lives.
func TestLargeHeadOnce(t *testing.T) {
	large := "GET / HTTP/1.1\r\nHost: a\r\nX: " + strings.Repeat("x", 3*inputSize) + "\r\n\r\n"
	c := newConn(New(&hitServer{}, Options{}), &scripted{[]byte(large + get), 0})
	f := func(want int) {
		t.Helper()
		if !c.await() || c.readHead() != nil || len(c.buf) != want {
			t.Errorf("a buffer of %d, want %d", len(c.buf), want)
		}
	}
	f(4 * inputSize)
	f(inputSize)
}

// TestWriters: pieces larger than the front's buffer, with and without a head
// before them, arrive as they were written.
func TestWriters(t *testing.T) {
	big := bytes.Repeat([]byte("0123456789abcdef"), 4<<10)
	f := func(length int64, write func(w io.Writer) error) {
		t.Helper()
		inWire(t, Options{}, func(x *exchange.Exchange) { fronttest.Stream(x, length, write) }, func(w *wired) {
			c := w.dial()
			w.send(c, "GET / HTTP/1.0\r\n\r\n")
			b, err := io.ReadAll(c)
			_, content, _ := bytes.Cut(b, []byte("\r\n\r\n"))
			if err != nil || !bytes.Equal(content, append(append(big[:len(big):len(big)], "x"...), big...)) {
				w.Errorf("%d bytes of content, %v", len(content), err)
			}
		})
	}
	all := func(w io.Writer) error { w.Write(big); io.WriteString(w, "x"); _, err := w.Write(big); return err }
	f(-1, all)
	f(int64(2*len(big)+1), all)
	f(int64(2*len(big)+1), func(w io.Writer) error { exchange.Flush(w); return all(w) })
	f(-1, func(w io.Writer) error {
		_, err := exchange.ReaderBody(io.NopCloser(io.MultiReader(bytes.NewReader(big), strings.NewReader("x"), bytes.NewReader(big)))).WriteTo(w)
		return err
	})
}
