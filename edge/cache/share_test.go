package cache

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wedgecdn/wedge/hostapi/exchange"
)

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
			tk.Serve(x, &f)
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
				other.Serve(y, &f)
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
