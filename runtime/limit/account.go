package limit

import (
	"fmt"
	"strconv"
	"time"
)

// Line is one budget of an account. Limit is 0 if there is none; the units are those of Exceeded.
type Line struct {
	Budget       Kind
	Limit, Spent int64
}

// Lines returns all budgets of the account, in the order of their kinds.
func (b *Budget) Lines() []Line {
	l, u := &b.limits, &b.used
	return []Line{
		{Fuel, l.Fuel, u.Fuel},
		{CPU, int64(l.CPU), int64(u.CPU)},
		{Wall, int64(l.Wall), int64(u.Wall)},
		{Memory, l.Memory, u.Memory},
		{HostCalls, l.HostCalls, u.HostCalls},
	}
}

// String returns "cpu 1.2ms of 50ms".
func (l Line) String() string {
	s := l.Budget.String() + " " + l.Budget.Amount(l.Spent)
	if l.Limit > 0 {
		s += " of " + l.Budget.Amount(l.Limit)
	}
	return s
}

// Amount writes an amount of this kind with its unit.
func (k Kind) Amount(n int64) string {
	switch k {
	case CPU, Wall:
		return round(time.Duration(n).Round(time.Microsecond)).String()
	case Memory, NodeMemory:
		switch {
		case n >= 1<<20 && n%(1<<20) == 0:
			return fmt.Sprintf("%d MiB", n>>20)
		case n >= 1<<20:
			return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20))
		}
		return fmt.Sprintf("%d KiB", n>>10)
	}
	return strconv.FormatInt(n, 10)
}
