package native

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wedgecdn/wedge/hostapi/abi"
	"github.com/wedgecdn/wedge/hostapi/exchange"
	"github.com/wedgecdn/wedge/hostapi/services"
)

// Where a binding lets its guest ask is compared as URLs are, not as text.
func TestFetchReach(t *testing.T) {
	o := Options{Fetch: []string{"shop", "https://id.example", "http://api.example:8080"}}
	f := func(origin, target string, want abi.Status) {
		t.Helper()
		h := start(t, exchange.OnRequest, o)
		if want == abi.StatusOK {
			want = 1 // the handle
		}
		h.wantStatus(want, "fetch_new", "GET", origin, target)
	}
	f("shop", "/a?b", 0)
	f("other", "/a", abi.StatusNotAllowed)
	f("shop", "a", abi.StatusInvalid)
	f("shop", "/../a", abi.StatusInvalid)
	f("shop", "https://id.example/", abi.StatusInvalid)
	f("", "https://id.example/keys", 0)
	f("", "https://ID.example:443/keys", 0)
	f("", "https://id.example./keys", 0)
	f("", "http://id.example/keys", abi.StatusNotAllowed)
	f("", "https://id.example:444/", abi.StatusNotAllowed)
	f("", "http://api.example:8080/x?y", 0)
	f("", "http://api.example/", abi.StatusNotAllowed)
	f("", "https://evil.example/", abi.StatusNotAllowed)
	f("", "https://id.example.evil.example/", abi.StatusNotAllowed)
	f("", "https://id.example@evil.example/", abi.StatusInvalid)
	f("", "https://evil.example\\@id.example/", abi.StatusInvalid)
	f("", "https://id.example/#x", abi.StatusInvalid)
	f("", "https://id.example/\r\nX: y", abi.StatusInvalid)
	f("", "ftp://id.example/", abi.StatusInvalid)
	f("", "//id.example/", abi.StatusInvalid)
	f("", "/a", abi.StatusInvalid)
	f("", "", abi.StatusInvalid)
	h := start(t, exchange.OnRequest, o)
	h.wantStatus(abi.StatusInvalid, "fetch_new", "CONNECT", "shop", "/")
	h.wantStatus(abi.StatusInvalid, "fetch_new", "", "shop", "/")
}

func TestFetch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := start(t, exchange.OnRequest, Options{Fetch: []string{"shop"}, MaxBody: 10})
		h.x.Request.Header.Add("CDN-Loop", "wedge")
		var got services.FetchRequest
		src := &source{Reader: strings.NewReader("hello")}
		h.n.fetch = func(_ context.Context, r *services.FetchRequest) (*services.FetchResponse, error) {
			got = *r
			time.Sleep(time.Second)
			f := &services.FetchResponse{Status: 201, Body: src}
			f.Header.Add("X-A", "1")
			f.Header.Add("x-a", "2")
			return f, nil
		}
		h.want(1, "fetch_new", "POST", "shop", "/a?b")
		h.want(0, "fetch_field_add", 1, "X-B", "c")
		h.wantStatus(abi.StatusNotAllowed, "fetch_field_add", 1, "Content-Length", "c")
		h.wantStatus(abi.StatusInvalid, "fetch_field_add", 1, "X-B", "c\n")
		h.want(0, "fetch_body_append", 1, "body")
		h.want(0, "fetch_body_append", 1, "123456")
		h.wantStatus(abi.StatusTooLarge, "fetch_body_append", 1, "7")
		h.want(0, "fetch_option_set", 1, int(abi.FetchOptionUseCache), 1)
		h.wantStatus(abi.StatusInvalid, "fetch_option_set", 1, int(abi.FetchOptionUseCache), 2)
		h.wantStatus(abi.StatusInvalid, "fetch_option_set", 1, int(abi.FetchOptionTimeout), 0)
		h.wantStatus(abi.StatusInvalid, "fetch_option_set", 1, 9, 0)
		h.wantStatus(abi.StatusInvalid, "fetch_status", 1) // not sent
		begun := time.Now()
		h.want(0, "fetch_send", 1)
		if time.Since(begun) != 0 {
			t.Error("fetch_send waits")
		}
		h.wantStatus(abi.StatusInvalid, "fetch_send", 1)
		h.wantStatus(abi.StatusInvalid, "fetch_field_add", 1, "X-B", "c")
		h.want(201, "fetch_status", 1)
		if time.Since(begun) != time.Second {
			t.Errorf("the head came after %s", time.Since(begun))
		}
		h.wantRead("2", "fetch_field", 1, "X-A", 1)
		h.wantRead("absent", "fetch_field", 1, "X-A", 2)
		h.wantRead("\x03\x00\x00\x00\x01\x00\x00\x00X-A1\x03\x00\x00\x00\x01\x00\x00\x00x-a2", "fetch_fields", 1)
		h.want(4, "fetch_body_read", 1, room(4))
		h.wantMemory(0, "hell")
		h.want(1, "fetch_body_read", 1, room(4))
		h.wantMemory(0, "oell")
		h.want(0, "fetch_body_read", 1, room(4))
		h.want(0, "fetch_body_read", 1, room(4))
		h.want(0, "fetch_close", 1)
		h.wantStatus(abi.StatusBadHandle, "fetch_close", 1)
		if src.closed != 1 {
			t.Errorf("the body is closed %d times", src.closed)
		}
		if got.Method != "POST" || got.Origin != "shop" || got.Target != "/a?b" || string(got.Body) != "body123456" || !got.UseCache || got.Caller.Owner != "acme" ||
			strings.Join(fieldsOf(&got.Header), ";") != "X-B: c" || len(got.Loop) != 1 || got.Loop[0] != "wedge" {
			t.Errorf("request %+v", got)
		}
	})
}

// Several are under way at once: three seconds of waiting take one.
func TestFetchesRunBeside(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := start(t, exchange.OnRequest, Options{Fetch: []string{"shop"}})
		h.n.fetch = func(_ context.Context, r *services.FetchRequest) (*services.FetchResponse, error) {
			time.Sleep(time.Second)
			if r.Target != fmt.Sprint("/", r.Number) {
				t.Errorf("%s has number %d", r.Target, r.Number)
			}
			return &services.FetchResponse{Status: 200, Body: io.NopCloser(strings.NewReader(""))}, nil
		}
		begun := time.Now()
		for i := range 3 {
			h.want(int64(i+1), "fetch_new", "GET", "shop", fmt.Sprint("/", i+1))
			h.want(0, "fetch_send", i+1)
		}
		for i := range 3 {
			h.want(200, "fetch_status", i+1)
		}
		if d := time.Since(begun); d != time.Second {
			t.Errorf("it took %s", d)
		}
		h.s.Close()
	})
}

func TestFetchFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := func(want abi.Status, took time.Duration, wall time.Duration, fetch func(context.Context) error) {
			t.Helper()
			h := start(t, exchange.OnRequest, Options{Fetch: []string{"shop"}})
			ctx, cancel := context.WithTimeout(context.Background(), wall)
			defer cancel()
			h.g.Ctx = ctx
			h.n.fetch = func(ctx context.Context, _ *services.FetchRequest) (*services.FetchResponse, error) {
				return nil, fetch(ctx)
			}
			begun := time.Now()
			h.want(1, "fetch_new", "GET", "shop", "/")
			h.want(0, "fetch_option_set", 1, int(abi.FetchOptionTimeout), 500)
			h.want(0, "fetch_send", 1)
			h.wantStatus(want, "fetch_status", 1)
			h.wantStatus(want, "fetch_body_read", 1, room(9))
			if d := time.Since(begun); d != took {
				t.Errorf("it took %s, want %s", d, took)
			}
			h.s.Close()
		}
		hang := func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }
		f(abi.StatusIO, 0, time.Hour, func(context.Context) error { return errors.New("refused") })
		f(abi.StatusNotAllowed, 0, time.Hour, func(context.Context) error { return services.ErrNotAllowed })
		f(abi.StatusTimeout, 500*time.Millisecond, time.Hour, hang)
		f(abi.StatusTimeout, 100*time.Millisecond, 100*time.Millisecond, hang)
	})
}

// Nothing of a fetch outlives its exchange, in whatever state it is.
func TestFetchesEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := start(t, exchange.OnRequest, Options{Fetch: []string{"shop"}})
		cancelled := 0
		late := &source{Reader: strings.NewReader("late")}
		h.n.fetch = func(ctx context.Context, r *services.FetchRequest) (*services.FetchResponse, error) {
			<-ctx.Done()
			cancelled++
			return &services.FetchResponse{Status: 200, Body: late}, nil // it came at the same moment
		}
		h.want(1, "fetch_new", "GET", "shop", "/")
		h.want(2, "fetch_new", "GET", "shop", "/")
		h.want(0, "fetch_send", 2)
		h.s.Commit(0)
		h.s.Close()
		synctest.Wait() // and synctest.Test itself fails if a goroutine is left
		if cancelled != 1 || late.closed != 1 {
			t.Errorf("%d were cancelled, body closed %d times", cancelled, late.closed)
		}
	})
}

func TestFetchLimit(t *testing.T) {
	h := start(t, exchange.OnRequest, Options{Fetch: []string{"shop"}})
	for i := range maxFetches {
		h.want(int64(i+1), "fetch_new", "GET", "shop", "/")
		h.want(0, "fetch_close", i+1)
	}
	h.wantStatus(abi.StatusLimit, "fetch_new", "GET", "shop", "/")
}
