package policy

import (
	"testing"
	"time"

	"github.com/wedgecdn/wedge/hostapi/exchange"
)

// asked makes the exchange of a GET with these fields.
func asked(lines ...string) *exchange.Exchange {
	x := exchange.New()
	x.Now = noon
	x.Request.Method, x.Request.Scheme, x.Request.Host, x.Request.Path = "GET", "https", "shop.example", "/a"
	x.Request.Header.CopyFrom(fields(lines...))
	return x
}

func TestRequestPasses(t *testing.T) {
	f := func(want exchange.Reason, change func(x *exchange.Exchange, r *Rules), lines ...string) {
		t.Helper()
		x, r := asked(lines...), &Rules{}
		if change != nil {
			change(x, r)
		}
		if got := Request(x, r).Pass; got != want {
			t.Errorf("%q: passes for %q, want %q", lines, got, want)
		}
	}
	f(exchange.ReasonNone, nil)
	f(exchange.ReasonNone, func(x *exchange.Exchange, _ *Rules) { x.Request.Method = "HEAD" })
	f(exchange.ReasonNone, nil, "Cookie: a=1")
	f(exchange.ReasonNone, nil, "Range: bytes=0-1")
	f(exchange.ReasonNone, nil, `If-None-Match: "a"`, "If-Modified-Since: "+stamp(0), `If-Range: "a"`)
	f(exchange.ReasonNone, nil, "Authorization: Bearer x")
	f(exchange.ReasonNone, func(_ *exchange.Exchange, r *Rules) { r.Mode = Force })

	// "A cache MUST write through requests with methods that are unsafe... to the origin server".
	// https://www.rfc-editor.org/rfc/rfc9111#section-4
	for _, m := range []string{"POST", "PUT", "DELETE", "PATCH", "OPTIONS", "PURGE", "get", "Head", ""} {
		f(exchange.ReasonMethodUncached, func(x *exchange.Exchange, _ *Rules) { x.Request.Method = m })
	}
	f(exchange.ReasonRequestBody, func(x *exchange.Exchange, _ *Rules) { x.Request.Body = exchange.NewBytesBody(nil) })
	f(exchange.ReasonRequestBody, func(x *exchange.Exchange, _ *Rules) { x.Request.ContentLength = -1 })
	f(exchange.ReasonUpgrade, nil, "Upgrade: websocket")
	f(exchange.ReasonMode, func(_ *exchange.Exchange, r *Rules) { r.Mode = Pass })
	f(exchange.ReasonBypassed, func(x *exchange.Exchange, _ *Rules) { x.Choices.Bypass = true })
	f(exchange.ReasonReadsPrivate, func(_ *exchange.Exchange, r *Rules) { r.ReadsPrivate = true })

	// "A cache MUST NOT evaluate conditional header fields that only apply to an origin server".
	// https://www.rfc-editor.org/rfc/rfc9111#section-4.3.2
	f(exchange.ReasonPrecondition, nil, `If-Match: "a"`)
	f(exchange.ReasonPrecondition, nil, "If-Unmodified-Since: "+stamp(0))
}

func TestRequestMisses(t *testing.T) {
	f := func(r Rules, want exchange.Reason, directives string, lines ...string) {
		t.Helper()
		a := Request(asked(lines...), &r)
		if a.Pass != exchange.ReasonNone || a.Miss != want || words(a.Directives) != directives {
			t.Errorf("%q: pass %q, miss %q, directives %q; want miss %q, directives %q", lines, a.Pass, a.Miss, words(a.Directives), want, directives)
		}
	}
	f(Rules{}, exchange.ReasonNone, "")
	f(Rules{}, exchange.ReasonNone, "max-age=0 no-cache", "Cache-Control: no-cache, max-age=0")

	// "...a cache MUST NOT store any part of either this request or any response to it."
	// https://www.rfc-editor.org/rfc/rfc9111#section-5.2.1.5
	f(Rules{}, exchange.ReasonRequestNoStore, "no-store", "Cache-Control: no-store")

	// "Caches that honor this request directive SHOULD, upon receiving it, respond with either a stored response
	// consistent with the other constraints of the request or a 504 (Gateway Timeout) status code."
	// https://www.rfc-editor.org/rfc/rfc9111#section-5.2.1.7
	f(Rules{}, exchange.ReasonOnlyIfCached, "only-if-cached", "Cache-Control: only-if-cached")
	f(Rules{}, exchange.ReasonOnlyIfCached, "no-store only-if-cached", "Cache-Control: no-store", "Cache-Control: only-if-cached")

	f(Rules{}, exchange.ReasonNone, "no-cache", "Pragma: no-cache")
	f(Rules{}, exchange.ReasonNone, "no-cache", "Pragma: x, NO-CACHE")
	f(Rules{}, exchange.ReasonNone, "", "Pragma: extension")
	f(Rules{}, exchange.ReasonNone, "max-age=9", "Pragma: no-cache", "Cache-Control: max-age=9")

	// "They are advisory; caches MAY implement them, but are not required to."
	// https://www.rfc-editor.org/rfc/rfc9111#section-5.2.1
	off := Rules{IgnoreClientDirectives: true}
	f(off, exchange.ReasonNone, "", "Cache-Control: no-store, no-cache, only-if-cached, max-age=0")
	f(off, exchange.ReasonNone, "", "Pragma: no-cache")
}

func TestRequestAuthorized(t *testing.T) {
	if a := Request(asked("Authorization: Basic eA=="), &Rules{}); !a.Authorized || !a.Alone {
		t.Errorf("a request with credentials is %+v, must be authorized and alone", a)
	}
	if a := Request(asked("Cookie: a=1"), &Rules{}); a.Authorized || a.Alone {
		t.Errorf("a request with a cookie is %+v, must not be authorized or alone", a)
	}
	x := asked()
	x.Choices.Revalidate = true
	if a := Request(x, &Rules{}); !a.Revalidate {
		t.Error("a function's wish to revalidate is lost")
	}
}

func TestForward(t *testing.T) {
	f := func(want string, reasons ...exchange.Reason) {
		t.Helper()
		for _, r := range reasons {
			if got := Forward(r).String(); got != want {
				t.Errorf("%v: got %q, want %q", r, got, want)
			}
		}
	}
	// https://www.rfc-editor.org/rfc/rfc9211#section-2.2
	f("bypass", exchange.ReasonMode, exchange.ReasonBypassed, exchange.ReasonReadsPrivate, exchange.ReasonHitForMiss)
	f("method", exchange.ReasonMethodUncached)
	f("uri-miss", exchange.ReasonAbsent)
	f("vary-miss", exchange.ReasonVaryMismatch)
	f("request", exchange.ReasonRequestNoStore, exchange.ReasonRequestDirective, exchange.ReasonRequestBody, exchange.ReasonPrecondition)
	f("stale", exchange.ReasonExpired, exchange.ReasonMustRevalidate)
	f("miss", exchange.ReasonEvicted)
}

// facts of a response that is 100 s old at noon and fresh for 60 s more.
func factsAt(age, lifetime time.Duration, flags Flags) *Facts {
	return &Facts{Received: noon.UnixNano(), Born: noon.Add(-age).UnixNano(), Lifetime: lifetime, Flags: flags}
}

func TestUse(t *testing.T) {
	const s = time.Second
	f := func(facts *Facts, cacheControl string, state State, reason exchange.Reason) {
		t.Helper()
		x := asked()
		if cacheControl != "" {
			x.Request.Header.Add("Cache-Control", cacheControl)
		}
		a := Request(x, &Rules{})
		if got, why := facts.Use(&a, noon); got != state || why != reason {
			t.Errorf("age %v of %v, %q: got %d %q, want %d %q", facts.Age(noon), facts.Lifetime, cacheControl, got, why, state, reason)
		}
	}
	fresh := factsAt(100*s, 160*s, 0)
	stale := factsAt(100*s, 90*s, 0)

	// "response_is_fresh = (freshness_lifetime > current_age)"
	// https://www.rfc-editor.org/rfc/rfc9111#section-4.2
	f(fresh, "", Fresh, exchange.ReasonNone)
	f(factsAt(100*s, 100*s+1, 0), "", Fresh, exchange.ReasonNone)
	f(factsAt(100*s, 100*s, 0), "", Validate, exchange.ReasonExpired)
	f(factsAt(0, 0, 0), "", Validate, exchange.ReasonExpired)
	f(factsAt(0, -5*s, 0), "", Validate, exchange.ReasonExpired)
	f(stale, "", Validate, exchange.ReasonExpired)

	// no-cache of the response.
	// https://www.rfc-editor.org/rfc/rfc9111#section-5.2.2.4
	f(factsAt(0, 100*s, ValidateAlways), "", Validate, exchange.ReasonMustRevalidate)
	f(factsAt(0, 100*s, ValidateAlways), "max-stale", Validate, exchange.ReasonMustRevalidate)

	// The client's no-cache, max-age, min-fresh.
	// https://www.rfc-editor.org/rfc/rfc9111#section-5.2.1
	f(fresh, "no-cache", Validate, exchange.ReasonRequestDirective)
	f(fresh, "max-age=0", Validate, exchange.ReasonRequestDirective)
	f(factsAt(0, 100*s, 0), "max-age=0", Validate, exchange.ReasonRequestDirective)
	f(fresh, "max-age=99", Validate, exchange.ReasonRequestDirective)
	f(fresh, "max-age=100", Fresh, exchange.ReasonNone)
	f(factsAt(100*s+900*time.Millisecond, 160*s, 0), "max-age=100", Fresh, exchange.ReasonNone)
	f(fresh, "max-age=x", Validate, exchange.ReasonRequestDirective)
	f(fresh, "min-fresh=60", Fresh, exchange.ReasonNone)
	f(fresh, "min-fresh=61", Validate, exchange.ReasonRequestDirective)
	f(fresh, "min-fresh=x", Validate, exchange.ReasonRequestDirective)

	// max-stale, and what forbids it.
	// https://www.rfc-editor.org/rfc/rfc9111#section-5.2.1.2
	f(stale, "max-stale", AllowedStale, exchange.ReasonExpired)
	f(stale, "max-stale=10", AllowedStale, exchange.ReasonExpired)
	f(stale, "max-stale=9", Validate, exchange.ReasonExpired)
	f(stale, "max-stale, max-age=50", Validate, exchange.ReasonRequestDirective)
	f(stale, "max-stale, max-age=100", AllowedStale, exchange.ReasonExpired)
	f(fresh, "max-stale", Fresh, exchange.ReasonNone)

	// "A cache MUST NOT generate a stale response if it is prohibited by an explicit in-protocol directive".
	// https://www.rfc-editor.org/rfc/rfc9111#section-4.2.4
	f(factsAt(100*s, 90*s, NeverStale), "max-stale", Validate, exchange.ReasonExpired)
	f(factsAt(0, 90*s, NeverStale), "", Fresh, exchange.ReasonNone)

	// stale-while-revalidate. https://www.rfc-editor.org/rfc/rfc5861#section-3
	swr := factsAt(100*s, 90*s, 0)
	swr.WhileRevalidate = 11 * s
	f(swr, "", WhileRevalidate, exchange.ReasonExpired)
	// "Unless the max-stale request directive is also present, the client does not wish to receive a stale response."
	// https://www.rfc-editor.org/rfc/rfc9111#section-5.2.1.1
	f(swr, "max-age=1000", Validate, exchange.ReasonExpired)
	swr.Flags = NeverStale
	f(swr, "", Validate, exchange.ReasonExpired)
	swr.Flags, swr.WhileRevalidate = 0, 10*s
	f(swr, "", Validate, exchange.ReasonExpired)

	// A function's wish.
	a := Access{Revalidate: true}
	if got, why := fresh.Use(&a, noon); got != Validate || why != exchange.ReasonForcedRevalidation {
		t.Errorf("with revalidate: got %d %q", got, why)
	}
	// "A shared cache MUST NOT use a cached response to a request with an Authorization header field..."
	// https://www.rfc-editor.org/rfc/rfc9111#section-3.5
	a = Access{Authorized: true}
	if got, why := fresh.Use(&a, noon); got != NotShared || why != exchange.ReasonAuthorization {
		t.Errorf("with credentials: got %d %q", got, why)
	}
	if got, _ := factsAt(0, 60*s, ForAuthorized).Use(&a, noon); got != Fresh {
		t.Errorf("with credentials, of a public response: got %d", got)
	}
}

func TestStaleIfError(t *testing.T) {
	const s = time.Second
	f := func(ifError time.Duration, flags Flags, want bool) {
		t.Helper()
		facts := factsAt(100*s, 90*s, flags)
		facts.IfError = ifError
		if got := facts.StaleIfError(noon); got != want {
			t.Errorf("stale-if-error %v, flags %b: got %v", ifError, flags, got)
		}
	}
	f(0, 0, false)
	f(11*s, 0, true)
	f(10*s, 0, false)
	f(11*s, NeverStale, false)
	f(11*s, ValidateAlways, false)
}

func TestAge(t *testing.T) {
	f := func(facts *Facts, after time.Duration, seconds int64, ttl time.Duration) {
		t.Helper()
		if got := facts.AgeSeconds(noon.Add(after)); got != seconds {
			t.Errorf("after %v: age %d, want %d", after, got, seconds)
		}
		if got := facts.TTL(noon.Add(after)); got != ttl {
			t.Errorf("after %v: TTL %v, want %v", after, got, ttl)
		}
	}
	const s = time.Second
	f(factsAt(100*s, 160*s, 0), 0, 100, 60*s)
	f(factsAt(100*s, 160*s, 0), 1999*time.Millisecond, 101, 58001*time.Millisecond)
	f(factsAt(100*s, 160*s, 0), 100*s, 200, -40*s)
	// The clock went back: the age is not negative.
	f(factsAt(1*s, 160*s, 0), -time.Hour, 0, 160*s)
	f(factsAt(maxDelta, maxDelta, 0), time.Hour, 1<<31, -time.Hour)
}
