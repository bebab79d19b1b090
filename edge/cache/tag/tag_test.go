package tag

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

func mark(t *Tables, owner, url, other string, tags ...string) *Mark {
	m := new(Mark)
	m.Set(t.Owner(owner), t.Sequence(), url, other)
	m.SetTags(slices.Values(tags), nil)
	return m
}

func TestState(t *testing.T) {
	const page, twin = "https://shop.example/a/page?x=1", "https://shop.example/internal"
	f := func(what string, purge func(o *Owner), want State) {
		t.Helper()
		ts := New(Options{})
		m := mark(ts, "o", page, twin, "red", "blue")
		if s := m.State(); s != Current {
			t.Fatalf("%s: state before is %d", what, s)
		}
		purge(ts.Owner("o"))
		for range 2 { // what was seen once must not hide it the second time
			if s := m.State(); s != want {
				t.Errorf("%s: state %d, want %d", what, s, want)
			}
		}
		after := mark(ts, "o", page, twin, "red", "blue")
		if s := after.State(); s != Current {
			t.Errorf("%s: an object fetched after the purge has state %d", what, s)
		}
	}
	f("nothing", func(o *Owner) {}, Current)
	f("all", func(o *Owner) { o.PurgeAll(false) }, Gone)
	f("all, soft", func(o *Owner) { o.PurgeAll(true) }, Stale)
	f("its tag", func(o *Owner) { o.PurgeTag("blue", false) }, Gone)
	f("its tag, soft", func(o *Owner) { o.PurgeTag("blue", true) }, Stale)
	f("another tag", func(o *Owner) { o.PurgeTag("green", false) }, Current)
	f("its URL", func(o *Owner) { o.PurgeURL(page, false) }, Gone)
	f("its URL, soft", func(o *Owner) { o.PurgeURL(page, true) }, Stale)
	f("the URL that a function made of it", func(o *Owner) { o.PurgeURL(twin, false) }, Gone)
	f("a longer URL", func(o *Owner) { o.PurgeURL(page+"0", false) }, Current)
	f("its prefix", func(o *Owner) { o.PurgePrefix("https://shop.example/a/", false) }, Gone)
	f("its prefix, soft", func(o *Owner) { o.PurgePrefix("https://shop.example/a/", true) }, Stale)
	f("the other's prefix", func(o *Owner) { o.PurgePrefix("https://shop.example/int", false) }, Gone)
	f("another prefix", func(o *Owner) { o.PurgePrefix("https://shop.example/b/", false) }, Current)
	f("another host's prefix", func(o *Owner) { o.PurgePrefix("https://shop.example.net/", false) }, Current)
	f("another owner", func(o *Owner) { o.tables.Owner("p").PurgeAll(false) }, Current)
	f("soft, then hard", func(o *Owner) { o.PurgeAll(true); o.PurgeURL(page, false) }, Gone)
	f("hard, then soft", func(o *Owner) { o.PurgeURL(page, false); o.PurgeAll(true) }, Gone)
	f("a soft prefix over a hard one", func(o *Owner) {
		o.PurgePrefix("https://shop.example/a/p", false)
		o.PurgePrefix("https://shop.example/a/", true)
	}, Gone)
	f("a hard prefix over a soft one", func(o *Owner) {
		o.PurgePrefix("https://shop.example/a/p", true)
		o.PurgePrefix("https://shop.example/a/", false)
	}, Gone)
	f("a prefix, then all softly", func(o *Owner) { o.PurgePrefix("https://shop.example/", false); o.PurgeAll(true) }, Gone)
}

func TestPrefixesFoldIntoTheirHost(t *testing.T) {
	ts := New(Options{Prefixes: 4})
	o := ts.Owner("o")
	hit := mark(ts, "o", "https://one.example/a", "")
	same := mark(ts, "o", "https://one.example/z", "")
	other := mark(ts, "o", "https://two.example/z", "")
	o.PurgePrefix("https://one.example/a", false)
	for i := range 4 {
		o.PurgePrefix(fmt.Sprintf("https://three.example/%d", i), false)
	}
	f := func(what string, m *Mark, want State) {
		t.Helper()
		if s := m.State(); s != want {
			t.Errorf("%s: state %d, want %d", what, s, want)
		}
	}
	f("what the oldest prefix names", hit, Gone)
	f("its neighbour on the host", same, Gone)
	f("another host", other, Current)
	if n := o.Prefixes(); n != 4 {
		t.Errorf("%d prefixes are outstanding, want 4", n)
	}
	o.PurgePrefix("https://three.example/", false)
	if n := o.Prefixes(); n != 1 {
		t.Errorf("%d prefixes are outstanding after one that covers all, want 1", n)
	}
}

func TestTagsNotKnownOrTooMany(t *testing.T) {
	var many []string
	for i := range MaxTags + 1 {
		many = append(many, fmt.Sprint("tag", i))
	}
	var o *Owner
	var waiting, full, over, twice *Mark
	// One time in some 200 a tag of the many shares its slots with the purged one,
	// as it may: then other seeds are tried.
	for attempt := 0; attempt < 10 && (full == nil || full.State() != Current); attempt++ {
		ts := New(Options{})
		o, waiting = ts.Owner("o"), new(Mark)
		waiting.Set(o, ts.Sequence(), "https://a.example/", "")
		full = mark(ts, "o", "https://a.example/", "", many[:MaxTags]...)
		over = mark(ts, "o", "https://a.example/", "", many...)
		twice = mark(ts, "o", "https://a.example/", "", slices.Concat(many[:MaxTags], many[:MaxTags])...)
		o.PurgeTag("some other", false)
	}
	f := func(what string, m *Mark, want State) {
		t.Helper()
		if s := m.State(); s != want {
			t.Errorf("%s: state %d, want %d", what, s, want)
		}
	}
	f("tags not known yet", waiting, Gone)
	f("as many tags as are remembered", full, Current)
	f("one more", over, Gone)
	f("the same tags twice", twice, Current)
	o.PurgeTag("tag63", false)
	f("the last of many tags", full, Gone)
	confirmed := new(Mark)
	confirmed.Inherit(full, full.Born())
	confirmed.SetTags(slices.Values([]string{"new"}), full)
	f("a tag that it had before it was confirmed", confirmed, Gone)
}

// A table that has grown, or may not grow, forgets nothing; and while it may
// grow, it takes few for purged that were not.
func TestTableGrows(t *testing.T) {
	f := func(memory int64, purges int, maxWrong float64) {
		t.Helper()
		ts := New(Options{Memory: memory})
		o := ts.Owner("o")
		var hit, not []*Mark
		for i := range purges {
			hit = append(hit, mark(ts, "o", fmt.Sprintf("https://a.example/%d", i), ""))
			not = append(not, mark(ts, "o", fmt.Sprintf("https://b.example/%d", i), ""))
		}
		for i := range purges {
			o.PurgeURL(fmt.Sprintf("https://a.example/%d", i), false)
		}
		wrong := 0
		for i := range hit {
			if hit[i].State() != Gone {
				t.Fatalf("memory %d: purge %d of %d is forgotten", memory, i, purges)
			}
			if not[i].State() != Current {
				wrong++
			}
		}
		if share := float64(wrong) / float64(purges); share > maxWrong {
			t.Errorf("memory %d: %.1f %% of objects that nobody purged are gone, want at most %.1f %%", memory, 100*share, 100*maxWrong)
		}
	}
	f(1, 20, 0.2)
	f(1, 5000, 1)
	f(1<<20, 20, 0.2)
	f(1<<20, 5000, 0.14)
	f(4<<20, 8000, 0.14)
}

// A random history of purges and births agrees with a model that remembers
// everything: what the model calls gone is gone, what it calls stale is not
// current, and what it calls current rarely is not.
func TestHistory(t *testing.T) {
	type object struct {
		m          *Mark
		owner, url string
		tags       []string
		hard, soft bool
	}
	for seed := range uint64(30) {
		r := rand.New(rand.NewPCG(seed, 1))
		ts := New(Options{Prefixes: 8})
		var objects []*object
		var history []string
		wrong := 0
		pick := func(s ...string) string { return s[r.IntN(len(s))] }
		url := func() string {
			return "https://" + pick("a", "b") + ".example/" + pick("x", "y", "z") + "/" + pick("1", "2", "3")
		}
		for range 400 {
			owner, soft := pick("o", "p"), r.IntN(3) == 0
			var hit func(*object) bool
			switch r.IntN(8) {
			default:
				x := &object{owner: owner, url: url()}
				for range r.IntN(3) {
					x.tags = append(x.tags, pick("r", "s", "t", "u"))
				}
				x.m = mark(ts, owner, x.url, "", x.tags...)
				objects = append(objects, x)
				history = append(history, fmt.Sprint("born ", owner, " ", x.url, " ", x.tags))
				continue
			case 0:
				if r.IntN(5) > 0 {
					continue
				}
				ts.Owner(owner).PurgeAll(soft)
				hit = func(x *object) bool { return true }
				history = append(history, fmt.Sprint("all ", owner, soft))
			case 1:
				u := url()
				ts.Owner(owner).PurgeURL(u, soft)
				hit = func(x *object) bool { return x.url == u }
				history = append(history, fmt.Sprint("url ", owner, " ", u, soft))
			case 2:
				g := pick("r", "s", "t", "u", "v")
				ts.Owner(owner).PurgeTag(g, soft)
				hit = func(x *object) bool { return slices.Contains(x.tags, g) }
				history = append(history, fmt.Sprint("tag ", owner, " ", g, soft))
			case 3:
				u := url()
				u = u[:len("https://a.example/")+r.IntN(len(u)-len("https://a.example/"))]
				ts.Owner(owner).PurgePrefix(u, soft)
				hit = func(x *object) bool { return strings.HasPrefix(x.url, u) }
				history = append(history, fmt.Sprint("prefix ", owner, " ", u, soft))
			}
			for _, x := range objects {
				if x.owner == owner && hit(x) {
					x.soft = true
					x.hard = x.hard || !soft
				}
			}
			for _, x := range objects {
				switch s := x.m.State(); {
				case x.hard && s != Gone, x.soft && s == Current:
					t.Fatalf("seed %d: %s %v has state %d, purged hard %t soft %t, after\n%s", seed, x.url, x.tags, s, x.hard, x.soft, strings.Join(history, "\n"))
				case !x.soft && s != Current:
					wrong++
				}
			}
		}
		if wrong > 20*len(objects) {
			t.Errorf("seed %d: %d objects, %d times taken for purged wrongly", seed, len(objects), wrong)
		}
	}
}

// After a purge has returned, nobody finds an older object current, however
// many purge and look at the same time.
func TestHammer(t *testing.T) {
	ts := New(Options{Prefixes: 4})
	o := ts.Owner("o")
	// versions[i] is what the origin has at URL i; marks[i] what is stored.
	type stored struct {
		m       Mark
		version int64
	}
	const urls = 8
	var versions [urls]atomic.Int64
	var slots [urls]atomic.Pointer[stored]
	name := func(i int) string { return fmt.Sprintf("https://a.example/%d", i) }
	var wg sync.WaitGroup
	stop := time.Now().Add(100 * time.Millisecond)
	for g := range 4 {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(uint64(g), 2))
			for time.Now().Before(stop) {
				i := r.IntN(urls)
				want := versions[i].Add(1)
				switch r.IntN(5) {
				case 0:
					o.PurgeURL(name(i), false)
				case 1:
					o.PurgePrefix(name(i), r.IntN(2) == 0)
				case 2:
					o.PurgeTag(name(i), false)
				case 3:
					o.PurgeAll(r.IntN(2) == 0)
				case 4:
					o.PurgePrefix(fmt.Sprintf("https://a.example/%d%d", i, r.IntN(100)), false)
					continue
				}
				if s := slots[i].Load(); s != nil && s.version < want && s.m.State() == Current {
					t.Errorf("version %d of %d is current after a purge at version %d", s.version, i, want)
					return
				}
			}
		})
		wg.Go(func() {
			r := rand.New(rand.NewPCG(uint64(g), 3))
			for time.Now().Before(stop) {
				i := r.IntN(urls)
				s := new(stored)
				s.m.Set(o, ts.Sequence(), name(i), "")
				s.version = versions[i].Load()
				s.m.SetTags(slices.Values([]string{name(i)}), nil)
				slots[i].Store(s)
				s.m.State()
			}
		})
	}
	wg.Wait()
}

func TestStateDoesNotAllocate(t *testing.T) {
	ts := New(Options{})
	o := ts.Owner("o")
	m := mark(ts, "o", "https://a.example/x", "https://a.example/y", "r", "s")
	o.PurgePrefix("https://b.example/", false)
	n := testing.AllocsPerRun(100, func() {
		o.last.Add(1) // as a purge does: the tables are read
		if m.State() != Current {
			t.Fatal("purged")
		}
	})
	if n != 0 {
		t.Errorf("State allocates %v times", n)
	}
}

func BenchmarkState(b *testing.B) {
	ts := New(Options{})
	o := ts.Owner("o")
	m := mark(ts, "o", "https://a.example/x", "", "r", "s", "t")
	o.PurgeTag("other", false)
	b.Run("nothing purged since", func(b *testing.B) {
		for b.Loop() {
			m.State()
		}
	})
	b.Run("tables read", func(b *testing.B) {
		for b.Loop() {
			m.seen.Store(0)
			m.State()
		}
	})
}
