package proxywasm

import (
	"slices"
	"strings"
	"sync"

	"github.com/wedgecdn/wedge/hostapi/services"
)

// Bounds of what an owner's filters share.
const (
	mostShared = 16 << 20 // bytes of shared data and queues, names included, and what it costs to keep each
	keptEntry  = 192      // bytes that a datum or a queue costs beside its name and value
	keptItem   = 32       // and an item of a queue
	mostQueues = 256
	mostItems  = 10_000 // of a queue
)

// shared is what the filters of a node share: data and queues, by owner and virtual machine, and the values of metrics, by
// function. It is in memory and ends with the node. mu guards all of it; under it nothing is called but Metrics.Set.
type shared struct {
	mu      sync.Mutex
	data    map[scope]*datum
	queues  map[scope]*queue
	byID    []*queue // a queue's id is its place, from 1
	metrics map[scope]*metric
	metric  []*metric // an id is its place, from 1
	bytes   map[services.Owner]int
	// accounts are those of the owners that have a binding.
	accounts map[services.Owner]*account
}

func newShared() *shared {
	return &shared{data: map[scope]*datum{}, queues: map[scope]*queue{}, metrics: map[scope]*metric{}, bytes: map[services.Owner]int{}, accounts: map[services.Owner]*account{}}
}

// scope names something of an owner's: under a virtual machine's id, or a function's name.
type scope struct {
	owner    services.Owner
	of, name string
}

type datum struct {
	value string
	cas   uint32 // changes with each write; never 0
}

type queue struct {
	scope
	items []string
	ready []chan struct{} // of the root instances that registered it
}

// take books bytes of an owner; false if there would be too many.
//
// Preconditions: mu is held.
func (h *shared) take(o services.Owner, n int) bool {
	if h.bytes[o]+n > mostShared {
		return false
	}
	h.bytes[o] += n
	return true
}

func (s *session) scope(name string) scope {
	return scope{s.b.o.Owner, s.b.vmID, strings.Clone(name)}
}

// setSharedData follows "If the compare-and-swap value (`cas`) is set to a non-zero value, then it must match".
func setSharedData(s *session, a []uint64) status {
	key, valid := s.text(a, 0)
	value, valid2 := s.text(a, 2)
	if !valid || !valid2 {
		return invalidMemory
	}
	h, cas, at := s.b.shared, uint32(a[4]), s.scope(key)
	h.mu.Lock()
	defer h.mu.Unlock()
	d := h.data[at]
	if cas != 0 && (d == nil || d.cas != cas) {
		return casMismatch
	}
	size := len(value)
	if d != nil {
		size -= len(d.value)
	} else {
		size += len(key) + keptEntry
	}
	if !h.take(at.owner, size) {
		return internalFailure
	}
	if d == nil {
		d = &datum{}
		h.data[at] = d
	}
	d.value = strings.Clone(value)
	if d.cas++; d.cas == 0 {
		d.cas = 1
	}
	return ok
}

func getSharedData(s *session, a []uint64) status {
	key, valid := s.text(a, 0)
	if !valid || !within(s.call.Memory(), uint32(a[4])) {
		return invalidMemory
	}
	h := s.b.shared
	h.mu.Lock()
	d := h.data[s.scope(key)]
	var copied datum
	if d != nil {
		copied = *d
	}
	h.mu.Unlock()
	if d == nil {
		return notFound
	}
	if st := s.give(a, 2, copied.value); st != ok {
		return st
	}
	return s.put(a, 4, copied.cas)
}

func registerQueue(s *session, a []uint64) status {
	name, valid := s.text(a, 0)
	if !valid || !within(s.call.Memory(), uint32(a[2])) {
		return invalidMemory
	}
	h, at := s.b.shared, s.scope(name)
	h.mu.Lock()
	q := h.queues[at]
	if q == nil {
		n := 0
		for _, other := range h.byID {
			if other.owner == at.owner {
				n++
			}
		}
		if n >= mostQueues || !h.take(at.owner, len(name)+keptEntry) {
			h.mu.Unlock()
			return internalFailure
		}
		q = &queue{scope: at}
		h.queues[at] = q
		h.byID = append(h.byID, q)
	}
	id := h.id(q)
	h.mu.Unlock()
	if !slices.Contains(s.queues, id) { // a filter may register it for each stream
		s.queues = append(s.queues, id)
	}
	return s.put(a, 2, id)
}

// id is a queue's number. Preconditions: mu is held.
func (h *shared) id(q *queue) uint32 {
	for i := range h.byID {
		if h.byID[i] == q {
			return uint32(i + 1)
		}
	}
	panic("BUG: proxywasm: a queue without a number")
}

func resolveQueue(s *session, a []uint64) status {
	vm, valid := s.text(a, 0)
	name, valid2 := s.text(a, 2)
	if !valid || !valid2 || !within(s.call.Memory(), uint32(a[4])) {
		return invalidMemory
	}
	h := s.b.shared
	h.mu.Lock()
	q := h.queues[scope{s.b.o.Owner, vm, name}]
	id := uint32(0)
	if q != nil {
		id = h.id(q)
	}
	h.mu.Unlock()
	if q == nil {
		return notFound
	}
	return s.put(a, 4, id)
}

// queueOf is a queue of the guest's owner. Preconditions: mu is held.
func (s *session) queueOf(id uint64) *queue {
	h := s.b.shared
	if i := uint32(id); i >= 1 && int64(i) <= int64(len(h.byID)) && h.byID[i-1].owner == s.b.o.Owner {
		return h.byID[i-1]
	}
	return nil
}

func enqueue(s *session, a []uint64) status {
	v, valid := s.text(a, 1)
	if !valid {
		return invalidMemory
	}
	h := s.b.shared
	h.mu.Lock()
	defer h.mu.Unlock()
	q := s.queueOf(a[0])
	switch {
	case q == nil:
		return notFound
	case len(q.items) >= mostItems || !h.take(q.owner, len(v)+keptItem):
		return internalFailure
	}
	q.items = append(q.items, strings.Clone(v))
	for _, r := range q.ready {
		wake(r)
	}
	return ok
}

func dequeue(s *session, a []uint64) status {
	m := s.call.Memory()
	if !within(m, uint32(a[1])) || !within(m, uint32(a[2])) {
		return invalidMemory
	}
	h := s.b.shared
	h.mu.Lock()
	q := s.queueOf(a[0])
	v, got := "", false
	if q != nil && len(q.items) > 0 {
		v, got = q.items[0], true
		q.items[0] = "" // the array outlives the item
		q.items = q.items[1:]
		h.bytes[q.owner] -= len(v) + keptItem
	}
	h.mu.Unlock()
	switch {
	case q == nil:
		return notFound
	case !got:
		return empty
	}
	return s.give(a, 1, v)
}

// waiting is how many items a queue holds; id is a queue's.
func (h *shared) waiting(id uint32) int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.byID[id-1].items)
}

// wake has whoever waits at ready look again; ready has room for one value.
func wake(ready chan struct{}) {
	select {
	case ready <- struct{}{}:
	default: // it will look, and has not begun to
	}
}

// listen wakes ready when one of the queues gets an item, or has one, until the returned function is called.
func (h *shared) listen(ids []uint32, ready chan struct{}) (stop func()) {
	ids = slices.Clone(ids)
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, id := range ids {
		q := h.byID[id-1]
		q.ready = append(q.ready, ready)
		if len(q.items) > 0 {
			wake(ready)
		}
	}
	return func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		for _, id := range ids {
			q := h.byID[id-1]
			kept := q.ready[:0]
			for _, r := range q.ready {
				if r != ready {
					kept = append(kept, r)
				}
			}
			q.ready = kept
		}
	}
}
