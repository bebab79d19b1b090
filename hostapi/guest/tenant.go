package guest

import (
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/wedgecdn/wedge/hostapi/adapter"
	"github.com/wedgecdn/wedge/hostapi/exchange"
	"github.com/wedgecdn/wedge/runtime/limit"
	"github.com/wedgecdn/wedge/runtime/sandbox"
)

const (
	// mostExchanges and mostAge are how many exchanges a program serves at most, and for how long it is given another: what it
	// leaks, or learns, comes to an end.
	mostExchanges = 1000
	mostAge       = 10 * time.Minute
	// restWall is the most wall time that a program may run, its waits apart, between two exchanges.
	restWall = 2 * time.Second
)

// A tenant is an instance whose program serves one exchange after another, as a session sees it.
//
// States: in an exchange, whose run is r; resting, between Rest and Resume, when it has no run; offered, in resting's list;
// taken, out of the list with the run of the exchange that comes; ended. While it is in an exchange or taken, the exchange's
// run has instance and session; Rest takes them out of it, by Run.handed.
type tenant struct {
	*sandbox.Instance
	f      *Function
	s      adapter.Session
	r      *Run // the guest's, and of who has taken it
	since  time.Time
	served int
	own    limit.Budget // for what the guest does while it rests
	taken  bool         // guarded by resting.mu
}

func newTenant(r *Run, i *sandbox.Instance) *tenant {
	return &tenant{Instance: i, f: r.f, s: r.s, r: r, since: time.Now()}
}

// Rest satisfies adapter.Lease.
func (t *tenant) Rest() bool {
	l := t.f.limits
	if l.Wall = min(l.Wall, restWall); l.Wall == 0 {
		l.Wall = restWall
	}
	t.own.Reset(l)
	t.Switch(&t.own)
	t.r.handed = true
	t.r = nil
	t.served++
	more := t.served < mostExchanges && time.Since(t.since) < mostAge
	if most := l.Memory; most > 0 && int64(t.Memory().Size()) > most/2 {
		more = false
	}
	return t.f.resting.add(t) && more
}

// Offer satisfies adapter.Lease.
func (t *tenant) Offer() bool { return t.f.resting.offer(t) }

// Withdraw satisfies adapter.Lease.
func (t *tenant) Withdraw() bool { return t.f.resting.withdraw(t) }

// Resume satisfies adapter.Lease.
func (t *tenant) Resume() {
	t.f.resting.remove(t)
	t.Switch(&t.r.budget)
}

// Between is Report.During of a program that failed between two exchanges.
const Between = "between requests"

// Gone satisfies adapter.Lease.
func (t *tenant) Gone(err error) {
	trap, failed := errors.AsType[*sandbox.Trap](err)
	if tell := t.f.host.o.Events.Failed; failed && trap.Kind != sandbox.Exit && tell != nil {
		tell(t.f.report(err, Between, exchange.ID{}, &t.own))
	}
	t.f.pool.Release(t.Instance)
	t.f.resting.remove(t)
}

// next makes a run of a tenant that was taken.
func (f *Function) next(t *tenant, x *exchange.Exchange, limits limit.Limits) *Run {
	r := f.runs.Get().(*Run)
	r.x, r.i, r.s, t.r = x, t.Instance, t.s, r
	r.budget.Reset(limits)
	r.s.Attach(x, t, &r.budget)
	return r
}

// resting are the tenants of a function that are between two exchanges. Of those that are offered the last one is taken
// first: its memory is the warmest, and those that are not needed go when their patience ends. An exchange that finds none waits for
// one while it waits for an instance: else programs that rest, and give no instance back, would pass it by.
//
// INVARIANT: who is offered is in all, and is not taken. If anybody waits, nobody is offered. Once closed is set nobody is
// offered.
//
// Lock order: mu is a leaf.
type resting struct {
	mu      sync.Mutex
	empty   *sync.Cond // all has become empty; made when somebody waits for that
	all     map[*tenant]bool
	offered []*tenant
	waiting []*waiter // first come, first served
	closed  bool
}

// waiter is an exchange that waits for a tenant and for an instance.
type waiter struct {
	come func() // ends the waiting for an instance
	t    *tenant
}

// add takes a tenant in; false if no exchange will come.
func (p *resting) add(t *tenant) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.all == nil {
		p.all = map[*tenant]bool{}
	}
	p.all[t] = true
	t.taken = false
	return !p.closed
}

func (p *resting) remove(t *tenant) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.all, t)
	if len(p.all) == 0 && p.empty != nil {
		p.empty.Broadcast()
	}
}

func (p *resting) offer(t *tenant) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return false
	}
	if len(p.waiting) > 0 {
		w := p.waiting[0]
		p.waiting = slices.Delete(p.waiting, 0, 1)
		t.taken, w.t = true, t
		w.come()
		return true
	}
	t.taken = false // who had taken it before was turned away
	p.offered = append(p.offered, t)
	return true
}

func (p *resting) withdraw(t *tenant) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	i := slices.Index(p.offered, t)
	if i < 0 {
		return false
	}
	p.offered = slices.Delete(p.offered, i, i+1)
	return true
}

// take takes the tenant that was offered last. If there is none it is nil, and w waits for one.
func (p *resting) take(w *waiter) *tenant {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := len(p.offered)
	if n == 0 {
		p.waiting = append(p.waiting, w)
		return nil
	}
	t := p.offered[n-1]
	p.offered[n-1] = nil
	p.offered = p.offered[:n-1]
	t.taken = true
	return t
}

// leave ends the waiting of w, and returns the tenant that has come; nil if none has.
func (p *resting) leave(w *waiter) *tenant {
	p.mu.Lock()
	defer p.mu.Unlock()
	if i := slices.Index(p.waiting, w); i >= 0 {
		p.waiting = slices.Delete(p.waiting, i, i+1)
	}
	return w.t
}

// close sends all tenants away that rest, and waits until they have ended.
func (p *resting) close() {
	p.mu.Lock()
	p.closed = true
	p.offered = nil
	var idle []*tenant
	for t := range p.all {
		if !t.taken {
			idle = append(idle, t)
		}
	}
	p.mu.Unlock()
	for _, t := range idle {
		if s, ok := t.s.(adapter.Server); ok {
			s.Dismiss()
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.empty = sync.NewCond(&p.mu)
	for len(p.all) > 0 {
		p.empty.Wait()
	}
}
