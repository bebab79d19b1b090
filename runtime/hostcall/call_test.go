package hostcall_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/wedgecdn/wedge/runtime/hostcall"
	"github.com/wedgecdn/wedge/runtime/hostcall/hostcalltest"
)

// journal writes down what the choke point tells a host.
type journal struct {
	hostcalltest.Guest
	log []string
}

func (j *journal) Enter(f *hostcall.Func) { j.log = append(j.log, "enter "+f.Name) }
func (j *journal) Leave(f *hostcall.Func) { j.log = append(j.log, "leave "+f.Name) }

func TestInvokeNests(t *testing.T) {
	j := &journal{}
	c := hostcall.NewCall(j)
	inner := &hostcall.Func{Name: "inner", Body: func(c *hostcall.Call, _ []uint64) { j.log = append(j.log, "in "+c.Func().Name) }}
	outer := &hostcall.Func{Name: "outer", Body: func(c *hostcall.Call, _ []uint64) {
		c.Invoke(inner, nil)
		j.log = append(j.log, "in "+c.Func().Name)
	}}
	c.Invoke(outer, nil)
	if got, want := strings.Join(j.log, ", "), "enter outer, enter inner, in inner, leave inner, in outer, leave outer"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if c.Func() != nil {
		t.Error("Func is set outside a call")
	}
}

func TestTrapUnwinds(t *testing.T) {
	broken := errors.New("broken")
	j := &journal{}
	c := hostcall.NewCall(j)
	f := &hostcall.Func{Module: "m", Name: "f", Body: func(c *hostcall.Call, _ []uint64) { c.Trap(broken) }}
	defer func() {
		u, ok := recover().(*hostcall.Unwind)
		if !ok || !errors.Is(u, broken) || u.Func != f {
			t.Errorf("recovered %v", u)
		}
		if got := strings.Join(j.log, ", "); got != "enter f, leave f" {
			t.Errorf("a trap does not leave: %s", got)
		}
	}()
	c.Invoke(f, nil)
	t.Error("Trap returned")
}

func TestGuestOfTests(t *testing.T) {
	g := hostcalltest.New(8, "bound")
	f := &hostcall.Func{
		Module: "m", Name: "f", Fuel: 3, Params: []hostcall.ValueType{hostcall.I32, hostcall.I64}, Results: []hostcall.ValueType{hostcall.I32},
		Body: func(c *hostcall.Call, stack []uint64) {
			if c.State() != "bound" || stack[0] == uint64(uint32(stack[0])) {
				t.Error("want the bound state and garbage above an i32")
			}
			c.Charge(uint32AsInt(stack[0]))
			stack[0] = uint64(c.Memory().Size())
		},
	}
	if r, err := g.Call(f, 7, 1); err != nil || r[0] != 8 || g.Fuel != 10 {
		t.Errorf("results %v, error %v, fuel %d", r, err, g.Fuel)
	}
	g.Budget = 12
	if _, err := g.Call(f, 7, 1); !errors.Is(err, hostcalltest.ErrBudget) {
		t.Errorf("a spent budget ended with %v", err)
	}
	if got, want := f.Signature(), "m.f(i32, i64) i32"; got != want {
		t.Errorf("signature %q, want %q", got, want)
	}
}

func uint32AsInt(v uint64) int64 { return int64(uint32(v)) }

func TestWaitLooksAtBudgets(t *testing.T) {
	g := hostcalltest.New(0, nil)
	charges := -1
	f := &hostcall.Func{Name: "sleep", Waits: true, Body: func(*hostcall.Call, []uint64) { g.Fuel = 10; g.Budget = 5; charges = len(g.Entered) }}
	if _, err := g.Call(f); !errors.Is(err, hostcalltest.ErrBudget) || charges != 1 {
		t.Errorf("a budget spent while waiting ended with %v", err)
	}
}
