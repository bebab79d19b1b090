package sandbox_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	. "github.com/wedgecdn/wedge/runtime/engine/enginetest"
	"github.com/wedgecdn/wedge/runtime/limit"
	"github.com/wedgecdn/wedge/runtime/sandbox"
)

// keeper is a guest that keeps a number in its memory, and one in a global.
func keeper(restored bool) []byte {
	var m Module
	outside := m.Import("test", "outside", "", "i")
	note := m.Import("test", "note", "i", "")
	m.Memory(1, 0)
	m.Globals = [][]byte{Op(0x7f, 1, 0x41, 0, 0x0b)}
	m.Func("put", "i", "", "", Code(I32(64), Get(0), Store32, Get(0), Op(0x24, 0))...)
	m.Func("get", "", "i", "", Code(I32(64), Load32, Op(0x23, 0), Op(0x72))...)
	m.Func("grow", "i", "i", "", Code(Get(0), Grow)...)
	m.Func("trap", "", "", "", Unreachable...)
	m.Func("loop", "", "", "", Forever()...)
	m.Func("_initialize", "", "", "", Code(I32(128), Call(outside), Store32)...)
	m.Func("was outside", "", "i", "", Code(I32(128), Load32)...)
	if restored {
		// Counts itself, and traps when asked to.
		m.Func("wedge_restored", "", "", "", Code(I32(132), I32(132), Load32, I32(1), Add32, Store32, Call(outside), I32(1), Op(0x47), Op(0x04, 0x40), Unreachable, Op(0x0b),
			I32(136), Load32, Op(0x04, 0x40), Unreachable, Op(0x0b))...)
		m.Func("restored", "", "i", "", Code(I32(132), Load32)...)
		m.Func("break", "", "", "", Code(I32(136), I32(1), Store32)...)
	}
	m.Func("note", "i", "", "", Code(Get(0), Call(note))...)
	return m.Bytes()
}

// watch counts what a pool tells.
type watch struct {
	mu   sync.Mutex
	gone map[sandbox.Reason]int
}

func (w *watch) events() sandbox.Events {
	w.gone = map[sandbox.Reason]int{}
	return sandbox.Events{Gone: func(why sandbox.Reason) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.gone[why]++
	}}
}

func (w *watch) want(t *testing.T, want map[sandbox.Reason]int) {
	t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	if fmt.Sprint(w.gone) != fmt.Sprint(want) {
		t.Errorf("closed instances: %v, want %v", w.gone, want)
	}
}

func wantStats(t *testing.T, p *sandbox.Pool, live, idle, queued int) {
	t.Helper()
	if s := p.Stats(); s.Live != live || s.Idle != idle || s.Queued != queued {
		t.Errorf("pool: %+v, want live %d, idle %d, queued %d", s, live, idle, queued)
	}
}

// The canary: what an exchange leaves behind is found under isolation "instance", and nowhere else.
func TestIsolation(t *testing.T) {
	e := newEngine(t)
	module := compile(t, e, keeper(false))
	const canary = 0x5ec1e7
	f := func(isolation sandbox.Isolation, want uint64) {
		t.Helper()
		p := newPool(t, sandbox.Options{Module: module, Limits: generous, Isolation: isolation})
		first := acquire(t, p)
		first.Bind(&exchange{}, nil)
		call(t, first, "put", canary)
		other := acquire(t, p) // at the same time
		other.Bind(&exchange{}, nil)
		if got := call(t, other, "get")[0]; got != 0 {
			t.Errorf("%s: another instance sees %#x", isolation, got)
		}
		if got := call(t, first, "get")[0]; got != canary {
			t.Errorf("%s: the instance itself sees %#x", isolation, got)
		}
		p.Release(other)
		p.Release(first)
		next := acquire(t, p)
		next.Bind(&exchange{}, nil)
		if got := call(t, next, "get")[0]; got != want {
			t.Errorf("%s: the next exchange sees %#x, want %#x", isolation, got, want)
		}
		p.Release(next)
	}
	f(sandbox.PerExchange, 0)
	f(sandbox.PerInstance, canary)
}

func TestInitialisationIsOutside(t *testing.T) {
	e := newEngine(t)
	p := newPool(t, sandbox.Options{Module: compile(t, e, keeper(false)), Limits: generous})
	i := acquire(t, p)
	defer p.Release(i)
	i.Bind(&exchange{}, nil)
	if call(t, i, "was outside")[0] != 1 {
		t.Error("_initialize saw an exchange")
	}
	x := &exchange{}
	i.Bind(x, nil)
	i.Unbind()
	call(t, i, "note", 1)
	if len(x.notes) != 0 {
		t.Error("an exchange is seen after it was unbound")
	}
}

func TestRestored(t *testing.T) {
	e := newEngine(t)
	var w watch
	p := newPool(t, sandbox.Options{Module: compile(t, e, keeper(true)), Limits: generous, Isolation: sandbox.PerInstance, Events: w.events()})
	for n := range 3 {
		i := acquire(t, p)
		i.Bind(&exchange{}, nil)
		if got := call(t, i, "restored")[0]; got != uint64(n) {
			t.Errorf("exchange %d: restored %d times", n, got)
		}
		if n == 2 {
			call(t, i, "break")
		}
		p.Release(i)
	}
	i := acquire(t, p)
	i.Bind(&exchange{}, nil)
	if got := call(t, i, "restored")[0]; got != 0 {
		t.Errorf("an instance that cannot be restored serves on: %d", got)
	}
	p.Release(i)
	w.want(t, map[sandbox.Reason]int{sandbox.Trapped: 1})
}

func TestDiscard(t *testing.T) {
	e := newEngine(t)
	var w watch
	p := newPool(t, sandbox.Options{
		Module: compile(t, e, keeper(false)), Limits: limit.Limits{CPU: 20 * time.Millisecond, Memory: 4 << 20},
		Isolation: sandbox.PerInstance, Events: w.events(),
	})
	f := func(name string, gone sandbox.Reason, n int, args ...uint64) {
		t.Helper()
		i := acquire(t, p)
		i.Bind(&exchange{}, nil)
		_, _ = i.Call(context.Background(), name, args...)
		p.Release(i)
		w.mu.Lock()
		defer w.mu.Unlock()
		if w.gone[gone] != n {
			t.Errorf("after %s %d: %v", name, args, w.gone)
		}
	}
	f("get", sandbox.Trapped, 0)
	f("trap", sandbox.Trapped, 1)
	f("loop", sandbox.Trapped, 2)
	f("grow", sandbox.Grown, 0, 31) // 2 MiB in all: half the limit, not above it
	f("grow", sandbox.Grown, 1, 1)
	wantStats(t, p, 0, 0, 0)
}

func TestPoolIsBounded(t *testing.T) {
	e := newEngine(t)
	module := compile(t, e, keeper(false))
	synctest.Test(t, func(t *testing.T) {
		p, err := sandbox.NewPool(sandbox.Options{Module: module, Limits: generous, Most: 2, Wait: 3 * time.Second})
		if err != nil {
			t.Fatal(err)
		}
		one, two := acquire(t, p), acquire(t, p)
		begin := time.Now()
		_, err = p.Acquire(t.Context())
		if !errors.Is(err, sandbox.ErrNoInstance) || time.Since(begin) != 3*time.Second {
			t.Errorf("the third: %v after %s", err, time.Since(begin))
		}
		if got, want := err.Error(), "sandbox: no instance in time: all 2 are in use, waited 3s"; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		begin = time.Now()
		if _, err := p.Acquire(ctx); !errors.Is(err, sandbox.ErrNoInstance) || !errors.Is(err, context.DeadlineExceeded) || time.Since(begin) != time.Second {
			t.Errorf("with a context: %v after %s", err, time.Since(begin))
		}
		wantStats(t, p, 2, 0, 0)

		// Who waits is served in order.
		var order []int
		var mu sync.Mutex
		var wg sync.WaitGroup
		for n := range 4 {
			wg.Go(func() {
				i := acquire(t, p)
				mu.Lock()
				order = append(order, n)
				mu.Unlock()
				time.Sleep(time.Millisecond)
				p.Release(i)
			})
			synctest.Wait()
		}
		wantStats(t, p, 2, 0, 4)
		p.Release(one)
		wg.Wait()
		if !slices.IsSorted(order) {
			t.Errorf("served in the order %v", order)
		}

		// Close sends away who waits, and closes the rest as it comes back.
		_ = acquire(t, p)
		done := make(chan error)
		go func() { _, err := p.Acquire(t.Context()); done <- err }()
		synctest.Wait()
		p.Close()
		if err := <-done; !errors.Is(err, sandbox.ErrClosed) {
			t.Errorf("who waited got %v", err)
		}
		if _, err := p.Acquire(t.Context()); !errors.Is(err, sandbox.ErrClosed) {
			t.Errorf("after Close: %v", err)
		}
		p.Release(two)
		wantStats(t, p, 1, 0, 0)
	})
}

func TestReadyAndTrim(t *testing.T) {
	e := newEngine(t)
	module := compile(t, e, keeper(false))
	synctest.Test(t, func(t *testing.T) {
		var w watch
		p, err := sandbox.NewPool(sandbox.Options{
			Module: module, Limits: generous, Ready: 2, Idle: time.Minute, Isolation: sandbox.PerInstance, Events: w.events(),
		})
		if err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		wantStats(t, p, 2, 2, 0)
		var used []*sandbox.Instance
		for range 5 {
			used = append(used, acquire(t, p))
			synctest.Wait()
		}
		wantStats(t, p, 7, 2, 0) // two more were made in advance
		for n, i := range used {
			time.Sleep(time.Second)
			i.Bind(&exchange{}, nil)
			p.Release(i)
			wantStats(t, p, 7, 3+n, 0)
		}
		time.Sleep(56*time.Second + time.Second/2)
		synctest.Wait()
		wantStats(t, p, 4, 4, 0) // the two that were ready and the first that came back are a minute old
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		wantStats(t, p, 2, 2, 0)
		w.want(t, map[sandbox.Reason]int{sandbox.Unused: 5})
		p.Close()
		w.want(t, map[sandbox.Reason]int{sandbox.Unused: 5, sandbox.Shutdown: 2})
		wantStats(t, p, 0, 0, 0)
	})
}

// TestReadyServes: under isolation "request" an exchange takes an instance that waits for it, which is as new.
func TestReadyServes(t *testing.T) {
	e := newEngine(t)
	module := compile(t, e, keeper(false))
	synctest.Test(t, func(t *testing.T) {
		p, err := sandbox.NewPool(sandbox.Options{Module: module, Limits: generous, Ready: 1})
		if err != nil {
			t.Fatal(err)
		}
		defer p.Close()
		for n := range 3 {
			synctest.Wait()
			wantStats(t, p, min(n+1, 2), min(n+1, 2), 0) // while the first is in use, another one is made
			i := acquire(t, p)
			i.Bind(&exchange{}, nil)
			if got := call(t, i, "get")[0]; got != 0 {
				t.Errorf("exchange %d sees %#x", n, got)
			}
			call(t, i, "put", 9)
			p.Release(i)
		}
	})
}

// TestHammerPool has many goroutines take, use, break and give back instances of both isolations, of a pool that is too
// small for them.
func TestHammerPool(t *testing.T) {
	e := newEngine(t)
	module := compile(t, e, keeper(true))
	turns := sandbox.NewTurns(1)
	for _, isolation := range []sandbox.Isolation{sandbox.PerExchange, sandbox.PerInstance} {
		var made, gone atomic.Int64
		p := newPool(t, sandbox.Options{
			Module: module, Isolation: isolation, Most: 3, Ready: 1, Wait: 5 * time.Second, Idle: time.Millisecond, Turns: turns,
			Limits: limit.Limits{CPU: time.Millisecond, Wall: 5 * time.Second},
			Events: sandbox.Events{
				Made: func(_ time.Duration, err error) {
					if err == nil {
						made.Add(1)
					}
				},
				Gone: func(sandbox.Reason) { gone.Add(1) },
			},
		})
		var wg sync.WaitGroup
		until := time.Now().Add(100 * time.Millisecond)
		for g := range 8 {
			wg.Go(func() {
				r := rand.New(rand.NewPCG(1, uint64(g)))
				for n := 0; time.Now().Before(until); n++ {
					ctx, cancel := context.WithCancel(context.Background())
					if r.IntN(8) == 0 {
						cancel()
					}
					i, err := p.Acquire(ctx)
					if err != nil {
						if !errors.Is(err, context.Canceled) && !errors.Is(err, sandbox.ErrNoInstance) {
							var spent *limit.Exceeded
							if !errors.As(err, &spent) { // a slow machine may spend 1 ms on initialising
								t.Error(err)
							}
						}
						cancel()
						continue
					}
					i.Bind(&exchange{}, nil)
					want := uint64(r.Uint32())
					_, err1 := i.Call(context.Background(), "put", want)
					got, err2 := i.Call(context.Background(), "get")
					if err1 == nil && err2 == nil && got[0] != want {
						t.Errorf("an instance was shared: %#x, want %#x", got[0], want)
					}
					switch r.IntN(8) {
					case 0:
						_, _ = i.Call(context.Background(), "trap")
					case 1:
						_, _ = i.Call(ctx, "loop")
					case 2:
						_, _ = i.Call(context.Background(), "grow", 1)
					}
					p.Release(i)
					cancel()
					_ = p.Stats()
				}
			})
		}
		wg.Wait()
		p.Close()
		if s := p.Stats(); s.Live != 0 || s.Idle != 0 || s.Queued != 0 || made.Load() != gone.Load() {
			t.Errorf("%s: at the end %+v, made %d, closed %d", isolation, s, made.Load(), gone.Load())
		}
	}
}
