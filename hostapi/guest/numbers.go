package guest

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/wedgecdn/wedge/hostapi/exchange"
	"github.com/wedgecdn/wedge/runtime/limit"
	"github.com/wedgecdn/wedge/runtime/sandbox"
)

// Stats is a look at a function. It counts from when the function was loaded: with a new version or new settings it
// begins again.
type Stats struct {
	Instances sandbox.Stats
	Calls     int64 // of hooks
	Failed    int64 // of these, those that did not return
	Denied    int64 // calls into the host that the permissions refused

	Hooks [exchange.Hooks]HookStats
	// Memory is the largest that an exchange has left, in bytes.
	Memory int64
	// Compile is how long it took to have the module compiled, or to load what was compiled before.
	Compile time.Duration
	// Made are the instances that were made, Queued the exchanges that had to wait for one.
	Made, Queued Timing
	// Resets are by the way that was taken, Gone by why an instance was closed. Ways and reasons that did not happen are
	// missing.
	Resets map[sandbox.Way]Timing
	Gone   map[sandbox.Reason]int64
}

// HookStats is a look at one hook of a function.
type HookStats struct {
	Calls, Failed               int64
	FuelLast, FuelMost, FuelAll int64
	CPU, Wall                   time.Duration
	CPUMost                     time.Duration
	// Waited is how much of Wall was spent in host functions that may wait.
	Waited time.Duration
}

// Timing counts what takes time.
type Timing struct {
	N              int64
	Total, Longest time.Duration
}

// numbers is what Stats is a look at. What is counted beside calls is counted each for itself: a look may see a reset and
// not yet its time.
//
// Fast path: a call counts nine things. One lock costs a third of nine atomic operations, and what they share is one cache
// line either way.
type numbers struct {
	mu     sync.Mutex
	hooks  [exchange.Hooks]HookStats
	memory int64

	compile      time.Duration // set before the function is used
	made, queued timing
	resets       [len(ways)]timing
	gone         [len(reasons)]atomic.Int64
}

type timing struct{ n, total, longest atomic.Int64 }

func (t *timing) add(d time.Duration) {
	t.n.Add(1)
	t.total.Add(int64(d))
	most(&t.longest, int64(d))
}

func (t *timing) look() Timing {
	return Timing{t.n.Load(), time.Duration(t.total.Load()), time.Duration(t.longest.Load())}
}

// most raises a high-water mark.
func most(mark *atomic.Int64, v int64) {
	for {
		old := mark.Load()
		if v <= old || mark.CompareAndSwap(old, v) {
			return
		}
	}
}

// Words by which instances are counted. What the sandbox adds to its own later is counted as the last.
var (
	ways    = [...]sandbox.Way{sandbox.Noted, sandbox.Copy, sandbox.Scan, sandbox.Drop, "other"}
	reasons = [...]sandbox.Reason{sandbox.Served, sandbox.Unclean, sandbox.Trapped, sandbox.Grown, sandbox.Unused, sandbox.Shutdown, "other"}
)

func indexOf[T comparable](list []T, v T) int {
	for i := range list[:len(list)-1] {
		if list[i] == v {
			return i
		}
	}
	return len(list) - 1
}

func (n *numbers) called(c *exchange.Call) {
	n.mu.Lock()
	h := &n.hooks[c.Hook]
	h.Calls++
	if c.Failed != exchange.ReasonNone {
		h.Failed++
	}
	h.FuelLast, h.FuelMost, h.FuelAll = c.Fuel, max(h.FuelMost, c.Fuel), h.FuelAll+c.Fuel
	h.CPU, h.CPUMost = h.CPU+c.CPU, max(h.CPUMost, c.CPU)
	h.Wall, h.Waited = h.Wall+c.Wall, h.Waited+c.Waited
	n.memory = max(n.memory, c.Memory)
	n.mu.Unlock()
}

func (n *numbers) look(s *Stats) {
	n.mu.Lock()
	s.Hooks, s.Memory = n.hooks, n.memory
	n.mu.Unlock()
	for i := range s.Hooks {
		s.Calls += s.Hooks[i].Calls
		s.Failed += s.Hooks[i].Failed
	}
	s.Compile = n.compile
	s.Made, s.Queued = n.made.look(), n.queued.look()
	s.Resets, s.Gone = map[sandbox.Way]Timing{}, map[sandbox.Reason]int64{}
	for i := range n.resets {
		if t := n.resets[i].look(); t.N > 0 {
			s.Resets[ways[i]] = t
		}
	}
	for i := range n.gone {
		if v := n.gone[i].Load(); v > 0 {
			s.Gone[reasons[i]] = v
		}
	}
}

// Stats are the function's numbers of this moment.
func (f *Function) Stats() Stats {
	s := Stats{Instances: f.pool.Stats(), Denied: f.binding.Denied()}
	f.numbers.look(&s)
	return s
}

// Limits are what the function may spend on one exchange, the node's defaults filled in.
func (f *Function) Limits() limit.Limits { return f.limits }
