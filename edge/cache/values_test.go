package cache

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wedgecdn/wedge/hostapi/exchange"
)

func (w *world) wantValue(owner, key, want string) {
	w.t.Helper()
	got, found := w.c.Values().Get(owner, []byte(key), []byte("before "))
	if !found {
		got = append(got, '-')
	}
	if string(got) != "before "+want {
		w.t.Errorf("%s's %s: %.40q, want %.40q", owner, key, got, "before "+want)
	}
}

func (w *world) put(owner, key, value string, ttl time.Duration, tags ...string) {
	w.t.Helper()
	if err := w.c.Values().Put(owner, []byte(key), []byte(value), ttl, tags); err != nil {
		w.t.Errorf("%s's %s: %v", owner, key, err)
	}
}

func TestValues(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Options{})
		const absent = "-"
		w.wantValue("o", "k", absent)
		w.put("o", "k", "one", time.Minute)
		w.wantValue("o", "k", "one")
		w.wantValue("other", "k", absent)
		w.wantValue("o", "K", absent)
		w.put("other", "k", "theirs", time.Minute)
		w.put("o", "k", "two", time.Minute)
		w.wantValue("o", "k", "two")
		w.wantValue("other", "k", "theirs")
		// Owner and key have their own places in the hash.
		w.put("ow", "nerkey", "x", time.Minute)
		w.wantValue("own", "erkey", absent)
		w.put("o", "empty", "", time.Minute)
		w.wantValue("o", "empty", "")
		long := strings.Repeat("0123456789", 50_000)
		w.put("o", "long", long, time.Minute)
		w.wantValue("o", "long", long)

		time.Sleep(time.Minute - 1)
		w.wantValue("o", "k", "two")
		time.Sleep(time.Nanosecond)
		w.wantValue("o", "k", absent)
		w.put("o", "for ever", "x", 1<<63-1)
		time.Sleep(365 * 24 * time.Hour)
		w.wantValue("o", "for ever", "x")

		v := w.c.Values()
		w.put("o", "k", "three", time.Minute)
		w.put("other", "k", "theirs", time.Minute)
		if !v.Delete("o", []byte("k")) || v.Delete("o", []byte("k")) {
			t.Error("a value is deleted once")
		}
		w.wantValue("o", "k", absent)
		w.wantValue("other", "k", "theirs")
		w.put("o", "k", "old", time.Second)
		time.Sleep(time.Second)
		if v.Delete("o", []byte("k")) {
			t.Error("a value that had outlived itself was there to be deleted")
		}
	})
}

func TestValuesRefused(t *testing.T) {
	w := newWorld(t, Options{ObjectSize: 100})
	f := func(key string, size int, ttl time.Duration, want error) {
		t.Helper()
		if err := w.c.Values().Put("o", []byte(key), make([]byte, size), ttl, nil); !errors.Is(err, want) {
			t.Errorf("key of %d bytes, value of %d, %s: %v, want %v", len(key), size, ttl, err, want)
		}
		if _, found := w.c.Values().Get("o", []byte(key), nil); found != (want == nil) {
			t.Errorf("key of %d bytes, value of %d: found %t", len(key), size, found)
		}
		w.c.Values().Delete("o", []byte(key))
	}
	f("k", 100, time.Minute, nil)
	f("k", 101, time.Minute, ErrValueSize)
	f(strings.Repeat("k", MaxValueKey), 1, time.Minute, nil)
	f(strings.Repeat("k", MaxValueKey+1), 1, time.Minute, ErrValueKey)
	f("", 1, time.Minute, ErrValueKey)
	f("k", 1, 0, ErrValueTTL)
	f("k", 1, -1, ErrValueTTL)
}

// Values and responses of an owner share its purges, but not their places.
func TestValuesPurged(t *testing.T) {
	w := newWorld(t, Options{})
	w.answers(200, "page", "Cache-Control: max-age=60", "Surrogate-Key: red")
	f := func(p PurgeRequest, wantValue, wantPage bool) {
		t.Helper()
		w.wantLookup("/a", Absent, exchange.ReasonAbsent)
		w.wantServe("/a", "fetched", "page")
		for _, owner := range []string{"o", "other"} {
			w.put(owner, "k", "value", time.Minute, "blue", "red")
			w.put(owner, "/a", "value", time.Minute)
			w.put(owner, "https://a.example/a", "value", time.Minute)
		}
		w.purge(p)
		want := map[bool]string{true: "value", false: "-"}
		w.wantValue("o", "k", want[wantValue])
		for _, k := range []string{"/a", "https://a.example/a"} {
			w.wantValue("o", k, want[!p.All])
		}
		w.wantValue("other", "k", "value")
		fresh := w.c.Lookup(get("/a"), w.r)
		if (fresh.State == Fresh) != wantPage {
			t.Errorf("%+v: the page is %v", p, fresh.State)
		}
		fresh.Close()
		w.put("o", "k", "new", time.Minute, "red")
		w.wantValue("o", "k", "new")
		w.purge(PurgeRequest{All: true})
		w.c.Lookup(get("/a"), w.r) // forgets it
	}
	f(PurgeRequest{Tag: "red"}, false, false)
	f(PurgeRequest{Tag: "red", Soft: true}, false, false)
	f(PurgeRequest{Tag: "blue"}, false, true)
	f(PurgeRequest{URL: "https://a.example/a"}, true, false)
	f(PurgeRequest{Prefix: "https://a.example/"}, true, false)
	f(PurgeRequest{All: true}, false, false)
	f(PurgeRequest{Tag: "green"}, true, true)
}

// Values give way to one another within the cache's memory.
func TestValuesAreBounded(t *testing.T) {
	if raceEnabled {
		t.Skip("one goroutine fills the cache: it has nothing to race with, and takes ten times as long")
	}
	w := newWorld(t, Options{Memory: 4 << 20})
	const n, size = 40_000, 1000
	value := bytes.Repeat([]byte{'x'}, size)
	for i := range n {
		if err := w.c.Values().Put("o", fmt.Append(nil, i), value, time.Hour, []string{"t"}); err != nil {
			t.Fatal(err)
		}
	}
	s := w.c.Stats().Store
	if s.IndexBytes > s.IndexLimit || s.Objects == 0 || s.Objects >= n {
		t.Errorf("%d objects in %d of %d bytes of the index", s.Objects, s.IndexBytes, s.IndexLimit)
	}
	held := 0
	for i := range n {
		if v, found := w.c.Values().Get("o", fmt.Append(nil, i), nil); found {
			if held++; !bytes.Equal(v, value) {
				t.Fatalf("value %d is %.40q", i, v)
			}
		}
	}
	if held == 0 || held*size > 4<<20 {
		t.Errorf("%d values are left", held)
	}
}

// What a purge took while it was on its way is not kept, nor does it take the place of what the purge left.
func TestValuesPurgedOnTheirWay(t *testing.T) {
	w := newWorld(t, Options{})
	begin := func() *Insert { return w.c.Values().Begin("o", []string{"blue", "red"}) }
	later := func(i *Insert) *Insert { return i }
	f := func(p PurgeRequest, wantPurged bool, want string) {
		t.Helper()
		w.put("o", "k", "old", time.Minute, "green")
		i := begin()
		if p.Owner != "" {
			w.purge(p)
		}
		i = later(i)
		if i.Purged() != wantPurged {
			t.Errorf("%+v: purged %t", p, !wantPurged)
		}
		if err := i.Put([]byte("k"), []byte("new"), time.Minute); err != nil {
			t.Errorf("%+v: %v", p, err)
		}
		w.wantValue("o", "k", want)
		again := w.c.Values().Begin("o", []string{"red"})
		if again.Purged() {
			t.Errorf("%+v: it came before the insert", p)
		}
		if err := again.Put([]byte("k"), []byte("again"), time.Minute); err != nil {
			t.Errorf("%+v: %v", p, err)
		}
		w.wantValue("o", "k", "again")
	}
	f(PurgeRequest{}, false, "new")
	f(PurgeRequest{Owner: "o", Tag: "red"}, true, "old")
	f(PurgeRequest{Owner: "o", Tag: "blue", Soft: true}, true, "old")
	f(PurgeRequest{Owner: "o", Tag: "yellow"}, false, "new")
	f(PurgeRequest{Owner: "other", Tag: "red"}, false, "new")
	f(PurgeRequest{Owner: "o", All: true}, true, "-")
	// Likewise where its tags, and what it is the response of, are known later than when it began.
	begin = func() *Insert { return w.c.Values().Begin("o", nil) }
	later = func(i *Insert) *Insert { return i.As([]string{"blue", "red"}, "https://shop.example/a?b") }
	f(PurgeRequest{}, false, "new")
	f(PurgeRequest{Owner: "o", Tag: "red"}, true, "old")
	f(PurgeRequest{Owner: "o", Tag: "yellow"}, false, "new")
	f(PurgeRequest{Owner: "o", URL: "https://shop.example/a?b"}, true, "old")
	f(PurgeRequest{Owner: "o", URL: "https://shop.example/a"}, false, "new")
	f(PurgeRequest{Owner: "o", Prefix: "https://shop.example/"}, true, "old")
	f(PurgeRequest{Owner: "o", All: true}, true, "-")
	if err := later(begin()).Put([]byte("k"), []byte("kept"), time.Minute); err != nil {
		t.Error(err)
	}
	w.wantValue("o", "k", "kept")
	w.purge(PurgeRequest{Owner: "o", Prefix: "https://shop.example/"})
	w.wantValue("o", "k", "-")
}

func TestHammerValues(t *testing.T) {
	w := newWorld(t, Options{Memory: 4 << 20})
	v := w.c.Values()
	end := time.Now().Add(100 * time.Millisecond)
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := g; time.Now().Before(end); i++ {
				key := fmt.Append(nil, i%7)
				owner := []string{"o", "other"}[i%2]
				switch i % 5 {
				case 0, 1:
					if err := v.Put(owner, key, bytes.Repeat([]byte(owner[:1]), i%9000), time.Hour, []string{string(key)}); err != nil {
						t.Error(err)
					}
				case 2:
					v.Delete(owner, key)
				case 3:
					w.purge(PurgeRequest{Owner: owner, Tag: string(key)})
				case 4:
					if b, _ := v.Get(owner, key, nil); len(bytes.Trim(b, owner[:1])) > 0 {
						t.Errorf("%s got %.40q", owner, b)
					}
				}
			}
		})
	}
	wg.Wait()
}
