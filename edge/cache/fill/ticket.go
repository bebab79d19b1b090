package fill

import (
	"sync/atomic"
	"time"
)

// A Ticket is one request's place at a fetch. The leader's own request has one
// as well. It belongs to one goroutine. A ticket that was told Shared is ended
// by closing its reader, or by Leave.
type Ticket struct {
	table   *Table
	request Request
	at      *place // nil if what the request wants has been stored meanwhile
	taken   atomic.Bool
}

// A place is where a ticket stands in one fill. A ticket moves to another place
// when it gets the turn, and when its response turns out to be another variant.
type place struct {
	fill  *Fill
	guard func() Guard
	ready chan struct{} // closed by tell; never, if the ticket has left before
	left  bool          // the ticket has left; its own goroutine's

	// Set before ready is closed, with fill.mu held, and not changed after it.
	decision Decision
	answer   *Answer
	reader   *Reader
	err      error
	next     *place // with Turn: where the leader's own request waits

	// filling is set where this place is the leader's own, before anybody else
	// knows the place.
	filling *Filling
}

func newPlace(f *Fill, r *Request) *place {
	return &place{fill: f, guard: r.Guard, ready: make(chan struct{})}
}

// tell sets the decision.
// Preconditions: fill.mu is held, or nobody else knows the place yet.
func (p *place) tell(d Decision) {
	p.decision = d
	close(p.ready)
}

// Leads tells that this request must fetch.
func (t *Ticket) Leads() bool { return t.at != nil && t.at.filling != nil }

// Stored tells that what the request wants has been stored since it was looked
// up: Wait says Shared, and the caller finds it in the store.
func (t *Ticket) Stored() bool { return t.at == nil }

// Filling is what the leader fetches for; nil if the request does not lead.
func (t *Ticket) Filling() *Filling {
	if !t.Leads() {
		return nil
	}
	t.taken.Store(true)
	return t.at.filling
}

// Answer is what the leader gave with the response, after Shared.
func (t *Ticket) Answer() *Answer { return t.at.answer }

// Reader is the body, after Shared; nil if the answer has none to stream.
func (t *Ticket) Reader() *Reader { return t.at.reader }

// Err is why the fetch failed, after Failed.
func (t *Ticket) Err() error { return t.at.err }

// Wait waits for a decision, until the channel is closed or the time is over.
// A nil channel or a time of 0 means that there is no such bound. After Turn
// the ticket waits again, for what its own request will fetch; after Released,
// Failed, TimedOut and Gone it has left.
func (t *Ticket) Wait(gone <-chan struct{}, timeout time.Duration) Decision {
	var late <-chan time.Time
	if timeout > 0 {
		timer := time.NewTimer(timeout)
		defer timer.Stop()
		late = timer.C
	}
	for t.at != nil {
		p := t.at
		if p.left {
			return Gone
		}
		d := waiting
		select {
		case <-p.ready:
		default:
			select {
			case <-p.ready:
			case <-gone:
				d = Gone
			case <-late:
				d = TimedOut
			}
		}
		if d != waiting {
			p.fill.mu.Lock()
			p.left = p.fill.remove(p)
			p.fill.mu.Unlock()
			if p.left {
				return d
			}
			// The decision came first.
			<-p.ready
		}
		switch {
		case p.decision == Turn:
			t.at = p.next
			t.taken.Store(false)
			return Turn
		case p.decision == Shared && !t.suits():
			// The response is another variant than was expected. By now it is
			// known what tells them apart, so that those who want the same one
			// share a fetch again.
			t.request.Names = p.answer.Names
			p.reader.leave()
			t.at = t.table.join(&t.request)
			if t.Leads() {
				return Turn
			}
		default:
			return p.decision
		}
	}
	return Shared
}

// suits tells whether the response is for this request. The leader's own is,
// since it was fetched with this request's fields.
func (t *Ticket) suits() bool {
	a := t.at.answer
	return a.Everybody || t.Leads() || t.request.Match(a.Names) == a.Variant
}

// Leave gives up the place: the request will not read, nor fetch. Once the
// leader has called Filling, its fetch goes on without it; if it has not, the
// turn passes on. Leave may be called at any time, and more than once.
func (t *Ticket) Leave() {
	p := t.at
	if p == nil {
		return
	}
	if !p.left {
		p.fill.mu.Lock()
		p.left = p.fill.remove(p)
		p.fill.mu.Unlock()
	}
	if !p.left {
		// Whoever made the decision has closed ready, or is about to.
		if <-p.ready; p.decision == Turn {
			t.at = p.next
			t.taken.Store(false)
			t.Leave()
			return
		}
		p.reader.leave()
	}
	if p.filling != nil && !t.taken.Swap(true) {
		p.filling.Abandon()
	}
}
