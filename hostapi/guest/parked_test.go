package guest

import (
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/wedgecdn/wedge/hostapi/exchange"
)

// wait makes it longer ago that the runs were parked.
func (f *Function) wait(d time.Duration) {
	f.parked.mu.Lock()
	defer f.parked.mu.Unlock()
	for _, r := range f.parked.runs {
		r.since = r.since.Add(-d)
	}
}

// Exchanges that wait for a slow origin, or a slow client, between two hooks
// do not take a function away from everybody.
func TestParkedTooLong(t *testing.T) {
	h := newHost(t, Options{Wait: 200 * time.Millisecond})
	f := load(t, h, headerModule(), Spec{Instances: 2})
	enter := func() *Run {
		t.Helper()
		r := start(t, f, request("/"))
		if _, err := r.Call(exchange.OnRequest); err != nil {
			t.Fatal(err)
		}
		return r
	}
	leave := func(r *Run) error {
		withResponse(r.x, "hello")
		_, err := r.Call(exchange.OnResponse)
		r.End()
		return err
	}
	first, second := enter(), enter()
	_, err := f.Start(request("/"), time.Time{})
	wantReason(t, err, exchange.SourceNode, exchange.ReasonNoInstance, "all 2 are in use")
	f.wait(patience)
	third := enter() // it takes the first one's
	if err := leave(second); err != nil {
		t.Error("the second, which was parked for as long, but was not needed: ", err)
	}
	wantReason(t, leave(first), exchange.SourceNode, exchange.ReasonNoInstance, "was given to another exchange")
	if err := leave(third); err != nil {
		t.Error("the third: ", err)
	}
	// Nothing is lost: both instances can be had, and no run is parked.
	a, b := enter(), enter()
	a.End()
	b.End()
	if len(f.parked.runs) != 0 || f.Stats().Instances.Live > 2 {
		t.Errorf("%d runs are parked, %+v", len(f.parked.runs), f.Stats())
	}
	// One that works is not parked.
	r := start(t, f, request("/"))
	other := start(t, f, request("/"))
	f.wait(time.Hour)
	_, err = f.Start(request("/"), time.Time{})
	wantReason(t, err, exchange.SourceNode, exchange.ReasonNoInstance, "all 2 are in use")
	r.End()
	other.End()
}

// TestHammerParked: exchanges lose their instances to each other all the time.
func TestHammerParked(t *testing.T) {
	f := load(t, newHost(t, Options{Wait: time.Millisecond}), headerModule(), Spec{Instances: 2})
	until := time.Now().Add(100 * time.Millisecond)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for time.Now().Before(until) {
				r, err := f.Start(request("/"), time.Time{})
				if exchange.ReasonOf(err, 0) == exchange.ReasonNoInstance {
					continue
				}
				if err != nil {
					t.Error(err)
					return
				}
				if _, err := r.Call(exchange.OnRequest); err != nil {
					t.Error(err)
				}
				f.wait(patience)
				withResponse(r.x, "hello")
				if _, err := r.Call(exchange.OnResponse); err != nil && !errors.Is(err, errTaken) {
					t.Error(err)
				}
				r.End()
			}
		})
	}
	wg.Wait()
	if s := f.Stats().Instances; len(f.parked.runs) != 0 || s.Live > 2 || s.Queued != 0 {
		t.Errorf("%d runs are parked, %+v", len(f.parked.runs), s)
	}
}
