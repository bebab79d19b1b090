package sandbox

import (
	"context"
	"time"
)

// hostContext is what host functions see of a call: it ends with the caller's context, or at the deadline, which a pause
// moves. A context that the standard library makes with a deadline cannot be told to wait.
//
// It has no Deadline of its own for that reason. What is derived from it ends with it; the cause tells a deadline from
// a caller that has gone, and so does Err.
//
// stop, goOn and end belong to the goroutine that runs the guest. The timer's function may still run while stop
// returns: then the deadline was over when the pause began, and the guest is ended when it is to go on.
type hostContext struct {
	context.Context
	cancel context.CancelCauseFunc
	timer  *time.Timer
}

func newHostContext(caller context.Context, left time.Duration) *hostContext {
	c := &hostContext{}
	c.Context, c.cancel = context.WithCancelCause(caller)
	c.timer = time.AfterFunc(left, func() { c.cancel(context.DeadlineExceeded) })
	return c
}

// Err satisfies context.Context.
func (c *hostContext) Err() error {
	err := c.Context.Err()
	if err != nil && context.Cause(c.Context) == context.DeadlineExceeded {
		return context.DeadlineExceeded
	}
	return err
}

func (c *hostContext) stop()                   { c.timer.Stop() }
func (c *hostContext) goOn(left time.Duration) { c.timer.Reset(left) }

func (c *hostContext) end() {
	c.timer.Stop()
	c.cancel(context.Canceled)
}
