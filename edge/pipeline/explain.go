package pipeline

import (
	"errors"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/wedgecdn/wedge/edge/cache"
	"github.com/wedgecdn/wedge/edge/hook"
	"github.com/wedgecdn/wedge/hostapi/exchange"
)

// An Explanation is what the node would do with a request, up to the point at
// which it would ask an origin.
type Explanation struct {
	Site, Route string
	// Method and URL are the request's as they left on_request.
	Method, URL string
	// Functions are those that the request came to, in their order. A handler is
	// the last, as one that has answered: it was not run, since it would ask
	// origins.
	Functions []Decision
	// Outcome, Reason and Status say how the request ends if it does not come to
	// the cache: a function answers, or it is refused. Else Outcome is
	// OutcomeNone and Cache says what there is.
	Outcome exchange.Outcome
	Reason  exchange.Reason
	Status  int
	Cache   cache.Explanation
	// Rules are what the route's configuration says of caching; nil if the request
	// came to no route.
	Rules *cache.Rules
}

// A Decision is what one function made of a request at on_request.
type Decision struct {
	Function string
	Answered bool
	// Failed is why it failed; ReasonNone if it did not. Under the policy open
	// the request goes on.
	Failed exchange.Reason
	// Changed names what is another than before. It has no values of fields,
	// which may be secrets that the function holds.
	Changed []string
}

// ErrForeign is the error of Explain for a host that no site of the owner has.
var ErrForeign = errors.New("no site of the owner has this host")

// Explain tells what would become of x if a client sent it. Functions run at
// on_request as they do for clients: what they do beside the request is done.
// Nothing is fetched, served, stored or logged. x is the pipeline's from here on.
//
// The owner must be that of the site: what one tenant has stored is nobody
// else's to see.
func (p *Pipeline) Explain(x *exchange.Exchange, owner string) (e Explanation, err error) {
	c := p.begin(x)
	c.forGuest = true // no line in the log: nobody asked
	defer func() {
		x.Response.Drop()
		c.end()
	}()
	defer func() {
		c.recovered()
		if x.Outcome == exchange.Failed && x.Reason == exchange.ReasonBug {
			e.Outcome, e.Reason, e.Status = x.Outcome, x.Reason, x.Response.Status
		}
	}()
	s := c.receive()
	if s == findRoute {
		if s = c.findRoute(); c.route != nil {
			if c.route.Owner != owner {
				return e, ErrForeign
			}
			e.Rules = &c.route.Rules
			if c.route.Hooks.Has(exchange.OnRequest) {
				s = c.watchedRequest(&e)
			} else {
				s = c.normalised()
			}
		}
	}
	if c.route == nil && x.Reason == exchange.ReasonNoSite {
		return e, ErrForeign
	}
	q := &x.Request
	e.Site, e.Route = strings.Clone(x.Site), strings.Clone(x.Route)
	e.Method, e.URL = strings.Clone(q.Method), q.Scheme+"://"+q.Host+q.URI()
	if s == handle {
		e.Functions = append(e.Functions, Decision{Function: c.route.Handler.Name, Answered: true})
		e.Outcome = exchange.Answered
		return e, nil
	}
	if s != lookup {
		e.Outcome, e.Reason, e.Status = x.Outcome, x.Reason, x.Response.Status
		return e, nil
	}
	c.wantIdentity()
	e.Cache = c.p.o.Cache.Explain(x, &c.route.Rules)
	return e, nil
}

// watchedRequest is onRequest, and notes what each function did.
func (c *call) watchedRequest(e *Explanation) step {
	x := c.x
	host, path := x.Request.Host, x.Request.Path
	before := lookAt(x)
	calls := len(x.Calls)
	r := c.route.Hooks.Watch(x, exchange.OnRequest, func(function string, r hook.Result) {
		d := Decision{Function: function, Answered: r.Kind == hook.Answered, Failed: r.Reason}
		if calls < len(x.Calls) && d.Failed == exchange.ReasonNone {
			d.Failed = x.Calls[len(x.Calls)-1].Failed
		}
		calls = len(x.Calls)
		after := lookAt(x)
		d.Changed = before.changes(after)
		before = after
		e.Functions = append(e.Functions, d)
	})
	switch r.Kind {
	case hook.Answered:
		x.Outcome = exchange.Answered
		return onResponse
	case hook.Failed:
		return c.hookFailed(r)
	}
	if x.Request.Host != host || x.Request.Path != path {
		return c.renormalise()
	}
	return c.normalised()
}

// A look is what functions may change of a request, as names and values.
type look map[string]string

func lookAt(x *exchange.Exchange) look {
	q, ch := &x.Request, &x.Choices
	l := look{"method": q.Method, "host": q.Host, "path": q.Path, "origin": ch.Origin, "body": strconv.FormatInt(q.ContentLength, 10)}
	if q.HasQuery {
		l["query"] = "?" + q.Query
	}
	for f := range q.Header.All() {
		l["field "+strings.ToLower(f.Name)] += f.Value + "\n"
	}
	mark := func(name string, set bool) {
		if set {
			l[name] = "set"
		}
	}
	mark("bypass the cache", ch.Bypass)
	mark("revalidate", ch.Revalidate)
	mark("key: path and query replaced", ch.Key.HasReplace)
	mark("key: query ignored", ch.Key.IgnoreAllQuery)
	mark("key: query sorted", ch.Key.SortQuery)
	mark("key: in lower case", ch.Key.LowerCase)
	for _, name := range ch.Key.IgnoreQuery {
		l["key: without parameter "+name] = "set"
	}
	for _, p := range ch.Key.Parts {
		l["key: part "+p.Name] += p.Value + "\n"
	}
	return l
}

// changes names what differs in after, sorted.
func (l look) changes(after look) (names []string) {
	for name, v := range after {
		if was, ok := l[name]; !ok || was != v {
			names = append(names, name)
		}
	}
	for name := range maps.Keys(l) {
		if _, ok := after[name]; !ok {
			names = append(names, name+" (removed)")
		}
	}
	slices.Sort(names)
	return names
}
