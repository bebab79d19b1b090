package sandbox_test

import (
	"context"
	"os"
	"runtime"
	"runtime/metrics"
	"slices"
	"testing"
	"time"

	"github.com/wedgecdn/wedge/runtime/limit"
	"github.com/wedgecdn/wedge/runtime/sandbox"
)

// stopping is Go's own histogram of how long it took to stop all goroutines, not counting what it stopped them for.
func stopping() *metrics.Float64Histogram {
	s := []metrics.Sample{{Name: "/sched/pauses/stopping/other:seconds"}}
	metrics.Read(s)
	h := s[0].Value.Float64Histogram()
	return &metrics.Float64Histogram{Counts: slices.Clone(h.Counts), Buckets: h.Buckets}
}

// quantile of what was added between two looks; the upper end of its bucket.
func quantile(before, after *metrics.Float64Histogram, q float64) time.Duration {
	var all, sum uint64
	for i := range after.Counts {
		all += after.Counts[i] - before.Counts[i]
	}
	for i := range after.Counts {
		if sum += after.Counts[i] - before.Counts[i]; float64(sum) >= q*float64(all) {
			return time.Duration(after.Buckets[i+1] * 1e9)
		}
	}
	return -1
}

// stopBeside stops the world n times while spin runs, and returns the half and the 99th of a hundred.
func stopBeside(n int, spin func(ctx context.Context)) (half, late time.Duration) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); spin(ctx) }()
	tick := time.NewTicker(100 * time.Microsecond)
	defer tick.Stop()
	before := stopping()
	for range n {
		var stats runtime.MemStats
		runtime.ReadMemStats(&stats) // stops the world
		<-tick.C
	}
	after := stopping()
	cancel()
	<-done
	return quantile(before, after, 0.5), quantile(before, after, 0.99)
}

// spinners are a guest in a plain loop, one that fills 32 MiB again and again, and plain Go, which the runtime can
// interrupt where it likes.
func spinners(t testing.TB) map[string]func(ctx context.Context) {
	module := compile(t, newEngine(t), hostile())
	p := newPool(t, sandbox.Options{Module: module})
	guest := func(name string) func(ctx context.Context) {
		return func(ctx context.Context) {
			i, err := p.Acquire(context.Background())
			if err != nil {
				t.Error(err)
				return
			}
			i.Bind(nil, limit.New(limit.Limits{Wall: time.Minute}))
			_, _ = i.Call(ctx, name)
			p.Release(i)
		}
	}
	return map[string]func(ctx context.Context){
		"loop": guest("loop"), "fill": guest("fill"),
		"go": func(ctx context.Context) {
			for n := 0; ctx.Err() == nil; n++ {
				for m := range 100_000 {
					n += m
				}
			}
		},
	}
}

// A spinning guest does not hold up the garbage collector. Without slices, each stop would take until the end of the
// guest, which is a minute. The machine's other work is in the figures, so the short form looks at the half, generously.
// The long form compares the 99th of a hundred with that beside plain Go, in rounds of all in turn.
func TestStopTheWorldIsShort(t *testing.T) {
	rounds, stops := 1, 200
	if os.Getenv("WEDGE_PROOF") != "" {
		rounds, stops = 9, 1000
	}
	all := spinners(t)
	halves, lates := map[string][]time.Duration{}, map[string][]time.Duration{}
	for range rounds {
		for name, spin := range all {
			half, late := stopBeside(stops, spin)
			halves[name], lates[name] = append(halves[name], half), append(lates[name], late)
		}
	}
	median := func(d []time.Duration) time.Duration { slices.Sort(d); return d[len(d)/2] }
	plain := median(lates["go"])
	for name := range all {
		half, late := median(halves[name]), median(lates[name])
		t.Logf("%s: half of the stops within %s, 99 of 100 within %s", name, half, late)
		if half > 50*time.Millisecond {
			t.Errorf("beside %s half of the stops take %s and longer", name, half)
		}
		if rounds > 1 && late > plain+500*time.Microsecond {
			t.Errorf("beside %s one of 100 stops takes longer than %s, beside plain Go %s", name, late, plain)
		}
	}
}

func BenchmarkStopTheWorld(b *testing.B) {
	for name, spin := range spinners(b) {
		b.Run(name, func(b *testing.B) {
			half, late := stopBeside(b.N, spin)
			b.ReportMetric(float64(half.Microseconds()), "µs-p50")
			b.ReportMetric(float64(late.Microseconds()), "µs-p99")
		})
	}
}
