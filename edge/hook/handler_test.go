package hook

import (
	"errors"
	"testing"

	"github.com/wedgecdn/wedge/hostapi/exchange"
)

// answering is a handler that answers, or fails with an error.
type answering struct{ err error }

func (a answering) Answer(x *exchange.Exchange) error {
	x.Response.Status = 200 // also where it fails: a half-made response is nobody's
	return a.err
}

func TestHandler(t *testing.T) {
	failure := func(r exchange.Reason) error { return &exchange.Error{Reason: r, Err: errors.New("broken")} }
	f := func(what string, h Handler, content bool, kind Kind, status int, reason exchange.Reason) {
		t.Helper()
		x := exchange.New()
		if content {
			x.Request.Body = exchange.NewBytesBody([]byte("a"))
		}
		r := h.Call(x)
		if r.Kind != kind || r.Status != status || r.Reason != reason {
			t.Errorf("%s: kind %d status %d reason %v", what, r.Kind, r.Status, r.Reason)
		}
		if (r.Kind == Answered) != (x.Response.Status == 200) {
			t.Errorf("%s: the response is left with status %d", what, x.Response.Status)
		}
		if (r.Kind == Failed) != (r.Err != nil) {
			t.Errorf("%s: error %v", what, r.Err)
		}
		if r.Kind == Continue && x.Err == nil {
			t.Errorf("%s: nothing for the log", what)
		}
	}
	trap, full, gone := answering{failure(exchange.ReasonFunctionTrap)}, answering{failure(exchange.ReasonNoInstance)}, answering{errors.New("no reason")}
	f("answers", Handler{Function: answering{}}, false, Answered, 0, 0)
	f("traps", Handler{Function: trap}, false, Failed, 500, exchange.ReasonFunctionTrap)
	f("fails without a reason", Handler{Function: gone}, false, Failed, 500, exchange.ReasonFunctionTrap)
	f("traps under open", Handler{Function: trap, OnFailure: Open}, false, Continue, 0, 0)
	f("traps under open with content", Handler{Function: trap, OnFailure: Open}, true, Failed, 500, exchange.ReasonFunctionTrap)
	f("traps under stale", Handler{Function: trap, OnFailure: Stale}, false, Failed, 500, exchange.ReasonFunctionTrap)
	f("no instance", Handler{Function: full, OnFailure: Open}, false, Failed, 503, exchange.ReasonNoInstance)
	f("not there", Handler{}, false, Failed, 503, exchange.ReasonFunctionUnavailable)
	f("not there under open", Handler{OnFailure: Open}, false, Continue, 0, 0)
}
