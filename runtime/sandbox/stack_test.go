package sandbox_test

import (
	"context"
	"errors"
	"runtime"
	"testing"

	. "github.com/wedgecdn/wedge/runtime/engine/enginetest"
	"github.com/wedgecdn/wedge/runtime/limit"
	"github.com/wedgecdn/wedge/runtime/sandbox"
)

// diver is a guest that calls itself n times.
func diver() []byte {
	var m Module
	m.Func("dive", "i", "i", "", Code(Get(0), Op(0x04, 0x7f), Get(0), I32(1), Op(0x6b), Call(0), I32(1), Add32, Op(0x05), I32(0), Op(0x0b))...)
	return m.Bytes()
}

// A deep recursion that ends leaves no deep call stack with the instance.
func TestCallStackIsNotKept(t *testing.T) {
	e := newEngine(t)
	for _, isolation := range []sandbox.Isolation{sandbox.PerExchange, sandbox.PerInstance} {
		p := newPool(t, sandbox.Options{Module: compile(t, e, diver()), Limits: generous, Isolation: isolation})
		heap := func() int {
			runtime.GC()
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			return int(m.HeapAlloc)
		}
		const n = 20
		var all []*sandbox.Instance
		for range n {
			i := acquire(t, p)
			i.Bind(nil, nil)
			call(t, i, "dive", 1)
			all = append(all, i)
		}
		before := heap()
		for _, i := range all {
			if got := uint32(call(t, i, "dive", 10_000)[0]); got != 10_000 { // 640 KB and more
				t.Errorf("dived %d deep", got)
			}
			p.Release(i)
		}
		if each := (heap() - before) / n; each > 200<<10 {
			t.Errorf("%s: an instance that recursed keeps %d bytes more", isolation, each)
		}
	}
}

// A recursion without end is ended when its stack is deep, and not when it has become the engine's deepest.
func TestDeepStack(t *testing.T) {
	e := newEngine(t)
	p := newPool(t, sandbox.Options{Module: compile(t, e, diver()), Limits: generous})
	i := acquire(t, p)
	b := limit.New(generous)
	i.Bind(nil, b)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err := i.Call(context.Background(), "dive", 1<<31)
	runtime.ReadMemStats(&after)
	var trap *sandbox.Trap
	if !errors.As(err, &trap) || trap.Kind != sandbox.StackOverflow || trap.Message != "stack overflow" {
		t.Errorf("ended with %v", err)
	}
	if n := after.TotalAlloc - before.TotalAlloc; n > 64<<20 { // the engine's own limit takes 800 MB
		t.Errorf("allocated %d bytes", n)
	}
	t.Logf("%s of processor time, longest stretch %s, %d bytes", b.Used().CPU, p.Stats().LongestStretch, after.TotalAlloc-before.TotalAlloc)
	p.Release(i)
}

// A pool knows the largest call stack that a call of it had.
func TestDeepestStack(t *testing.T) {
	p := newPool(t, sandbox.Options{Module: compile(t, newEngine(t), diver()), Limits: generous})
	f := func(depth uint64, least, most int64) {
		t.Helper()
		i := acquire(t, p)
		i.Bind(nil, nil)
		call(t, i, "dive", depth)
		p.Release(i)
		if got := p.Stats().DeepestStack; got < least || got > most {
			t.Errorf("%d deep: %d bytes of call stack, want %d to %d", depth, got, least, most)
		}
	}
	f(1, 10<<10, 20<<10)
	f(10_000, 640_000, 4<<20)
	f(1, 640_000, 4<<20)
}
