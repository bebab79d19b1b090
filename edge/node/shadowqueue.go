package node

import "sync"

// A copyQueue holds the copies on which shadows are to be run: of each owner at most
// shadowQueue, of all at most shadowQueues, and the owners take turns, so that a flood
// of one is his own loss.
//
// Invariants: turns has each owner once of whom something waits, and waits has an
// element if there is one; n is how many wait. mu guards waiting, turns and n.
type copyQueue struct {
	waits chan struct{}

	mu      sync.Mutex
	waiting map[string][]copied
	turns   []string
	n       int
}

func newCopyQueue() *copyQueue {
	return &copyQueue{waits: make(chan struct{}, 1), waiting: map[string][]copied{}}
}

// full tells whether no copy of an owner would be taken.
func (q *copyQueue) full(owner string) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.waiting[owner]) >= shadowQueue
}

// put queues a copy, and returns the one for which there is no room: nothing, c, or the
// newest of the owner of whom most wait.
func (q *copyQueue) put(c copied) (dropped copied) {
	q.mu.Lock()
	defer q.mu.Unlock()
	owner := c.s.l.owner
	row := q.waiting[owner]
	if len(row) >= shadowQueue {
		return c
	}
	if q.n >= shadowQueues {
		most := owner
		for other, r := range q.waiting {
			if len(r) > len(q.waiting[most]) {
				most = other
			}
		}
		r := q.waiting[most]
		if len(r) <= len(row)+1 { // he would be no better off than this one is
			return c
		}
		last := len(r) - 1
		dropped, r[last] = r[last], copied{}
		q.waiting[most] = r[:last]
		q.n--
	}
	if len(row) == 0 {
		q.turns = append(q.turns, owner)
	}
	q.waiting[owner] = append(row, c)
	q.n++
	q.tell()
	return dropped
}

// take is the oldest copy of the owner whose turn it is.
func (q *copyQueue) take() (c copied, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.turns) == 0 {
		return c, false
	}
	owner := q.turns[0]
	q.turns = q.turns[1:]
	row := q.waiting[owner]
	c, row[0] = row[0], copied{}
	q.n--
	if row = row[1:]; len(row) > 0 {
		q.waiting[owner] = row
		q.turns = append(q.turns, owner)
	} else {
		delete(q.waiting, owner)
	}
	if len(q.turns) > 0 {
		q.tell()
	}
	return c, true
}

func (q *copyQueue) tell() {
	select {
	case q.waits <- struct{}{}:
	default:
	}
}
