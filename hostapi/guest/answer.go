package guest

import (
	"time"

	"github.com/wedgecdn/wedge/hostapi/exchange"
)

// Answer has a handler make the response to x. It returns when the response's head is settled; the program then runs on
// until the response's body is closed. The deadline is as for Start. After an error there is no response; it is an
// *exchange.Error.
//
// A program is called once for a request, where a request's first hook is, and stands there in numbers and reports.
func (f *Function) Answer(x *exchange.Exchange, deadline time.Time) error {
	r, err := f.Start(x, deadline)
	if err != nil {
		return err
	}
	r.hook, r.before = exchange.OnRequest, r.budget.Used()
	r.s.Begin(r.hook)
	result, streaming, err := r.s.Run(r.ended)
	if streaming {
		r.streaming, r.ending = true, true
		return nil
	}
	_, err = r.settle(result, err)
	r.release()
	return err
}
