package policy

import (
	"time"

	"github.com/wedgecdn/wedge/hostapi/exchange"
)

// A Verdict is what [Judge] says of a response.
type Verdict struct {
	// Store tells that the response may be stored.
	Store bool
	// Share tells that it may also be given to requests that waited for it. A
	// response that is stored but has to be validated before each use may not.
	Share bool
	// Reason is why the response may not be stored.
	Reason exchange.Reason
	// Facts are what the store keeps with the response.
	Facts Facts
}

// Times are when a fetch began and when the head of its response was there.
type Times struct{ Requested, Received time.Time }

// Judge tells whether the response in fx may be stored for others, for how
// long, and if not, why. asked are the request's fields as they left
// on_request; fx.Request has them as they were sent to the origin.
func Judge(fx *exchange.Exchange, asked *exchange.Header, t Times, r *Rules) Verdict {
	v := Verdict{Reason: mayStore(fx, asked, r)}
	if v.Reason != exchange.ReasonNone {
		return v
	}
	resp := &fx.Response
	d, targeted := response(&resp.Header, r)
	if v.Reason = permitted(&d, asked, resp, r); v.Reason != exchange.ReasonNone {
		return v
	}
	if v.Reason = judgeVary(fx, asked, r); v.Reason != exchange.ReasonNone {
		return v
	}
	var age time.Duration
	var explicit, chosen bool
	v.Facts, age, explicit, chosen = freshness(fx, &d, targeted, t, r)

	validator := hasValidator(&resp.Header)
	if !explicit {
		// "...some caches will not store a response that has neither a cache
		// validator nor an explicit expiration time, as such responses are not
		// usually useful to store."
		// https://www.rfc-editor.org/rfc/rfc9111#section-3
		//
		// With a validator it is kept, though it may be stale at once: the origin
		// may confirm it. What may depend on a cookie is not, nor what sets one:
		// an origin that answers a cookie without a word about caching may
		// confirm one user's page to another.
		switch {
		case !cacheable(&d, resp.Status, r), sentCookie(fx, asked, r), !validator && v.Facts.Lifetime <= age:
			v.Reason = exchange.ReasonNoFreshness
			return v
		case resp.Header.Has(exchange.SetCookie) && !r.StripSetCookie:
			v.Reason = exchange.ReasonSetCookie
			return v
		}
	}
	fresh := v.Facts.Lifetime > age && v.Facts.Flags&ValidateAlways == 0
	staleUse := v.Facts.Flags&(ValidateAlways|NeverStale) == 0 && v.Facts.Lifetime+max(v.Facts.WhileRevalidate, v.Facts.IfError) > age
	if !fresh && !validator && !staleUse {
		// It could neither be used nor validated.
		v.Reason = exchange.ReasonNoFreshness
		return v
	}
	v.Store = true
	if !chosen {
		// Those who waited asked before the response was made, so the time that
		// it took on its way does not make it too old for them.
		age -= delay(t)
	}
	v.Share = v.Facts.Flags&ValidateAlways == 0 && v.Facts.Lifetime > age
	return v
}

// Freshness is what a store would keep of the response in fx, if it may be stored or not, and whether somebody said how
// long it is fresh. It is for functions, which may store what [Judge] would not.
func Freshness(fx *exchange.Exchange, t Times, r *Rules) (f Facts, explicit bool) {
	d, targeted := response(&fx.Response.Header, r)
	f, _, explicit, _ = freshness(fx, &d, targeted, t, r)
	return f, explicit
}

// freshness makes the facts, and tells the age that the response had; explicit and chosen are those of lifetime.
func freshness(fx *exchange.Exchange, d *Directives, targeted bool, t Times, r *Rules) (f Facts, age time.Duration, explicit, chosen bool) {
	f.Received = t.Received.UnixNano()
	age = initialAge(&fx.Response.Header, t)
	f.Born = f.Received - int64(age)
	explicit, chosen = f.lifetime(fx, d, targeted, age, t, r)
	f.flags(fx, d, r)
	return f, age, explicit, chosen
}

// delay is response_delay of RFC 9111 §4.2.3.
func delay(t Times) time.Duration { return max(0, t.Received.Sub(t.Requested)) }

// mayStore tells whether a response to this request may be stored at all, and
// with this status.
//
// "A cache MUST NOT store a response to a request unless..."
// https://www.rfc-editor.org/rfc/rfc9111#section-3
func mayStore(fx *exchange.Exchange, asked *exchange.Header, r *Rules) exchange.Reason {
	switch {
	case r.Mode == Pass:
		return exchange.ReasonMode
	case fx.Choices.Bypass:
		return exchange.ReasonBypassed
	case fx.Choices.NoStore:
		return exchange.ReasonFunctionNoStore
	case r.ReadsPrivate:
		return exchange.ReasonReadsPrivate
	case fx.Request.Method != "GET":
		// "the request method is understood by the cache". A response to HEAD
		// has no content to store.
		return exchange.ReasonMethodUncached
	case fx.Request.Body != nil || fx.Request.ContentLength != 0:
		return exchange.ReasonRequestBody
	case fx.Response.Upgrade != nil:
		return exchange.ReasonUpgrade
	}
	if !r.IgnoreClientDirectives && asked.Has(exchange.CacheControl) {
		// "The no-store request directive indicates that a cache MUST NOT store
		// any part of either this request or any response to it."
		// https://www.rfc-editor.org/rfc/rfc9111#section-5.2.1.5
		if d := CacheControl(asked); d.Has(NoStore) {
			return exchange.ReasonRequestNoStore
		}
	}
	switch s := fx.Response.Status; {
	case s < 200 || s > 599:
		// "the response status code is final"
		return exchange.ReasonStatus
	case s == 206 && !partAsked(fx, asked, r):
		// "if the response status code is 206 or 304...: the cache understands
		// the response status code". One that nobody asked for it does not.
		return exchange.ReasonPartialContent
	case s == 304:
		return exchange.ReasonStatus
	case s == 416:
		// It speaks of the range that one client asked for.
		return exchange.ReasonStatus
	case s == 400 || s == 413 || s == 414 || s == 431:
		// They speak of one client's request: a field too large, a target too
		// long. Stored under the URL they would answer everybody, so configuration
		// has to name them.
		if _, ok := r.status(s); !ok {
			return exchange.ReasonStatus
		}
	}
	return exchange.ReasonNone
}

// permitted tells whether the response's fields, and configuration, allow a
// shared cache to store it.
func permitted(d *Directives, asked *exchange.Header, resp *exchange.Response, r *Rules) exchange.Reason {
	forced := r.Mode == Force && forceable(resp.Status)
	if !forced {
		// "if... the must-understand cache directive is present: the cache
		// understands the response status code".
		// https://www.rfc-editor.org/rfc/rfc9111#section-3
		if d.Has(MustUnderstand) && !understood(resp.Status) {
			return exchange.ReasonStatus
		}
		// "When a cache that implements the must-understand directive receives a
		// response that includes it, the cache SHOULD ignore the no-store directive
		// if it understands and implements the status code's caching requirements."
		// https://www.rfc-editor.org/rfc/rfc9111#section-5.2.2.3
		if d.Has(NoStore) && !d.Has(MustUnderstand) {
			// "...a cache MUST NOT store any part of either the immediate request
			// or the response".
			// https://www.rfc-editor.org/rfc/rfc9111#section-5.2.2.5
			return exchange.ReasonResponseNoStore
		}
		// "...a shared cache MUST NOT store the response (i.e., the response is
		// intended for a single user)."
		// https://www.rfc-editor.org/rfc/rfc9111#section-5.2.2.7
		if d.Has(Private) {
			return exchange.ReasonPrivate
		}
	}
	// "if the cache is shared: the Authorization header field is not present in
	// the request or a response directive is present that explicitly allows
	// shared caching". https://www.rfc-editor.org/rfc/rfc9111#section-3
	//
	// The client's request is meant. What on_fetch adds are the site's own
	// credentials, and on_fetch cannot read the client's.
	if asked.Has(exchange.Authorization) && !d.Has(allowsAuthorized) {
		return exchange.ReasonAuthorization
	}
	// "Note that the Set-Cookie response header field does not inhibit caching;
	// a cacheable response with a Set-Cookie header field can be (and often is)
	// used to satisfy subsequent requests to caches."
	// https://www.rfc-editor.org/rfc/rfc9111#section-7.3
	//
	// Often it is a mistake, and gives one user's session to all others: so it
	// does inhibit caching here, unless configuration says that it shall not.
	if resp.Header.Has(exchange.SetCookie) && !r.StripSetCookie && (forced || !r.KeepSetCookie) {
		return exchange.ReasonSetCookie
	}
	return exchange.ReasonNone
}

// "In this specification, the following response directives have such an
// effect: must-revalidate (Section 5.2.2.2), public (Section 5.2.2.9), and
// s-maxage (Section 5.2.2.10)."
// https://www.rfc-editor.org/rfc/rfc9111#section-3.5
const allowsAuthorized = MustRevalidate | Public | SMaxAge

// lifetime sets how long the response is fresh, and how long it may be used
// after that. explicit tells that somebody said so; chosen that it was a
// function or configuration, not the response's fields.
func (f *Facts) lifetime(fx *exchange.Exchange, d *Directives, targeted bool, age time.Duration, t Times, r *Rules) (explicit, chosen bool) {
	f.WhileRevalidate, f.IfError = r.WhileRevalidate, r.IfError
	if d.Has(StaleWhileRevalidate) {
		f.WhileRevalidate = d.StaleWhileRevalidate
	}
	if d.Has(StaleIfError) {
		f.IfError = d.StaleIfError
	}
	if fx.Response.Status >= 500 {
		// What is wrong now may be mended by then.
		f.WhileRevalidate, f.IfError = 0, 0
	}
	if g := fx.Choices.Grace; g.Set {
		g := within(g.Value, 0, maxDelta)
		f.WhileRevalidate, f.IfError = g, g
	}
	if ttl := fx.Choices.TTL; ttl.Set {
		// What a function says counts from the moment at which it said so.
		f.Lifetime = age + within(ttl.Value, -maxDelta, maxDelta)
		return true, true
	}
	if r.Mode == Force && forceable(fx.Response.Status) {
		f.Lifetime = age + within(r.TTL, -maxDelta, maxDelta)
		return true, true
	}
	// "A cache can calculate the freshness lifetime (denoted as
	// freshness_lifetime) of a response by evaluating the following rules and
	// using the first match". https://www.rfc-editor.org/rfc/rfc9111#section-4.2.1
	explicit = true
	switch h := &fx.Response.Header; {
	case d.Has(SMaxAge):
		f.Lifetime = d.SMaxAge
	case d.Has(MaxAge):
		f.Lifetime = d.MaxAge
	case !targeted && h.Has(exchange.Expires):
		f.Lifetime = expires(h, t.Received)
	default:
		f.Lifetime = unsaid(fx, d, age, t, r)
		explicit = false
	}
	if fx.Response.Status >= 500 {
		named, _ := r.status(fx.Response.Status)
		f.Lifetime = min(f.Lifetime, age+max(named, maxError))
	}
	return explicit, false
}

// maxError is how long an error of the origin's is fresh at most, whatever its
// fields say and unless configuration names a longer time: a server that fails is not the one to be asked for how long.
const maxError = time.Minute

// unsaid is the lifetime of a response that does not say it.
//
// "A cache MUST NOT use heuristics to determine freshness when an explicit
// expiration time is present in the stored response. Because of the requirements
// in Section 3, heuristics can only be used on responses without explicit
// freshness whose status codes are defined as heuristically cacheable...and on
// responses without explicit freshness that have been marked as explicitly
// cacheable (e.g., with a public response directive)."
// https://www.rfc-editor.org/rfc/rfc9111#section-4.2.2
func unsaid(fx *exchange.Exchange, d *Directives, age time.Duration, t Times, r *Rules) time.Duration {
	if ttl, ok := r.status(fx.Response.Status); ok {
		// It counts from the moment at which the node had the response.
		return age + within(ttl, 0, maxDelta)
	}
	if r.Heuristic <= 0 || !cacheable(d, fx.Response.Status, r) {
		return 0
	}
	// "If the response has a Last-Modified header field..., caches are encouraged
	// to use a heuristic expiration value that is no more than some fraction of
	// the interval since that time. A typical setting of this fraction might be
	// 10%." https://www.rfc-editor.org/rfc/rfc9111#section-4.2.2
	h := &fx.Response.Header
	modified, ok := ParseDate(h.Value(exchange.LastModified), t.Received)
	if !ok {
		return 0
	}
	made := t.Received.Unix()
	if d, ok := ParseDate(h.Value(exchange.Date), t.Received); ok {
		made = d
	}
	return min(max(0, seconds(made-modified)/10), r.Heuristic)
}

// cacheable tells whether a response that does not say how long it is fresh may
// be stored: "the response contains at least one of the following: a public
// response directive...; a status code that is defined as heuristically
// cacheable". https://www.rfc-editor.org/rfc/rfc9111#section-3
func cacheable(d *Directives, status int, r *Rules) bool {
	_, named := r.status(status)
	return named || d.Has(Public) || heuristicallyCacheable(status)
}

// expires is the lifetime that Expires says: "its value minus the value of the
// Date response header field (using the time the message was received if it is
// not present...)". https://www.rfc-editor.org/rfc/rfc9111#section-4.2.1
func expires(h *exchange.Header, received time.Time) time.Duration {
	// "A cache recipient MUST interpret invalid date formats, especially the
	// value "0", as representing a time in the past (i.e., "already expired")."
	// https://www.rfc-editor.org/rfc/rfc9111#section-5.3
	//
	// Two Expires lines are no date either.
	e, ok := ParseDate(h.Value(exchange.Expires), received)
	if !ok || h.Count(exchange.Expires) > 1 {
		return 0
	}
	from := received.Unix()
	if d, ok := ParseDate(h.Value(exchange.Date), received); ok {
		from = d
	}
	return seconds(e - from)
}

// seconds is n seconds, within what the cache calculates with.
func seconds(n int64) time.Duration {
	const limit = int64(maxDelta / time.Second)
	return time.Duration(min(max(n, -limit), limit)) * time.Second
}

func within(d, low, high time.Duration) time.Duration { return min(max(d, low), high) }

// initialAge is the age that the response had when it was received.
//
//	apparent_age = max(0, response_time - date_value);
//	response_delay = response_time - request_time;
//	corrected_age_value = age_value + response_delay;
//	corrected_initial_age = max(apparent_age, corrected_age_value);
//
// https://www.rfc-editor.org/rfc/rfc9111#section-4.2.3
func initialAge(h *exchange.Header, t Times) time.Duration {
	age := delay(t) + ageValue(h)
	if d, ok := ParseDate(h.Value(exchange.Date), t.Received); ok {
		age = max(age, seconds(t.Received.Unix()-d))
	}
	return min(age, maxDelta)
}

// ageValue reads Age.
//
// "Although it is defined as a singleton header field, a cache encountering a
// message with a list-based Age field value SHOULD use the first member of the
// field value, discarding subsequent ones. If the field value (after discarding
// additional members, as per above) is invalid..., a cache SHOULD ignore the
// field." https://www.rfc-editor.org/rfc/rfc9111#section-5.1
func ageValue(h *exchange.Header) time.Duration {
	s := h.Value(exchange.Age)
	for i := 0; i < len(s); i++ {
		if s[i] == ',' {
			s = s[:i]
			break
		}
	}
	d, _ := parseDelta(trim(s))
	return d
}

// flags sets what the directives say of the response's use.
func (f *Facts) flags(fx *exchange.Exchange, d *Directives, r *Rules) {
	if d.Has(allowsAuthorized) {
		f.Flags |= ForAuthorized
	}
	if r.Mode == Force && forceable(fx.Response.Status) {
		return
	}
	if d.Has(NoCache) {
		f.Flags |= ValidateAlways
	}
	if d.Has(MustRevalidate | ProxyRevalidate) {
		f.Flags |= NeverStale
	}
	// "The s-maxage directive incorporates the semantics of the proxy-revalidate
	// response directive (Section 5.2.2.8) for a shared cache."
	// https://www.rfc-editor.org/rfc/rfc9111#section-5.2.2.10
	//
	// A function that sets TTL or grace has taken the place of that directive.
	if d.Has(SMaxAge) && !fx.Choices.TTL.Set && !fx.Choices.Grace.Set {
		f.Flags |= NeverStale
	}
}

func hasValidator(h *exchange.Header) bool {
	return h.Has(exchange.ETag) || h.Has(exchange.LastModified)
}

// sentCookie tells whether the origin saw a cookie of the client's.
func sentCookie(fx *exchange.Exchange, asked *exchange.Header, r *Rules) bool {
	return fx.Request.Header.Has(exchange.Cookie) || asked.Has(exchange.Cookie) && !r.IgnoreCookies
}

// heuristicallyCacheable tells the statuses "that are defined as heuristically
// cacheable (e.g., 200, 203, 204, 206, 300, 301, 308, 404, 405, 410, 414, and
// 501 in this specification)".
// https://www.rfc-editor.org/rfc/rfc9110#section-15.1
//
// 414 is stored only if configuration names it.
func heuristicallyCacheable(status int) bool {
	switch status {
	case 200, 203, 204, 206, 300, 301, 308, 404, 405, 410, 501:
		return true
	}
	return false
}

// forceable tells the statuses that mode Force stores whatever their fields
// say: what is there, where it went, and that it is not there. An error goes by
// its own fields.
func forceable(status int) bool {
	switch status {
	case 200, 203, 204, 206, 300, 301, 308, 404, 410:
		return true
	}
	return false
}

// understood tells the statuses whose caching-related behaviour is implemented
// here as RFC 9110 defines it.
func understood(status int) bool {
	switch status {
	case 200, 201, 202, 203, 204, 205, 206,
		300, 301, 302, 303, 307, 308,
		401, 402, 403, 404, 405, 406, 407, 408, 409, 410, 411, 412, 415, 417, 421, 422, 426,
		500, 501, 502, 503, 504, 505:
		return true
	}
	return false
}
