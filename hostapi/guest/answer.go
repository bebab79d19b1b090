package guest

import (
	"context"
	"errors"
	"time"

	"github.com/wedgecdn/wedge/hostapi/adapter"
	"github.com/wedgecdn/wedge/hostapi/exchange"
)

// Answer has a handler make the response to x. It returns when the response's head is settled; the program then runs on
// until the response's body is closed. The deadline is as for Start. After an error there is no response; it is an
// *exchange.Error.
//
// A program is called once for a request, where a request's first hook is, and stands there in numbers and reports. One that
// waits for its next request is handed this one, where the function's programs may serve several.
func (f *Function) Answer(x *exchange.Exchange, deadline time.Time) error {
	if f.reuses {
		return f.answerReusing(x, deadline)
	}
	r, err := f.Start(x, deadline)
	if err != nil {
		return err
	}
	_, err = r.answer()
	return err
}

// answerReusing has a program answer that waits for its next request, or a new one, whichever there is first.
func (f *Function) answerReusing(x *exchange.Exchange, deadline time.Time) error {
	limits := f.within(deadline)
	for {
		ctx, cancel := context.WithCancel(context.Background())
		if !deadline.IsZero() {
			ctx, cancel = context.WithDeadline(context.Background(), deadline)
		}
		w := waiter{come: cancel}
		t := f.resting.take(&w)
		if t == nil {
			i, err := f.acquire(ctx)
			if t = f.resting.leave(&w); t == nil {
				cancel()
				if err != nil {
					f.failedToStart(err, x.ID)
					return f.noInstance(err)
				}
				_, err = f.lend(i, x, limits).answer()
				return err
			}
			if err == nil {
				f.pool.Release(i)
			}
		}
		cancel()
		if untaken, err := f.next(t, x, limits).answer(); !untaken {
			return err
		}
	}
}

// answer runs a handler. untaken is true if it was one that waited, and did not see the exchange: then the run is over, and
// nothing was spent.
func (r *Run) answer() (untaken bool, err error) {
	r.hook, r.before = exchange.OnRequest, r.budget.Used()
	r.s.Begin(r.hook)
	result, streaming, err := r.s.Run(r.ended)
	if streaming {
		r.streaming, r.ending = true, true
		return false, nil
	}
	if errors.Is(err, adapter.ErrUntaken) {
		r.handed = true
		r.release()
		return true, nil
	}
	_, err = r.settle(result, err)
	r.release()
	return false, err
}
