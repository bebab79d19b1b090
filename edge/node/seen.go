package node

import (
	"slices"
	"strings"
	"time"

	"github.com/wedgecdn/wedge/edge/admin"
	"github.com/wedgecdn/wedge/edge/observe"
	"github.com/wedgecdn/wedge/edge/pipeline"
	"github.com/wedgecdn/wedge/hostapi/exchange"
	"github.com/wedgecdn/wedge/hostapi/guest"
)

// Seen is an exchange of a client as a developer looks at it. It is a copy, which whoever is given it may keep.
type Seen struct {
	ID      string
	Time    time.Time
	Method  string
	URL     string // in normal form; what the client sent, if it has none
	Status  int
	Bytes   int64 // of content that were sent
	Took    time.Duration
	Outcome string // as in the access log: hit, miss and so on
	Reason  string // why; "" if there is nothing to say
	Stored  bool
	// Key says what functions made of the cache key; "" if they left it alone.
	Key   string
	Calls []SeenCall
	Error string // what went wrong inside; "" if nothing did
}

// SeenCall is one call of a function.
type SeenCall struct {
	Function, Hook  string
	Fuel, HostCalls int64
	CPU, Wall       time.Duration
	Answered        bool
	Failed          string // the kind of failure; "" if it returned
}

// A Failure is a failure of a function as a developer looks at it.
type Failure struct {
	admin.FunctionFailure
	locate func() []admin.GuestFrame
}

// NewFailure makes a failure of which locate knows the places.
func NewFailure(f admin.FunctionFailure, locate func() []admin.GuestFrame) *Failure {
	return &Failure{f, locate}
}

// Locate finds out in which files and lines the function was. It reads the module, which takes some 50 ms a megabyte, so it is
// not called where an exchange waits.
func (f *Failure) Locate() { f.Stack = f.locate() }

// bounds of what is copied, in bytes, and in calls.
const (
	seenText  = 2048
	seenCalls = 32
)

// watched are the pipeline's events, which l hears of as well if it wants to.
func (l *Local) watched(o *observe.Observer) pipeline.Events {
	if l == nil || l.Seen == nil {
		return o
	}
	return watched{o, l.Seen}
}

type watched struct {
	*observe.Observer
	seen func(*Seen)
}

func (w watched) Ended(x *exchange.Exchange, took time.Duration) {
	w.Observer.Ended(x, took)
	w.seen(seen(x, took))
}

// cut is a copy of the begin of a text; what came from the network is gone when the exchange is.
func cut(s string) string {
	if len(s) > seenText {
		return strings.ToValidUTF8(s[:seenText], "") + "…"
	}
	return strings.Clone(s)
}

func seen(x *exchange.Exchange, took time.Duration) *Seen {
	s := &Seen{
		ID: x.ID.String(), Time: x.Now, Method: cut(x.Request.Method), Status: x.Response.Status, Bytes: x.Sent, Took: took,
		Outcome: x.Outcome.String(), Stored: x.Cache.Stored, Key: cut(keyText(&x.Choices.Key)),
	}
	u := x.Asked
	if u.Path == "" {
		s.URL = cut(x.Request.Target)
	} else if s.URL = u.Scheme + "://" + u.Host + u.Path; u.HasQuery {
		s.URL += "?" + u.Query
	}
	s.URL = cut(s.URL)
	if x.Reason != exchange.ReasonNone {
		s.Reason = x.Reason.String()
	}
	if x.Err != nil {
		s.Error = cut(x.Err.Error())
	}
	for i := range x.Calls[:min(len(x.Calls), seenCalls)] {
		c := &x.Calls[i]
		call := SeenCall{Function: strings.Clone(c.Function), Hook: c.Hook.String(), Fuel: c.Fuel, HostCalls: c.HostCalls, CPU: c.CPU, Wall: c.Wall, Answered: c.Answered}
		if c.Failed != exchange.ReasonNone {
			call.Failed = c.Failed.String()
		}
		s.Calls = append(s.Calls, call)
	}
	return s
}

// keyText says what functions made of the cache key: "+variant=b", "path=/a", "-utm_*".
func keyText(k *exchange.KeyChoice) string {
	var words []string
	if k.HasReplace {
		words = append(words, "path="+k.Replace)
	}
	for _, p := range k.Parts {
		words = append(words, "+"+p.Name+"="+p.Value)
	}
	for _, q := range k.IgnoreQuery {
		words = append(words, "-"+q)
	}
	if k.IgnoreAllQuery {
		words = append(words, "-query")
	}
	if k.SortQuery {
		words = append(words, "sorted")
	}
	if k.LowerCase {
		words = append(words, "lower-case")
	}
	return strings.Join(words, " ")
}

func (l *Local) line(o *observe.LogLine) {
	if l != nil && l.Line != nil {
		l.Line(admin.LogLine(*o))
	}
}

// failed tells of a failure. What it hands out is a copy: the node's own report is looked into beside it.
func (l *Local) failed(r *guest.Report) {
	if l == nil || l.Failed == nil {
		return
	}
	own := *r
	own.Stack = slices.Clone(r.Stack)
	f := admin.FunctionFailure{
		Count: 1, First: time.Now(), Last: time.Now(), Version: r.Version, During: r.During, Kind: string(r.Kind), Message: r.Message, LastHostCall: r.LastHostCall,
	}
	if r.Exchange != (exchange.ID{}) {
		f.Request = r.Exchange.String()
	}
	for _, b := range r.Budgets {
		f.Budgets = append(f.Budgets, admin.BudgetSpent{Budget: b.Budget.String(), Spent: b.Spent, Limit: b.Limit, Text: b.String()})
	}
	l.Failed(NewFailure(f, func() (stack []admin.GuestFrame) {
		own.Locate()
		for _, s := range own.Stack {
			stack = append(stack, admin.GuestFrame{Function: s.Function, Offset: s.Offset, File: s.File, Line: s.Line, Column: s.Column})
		}
		return stack
	}))
}
