package sandbox_test

import (
	"context"
	"errors"
	"testing"

	. "github.com/wedgecdn/wedge/runtime/engine/enginetest"
	"github.com/wedgecdn/wedge/runtime/limit"
	"github.com/wedgecdn/wedge/runtime/sandbox"
)

// What host functions charge is booked in full, and once, whether or not fuel is limited, which has it taken off the counter at
// once: in whatever order charges, ends of slices and ends of calls come. A limit is met exactly.
func TestHostFunctionsCharge(t *testing.T) {
	e := newEngine(t)
	var m Module
	pay := m.Import("test", "pay", "i", "")
	m.Memory(1, 0)
	// for n > 0 { n--; pay(units) }
	m.Func("pays", "ii", "", "", Code(Op(0x02, 0x40, 0x03, 0x40), Get(0), Op(0x45, 0x0d, 1),
		Get(0), I32(1), Op(0x6b), Set(0), Get(1), Call(pay), Op(0x0c, 0, 0x0b, 0x0b))...)
	m.Func("traps", "i", "", "", Code(Get(0), Call(pay), Op(0x00))...)
	module := compile(t, e, m.Bytes())
	used := func(fuel, slice int64, name string, args ...uint64) (int64, error) {
		p := newPool(t, sandbox.Options{Module: module, Limits: generous, Slice: slice})
		i := acquire(t, p)
		defer p.Release(i)
		limits := generous
		limits.Fuel = fuel
		b := limit.New(limits)
		i.Bind(nil, b)
		_, err := i.Call(context.Background(), name, args...)
		return b.Used().Fuel, err
	}
	f := func(name string, args ...uint64) {
		t.Helper()
		want, _ := used(1<<50, 0, name, args...)
		for _, slice := range []int64{0, 1, 37, 5000} {
			if got, _ := used(0, slice, name, args...); got != want {
				t.Errorf("%s%v, slices of %d: %d units, and %d where fuel is limited", name, args, slice, got, want)
			}
		}
		if _, err := used(want-1, 0, name, args...); !errors.As(err, new(*limit.Exceeded)) {
			t.Errorf("%s%v: with a unit less it ends with %v", name, args, err)
		}
		if got, err := used(want, 0, name, args...); errors.As(err, new(*limit.Exceeded)) {
			t.Errorf("%s%v: %d units are not enough: %v, %d are used", name, args, want, err, got)
		}
	}
	f("pays", 1, 1)
	f("pays", 1, 999)
	f("pays", 1, 1000)
	f("pays", 1, 1001)
	f("pays", 3, 400)
	f("pays", 2000, 7)
	f("pays", 100, 100_000)
	f("pays", 1, 1<<31)
	f("traps", 10)
	f("traps", 5000)
}
