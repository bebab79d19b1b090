package cache

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wedgecdn/wedge/hostapi/exchange"
)

// A world is a cache and an origin, with words for the tests.
type world struct {
	t     testing.TB
	c     *Cache
	r     *Rules
	fetch func(fx *exchange.Exchange) // the origin: fills fx.Response
	asked atomic.Int64                // requests that reached it
}

func newWorld(t testing.TB, o Options) *world {
	if o.Memory == 0 {
		o.Memory = 16 << 20
	}
	c, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return &world{t: t, c: c, r: &Rules{Owner: "o", Site: "s", Collapse: true}}
}

// get is a GET of a path (or of "METHOD path"), with fields "Name: value".
func get(what string, fields ...string) *exchange.Exchange {
	x := exchange.New()
	x.Now = time.Now()
	method, path, ok := strings.Cut(what, " ")
	if !ok {
		method, path = "GET", what
	}
	x.Request.Method, x.Request.Scheme, x.Request.Host = method, "https", "a.example"
	x.Request.Path, x.Request.Query, x.Request.HasQuery = strings.Cut(path, "?")
	add(&x.Request.Header, fields)
	return x
}

func add(h *exchange.Header, fields []string) {
	for _, f := range fields {
		name, value, _ := strings.Cut(f, ": ")
		h.Add(name, value)
	}
}

// answers makes the origin answer everything so.
func (w *world) answers(status int, body string, fields ...string) {
	w.fetch = func(fx *exchange.Exchange) { respond(fx, status, body, fields...) }
}

func respond(fx *exchange.Exchange, status int, body string, fields ...string) {
	fx.Response.Status = status
	add(&fx.Response.Header, fields)
	fx.Response.Body, fx.Response.ContentLength = exchange.NewBytesBody([]byte(body)), int64(len(body))
}

// lead does the origin's side of a fetch.
func (w *world) lead(fx *exchange.Exchange, l *Filling, f Found, asked *exchange.Header) error {
	f.Validators(&fx.Request.Header)
	w.asked.Add(1)
	w.fetch(fx)
	if fx.Response.Status == 304 && !w.c.Merge(&f, fx, w.r) {
		fx.Response.Drop()
		f = Found{}
		f.Validators(&fx.Request.Header)
		w.asked.Add(1)
		w.fetch(fx)
	} else if fx.Response.Body == nil {
		v := w.c.Judge(fx, asked, w.r)
		return l.Refresh(&f, fx, asked, v)
	}
	defer func() { fx.Response.Body.Close() }()
	v := w.c.Judge(fx, asked, w.r)
	if !v.Store {
		l.Release(v.Reason)
		return &exchange.Error{Op: "judge", Reason: v.Reason}
	}
	return l.Store(fx, asked, v)
}

// serve does what the pipeline does, and says how: "fresh", "fetched",
// "shared", "pass", "released", … After "released" and "pass" the origin is
// asked once more, for this request alone.
func (w *world) serve(x *exchange.Exchange) (how string) {
	f := w.c.Lookup(x, w.r)
	switch f.State {
	case Fresh:
		f.Serve(x)
		return "fresh"
	case Bypass:
		w.alone(x)
		return "pass " + f.Reason.String()
	}
	t := w.c.Join(x, w.r, &f)
	defer f.Close()
	for {
		if t.Leads() {
			fx := x.ForFetch()
			l, ff := t.Filling(), f.ForFetch()
			asked := new(exchange.Header)
			asked.CopyFrom(&fx.Request.Header)
			go func() {
				defer l.Abandon()
				w.lead(fx, l, ff, asked)
			}()
		}
		switch d := t.Wait(nil, time.Minute); d {
		case Turn:
			continue
		case Shared:
			t.Serve(x)
			if t.Leads() {
				return "fetched"
			}
			return "shared"
		case Released:
			w.alone(x)
			return "released"
		default:
			return d.String()
		}
	}
}

func (w *world) alone(x *exchange.Exchange) {
	fx := x.ForFetch()
	w.asked.Add(1)
	w.fetch(fx)
	x.Response.Status, x.Response.Body, x.Response.ContentLength = fx.Response.Status, fx.Response.Body, fx.Response.ContentLength
	x.Response.Header.CopyFrom(&fx.Response.Header)
}

// body reads and closes the response's body.
func body(x *exchange.Exchange) (string, error) {
	if x.Response.Body == nil {
		return "", nil
	}
	var b bytes.Buffer
	_, err := x.Response.Body.WriteTo(&b)
	x.Response.Body.Close()
	return b.String(), err
}

// wantServe says how a request is answered, with which body.
func (w *world) wantServe(what, how, want string, fields ...string) *exchange.Exchange {
	w.t.Helper()
	x := get(what, fields...)
	gotHow := w.serve(x)
	got, err := body(x)
	if gotHow != how || got != want || err != nil {
		w.t.Errorf("%s %v: %s, %q, error %v; want %s, %q", what, fields, gotHow, got, err, how, want)
	}
	return x
}

// wantLookup says what Lookup finds.
func (w *world) wantLookup(what string, state State, why exchange.Reason, fields ...string) {
	w.t.Helper()
	f := w.c.Lookup(get(what, fields...), w.r)
	defer f.Close()
	if f.State != state || f.Reason != why {
		w.t.Errorf("%s %v: %v because of %q, want %v, %q", what, fields, f.State, f.Reason, state, why)
	}
}

func (w *world) purge(p PurgeRequest) {
	w.t.Helper()
	if p.Owner == "" {
		p.Owner = "o"
	}
	if _, err := w.c.Purge(p); err != nil {
		w.t.Error(err)
	}
}

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

// A purge of the URL that was asked for finds what functions made of it, and so
// does one of what they made.
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

func TestOptions(t *testing.T) {
	_, err := New(Options{Memory: 1, ObjectSize: -1, ReadAhead: -1, HitForMiss: -1})
	if err == nil || strings.Count(err.Error(), "\n") != 3 {
		t.Errorf("%v", err)
	}
}

// Requests that wait share a response only if it is for sharing; otherwise all
// are released at once, and for a while nobody waits.
func TestCollapse(t *testing.T) {
	f := func(what string, wantAsked int64, wantHow string, fields ...string) {
		t.Helper()
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, Options{HitForMiss: 5 * time.Second})
			w.fetch = func(fx *exchange.Exchange) {
				time.Sleep(time.Second)
				respond(fx, 200, "x", fields...)
			}
			start := time.Now()
			hows := make(chan string, 10)
			for range 10 {
				go func() {
					x := get("/a")
					how := w.serve(x)
					if got, err := body(x); got != "x" || err != nil {
						t.Errorf("%s: %q, %v", what, got, err)
					}
					hows <- how
				}()
			}
			count := map[string]int{}
			for range 10 {
				count[<-hows]++
			}
			if w.asked.Load() != wantAsked || count[wantHow] < 9 {
				t.Errorf("%s: the origin was asked %d times, want %d; %v", what, w.asked.Load(), wantAsked, count)
			}
			if d := time.Since(start); d > 2*time.Second {
				t.Errorf("%s: took %v", what, d)
			}
		})
	}
	f("to be shared", 1, "shared", "Cache-Control: max-age=60")
	f("private", 11, "released", "Cache-Control: private")
	f("with a cookie", 11, "released", "Cache-Control: max-age=60", "Set-Cookie: a=1")
	f("without freshness", 11, "released")
	f("to be validated each time", 10, "released", "Cache-Control: no-cache", `ETag: "1"`)
}

func TestHitForMiss(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Options{HitForMiss: 5 * time.Second})
		w.answers(200, "x", "Cache-Control: private")
		w.wantServe("/a", "released", "x")
		w.wantLookup("/a", Absent, exchange.ReasonHitForMiss)
		time.Sleep(5 * time.Second)
		w.wantLookup("/a", Absent, exchange.ReasonAbsent)
		w.wantServe("/a", "released", "x")
		// The origin has changed its mind: the response is stored at once.
		w.answers(200, "y", "Cache-Control: max-age=60")
		w.wantServe("/a", "fetched", "y")
		w.wantServe("/a", "fresh", "y")
	})
}

func TestCollapseSwitchedOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Options{})
		w.r.Collapse = false
		w.answers(200, "x", "Cache-Control: max-age=60")
		f := w.c.Lookup(get("/a"), w.r)
		one, two := w.c.Join(get("/a"), w.r, &f), w.c.Join(get("/a"), w.r, &f)
		if !one.Leads() || !two.Leads() {
			t.Error("a request waits for another's fetch")
		}
		one.Leave()
		two.Leave()
		w.wantServe("/a", "fetched", "x")
		w.wantServe("/a", "fresh", "x")
	})
}

func TestVariants(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Options{})
		w.fetch = func(fx *exchange.Exchange) {
			time.Sleep(time.Second)
			respond(fx, 200, "in "+fx.Request.Header.Value(exchange.AcceptLanguage), "Cache-Control: max-age=60", "Vary: Accept-Language")
		}
		done := make(chan bool)
		for i := range 12 {
			go func() {
				lang := []string{"de", "en", "fr"}[i%3]
				x := get("/a", "Accept-Language: "+lang)
				w.serve(x)
				if got, err := body(x); got != "in "+lang || err != nil {
					t.Errorf("asked for %s: %q, %v", lang, got, err)
				}
				done <- true
			}()
		}
		for range 12 {
			<-done
		}
		if w.asked.Load() != 3 {
			t.Errorf("the origin was asked %d times for 3 variants", w.asked.Load())
		}
		w.wantServe("/a", "fresh", "in de", "Accept-Language: DE")
		w.wantLookup("/a", Absent, exchange.ReasonVaryMismatch, "Accept-Language: it")
		w.purge(PurgeRequest{URL: "https://a.example/a"})
		w.wantLookup("/a", Absent, exchange.ReasonPurged, "Accept-Language: de")
		w.wantLookup("/a", Absent, exchange.ReasonPurged, "Accept-Language: fr")
	})
}

// Nobody who asks after a purge gets what a fetch brings that began before it,
// nor is that kept.
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

// The same once the head is there and its tags are known.
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

// late is an empty reader that takes its time.
type late struct{ after time.Duration }

func (l *late) Read([]byte) (int, error) { time.Sleep(l.after); return 0, io.EOF }

func TestCutBodyIsNotStored(t *testing.T) {
	cut := errors.New("connection reset")
	f := func(what string, length int64, r io.Reader, wantErr bool) {
		t.Helper()
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, Options{})
			w.fetch = func(fx *exchange.Exchange) {
				respond(fx, 200, "", "Cache-Control: max-age=60")
				fx.Response.ContentLength, fx.Response.Body = length, exchange.ReaderBody(io.NopCloser(r))
			}
			x := get("/a")
			w.serve(x)
			if _, err := body(x); (err != nil) != wantErr {
				t.Errorf("%s: the reader's error is %v", what, err)
			}
			synctest.Wait()
			want := Fresh
			if wantErr {
				want = Absent
			}
			if f := w.c.Lookup(get("/a"), w.r); f.State != want {
				t.Errorf("%s: %v", what, f.State)
			}
			if st := w.c.Stats(); wantErr && st.Store.Chunks != 0 || st.Reserved != 0 || st.Fills != 0 {
				t.Errorf("%s: left behind: %+v", what, st)
			}
		})
	}
	f("whole", 5, strings.NewReader("hello"), false)
	f("whole, no length", -1, strings.NewReader("hello"), false)
	f("empty", 0, strings.NewReader(""), false)
	f("short", 6, strings.NewReader("hello"), true)
	f("long", 4, strings.NewReader("hello"), true)
	f("cut", -1, io.MultiReader(strings.NewReader("hello"), &broken{cut}), true)
	f("cut, with length", 10, io.MultiReader(strings.NewReader("hello"), &broken{cut}), true)
	f("cut at once", -1, &broken{cut}, true)
	f("cut after many chunks", 1<<20, io.MultiReader(bytes.NewReader(make([]byte, 1<<19)), &broken{cut}), true)
}

type broken struct{ err error }

func (b *broken) Read([]byte) (int, error) { return 0, b.err }

// What becomes of a response that could not be stored stands in the error.
func TestStoreErrors(t *testing.T) {
	f := func(what string, o Options, length int64, size int, want exchange.Reason) {
		t.Helper()
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, o)
			x := get("/a")
			f := w.c.Lookup(x, w.r)
			tk := w.c.Join(x, w.r, &f)
			fx := x.ForFetch()
			respond(fx, 200, strings.Repeat("x", size), "Cache-Control: max-age=60")
			fx.Response.ContentLength = length
			l := tk.Filling()
			var err error
			go func() { err = l.Store(fx, &x.Request.Header, w.c.Judge(fx, &x.Request.Header, w.r)) }()
			if tk.Wait(nil, 0) != Shared {
				t.Fatal("not shared")
			}
			tk.Serve(x)
			got, _ := body(x)
			if want != exchange.ReasonCut && len(got) != size {
				t.Errorf("%s: %d bytes", what, len(got))
			}
			synctest.Wait()
			if exchange.ReasonOf(err, exchange.ReasonNone) != want || (err == nil) != fx.Cache.Stored {
				t.Errorf("%s: %v, want %q; stored %t", what, err, want, fx.Cache.Stored)
			}
		})
	}
	f("stored", Options{}, 1000, 1000, exchange.ReasonNone)
	f("as large as allowed", Options{ObjectSize: 1000}, 1000, 1000, exchange.ReasonNone)
	f("too large", Options{ObjectSize: 999}, 1000, 1000, exchange.ReasonObjectTooLarge)
	f("too large, no length", Options{ObjectSize: 999}, -1, 100_000, exchange.ReasonObjectTooLarge)
	f("cut", Options{}, 1001, 1000, exchange.ReasonCut)
}

func TestShareAMadeResponse(t *testing.T) {
	f := func(want Decision, fields ...string) {
		t.Helper()
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, Options{})
			x, y := get("/a"), get("/a")
			f := w.c.Lookup(x, w.r)
			lead, other := w.c.Join(x, w.r, &f), w.c.Join(y, w.r, &f)
			fx := x.ForFetch()
			respond(fx, 503, "", fields...)
			lead.Filling().Share(fx, []byte("sorry"))
			if d := other.Wait(nil, 0); d != want {
				t.Errorf("%v, want %v", d, want)
			}
			if want == Shared {
				other.Serve(y)
				if got, _ := body(y); got != "sorry" || y.Response.Status != 503 || y.Response.ContentLength != 5 {
					t.Errorf("%d %q", y.Response.Status, got)
				}
			}
			w.wantLookup("/a", Absent, exchange.ReasonAbsent)
			lead.Leave()
		})
	}
	f(Shared)
	f(Released, "Set-Cookie: a=1")
}

// The leader fails, gives up, is cut: what the others see.
func TestLeaderFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Options{})
		join := func() *Ticket {
			x := get("/a")
			f := w.c.Lookup(x, w.r)
			return w.c.Join(x, w.r, &f)
		}
		lead, a, b := join(), join(), join()
		lead.Filling().Abandon()
		if d := a.Wait(nil, 0); d != Turn {
			t.Errorf("%v", d)
		}
		l := a.Filling()
		if l == nil || l == lead.Filling() {
			t.Error("the turn has no filling of its own")
		}
		cause := errors.New("refused")
		l.Fail(cause)
		for _, x := range []*Ticket{a, b} {
			if d := x.Wait(nil, 0); d != Failed || x.Err() != cause {
				t.Errorf("%v, %v", d, x.Err())
			}
		}
	})
}

func TestServable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Options{})
		f := func(cc string, after time.Duration, longer time.Duration, want bool) {
			t.Helper()
			w.answers(200, "x", "Cache-Control: "+cc, `ETag: "1"`)
			path := "/" + strings.ReplaceAll(cc, " ", "")
			x := get(path)
			w.serve(x)
			body(x)
			time.Sleep(after)
			x.Now = time.Now()
			found := w.c.Lookup(x, w.r)
			defer found.Close()
			if found.State != Stale || found.Servable(x.Now, longer) != want {
				t.Errorf("%s after %v: %v, servable %t", cc, after, found.State, !want)
			}
			w.purge(PurgeRequest{All: true})
			if found.Servable(x.Now, time.Hour) {
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
			Purged:    func(p PurgeRequest) { say("purged %s", p.URL) },
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
