package limit_test

import (
	"errors"
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/wedgecdn/wedge/runtime/limit"
)

func TestWithin(t *testing.T) {
	f := func(name string, in, node, want limit.Limits) {
		t.Helper()
		if got := in.Within(node); got != want {
			t.Errorf("%s:\ngot  %+v\nwant %+v", name, got, want)
		}
	}
	d, most := limit.Default(), limit.Maximum()
	f("nothing set", limit.Limits{}, most, d)
	f("nothing set, node without limits", limit.Limits{}, limit.Limits{}, d)

	own := limit.Limits{CPU: 1, Wall: 2, Memory: 3, Fuel: 4, HostCalls: 5}
	f("all set", own, most, own)

	none := limit.Limits{CPU: limit.None, Wall: limit.None, Memory: limit.None, Fuel: limit.None, HostCalls: limit.None}
	f("none is the node's maximum", none, most, most)

	node := limit.Limits{CPU: 10, Wall: 20, Memory: 30, Fuel: 40, HostCalls: 50}
	f("a low node bounds defaults", limit.Limits{}, node, node)
	f("a low node bounds none", none, node, node)
	f("negative is the smallest", limit.Limits{CPU: -1, Wall: -1, Memory: -1, Fuel: -1, HostCalls: -1}, most, limit.Limits{CPU: 1, Wall: 1, Memory: 1, Fuel: 1, HostCalls: 1})
}

func TestCheck(t *testing.T) {
	l := limit.Limits{CPU: 50 * time.Millisecond, Wall: 2 * time.Second, Fuel: 1000, HostCalls: 10}
	f := func(used limit.Used, want string) {
		t.Helper()
		b := limit.New(l)
		b.Add(used)
		got := "nil"
		if e := b.Check(); e != nil {
			got = e.Error()
		}
		if got != want {
			t.Errorf("%+v:\ngot  %s\nwant %s", used, got, want)
		}
	}
	f(limit.Used{}, "nil")
	f(limit.Used{Fuel: 1000, HostCalls: 10, CPU: 50*time.Millisecond - 1, Wall: 2*time.Second - 1}, "nil")
	f(limit.Used{Fuel: 1001}, "fuel budget spent: limit 1000, used 1001")
	f(limit.Used{HostCalls: 11}, "host_calls budget spent: limit 10, used 11")
	f(limit.Used{CPU: 50123456}, "cpu budget spent: limit 50ms, used 50.12ms")
	f(limit.Used{Wall: 2 * time.Second}, "wall budget spent: limit 2s, used 2s")
	f(limit.Used{Fuel: 1001, CPU: time.Hour, Wall: time.Hour}, "fuel budget spent: limit 1000, used 1001")
	f(limit.Used{Fuel: math.MaxInt64, Memory: math.MaxInt64}, "fuel budget spent: limit 1000, used 9223372036854775807")
}

func TestBudgetSpansCalls(t *testing.T) {
	b := limit.New(limit.Limits{Fuel: 100, Wall: time.Second})
	b.Add(limit.Used{Fuel: 60, Wall: time.Millisecond, Memory: 2 << 16})
	b.Add(limit.Used{Fuel: 60, Wall: time.Millisecond, Memory: 1 << 16})
	if got, want := b.Used(), (limit.Used{Fuel: 120, Wall: 2 * time.Millisecond, Memory: 2 << 16}); got != want {
		t.Errorf("used %+v, want %+v", got, want)
	}
	if b.FuelLeft() != -20 || b.WallLeft() != 998*time.Millisecond {
		t.Errorf("left: fuel %d, wall %s", b.FuelLeft(), b.WallLeft())
	}
	if e := b.Check(); e == nil || e.Budget != limit.Fuel {
		t.Errorf("check: %v", e)
	}
	b.AddFuel(math.MaxInt64)
	if e := b.Check(); e == nil || e.Spent != math.MaxInt64 {
		t.Errorf("an overflow refilled the budget: %v", e)
	}
	b.Reset(limit.Limits{})
	if b.Check() != nil || b.FuelLeft() != math.MaxInt64 || b.WallLeft() != math.MaxInt64 || b.HostCallsLeft() != math.MaxInt64 {
		t.Error("a budget without limits ends")
	}
}

func TestExceededIsFound(t *testing.T) {
	err := fmt.Errorf("on_request of auth: %w", &limit.Exceeded{Budget: limit.Memory, Limit: 1 << 20, Spent: 2 << 20})
	var e *limit.Exceeded
	if !errors.As(err, &e) || e.Budget != limit.Memory {
		t.Fatal("errors.As does not find *limit.Exceeded")
	}
	if want := "on_request of auth: memory budget spent: limit 1048576 bytes, wanted 2097152"; err.Error() != want {
		t.Errorf("got %q", err)
	}
}
