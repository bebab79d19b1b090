package proxywasm

import (
	"context"
	"sync"
	"time"

	"github.com/wedgecdn/wedge/hostapi/services"
)

// root is the instance of a binding on which its plugin's context works on its own account: ticks, items in queues that
// it registered, and the callouts that it makes then. It is made when the first instance of the binding asks for ticks
// or registers a queue, and made again, later and later, when its guest traps.
//
// States: none (binding.served is nil); running, with a goroutine that alone touches the instance; over, after close.
type root struct {
	b    *binding
	stop context.CancelFunc
	work sync.WaitGroup
}

// How long a root instance that failed stays away.
const (
	firstPause = time.Second
	mostPause  = time.Minute
)

// need starts the root instance if the guest of s, which has just started, wants one.
func (b *binding) need(s *session) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.period = s.period
	if s.period == 0 && len(s.queues) == 0 || b.served != nil || b.closed || b.o.Spawn == nil {
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	r := &root{b: b, stop: cancel}
	b.served = r
	r.work.Go(func() { r.run(ctx) })
}

// Close satisfies adapter.Binding.
func (b *binding) Close() {
	b.mu.Lock()
	again := b.closed
	b.closed = true
	r := b.served
	b.mu.Unlock()
	if again {
		return
	}
	if r != nil {
		r.stop()
		r.work.Wait()
	}
	b.end()
	b.shared.leave(b.o.Owner)
}

// run keeps an instance until ctx ends.
func (r *root) run(ctx context.Context) {
	for pause := firstPause; ; pause = min(2*pause, mostPause) {
		begin := time.Now()
		err := r.serve(ctx)
		if ctx.Err() != nil {
			return
		}
		r.b.session().log(services.Error, []byte("the root instance failed and is made again: "+err.Error()), 0)
		if time.Since(begin) > mostPause {
			pause = firstPause
		}
		timer := time.NewTimer(pause)
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-timer.C:
		}
	}
}

// serve makes an instance and serves it until it fails.
func (r *root) serve(ctx context.Context) error {
	s := r.b.session()
	i, release, err := r.b.o.Spawn(ctx, s)
	if err != nil {
		return err
	}
	defer release()
	s.i = i
	defer func() {
		for _, c := range s.calls {
			s.b.drop(c)
		}
	}()
	s.results = make(chan *callout, 2*mostCalls)
	ready := make(chan struct{}, 1)
	heard, stop := len(s.queues), r.b.shared.listen(s.queues, ready)
	defer func() { stop() }()
	period := time.Duration(0)
	ticker := time.NewTicker(time.Hour)
	defer ticker.Stop()
	for {
		if s.period != period {
			if period = s.period; period > 0 {
				ticker.Reset(period)
			} else {
				ticker.Reset(time.Hour)
			}
		}
		s.effective = rootID
		select {
		case <-ctx.Done():
			return ctx.Err()
		case c := <-s.results:
			err = s.deliver(c)
		case <-ready:
			err = s.queuesReady(ctx, ready)
		case <-ticker.C:
			if period > 0 && i.Has(onTick) {
				_, err = i.Call(ctx, onTick, rootID)
			}
		}
		s.wasi.End()
		if err != nil {
			return err
		}
		if len(s.queues) > heard { // one was registered while the plugin ran
			stop()
			heard, stop = len(s.queues), r.b.shared.listen(s.queues, ready)
		}
	}
}

// queuesReady tells the guest of each queue with items, once. Most guests take one item each time, so as long as they take
// something they are told again, after what else there is to do.
func (s *session) queuesReady(ctx context.Context, ready chan struct{}) error {
	if !s.i.Has(onQueueReady) {
		return nil
	}
	for _, q := range s.queues {
		before := s.b.shared.waiting(q)
		if before == 0 {
			continue // another took it
		}
		s.effective = rootID
		if _, err := s.i.Call(ctx, onQueueReady, rootID, uint64(q)); err != nil {
			return err
		}
		if left := s.b.shared.waiting(q); left > 0 && left < before {
			wake(ready)
		}
	}
	return nil
}
