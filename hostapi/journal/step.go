package journal

import (
	"github.com/wedgecdn/wedge/hostapi/exchange"
)

// A Caller is an instance of a function in one exchange.
type Caller interface {
	Call(h exchange.Hook) (answered bool, err error)
}

// Step calls a hook and writes into s what it found, asked and left. from is the step that answers while the tape plays, nil
// while it records. When s is complete over is called, once: behind a hook that makes a body while it is sent, that is when
// the body has been closed, by whoever closes it. Nil is not called.
func (t *Tape) Step(run Caller, x *exchange.Exchange, h exchange.Hook, s, from *Step, over func()) (answered bool, err error) {
	var taps [2]*tap
	if t.from == nil {
		s.Before = t.found(x, &taps)
	}
	before := [2]exchange.Body{x.Request.Body, x.Response.Body}
	t.Begin(s, from)
	n := len(x.Calls)
	answered, err = run.Call(h)
	streaming := err == nil && len(x.Calls) == n
	ended := func() {
		for i := n; i < len(x.Calls); i++ { // others may be called while the body is on its way
			if c := &x.Calls[i]; c.Function == t.run.Function && c.Hook == h {
				if s.Fuel, s.Memory = c.Fuel, c.Memory; c.Failed != exchange.ReasonNone {
					s.Failed = c.Failed.String()
				}
				break
			}
		}
		if over != nil {
			over()
		}
	}
	if err != nil {
		s.Failed, s.Error = exchange.ReasonOf(err, exchange.ReasonFunctionTrap).String(), Text(err.Error())
	}
	s.Answered = answered
	s.After = t.leaves(x, &before, streaming, ended)
	untap(x, &taps)
	if !streaming || x.Response.Body == nil {
		ended()
	}
	return answered, err
}
