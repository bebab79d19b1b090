package native

import (
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/wedgecdn/wedge/hostapi/abi"
	"github.com/wedgecdn/wedge/hostapi/adapter"
	"github.com/wedgecdn/wedge/hostapi/exchange"
	"github.com/wedgecdn/wedge/runtime/hostcall"
)

// streams runs do as a guest's hook and tells whether it began a stream. A trap ends do, as it would end a guest.
func (h *host) streams(do func() int32) (began bool) {
	h.t.Helper()
	result, began, err := h.s.Run(func() (r int32, err error) {
		defer func() {
			if v := recover(); v != nil {
				u, ok := v.(*hostcall.Unwind)
				if !ok {
					panic(v)
				}
				err = u.Err
			}
		}()
		return do(), nil
	}, h.ended)
	if !began {
		if err != nil {
			h.t.Fatal(err)
		}
		h.s.Commit(result)
	}
	return began
}

func (h *host) ended(result int32, err error) error {
	if err != nil {
		h.s.Rollback()
		return err
	}
	_, err = h.s.Commit(result)
	return err
}

// trapping calls a function that may end the guest.
func (h *host) trapping(name string, params ...uint64) int64 {
	h.t.Helper()
	r, err := h.try(name, params...)
	if err != nil {
		panic(&hostcall.Unwind{Err: err})
	}
	return r
}

// copyThrough is a guest's loop: it reads into memory at 100, n bytes at a time, and writes each chunk back.
func (h *host) copyThrough(n uint64) int32 {
	for {
		m := h.trapping("body_stream_read", 100, n)
		if m <= 0 {
			return int32(m)
		}
		h.trapping("body_stream_write", 100, uint64(m))
	}
}

func TestStreamDecodes(t *testing.T) {
	text := strings.Repeat("hello, world ", 50)
	f := func(coding, content string) {
		t.Helper()
		h := start(t, exchange.OnFetched, Options{})
		r := &h.x.Response
		r.Header.Add("Content-Encoding", coding)
		r.Header.Add("Digest", "x")
		src := h.body(strings.NewReader(content), int64(len(content)))
		began := h.streams(func() int32 {
			h.want(5, "body_peek", response, room(5)) // what was read ahead is not lost
			h.want(0, "body_stream_begin")
			return h.copyThrough(64)
		})
		if want := `Content-Type: text/plain; ETag: "v1-01234567"`; !began || strings.Join(fieldsOf(&r.Header), "; ") != want || r.ContentLength != -1 {
			t.Errorf("%s: began %v: %q, length %d", coding, began, fieldsOf(&r.Header), r.ContentLength)
		}
		if got := all(r.Body); got != text || src.closed != 1 {
			t.Errorf("%s: body %.40q, closed %d times", coding, got, src.closed)
		}
	}
	f("", text)
	f("gzip", coded("gzip", text))
	f("deflate", coded("raw", text))
	f("zstd", coded("zstd", text))
}

// After body_stream_begin the head cannot be changed, nor the body read as a whole; what is outside of the message goes on.
func TestStreamFreezes(t *testing.T) {
	h := start(t, exchange.OnFetched, Options{})
	src := h.body(strings.NewReader("hello"), 5)
	h.streams(func() int32 {
		h.wantStatus(abi.StatusInvalid, "body_stream_read", room(9))
		h.wantStatus(abi.StatusInvalid, "body_stream_write", "x")
		h.want(0, "field_set", response, "X-A", "before")
		h.want(0, "body_stream_begin")
		fz := abi.StatusFrozen
		h.wantStatus(fz, "body_stream_begin")
		h.wantStatus(fz, "field_set", response, "X-A", "after")
		h.wantStatus(fz, "field_remove", response, "X-A")
		h.wantStatus(fz, "response_status_set", 404)
		h.wantStatus(fz, "body", response, room(9))
		h.wantStatus(fz, "body_set", response, "x")
		h.wantStatus(fz, "cache_ttl_set", 1)
		h.wantStatus(fz, "cache_tag_add", "t")
		h.wantStatus(fz, "var_set", "a", "b")
		h.wantStatus(fz, "var_remove", "a")
		h.wantRead("before", "field", response, "x-a", 0)
		h.want(200, "response_status")
		h.want(0, "log", 1, "line", "")
		h.wantStatus(abi.StatusInvalid, "body_stream_read", room(0))
		h.want(0, "body_stream_write", "")
		h.want(0, "body_stream_write", "new")
		return 0
	})
	if got := all(h.x.Response.Body); got != "new" || src.closed != 1 {
		t.Errorf("body %q, closed %d times", got, src.closed)
	}
	if v, _ := h.x.Response.Header.Named("x-a"); v != "before" {
		t.Errorf("X-A is %q", v)
	}
}

func TestStreamWithout(t *testing.T) {
	h := start(t, exchange.OnResponse, Options{})
	h.wantStatus(abi.StatusUnavailable, "body_stream_begin") // not called by Run
	if h.streams(func() int32 { h.want(0, "field_set", response, "X-A", "b"); return 0 }) {
		t.Error("a stream began by itself")
	}
	if v, _ := h.x.Response.Header.Named("x-a"); v != "b" {
		t.Error("the hook's change is lost")
	}
	f := func(want abi.Status, prepare func(h *host)) {
		t.Helper()
		h := start(t, exchange.OnResponse, Options{})
		prepare(h)
		if h.streams(func() int32 { h.wantStatus(want, "body_stream_begin"); return 0 }) {
			t.Error("a stream began")
		}
	}
	f(abi.StatusAbsent, func(h *host) { h.x.Response.Body = nil })
	f(abi.StatusUnavailable, func(h *host) { h.x.Response.Header.Add("Content-Encoding", "compress") })
	f(abi.StatusInvalid, func(h *host) { h.x.Response.Status = 304 })
}

// However a stream ends, what came is closed once, and an end that is not good is not taken for one.
func TestStreamEnds(t *testing.T) {
	f := func(name string, r io.Reader, loop func(h *host) int32, want string) {
		t.Helper()
		h := start(t, exchange.OnResponse, Options{})
		src := h.body(r, -1)
		h.streams(func() int32 { h.want(0, "body_stream_begin"); return loop(h) })
		got := all(h.x.Response.Body)
		h.x.Response.Body.Close() // once more does nothing
		if got != want || src.closed != 1 {
			t.Errorf("%s: body %q, closed %d times", name, got, src.closed)
		}
	}
	whole := func() io.Reader { return strings.NewReader("hello") }
	f("good", whole(), func(h *host) int32 { return h.copyThrough(2) }, "hello")
	f("drops the rest", whole(), func(h *host) int32 { h.want(2, "body_stream_read", room(2)); return 0 }, "")
	f("result", whole(), func(h *host) int32 { h.copyThrough(2); return 7 }, "hello <the hook returned 7, which is neither 0 (go on) nor 1 (answered)>")
	f("trap", whole(), func(h *host) int32 { h.copyThrough(2); panic(&hostcall.Unwind{Err: errors.New("trap")}) }, "hello <trap>")
	f("cut, and the guest does not care", io.MultiReader(whole(), broken{}), func(h *host) int32 { h.copyThrough(2); return 0 }, "hello <cut>")
	f("answered", whole(), func(h *host) int32 { return 1 }, " <the hook returned 1, which is neither 0 (go on) nor 1 (answered)>")
}

// Whoever closes the body early ends the guest at its next word.
func TestStreamClosedEarly(t *testing.T) {
	for _, n := range []int{0, 1, 2, 3} {
		h := start(t, exchange.OnResponse, Options{})
		src := h.body(strings.NewReader("hello"), 5)
		stopped := false
		result, began, err := h.s.Run(func() (r int32, err error) {
			defer func() {
				u, _ := recover().(*hostcall.Unwind)
				stopped = u != nil && errors.Is(u.Err, adapter.ErrStopped)
				err = adapter.ErrStopped
			}()
			h.trapping("body_stream_begin") // where it ends if nobody reads at all
			return h.copyThrough(2), nil
		}, h.ended)
		if !began {
			t.Fatal(result, err)
		}
		if m, err := io.ReadFull(h.x.Response.Body, make([]byte, n)); m != n || err != nil {
			t.Fatal(m, err)
		}
		h.x.Response.Body.Close()
		if !stopped || src.closed != 1 {
			t.Errorf("after %d bytes: stopped %v, closed %d times", n, stopped, src.closed)
		}
	}
}

// Two functions transform one body, the second what the first makes.
func TestStreamsInARow(t *testing.T) {
	h := start(t, exchange.OnResponse, Options{})
	src := h.body(strings.NewReader("hello, world"), 12)
	h.streams(func() int32 { h.want(0, "body_stream_begin"); return h.copyThrough(3) })
	h2 := &host{t: t, g: h.g, x: h.x, b: h.b, n: h.n, f: h.f, s: NewSession(h.b)}
	second := start(t, exchange.OnResponse, Options{})
	second.x.Response.Body.Close()
	h2.g, second.g.Bound = second.g, h2.s
	h2.s.Attach(h.x)
	h2.s.Begin(exchange.OnResponse)
	h2.streams(func() int32 { h2.want(0, "body_stream_begin"); return h2.copyThrough(5) })
	if got := all(h.x.Response.Body); got != "hello, world" || src.closed != 1 {
		t.Errorf("body %q, closed %d times", got, src.closed)
	}
}
