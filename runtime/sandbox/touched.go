package sandbox

import (
	"time"

	"github.com/wedgecdn/wedge/runtime/hostcall"
)

// touched is what is known of which pages of a memory a guest has touched. The first touch of a page is a fault, which takes as long
// as a thousand additions: whoever touches many at once runs for milliseconds between two checks. So a guest with a few
// untouched pages only is not looked after; what it is going to write at once, and says so, is populated before; and a pool
// whose guests touched too many within one slice gets memories that are touched as a whole before a guest runs on.
//
// It belongs to its memory. INVARIANT: cold is at least the number of pages in the guest's memory that were never touched
// since they were made, laid or dropped.
type touched struct {
	cold  int
	ready []uint64 // a bit for each block that populate had at least a part of; those it has no bits for are not
	whole int      // so many bytes at the beginning were populated, each page of them
	stays bool     // it was populated as a whole, and a reset leaves it so
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
	t.cold, t.stays = bytes/pageBytes, false
	t.unready(0)
}

// unready forgets what was populated from a place on.
func (t *touched) unready(from int) {
	t.whole = min(t.whole, from)
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
	if from <= l.whole {
		l.whole = max(l.whole, to)
	}
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

// ready begins a call of a guest that may burst. The error is why it cannot go on: its time is over, or the caller has gone.
// What it takes to populate the memory is no more the call's than what it takes to make an instance: whoever comes first must not
// fail for it.
func (r *run) ready() (err error) {
	defer func() {
		r.unpaid = false
		switch v := recover().(type) {
		case nil:
		case *hostcall.Unwind: // as populate looks
			err = refusal(v.Err)
		default:
			panic(v)
		}
	}()
	switch {
	case r.noted.bursts.Load():
		r.unpaid = true
		r.warm()
	case r.noted.watch.Load() > 0:
		r.noted.watch.Add(-1)
		r.cpu.watch = true
		r.cpu.lock(r.now())
	}
	return nil
}

// watch looks at a slice of a guest that may burst, and tells whether its memory is to be populated. If it took long for its page faults
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

// warm populates the whole memory.
func (r *run) warm() {
	r.memory.stays, r.cpu.watch = true, false
	r.populate(r.memory.whole, len(r.memory.bytes))
	r.memory.cold = 0
}

// grew is told that the memory grew. Where guests burst, the new pages are populated when the guest comes back, at once.
func (r *run) grew() {
	if r.mayBurst() && r.counter != nil && r.caller != nil && r.noted.bursts.Load() {
		r.bookFuel(int64(r.counter.Get()))
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
	r.slice(int64(r.counter.Get()))
	r.populate(from, to)
	r.counter.Set(uint64(r.grant()))
}
