package hook

import (
	"github.com/wedgecdn/wedge/hostapi/exchange"
)

// An Answerer is one version of a function that answers requests by itself, ready to be called.
type Answerer interface {
	// Answer makes the response to x, and returns as soon as its head is settled: the function may go on making the
	// body while it is sent, and is over when the body has been closed. After an error there is no response. The error
	// carries an exchange.Reason.
	Answer(x *exchange.Exchange) error
}

// A Handler attaches a function to a route as the one that answers.
type Handler struct {
	Name string
	// Function is nil while there is no version to call: not deployed yet, or
	// switched off. Every request then meets the failure policy.
	Function Answerer
	// OnFailure is Closed or Open; Stale is Closed, since nothing that a handler
	// answers is stored. Under Open a request that the function did not take up
	// goes on to the cache and the route's origin.
	OnFailure Policy
}

// Call has the function answer x: Answered, Failed, or Continue if it failed
// under Open. Preconditions: h is not nil.
func (h *Handler) Call(x *exchange.Exchange) Result {
	// What the function has read of the content, nobody can read again.
	content := x.Request.Body != nil
	err := unavailable(h.Name)
	if h.Function != nil {
		err = h.Function.Answer(x)
	}
	if err == nil {
		return Result{Kind: Answered}
	}
	x.Response.Drop()
	reason := exchange.ReasonOf(err, exchange.ReasonFunctionTrap)
	res := Result{Kind: Failed, Reason: reason, Status: 500, Err: err}
	switch reason {
	case exchange.ReasonNoInstance:
		res.Status = 503 // under every policy, as for hooks
		return res
	case exchange.ReasonFunctionUnavailable, exchange.ReasonOverload:
		res.Status = 503
	}
	if h.OnFailure == Open && !content {
		if x.Err == nil {
			x.Err = err
		}
		return Result{}
	}
	return res
}
