package limit

import (
	"math"
	"time"
)

// None lifts a limit to the maximum of the node, which for fuel means that fuel is counted but not limited.
const None = math.MaxInt64

// Limits is what one function may spend on one exchange. A field that is 0 means its default; see Within.
type Limits struct {
	// CPU is processor time in the guest and in host functions that do not wait. Default 50 ms.
	CPU time.Duration
	// Wall is the time between entering and leaving the guest, waiting included. Default 2 s.
	Wall time.Duration
	// Memory is the largest linear memory, in bytes; whole pages of 64 KiB count. Default 32 MiB.
	Memory int64
	// Fuel is charged by the metering rewriter and by host functions; the same work costs the same on every machine.
	// Default none, which is 0.
	Fuel int64
	// HostCalls is how often the guest may call host functions. Default 1 000 000.
	HostCalls int64
}

// Default returns the limits of a function that sets none.
func Default() Limits {
	return Limits{CPU: 50 * time.Millisecond, Wall: 2 * time.Second, Memory: 32 << 20, HostCalls: 1_000_000}
}

// Maximum returns the limits of the node that no function may raise, unless the node is configured otherwise.
func Maximum() Limits {
	return Limits{CPU: 10 * time.Second, Wall: 5 * time.Minute, Memory: 1 << 30, HostCalls: 100_000_000}
}

// Within returns l with its zero fields filled by Default and none above the node's maximum. A zero field of node does
// not bound. A negative limit becomes the smallest there is: it is never "none".
func (l Limits) Within(node Limits) Limits {
	d := Default()
	l.CPU = bound(l.CPU, d.CPU, node.CPU)
	l.Wall = bound(l.Wall, d.Wall, node.Wall)
	l.Memory = bound(l.Memory, d.Memory, node.Memory)
	l.Fuel = bound(l.Fuel, d.Fuel, node.Fuel)
	l.HostCalls = bound(l.HostCalls, d.HostCalls, node.HostCalls)
	if l.Fuel == None {
		l.Fuel = 0
	}
	return l
}

func bound[T ~int64](v, def, node T) T {
	switch {
	case v < 0:
		return 1
	case v == 0 && def == 0:
		return node // "none" by default, so the node's own limit, if it has one
	case v == 0:
		v = def
	}
	if node > 0 {
		v = min(v, node)
	}
	return v
}
