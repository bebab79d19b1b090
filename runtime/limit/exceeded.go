package limit

import (
	"fmt"
	"time"
)

// Kind names a budget. It stands in errors, logs and metrics.
type Kind byte

const (
	Fuel Kind = iota + 1
	CPU
	Wall
	Memory
	HostCalls
	NodeMemory // what all functions of a node share
)

// String returns the name that the configuration uses.
func (k Kind) String() string {
	switch k {
	case Fuel:
		return "fuel"
	case CPU:
		return "cpu"
	case Wall:
		return "wall"
	case Memory:
		return "memory"
	case HostCalls:
		return "host_calls"
	case NodeMemory:
		return "node memory"
	}
	return fmt.Sprintf("kind(%d)", byte(k))
}

// Exceeded says which budget a guest spent. Limit and Spent are nanoseconds for CPU and Wall, bytes for Memory and NodeMemory, a count
// otherwise. Spent is at least Limit; the difference is what one slice of the guest can overrun.
type Exceeded struct {
	Budget       Kind
	Limit, Spent int64
}

// Error returns one line with the budget, its limit and what was spent.
func (e *Exceeded) Error() string {
	switch e.Budget {
	case CPU, Wall:
		return fmt.Sprintf("%s budget spent: limit %s, used %s", e.Budget, time.Duration(e.Limit), round(time.Duration(e.Spent)))
	case Memory, NodeMemory:
		return fmt.Sprintf("%s budget spent: limit %d bytes, wanted %d", e.Budget, e.Limit, e.Spent)
	}
	return fmt.Sprintf("%s budget spent: limit %d, used %d", e.Budget, e.Limit, e.Spent)
}

// round drops digits that mean nothing to a reader.
func round(d time.Duration) time.Duration {
	if d > time.Millisecond {
		return d.Round(10 * time.Microsecond)
	}
	return d
}
