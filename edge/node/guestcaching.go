package node

import (
	"time"

	"github.com/wedgecdn/wedge/edge/cache/policy"
	"github.com/wedgecdn/wedge/hostapi/exchange"
	"github.com/wedgecdn/wedge/hostapi/services"
)

// guestCaching are the rules of edge/cache/policy, for functions that keep responses by themselves.
type guestCaching struct{}

// cachingRules are those of a route without any of its own. Programs for Fastly Compute, the ones that ask, are written
// for origins that speak to their cache by Surrogate-Control.
var cachingRules = policy.Rules{Target: "surrogate-control"}

func (guestCaching) access(q *services.CachedRequest) policy.Access {
	var x exchange.Exchange
	x.Request.Method = q.Method
	x.Request.Header.CopyFrom(q.Header)
	return policy.Request(&x, &cachingRules)
}

func (g guestCaching) Cacheable(q *services.CachedRequest) bool {
	return g.access(q).Pass == exchange.ReasonNone
}

func (guestCaching) Judge(q *services.CachedRequest, status int, h *exchange.Header, now time.Time) services.Keeping {
	var x exchange.Exchange
	x.Request.Method = q.Method
	x.Request.Header.CopyFrom(q.Header)
	x.Response.Status = status
	x.Response.Header.CopyFrom(h)
	t := policy.Times{Requested: now, Received: now}
	v := policy.Judge(&x, q.Header, t, &cachingRules)
	f, said := policy.Freshness(&x, t, &cachingRules)
	k := services.Keeping{Store: v.Store, Said: said, Kept: services.Kept{
		Lifetime: f.Lifetime, Age: time.Duration(f.Received - f.Born), WhileRevalidate: f.WhileRevalidate, IfError: f.IfError,
		ForAuthorized: f.Flags&policy.ForAuthorized != 0, NeverStale: f.Flags&(policy.ValidateAlways|policy.NeverStale) != 0, Since: now,
	}}
	if !v.Store {
		switch v.Reason {
		case exchange.ReasonMethodUncached, exchange.ReasonRequestNoStore, exchange.ReasonAuthorization, exchange.ReasonPartialContent:
			k.Alone = true
		}
	}
	if f.Flags&policy.ValidateAlways != 0 {
		k.Lifetime, k.WhileRevalidate, k.IfError, k.Said = 0, 0, 0, true
	}
	if f.Flags&policy.NeverStale != 0 {
		k.WhileRevalidate, k.IfError = 0, 0
	}
	k.Vary, _ = policy.VaryNames(nil, &x.Response.Header)
	return k
}

func (g guestCaching) Use(q *services.CachedRequest, k *services.Kept, now time.Time) services.Use {
	f := policy.Facts{
		Received: k.Since.UnixNano(), Born: k.Since.UnixNano() - int64(k.Age), Lifetime: k.Lifetime,
		WhileRevalidate: k.WhileRevalidate, IfError: k.IfError,
	}
	if k.ForAuthorized {
		f.Flags = policy.ForAuthorized
	}
	a := g.access(q)
	if k.NeverStale {
		// "A cache MUST NOT generate a stale response if it is prohibited by an explicit in-protocol directive", which
		// max-stale does not lift. https://www.rfc-editor.org/rfc/rfc9111#section-4.2.4
		//
		// What the function has chosen, WhileRevalidate and IfError, holds.
		a.Directives.Set &^= policy.MaxStale
	}
	switch state, _ := f.Use(&a, now); state {
	case policy.Fresh:
		return services.UseFresh
	case policy.AllowedStale:
		return services.UseStale
	case policy.WhileRevalidate:
		return services.UseAndRefresh
	case policy.Validate:
		if f.StaleIfError(now) {
			return services.UseOnError
		}
		return services.UseConfirmed
	}
	return services.NoUse
}

func (guestCaching) Variant(fields []string, q *exchange.Header) string {
	return string(policy.AppendVariant(nil, fields, q, &cachingRules))
}

func (guestCaching) Strip(h *exchange.Header) { policy.Strip(h, &cachingRules) }

func (guestCaching) Validate(fetch, kept *exchange.Header) bool {
	return policy.Validators(fetch, kept)
}

func (guestCaching) Confirm(kept, fresh *exchange.Header) bool {
	if !policy.Freshens(kept, fresh) {
		return false
	}
	policy.Merge(kept, fresh, &cachingRules)
	return true
}

func (guestCaching) Select(q *services.CachedRequest, status int, h *exchange.Header, length int64, now time.Time) services.Selected {
	whole := services.Selected{Status: status, Last: -1}
	if status != 200 {
		return whole
	}
	// "When the method is GET and both Range and If-Range are present, evaluate the If-Range precondition" comes after the
	// others: https://www.rfc-editor.org/rfc/rfc9110#section-13.2.2
	if policy.Conditional(q.Header, q.Method, h, now) == policy.NotModified {
		return services.Selected{Status: 304}
	}
	// "A server MUST ignore a Range header field received with a request method that is unrecognized or for which range
	// handling is not defined. For this specification, GET is the only method for which range handling is defined."
	// https://www.rfc-editor.org/rfc/rfc9110#section-14.2
	if q.Method != "GET" || length < 0 || !policy.RangeApplies(q.Header, h) {
		return whole
	}
	switch r, kind := policy.ParseRange(q.Header.Value(exchange.Range), length); kind {
	case policy.Satisfiable:
		return services.Selected{Status: 206, First: r.First, Last: r.Last, ContentRange: string(r.AppendContentRange(nil, length))}
	case policy.Unsatisfiable:
		return services.Selected{Status: 416, ContentRange: string(policy.AppendUnsatisfied(nil, length))}
	}
	return whole
}
