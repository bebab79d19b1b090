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
}
