package guest

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/wedgecdn/wedge/hostapi/exchange"
	"github.com/wedgecdn/wedge/runtime/sandbox"
)

// patience is how long a run may be parked before those who find no instance
// may take its one.
const patience = time.Second

// errTaken is why a run cannot go on that was parked for too long.
var errTaken = errors.New("the instance was given to another exchange: this one had waited between two hooks while all were in use; raise instances")

// parked are the runs of a function that hold an instance between two hooks,
// while their exchange waits for somebody else: an origin, or the client that
// sends a body. A few such exchanges would hold all instances for as long as
// they like, and the function would be gone for everybody. So who finds none
// takes that of the run which has been parked longest, if that is patience or
// more; the exchange that it belonged to fails at its next hook.
//
// States of a run, seen from here: its owner's (not in the list); parked (in
// the list; its session and its instance are whoever's that takes it out of the
// list with mu held); taken (out of the list, without an instance).
//
// Lock order: mu is a leaf. A session is closed without it, as its guest may be told; so a run that is taken leaves its
// session behind and gets another.
type parked struct {
	some atomic.Bool // there are runs; written with mu held, read before each exchange

	mu   sync.Mutex
	runs []*Run // parked longest first
}

// park lets others have the run's instance after a while. Preconditions: the
// caller owns the run and calls unpark before it touches it again.
func (r *Run) park() {
	p := &r.f.parked
	p.mu.Lock()
	r.since = time.Now()
	p.runs = append(p.runs, r)
	p.some.Store(true)
	p.mu.Unlock()
	r.isParked = true
}

// unpark takes the run back, if it was parked. It is false if its instance is
// gone.
func (r *Run) unpark() bool {
	if r.isParked {
		p := &r.f.parked
		p.mu.Lock()
		if i := slices.Index(p.runs, r); i >= 0 {
			p.runs = slices.Delete(p.runs, i, i+1)
			p.some.Store(len(p.runs) > 0)
		}
		p.mu.Unlock()
		r.isParked = false
	}
	return r.i != nil
}

// take takes the instance of the run that has been parked longest, and gives
// it to the pool.
func (f *Function) take() bool {
	p := &f.parked
	p.mu.Lock()
	if len(p.runs) == 0 || time.Since(p.runs[0].since) < patience {
		p.mu.Unlock()
		return false
	}
	r := p.runs[0]
	p.runs = slices.Delete(p.runs, 0, 1)
	p.some.Store(len(p.runs) > 0)
	i, s := r.i, r.s
	r.i, r.s = nil, f.binding.NewSession()
	p.mu.Unlock()
	s.Close()
	f.pool.Release(i)
	return true
}

// acquire takes an instance out of the pool, or out of a run that is parked.
func (f *Function) acquire(ctx context.Context) (*sandbox.Instance, error) {
	if f.parked.some.Load() {
		if s := f.pool.Stats(); s.Idle == 0 && s.Live >= f.most {
			f.take()
		}
	}
	i, err := f.pool.Acquire(ctx)
	if errors.Is(err, sandbox.ErrNoInstance) && ctx.Err() == nil && f.take() {
		return f.pool.Acquire(ctx)
	}
	return i, err
}

// waits tells whether an exchange whose hook has returned waits for others
// before the next hook of the function is called.
func (f *Function) waits(after exchange.Hook) bool {
	switch h := f.info.Hooks; after {
	case exchange.OnRequest:
		return h.Has(exchange.OnResponse)
	case exchange.OnFetch:
		return h.Has(exchange.OnFetched) || h.Has(exchange.OnError)
	}
	return false
}
