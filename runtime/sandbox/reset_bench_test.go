package sandbox_test

import (
	"context"
	"testing"

	. "github.com/wedgecdn/wedge/runtime/engine/enginetest"
	"github.com/wedgecdn/wedge/runtime/limit"
	"github.com/wedgecdn/wedge/runtime/sandbox"
	"github.com/wedgecdn/wedge/runtime/wasi"
)

// toucher is a guest with that much memory, all of it written to when it was initialised. touch writes to n pages of it.
func toucher(wasmPages uint32) []byte {
	var m Module
	m.Memory(wasmPages, 0)
	size := int32(wasmPages << 16)
	m.Func("_initialize", "", "", "", Code(I32(0), I32(7), I32(size), Fill)...)
	m.Func("empty", "", "", "")
	// for n > 0 { n--; memory[n<<12] = n }
	m.Func("touch", "i", "", "", Code(Op(0x02, 0x40, 0x03, 0x40), Get(0), Op(0x45, 0x0d, 1),
		Get(0), I32(1), Op(0x6b), Set(0), Get(0), I32(12), Op(0x74), Get(0), Store32, Op(0x0c, 0, 0x0b, 0x0b))...)
	m.Func("grow", "i", "i", "", Code(Get(0), Grow)...)
	return m.Bytes()
}

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
	for b.Loop() {
		once()
	}
}
