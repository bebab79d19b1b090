package policy

import (
	"time"

	"github.com/wedgecdn/wedge/hostapi/exchange"
)

// Facts are what the store keeps of a response's freshness. They are made by
// [Judge] and never change; a validation makes new ones.
type Facts struct {
	// Received is when the response came or was last validated, in nanoseconds
	// since 1970.
	Received int64
	// Born is when, by this node's clock, the origin made or last validated
	// the response: Received less the age that the response had then. So the
	// current age is now less Born.
	Born int64
	// Lifetime is the freshness lifetime. Negative or 0 is stale at once.
	Lifetime time.Duration
	// WhileRevalidate and IfError are how long after its lifetime the response
	// may be used while it is refreshed, and when that fails.
	WhileRevalidate, IfError time.Duration
	Flags                    Flags
}

// Flags are what a stored response's directives say of its use.
type Flags uint8

// The flags.
const (
	// ValidateAlways is no-cache: it may never be used without validation.
	ValidateAlways Flags = 1 << iota
	// NeverStale is must-revalidate, proxy-revalidate or s-maxage: once stale
	// it may not be used without validation.
	NeverStale
	// ForAuthorized tells that the response may be shared with requests that
	// carry Authorization.
	ForAuthorized
)

// Age is the current age.
//
//	resident_time = now - response_time;
//	current_age = corrected_initial_age + resident_time;
//
// https://www.rfc-editor.org/rfc/rfc9111#section-4.2.3
//
// It is never negative, whatever the clock did.
func (f *Facts) Age(now time.Time) time.Duration {
	return max(0, time.Duration(now.UnixNano()-f.Born))
}

// AgeSeconds is the value of the Age field, delta-seconds.
func (f *Facts) AgeSeconds(now time.Time) int64 {
	return int64(min(f.Age(now), maxDelta) / time.Second)
}

// TTL is how long the response stays fresh; negative if it is stale.
func (f *Facts) TTL(now time.Time) time.Duration { return f.Lifetime - f.Age(now) }

// A State says what may be done with a stored response for a request.
type State uint8

// The states.
const (
	// Fresh may be used as it is.
	Fresh State = iota
	// AllowedStale is stale, and the client said that it takes it so.
	AllowedStale
	// WhileRevalidate is stale, and may be used if a fetch refreshes it meanwhile.
	WhileRevalidate
	// Validate may be used only after the origin has confirmed it.
	Validate
	// NotShared may not be used for this request, whatever the origin says of it.
	NotShared
)

// Use tells whether a stored response may answer a request, and if not, why.
func (f *Facts) Use(a *Access, now time.Time) (State, exchange.Reason) {
	if a.Authorized && f.Flags&ForAuthorized == 0 {
		return NotShared, exchange.ReasonAuthorization
	}
	// "...indicates that the response MUST NOT be used to satisfy any other
	// request without forwarding it for validation and receiving a successful
	// response". https://www.rfc-editor.org/rfc/rfc9111#section-5.2.2.4
	if f.Flags&ValidateAlways != 0 {
		return Validate, exchange.ReasonMustRevalidate
	}
	if a.Revalidate {
		return Validate, exchange.ReasonForcedRevalidation
	}
	// "The no-cache request directive indicates that the client prefers a stored
	// response not be used to satisfy the request without successful validation
	// on the origin server."
	// https://www.rfc-editor.org/rfc/rfc9111#section-5.2.1.4
	if a.Directives.Has(NoCache) {
		return Validate, exchange.ReasonRequestDirective
	}
	age := f.Age(now)
	// "The max-age request directive indicates that the client prefers a
	// response whose age is less than or equal to the specified number of
	// seconds." https://www.rfc-editor.org/rfc/rfc9111#section-5.2.1.1
	//
	// The age is measured in the whole seconds that the client will read in
	// Age, but for max-age=0, which is how browsers say "ask the origin".
	if a.Directives.Has(MaxAge) && (a.Directives.MaxAge == 0 || age.Truncate(time.Second) > a.Directives.MaxAge) {
		return Validate, exchange.ReasonRequestDirective
	}
	// "response_is_fresh = (freshness_lifetime > current_age)"
	// https://www.rfc-editor.org/rfc/rfc9111#section-4.2
	if f.Lifetime > age {
		// "...the client wants a response that will still be fresh for at least
		// the specified number of seconds."
		// https://www.rfc-editor.org/rfc/rfc9111#section-5.2.1.3
		if a.Directives.Has(MinFresh) && f.Lifetime-age < a.Directives.MinFresh {
			return Validate, exchange.ReasonRequestDirective
		}
		return Fresh, exchange.ReasonNone
	}
	// "A cache MUST NOT generate a stale response if it is prohibited by an
	// explicit in-protocol directive".
	// https://www.rfc-editor.org/rfc/rfc9111#section-4.2.4
	if f.Flags&NeverStale != 0 {
		return Validate, exchange.ReasonExpired
	}
	over := age - f.Lifetime
	// "If a value is present, then the client is willing to accept a response
	// that has exceeded its freshness lifetime by no more than the specified
	// number of seconds."
	// https://www.rfc-editor.org/rfc/rfc9111#section-5.2.1.2
	if a.Directives.Has(MaxStale) && over <= a.Directives.MaxStale {
		return AllowedStale, exchange.ReasonExpired
	}
	// "Unless the max-stale request directive is also present, the client does
	// not wish to receive a stale response."
	// https://www.rfc-editor.org/rfc/rfc9111#section-5.2.1.1
	//
	// min-fresh asks for more still.
	if a.Directives.Has(MaxAge | MinFresh) {
		return Validate, exchange.ReasonExpired
	}
	// "...caches MAY serve the response in which it appears after it becomes
	// stale, up to the indicated number of seconds."
	// https://www.rfc-editor.org/rfc/rfc5861#section-3
	if over < f.WhileRevalidate {
		return WhileRevalidate, exchange.ReasonExpired
	}
	return Validate, exchange.ReasonExpired
}

// StaleIfError tells whether a stored response that is not fresh may be used
// because the origin did not answer, or answered with an error.
//
// "A cache MUST NOT generate a stale response unless it is disconnected or
// doing so is explicitly permitted by the client or origin server (e.g., by the
// max-stale request directive..., extension directives such as those defined in
// [RFC5861], or configuration in accordance with an out-of-band contract)."
// https://www.rfc-editor.org/rfc/rfc9111#section-4.2.4
func (f *Facts) StaleIfError(now time.Time) bool {
	if f.Flags&(ValidateAlways|NeverStale) != 0 {
		return false
	}
	return f.Age(now)-f.Lifetime < f.IfError
}

// Errs tells whether a status of the origin's counts as an error beside which a
// stored response may be used.
//
// "In this context, an error is any situation that would result in a 500, 502,
// 503, or 504 HTTP response status code being returned."
// https://www.rfc-editor.org/rfc/rfc5861#section-4
func Errs(status int) bool { return status == 500 || 502 <= status && status <= 504 }
