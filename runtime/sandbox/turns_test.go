package sandbox

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// Turns go round by function: one with many calls in flight gets no more than one with a single call.
func TestTurnsGoRoundByFunction(t *testing.T) {
	f := func(turns int, calls map[string]int, want string) {
		t.Helper()
		synctest.Test(t, func(t *testing.T) {
			t.Helper()
			shared := NewTurns(turns)
			var mu sync.Mutex
			var order []string
			var wg sync.WaitGroup
			blocker := shared.line()
			var held []*line
			for range turns { // until all have asked
				if !blocker.take(new(*claim), time.Hour, nil) {
					t.Fatal("a free turn cannot be taken")
				}
				held = append(held, blocker)
			}
			for _, name := range []string{"a", "b", "c"} {
				l := shared.line()
				for range calls[name] {
					wg.Go(func() {
						var own *claim
						if !l.take(&own, time.Hour, nil) {
							t.Error("no turn")
							return
						}
						for range 3 {
							mu.Lock()
							order = append(order, name)
							mu.Unlock()
							time.Sleep(time.Millisecond)
							if !l.pass(&own, time.Hour, nil) {
								t.Error("no further turn")
							}
						}
						l.give()
					})
					synctest.Wait()
				}
			}
			for _, l := range held {
				l.give()
			}
			wg.Wait()
			if got := strings.Join(order, ""); got != want {
				t.Errorf("turns went %s, want %s", got, want)
			}
			if shared.free != turns || len(shared.waiting) != 0 {
				t.Errorf("in the end %d turns are free, %d lines wait", shared.free, len(shared.waiting))
			}
		})
	}
	f(1, map[string]int{"a": 1}, "aaa")
	f(1, map[string]int{"a": 2}, "aaaaaa")
	f(1, map[string]int{"a": 1, "b": 1}, "ababab")
	f(1, map[string]int{"a": 4, "b": 1, "c": 1}, "abcabcabcaaaaaaaaa")
}

// Who cannot wait any longer leaves, and takes no turn along.
func TestTurnsAreGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		shared := NewTurns(1)
		l, other := shared.line(), shared.line()
		if !l.take(new(*claim), 0, nil) {
			t.Fatal("a free turn cannot be taken")
		}
		begin := time.Now()
		var own *claim
		if other.take(&own, 3*time.Second, nil) || time.Since(begin) != 3*time.Second {
			t.Errorf("a second turn after %s", time.Since(begin))
		}
		gone := make(chan struct{})
		time.AfterFunc(time.Second, func() { close(gone) })
		begin = time.Now()
		if other.take(&own, time.Hour, gone) || time.Since(begin) != time.Second {
			t.Errorf("a turn for one whose caller has gone, after %s", time.Since(begin))
		}
		if len(shared.waiting) != 0 || len(other.claims) != 0 {
			t.Error("who left still waits")
		}
		l.give()
		if !other.take(&own, 0, nil) { // the claim is as good as new
			t.Error("the turn did not come back")
		}
		other.give()
	})
}

func TestHammerTurns(t *testing.T) {
	const turns = 3
	shared := NewTurns(turns)
	var running, most atomic.Int64
	var served [4]atomic.Int64
	var wg sync.WaitGroup
	until, atLast := time.Now().Add(100*time.Millisecond), time.Now().Add(10*time.Second)
	over := func() bool { // a busy machine may need longer until each had a turn
		now := time.Now()
		for n := range served {
			if served[n].Load() == 0 {
				return now.After(atLast)
			}
		}
		return now.After(until)
	}
	for n := range served {
		l := shared.line()
		for g := range 3 {
			wg.Go(func() {
				r := rand.New(rand.NewPCG(uint64(n), uint64(g)))
				var own *claim
				gone := make(chan struct{})
				close(gone)
				for !over() {
					var left <-chan struct{}
					if r.IntN(8) == 0 {
						left = gone
					}
					has := l.take(&own, time.Duration(r.IntN(50))*time.Microsecond, left)
					for has {
						if now := running.Add(1); now > most.Load() {
							most.Store(now)
						}
						served[n].Add(1)
						running.Add(-1)
						if r.IntN(4) == 0 {
							l.give()
							break
						}
						has = l.pass(&own, time.Duration(r.IntN(50))*time.Microsecond, left)
					}
				}
			})
		}
	}
	wg.Wait()
	if most.Load() > turns {
		t.Errorf("%d ran at once, with %d turns", most.Load(), turns)
	}
	for n := range served {
		if served[n].Load() == 0 {
			t.Errorf("line %d never had a turn", n)
		}
	}
	if shared.free != turns || len(shared.waiting) != 0 {
		t.Errorf("in the end %d turns are free, %d lines wait", shared.free, len(shared.waiting))
	}
}

// The slice follows the time that slices take, within its bounds.
func TestPace(t *testing.T) {
	f := func(what string, most int64, nsPerFuel float64, least, atMost int64) {
		t.Helper()
		p := newPace(most)
		var longest time.Duration
		for n := range 50 {
			took := time.Duration(float64(p.next) * nsPerFuel)
			if n > 5 {
				longest = max(longest, took)
			}
			p.after(p.next, took)
		}
		if p.next < least || p.next > atMost || p.next > most {
			t.Errorf("%s: slices of %d, want %d to %d", what, p.next, least, atMost)
		}
		if p.next > leastSlice && longest > 2*longSlice {
			t.Errorf("%s: slices take up to %s", what, longest)
		}
	}
	f("ordinary code", 100_000, 0.7, 70_000, 100_000)
	f("divisions", 100_000, 7, 7_000, 20_000)
	f("loads that miss all caches", 100_000, 20, 2_000, 7_000)
	f("first touches of pages", 100_000, 200, 200, 400)
	f("worse than anything", 100_000, 100_000, leastSlice, leastSlice)
	f("slices of one unit", 1, 1000, 1, 1)
	f("a free guest", 100_000, 0, 100_000, 100_000)
	if got := fmt.Sprint(newPace(1000), newPace(1<<40)); got != "{1000 1000} {10000 1099511627776}" {
		t.Errorf("paces begin with %s", got)
	}
}

// A single long slice is the machine's; a second one bounds those that follow, until enough were short.
func TestBound(t *testing.T) {
	const most = 100_000
	var b bound
	f := func(n int, fuel int64, took time.Duration, want int64) {
		t.Helper()
		for range n {
			b.after(fuel, took, most)
		}
		if got := b.of(most); got != want {
			t.Errorf("after %d slices of %d that took %s: slices of %d, want %d", n, fuel, took, got, want)
		}
	}
	f(10, most, longSlice, most)
	f(1, most, time.Millisecond, most)
	f(curbed-1, most, longSlice, most)
	f(1, most, time.Millisecond, 7_000)
	f(curbed-1, 7_000, shortSlice, 7_000)
	f(1, 7_000, shortSlice, 14_000)
	f(1, 20_000, time.Second, leastBound)
	f(4*curbed, 5_000, shortSlice, 80_000)
	f(curbed, 80_000, shortSlice, most)
	f(1, most, time.Millisecond, most) // what was is forgotten
	f(2*curbed, most, shortSlice, most)
	f(1, most, time.Millisecond, most)
	if got := b.of(17); got != 17 {
		t.Errorf("a slice of 17 becomes %d", got)
	}
}
