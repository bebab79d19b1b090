package pipeline

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wedgecdn/wedge/hostapi/exchange"
)

// own asks as a function does, and returns status, what Cache-Status says, and the content.
func (w *world) own(q OwnRequest) (string, error) {
	w.t.Helper()
	if q.Method == "" {
		q.Method = "GET"
	}
	r, err := w.p.Own(context.Background(), &q)
	if err != nil {
		return "", err
	}
	b, err := io.ReadAll(r.Body)
	r.Body.Close()
	synctest.Wait()
	return strings.TrimPrefix(r.Header.Value(exchange.CacheStatus), "node-a; ") + " " + string(b), err
}

func (w *world) wantOwn(what string, q OwnRequest, want string, asked ...string) {
	w.t.Helper()
	got, err := w.own(q)
	if err != nil || !strings.HasPrefix(got, want) {
		w.t.Errorf("%s: %q, %v, want %q", what, got, err, want)
	}
	if a := strings.Join(w.asked, "\n"); a != strings.Join(asked, "\n") {
		w.t.Errorf("%s: the origin was asked %q, want %q", what, a, asked)
	}
	w.asked = nil
}

func inWorld(t *testing.T, f func(w *world)) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.close()
		w.site([]string{"shop.example"}, "")
		f(w)
	})
}

// A function's own request goes through the cache, under its owner and the origin, and meets no hooks.
func TestOwn(t *testing.T) {
	inWorld(t, func(w *world) {
		w.function("deny", "on_request: answer 403 no\non_fetch: trap")
		w.site([]string{"shop.example", "functions=deny"}, "")
		w.origin([]string{"/a"}, "200\nCache-Control: max-age=60\n.\nhello, a")
		q := OwnRequest{Owner: "default", Origin: "main", Target: "/a?x=1"}
		w.wantOwn("first", q, "fwd=uri-miss; fwd-status=200; stored; ttl=60", "GET main /a?x=1")
		w.wantOwn("second", q, "hit; ttl=60 hello, a")
		time.Sleep(time.Minute)
		w.wantOwn("expired", q, "fwd=stale; fwd-status=200; stored", "GET main /a?x=1")
		other := q
		other.Origin = "spare"
		w.wantOwn("another origin", other, "fwd=uri-miss", "GET spare /a?x=1")
		other = q
		other.Owner = "other"
		w.wantOwn("another owner", other, "fwd=uri-miss", "GET main /a?x=1")
		other = q
		other.Header.Add("Host", "Shop.Example")
		w.wantOwn("another host", other, "fwd=uri-miss", "GET main shop.example/a?x=1")
		other = q
		other.Header = exchange.Header{}
		other.Header.Add("Range", "bytes=0-4")
		w.wantOwn("a range", other, "hit; ttl=60 hello")
		other = q
		other.Method, other.Body = "POST", []byte("form")
		w.wantOwn("not cacheable", other, "fwd=method; fwd-status=200", `POST main /a?x=1 "form"`)
		w.wantOwn("what it made out of date", q, "fwd=stale; fwd-status=200", "GET main /a?x=1")

		if len(w.ended) != 0 {
			t.Errorf("functions' own requests are logged as clients': %q", w.ended)
		}
	})
}

// A client's request never meets what a function has fetched, whatever it asks for.
func TestOwnIsApart(t *testing.T) {
	inWorld(t, func(w *world) {
		w.origin([]string{"/a"}, "200\nCache-Control: max-age=60\n.\nhello")
		q := OwnRequest{Owner: "default", Origin: "main", Target: "/a"}
		q.Header.Add("Host", "shop.example")
		w.wantOwn("a function's", q, "fwd=uri-miss", "GET main shop.example/a")
		var b strings.Builder
		w.request(&b, []string{"GET", "/a"}, "")
		if !strings.Contains(b.String(), "fwd=uri-miss") {
			t.Errorf("a client got\n%s", b.String())
		}
		w.wantOwn("a function's again", q, "hit")
	})
}

func TestOwnFails(t *testing.T) {
	inWorld(t, func(w *world) {
		w.origin([]string{"/down", "refuse"}, "")
		w.origin([]string{"/slow", "slow"}, "")
		w.origin([]string{"/cut", "cut", "chunked"}, "200\nCache-Control: max-age=60\n.\nhel")
		w.origin([]string{"/panic", "panic"}, "")
		f := func(q OwnRequest, want exchange.Reason) {
			t.Helper()
			q.Owner, q.Origin = "default", "main"
			_, err := w.own(q)
			if got := exchange.ReasonOf(err, exchange.ReasonNone); got != want || err == nil {
				t.Errorf("%s: %v, want %v", q.Target, err, want)
			}
		}
		f(OwnRequest{Target: "/down"}, exchange.ReasonOriginConnect)
		f(OwnRequest{Target: "/down", Method: "POST"}, exchange.ReasonOriginConnect)
		f(OwnRequest{Target: "/slow"}, exchange.ReasonOriginTimeout)
		f(OwnRequest{Target: "/cut"}, exchange.ReasonOriginCut)
		f(OwnRequest{Target: "/panic"}, exchange.ReasonBug)
		f(OwnRequest{Target: "no path"}, exchange.ReasonBadTarget)
		f(OwnRequest{Target: "http://shop.example/"}, exchange.ReasonBadTarget)
		f(OwnRequest{Target: "*", Method: "OPTIONS"}, exchange.ReasonBadTarget)
		f(OwnRequest{Target: "/a", Loop: []string{"node-a, node-b", "node-a, NODE-A"}}, exchange.ReasonLoop)
		w.asked = nil
		w.wantOwn("nested, not too deep", OwnRequest{Owner: "default", Origin: "main", Target: "/none", Loop: []string{"node-a", "node-a"}}, "fwd=uri-miss; fwd-status=404", "GET main /none")
	})
}

// The context of a function ends its waiting, for the head and for the content.
func TestOwnEnds(t *testing.T) {
	inWorld(t, func(w *world) {
		w.origin([]string{"/hold", "hold"}, "200\nCache-Control: max-age=60\n.\nhello")
		w.origin([]string{"/drip", "drip"}, "200\nCache-Control: max-age=60\n.\none\ntwo\nthree")
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_, err := w.p.Own(ctx, &OwnRequest{Owner: "default", Origin: "main", Target: "/hold", Method: "GET"})
		if exchange.ReasonOf(err, exchange.ReasonNone) != exchange.ReasonOriginTimeout || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("head: %v", err)
		}
		w.letGo("/hold")

		ctx, cancel = context.WithCancel(context.Background())
		r, err := w.p.Own(ctx, &OwnRequest{Owner: "default", Origin: "main", Target: "/drip", Method: "GET"})
		if err != nil {
			t.Fatal(err)
		}
		w.letGo("/drip")
		b := make([]byte, 4)
		if _, err := io.ReadFull(r.Body, b); err != nil || string(b) != "one\n" {
			t.Errorf("%q, %v", b, err)
		}
		time.AfterFunc(time.Second, cancel)
		if n, err := r.Body.Read(b); !errors.Is(err, context.Canceled) {
			t.Errorf("content: %d, %v", n, err)
		}
		r.Body.Close()
		w.letGo("/drip")
		w.letGo("/drip")
		// The fetch has gone on: what it brought is stored.
		w.asked = nil
		w.wantOwn("afterwards", OwnRequest{Owner: "default", Origin: "main", Target: "/drip"}, "hit; ttl=59 one\ntwo\nthree")
		w.wantOwn("afterwards", OwnRequest{Owner: "default", Origin: "main", Target: "/hold"}, "hit; ttl=58 hello")
	})
}
