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

// A world is a cache and an origin, with words for the tests.

// get is a GET of a path (or of "METHOD path"), with fields "Name: value".

// answers makes the origin answer everything so.

// lead does the origin's side of a fetch.

// serve does what the pipeline does, and says how: "fresh", "fetched",

// "shared", "pass", "released", … After "released" and "pass" the origin is

// asked once more, for this request alone.

// body reads and closes the response's body.

// wantServe says how a request is answered, with which body.

// wantLookup says what Lookup finds.

func TestStoreAndServe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Options{})
		w.answers(200, "hello", "Cache-Control: max-age=60", "Content-Type: text/plain", "Connection: X-Hop", "X-Hop: 1", "Content-Length: 5")
		w.wantServe("/a", "fetched", "hello")
		time.Sleep(10 * time.Second)
		x := w.wantServe("/a", "fresh", "hello")
		h := &x.Response.Header
		if h.Value(exchange.Age) != "10" || h.Value(exchange.ContentType) != "text/plain" || x.Response.Status != 200 || x.Response.ContentLength != 5 {
			t.Errorf("status %d, length %d, header %v", x.Response.Status, x.Response.ContentLength, h)
		}
		if _, hop := h.Named("X-Hop"); hop || h.Has(exchange.Connection) || h.Has(exchange.ContentLength) {
			t.Errorf("kept what must not be: %v", h)
		}
		if x.Cache.TTL != 50*time.Second || !x.Cache.HasTTL || x.Cache.Key == [16]byte{} {
			t.Errorf("facts %+v", x.Cache)
		}
		w.wantServe("HEAD /a", "fresh", "")
		w.wantLookup("/b", Absent, exchange.ReasonAbsent)
		w.wantLookup("POST /a", Bypass, exchange.ReasonMethodUncached)
		w.wantLookup("HEAD /b", Bypass, exchange.ReasonHeadMiss)
		w.wantLookup("/b", Bypass, exchange.ReasonOnlyIfCached, "Cache-Control: only-if-cached")
		w.wantLookup("/a", Fresh, exchange.ReasonNone, "Cache-Control: only-if-cached")
		w.wantLookup("/a", Stale, exchange.ReasonRequestDirective, "Cache-Control: max-age=5")
		w.wantLookup("/a", Absent, exchange.ReasonAuthorization, "Authorization: Basic x")
		x = get("/a")
		x.Choices.Revalidate = true
		if f := w.c.Lookup(x, w.r); f.State != Stale || f.Reason != exchange.ReasonForcedRevalidation {
			t.Errorf("revalidation: %v, %q", f.State, f.Reason)
		}
		time.Sleep(50 * time.Second)
		w.wantLookup("/a", Stale, exchange.ReasonExpired)
		w.wantLookup("/a", Fresh, exchange.ReasonExpired, "Cache-Control: max-stale=10")
		if w.asked.Load() != 1 {
			t.Errorf("the origin was asked %d times", w.asked.Load())
		}
	})
}

func TestKeysAndOwners(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Options{})
		w.answers(200, "x", "Cache-Control: max-age=60")
		w.wantServe("/a?q", "fetched", "x")
		w.wantLookup("/a", Absent, exchange.ReasonAbsent)
		w.wantLookup("/a?q", Fresh, exchange.ReasonNone)
		other := *w.r
		w.r = &other
		f := func(change func(r *Rules)) {
			t.Helper()
			r := *w.r
			change(&r)
			if f := w.c.Lookup(get("/a?q"), &r); f.State != Absent {
				t.Errorf("%+v found the other's", r)
			}
		}
		f(func(r *Rules) { r.Owner = "p" })
		f(func(r *Rules) { r.Site = "t" })
		f(func(r *Rules) { r.Versions = []string{"v1"} })
		f(func(r *Rules) { r.KeyCookies = []string{"c"} })
	})
}

func TestRefresh(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Options{})
		w.fetch = func(fx *exchange.Exchange) {
			if fx.Request.Header.Value(exchange.IfNoneMatch) == `"1"` {
				fx.Response.Status = 304
				add(&fx.Response.Header, []string{`ETag: "1"`, "Cache-Control: max-age=30", "X-New: yes", "Content-Length: 0"})
				return
			}
			respond(fx, 200, "one", `ETag: "1"`, "Cache-Control: max-age=60", "Surrogate-Key: red")
		}
		w.wantServe("/a", "fetched", "one")
		time.Sleep(time.Minute)
		w.wantLookup("/a", Stale, exchange.ReasonExpired)
		x := w.wantServe("/a", "fetched", "one")
		if v, _ := x.Response.Header.Named("X-New"); v != "yes" || x.Response.Status != 200 || x.Response.ContentLength != 3 {
			t.Errorf("after the 304: %d %v", x.Response.Status, &x.Response.Header)
		}
		time.Sleep(29 * time.Second)
		w.wantServe("/a", "fresh", "one")
		time.Sleep(time.Second)
		w.wantLookup("/a", Stale, exchange.ReasonExpired)
		w.purge(PurgeRequest{Tag: "red"})
		w.wantLookup("/a", Absent, exchange.ReasonPurged)
		if w.asked.Load() != 2 {
			t.Errorf("the origin was asked %d times", w.asked.Load())
		}
	})
}

// A stored response that a 304 does not speak of is fetched anew.

func TestRefreshOfSomethingElse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Options{})
		w.fetch = func(fx *exchange.Exchange) {
			if fx.Request.Header.Has(exchange.IfNoneMatch) {
				fx.Response.Status = 304
				fx.Response.Header.Add("ETag", `"2"`)
				return
			}
			respond(fx, 200, "body", `ETag: "1"`, "Cache-Control: max-age=60")
		}
		w.wantServe("/a", "fetched", "body")
		time.Sleep(time.Minute)
		w.wantServe("/a", "fetched", "body")
		w.wantLookup("/a", Fresh, exchange.ReasonNone)
		if w.asked.Load() != 3 {
			t.Errorf("the origin was asked %d times", w.asked.Load())
		}
	})
}

// While the origin confirms a response somebody purges it: the 304 must not

// revive it, and the request gets what the origin has now.

// A purge of the URL that was asked for finds what functions made of it, and so

// does one of what they made.

func TestOptions(t *testing.T) {
	_, err := New(Options{Memory: 1, ObjectSize: -1, ReadAhead: -1, HitForMiss: -1})
	if err == nil || strings.Count(err.Error(), "\n") != 3 {
		t.Errorf("%v", err)
	}
}

// Requests that wait share a response only if it is for sharing; otherwise all

// are released at once, and for a while nobody waits.

// Nobody who asks after a purge gets what a fetch brings that began before it,

// nor is that kept.

// The same once the head is there and its tags are known.

// late is an empty reader that takes its time.

// What becomes of a response that could not be stored stands in the error.

// The leader fails, gives up, is cut: what the others see.

func TestServable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Options{})
		f := func(cc string, after time.Duration, configured time.Duration, want bool) {
			t.Helper()
			w.r.IfError = configured
			w.answers(200, "x", "Cache-Control: "+cc, `ETag: "1"`)
			path := "/" + strings.ReplaceAll(cc, " ", "")
			x := get(path)
			w.serve(x)
			body(x)
			time.Sleep(after)
			x.Now = time.Now()
			found := w.c.Lookup(x, w.r)
			defer found.Close()
			if found.State != Stale || found.Servable(x.Now) != want {
				t.Errorf("%s after %v: %v, servable %t", cc, after, found.State, !want)
			}
			w.purge(PurgeRequest{All: true})
			if found.Servable(x.Now) {
				t.Errorf("%s: servable after a purge", cc)
			}
		}
		f("max-age=10", 20*time.Second, 5*time.Second, false)
		f("max-age=10", 20*time.Second, 15*time.Second, true)
		f("max-age=10, stale-if-error=60", 20*time.Second, 0, true)
		f("max-age=10, must-revalidate", 20*time.Second, time.Hour, false)
	})
}

func TestEvents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log []string
		say := func(format string, a ...any) { log = append(log, fmt.Sprintf(format, a...)) }
		w := newWorld(t, Options{Events: Events{
			Stored:    func(n int64) { say("stored %d", n) },
			LostChunk: func() { say("lost") },
			Purged:    func(p PurgeRequest, _ time.Duration) { say("purged %s", p.URL) },
			Collapsed: func() { say("collapsed") },
		}})
		w.fetch = func(fx *exchange.Exchange) {
			time.Sleep(time.Second)
			respond(fx, 200, "hello", "Cache-Control: max-age=60")
		}
		go w.wantServe("/a", "fetched", "hello")
		synctest.Wait()
		w.wantServe("/a", "shared", "hello")
		w.purge(PurgeRequest{URL: "https://a.example/a"})
		if got := strings.Join(log, ", "); got != "collapsed, stored 5, purged https://a.example/a" {
			t.Error(got)
		}
	})
}

func TestHitDoesNotAllocate(t *testing.T) {
	f := func(what string, fields ...string) {
		t.Helper()
		w := newWorld(t, Options{})
		w.answers(200, strings.Repeat("x", 1<<10), append(fields, "Cache-Control: max-age=6000", "Content-Type: text/html", "X-Custom: value")...)
		x := w.wantServe("/a?b=c", "fetched", strings.Repeat("x", 1<<10), "Accept-Encoding: gzip")
		hit := func() {
			f := w.c.Lookup(x, w.r)
			if f.State != Fresh {
				t.Fatal(f.State, f.Reason)
			}
			f.Serve(x)
			x.Response.Body.WriteTo(io.Discard)
			x.Response.Body.Close()
		}
		for range 2000 { // the arena of x grows with each Age; it is emptied at the end of an exchange
			hit()
		}
		if n := testing.AllocsPerRun(100, hit); n > 0 {
			t.Errorf("%s: a hit allocates %v times", what, n)
		}
	}
	f("plain")
	f("with Vary", "Vary: Accept-Encoding, Accept-Language")
}

func BenchmarkHit(b *testing.B) {
	f := func(name string, size int, fields ...string) {
		b.Run(name, func(b *testing.B) {
			w := newWorld(b, Options{Memory: 64 << 20})
			text := strings.Repeat("x", size)
			w.answers(200, text, append(fields, "Cache-Control: max-age=6000", "Content-Type: text/html; charset=utf-8", `ETag: "0123456789"`, "Last-Modified: Sat, 21 Nov 2026 20:00:00 GMT", "Server: origin", "X-Custom: value")...)
			w.wantServe("/some/path?with=query", "fetched", text)
			b.ReportAllocs()
			b.ResetTimer()
			for i := 0; i < b.N; i++ {
				x := exchange.New()
				x.Now = time.Now()
				x.Request.Method, x.Request.Scheme, x.Request.Host = "GET", "https", "a.example"
				x.Request.Path, x.Request.Query, x.Request.HasQuery = "/some/path", "with=query", true
				f := w.c.Lookup(x, w.r)
				f.Serve(x)
				x.Response.Body.WriteTo(io.Discard)
				x.Response.Body.Close()
				x.Release()
			}
		})
	}
	f("1KiB", 1<<10)
	f("1KiB, Vary", 1<<10, "Vary: Accept-Encoding, Accept-Language")
	f("32KiB", 32<<10)
}

// A confirmed response that may not be kept any longer is the leader's alone, whole, and gone from the store; of one
// chunk and of several.
func TestRefreshOfWhatMayNotBeKept(t *testing.T) {
	for _, size := range []int{0, 1, 3000, 300_000} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, Options{})
			text := strings.Repeat("x", size)
			w.answers(200, text, `ETag: "1"`, "Cache-Control: max-age=60")
			w.wantServe("/a", "fetched", text)
			time.Sleep(time.Minute)
			w.fetch = func(fx *exchange.Exchange) {
				fx.Response.Status = 304
				add(&fx.Response.Header, []string{`ETag: "1"`, "Cache-Control: no-store"})
			}
			x := w.wantServe("/a", "fetched", text)
			if v := x.Response.Header.Value(exchange.CacheControl); v != "no-store" || x.Cache.Stored || x.Response.ContentLength != int64(size) {
				t.Errorf("%d bytes: served with Cache-Control %q, stored %t, length %d", size, v, x.Cache.Stored, x.Response.ContentLength)
			}
			w.wantLookup("/a", Absent, exchange.ReasonHitForMiss)
			synctest.Wait()
			if s := w.c.Stats(); s.Store.Objects != 0 || s.Store.Chunks != 0 {
				t.Errorf("%d bytes: %d objects and %d chunks are left", size, s.Store.Objects, s.Store.Chunks)
			}
		})
	}
}
