package fill

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// A sink remembers what it was given, and can lose it.

// An origin is a body that comes when the test says so.

// A world is a table, with words for the tests.

// ask joins as a request of a variant: the value of the only field that may vary.

// wantQuiet says that nothing is left behind.

func TestStreamsFromTheFirstByte(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, o, s := newWorld(t, Options{}), newOrigin(), newSink(16)
		tk, lead := w.leader(0)
		second := w.follower(0)
		committed := false
		go func() {
			fate, err := lead.Stream(Flow{Answer: Answer{Head: "head"}, Body: o, Length: -1, Sink: s, Commit: func() bool { committed = true; return true }})
			if fate != Kept || err != nil {
				t.Errorf("fate %d, error %v", fate, err)
			}
		}()
		w.wantDecision("leader", tk, Shared)
		w.wantDecision("second", second, Shared)
		if second.Answer().Head != "head" {
			t.Errorf("the head is %v", second.Answer().Head)
		}
		o.send([]byte("first bytes, "))
		w.wantRead("second", second.Reader(), "first bytes, ")
		third := w.follower(0) // while the body arrives
		w.wantDecision("third", third, Shared)
		w.wantRead("third", third.Reader(), "first bytes, ")
		o.send([]byte("and the last ones"))
		synctest.Wait()
		if committed {
			t.Error("committed before the end")
		}
		o.end()
		w.wantBody("leader", tk.Reader(), []byte("first bytes, and the last ones"), nil)
		w.wantBody("second", second.Reader(), []byte("and the last ones"), nil)
		w.wantBody("third", third.Reader(), []byte("and the last ones"), nil)
		for _, tk := range []*Ticket{tk, second, third} {
			tk.Reader().Close()
		}
		if !committed || string(s.bytes()) != "first bytes, and the last ones" || s.closed != 1 {
			t.Errorf("committed %t, stored %q, closed %d times", committed, s.bytes(), s.closed)
		}
		w.wantQuiet()
		w.leader(0)
	})
}

func TestDecisions(t *testing.T) {
	f := func(name string, do func(l *Filling), leader, first, second Decision) {
		t.Helper()
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, Options{})
			tk, lead := w.leader(0)
			a, b := w.follower(0), w.follower(0)
			do(lead)
			w.wantDecision(name+": leader", tk, leader)
			w.wantDecision(name+": first waiter", a, first)
			w.wantDecision(name+": second waiter", b, second)
			do(lead) // ends nothing a second time
		})
	}
	f("release", func(l *Filling) { l.Release() }, Released, Released, Released)
	f("fail", func(l *Filling) { l.Fail(io.ErrUnexpectedEOF) }, Failed, Failed, Failed)
	f("abandon", func(l *Filling) { l.Abandon() }, Failed, Turn, TimedOut)
	f("again", func(l *Filling) { l.Again() }, Turn, TimedOut, TimedOut)
	f("share", func(l *Filling) { l.Share(Answer{}, []byte("made")) }, Shared, Shared, Shared)
	f("refresh", func(l *Filling) { l.Refresh(Answer{}) }, Shared, Shared, Shared)
	f("share with itself", func(l *Filling) { l.Share(Answer{Own: true}, []byte("made")) }, Shared, Released, Released)
	f("refresh for itself", func(l *Filling) { l.Refresh(Answer{Own: true}) }, Shared, Released, Released)
	f("stream to itself", func(l *Filling) {
		go l.Stream(Flow{Answer: Answer{Own: true}, Body: bytes.NewReader(nil), Length: 0})
	}, Shared, Released, Released)
	f("nothing", func(l *Filling) {}, TimedOut, TimedOut, TimedOut)
	f("panic in the body", func(l *Filling) {
		defer func() { recover() }()
		l.Stream(Flow{Body: panics{}, Length: -1})
	}, Shared, Shared, Shared)
	f("panic before the decision", func(l *Filling) {
		defer func() { recover() }()
		l.Stream(Flow{Sink: panics{}, Length: -1})
	}, Failed, Failed, Failed)
}

type panics struct{}

// Size makes panics a sink that panics before anything has been decided.
func (panics) Size() int                             { panic("in the sink") }
func (panics) Put([]byte) error                      { return nil }
func (panics) Chunk(int, int, []byte) ([]byte, bool) { return nil, false }
func (panics) Close()                                {}

func (panics) Read([]byte) (int, error) { panic("in the body") }

func TestFailTellsWhy(t *testing.T) {
	w := newWorld(t, Options{})
	_, lead := w.leader(0)
	tk := w.follower(0)
	lead.Fail(io.ErrUnexpectedEOF)
	w.wantDecision("waiter", tk, Failed)
	if tk.Err() != io.ErrUnexpectedEOF {
		t.Errorf("error %v", tk.Err())
	}
	w.wantQuiet()
}

func TestSharedWholeBody(t *testing.T) {
	for _, body := range []string{"", "made"} {
		w := newWorld(t, Options{})
		tk, lead := w.leader(0)
		other := w.follower(0)
		lead.Share(Answer{}, []byte(body))
		for _, x := range []*Ticket{tk, other} {
			w.wantDecision("waiter", x, Shared)
			w.wantBody("waiter", x.Reader(), []byte(body), nil)
			x.Reader().Close()
		}
		w.leader(0) // later ones do not get it
	}
}

// Each leader gives up: the turn goes from one to the next, in order, and never

// to two.

func TestTurnPassesToOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Options{})
		_, lead := w.leader(0)
		var fetching, most, turns atomic.Int64
		for range 20 {
			tk := w.follower(0)
			go func() {
				if d := tk.Wait(nil, time.Hour); d != Turn {
					t.Errorf("%v", d)
					return
				}
				turns.Add(1)
				most.Store(max(most.Load(), fetching.Add(1)))
				time.Sleep(time.Second)
				fetching.Add(-1)
				tk.Filling().Abandon()
				if d := tk.Wait(nil, time.Hour); d != Failed || tk.Err() != ErrAbandoned {
					t.Errorf("after it gave up: %v, %v", d, tk.Err())
				}
			}()
		}
		lead.Abandon()
		time.Sleep(time.Hour)
		if turns.Load() != 20 || most.Load() != 1 {
			t.Errorf("%d turns, %d at once", turns.Load(), most.Load())
		}
		w.wantQuiet()
	})
}

func TestTurnThenStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Options{})
		_, lead := w.leader(0)
		a, b := w.follower(0), w.follower(0)
		lead.Abandon()
		w.wantDecision("first waiter", a, Turn)
		late := w.follower(0)
		go a.Filling().Stream(Flow{Body: bytes.NewReader(pattern(100)), Length: 100, Sink: newSink(16), Commit: func() bool { return true }})
		for _, tk := range []*Ticket{a, b, late} {
			w.wantDecision("after the turn", tk, Shared)
			w.wantBody("after the turn", tk.Reader(), pattern(100), nil)
			tk.Reader().Close()
		}
		w.wantQuiet()
	})
}

// Whoever has the turn and leaves without fetching passes it on.

func TestLeaveWithTheTurn(t *testing.T) {
	w := newWorld(t, Options{})
	tk, _ := w.table.Join(w.request(0)), 0
	a, b, c := w.follower(0), w.follower(0), w.follower(0)
	tk.Leave()
	tk.Leave()
	a.Leave() // has the turn, does not know it yet
	w.wantDecision("third", b, Turn)
	b.Leave()
	w.wantDecision("fourth", c, Turn)
	c.Filling()
	c.Leave() // its fetch goes on
	if n := w.table.Live(); n != 1 {
		t.Errorf("%d fills", n)
	}
	c.Filling().Fail(io.EOF)
	w.wantQuiet()
}

func TestTimeoutAndGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Options{})
		_, lead := w.leader(0)
		gone := make(chan struct{})
		a, b, c := w.follower(0), w.follower(0), w.follower(0)
		start := time.Now()
		if d := a.Wait(nil, 3*time.Second); d != TimedOut || time.Since(start) != 3*time.Second {
			t.Errorf("%v after %v", d, time.Since(start))
		}
		time.AfterFunc(time.Second, func() { close(gone) })
		if d := b.Wait(gone, time.Minute); d != Gone || time.Since(start) != 4*time.Second {
			t.Errorf("%v after %v", d, time.Since(start))
		}
		lead.Abandon()
		if d := c.Wait(gone, 1); d != Turn {
			t.Errorf("the decision was there, but %v", d)
		}
		a.Leave()
		b.Leave()
	})
}

func TestVariants(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Options{})
		tk, lead := w.leader('a')
		same, otherOne, otherTwo := w.follower('a'), w.follower('b'), w.follower('b')
		k := Key{'a'}
		o := newOrigin()
		go lead.Stream(Flow{Answer: Answer{Names: []string{"accept"}, Variant: k}, Body: o, Length: -1, Sink: newSink(16), Commit: func() bool { return true }})
		w.wantDecision("leader", tk, Shared)
		w.wantDecision("same variant", same, Shared)
		w.wantDecision("first of the other", otherOne, Turn)
		late := w.follower('a') // the response has not come to its end
		w.wantDecision("late, of the first variant", late, Shared)
		o2 := newOrigin()
		done := make(chan Decision)
		go func() { done <- otherTwo.Wait(nil, time.Hour) }()
		synctest.Wait()
		go otherOne.Filling().Stream(Flow{Answer: Answer{Names: []string{"accept"}, Variant: Key{'b'}}, Body: o2, Length: -1})
		if d := <-done; d != Shared {
			t.Errorf("second of the other variant: %v", d)
		}
		o.end()
		o2.send([]byte("other"))
		o2.end()
		w.wantDecision("first of the other, again", otherOne, Shared)
		w.wantBody("second of the other", otherTwo.Reader(), []byte("other"), nil)
		for _, x := range []*Ticket{tk, same, late, otherOne, otherTwo} {
			x.Leave()
		}
		synctest.Wait()
		w.wantQuiet()
	})
}

func TestNobodyJoinsAPurgedFetch(t *testing.T) {
	w := newWorld(t, Options{})
	_, lead := w.leader(0)
	before := w.follower(0)
	w.guard.purged.Store(true)
	w.guard = new(guard)
	_, fresh := w.leader(0)
	after := w.follower(0)
	lead.Release()
	fresh.Fail(io.EOF)
	w.wantDecision("before the purge", before, Released)
	w.wantDecision("after the purge", after, Failed)
	w.wantQuiet()
}

func TestStoredMeanwhile(t *testing.T) {
	w := newWorld(t, Options{})
	r := w.request(0)
	r.Stored = func() bool { return true }
	tk := w.table.Join(r)
	if tk.Leads() || !tk.Stored() || tk.Wait(nil, 0) != Shared {
		t.Error("what has been stored is fetched again")
	}
	tk.Leave()
}

func TestAloneAndTooManyWaiters(t *testing.T) {
	w := newWorld(t, Options{Waiters: 2})
	r := w.request(0)
	r.Alone = true
	alone := w.table.Join(r)
	if !alone.Leads() {
		t.Error("alone, but does not lead")
	}
	_, lead := w.leader(0)
	w.follower(0)
	w.wantDecision("one too many", w.follower(0), Released)
	lead.Release()
	alone.Filling().Release()
	w.wantQuiet()
}

// Whatever the size, chunk and block boundaries, all of the body comes through,

// and what is stored is the same.

// A reader far behind reads from the store; if that has lost the bytes, it sees

// an error, not a gap.

// Where memory is short a fetch runs less far ahead, but its body is kept.

// Where nothing is stored the slowest reader sets the pace, and is cut when it

// stands still.

// A lone reader may be as slow as it likes.

// A client that has read all of the body finds it stored.

func TestRefused(t *testing.T) {
	r, now := new(Refused), time.Unix(1000, 0)
	f := func(what string, k Key, at time.Time, want bool) {
		t.Helper()
		if got := r.Has(k, at); got != want {
			t.Errorf("%s: %t", what, got)
		}
	}
	a, b := Key{1}, Key{1, 15: 1} // the same place
	f("unknown", a, now, false)
	r.Add(a, now.Add(time.Second))
	f("known", a, now, true)
	f("another key in its place", b, now, false)
	f("too late", a, now.Add(time.Second), false)
	r.Add(b, now.Add(time.Second))
	f("pushed out", a, now, false)
	r.Forget(a)
	f("forgetting another", b, now, true)
	r.Forget(b)
	f("forgotten", b, now, false)
}

// Leaders that stream, fail, give up and panic, waiters that leave, purges: every

// ticket gets a decision, every body is right or ends with an error, and nothing

// is left.

func TestHammer(t *testing.T) {
	w := newWorld(t, Options{ReadAhead: 64, Memory: 4096, ObjectSize: 600})
	var wg sync.WaitGroup
	var g atomic.Pointer[guard]
	g.Store(new(guard))
	stop := time.Now().Add(100 * time.Millisecond)
	lead := func(r *rand.Rand, l *Filling, variant byte) {
		switch r.IntN(7) {
		case 0:
			l.Release()
		case 1:
			l.Fail(io.EOF)
		case 2:
			l.Abandon()
		case 3:
			l.Share(Answer{}, pattern(100))
		case 4:
			defer func() { recover() }()
			l.Stream(Flow{Body: panics{}, Length: -1})
		default:
			n, a := r.IntN(1000), Answer{}
			if r.IntN(2) == 0 {
				a = Answer{Names: []string{"accept"}, Variant: Key{variant}}
			}
			l.Stream(Flow{Answer: a, Body: bytes.NewReader(pattern(n)), Length: int64(n - r.IntN(2)), Sink: newSink(16), Commit: func() bool { return true }})
		}
	}
	for i := range 8 {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(uint64(i), 7))
			for time.Now().Before(stop) {
				variant := byte(1 + r.IntN(2))
				req := w.request(variant)
				req.Guard = func() Guard { return g.Load() }
				req.Key[0] = byte(r.IntN(2))
				tk := w.table.Join(req)
				if r.IntN(20) == 0 {
					g.Swap(new(guard)).purged.Store(true)
				}
				if r.IntN(5) == 0 {
					tk.Leave()
					continue
				}
				gone := make(chan struct{})
				if r.IntN(5) == 0 {
					close(gone)
				}
				for {
					if tk.Leads() {
						l, seed := tk.Filling(), r.Uint64()
						wg.Go(func() { lead(rand.New(rand.NewPCG(seed, 1)), l, variant) })
					}
					d := tk.Wait(gone, 10*time.Second)
					if d == Turn {
						continue
					}
					if d == TimedOut {
						t.Error("no decision")
					}
					if d == Shared {
						got, _ := io.ReadAll(struct{ io.Reader }{io.LimitReader(tk.Reader(), int64(r.IntN(2000)))})
						if !bytes.HasPrefix(pattern(1000), got) {
							t.Error("wrong bytes")
						}
						tk.Reader().Close()
					}
					break
				}
			}
		})
	}
	wg.Wait()
	w.wantQuiet()
}

// A request looks at many variants under way, and hashes its own once: the
// table is locked meanwhile.
func TestJoinMatchesOnce(t *testing.T) {
	w := newWorld(t, Options{})
	matches := 0
	ask := func(variant byte) *Ticket {
		r := w.request(variant)
		r.Names = []string{"x-v"} // not the same slice each time
		match := r.Match
		r.Match = func(names []string) Key { matches++; return match(names) }
		return w.table.Join(r)
	}
	var all []*Ticket
	for i := range byte(100) {
		tk := ask(i)
		if !tk.Leads() {
			t.Fatalf("variant %d does not lead", i)
		}
		all = append(all, tk)
	}
	matches = 0
	all = append(all, ask(50), ask(100))
	if all[100].Leads() || !all[101].Leads() {
		t.Error("a request for a variant under way leads, or one for another does not")
	}
	if matches > 4 {
		t.Errorf("two requests beside 100 variants hashed %d times", matches)
	}
	for _, tk := range all {
		tk.Leave()
		if f := tk.Filling(); f != nil {
			f.Fail(errors.New("over"))
		}
	}
	w.wantQuiet()
}
