package limit

import (
	"math"
	"time"
)

// Used is what was spent. Memory is a high-water mark, the others add up.
type Used struct {
	Fuel      int64
	CPU, Wall time.Duration
	Waited    time.Duration // of Wall, what was spent in host functions that may wait; it has no limit of its own
	Memory    int64
	HostCalls int64
}

// Budget is the account of one function in one exchange. All its calls are booked on it, so that what on_request spent
// is missing in on_response. It is for one goroutine at a time; two instances never share one.
//
// The zero value is a budget without limits.
type Budget struct {
	limits Limits
	used   Used
}

// New returns a full budget. The limits are taken as they are: see Limits.Within for defaults. In a Budget 0 means that
// there is no limit, for every field.
func New(l Limits) *Budget { return &Budget{limits: l} }

// Reset makes b a full budget again, for holders that pool them.
func (b *Budget) Reset(l Limits) { *b = Budget{limits: l} }

// Limits returns what b was made with.
func (b *Budget) Limits() Limits { return b.limits }

// Used returns what was booked so far.
func (b *Budget) Used() Used { return b.used }

// Add books u. It refuses nothing: Check tells whether it was too much.
func (b *Budget) Add(u Used) {
	b.used.Fuel = add(b.used.Fuel, u.Fuel)
	b.used.CPU += u.CPU
	b.used.Wall += u.Wall
	b.used.Waited += u.Waited
	b.used.HostCalls += u.HostCalls
	b.used.Memory = max(b.used.Memory, u.Memory)
}

// AddFuel books fuel alone.
func (b *Budget) AddFuel(fuel int64) { b.used.Fuel = add(b.used.Fuel, fuel) }

// HostCallsLeft returns how many there may still be; math.MaxInt64 if they are not limited.
func (b *Budget) HostCallsLeft() int64 {
	if b.limits.HostCalls == 0 {
		return math.MaxInt64
	}
	return b.limits.HostCalls - b.used.HostCalls
}

// FuelLeft returns what may still be spent; math.MaxInt64 if fuel is not limited. It is negative once overdrawn.
func (b *Budget) FuelLeft() int64 {
	if b.limits.Fuel == 0 {
		return math.MaxInt64
	}
	return b.limits.Fuel - b.used.Fuel
}

// WallLeft returns the wall time that is left; a very long time if it is not limited.
func (b *Budget) WallLeft() time.Duration {
	if b.limits.Wall == 0 {
		return math.MaxInt64
	}
	return b.limits.Wall - b.used.Wall
}

// Check returns the budget that is spent, or nil. Fuel comes first because it alone is deterministic: a guest that has
// spent its fuel gets the same answer on a slow machine.
func (b *Budget) Check() *Exceeded {
	l, u := &b.limits, &b.used
	switch {
	case l.Fuel != 0 && u.Fuel > l.Fuel:
		return &Exceeded{Fuel, l.Fuel, u.Fuel}
	case l.HostCalls != 0 && u.HostCalls > l.HostCalls:
		return &Exceeded{HostCalls, l.HostCalls, u.HostCalls}
	case l.CPU != 0 && u.CPU >= l.CPU:
		return &Exceeded{CPU, int64(l.CPU), int64(u.CPU)}
	case l.Wall != 0 && u.Wall >= l.Wall:
		return &Exceeded{Wall, int64(l.Wall), int64(u.Wall)}
	}
	return nil
}

// add never wraps: a counter that overflowed would be a full budget.
func add(a, b int64) int64 {
	if b > 0 && a > math.MaxInt64-b {
		return math.MaxInt64
	}
	return a + b
}
