package policy

import (
	"testing"
	"time"

	"github.com/wedgecdn/wedge/hostapi/exchange"
)

// "A cache can calculate... a heuristic expiration time when an explicit time is
// not specified... caches are encouraged to use a heuristic expiration value that
// is no more than some fraction of the interval since that time. A typical
// setting of this fraction might be 10%."
// https://www.rfc-editor.org/rfc/rfc9111#section-4.2.2
func TestHeuristic(t *testing.T) {
	f := func(want time.Duration, c *trial) {
		t.Helper()
		if c.rules.Heuristic == 0 {
			c.rules.Heuristic = time.Hour
		}
		v := c.judge()
		if v.Facts.Lifetime != want || v.Store != (want > 0) || v.Share != v.Store {
			t.Errorf("%d %s: lifetime %v, store %v, share %v; want %v", c.fx.Response.Status, text(&c.fx.Response.Header), v.Facts.Lifetime, v.Store, v.Share, want)
		}
	}
	ago := func(d time.Duration) string { return "Last-Modified: " + stamp(-d) }
	f(6*time.Second, respond(200, ago(time.Minute)))
	f(6*time.Minute, respond(200, ago(time.Hour)))
	f(time.Hour, respond(200, ago(24*time.Hour)))
	f(2*time.Hour, respond(200, ago(24*time.Hour)).ruled(Rules{Heuristic: 2 * time.Hour}))
	// The interval ends when the response was made.
	f(6*time.Second, respond(200, ago(time.Minute+2*time.Second), "Date: "+stamp(-2*time.Second)))
	f(6*time.Second, respond(200, ago(time.Minute), "Date: no date"))
	// "heuristics can only be used on responses... whose status codes are defined as heuristically cacheable...and on
	// responses... that have been marked as explicitly cacheable (e.g., with a public response directive)".
	for _, s := range []int{200, 203, 204, 300, 301, 308, 404, 405, 410} {
		f(time.Hour, respond(s, ago(24*time.Hour)))
	}
	f(time.Minute, respond(501, ago(24*time.Hour)))
	for _, s := range []int{201, 202, 302, 307, 400, 403, 414, 431, 500, 502, 503, 504, 599} {
		f(0, respond(s, ago(24*time.Hour)))
	}
	f(time.Hour, respond(403, ago(24*time.Hour), "Cache-Control: public"))
	f(time.Minute, respond(599, ago(24*time.Hour), "Cache-Control: public"))
	// "A cache MUST NOT use heuristics to determine freshness when an explicit expiration time is present".
	f(5*time.Second, respond(200, ago(24*time.Hour), "Cache-Control: max-age=5"))
	f(5*time.Second, respond(200, ago(24*time.Hour), "Expires: "+stamp(5*time.Second)))
	// A cookie's answer is nobody else's without a word about caching.
	f(time.Hour, respond(200, ago(24*time.Hour)).with("Cookie: a=1").ruled(Rules{IgnoreCookies: true, Heuristic: time.Hour}).after(func(c *trial) { c.fx.Request.Header.DeleteKnown(exchange.Cookie) }))
}

// With a cookie, and where a cookie is set, nothing is guessed.
func TestHeuristicIsForNobodysCookie(t *testing.T) {
	f := func(want exchange.Reason, c *trial) {
		t.Helper()
		c.rules.Heuristic, c.rules.Statuses = time.Hour, []Status{{404, time.Minute}}
		if v := c.judge(); v.Store || v.Reason != want {
			t.Errorf("%d %s: stored %v, %q, want %q", c.fx.Response.Status, text(&c.fx.Response.Header), v.Store, v.Reason, want)
		}
	}
	f(exchange.ReasonNoFreshness, respond(200, lm).with("Cookie: a=1"))
	f(exchange.ReasonNoFreshness, respond(404).with("Cookie: a=1"))
	f(exchange.ReasonNoFreshness, respond(200, lm, "Cache-Control: public").with("Cookie: a=1"))
	f(exchange.ReasonSetCookie, respond(200, lm, "Set-Cookie: a=1"))
	f(exchange.ReasonSetCookie, respond(200, lm, "Set-Cookie: a=1").ruled(Rules{KeepSetCookie: true}))
	f(exchange.ReasonSetCookie, respond(404, "Set-Cookie: a=1").ruled(Rules{KeepSetCookie: true}))
}

func TestStatuses(t *testing.T) {
	rules := Rules{Statuses: []Status{{404, 10 * time.Second}, {400, 5 * time.Second}, {200, 0}, {503, 2 * time.Minute}}}
	f := func(want time.Duration, why exchange.Reason, c *trial) {
		t.Helper()
		v := c.ruled(rules).judge()
		if v.Reason != why || v.Store && v.Facts.TTL(noon) != want {
			t.Errorf("%d %s: TTL %v, %q; want %v, %q", c.fx.Response.Status, text(&c.fx.Response.Header), v.Facts.TTL(noon), v.Reason, want, why)
		}
	}
	const yes = exchange.ReasonNone
	f(10*time.Second, yes, respond(404))
	f(10*time.Second, yes, respond(404, "Age: 100"))
	f(time.Minute, yes, respond(404, "Cache-Control: max-age=60"))
	f(0, exchange.ReasonResponseNoStore, respond(404, "Cache-Control: no-store"))
	f(5*time.Second, yes, respond(400))
	f(time.Minute, yes, respond(400, "Cache-Control: max-age=60"))
	f(0, exchange.ReasonStatus, respond(431, "Cache-Control: max-age=60"))
	f(0, exchange.ReasonNoFreshness, respond(200))
	f(0, yes, respond(200, lm)) // kept for validation
	f(2*time.Minute, yes, respond(503))
	// An error is not believed for longer than a minute.
	f(time.Minute, yes, respond(500, "Cache-Control: max-age=3600"))
	f(time.Minute, yes, respond(500, "Cache-Control: max-age=3600", "Age: 60"))
	f(time.Minute, yes, respond(599, "Expires: "+stamp(time.Hour)))
	f(time.Hour, yes, respond(499, "Cache-Control: max-age=3600"))
}

// What configuration allows holds where the response says nothing.
func TestStaleWindows(t *testing.T) {
	rules := Rules{WhileRevalidate: 5 * time.Second, IfError: 7 * time.Second}
	f := func(while, ifError time.Duration, c *trial) {
		t.Helper()
		v := c.ruled(rules).judge()
		if v.Facts.WhileRevalidate != while || v.Facts.IfError != ifError {
			t.Errorf("%d %s: %v, %v; want %v, %v", c.fx.Response.Status, text(&c.fx.Response.Header), v.Facts.WhileRevalidate, v.Facts.IfError, while, ifError)
		}
	}
	const s = time.Second
	f(5*s, 7*s, respond(200, "Cache-Control: max-age=60"))
	f(1*s, 7*s, respond(200, "Cache-Control: max-age=60, stale-while-revalidate=1"))
	f(5*s, 0, respond(200, "Cache-Control: max-age=60, stale-if-error=0"))
	f(3*s, 3*s, respond(200, "Cache-Control: max-age=60").after(func(c *trial) { c.fx.Choices.Grace = exchange.Duration{Value: 3 * s, Set: true} }))
	f(0, 0, respond(500, "Cache-Control: max-age=60, stale-while-revalidate=9, stale-if-error=9"))
}

// "Note that the Set-Cookie response header field does not inhibit caching".
// https://www.rfc-editor.org/rfc/rfc9111#section-7.3
func TestKeepSetCookie(t *testing.T) {
	f := func(want exchange.Reason, r Rules, lines ...string) {
		t.Helper()
		if v := respond(200, append(lines, "Set-Cookie: a=1")...).ruled(r).judge(); v.Reason != want {
			t.Errorf("%v, %+v: %q, want %q", lines, r, v.Reason, want)
		}
	}
	f(exchange.ReasonSetCookie, Rules{}, "Cache-Control: max-age=60")
	f(exchange.ReasonSetCookie, Rules{}, "Cache-Control: public, s-maxage=60")
	f(exchange.ReasonNone, Rules{KeepSetCookie: true}, "Cache-Control: max-age=60")
	f(exchange.ReasonSetCookie, Rules{KeepSetCookie: true, Mode: Force, TTL: time.Hour}, "Cache-Control: max-age=60")
	f(exchange.ReasonSetCookie, Rules{KeepSetCookie: true}, lm)
	f(exchange.ReasonPrivate, Rules{KeepSetCookie: true}, "Cache-Control: private, max-age=60")
}

// "In this context, an error is any situation that would result in a 500, 502,
// 503, or 504 HTTP response status code being returned."
// https://www.rfc-editor.org/rfc/rfc5861#section-4
func TestErrs(t *testing.T) {
	for s := range 1000 {
		if got, want := Errs(s), s == 500 || s == 502 || s == 503 || s == 504; got != want {
			t.Errorf("%d: got %v", s, got)
		}
	}
}
