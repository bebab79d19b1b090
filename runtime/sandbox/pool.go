package sandbox

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// ErrNoInstance is what Acquire returns when all instances are in use for too long.
var ErrNoInstance = errors.New("sandbox: no instance in time")

// ErrClosed is what Acquire returns after Close.
var ErrClosed = errors.New("sandbox: the pool is closed")

// Pool lends the instances of one module. All methods may be called by many goroutines at once.
//
// A place is the right to have an instance. Each place is in one of these states: free; with a maker, who makes an instance
// without the lock; with a holder; idle. Whoever gives up a place, or an instance, gives it to the first in queue, so those
// who come later never overtake.
//
// INVARIANT: live = makers + holders + idle ≤ Most, and if anybody queues, nothing is idle and live = Most.
//
// Rejected: a channel of instances. It can not hand on a place without an instance, which is what isolation PerExchange
// does all the time, and it keeps the oldest instance in use instead of the warmest.
type Pool struct {
	o        Options
	restores bool          // instances are put back after each exchange
	epoch    time.Time     // what the pool's clock counts from: reading it is half of reading time.Now
	first    chan struct{} // full while somebody makes the image
	circuit  circuit       // of making instances

	mu     sync.Mutex
	image  *image // nil until there is one, and after Close
	live   int
	idle   []idleInstance // the warmest last
	queue  []*waiter      // first come, first served
	closed atomic.Bool    // written with mu held
	timer  *time.Timer    // closes idle instances; nil if none runs
	making bool           // a goroutine makes instances in advance
	made   uint64         // for Stats
	work   sync.WaitGroup
}

type idleInstance struct {
	instance *Instance
	since    time.Duration // when its last call ended or it came back, on the pool's clock, which is the instance's too
}

// waiter gets one message: an instance, or nil for the place to make one.
type waiter struct{ got chan *Instance }

// Stats is a look at a pool.
type Stats struct {
	Live, Idle, Queued int
	Made               uint64        // instances since the pool began
	Memory             int64         // bytes that its instances take, see Room
	LongestStretch     time.Duration // that a guest ran without coming back to Go, see Events.Stretch
	LargestStretch     int64         // the most fuel that a guest used without coming back to Go
	DeepestStack       int64         // bytes of call stack that the engine made for a call: it begins with 10 KiB, and doubles
}

// NewPool makes a pool. It makes no instance yet, but for Options.Ready, behind the caller's back.
func NewPool(o Options) (*Pool, error) {
	o.setDefaults()
	if err := o.validate(); err != nil {
		return nil, err
	}
	o.epoch = time.Now()
	p := &Pool{o: o, epoch: o.epoch, first: make(chan struct{}, 1)}
	p.restores = o.Isolation == PerExchange && !o.Fresh && !o.Module.Metered().Fixed
	p.o.Room.join(p)
	p.mu.Lock()
	p.prepare()
	p.mu.Unlock()
	return p, nil
}

// Stats returns numbers of this moment.
func (p *Pool) Stats() Stats {
	p.mu.Lock()
	defer p.mu.Unlock()
	return Stats{Live: p.live, Idle: len(p.idle), Queued: len(p.queue), Made: p.made, Memory: p.o.account.held.Load(), LongestStretch: time.Duration(p.o.stretches.longest.Load()),
		LargestStretch: p.o.stretches.most.Load(), DeepestStack: p.o.stretches.deepest.Load()}
}

// Acquire lends an instance. The caller binds, calls and releases it. It waits at most Options.Wait and until ctx ends.
//
// If no instance can be made, the error is a *Trap of its initialisation or says what the system lacks. After a few such
// failures in a row it is ErrCircuit as well, at once, for a while.
func (p *Pool) Acquire(ctx context.Context) (*Instance, error) {
	i, err := p.place(ctx)
	if err != nil || i != nil {
		return i, err
	}
	return p.make(ctx)
}

// place gets an idle instance, or nil and the place for one.
func (p *Pool) place(ctx context.Context) (*Instance, error) {
	p.mu.Lock()
	switch n := len(p.idle); {
	case p.closed.Load():
		p.mu.Unlock()
		return nil, ErrClosed
	case n > 0:
		i := p.idle[n-1].instance
		p.idle[n-1] = idleInstance{}
		p.idle = p.idle[:n-1]
		p.prepare()
		p.mu.Unlock()
		return i, nil
	case p.live < p.o.Most:
		p.live++
		p.mu.Unlock()
		return nil, nil
	}
	w := &waiter{got: make(chan *Instance, 1)}
	p.queue = append(p.queue, w)
	p.mu.Unlock()
	begin := time.Now()
	i, err := p.wait(ctx, w)
	if p.o.Events.Queued != nil {
		p.o.Events.Queued(time.Since(begin), err == nil)
	}
	return i, err
}

// wait waits for the turn of somebody who queues.
func (p *Pool) wait(ctx context.Context, w *waiter) (*Instance, error) {
	timer := time.NewTimer(p.o.Wait)
	defer timer.Stop()
	var err error
	select {
	case i, ok := <-w.got:
		if !ok {
			return nil, ErrClosed
		}
		return i, nil
	case <-timer.C:
		err = fmt.Errorf("%w: all %d are in use, waited %s", ErrNoInstance, p.o.Most, p.o.Wait)
	case <-ctx.Done():
		err = fmt.Errorf("%w: %w", ErrNoInstance, ctx.Err())
	}
	if !p.leave(w) {
		if i, ok := <-w.got; ok { // it came at the same moment
			return i, nil
		}
		return nil, ErrClosed
	}
	return nil, err
}

// leave takes w out of the queue, and tells whether it was there.
func (p *Pool) leave(w *waiter) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for n, other := range p.queue {
		if other == w {
			p.queue = append(p.queue[:n], p.queue[n+1:]...)
			return true
		}
	}
	return false
}

// make makes an instance in a place that the caller has, and gives the place up if it cannot.
func (p *Pool) make(ctx context.Context) (*Instance, error) {
	if err := p.circuit.enter(time.Since(p.epoch)); err != nil {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.vacate()
		return nil, err
	}
	begin := time.Now()
	i, err := p.instance(ctx)
	if opened := p.circuit.leave(time.Since(p.epoch), err); opened > 0 && p.o.Events.Opened != nil {
		p.o.Events.Opened(opened, err)
	}
	if p.o.Events.Made != nil {
		p.o.Events.Made(time.Since(begin), err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if err != nil {
		p.vacate()
		return nil, err
	}
	p.made++
	return i, nil
}

// instance makes one that is ready for an exchange.
func (p *Pool) instance(ctx context.Context) (*Instance, error) {
	if !p.restores {
		return p.initialised(ctx)
	}
	if p.o.Module.Metered().Bound { // what one refers to means nothing to another
		i, im, err := p.original(ctx)
		if im != nil {
			im.release()
		}
		return i, err
	}
	im := p.held()
	if im == nil {
		// The first makes the image. Who comes meanwhile waits for it instead of doing the same work beside it.
		timer := time.NewTimer(p.o.Wait)
		defer timer.Stop()
		select {
		case p.first <- struct{}{}:
			defer func() { <-p.first }()
		case <-timer.C:
			return nil, fmt.Errorf("%w: the first is still being made, waited %s", ErrNoInstance, p.o.Wait)
		case <-ctx.Done():
			return nil, fmt.Errorf("%w: %w", ErrNoInstance, ctx.Err())
		}
		if im = p.held(); im == nil {
			i, im, err := p.original(ctx)
			if err == nil {
				p.keep(im)
			}
			return i, err
		}
	}
	defer im.release()
	i, err := newInstance(ctx, &p.o)
	if err != nil {
		return nil, err
	}
	if err := i.adopt(im); err != nil {
		i.close()
		return nil, err
	}
	return i, p.reseed(ctx, i)
}

// original makes an instance that initialises itself, and an image of it, which the caller has a hold on.
func (p *Pool) original(ctx context.Context) (*Instance, *image, error) {
	i, err := p.initialised(ctx)
	if err != nil {
		return nil, nil, err
	}
	im, err := i.snapshot(p.o.Reset)
	if err != nil {
		i.close()
		return nil, nil, err
	}
	if err := p.reseed(ctx, i); err != nil {
		im.release()
		return nil, nil, err
	}
	return i, im, nil
}

// keep makes im, which the caller had a hold on, the one that instances are made from.
func (p *Pool) keep(im *image) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed.Load() {
		im.release()
		return
	}
	p.image = im
	p.o.account.owe(int64(im.size))
}

func (p *Pool) initialised(ctx context.Context) (*Instance, error) {
	i, err := newInstance(ctx, &p.o)
	if err != nil {
		return nil, err
	}
	return i, i.initialise(ctx, p.o.Prepare)
}

// held returns the image with a hold on it, or nil if there is none yet.
func (p *Pool) held() *image {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.image == nil {
		return nil
	}
	return p.image.retain()
}

func (p *Pool) reseed(ctx context.Context, i *Instance) error {
	if err := i.reseed(ctx); err != nil {
		i.close()
		return fmt.Errorf("sandbox: %s: %w", Restored, err)
	}
	return nil
}

// vacate hands a place to the first in queue, or frees it.
//
// Preconditions: p.mu is held, and the caller has the place.
func (p *Pool) vacate() {
	if w := p.next(); w != nil {
		w.got <- nil
		return
	}
	p.live--
}

// next takes the first out of the queue.
func (p *Pool) next() *waiter {
	if len(p.queue) == 0 {
		return nil
	}
	w := p.queue[0]
	p.queue[0] = nil
	p.queue = p.queue[1:]
	return w
}

// Release takes an instance back. The caller does not touch it any more, nor a view of its memory.
func (p *Pool) Release(i *Instance) {
	i.Unbind()
	if why := p.renew(i); why != "" {
		p.close(i, why)
		p.mu.Lock()
		p.vacate()
		p.prepare()
		p.mu.Unlock()
		return
	}
	p.mu.Lock()
	switch w := p.next(); {
	case w != nil:
		w.got <- i
	case p.closed.Load():
		p.live--
		p.mu.Unlock()
		p.close(i, Shutdown)
		return
	default:
		p.rest(i)
	}
	p.mu.Unlock()
}

// renew makes i ready for the next exchange, or tells why it cannot serve again.
func (p *Pool) renew(i *Instance) Reason {
	size := len(i.memory.bytes)
	switch {
	case i.dead && !(i.ended && p.restores):
		return Trapped
	case !i.served:
		return ""
	case p.closed.Load(): // nobody will want it
		return Shutdown
	case p.restores:
		timed := p.o.Events.Reset != nil && i.resets%timedResets == 0
		i.resets++
		var begin time.Duration
		if timed {
			begin = time.Since(p.epoch)
		}
		way, err := i.reset()
		if timed {
			i.resetTook = time.Since(p.epoch) - begin
		}
		if p.o.Events.Reset != nil {
			p.o.Events.Reset(way, i.resetTook, err)
		}
		if err != nil {
			return Unclean
		}
	case p.o.Isolation == PerExchange:
		return Served
	case int64(size) > p.o.Retire && size > i.initial: // or the next one would be no smaller
		return Grown
	}
	i.served, i.dead, i.ended = false, false, false
	if i.reseed(context.Background()) != nil {
		return Trapped
	}
	return ""
}

func (p *Pool) close(i *Instance, why Reason) {
	i.close()
	if p.o.Events.Gone != nil {
		p.o.Events.Gone(why)
	}
}

// rest puts i among the idle.
//
// Preconditions: p.mu is held.
func (p *Pool) rest(i *Instance) {
	since := i.run.mark
	if !i.called {
		since = time.Since(p.epoch)
	}
	i.called = false
	p.idle = append(p.idle, idleInstance{i, since})
	if p.timer == nil && len(p.idle) > p.o.Ready {
		p.timer = time.AfterFunc(p.o.Idle, p.trim)
	}
}

// trim closes what was idle for too long, and comes back when there may be more.
func (p *Pool) trim() {
	p.mu.Lock()
	var old []*Instance
	now := time.Since(p.epoch)
	for len(p.idle) > p.o.Ready && now-p.idle[0].since >= p.o.Idle {
		old = append(old, p.idle[0].instance)
		p.idle[0] = idleInstance{}
		p.idle = p.idle[1:]
		p.live--
	}
	p.timer = nil
	if len(p.idle) > p.o.Ready && !p.closed.Load() {
		p.timer = time.AfterFunc(p.o.Idle-(now-p.idle[0].since), p.trim)
	}
	p.mu.Unlock()
	for _, i := range old {
		p.close(i, Unused)
	}
}

// prepare starts making instances in advance, if some are missing and nobody does so already.
//
// Preconditions: p.mu is held.
func (p *Pool) prepare() {
	if p.making || p.closed.Load() || len(p.idle) >= p.o.Ready || p.live >= p.o.Most {
		return
	}
	if begin, _ := p.o.Module.Memory(); !p.o.account.spare(begin + p.o.beside()) {
		return // what is made in advance must not cost another its warm instance
	}
	p.making = true
	p.live++
	p.work.Add(1)
	go func() {
		defer p.work.Done()
		i, err := p.make(context.Background())
		p.mu.Lock()
		p.making = false
		if err == nil {
			switch w := p.next(); {
			case w != nil:
				w.got <- i
			case p.closed.Load():
				p.live--
				p.mu.Unlock()
				p.close(i, Shutdown)
				return
			default:
				p.rest(i)
			}
			p.prepare()
		} // else: the next Acquire meets the error, and tells somebody
		p.mu.Unlock()
	}()
}

// Close closes the pool and its idle instances, and sends away who waits. Instances in use are closed when they are
// released; Close does not wait for them.
func (p *Pool) Close() {
	p.mu.Lock()
	if p.closed.Load() {
		p.mu.Unlock()
		return
	}
	p.closed.Store(true)
	for w := p.next(); w != nil; w = p.next() {
		close(w.got)
	}
	idle := p.idle
	p.idle = nil
	p.live -= len(idle)
	if p.timer != nil {
		p.timer.Stop()
		p.timer = nil
	}
	if p.image != nil {
		p.o.account.give(int64(p.image.size)) // now, though it goes with the last instance that is in use
		p.image.release()
		p.image = nil
	}
	p.mu.Unlock()
	p.o.Room.leave(p)
	for _, i := range idle {
		p.close(i.instance, Shutdown)
	}
	p.work.Wait()
}
