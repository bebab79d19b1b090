package sandbox_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/wedgecdn/wedge/runtime/engine"
	. "github.com/wedgecdn/wedge/runtime/engine/enginetest"
	"github.com/wedgecdn/wedge/runtime/hostcall"
	"github.com/wedgecdn/wedge/runtime/limit"
	"github.com/wedgecdn/wedge/runtime/sandbox"
	"github.com/wedgecdn/wedge/runtime/wasi"
)

// exchange is what the tests bind.
type exchange struct {
	s     *wasi.State
	notes []uint32
	again func()               // what the host function "again" does
	do    func(*hostcall.Call) // what the host functions "do" and "do waiting" do
}

func (e *exchange) WASI() *wasi.State { return e.s }

// hostFuncs are the functions of the tests' own ABI.
func hostFuncs() []hostcall.Func {
	i32 := []hostcall.ValueType{hostcall.I32}
	return append(wasi.Funcs(),
		hostcall.Func{Module: "test", Name: "note", Params: i32, Body: func(c *hostcall.Call, p []uint64) {
			if e, ok := c.State().(*exchange); ok {
				e.notes = append(e.notes, uint32(p[0]))
			}
		}},
		hostcall.Func{Module: "test", Name: "nothing", Body: func(*hostcall.Call, []uint64) {}},
		hostcall.Func{Module: "test", Name: "pay", Params: i32, Body: func(c *hostcall.Call, p []uint64) { c.Charge(int64(uint32(p[0]))) }},
		hostcall.Func{Module: "test", Name: "bug", Body: func(*hostcall.Call, []uint64) {
			var list []int
			_ = list[len(list)]
		}},
		hostcall.Func{Module: "test", Name: "refuse", Body: func(c *hostcall.Call, _ []uint64) { c.Trap(errRefused) }},
		hostcall.Func{Module: "test", Name: "wait", Waits: true, Body: func(c *hostcall.Call, _ []uint64) { <-c.Context().Done() }},
		hostcall.Func{Module: "test", Name: "again", Waits: true, Body: func(c *hostcall.Call, _ []uint64) { c.State().(*exchange).again() }},
		hostcall.Func{Module: "test", Name: "do", Body: func(c *hostcall.Call, _ []uint64) { c.State().(*exchange).do(c) }},
		hostcall.Func{Module: "test", Name: "do waiting", Waits: true, Body: func(c *hostcall.Call, _ []uint64) { c.State().(*exchange).do(c) }},
		hostcall.Func{Module: "test", Name: "outside", Results: i32, Body: func(c *hostcall.Call, p []uint64) {
			p[0] = 0
			if c.State() == nil {
				p[0] = 1
			}
		}},
	)
}

type refusedError struct{}

func (refusedError) Error() string { return "the host refuses" }

var errRefused = refusedError{}

func newEngine(t testing.TB) *engine.Engine { return newEngineWith(t, engine.Options{}) }

func newEngineWith(t testing.TB, o engine.Options) *engine.Engine {
	t.Helper()
	o.Host = hostFuncs()
	e, err := engine.New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	return e
}

func compile(t testing.TB, e *engine.Engine, module []byte) *engine.Module {
	t.Helper()
	m, err := e.Compile(context.Background(), module)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Close)
	return m
}

func newPool(t testing.TB, o sandbox.Options) *sandbox.Pool {
	t.Helper()
	p, err := sandbox.NewPool(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p
}

func acquire(t testing.TB, p *sandbox.Pool) *sandbox.Instance {
	t.Helper()
	i, err := p.Acquire(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return i
}

func call(t testing.TB, i *sandbox.Instance, name string, args ...uint64) []uint64 {
	t.Helper()
	r, err := i.Call(context.Background(), name, args...)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return r
}

// generous is for tests that are not about limits.
var generous = limit.Limits{CPU: 5 * time.Second, Wall: 20 * time.Second, Memory: 64 << 20}

func TestCall(t *testing.T) {
	e := newEngine(t)
	var m Module
	note := m.Import("test", "note", "i", "")
	m.Func("add", "ii", "i", "", Code(Get(0), Get(1), Add32)...)
	m.Func("note", "i", "", "", Code(Get(0), Call(note))...)
	p := newPool(t, sandbox.Options{Module: compile(t, e, m.Bytes()), Limits: generous})
	i := acquire(t, p)
	defer p.Release(i)
	x := &exchange{}
	b := limit.New(generous)
	i.Bind(x, b)
	if r := call(t, i, "add", 2, 3); len(r) != 1 || r[0] != 5 {
		t.Errorf("2 + 3 = %v", r)
	}
	used := b.Used()
	call(t, i, "note", 7)
	if len(x.notes) != 1 || x.notes[0] != 7 {
		t.Errorf("the host saw %v", x.notes)
	}
	after := b.Used()
	if used.Fuel <= 0 || after.Fuel <= used.Fuel || after.HostCalls != 1 || after.Wall <= 0 || after.CPU <= 0 || after.CPU > after.Wall {
		t.Errorf("used %+v and then %+v", used, after)
	}
	if _, err := i.Call(context.Background(), "sub"); err == nil || err.Error() != `sandbox: no such export: "sub"` {
		t.Errorf("an unknown export: %v", err)
	}
	if _, err := i.Call(context.Background(), "add", 1); err == nil {
		t.Error("a missing parameter was not noticed")
	}
}

// A host function may call into the guest again: foreign ABIs ask the guest for memory that way.
func TestCallWithinCall(t *testing.T) {
	var m Module
	again := m.Import("test", "again", "", "")
	m.Memory(1, 0)
	m.Func("outer", "i", "i", "", Code(Call(again), Get(0))...)
	m.Func("inner", "i", "i", "", Code(Get(0), Grow, Drop, Get(0), I32(1), Add32)...)
	m.Func("trap", "", "", "", Unreachable...)
	m.Func("loop", "", "", "", Forever()...)
	p := newPool(t, sandbox.Options{Module: compile(t, newEngine(t), m.Bytes()), Limits: generous})
	ctx := context.Background()
	f := func(inner string, args []uint64, l limit.Limits) (outerErr, innerErr error) {
		t.Helper()
		i := acquire(t, p)
		defer p.Release(i)
		x := &exchange{}
		x.again = func() {
			var r []uint64
			if r, innerErr = i.Call(ctx, inner, args...); innerErr == nil && r[0] != args[0]+1 {
				t.Errorf("the inner call answered %v", r)
			}
		}
		i.Bind(x, limit.New(l))
		r, outerErr := i.Call(ctx, "outer", 41)
		if outerErr == nil && r[0] != 41 {
			t.Errorf("the outer call answered %v", r)
		}
		if i.Dead() != (innerErr != nil && inner != "outer") {
			t.Errorf("after %s the instance is dead: %v", inner, i.Dead())
		}
		return outerErr, innerErr
	}
	if outer, inner := f("inner", []uint64{1}, limit.Limits{}); outer != nil || inner != nil {
		t.Errorf("%v, %v", outer, inner)
	}
	if outer, inner := f("outer", []uint64{1}, limit.Limits{}); outer != nil || inner == nil || inner.Error() != `sandbox: export "outer" is running` {
		t.Errorf("%v, %v", outer, inner)
	}
	if outer, inner := f("trap", nil, limit.Limits{}); outer != nil || inner == nil {
		t.Errorf("%v, %v", outer, inner)
	}
	var spent *limit.Exceeded
	if outer, inner := f("loop", nil, limit.Limits{Fuel: 100_000}); !errors.As(outer, &spent) || !errors.As(inner, &spent) {
		t.Errorf("a budget spent inside ends both calls: %v, %v", outer, inner)
	}
}
