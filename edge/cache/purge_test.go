package cache

import (
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wedgecdn/wedge/hostapi/exchange"
)

func TestPurgeWhileRefreshing(t *testing.T) {
	f := func(p PurgeRequest, wantAsked int64, want string) {
		t.Helper()
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, Options{})
			p.Owner = "o"
			w.fetch = func(fx *exchange.Exchange) {
				if fx.Request.Header.Has(exchange.IfNoneMatch) {
					w.purge(p)
					fx.Response.Status = 304
					add(&fx.Response.Header, []string{`ETag: "1"`, "Cache-Control: max-age=60", "Surrogate-Key: blue"})
					return
				}
				respond(fx, 200, fmt.Sprint("body ", w.asked.Load()), `ETag: "1"`, "Cache-Control: max-age=60", "Surrogate-Key: red")
			}
			w.wantServe("/a", "fetched", "body 1")
			time.Sleep(time.Minute)
			w.wantServe("/a", "fetched", want)
			if w.asked.Load() != wantAsked {
				t.Errorf("%+v: the origin was asked %d times, want %d", p, w.asked.Load(), wantAsked)
			}
		})
	}
	f(PurgeRequest{URL: "https://a.example/a"}, 3, "body 3")
	f(PurgeRequest{Prefix: "https://a.example/"}, 3, "body 3")
	f(PurgeRequest{Tag: "red"}, 3, "body 3")
	f(PurgeRequest{All: true}, 3, "body 3")
	f(PurgeRequest{Tag: "green"}, 2, "body 1")
	f(PurgeRequest{All: true, Soft: true}, 2, "body 1")
}

func TestPurgeReaches(t *testing.T) {
	f := func(p PurgeRequest, want State, why exchange.Reason) {
		t.Helper()
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, Options{})
			w.answers(200, "x", "Cache-Control: max-age=60", "Cache-Tag: red, blue")
			w.wantServe("/a/b?q=1", "fetched", "x")
			w.purge(p)
			w.wantLookup("/a/b?q=1", want, why)
			if want == Stale {
				// Confirmed or replaced, it is fresh again.
				w.wantServe("/a/b?q=1", "fetched", "x")
				w.wantLookup("/a/b?q=1", Fresh, exchange.ReasonNone)
			}
		})
	}
	f(PurgeRequest{URL: "https://a.example/a/b?q=1"}, Absent, exchange.ReasonPurged)
	f(PurgeRequest{URL: "HTTPS://A.example:443/a/b?q=1#x"}, Absent, exchange.ReasonPurged)
	f(PurgeRequest{URL: "https://a.example/a/b?q=1", Soft: true}, Stale, exchange.ReasonPurged)
	f(PurgeRequest{URL: "https://a.example/a/b"}, Fresh, exchange.ReasonNone)
	f(PurgeRequest{URL: "http://a.example/a/b?q=1"}, Fresh, exchange.ReasonNone)
	f(PurgeRequest{Prefix: "https://a.example/a/"}, Absent, exchange.ReasonPurged)
	f(PurgeRequest{Prefix: "https://a.example"}, Absent, exchange.ReasonPurged)
	f(PurgeRequest{Prefix: "https://a.example/b"}, Fresh, exchange.ReasonNone)
	f(PurgeRequest{Tag: "blue"}, Absent, exchange.ReasonPurged)
	f(PurgeRequest{Tag: "green"}, Fresh, exchange.ReasonNone)
	f(PurgeRequest{All: true}, Absent, exchange.ReasonPurged)
	f(PurgeRequest{All: true, Soft: true}, Stale, exchange.ReasonPurged)
	f(PurgeRequest{All: true, Owner: "p"}, Fresh, exchange.ReasonNone)
}

func TestPurgeOfRewrittenURL(t *testing.T) {
	for _, url := range []string{"https://a.example/pretty", "https://a.example/index.php?p=1"} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, Options{})
			w.answers(200, "x", "Cache-Control: max-age=60")
			rewritten := func() *exchange.Exchange {
				x := get("/index.php?p=1")
				x.Asked = exchange.URL{Scheme: "https", Host: "a.example", Path: "/pretty"}
				x.Choices.Key.Parts = append(x.Choices.Key.Parts, exchange.Field{Name: "cohort", Value: "b"})
				return x
			}
			x := rewritten()
			w.serve(x)
			body(x)
			if f := w.c.Lookup(rewritten(), w.r); f.State != Fresh {
				t.Fatalf("%v", f.State)
			}
			w.purge(PurgeRequest{URL: url})
			if f := w.c.Lookup(rewritten(), w.r); f.State != Absent || f.Reason != exchange.ReasonPurged {
				t.Errorf("after a purge of %s: %v, %q", url, f.State, f.Reason)
			}
		})
	}
}

func TestPurgeRequests(t *testing.T) {
	w := newWorld(t, Options{})
	f := func(p PurgeRequest, want string) {
		t.Helper()
		_, err := w.c.Purge(p)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, want %q", p, err, want)
		}
	}
	f(PurgeRequest{}, "exactly one of URL, prefix, tag and all, not 0")
	f(PurgeRequest{All: true, Tag: "a"}, "not 2")
	f(PurgeRequest{URL: "/a"}, `must begin with "http://"`)
	f(PurgeRequest{Prefix: "https://"}, "no host")
	one, _ := w.c.Purge(PurgeRequest{All: true})
	two, _ := w.c.Purge(PurgeRequest{All: true})
	if two.Sequence <= one.Sequence {
		t.Errorf("sequence %d after %d", two.Sequence, one.Sequence)
	}
}

func TestPurgeDuringFetch(t *testing.T) {
	f := func(p PurgeRequest, hit bool) {
		t.Helper()
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, Options{})
			p.Owner = "o"
			var version int
			w.fetch = func(fx *exchange.Exchange) {
				v := version
				time.Sleep(time.Second)
				respond(fx, 200, fmt.Sprint("version ", v), "Cache-Control: max-age=60", "Surrogate-Key: red")
			}
			early := make(chan bool)
			go func() { w.wantServe("/a", "fetched", "version 0"); early <- true }()
			synctest.Wait()
			version = 1
			w.purge(p)
			if hit {
				w.wantServe("/a", "fetched", "version 1")
				<-early
				w.wantServe("/a", "fresh", "version 1")
			} else {
				w.wantServe("/a", "shared", "version 0")
				<-early
				w.wantServe("/a", "fresh", "version 0")
			}
		})
	}
	f(PurgeRequest{URL: "https://a.example/a"}, true)
	f(PurgeRequest{Prefix: "https://a.example/"}, true)
	f(PurgeRequest{Tag: "red"}, true)
	f(PurgeRequest{All: true}, true)
	f(PurgeRequest{URL: "https://a.example/b"}, false)
	f(PurgeRequest{Prefix: "https://a.example/b"}, false)
}

func TestPurgeByTagWhileStreaming(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Options{})
		w.fetch = func(fx *exchange.Exchange) {
			respond(fx, 200, "", "Cache-Control: max-age=60", "Surrogate-Key: red")
			fx.Response.ContentLength, fx.Response.Body = -1, exchange.ReaderBody(io.NopCloser(io.MultiReader(strings.NewReader("begin "), &late{after: time.Second}, strings.NewReader("end"))))
		}
		go w.wantServe("/a", "fetched", "begin end")
		synctest.Wait()
		w.purge(PurgeRequest{Tag: "green"})
		w.wantServe("/a", "shared", "begin end")
		w.wantServe("/a", "fresh", "begin end")
		w.purge(PurgeRequest{Tag: "red"})
		go w.wantServe("/a", "fetched", "begin end")
		synctest.Wait()
		w.purge(PurgeRequest{Tag: "red"})
		w.wantServe("/a", "fetched", "begin end")
		time.Sleep(time.Hour)
		if w.asked.Load() != 3 {
			t.Errorf("the origin was asked %d times", w.asked.Load())
		}
	})
}

type late struct{ after time.Duration }

func (l *late) Read([]byte) (int, error) { <-time.After(l.after); return 0, io.EOF }
