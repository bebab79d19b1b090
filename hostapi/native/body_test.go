package native

import (
	"bytes"
	"compress/flate"
	"compress/zlib"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	brotli "github.com/molecule-man/go-brrr"

	"github.com/wedgecdn/wedge/hostapi/abi"
	"github.com/wedgecdn/wedge/hostapi/exchange"
)

// source is a body that knows whether it was closed.
type source struct {
	io.Reader
	closed int
}

func (s *source) WriteTo(w io.Writer) (int64, error) {
	return io.Copy(w, struct{ io.Reader }{s.Reader})
}
func (s *source) Close() error { s.closed++; return nil }

func (h *host) body(r io.Reader, length int64) *source {
	s := &source{Reader: r}
	h.x.Response.Body, h.x.Response.ContentLength = s, length
	return s
}

func coded(coding, text string) string {
	var b bytes.Buffer
	var w io.WriteCloser
	switch coding {
	case "gzip", "x-gzip":
		w = gzip.NewWriter(&b)
	case "deflate":
		w = zlib.NewWriter(&b)
	case "raw":
		w, _ = flate.NewWriter(&b, 6)
	case "zstd":
		w, _ = zstd.NewWriter(&b)
	case "br":
		w, _ = brotli.NewWriter(&b, 5)
	}
	io.WriteString(w, text)
	w.Close()
	return b.String()
}

// What a guest reads is sent on as it came, coded or not, in whatever pieces it was read.
func TestBodyIsForwarded(t *testing.T) {
	text := strings.Repeat("hello, ", 100)
	f := func(coding, content string) {
		t.Helper()
		h := start(t, exchange.OnResponse, Options{})
		h.g.Bytes = bytes.Repeat([]byte{'?'}, 4096)
		if coding != "" {
			h.x.Response.Header.Add("Content-Encoding", coding)
		}
		src := h.body(io.MultiReader(strings.NewReader(content[:3]), strings.NewReader(content[3:])), -1)
		h.want(5, "body_peek", response, room(5))
		h.wantMemory(0, "hello?")
		h.want(int64(len(text)), "body", response, room(10)) // too small a buffer
		h.wantMemory(0, "hello?")
		h.want(int64(len(text)), "body", response, room(2000))
		h.wantMemory(0, text+"?")
		if _, err := h.s.Commit(0); err != nil {
			t.Fatal(err)
		}
		r := &h.x.Response
		if r.Header.Value(exchange.ContentEncoding) != coding || r.Header.Value(exchange.ETag) != `"v1"` || r.ContentLength != -1 {
			t.Errorf("%s: head changed: %v", coding, fieldsOf(&r.Header))
		}
		if got := all(r.Body); got != content || src.closed != 1 {
			t.Errorf("%s: sent %q, closed %d times", coding, got, src.closed)
		}
	}
	f("", text)
	f("identity", text)
	f("gzip", coded("gzip", text))
	f("x-gzip", coded("gzip", text))
	f("deflate", coded("deflate", text))
	f("deflate", coded("raw", text))
	f("zstd", coded("zstd", text))
}

func TestBodyReplaced(t *testing.T) {
	f := func(hook exchange.Hook, status int, more func(*host), want string) {
		t.Helper()
		h := start(t, hook, Options{})
		r := &h.x.Response
		r.Status = status
		for _, v := range []string{"Content-Encoding: gzip", "Last-Modified: x", "Accept-Ranges: bytes", "Content-Range: bytes 0-4/5", "Content-MD5: x", "Repr-Digest: x"} {
			name, value, _ := strings.Cut(v, ": ")
			r.Header.Add(name, value)
		}
		src := h.body(strings.NewReader(coded("gzip", "hello")), 29)
		h.want(5, "body", response, room(9))
		h.want(0, "body_set", response, "bye")
		h.wantRead("bye", "body", response)
		h.want(2, "body_peek", response, room(2))
		if src.closed != 0 {
			t.Error("the old body is closed before the hook has returned")
		}
		if more != nil {
			more(h)
		}
		if _, err := h.s.Commit(0); err != nil {
			t.Fatal(err)
		}
		if src.closed != 1 || r.ContentLength != 3 || all(r.Body) != "bye" {
			t.Errorf("old body closed %d times, length %d", src.closed, r.ContentLength)
		}
		if got := strings.Join(fieldsOf(&r.Header), "; "); got != want {
			t.Errorf("%s: %s\nwant %s", hook, got, want)
		}
	}
	f(exchange.OnFetched, 200, nil, `Content-Type: text/plain; ETag: "v1-01234567"; Last-Modified: x; Accept-Ranges: bytes; Content-Range: bytes 0-4/5`)
	f(exchange.OnResponse, 200, nil, `Content-Type: text/plain`)
	f(exchange.OnResponse, 200, func(h *host) {
		h.call("field_set", response, "ETag", `"mine"`)
		h.call("field_set", response, "Content-Encoding", `br`)
		h.call("field_set", response, "Repr-Digest", `y`)
	}, `Content-Type: text/plain; ETag: "mine"; Content-MD5: x; Repr-Digest: y; Content-Encoding: br`)
}

// Rollback after reading and replacing: the exchange has its body again, from its first byte.
func TestBodyRollback(t *testing.T) {
	f := func(do func(h *host)) {
		t.Helper()
		h := start(t, exchange.OnResponse, Options{})
		src := h.body(strings.NewReader("hello, world"), 12)
		do(h)
		h.s.Rollback()
		r := &h.x.Response
		if r.ContentLength != 12 || r.Header.Value(exchange.ETag) != `"v1"` || r.Status != 200 || src.closed != 0 {
			t.Errorf("length %d, %v, closed %d", r.ContentLength, fieldsOf(&r.Header), src.closed)
		}
		if got := all(r.Body); got != "hello, world" || src.closed != 1 {
			t.Errorf("body %q, closed %d times", got, src.closed)
		}
	}
	set := func(h *host) { h.want(0, "body_set", response, "bye") }
	peek := func(h *host) { h.want(5, "body_peek", response, room(5)) }
	read := func(h *host) { h.want(12, "body", response, room(50)) }
	f(set)
	f(func(h *host) { peek(h); set(h) })
	f(func(h *host) { h.want(0, "response_status_set", 404); peek(h) })
	f(func(h *host) { h.want(0, "response_status_set", 404); read(h); set(h); set(h) })
}

// Two functions at one hook read the same body, and it is sent once.
func TestBodyReadTwice(t *testing.T) {
	h := start(t, exchange.OnResponse, Options{})
	src := h.body(strings.NewReader("hello, world"), 12)
	for range 3 {
		h.want(5, "body_peek", response, room(5))
		h.s.Commit(0)
		h.s.Begin(exchange.OnResponse)
	}
	h.want(12, "body", response, room(50))
	h.s.Commit(0)
	if got := all(h.x.Response.Body); got != "hello, world" || src.closed != 1 {
		t.Errorf("body %q, closed %d times", got, src.closed)
	}
}

// A body above max_body is an error that the guest can handle, and nothing of it is lost. A small bomb stays small.
func TestBodyTooLarge(t *testing.T) {
	f := func(coding, content string, length int64) {
		t.Helper()
		h := start(t, exchange.OnResponse, Options{MaxBody: 100})
		if coding != "" {
			h.x.Response.Header.Add("Content-Encoding", coding)
		}
		src := h.body(strings.NewReader(content), length)
		h.wantStatus(abi.StatusTooLarge, "body", response, room(200))
		h.wantStatus(abi.StatusTooLarge, "body", response, room(200))
		if raw, decoded := h.s.contents[response].Held(); decoded > 101 || raw > 101 {
			t.Errorf("%s: %d bytes are held, decoded %d", coding, raw, decoded)
		}
		h.s.Commit(0)
		if got := all(h.x.Response.Body); got != content || src.closed != 1 {
			t.Errorf("%s: sent %d bytes of %d, closed %d", coding, len(got), len(content), src.closed)
		}
	}
	text := strings.Repeat("a", 101)
	f("", text, -1)
	f("", text, 101)
	f("gzip", coded("gzip", strings.Repeat("a", 30000)), -1)
	f("zstd", coded("zstd", strings.Repeat("a", 1<<20)), -1)
	f("br", coded("br", strings.Repeat("a", 1<<20)), -1)
	f("gzip", coded("gzip", noise(300)), -1)

	h := start(t, exchange.OnResponse, Options{MaxBody: 100})
	h.body(strings.NewReader(text[:100]), -1)
	h.want(100, "body", response, room(200))
	h.wantStatus(abi.StatusTooLarge, "body_set", response, text)
	h.want(0, "body_set", response, text[:100])
	h.wantStatus(abi.StatusTooLarge, "body_append", response, "a")
}

// noise does not compress.
func noise(n int) string {
	b := make([]byte, n)
	v := uint32(1)
	for i := range b {
		v = v*1664525 + 1013904223
		b[i] = byte(v >> 24)
	}
	return string(b)
}

func TestBodyBroken(t *testing.T) {
	f := func(coding string, r io.Reader, want abi.Status, sent string) {
		t.Helper()
		h := start(t, exchange.OnResponse, Options{})
		if coding != "" {
			h.x.Response.Header.Add("Content-Encoding", coding)
		}
		h.body(r, -1)
		h.wantStatus(want, "body", response, room(200))
		h.wantStatus(want, "body", response, room(200))
		h.s.Commit(0)
		if got := all(h.x.Response.Body); got != sent {
			t.Errorf("%s: sent %q, want %q", coding, got, sent)
		}
	}
	f("", io.MultiReader(strings.NewReader("hel"), broken{}), abi.StatusIO, "hel <cut>")
	f("gzip", strings.NewReader("this is no gzip"), abi.StatusIO, "this is no gzip")
	whole := coded("gzip", "hello")
	f("gzip", strings.NewReader(whole[:15]), abi.StatusIO, whole[:15])
	f("deflate", strings.NewReader("x"), abi.StatusIO, "x")
	f("br", strings.NewReader("hello"), abi.StatusIO, "hello")
	f("br", strings.NewReader(coded("br", "hello")[:6]), abi.StatusIO, coded("br", "hello")[:6])
	f("compress", strings.NewReader("hello"), abi.StatusUnavailable, "hello")
	f("gzip, gzip", strings.NewReader("hello"), abi.StatusUnavailable, "hello")
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, errors.New("cut") }

func TestBodyAbsent(t *testing.T) {
	h := start(t, exchange.OnRequest, Options{})
	h.want(0, "body", request, room(9))
	h.want(0, "body_peek", request, room(9))
	h.wantStatus(abi.StatusInvalid, "body_append", request, "x")
	h.want(0, "body_set", request, "x=1")
	h.want(0, "body_append", request, "&y=2")
	h.s.Commit(0)
	if r := &h.x.Request; r.ContentLength != 7 || all(r.Body) != "x=1&y=2" {
		t.Errorf("length %d", r.ContentLength)
	}
	h.s.Begin(exchange.OnFetch)
	h.want(0, "body_set", request, "")
	h.s.Commit(0)
	if r := &h.x.Request; r.ContentLength != 0 || all(r.Body) != "" {
		t.Errorf("length %d", r.ContentLength)
	}
}

// A 304 at on_fetched brings the merged head and no body, so there is nothing to replace.
func TestBodyOfNotModified(t *testing.T) {
	h := start(t, exchange.OnFetched, Options{})
	h.x.Response.Body, h.x.Cache.ForwardStatus = nil, 304
	h.want(0, "body", response, room(9))
	h.wantStatus(abi.StatusNotAllowed, "body_set", response, "x")
}

// FuzzDecode feeds coded bodies, cut and damaged at will: the guest gets a value within max_body or a status, and what
// is sent on is always what came.
func FuzzDecode(f *testing.F) {
	for i, c := range []string{"gzip", "deflate", "raw", "zstd"} {
		f.Add(uint8(i), []byte(coded(c, "hello, hello, hello")), uint8(3))
	}
	f.Fuzz(func(t *testing.T, which uint8, content []byte, at uint8) {
		h := start(t, exchange.OnResponse, Options{MaxBody: 64})
		h.x.Response.Header.Add("Content-Encoding", [...]string{"gzip", "deflate", "deflate", "zstd"}[which%4])
		cut := min(int(at), len(content))
		h.body(io.MultiReader(bytes.NewReader(content[:cut]), bytes.NewReader(content[cut:])), -1)
		n := h.call("body_peek", response, room(int(at)))
		m := h.call("body", response, room(100))
		if n > int64(at) || m > 64 {
			t.Fatalf("peek %d, body %d", n, m)
		}
		h.s.Commit(0)
		if got := all(h.x.Response.Body); got != string(content) {
			t.Fatalf("sent %q, want %q", got, content)
		}
	})
}
