package policy

import "time"

// A Mode is what configuration says of a route's caching.
type Mode uint8

// The modes.
const (
	// Honour stores what the response's fields allow, as long as they allow.
	Honour Mode = iota
	// Pass neither looks up nor stores.
	Pass
	// Force stores for a time of its own whatever the response's fields say of
	// caching. It does not lift what protects one user from another: responses
	// with Set-Cookie, with Vary: *, and those to requests with Authorization.
	Force
)

// String is the mode's word in configuration.
func (m Mode) String() string { return [...]string{"honour", "pass", "force"}[m] }

// Rules are what configuration says of a route's caching, as far as decisions
// depend on it. The zero value is the default.
type Rules struct {
	Mode Mode
	// TTL is how long a response is fresh in mode Force.
	TTL time.Duration
	// StripSetCookie removes Set-Cookie from what is stored. Without it a
	// response with Set-Cookie is not stored.
	StripSetCookie bool
	// KeepSetCookie stores a response with its Set-Cookie, so that all get the
	// cookie that one was given: for sites whose cookies are nobody's own. Only
	// what says itself how long it is fresh is stored so.
	KeepSetCookie bool
	// IgnoreCookies tells that fetches are sent without Cookie, so that no
	// response depends on it.
	IgnoreCookies bool
	// ReadsPrivate tells that a function sees Cookie or Authorization at
	// on_fetch: no response may be shared.
	ReadsPrivate bool
	// IgnoreClientDirectives lets Cache-Control and Pragma of requests have no
	// effect ("caches MAY implement them, but are not required to",
	// https://www.rfc-editor.org/rfc/rfc9111#section-5.2.1).
	IgnoreClientDirectives bool
	// WhileRevalidate and IfError are how long after its lifetime a response may
	// be used while it is refreshed, and when that fails, where the response does
	// not say so itself.
	WhileRevalidate, IfError time.Duration
	// Heuristic is the longest time for which a response is fresh that does not
	// say so itself, but has a Last-Modified; 0 is none.
	Heuristic time.Duration
	// Statuses say how long responses of a status are fresh that do not say so
	// themselves. To name one of 400, 413, 414 and 431, which are never stored
	// otherwise, allows that.
	Statuses []Status
	// Target is the name of a response field, in lower case, that comes before
	// CDN-Cache-Control; "" is none.
	Target string
	// MatchLanguage takes a stored response in the language that a request prefers
	// to all others for the one that the origin would choose.
	MatchLanguage bool
	// ForwardRanges tells that a range is asked for at the origin if nothing whole
	// is stored, and that the part is stored.
	ForwardRanges bool
}

// A Status is a lifetime for responses of a status.
type Status struct {
	Code int
	TTL  time.Duration
}

// status is the lifetime that configuration gives to responses of that status.
func (r *Rules) status(code int) (time.Duration, bool) {
	for _, s := range r.Statuses { // a handful
		if s.Code == code {
			return s.TTL, true
		}
	}
	return 0, false
}
