package proxywasm

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wedgecdn/wedge/hostapi/adapter"
)

type exports = map[string]func(f *fake, args []uint64) (uint64, error)

// plugin binds a plugin with these exports, and starts a first instance of it, as Load does. What comes back is that
// instance, and the times from then on at which a root instance was made.
func plugin(t *testing.T, log *lines, e exports) (b *binding, first *fake, spawned func() []time.Duration) {
	t.Helper()
	begin := time.Now()
	var mu sync.Mutex // guards times
	var times []time.Duration
	live := 0
	b = bind(t, New(), "acme", "fn", log, func(ctx context.Context, state any) (adapter.Instance, func(), error) {
		mu.Lock()
		times = append(times, time.Since(begin))
		mu.Unlock()
		i := newFake(b, state.(*session), e)
		if err := b.Prepare(ctx, i, state); err != nil {
			return nil, nil, err
		}
		if live++; live > 1 {
			t.Errorf("%d root instances at one time", live)
		}
		return i, func() { live-- }, nil
	})
	s := b.session()
	first = newFake(b, s, e)
	if err := b.Prepare(t.Context(), first, s); err != nil {
		t.Fatal(err)
	}
	return b, first, func() []time.Duration {
		synctest.Wait()
		mu.Lock()
		defer mu.Unlock()
		return slices.Clone(times)
	}
}

// configured is on_configure, which does what start says.
func configured(start func(f *fake)) func(*fake, []uint64) (uint64, error) {
	return func(f *fake, _ []uint64) (uint64, error) { start(f); return 1, nil }
}

// Ticks come to the root instance alone, as often as the plugin said last, until the binding is closed.
func TestRootTicks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		var ticks []time.Duration
		b, _, spawned := plugin(t, nil, exports{
			onConfigure: configured(func(f *fake) { f.do("proxy_set_tick_period_milliseconds", 20) }),
			onTick: func(f *fake, args []uint64) (uint64, error) {
				if len(args) != 1 || args[0] != rootID {
					t.Errorf("a tick for %d", args)
				}
				if ticks = append(ticks, time.Since(begin)/time.Millisecond); len(ticks) == 3 {
					f.do("proxy_set_tick_period_milliseconds", 50)
				}
				return 0, nil
			},
		})
		second := b.session()
		if err := b.Prepare(t.Context(), newFake(b, second, exports{onConfigure: configured(func(f *fake) { f.do("proxy_set_tick_period_milliseconds", 20) })}), second); err != nil {
			t.Fatal(err)
		}
		time.Sleep(205 * time.Millisecond)
		synctest.Wait()
		if want := []time.Duration{20, 40, 60, 110, 160}; !slices.Equal(ticks, want) {
			t.Errorf("ticks at %d ms, want %d", ticks, want)
		}
		b.Close()
		time.Sleep(time.Hour)
		if len(ticks) != 5 || len(spawned()) != 1 {
			t.Errorf("%d ticks and %d root instances after the end", len(ticks), len(spawned()))
		}
	})
}

// A plugin that wants neither ticks nor queues has no root instance, nor has one that is started after the end.
func TestRootIsNotNeeded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, _, spawned := plugin(t, nil, exports{onTick: func(*fake, []uint64) (uint64, error) { return 0, nil }})
		time.Sleep(time.Hour)
		if n := spawned(); len(n) != 0 {
			t.Errorf("root instances at %v", n)
		}
		b.Close()
		s := b.session()
		if err := b.Prepare(t.Context(), newFake(b, s, exports{onConfigure: configured(func(f *fake) { f.do("proxy_set_tick_period_milliseconds", 20) })}), s); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour)
		if n := spawned(); len(n) != 0 {
			t.Errorf("root instances at %v after the end", n)
		}
	})
}

// A root instance that traps, or that cannot be made, is made again, later and later, and the log says so. One that lived for long
// begins anew.
func TestRootIsMadeAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log, made := &lines{}, 0
		var healthy atomic.Bool
		b, _, spawned := plugin(t, log, exports{
			onConfigure: func(f *fake, _ []uint64) (uint64, error) {
				if made++; made == 4 { // the third root instance
					return 0, errors.New("unreachable while it starts")
				}
				f.do("proxy_set_tick_period_milliseconds", 100)
				return 1, nil
			},
			onTick: func(*fake, []uint64) (uint64, error) {
				if healthy.Load() {
					return 0, nil
				}
				return 0, errors.New("unreachable")
			},
		})
		const ms = time.Millisecond
		time.Sleep(130 * time.Second)
		want := []time.Duration{0, 1100 * ms, 3200 * ms, 7200 * ms, 15300 * ms, 31400 * ms, 63500 * ms, 123600 * ms}
		if got := spawned(); !slices.Equal(got, want) {
			t.Errorf("root instances at %v, want %v", got, want)
		}
		said := log.all()
		if len(said) != 8 || said[0] != "the root instance failed and is made again: unreachable" || !strings.HasSuffix(said[2], "unreachable while it starts") {
			t.Errorf("the log says %q", said)
		}
		// It comes back 60 s after it failed for the last time, lives for two minutes, and is away for a second then.
		healthy.Store(true)
		time.Sleep(180 * time.Second)
		healthy.Store(false)
		time.Sleep(2 * time.Second)
		got := spawned()
		if len(got) != 10 || got[8] != 183700*ms || got[9]-got[8] < 2*time.Minute || got[9] > 312*time.Second {
			t.Errorf("root instances at %v", got)
		}
		before := time.Now()
		b.Close() // while it is away for some time: that is not waited for
		if d := time.Since(before); d != 0 {
			t.Errorf("the end took %v", d)
		}
	})
}

// A root instance hears of each item in the queues that it registered: those that were there before it, those that come while it is
// away after a trap, and more than can be told at one time.
func TestRootQueues(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex // guards got
		var got []string
		var trap atomic.Bool
		b, first, spawned := plugin(t, nil, exports{
			onConfigure: configured(func(f *fake) { f.register("a"); f.register("b"); f.register("a") }),
			onQueueReady: func(f *fake, args []uint64) (uint64, error) {
				if trap.Swap(false) {
					return 0, errors.New("unreachable")
				}
				v, st := f.dequeue(args[1])
				if st != ok || args[0] != rootID {
					t.Errorf("a callback for %d: status %d", args, st)
				}
				mu.Lock()
				defer mu.Unlock()
				got = append(got, v)
				return 0, nil
			},
		})
		f := func(what string, want ...string) {
			t.Helper()
			synctest.Wait()
			mu.Lock()
			defer mu.Unlock()
			slices.Sort(got)
			slices.Sort(want)
			if !slices.Equal(got, want) {
				t.Errorf("%s: %q, want %q", what, got, want)
			}
			got = nil
		}
		const a, other = 1, 2
		first.enqueue(a, "1")
		f("one item", "1")
		for range 3 {
			first.enqueue(a, "x")
			first.enqueue(other, "y")
		}
		f("several", "x", "x", "x", "y", "y", "y")
		trap.Store(true)
		var many []string
		for i := range 500 {
			many = append(many, fmt.Sprint(i))
			first.enqueue(a, fmt.Sprint(i))
		}
		first.enqueue(other, "last")
		f("while it is away")
		time.Sleep(time.Second)
		f("when it is back", append(many, "last")...)
		if n := len(spawned()); n != 2 {
			t.Errorf("%d root instances, want 2", n)
		}
		b.Close()
		first.enqueue(a, "too late")
		f("after the end")
		if v, st := first.dequeue(a); v != "too late" || st != ok {
			t.Errorf("%q, status %d", v, st)
		}
	})
}

// A plugin that takes nothing is told once for what came together, not for ever; one that registers a queue later hears of it.
func TestRootQueueRegisteredLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		told := map[uint64]int{}
		b, first, _ := plugin(t, nil, exports{
			onConfigure: configured(func(f *fake) { f.do("proxy_set_tick_period_milliseconds", 20) }),
			onTick: func(f *fake, _ []uint64) (uint64, error) {
				f.register("late")
				f.do("proxy_set_tick_period_milliseconds", 0)
				return 0, nil
			},
			onQueueReady: func(_ *fake, args []uint64) (uint64, error) { told[args[1]]++; return 0, nil },
		})
		time.Sleep(30 * time.Millisecond)
		first.enqueue(1, "x")
		time.Sleep(time.Second)
		synctest.Wait()
		if len(told) != 1 || told[1] != 1 {
			t.Errorf("told %v", told)
		}
		b.Close()
	})
}
