package policy

import (
	"strings"

	"github.com/wedgecdn/wedge/hostapi/exchange"
)

// Access is what a request may do with the cache.
type Access struct {
	// Pass, if not ReasonNone, is why the request goes past the cache: it is
	// neither looked up nor is its response stored.
	Pass exchange.Reason
	// Miss, if not ReasonNone, is why the request may be answered by a stored
	// response but by nothing that would have to be fetched into the cache:
	// ReasonOnlyIfCached makes it a 504, every other one a pass.
	Miss exchange.Reason
	// Alone tells that the request must not wait for another's fetch, nor
	// others for its own; what it fetches may still be stored if [Judge] says so.
	Alone bool
	// Revalidate tells that a function wants what is stored to be validated.
	Revalidate bool
	// Authorized tells that the request has Authorization.
	Authorized bool
	// Directives are those of the request that are honoured.
	Directives Directives
}

// Request tells what a request may do with the cache. x is as it left on_request.
func Request(x *exchange.Exchange, r *Rules) (a Access) {
	q := &x.Request
	h := &q.Header
	switch {
	case r.Mode == Pass:
		a.Pass = exchange.ReasonMode
	case x.Choices.Bypass:
		a.Pass = exchange.ReasonBypassed
	case r.ReadsPrivate:
		a.Pass = exchange.ReasonReadsPrivate
	case q.Method != "GET" && q.Method != "HEAD":
		// "A cache MUST write through requests with methods that are unsafe... to
		// the origin server". https://www.rfc-editor.org/rfc/rfc9111#section-4
		//
		// Of the safe ones only GET and HEAD are understood.
		a.Pass = exchange.ReasonMethodUncached
	case q.Body != nil || q.ContentLength != 0:
		// "...content received in a GET request has no generally defined
		// semantics". https://www.rfc-editor.org/rfc/rfc9110#section-9.3.1
		//
		// An origin that reads it would answer one user's question to another.
		a.Pass = exchange.ReasonRequestBody
	case h.Has(exchange.Upgrade):
		a.Pass = exchange.ReasonUpgrade
	case h.Has(exchange.IfMatch), h.Has(exchange.IfUnmodifiedSince):
		// "A cache MUST NOT evaluate conditional header fields that only apply to
		// an origin server... such preconditions are likely intended for some
		// other (inbound) server."
		// https://www.rfc-editor.org/rfc/rfc9111#section-4.3.2
		a.Pass = exchange.ReasonPrecondition
	}
	if a.Pass != exchange.ReasonNone {
		return a
	}
	if h.Has(exchange.Authorization) {
		a.Authorized, a.Alone = true, true
	}
	a.Revalidate = x.Choices.Revalidate
	if r.IgnoreClientDirectives {
		return a
	}
	switch {
	case h.Has(exchange.CacheControl):
		a.Directives = CacheControl(h)
		switch {
		case a.Directives.Has(OnlyIfCached):
			a.Miss = exchange.ReasonOnlyIfCached
		case a.Directives.Has(NoStore):
			// "...a cache MUST NOT store any part of either this request or any
			// response to it... Note that if a request containing this directive is
			// satisfied from a cache, the no-store request directive does not apply
			// to the already stored response."
			// https://www.rfc-editor.org/rfc/rfc9111#section-5.2.1.5
			a.Miss = exchange.ReasonRequestNoStore
		}
	case h.Has(exchange.Pragma) && pragmaNoCache(h):
		// "The "Pragma" request header field was defined for HTTP/1.0 caches, so
		// that clients could specify a "no-cache" request".
		// https://www.rfc-editor.org/rfc/rfc9111#section-5.4
		//
		// Clients that know no Cache-Control still say it so.
		a.Directives.Set = NoCache
	}
	return a
}

func pragmaNoCache(h *exchange.Header) bool {
	for rest, more := h.Value(exchange.Pragma), true; more; {
		var one string
		one, rest, more = strings.Cut(rest, ",")
		if fold(trim(one), "no-cache") {
			return true
		}
	}
	return false
}

// Forward is why a request went to the origin, in the words of RFC 9211 §2.2.
func Forward(r exchange.Reason) exchange.Forward {
	switch r {
	case exchange.ReasonMode, exchange.ReasonBypassed, exchange.ReasonReadsPrivate, exchange.ReasonUpgrade, exchange.ReasonHitForMiss, exchange.ReasonWaitTimeout:
		return exchange.ForwardBypass
	case exchange.ReasonMethodUncached:
		return exchange.ForwardMethod
	case exchange.ReasonRequestBody, exchange.ReasonAuthorization, exchange.ReasonRequestNoStore, exchange.ReasonRequestDirective, exchange.ReasonPrecondition:
		return exchange.ForwardRequest
	case exchange.ReasonVaryMismatch:
		return exchange.ForwardVaryMiss
	case exchange.ReasonExpired, exchange.ReasonMustRevalidate, exchange.ReasonForcedRevalidation, exchange.ReasonPurged:
		return exchange.ForwardStale
	case exchange.ReasonAbsent, exchange.ReasonHeadMiss:
		return exchange.ForwardURIMiss
	}
	return exchange.ForwardMiss
}
