package policy

import (
	"net"
	"testing"
	"time"

	"github.com/wedgecdn/wedge/hostapi/exchange"
)

// A trial is a response before the judge; each test changes what it is about.
type trial struct {
	fx    *exchange.Exchange
	asked exchange.Header
	times Times
	rules Rules
}

// respond makes a fetch that was asked for at noon and answered at once, with this status and these fields. Date is
// noon unless one is given.
func respond(status int, lines ...string) *trial {
	c := &trial{fx: asked(), times: Times{noon, noon}}
	c.fx.Response.Status = status
	c.fx.Response.Header.CopyFrom(fields(lines...))
	if !c.fx.Response.Header.Has(exchange.Date) {
		c.fx.Response.Header.Add("Date", stamp(0))
	}
	return c
}

// with adds fields to what was asked and sent.
func (c *trial) with(lines ...string) *trial {
	for f := range fields(lines...).All() {
		c.asked.Add(f.Name, f.Value)
		c.fx.Request.Header.Add(f.Name, f.Value)
	}
	return c
}

func (c *trial) ruled(r Rules) *trial { c.rules = r; return c }

func (c *trial) after(change func(c *trial)) *trial { change(c); return c }

func (c *trial) judge() Verdict { return Judge(c.fx, &c.asked, c.times, &c.rules) }

const lm = "Last-Modified: Thu, 13 Aug 2026 12:00:00 GMT"

// "A cache MUST NOT store a response to a request unless..."
// https://www.rfc-editor.org/rfc/rfc9111#section-3
func TestJudgeStores(t *testing.T) {
	f := func(want exchange.Reason, c *trial) {
		t.Helper()
		if v := c.judge(); v.Reason != want || v.Store != (want == exchange.ReasonNone) {
			t.Errorf("%d %s: got %q, store %v; want %q", c.fx.Response.Status, text(&c.fx.Response.Header), v.Reason, v.Store, want)
		}
	}
	const yes = exchange.ReasonNone
	f(yes, respond(200, "Cache-Control: max-age=60"))
	f(yes, respond(200, "Cache-Control: s-maxage=60"))
	f(yes, respond(200, "Expires: "+stamp(time.Minute)))

	// "the request method is understood by the cache"
	for _, m := range []string{"HEAD", "POST", "PUT", "QUERY"} {
		f(exchange.ReasonMethodUncached, respond(200, "Cache-Control: max-age=60").after(func(c *trial) { c.fx.Request.Method = m }))
	}
	f(exchange.ReasonRequestBody, respond(200, "Cache-Control: max-age=60").after(func(c *trial) { c.fx.Request.Body = exchange.NewBytesBody(nil) }))

	// "the response status code is final"; "any response with a final status code can be cached if the response has
	// explicit freshness information". https://www.rfc-editor.org/rfc/rfc9110#section-16.2.2
	for _, s := range []int{200, 203, 204, 299, 301, 302, 303, 307, 308, 401, 403, 404, 405, 410, 499, 500, 502, 503, 504, 599} {
		f(yes, respond(s, "Cache-Control: max-age=60"))
	}
	for _, s := range []int{0, 100, 101, 103, 199, 600, 999} {
		f(exchange.ReasonStatus, respond(s, "Cache-Control: max-age=60"))
	}
	// What speaks of one client's request is never stored, whatever it says.
	for _, s := range []int{400, 413, 414, 416, 431} {
		f(exchange.ReasonStatus, respond(s, "Cache-Control: max-age=60"))
		f(exchange.ReasonStatus, respond(s, lm).ruled(Rules{Mode: Force, TTL: time.Hour}))
	}
	// "if the response status code is 206 or 304...: the cache understands the response status code"
	f(exchange.ReasonPartialContent, respond(206, "Cache-Control: max-age=60", "Content-Range: bytes 0-1/2"))
	f(exchange.ReasonStatus, respond(304, "Cache-Control: max-age=60"))
	f(exchange.ReasonUpgrade, respond(200, "Cache-Control: max-age=60").after(func(c *trial) { c.fx.Response.Upgrade, _ = net.Pipe() }))

	// must-understand. https://www.rfc-editor.org/rfc/rfc9111#section-5.2.2.3
	f(yes, respond(200, "Cache-Control: no-store, must-understand, max-age=60"))
	f(yes, respond(200, "Cache-Control: must-understand, max-age=60"))
	f(exchange.ReasonStatus, respond(599, "Cache-Control: no-store, must-understand, max-age=60"))
	f(exchange.ReasonStatus, respond(299, "Cache-Control: must-understand, max-age=60"))

	// "the no-store cache directive is not present in the response"
	f(exchange.ReasonResponseNoStore, respond(200, "Cache-Control: no-store"))
	f(exchange.ReasonResponseNoStore, respond(200, "Cache-Control: nO-StOrE, max-age=60", "Expires: "+stamp(time.Hour)))
	f(exchange.ReasonResponseNoStore, respond(200, "Cache-Control: max-age=60", "Cache-Control: no-store"))

	// "if the cache is shared: the private response directive is either not present or allows a shared cache to store a
	// modified response". The qualified form counts as unqualified.
	f(exchange.ReasonPrivate, respond(200, "Cache-Control: private, max-age=60"))
	f(exchange.ReasonPrivate, respond(200, `Cache-Control: private="Set-Cookie", max-age=60`))
	f(exchange.ReasonPrivate, respond(200, "Cache-Control: public, private, max-age=60"))

	// "if the cache is shared: the Authorization header field is not present in the request... or a response directive
	// is present that explicitly allows shared caching"
	f(exchange.ReasonAuthorization, respond(200, "Cache-Control: max-age=60").with("Authorization: x"))
	f(exchange.ReasonAuthorization, respond(200, "Cache-Control: max-age=60").with("Authorization: x").ruled(Rules{Mode: Force, TTL: time.Hour}))
	f(exchange.ReasonAuthorization, respond(200, "Cache-Control: max-age=60, proxy-revalidate").with("Authorization: x"))
	f(yes, respond(200, "Cache-Control: max-age=60, public").with("Authorization: x"))
	f(yes, respond(200, "Cache-Control: max-age=60, must-revalidate").with("Authorization: x"))
	f(yes, respond(200, "Cache-Control: s-maxage=60").with("Authorization: x"))
	// The site's own credentials, which on_fetch adds, are nobody's in particular.
	f(yes, respond(200, "Cache-Control: max-age=60").after(func(c *trial) { c.fx.Request.Header.Add("Authorization", "AWS4 x") }))

	// "the response contains at least one of the following..."
	f(exchange.ReasonNoFreshness, respond(200))
	f(exchange.ReasonNoFreshness, respond(200, "Cache-Control: public"))
	f(exchange.ReasonNoFreshness, respond(200, "Cache-Control: "))
	f(exchange.ReasonNoFreshness, respond(200, "Cache-Control: max-age=0"))
	f(exchange.ReasonNoFreshness, respond(200, "Cache-Control: no-cache"))
	f(exchange.ReasonNoFreshness, respond(200, "Expires: 0"))
	f(exchange.ReasonNoFreshness, respond(200, "Cache-Control: max-age=60", "Age: 60"))
	// What can be validated is kept for that.
	f(yes, respond(200, lm))
	f(yes, respond(200, `ETag: "a"`))
	f(yes, respond(404, lm))
	f(exchange.ReasonNoFreshness, respond(302, lm))
	f(exchange.ReasonNoFreshness, respond(500, lm))
	f(yes, respond(302, lm, "Cache-Control: public"))
	f(yes, respond(200, lm, "Cache-Control: max-age=0"))
	f(yes, respond(200, lm, "Cache-Control: no-cache"))
	f(yes, respond(200, lm, "Cache-Control: max-age=60", "Age: 60"))
	// So is what may be used stale.
	f(yes, respond(200, "Cache-Control: max-age=0, stale-while-revalidate=60"))
	f(yes, respond(200, "Cache-Control: max-age=60, stale-if-error=60", "Age: 61"))
	f(exchange.ReasonNoFreshness, respond(200, "Cache-Control: max-age=0, stale-while-revalidate=60, must-revalidate"))
	f(exchange.ReasonNoFreshness, respond(200, "Cache-Control: no-cache, stale-while-revalidate=60"))

	// A request with cookies: only with explicit freshness.
	f(yes, respond(200, "Cache-Control: max-age=60").with("Cookie: a=1"))
	f(exchange.ReasonNoFreshness, respond(200, lm).with("Cookie: a=1"))
	f(exchange.ReasonNoFreshness, respond(200, lm, "Cache-Control: public").with("Cookie: a=1"))
	f(yes, respond(200, lm).ruled(Rules{IgnoreCookies: true}).after(func(c *trial) { c.asked.Add("Cookie", "a=1") }))
	f(exchange.ReasonNoFreshness, respond(200, lm).ruled(Rules{IgnoreCookies: true}).with("Cookie: a=1"))
	f(exchange.ReasonSetCookie, respond(200, "Cache-Control: max-age=60", "Set-Cookie: a=1"))
	f(yes, respond(200, "Cache-Control: max-age=60", "Set-Cookie: a=1").ruled(Rules{StripSetCookie: true}))
	f(exchange.ReasonSetCookie, respond(200, "Set-Cookie: a=1").ruled(Rules{Mode: Force, TTL: time.Hour}))

	// "The no-store request directive indicates that a cache MUST NOT store any part of either this request or any
	// response to it." https://www.rfc-editor.org/rfc/rfc9111#section-5.2.1.5
	f(exchange.ReasonRequestNoStore, respond(200, "Cache-Control: max-age=60").with("Cache-Control: no-store"))
	f(yes, respond(200, "Cache-Control: max-age=60").with("Cache-Control: no-store").ruled(Rules{IgnoreClientDirectives: true}))
	f(yes, respond(200, "Cache-Control: max-age=60").with("Cache-Control: no-cache, max-age=0"))

	// What configuration and functions say.
	f(exchange.ReasonMode, respond(200, "Cache-Control: max-age=60").ruled(Rules{Mode: Pass}))
	f(exchange.ReasonReadsPrivate, respond(200, "Cache-Control: max-age=60").ruled(Rules{ReadsPrivate: true}))
	f(exchange.ReasonBypassed, respond(200, "Cache-Control: max-age=60").after(func(c *trial) { c.fx.Choices.Bypass = true }))
	f(exchange.ReasonFunctionNoStore, respond(200, "Cache-Control: max-age=60").after(func(c *trial) { c.fx.Choices.NoStore = true }))
	minute := func(c *trial) { c.fx.Choices.TTL = exchange.Duration{Value: time.Minute, Set: true} }
	f(yes, respond(200).after(minute))
	f(yes, respond(500).after(minute))
	f(yes, respond(200).with("Cookie: a=1").after(minute))
	f(exchange.ReasonPrivate, respond(200, "Cache-Control: private").after(minute))
	f(exchange.ReasonResponseNoStore, respond(200, "Cache-Control: no-store").after(minute))
	f(exchange.ReasonAuthorization, respond(200).with("Authorization: x").after(minute))
	f(exchange.ReasonSetCookie, respond(200, "Set-Cookie: a=1").after(minute))

	force := Rules{Mode: Force, TTL: time.Hour}
	f(yes, respond(200).ruled(force))
	f(yes, respond(200, "Cache-Control: private, no-store, no-cache, max-age=0").ruled(force))
	f(yes, respond(404, "Cache-Control: no-store").ruled(force))
	f(exchange.ReasonNoFreshness, respond(500).ruled(force))
	f(exchange.ReasonNoFreshness, respond(302).ruled(force))
	f(exchange.ReasonResponseNoStore, respond(503, "Cache-Control: no-store").ruled(force))
	f(exchange.ReasonVaryStar, respond(200, "Vary: *").ruled(force))
}

func TestJudgeVary(t *testing.T) {
	f := func(want exchange.Reason, c *trial) {
		t.Helper()
		if v := c.judge(); v.Reason != want {
			t.Errorf("%s: got %q, want %q", text(&c.fx.Response.Header), v.Reason, want)
		}
	}
	vary := func(value string) *trial { return respond(200, "Cache-Control: max-age=60", "Vary: "+value) }
	f(exchange.ReasonNone, vary("Accept-Encoding").with("Accept-Encoding: br"))
	f(exchange.ReasonNone, vary(""))
	// "A stored response with a Vary header field value containing a member "*" always fails to match."
	// https://www.rfc-editor.org/rfc/rfc9111#section-4.1
	for _, v := range []string{"*", "*, *", ", *", "*, Foo", "Foo, *", "a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q,r,*"} {
		f(exchange.ReasonVaryStar, vary(v))
	}
	f(exchange.ReasonVaryStar, respond(200, "Cache-Control: max-age=60", "Vary: Foo", "Vary:", "Vary: *"))
	f(exchange.ReasonNone, vary("a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p, A, B"))
	f(exchange.ReasonVaryTooMany, vary("a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q"))

	// A field that differs between what was asked and what was sent.
	sent := func(name, value string) func(*trial) {
		return func(c *trial) { c.fx.Request.Header.Set(name, value) }
	}
	f(exchange.ReasonVaryOnFetch, vary("Accept-Language").with("Accept-Language: de").after(sent("Accept-Language", "en")))
	f(exchange.ReasonVaryOnFetch, vary("X-Token").after(sent("X-Token", "1")))
	f(exchange.ReasonVaryOnFetch, vary("x-token").with("X-Token: 1").after(func(c *trial) { c.fx.Request.Header.Delete("X-Token") }))
	f(exchange.ReasonNone, vary("X-Token").with("X-Other: 1").after(sent("X-Other", "2")))
	f(exchange.ReasonNone, vary("Accept").with("Accept: a, b").after(sent("Accept", "a,b")))
	// The node's own words about what is in every key.
	f(exchange.ReasonNone, vary("X-Forwarded-Proto, X-Forwarded-Host").after(sent("X-Forwarded-Proto", "https")).after(sent("X-Forwarded-Host", "shop.example")))
	f(exchange.ReasonVaryOnFetch, vary("X-Forwarded-Proto").after(sent("X-Forwarded-Proto", "http")))
	f(exchange.ReasonVaryOnFetch, vary("X-Forwarded-Host").after(sent("X-Forwarded-Host", "evil.example")))
	f(exchange.ReasonVaryOnFetch, vary("X-Forwarded-For").after(sent("X-Forwarded-For", "192.0.2.1")))
	// Cookies that no fetch carries.
	f(exchange.ReasonNone, vary("Cookie").ruled(Rules{IgnoreCookies: true}).after(func(c *trial) { c.asked.Add("Cookie", "a=1") }))
	f(exchange.ReasonVaryOnFetch, vary("Cookie").after(func(c *trial) { c.asked.Add("Cookie", "a=1") }))
}

func TestJudgeFreshness(t *testing.T) {
	// f wants the lifetime and the age at noon.
	f := func(c *trial, lifetime, age time.Duration) {
		t.Helper()
		v := c.judge()
		if !v.Store || v.Facts.Lifetime != lifetime || v.Facts.Age(noon) != age {
			t.Errorf("%s: lifetime %v, age %v (%q); want %v, %v", text(&c.fx.Response.Header), v.Facts.Lifetime, v.Facts.Age(noon), v.Reason, lifetime, age)
		}
	}
	const s = time.Second
	// "...evaluating the following rules and using the first match"
	// https://www.rfc-editor.org/rfc/rfc9111#section-4.2.1
	f(respond(200, "Cache-Control: max-age=60"), 60*s, 0)
	f(respond(200, "Cache-Control: max-age=60, s-maxage=30"), 30*s, 0)
	f(respond(200, "Cache-Control: s-maxage=90", "Cache-Control: max-age=60"), 90*s, 0)
	f(respond(200, "Cache-Control: max-age=60", "Expires: "+stamp(-time.Hour)), 60*s, 0)
	f(respond(200, "Cache-Control: max-age=0, s-maxage=90", "Expires: "+stamp(-time.Hour)), 90*s, 0)
	f(respond(200, lm, "Cache-Control: max-age=0", "Expires: "+stamp(time.Hour)), 0, 0)
	f(respond(200, "Expires: "+stamp(time.Hour)), time.Hour, 0)
	f(respond(200, lm), 0, 0)
	f(respond(200, lm, "Cache-Control: max-age=x"), 0, 0)
	f(respond(200, "Cache-Control: max-age=99999999999"), maxDelta, 0)

	// "its value minus the value of the Date response header field (using the time the message was received if it is not
	// present...)". https://www.rfc-editor.org/rfc/rfc9111#section-4.2.1
	f(respond(200, "Expires: "+stamp(time.Hour), "Date: "+stamp(-10*s)), 3610*s, 10*s)
	f(respond(200, "Expires: "+stamp(2*time.Hour), "Date: "+stamp(time.Hour)), time.Hour, 0)
	f(respond(200, lm, "Expires: "+stamp(time.Hour), "Date: "+stamp(2*time.Hour)), -time.Hour, 0)
	f(respond(200, "Expires: "+stamp(time.Hour), "Date: foo"), time.Hour, 0)
	f(respond(200, "Expires: Tue, 31 Dec 9999 23:59:59 GMT"), maxDelta, 0)
	f(respond(200, lm, "Expires: Thu, 01 Jan 0001 00:00:00 GMT"), -maxDelta, 0)
	// "A cache recipient MUST interpret invalid date formats, especially the value "0", as representing a time in the past
	// (i.e., "already expired")." https://www.rfc-editor.org/rfc/rfc9111#section-5.3
	f(respond(200, lm, "Expires: 0"), 0, 0)
	f(respond(200, lm, "Expires:"), 0, 0)
	f(respond(200, lm, "Expires: "+stamp(time.Hour), "Expires: "+stamp(time.Hour)), 0, 0)

	// Age. https://www.rfc-editor.org/rfc/rfc9111#section-5.1
	f(respond(200, "Cache-Control: max-age=60", "Age: 30"), 60*s, 30*s)
	f(respond(200, "Cache-Control: max-age=60", "Age: 30, 0"), 60*s, 30*s)
	f(respond(200, "Cache-Control: max-age=60", "Age: 0, 30"), 60*s, 0)
	f(respond(200, "Cache-Control: max-age=60", "Age: 0", "Age: 30"), 60*s, 0)
	for _, bad := range []string{"abc", "-30", "30.0", "30;x", "", "3 0"} {
		f(respond(200, "Cache-Control: max-age=60", "Age: "+bad), 60*s, 0)
	}
	f(respond(200, lm, "Cache-Control: max-age=60", "Age: 2147483649"), 60*s, maxDelta)
	f(respond(200, lm, "Cache-Control: max-age=60", "Age: 99999999999999999999"), 60*s, maxDelta)

	// apparent_age and response_delay. https://www.rfc-editor.org/rfc/rfc9111#section-4.2.3
	slow := func(c *trial) { c.times.Requested = noon.Add(-5 * s) }
	f(respond(200, "Cache-Control: max-age=60").after(slow), 60*s, 5*s)
	f(respond(200, "Cache-Control: max-age=60", "Age: 10").after(slow), 60*s, 15*s)
	f(respond(200, "Cache-Control: max-age=60", "Date: "+stamp(-20*s), "Age: 10").after(slow), 60*s, 20*s)
	f(respond(200, "Cache-Control: max-age=60", "Date: "+stamp(time.Hour)), 60*s, 0)
	f(respond(200, "Cache-Control: max-age=60", "Date: Sun, 99 Foo"), 60*s, 0)
	// A clock that went back between the two.
	f(respond(200, "Cache-Control: max-age=60").after(func(c *trial) { c.times.Requested = noon.Add(time.Hour) }), 60*s, 0)

	// A function's TTL, and that of mode force, count from now.
	ttl := func(d time.Duration) func(*trial) {
		return func(c *trial) { c.fx.Choices.TTL = exchange.Duration{Value: d, Set: true} }
	}
	f(respond(200, "Cache-Control: max-age=60", "Age: 30").after(ttl(10*s)), 40*s, 30*s)
	f(respond(200, lm, "Cache-Control: s-maxage=60").after(ttl(-10*s)), -10*s, 0)
	f(respond(200).after(ttl(1<<63-1)), maxDelta, 0)
	f(respond(200, lm).after(ttl(-1<<63)), -maxDelta, 0)
	f(respond(200, "Cache-Control: max-age=1").ruled(Rules{Mode: Force, TTL: time.Hour}), time.Hour, 0)
	f(respond(200, "Cache-Control: max-age=1").ruled(Rules{Mode: Force, TTL: time.Hour}).after(ttl(9*s)), 9*s, 0)
	f(respond(500, "Cache-Control: max-age=1").ruled(Rules{Mode: Force, TTL: time.Hour}), s, 0)

	// "...it MUST ignore the Cache-Control and Expires header fields in that response".
	// https://www.rfc-editor.org/rfc/rfc9213#section-2.2
	f(respond(200, "CDN-Cache-Control: max-age=60", "Cache-Control: max-age=1", "Expires: 0"), 60*s, 0)
	f(respond(200, "CDN-Cache-Control: max-age=60", "Cache-Control: no-store, private, no-cache"), 60*s, 0)
	f(respond(200, "CDN-Cache-Control: max-age=1", "Cache-Control: s-maxage=60"), s, 0)
	f(respond(200, lm, "CDN-Cache-Control: max-age=0", "Expires: "+stamp(time.Hour)), 0, 0)
	f(respond(200, lm, "CDN-Cache-Control: none", "Expires: "+stamp(time.Hour)), 0, 0)
	f(respond(200, "CDN-Cache-Control: max-age=60, &&", "Cache-Control: max-age=5"), 5*s, 0)
	f(respond(200, "CDN-Cache-Control:", "Cache-Control: max-age=5"), 5*s, 0)
}

func TestJudgeTargetedLimits(t *testing.T) {
	f := func(value string, want exchange.Reason) {
		t.Helper()
		if v := respond(200, "CDN-Cache-Control: "+value, "Cache-Control: max-age=60", "Expires: "+stamp(time.Hour)).judge(); v.Reason != want {
			t.Errorf("%s: got %q, want %q", value, v.Reason, want)
		}
	}
	f("private", exchange.ReasonPrivate)
	f("no-store", exchange.ReasonResponseNoStore)
	f("no-cache", exchange.ReasonNoFreshness)
	f("max-age=0", exchange.ReasonNoFreshness)
	f("none", exchange.ReasonNoFreshness)
	f("max-age=1.5", exchange.ReasonNoFreshness)
}

func TestJudgeFlags(t *testing.T) {
	f := func(want Flags, c *trial) {
		t.Helper()
		if v := c.judge(); !v.Store || v.Facts.Flags != want {
			t.Errorf("%s: got %03b, want %03b (%q)", text(&c.fx.Response.Header), v.Facts.Flags, want, v.Reason)
		}
	}
	cc := func(value string) *trial { return respond(200, lm, "Cache-Control: "+value) }
	f(0, cc("max-age=60"))
	f(ForAuthorized, cc("max-age=60, public"))
	f(NeverStale, cc("max-age=60, proxy-revalidate"))
	f(NeverStale|ForAuthorized, cc("max-age=60, must-revalidate"))
	f(NeverStale|ForAuthorized, cc("s-maxage=60"))
	f(ValidateAlways, cc("max-age=60, no-cache"))
	f(ValidateAlways, cc(`max-age=60, no-cache="X"`))
	f(NeverStale, respond(200, "CDN-Cache-Control: max-age=60, proxy-revalidate", "Cache-Control: public"))
	f(ForAuthorized, cc("no-cache, must-revalidate, public").ruled(Rules{Mode: Force, TTL: time.Hour}))
	f(ForAuthorized, cc("s-maxage=60").after(func(c *trial) { c.fx.Choices.TTL = exchange.Duration{Value: time.Hour, Set: true} }))
	f(ForAuthorized|NeverStale, cc("must-revalidate, s-maxage=60").after(func(c *trial) { c.fx.Choices.Grace = exchange.Duration{Value: time.Hour, Set: true} }))
}

func TestJudgeGrace(t *testing.T) {
	f := func(c *trial, whileRevalidate, ifError time.Duration) {
		t.Helper()
		if v := c.judge(); !v.Store || v.Facts.WhileRevalidate != whileRevalidate || v.Facts.IfError != ifError {
			t.Errorf("%s: got %v, %v (%q)", text(&c.fx.Response.Header), v.Facts.WhileRevalidate, v.Facts.IfError, v.Reason)
		}
	}
	grace := func(d time.Duration) func(*trial) {
		return func(c *trial) { c.fx.Choices.Grace = exchange.Duration{Value: d, Set: true} }
	}
	f(respond(200, "Cache-Control: max-age=60"), 0, 0)
	f(respond(200, "Cache-Control: max-age=60, stale-while-revalidate=5, stale-if-error=6"), 5*time.Second, 6*time.Second)
	f(respond(200, "Cache-Control: max-age=60, stale-while-revalidate=5").after(grace(time.Hour)), time.Hour, time.Hour)
	f(respond(200, "Cache-Control: max-age=60, stale-while-revalidate=5").after(grace(-time.Hour)), 0, 0)
	f(respond(200, "Cache-Control: max-age=60").after(grace(1<<63-1)), maxDelta, maxDelta)
}

func TestJudgeShares(t *testing.T) {
	f := func(want bool, c *trial) {
		t.Helper()
		if v := c.judge(); !v.Store || v.Share != want {
			t.Errorf("%s: share is %v, store %v", text(&c.fx.Response.Header), v.Share, v.Store)
		}
	}
	slow := func(c *trial) { c.times.Requested = noon.Add(-time.Minute) }
	ttl := func(d time.Duration) func(*trial) {
		return func(c *trial) { c.fx.Choices.TTL = exchange.Duration{Value: d, Set: true} }
	}
	f(true, respond(200, "Cache-Control: max-age=60"))
	f(true, respond(200, lm, "Cache-Control: max-age=1").after(slow))
	f(false, respond(200, lm, "Cache-Control: max-age=1", "Age: 1").after(slow))
	f(false, respond(200, lm, "Cache-Control: max-age=0").after(slow))
	f(false, respond(200, lm, "Cache-Control: no-cache, max-age=60"))
	f(false, respond(200, lm))
	f(true, respond(200, lm).after(slow).after(ttl(time.Second)))
	f(false, respond(200, lm).after(slow).after(ttl(-time.Second)))
}
