package sandbox

import (
	"sync/atomic"
	"time"
)

// Bounds of what a guest runs in one go.
const (
	// share is how long a call runs before it gives way: freely at its beginning, and then for each turn that it gets.
	share = 100 * time.Microsecond
	// longSlice and shortSlice say when the next slice is made shorter or longer. Half of both leaves room for an interrupt, of which
	// many take 100 µs, below the 200 µs that a stretch may take.
	longSlice, shortSlice = 70 * time.Microsecond, 30 * time.Microsecond
	// firstSlice and leastSlice are in fuel, and so is carefulSlice, the first of a guest with many pages that it never touched.
	// Coming back to Go costs as much as some 200 units.
	firstSlice, carefulSlice, leastSlice = 10_000, 1_000, 100
)

// pace is how much fuel a guest gets for one slice. A unit of fuel is about one instruction, but a division or a load that
// misses all caches takes a hundred times as long as an addition, and the first touch of a page a thousand times: a slice
// of a fixed size would be 50 µs for one guest and several milliseconds for another, in which nobody can stop it. So the
// slice follows the time that the last one took. What a guest pays stays the same: fuel is booked, not slices.
type pace struct{ next, most int64 }

func newPace(most int64) pace { return pace{min(firstSlice, most), most} }

// after chooses the next slice, when one of so much fuel took so long. One that ended early does not make it longer.
func (p *pace) after(fuel int64, took time.Duration) {
	switch {
	case took > longSlice:
		shorter := int64(float64(fuel) * float64(longSlice+shortSlice) / 2 / float64(took))
		p.next = min(max(min(shorter, p.next), leastSlice), p.most)
	case took < shortSlice && fuel >= p.next/2:
		p.next = min(2*p.next, p.most)
	}
}

// bound is how much fuel a pool's guests get at most for one slice. There is none at first. A guest that goes from additions to
// loads that miss all caches has its pace chosen for additions: that is one long slice. Where it happens again before it
// is forgotten, it is what the function is like, and slices are no longer than what then took longSlice; a single one may be the machine's. Each
// curbed slices that took no longer it doubles, and in the end is gone.
type bound struct {
	most atomic.Int64 // 0 is no bound
	good atomic.Int64 // slices since the last one that took too long, or since the bound was doubled
	hit  atomic.Bool  // there was such a slice, and it is not forgotten
}

const (
	leastBound = 5_000
	curbed     = 4096
)

// of is what of a slice is let through.
func (b *bound) of(fuel int64) int64 {
	if most := b.most.Load(); most > 0 {
		return min(fuel, most)
	}
	return fuel
}

// after looks at a slice of so much fuel that took so long. Several may do so at once: what is then counted twice or not at
// all changes little.
func (b *bound) after(fuel int64, took time.Duration, most int64) {
	if took > burstTime {
		b.good.Store(0)
		if b.hit.Swap(true) {
			b.most.Store(max(int64(float64(fuel)*float64(longSlice)/float64(took)), leastBound))
		}
		return
	}
	if !b.hit.Load() || b.good.Add(1) < curbed { // Fast path: nothing to forget
		return
	}
	b.good.Store(0)
	wider := 2 * b.most.Load()
	if wider == 0 || wider >= most {
		b.hit.Store(false)
		wider = 0
	}
	b.most.Store(wider)
}

// stretches keeps what the calls of a pool's guests took at most: the largest call stack, and the longest time that a guest of a pool ran without coming back to Go, by its thread's clock. The first
// stretches of a call are not measured: that clock is too dear for a short hook. They are no longer, being the same code
// in slices of the same size.
//
// The thread's clock stands while the kernel runs another thread in its place. It does not stand while an interrupt is served, nor,
// in a virtual machine whose host does not say so, while the host runs another machine: then a slice of 5 000 units, 2 µs of
// additions, takes a millisecond now and then, and so does a loop in C. What the sandbox itself decides is the fuel of a
// stretch, which is kept beside its time: at the guest's usual pace it says what the guest's part was.
type stretches struct {
	deepest atomic.Int64 // the largest call stack, in bytes
	longest atomic.Int64
	most    atomic.Int64        // the most fuel of a stretch
	longer  func(time.Duration) // Events.Stretch

	bound  bound
	bursts atomic.Bool  // a guest touched too many pages at once; see touched
	watch  atomic.Int64 // calls that are to be watched from their begin
}

// stack notes the call stack of a call, which its instance does when it is larger than any before.
func (s *stretches) stack(bytes int64) {
	for {
		deepest := s.deepest.Load()
		if bytes <= deepest || s.deepest.CompareAndSwap(deepest, bytes) {
			return
		}
	}
}

// note notes a stretch of so much fuel.
func (s *stretches) note(d time.Duration, fuel int64) {
	for {
		most := s.most.Load()
		if fuel <= most || s.most.CompareAndSwap(most, fuel) {
			break
		}
	}
	for {
		longest := s.longest.Load()
		if int64(d) <= longest {
			return
		}
		if s.longest.CompareAndSwap(longest, int64(d)) {
			break
		}
	}
	if s.longer != nil {
		s.longer(d)
	}
}
