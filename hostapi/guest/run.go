package guest

import (
	"context"
	"errors"
	"time"

	"github.com/wedgecdn/wedge/hostapi/adapter"
	"github.com/wedgecdn/wedge/hostapi/exchange"
	"github.com/wedgecdn/wedge/runtime/limit"
	"github.com/wedgecdn/wedge/runtime/sandbox"
)

// Run is a function in one exchange, with an instance of its own. It belongs
// to the goroutine that has the exchange.
//
// States: between hooks, where others may take its instance (see parked); streaming, after a hook has begun to make the
// response's body, until that body is closed or read to its end; over, after
// End, when the run must not be touched any more.
type Run struct {
	f      *Function
	x      *exchange.Exchange
	i      *sandbox.Instance
	s      adapter.Session
	budget limit.Budget

	hook      exchange.Hook
	before    limit.Used
	streaming bool
	ending    bool      // End was called while a stream was under way
	handed    bool      // session and instance have gone on without the run: see tenant
	isParked  bool      // the owner's: park was called, and unpark was not
	since     time.Time // of the last park

	// ended is streamEnded, made once.
	ended adapter.Ended
}

func (f *Function) newRun() *Run {
	r := &Run{f: f, s: f.binding.NewSession()}
	r.ended = r.streamEnded
	return r
}

// Start takes an instance for x; it waits for one if all are in use. The
// deadline, if it is not zero, shortens the wall time of the function's limits.
// The caller ends the run, also when a call of it has failed.
func (f *Function) Start(x *exchange.Exchange, deadline time.Time) (*Run, error) {
	limits, ctx := f.within(deadline), context.Background()
	if !deadline.IsZero() && limits.Wall < time.Second {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, deadline)
		defer cancel()
	}
	i, err := f.acquire(ctx)
	if err != nil {
		f.failedToStart(err, x.ID)
		return nil, f.noInstance(err)
	}
	return f.lend(i, x, limits), nil
}

// lend makes a run of an instance that was acquired.
func (f *Function) lend(i *sandbox.Instance, x *exchange.Exchange, limits limit.Limits) *Run {
	r := f.runs.Get().(*Run)
	r.x, r.i = x, i
	if r.s == nil {
		r.s = f.binding.NewSession()
	}
	r.budget.Reset(limits)
	if f.reuses {
		r.s.Attach(x, newTenant(r, i), &r.budget)
	} else {
		r.s.Attach(x, i, &r.budget)
	}
	i.Bind(r.s, &r.budget)
	return r
}

// within is the function's limits, if there is a deadline with no more wall time than until then.
func (f *Function) within(deadline time.Time) limit.Limits {
	limits := f.limits
	if !deadline.IsZero() {
		if left := max(time.Until(deadline), 1); left < limits.Wall || limits.Wall == 0 {
			limits.Wall = left
		}
	}
	return limits
}

// failedToStart tells of an instance that could not be made because its guest trapped.
func (f *Function) failedToStart(err error, id exchange.ID) {
	failed := f.host.o.Events.Failed
	if _, ok := errors.AsType[*sandbox.Trap](err); ok && failed != nil {
		failed(f.report(err, Initialising, id, nil))
	}
}

func (f *Function) noInstance(err error) error {
	e := &exchange.Error{Source: exchange.SourceNode, Op: "function " + f.spec.Name, Reason: exchange.ReasonFunctionUnavailable, Err: err}
	if errors.Is(err, sandbox.ErrNoInstance) {
		e.Reason, e.Retry = exchange.ReasonNoInstance, true
	} else if _, ok := errors.AsType[*sandbox.Trap](err); ok {
		e.Source = exchange.SourceFunction
	}
	return e
}

// Call calls a hook and tells whether it answered. If it fails, the exchange is
// as it was before, and the error is an *exchange.Error.
//
// A hook that transforms the response's body returns here as soon as the head
// is settled; the rest of it runs when x.Response.Body is read, and a failure
// then is an error of that body.
func (r *Run) Call(hook exchange.Hook) (answered bool, err error) {
	if !r.f.info.Hooks.Has(hook) {
		return false, nil
	}
	if !r.unpark() {
		return false, &exchange.Error{Source: exchange.SourceNode, Op: hook.String() + " of " + r.f.spec.Name, Reason: exchange.ReasonNoInstance, Err: errTaken}
	}
	if r.streaming {
		return false, &exchange.Error{Source: exchange.SourceNode, Op: hook.String() + " of " + r.f.spec.Name, Reason: exchange.ReasonFunctionUnavailable, Err: errStreaming}
	}
	r.hook, r.before = hook, r.budget.Used()
	r.s.Begin(hook)
	result, streaming, err := r.s.Run(r.ended)
	if r.streaming = streaming; streaming {
		return false, nil
	}
	if answered, err = r.settle(result, err); err == nil && r.f.waits(hook) {
		r.park()
	}
	return answered, err
}

// errStreaming is why a hook cannot be called now.
var errStreaming = errors.New("the instance is still making the body that an earlier hook began")

// settle makes final, or undoes, what the hook did, and writes it down.
func (r *Run) settle(result int32, err error) (answered bool, failure error) {
	if err != nil {
		r.s.Rollback()
	} else {
		answered, err = r.s.Commit(result)
	}
	used := r.budget.Used()
	c := exchange.Call{
		Function: r.f.spec.Name, Hook: r.hook, Answered: answered,
		Fuel: used.Fuel - r.before.Fuel, CPU: used.CPU - r.before.CPU, Wall: used.Wall - r.before.Wall, Waited: used.Waited - r.before.Waited,
		Memory: used.Memory, HostCalls: used.HostCalls - r.before.HostCalls,
	}
	if err != nil {
		e := r.failure(err)
		if failure = e; e.Source == exchange.SourceFunction {
			c.Failed = e.Reason
			if failed := r.f.host.o.Events.Failed; failed != nil {
				failed(r.f.report(err, r.hook.String(), r.x.ID, &r.budget))
			}
		}
	}
	r.f.numbers.called(&c)
	r.x.Calls = append(r.x.Calls, c)
	if called := r.f.host.o.Events.Called; called != nil {
		called(r.f, &r.x.Calls[len(r.x.Calls)-1], r.x.ID, failure)
	}
	return answered, failure
}

// failure says whose fault it is that a hook did not return.
func (r *Run) failure(err error) *exchange.Error {
	e := &exchange.Error{Source: exchange.SourceFunction, Op: r.hook.String() + " of " + r.f.spec.Name, Reason: exchange.ReasonFunctionTrap, Err: err}
	if _, ok := errors.AsType[*limit.Exceeded](err); ok {
		e.Reason = exchange.ReasonFunctionBudget
	} else if errors.Is(err, adapter.ErrStopped) {
		e.Source, e.Reason = exchange.SourceClient, exchange.ReasonClientGone
	} else if r.s.Overflowed() {
		e.Reason = exchange.ReasonFunctionBody
	}
	return e
}

// streamEnded is called by whoever reads or closes the body, when the hook that
// makes it is over.
func (r *Run) streamEnded(result int32, err error) error {
	_, failure := r.settle(result, err)
	if r.streaming = false; r.ending {
		r.release()
	}
	return failure
}

// Used is what the function has spent in this exchange.
func (r *Run) Used() limit.Used { return r.budget.Used() }

// End gives the instance back. If a stream is under way, that happens when its
// body is over; the caller closes the body as always.
func (r *Run) End() {
	if r.streaming {
		r.ending = true
		return
	}
	r.release()
}

func (r *Run) release() {
	if r.handed {
		r.s, r.handed = nil, false
	} else if r.unpark() {
		r.s.Finish()
		r.s.Close()
		r.f.pool.Release(r.i)
	}
	r.x, r.i, r.ending = nil, nil, false
	r.f.runs.Put(r)
}
