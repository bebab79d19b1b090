package observe

import (
	"fmt"
	"log/slog"
	"time"

	"github.com/wedgecdn/wedge/hostapi/exchange"
)

// An Observer hears from the rooms and writes down what they tell. Its fields
// are set before it is used; any of them but Metrics and Log may be nil.
type Observer struct {
	Access    *AccessLog
	Metrics   *Metrics
	Functions *FunctionLogs
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

// short is a version's name as people write it.
func short(version string) string { return version[:min(len(version), 12)] }
