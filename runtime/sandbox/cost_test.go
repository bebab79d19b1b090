package sandbox_test

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	. "github.com/wedgecdn/wedge/runtime/engine/enginetest"
	"github.com/wedgecdn/wedge/runtime/limit"
	"github.com/wedgecdn/wedge/runtime/sandbox"
	"github.com/wedgecdn/wedge/runtime/wasi"
)

func small() []byte {
	var m Module
	nothing := m.Import("test", "nothing", "", "")
	m.Memory(1, 0)
	m.Func("empty", "", "", "")
	m.Func("add", "ii", "i", "", Code(Get(0), Get(1), Add32)...)
	m.Func("host", "", "", "", Call(nothing)...)
	m.Func("spin", "i", "", "", Code(Op(0x03, 0x40), Get(0), I32(1), Op(0x6b), Op(0x22, 0), Op(0x0d, 0), Op(0x0b))...)
	return m.Bytes()
}

func TestCallDoesNotAllocate(t *testing.T) {
	e := newEngine(t)
	p := newPool(t, sandbox.Options{Module: compile(t, e, small()), Limits: generous, Isolation: sandbox.PerInstance, Turns: sandbox.NewTurns(1)})
	ctx := context.Background()
	x := &exchange{}
	var b limit.Budget
	f := func(name string, args ...uint64) {
		t.Helper()
		if n := testing.AllocsPerRun(100, func() {
			i, err := p.Acquire(ctx)
			if err != nil {
				t.Fatal(err)
			}
			b.Reset(generous)
			i.Bind(x, &b)
			if _, err := i.Call(ctx, name, args...); err != nil {
				t.Fatal(err)
			}
			p.Release(i)
		}); n != 0 {
			t.Errorf("%s: %v allocations in taking, binding, calling and giving back an instance", name, n)
		}
	}
	f("empty")
	f("add", 1, 2)
	f("host")
	f("spin", 1_000_000) // with ticks
}

// Processor time is not wall time: one that waits for a processor or sleeps has spent none.
func TestTwoSpinnersShareOneTurn(t *testing.T) {
	e := newEngine(t)
	turns := sandbox.NewTurns(1)
	p := newPool(t, sandbox.Options{Module: compile(t, e, small()), Limits: generous, Turns: turns})
	type result struct {
		used limit.Used
		end  time.Time
	}
	together := func() (one, two result) {
		results := make(chan result, 2)
		run := func() {
			i, err := p.Acquire(context.Background())
			if err != nil {
				t.Error(err)
				results <- result{}
				return
			}
			b := limit.New(limit.Limits{})
			i.Bind(nil, b)
			if _, err := i.Call(context.Background(), "spin", 30_000_000); err != nil {
				t.Error(err)
			}
			p.Release(i)
			results <- result{b.Used(), time.Now()}
		}
		go run()
		go run()
		return <-results, <-results
	}
	// They took turns: each waited for about half of its time, and none waited for the whole of the other. On a busy machine
	// the second may begin when the first has ended, so it is enough that they do so in one of some attempts.
	for attempt := 0; ; attempt++ {
		one, two := together()
		if one.used.Fuel != two.used.Fuel {
			t.Errorf("the same work cost %d and %d fuel", one.used.Fuel, two.used.Fuel)
		}
		most := 0.0
		for _, r := range []result{one, two} {
			most = max(most, float64(r.used.CPU)/float64(r.used.Wall))
		}
		if most <= 0.9 {
			return
		}
		if t.Failed() || attempt == 9 {
			t.Fatalf("with one turn for two, one had the processor for %.0f%% of its time", most*100)
		}
	}
}

func BenchmarkCall(b *testing.B) {
	e := newEngine(b)
	p := newPool(b, sandbox.Options{Module: compile(b, e, small()), Limits: generous, Isolation: sandbox.PerInstance})
	ctx := context.Background()
	f := func(name string, args ...uint64) {
		b.Run(name, func(b *testing.B) {
			i := acquire(b, p)
			defer p.Release(i)
			var budget limit.Budget
			b.ReportAllocs()
			for b.Loop() {
				budget.Reset(limit.Limits{})
				i.Bind(nil, &budget)
				if _, err := i.Call(ctx, name, args...); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	f("empty")
	f("add", 1, 2)
	f("host")
	f("spin", 1_000_000)
}

func BenchmarkPooled(b *testing.B) {
	e := newEngine(b)
	p := newPool(b, sandbox.Options{Module: compile(b, e, small()), Limits: generous, Isolation: sandbox.PerInstance})
	benchmarkExchange(b, p, "empty")
}

func BenchmarkFresh(b *testing.B) {
	e := newEngine(b)
	f := func(name string, module []byte) {
		b.Run(name, func(b *testing.B) {
			p := newPool(b, sandbox.Options{Module: compile(b, e, module), Limits: generous, Outside: func() any { return &exchange{s: &wasi.State{Args: []string{"guest"}}} }})
			benchmarkExchange(b, p, "empty")
		})
	}
	f("hand-made 64 KiB", small())
	f("go", Go(b, goGuest))
}

func benchmarkExchange(b *testing.B, p *sandbox.Pool, name string) {
	ctx := context.Background()
	var budget limit.Budget
	b.ReportAllocs()
	for b.Loop() {
		i, err := p.Acquire(ctx)
		if err != nil {
			b.Fatal(err)
		}
		budget.Reset(generous)
		i.Bind(nil, &budget)
		if _, err := i.Call(ctx, name); err != nil {
			b.Fatal(err)
		}
		p.Release(i)
	}
}

// BenchmarkNeighbour is a short call every millisecond beside guests that spin for ever.
func BenchmarkNeighbour(b *testing.B) {
	e := newEngine(b)
	module := compile(b, e, hostile())
	f := func(name string, spinners int, turns *sandbox.Turns) {
		b.Run(name, func(b *testing.B) {
			p := newPool(b, sandbox.Options{Module: module, Turns: turns, Isolation: sandbox.PerInstance})
			ctx, cancel := context.WithCancel(context.Background())
			var wg sync.WaitGroup
			for range spinners {
				wg.Go(func() {
					i, err := p.Acquire(context.Background())
					if err != nil {
						b.Error(err)
						return
					}
					i.Bind(nil, limit.New(limit.Limits{}))
					_, _ = i.Call(ctx, "loop")
					p.Release(i)
				})
			}
			i := acquire(b, p)
			var took []time.Duration
			tick := time.NewTicker(time.Millisecond)
			defer tick.Stop()
			for b.Loop() {
				due := <-tick.C
				i.Bind(nil, limit.New(limit.Limits{}))
				if _, err := i.Call(ctx, "fine"); err != nil {
					b.Fatal(err)
				}
				took = append(took, time.Since(due))
			}
			cancel()
			wg.Wait()
			p.Release(i)
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)/2].Microseconds()), "µs-p50")
			b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), "µs-p99")
		})
	}
	f("quiet", 0, nil)
	f("2 without turns", 2, nil)
	f("2", 2, sandbox.NewTurns(0))
	f("32 without turns", 32, nil)
	f("32", 32, sandbox.NewTurns(0))
}
