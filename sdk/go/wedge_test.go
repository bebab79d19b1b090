//go:build !wasip1

package wedge_test

import (
	"errors"
	"io"
	"strings"
	"testing"

	wedge "github.com/wedgecdn/wedge/sdk/go"
	"github.com/wedgecdn/wedge/sdk/go/wedgetest"
)

// want compares what a call answers with the error that a function would look for.
func want(t *testing.T, what string, got error, target error) {
	t.Helper()
	if !errors.Is(got, target) {
		t.Errorf("%s: %v, want %v", what, got, target)
	}
}

func TestErrorsAre(t *testing.T) {
	n := wedgetest.New(t)
	x := n.Exchange("GET", "https://a.example/")
	x.OnRequest(func() int32 {
		return wedge.OnRequest(func(h *wedge.RequestHook) error {
			want(t, "a field of the node's", h.Request.Header.Set("Connection", "close"), wedge.ErrNotAllowed)
			want(t, "a line break", h.Request.Header.Set("X", "a\nb"), wedge.ErrInvalid)
			want(t, "TTL at on_request", new(wedge.Keep).SetTTL(wedge.Second), wedge.ErrNotAllowed)
			err := h.Request.Header.Set("Connection", "close")
			if op, ok := errors.AsType[*wedge.OpError](err); !ok || op.Op != "set field" || op.Name != "Connection" {
				t.Errorf("%#v", err)
			}
			if err.Error() != `set field "Connection": not allowed at this hook or for this binding` {
				t.Errorf("%v", err)
			}
			return nil
		})
	})
	if got := strings.Join(n.Denied, " "); got != "field_set cache_ttl_set field_set" {
		t.Errorf("denied %q", got)
	}
}

// During initialisation there is no exchange, and only what needs none works.
func TestInit(t *testing.T) {
	n := wedgetest.New(t)
	n.Config["a"], n.Secrets["b"] = "1", "2"
	n.Init(func() {
		if v, ok := wedge.Config("a"); v != "1" || !ok {
			t.Errorf("config %q, %v", v, ok)
		}
		if v, ok := wedge.Secret("b"); string(v) != "2" || !ok {
			t.Errorf("secret %q, %v", v, ok)
		}
		want(t, "random", wedge.Random(make([]byte, 8)), nil)
		want(t, "variable", wedge.SetVar("a", "b"), wedge.ErrNotInExchange)
		_, err := wedge.KV("s").Value("k")
		want(t, "store", err, wedge.ErrNotInExchange)
	})
}

// Values of every length come whole: those that fit into the first buffer, and those that do not.
func TestLengths(t *testing.T) {
	n := wedgetest.New(t)
	for _, size := range []int{0, 1, 255, 256, 257, 1023, 1024, 1025, 50000} {
		v := strings.Repeat("v", size)
		n.Config["v"], n.Secrets["s"] = v, v
		n.Store("s").Put("k", v)
		x := n.Exchange("GET", "https://a.example/")
		x.Request.Header.Add("X-V", v)
		x.Request.Body = []byte(v)
		x.OnRequest(func() int32 {
			return wedge.OnRequest(func(h *wedge.RequestHook) error {
				got, _ := wedge.Config("v")
				secret, _ := wedge.Secret("s")
				stored, _ := wedge.KV("s").Value("k")
				entry, _ := wedge.KV("s").Get("k")
				body, _ := h.Request.Body.Bytes()
				for what, got := range map[string]string{
					"config": got, "secret": string(secret), "value": stored, "entry": string(entry.Value), "body": string(body), "field": h.Request.Header.Value("x-v"),
				} {
					if got != v {
						t.Errorf("%s of %d bytes: %d came", what, size, len(got))
					}
				}
				for name, got := range h.Request.Header.All() {
					if name != "X-V" || got != v {
						t.Errorf("all, %d bytes: %s, %d", size, name, len(got))
					}
				}
				return nil
			})
		})
	}
}

func TestStream(t *testing.T) {
	n := wedgetest.New(t)
	double := func(fail error) func() int32 {
		return func() int32 {
			return wedge.OnFetched(func(h *wedge.FetchedHook) error {
				want(t, "set before", h.Response.Header.Set("X-Doubled", "yes"), nil)
				return h.Stream(func(r io.Reader, w io.Writer) error {
					want(t, "set after", h.Response.Header.Set("X-Late", "yes"), wedge.ErrFrozen)
					b, err := io.ReadAll(r)
					if err != nil {
						return err
					}
					for range 2 {
						if _, err := w.Write(b); err != nil {
							return err
						}
					}
					return fail
				})
			})
		}
	}
	for _, fail := range []error{nil, io.ErrUnexpectedEOF} {
		x := n.Exchange("GET", "https://a.example/").Fetch()
		x.Respond(200, "body", "Content-Digest", "x")
		result, wanted := x.OnFetched(double(fail)), wedgetest.GoOn
		if fail != nil {
			wanted = wedgetest.Cut
		}
		if result != wanted || string(x.Response.Body) != "bodybody" || x.Response.Header.Value("X-Doubled") != "yes" || len(x.Response.Header) != 1 {
			t.Errorf("fail %v: %v, %q, %v", fail, result, x.Response.Body, x.Response.Header)
		}
	}
}

// A hook that fails changes nothing of its exchange; what it did outside of it holds.
func TestFailed(t *testing.T) {
	n := wedgetest.New(t)
	n.Store("s")
	x := n.Exchange("GET", "https://a.example/")
	x.Request.Header.Add("A", "1")
	got := x.OnRequest(func() int32 {
		return wedge.OnRequest(func(h *wedge.RequestHook) error {
			for _, err := range []error{
				h.Request.Header.Set("A", "2"), h.Request.SetPath("/b"), h.Key.Add("k", "v"), h.Bypass(), h.SetOrigin("o"), wedge.SetVar("v", "1"), h.Request.Body.SetString("x"),
			} {
				want(t, "change", err, nil)
			}
			_, err := h.Respond(200, "")
			want(t, "respond", err, nil)
			_, err = wedge.KV("s").Put("k", []byte("v"), wedge.PutOptions{})
			want(t, "put", err, nil)
			return errors.New("it went wrong")
		})
	})
	if got != wedgetest.Failed || x.Request.Header.Value("A") != "1" || x.Request.Path != "/" || len(x.Key.Parts) != 0 || x.Bypass || x.Origin != "" || len(x.Vars) != 0 ||
		x.Request.Body != nil || x.Response.Status != 0 {
		t.Errorf("%v, %+v", got, x)
	}
	if v, ok := n.Store("s").Value("k"); v != "v" || !ok {
		t.Errorf("the store holds %q, %v", v, ok)
	}
	if n.LogText() != "error on_request: it went wrong\n" {
		t.Errorf("log %q", n.LogText())
	}
}

func TestCookie(t *testing.T) {
	n := wedgetest.New(t)
	f := func(name, wanted string, there bool, lines ...string) {
		t.Helper()
		x := n.Exchange("GET", "https://a.example/")
		for _, l := range lines {
			x.Request.Header.Add("Cookie", l)
		}
		x.OnRequest(func() int32 {
			return wedge.OnRequest(func(h *wedge.RequestHook) error {
				if v, ok := h.Request.Cookie(name); v != wanted || ok != there {
					t.Errorf("%s of %.60q: %q, %v, want %q, %v", name, lines, v, ok, wanted, there)
				}
				return nil
			})
		})
	}
	f("a", "1", true, "a=1")
	f("a", "1", true, "b=2; a=1; a=3")
	f("a", "1", true, "b=2", "c=4;a = 1 ;d")
	f("a", "", true, "a=")
	f("a", "x=y", true, "a=x=y")
	f("a", "", false, "A=1; aa=2; ba=3; a")
	f("a", "", false)
	f("a", "1", true, strings.Repeat("x=y;", 15000)+"a=1")
}

// Where a store is edited between two hooks, or expires, the next one sees it.
func TestExpiry(t *testing.T) {
	n := wedgetest.New(t)
	n.Store("s")
	hook := func(f func()) {
		n.Exchange("GET", "https://a.example/").OnRequest(func() int32 {
			return wedge.OnRequest(func(*wedge.RequestHook) error { f(); return nil })
		})
	}
	hook(func() {
		_, err := wedge.KV("s").Put("k", nil, wedge.PutOptions{TTL: wedge.Minute})
		want(t, "put", err, nil)
		want(t, "cache put", wedge.CachePut("k", nil, wedge.Minute), nil)
		want(t, "penalise", wedge.Penalise("k", wedge.Minute), nil)
		_, err = wedge.Counter{Key: "k", Window: wedge.Minute}.Add(1)
		want(t, "add", err, nil)
	})
	n.Now = n.Now.Add(59_999_000_000)
	hook(func() {
		_, err := wedge.KV("s").Value("k")
		want(t, "get in time", err, nil)
		_, err = wedge.CacheGet("k")
		want(t, "cache get in time", err, nil)
		left, _ := wedge.Penalty("k")
		sum, _ := wedge.Counter{Key: "k", Window: wedge.Minute}.Read()
		if left != wedge.Millisecond || sum != 1 {
			t.Errorf("penalty %d, sum %d", left, sum)
		}
	})
	n.Now = n.Now.Add(1_000_000)
	hook(func() {
		_, err := wedge.KV("s").Value("k")
		want(t, "get too late", err, wedge.ErrAbsent)
		_, err = wedge.CacheGet("k")
		want(t, "cache get too late", err, wedge.ErrAbsent)
		left, _ := wedge.Penalty("k")
		sum, _ := wedge.Counter{Key: "k", Window: wedge.Minute}.Read()
		if left != 0 || sum != 0 {
			t.Errorf("penalty %d, sum %d", left, sum)
		}
	})
}
