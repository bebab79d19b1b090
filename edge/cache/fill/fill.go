package fill

import (
	"errors"
	"slices"
	"sync"
)

// ErrAbandoned is what a leader's own request is told when it gave up and
// nobody else took its turn.
var ErrAbandoned = errors.New("fill: the request that fetched gave up")

// A Decision is what a request is told that waited.
type Decision uint8

// The decisions.
const (
	waiting Decision = iota
	// Shared: the response is there, or begins to be; read it.
	Shared
	// Released: the response is not for sharing; fetch for yourself.
	Released
	// Failed: the fetch failed, see Ticket.Err.
	Failed
	// Turn: the leader gave up, and you lead now.
	Turn
	// TimedOut: nothing was decided in time.
	TimedOut
	// Gone: your client has left.
	Gone
)

// String is the decision's name.
func (d Decision) String() string {
	return [...]string{"waiting", "shared", "released", "failed", "turn", "timed out", "gone"}[d]
}

// A Fill is one fetch and those who want its response.
//
// States:
//
//	asking ──Stream, Share, Refresh──> shared    tickets are told Shared and have readers
//	   │ ────Release─────────────────> released  tickets are told Released
//	   │ ────Fail────────────────────> failed    tickets are told Failed
//	   └ ────Abandon──> asking, with one of the tickets as leader; failed if there is none
//
// Everything but asking is final. While it is asking, and while it is shared
// and its body can still be read from the first byte, a fill may stand in the
// table; only then can tickets be added.
//
// One ticket, not all, gets the turn: with n waiting requests and a leader that
// always fails the origin sees one request at a time, not n.
//
// INVARIANTS: a place is in waiters exactly if its decision is `waiting` and its
// ticket has not left. A decision is set once, under mu, before the place's
// channel is closed. There is at most one Filling that has not ended.
type Fill struct {
	table *Table
	key   Key

	// Guarded by Table.mu. names and variant say what the response is expected
	// to be, and from Stream on what it is.
	names   []string
	variant Key
	guard   Guard
	listed  bool

	mu      sync.Mutex
	waiters []*place // in the order in which they came
	final   Decision // waiting while asking
	answer  *Answer  // set with Shared
	stream  *stream  // set with Shared, nil if there is no body to stream
}

func newFill(t *Table, r *Request) *Fill {
	return &Fill{table: t, key: r.Key, names: r.Names, variant: r.Match(r.Names), guard: r.Guard()}
}

// lead adds the place of the request for which f was made.
func (f *Fill) lead(r *Request) *place {
	p := newPlace(f, r)
	p.filling = &Filling{fill: f, own: p, guard: f.guard}
	f.mu.Lock()
	f.waiters = append(f.waiters, p)
	f.mu.Unlock()
	return p
}

// join adds a place in whatever state f is; nil if there is nothing to join
// any more.
// Preconditions: Table.mu is held and f is listed.
func (f *Fill) join(r *Request) *place {
	p := newPlace(f, r)
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case f.final == waiting && len(f.waiters) >= f.table.opts.Waiters:
		p.tell(Released)
	case f.final == waiting:
		f.waiters = append(f.waiters, p)
	case f.final == Shared && f.stream != nil:
		if p.reader = f.stream.attach(true); p.reader == nil {
			return nil
		}
		p.answer = f.answer
		p.tell(Shared)
	default:
		return nil
	}
	return p
}

// decide ends the asking: every ticket that waits is told d; if only is not nil,
// those but that one are told Released in its stead. It is false if that has
// been done before.
func (f *Fill) decide(d Decision, a *Answer, s *stream, err error, only *place) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.final != waiting {
		return false
	}
	f.final, f.answer, f.stream = d, a, s
	for _, p := range f.waiters {
		if only != nil && p != only {
			p.tell(Released)
			continue
		}
		if d == Shared && s != nil {
			p.reader = s.attach(false)
		}
		p.answer, p.err = a, err
		p.tell(d)
	}
	f.waiters = nil
	return true
}

// pass gives the turn to the place that has waited longest. own, if it is not
// nil, is told that it failed, since it is the one who gave up. It is false if
// nobody is there to take the turn; then f is final.
func (f *Fill) pass(own *place) bool {
	f.table.mu.Lock()
	defer f.table.mu.Unlock()
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.final != waiting {
		return false
	}
	if own != nil && f.remove(own) {
		own.err = ErrAbandoned
		own.tell(Failed)
	}
	if len(f.waiters) == 0 {
		f.final = Failed
		f.table.unlist(f)
		return false
	}
	p := f.waiters[0]
	// What it will fetch is newer than what the last leader did.
	f.guard = p.guard()
	n := &place{fill: f, guard: p.guard, ready: make(chan struct{})}
	n.filling = &Filling{fill: f, own: n, guard: f.guard}
	f.waiters[0] = n
	p.next = n
	p.tell(Turn)
	return true
}

// remove takes a place out of those that wait; false if it is not there.
// Preconditions: f.mu is held.
func (f *Fill) remove(p *place) bool {
	for i, v := range f.waiters {
		if v == p {
			f.waiters = slices.Delete(f.waiters, i, i+1)
			return true
		}
	}
	return false
}
