package observe

import (
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/wedgecdn/wedge/hostapi/exchange"
)

// An Observer hears from the rooms and writes down what they tell. Its fields
// are set before it is used; any of them but Metrics and Log may be nil.
type Observer struct {
	Access    *AccessLog
	Metrics   *Metrics
	Functions *FunctionLogs
	Failures  *Failures
	// Log is the operator's: what a person should know of. It writes by itself,
	// so only rare events go there.
	Log *slog.Logger
}

// Ended hears of each client's exchange, when its response has been sent.
func (o *Observer) Ended(x *exchange.Exchange, took time.Duration) {
	o.Metrics.Ended(x, took)
	o.Access.Log(x, took)
}

// Fetched hears of each fetch.
func (o *Observer) Fetched(x *exchange.Exchange, took time.Duration) { o.Metrics.Fetched(x, took) }

// Bug hears of a panic that was caught.
func (o *Observer) Bug(x *exchange.Exchange, v any, stack []byte) {
	o.Metrics.Event("bug")
	id := ""
	if x != nil {
		id = x.ID.String()
	}
	o.Log.Error("a bug in wedge: please report it", "request", id, "panic", fmt.Sprint(v), "stack", string(stack))
}

// Called hears of each call of a function. What failed goes into the
// function's log, under the exchange's id.
func (o *Observer) Called(owner, name, version string, id exchange.ID, c *exchange.Call, err error) {
	o.Metrics.Called(owner, name, c)
	if err != nil && o.Functions != nil {
		o.Functions.Add(owner, name, LogLine{Time: time.Now(), Level: "error", Request: id.String(), Version: short(version),
			Message: fmt.Sprintf("%v failed (%v): %v", c.Hook, c.Failed, err)})
	}
}

// Failed hears of each failure of a function, with what its author may want to know; locate finds files and lines of the stack.
// What the function has logged in that exchange is added. The first of its kind goes into the function's log in full
// and into the operator's in one line.
func (o *Observer) Failed(owner, name, key string, f Failure, locate func(*Failure)) {
	if o.Failures == nil {
		return
	}
	o.Failures.Add(owner, name, key, f, func(f *Failure) {
		locate(f)
		if o.Functions != nil {
			own := f.During + " failed ("
			f.Log = o.Functions.OfRequest(owner, name, f.Request, FailureLog, func(message string) bool { return strings.HasPrefix(message, own) })
		}
	})
}

// FailureLog is how many lines of a function's log stand in a failure.
const FailureLog = 40

// FailureTold writes a new failure into the logs. It is for NewFailures.
func (o *Observer) FailureTold(owner, name string, f *Failure) {
	if o.Functions != nil {
		for _, line := range f.Lines() {
			o.Functions.Add(owner, name, LogLine{Time: time.Now(), Level: "error", Request: f.Request, Version: short(f.Version), Message: line})
		}
	}
	in := ""
	if len(f.Stack) > 0 {
		in = strings.TrimSuffix(f.Stack[0].Function+" "+f.Stack[0].place(), " ")
	}
	o.Log.Warn("a function failed in a new way", "owner", owner, "function", name, "version", short(f.Version), "during", f.During,
		"request", f.Request, "kind", f.Kind, "message", f.Message, "in", in)
}

// short is a version's name as people write it.
func short(version string) string { return version[:min(len(version), 12)] }
