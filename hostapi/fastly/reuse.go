package fastly

import (
	"sync"
	"time"

	"github.com/wedgecdn/wedge/hostapi/adapter"
)

// A program may ask for the next request when it has answered one, as those do that are built to be used again: it asks by
// next_request, and gets it from next_request_wait. What it has in memory is then there for the next. Without a lease,
// which is what isolation: request means, there is never a next one.

const (
	// mostPatience is how long a program waits for a request, however often it asks; it may choose less.
	mostPatience = 10 * time.Second
	// mostUnsent is how much of a response may wait for the client when its program is given the next request: else
	// clients that are slow would have one instance hold the responses of as many of them as there are.
	mostUnsent = pipeRoom
	// mostLasting is how many things a program may keep open from one exchange to the next.
	mostLasting = maxHandles / 2
)

// promise is the exchange that a program has asked for.
//
// States: made; offered, when an exchange may come; settled, when done is closed: then t is that exchange, or nil as none
// comes. The door's mu guards it until it is settled, but for wanted, which is the guest's.
type promise struct {
	until   time.Time
	timer   *time.Timer
	wanted  bool // the program waits for it, or has looked whether it is there
	offered bool
	settled bool
	t       *turn
	done    chan struct{}
}

// door is where the goroutine of a guest and those of exchanges meet. Each run of a program has one of its own.
//
// Lock order: mu is before whatever the lease locks.
type door struct {
	lease adapter.Lease // nil: the program serves one exchange

	mu      sync.Mutex
	promise *promise // that is open; nil if the program has not asked, or has got what it asked for
	last    bool     // no exchange comes any more
}

func newDoor(i adapter.Instance) *door {
	d := new(door)
	d.lease, _ = i.(adapter.Lease)
	d.last = d.lease == nil
	return d
}

// ask makes a promise; nil if there is one.
func (d *door) ask(until time.Time) *promise {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.promise != nil {
		return nil
	}
	p := &promise{until: until, done: make(chan struct{})}
	if d.promise = p; d.last {
		p.settle(nil)
	}
	return p
}

// settle ends the waiting. The door's mu is held.
func (p *promise) settle(t *turn) {
	p.settled, p.t = true, t
	if p.timer != nil {
		p.timer.Stop()
	}
	close(p.done)
}

// open has an exchange come from now on, until the program's patience is over; not before sent is closed, though.
func (d *door) open(p *promise, sent <-chan struct{}) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if p.settled {
		return
	}
	p.timer = time.AfterFunc(time.Until(p.until), func() { d.close(p) })
	select {
	case <-sent: // Fast path
		d.offer(p)
		return
	default:
	}
	go func() {
		select {
		case <-sent:
			d.mu.Lock()
			defer d.mu.Unlock()
			d.offer(p)
		case <-p.done:
		}
	}()
}

// offer lets an exchange come. mu is held.
func (d *door) offer(p *promise) {
	if p.settled {
		return
	}
	if p.offered = d.lease.Offer(); !p.offered {
		p.settle(nil)
	}
}

// close ends the waiting for an exchange, unless one is about to come.
func (d *door) close(p *promise) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !p.settled && (!p.offered || d.lease.Withdraw()) {
		p.settle(nil)
	}
}

// shut says that no exchange comes any more. Preconditions: none is about to.
func (d *door) shut() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.last = true
	if d.promise != nil && !d.promise.settled {
		d.promise.settle(nil)
	}
}

// deliver brings an exchange for which the door was open. It is false if the program does not want it any more.
func (d *door) deliver(t *turn) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.promise == nil || d.promise.settled {
		return false
	}
	d.promise.settle(t)
	return true
}

// leave gives the promise up. An exchange that has come is turned away. For one that is about to come it is too late: it
// will find no promise, and none is made any more, since another exchange would meet it in the session.
func (d *door) leave() {
	d.mu.Lock()
	defer d.mu.Unlock()
	p := d.promise
	if d.promise = nil; p == nil {
		return
	}
	if !p.settled {
		if p.offered && !d.lease.Withdraw() {
			d.last = true
		}
		p.settle(nil)
	} else if p.t != nil {
		p.t.finish(adapter.ErrUntaken)
	}
}

// nextRequest asks for an exchange to come.
//
//	$next_request_options: timeout in milliseconds 0 (64 bits)
func nextRequest(c *call) status {
	const reserved, timeout = 1, 2
	mask, patience := c.u32(0), mostPatience
	if mask&^(reserved|timeout) != 0 {
		return invalid
	}
	if mask&timeout != 0 {
		ms, inside := c.memory.ReadUint64(c.u32(1))
		if !inside {
			return invalid
		}
		patience = time.Duration(min(ms, uint64(mostPatience.Milliseconds()))) * time.Millisecond
	}
	p := c.door.ask(time.Now().Add(patience))
	if p == nil {
		return limitExceeded
	}
	st := c.open(2, p)
	if st != ok {
		c.door.leave()
	}
	return st
}

// nextRequestWait gives the exchange to the program, which is done with the one before.
func nextRequestWait(c *call) status {
	p, found := find[promise](c, c.u32(0))
	switch {
	case !found:
		return badHandle
	case !c.answer.sent && c.door.lease != nil:
		return unsupported // one after the other
	}
	c.want(p)
	c.handles.remove(c.u32(0))
	select {
	case <-p.done:
	default:
		c.host.Pause()
		<-p.done // the timer sees to it, if nobody does
		c.host.Resume()
	}
	if p.t == nil {
		c.door.leave()
		c.wasi.Done = c.answer.sent // some take it for an error that there is no more to do, and exit accordingly
		return none
	}
	c.door.taken()
	c.door.lease.Resume()
	c.resting = false
	c.accept(p.t)
	c.put32(1, c.reqs.request)
	c.put32(2, c.reqs.body)
	return ok
}

// taken ends the promise whose exchange the program has taken up.
func (d *door) taken() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.promise = nil
}

func nextRequestAbandon(c *call) status {
	if _, found := takeAway[promise](c, c.u32(0)); !found {
		return badHandle
	}
	c.door.leave()
	return ok
}

// want opens the door to the exchange that a program waits for. What it serves is over for it by that: its clocks stand,
// what it has open of it is closed, and whoever waits for the end of its part need not wait any more.
func (s *Session) want(p *promise) {
	if p.wanted || !s.answer.sent || s.door.lease == nil {
		return
	}
	p.wanted = true
	if s.resting {
		// Asking again does not make the rest longer: the instance is held meanwhile.
		if p.until.After(s.rested) {
			p.until = s.rested
		}
		if !time.Now().Before(s.rested) {
			s.door.shut()
		}
		s.door.open(p, over())
		return
	}
	left := s.handles.closeExchange(errUnfinished)
	s.wasi.End()
	t, more := s.turn, s.door.lease.Rest()
	s.turn, s.resting, s.rested = between(s.b), true, time.Now().Add(mostPatience)
	if !more || left > mostLasting {
		s.door.shut()
	}
	sent := over()
	if t.held.n.Load() > mostUnsent {
		sent = t.sent
	}
	s.door.open(p, sent)
	t.finish(nil) // last: who has waited for it, and comes again, finds the door open
}
