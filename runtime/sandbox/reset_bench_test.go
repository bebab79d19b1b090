package sandbox_test

import (
	"context"
	"runtime"
	"testing"

	. "github.com/wedgecdn/wedge/runtime/engine/enginetest"
	"github.com/wedgecdn/wedge/runtime/limit"
	"github.com/wedgecdn/wedge/runtime/sandbox"
	"github.com/wedgecdn/wedge/runtime/wasi"
)

func BenchmarkReset(b *testing.B) {
	e := newEngine(b)
	outside := func() any { return &exchange{s: &wasi.State{Args: []string{"guest"}}} }
	f := func(name string, module []byte, export string, args ...uint64) {
		m := compile(b, e, module)
		run := func(way string, o sandbox.Options) {
			b.Run(name+"/"+way, func(b *testing.B) {
				o.Module, o.Limits, o.Outside = m, generous, outside
				benchmarkCalls(b, newPool(b, o), export, args...)
			})
		}
		run("fresh", sandbox.Options{Fresh: true})
		for _, way := range sandbox.Ways() {
			run(string(way), sandbox.Options{Reset: way})
		}
		run("measured", sandbox.Options{})
		run("instance", sandbox.Options{Isolation: sandbox.PerInstance})
	}
	f("64KiB", toucher(1), "touch", 4)
	f("256KiB", toucher(4), "touch", 16)
	f("4MiB", toucher(64), "touch", 32)
	f("32MiB", toucher(512), "touch", 32)
	f("grows", toucher(4), "grow", 2)
	f("go", Go(b, goGuest), "empty")
	f("go/work", Go(b, goGuest), "work", 20)
}

func benchmarkCalls(b *testing.B, p *sandbox.Pool, name string, args ...uint64) {
	ctx := context.Background()
	var budget limit.Budget
	x := &exchange{s: &wasi.State{}}
	once := func() {
		i, err := p.Acquire(ctx)
		if err != nil {
			b.Fatal(err)
		}
		budget.Reset(generous)
		i.Bind(x, &budget)
		if _, err := i.Call(ctx, name, args...); err != nil {
			b.Fatal(err)
		}
		p.Release(i)
	}
	once()
	b.ReportAllocs()
	// Processor time of this thread, system calls and page faults included: the wall is the neighbours' as well.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	begin := sandbox.ThreadTime()
	for b.Loop() {
		once()
	}
	b.ReportMetric(float64(sandbox.ThreadTime()-begin)/float64(b.N), "cpu-ns/op")
}
