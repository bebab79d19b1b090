package sandbox

import (
	"time"
)

// touched is what is known of which pages of a memory a guest has touched. The first touch of a page is a fault, which takes as long
// as a thousand additions: whoever touches many at once runs for milliseconds between two checks. So a guest with a few
// untouched pages only is not looked after; what it is going to write at once, and says so, is populated before; and a pool
// whose guests touched too many within one slice gets short slices from then on, for as long as there are many untouched
// pages. It does not get populated memories: that, and putting them back, would be work that nobody pays for.
//
// It belongs to its memory. INVARIANT: cold is at least the number of pages in the guest's memory that were never touched
// since they were made, laid or dropped.
type touched struct {
	cold  int
	ready []uint64 // a bit for each block that populate had at least a part of; those it has no bits for are not
	grown func()   // told that the guest has more; may be nil
}

const (
	// coldMost is how many untouched pages a memory may have without being looked after. One costs 2 to 4 µs.
	coldMost = 40
	// blockBytes is a page of a guest.
	blockBytes = 64 << 10
	// populateBytes is what is populated in one go, some 70 µs.
	populateBytes = 128 << 10
)

// sized notes a memory's new size.
func (t *touched) sized(from, to int) {
	if to > from {
		t.cold += (to - from) / pageBytes
		return
	}
	t.cold = min(t.cold, to/pageBytes)
	t.unready(to)
}

// forgotten notes that the first bytes are as if never touched; the memory has no others.
func (t *touched) forgotten(bytes int) {
	t.cold = bytes / pageBytes
	t.unready(0)
}

// unready forgets what was populated from a place on.
func (t *touched) unready(from int) {
	for b := from / blockBytes; b < 64*len(t.ready); b++ {
		t.ready[b/64] &^= 1 << (b % 64)
	}
}

// missing is the part of the memory from at on, n bytes, that was not populated yet, in whole pages: from the first to the last
// of such blocks. Nothing of what is out of bounds.
func (l *linear) missing(at, n uint32) (from, to int) {
	end := int(at) + int(n)
	if l.cold == 0 || end > len(l.bytes) || n == 0 {
		return 0, 0
	}
	first, last := int(at)/blockBytes, (end-1)/blockBytes
	for first <= last && l.isReady(first) {
		first++
	}
	for first <= last && l.isReady(last) {
		last--
	}
	if first > last {
		return 0, 0
	}
	from = max(first*blockBytes, int(at)/pageBytes*pageBytes)
	to = min((last+1)*blockBytes, (end+pageBytes-1)/pageBytes*pageBytes)
	return from, to
}

func (t *touched) isReady(block int) bool {
	return block < 64*len(t.ready) && t.ready[block/64]&(1<<(block%64)) != 0
}

// populate makes a part of the memory one that was touched.
func (l *linear) populate(from, to int) {
	populate(l.bytes[from:to])
	last := (to - 1) / blockBytes
	for last >= 64*len(l.ready) {
		l.ready = append(l.ready, 0)
	}
	for b := from / blockBytes; b <= last; b++ {
		l.ready[b/64] |= 1 << (b % 64)
	}
}

// When a pool is one whose guests touch too much at once: within a slice of more than burstTime they had burstFaults.
const (
	burstTime   = 200 * time.Microsecond
	burstFaults = 64
	// watchCalls is how many calls are measured from their begin, after one may have been so in its first slice.
	watchCalls = 64
)

// mayBurst tells whether the memory has so many untouched pages that a slice may take too long. Outside of exchanges nobody
// looks: programs touch much when they initialise themselves, once, and not again.
func (r *run) mayBurst() bool { return r.memory.cold > coldMost && r.bound }

// careful makes the first slice short, if there are many untouched pages.
func (r *run) careful() {
	if r.memory.cold > coldMost {
		r.pace = newPace(r.pace.most)
		r.pace.next = min(r.pace.next, carefulSlice)
	}
}

// ready begins a call of a guest that may burst.
func (r *run) ready() {
	switch {
	case r.noted.bursts.Load():
		r.curb()
		if r.counter != nil {
			r.counter.Set(uint64(r.grant())) // in the place of a slice of which nothing is used yet
		}
	case r.noted.watch.Load() > 0:
		r.noted.watch.Add(-1)
		r.cpu.watch = true
		r.cpu.lock(r.now())
	}
}

// watch looks at a slice of a guest that may burst, and tells whether its slices are to be short. If it took long for its page faults
// the pool is one of those that touch too much at once. A first slice, of which only the wall time is known, has the
// pool's next calls watched from their begin.
func (r *run) watch() bool {
	r.cpu.watch = true
	switch {
	case r.lap < burstTime:
	case !r.cpu.locked:
		r.noted.watch.Store(watchCalls)
	case r.cpu.watched && threadFaults()-r.cpu.faults >= burstFaults:
		r.noted.bursts.Store(true)
	}
	return r.noted.bursts.Load()
}

// curb makes this and all further slices of the call short. The next call has its own pace, if it has few untouched pages.
func (r *run) curb() {
	r.cpu.watch = false
	r.curbed = true
}

// grew is told that the memory grew. Where guests burst, the guest comes back at once, and goes on with short slices.
func (r *run) grew() {
	if r.mayBurst() && r.counter != nil && r.caller != nil && r.noted.bursts.Load() {
		r.bookFuel(r.left())
		r.granted = 0
		r.counter.Set(0)
	}
}

// populate populates a part of the memory, as if the guest ran: the time is the guest's, it ends when a budget is spent, and
// gives way to others.
func (r *run) populate(from, to int) {
	for from < to {
		next := min(from+populateBytes, to)
		r.memory.populate(from, next)
		from = next
		r.look()
		if r.cpu.pauses == 0 {
			r.giveWay()
		}
	}
	r.cpu.count()
}

// announced is told by the guest that it is going to write there. It begins a new slice, if there is anything to do.
func (r *run) announced(at, n uint32) {
	from, to := r.memory.missing(at, n)
	if from == to {
		return
	}
	if r.counter == nil { // in a start section
		r.populate(from, to)
		return
	}
	r.slice(r.left())
	r.populate(from, to)
	r.counter.Set(uint64(r.grant()))
}
