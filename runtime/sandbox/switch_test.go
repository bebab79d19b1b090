package sandbox_test

import (
	"context"
	"testing"
	"time"

	. "github.com/wedgecdn/wedge/runtime/engine/enginetest"
	"github.com/wedgecdn/wedge/runtime/hostcall"
	"github.com/wedgecdn/wedge/runtime/limit"
	"github.com/wedgecdn/wedge/runtime/sandbox"
)

// A call that goes on with another budget is booked on it from there on, and has its limits, its deadline and its context.
func TestSwitch(t *testing.T) {
	m := &Module{}
	do := m.Import("test", "do", "", "")
	spin := Code(I32(10_000), Set(0), Op(0x03, 0x40), Get(0), I32(1), Op(0x6b), Op(0x22, 0), Op(0x0d, 0), Op(0x0b))
	m.Func("f", "", "", "i", Code(spin, Call(do), spin, Call(do), spin, Call(do))...)
	m.Func("endless", "", "", "", Code(Call(do), Op(0x03, 0x40, 0x0c, 0, 0x0b))...)
	p := newPool(t, sandbox.Options{Module: compile(t, newEngine(t), m.Bytes())})
	run := func(export string, budgets ...*limit.Budget) (err error) {
		t.Helper()
		i, err := p.Acquire(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		defer p.Release(i)
		var contexts []context.Context
		e := &exchange{}
		e.do = func(c *hostcall.Call) {
			contexts = append(contexts, c.Context())
			if n := len(contexts); n < len(budgets) {
				i.Switch(budgets[n])
				if contexts[n-1].Err() == nil {
					t.Error("the context lives longer than its budget is bound")
				}
			} else if c.Context().Err() != nil {
				t.Error("a context has ended before its time")
			}
		}
		i.Bind(e, budgets[0])
		_, err = i.Call(context.Background(), export)
		return err
	}
	one := limit.New(limit.Limits{})
	if err := run("f", one); err != nil {
		t.Fatal(err)
	}
	third := one.Used().Fuel / 3
	budgets := []*limit.Budget{limit.New(limit.Limits{Fuel: 2 * third}), limit.New(limit.Limits{Fuel: 2 * third, Wall: time.Minute}), limit.New(limit.Limits{Fuel: 2 * third, HostCalls: 1})}
	if err := run("f", budgets...); err != nil {
		t.Error(err)
	}
	for n, b := range budgets {
		if u := b.Used(); u.Fuel < third-100 || u.Fuel > third+100 || u.HostCalls != 1 || u.Wall <= 0 || u.Memory != 0 {
			t.Errorf("budget %d: %+v, a third is %d", n, u, third)
		}
	}
	err := run("endless", limit.New(limit.Limits{Fuel: 1e12, Wall: time.Hour}), limit.New(limit.Limits{CPU: 5 * time.Millisecond}))
	if trap, ok := err.(*sandbox.Trap); !ok || trap.Kind != sandbox.Budget {
		t.Errorf("without end: %v", err)
	}
	err = run("endless", limit.New(limit.Limits{}), limit.New(limit.Limits{Wall: 5 * time.Millisecond}))
	if trap, ok := err.(*sandbox.Trap); !ok || trap.Kind != sandbox.Budget {
		t.Errorf("without end: %v", err)
	}
}
