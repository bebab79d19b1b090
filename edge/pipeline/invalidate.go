package pipeline

import (
	"net/url"

	"github.com/wedgecdn/wedge/edge/cache"
	"github.com/wedgecdn/wedge/edge/cache/policy"
	"github.com/wedgecdn/wedge/edge/route"
	"github.com/wedgecdn/wedge/hostapi/exchange"
)

// invalidate lets the cache forget what a response to an unsafe method has made
// out of date. It comes before the response goes to the client, who then reads
// what it has written.
func (c *call) invalidate(resp *exchange.Response) {
	if c.route.Rules.Mode == cache.Pass || !policy.Invalidates(c.x.Request.Method, resp.Status) {
		return
	}
	// "A cache MAY invalidate other URIs when it receives a non-error status code
	// in response to an unsafe request method... In particular, the URI(s) in the
	// Location and Content-Location response header fields (if present) are
	// candidates for invalidation".
	// https://www.rfc-editor.org/rfc/rfc9111#section-4.4
	var others []string
	for _, k := range [...]exchange.Known{exchange.Location, exchange.ContentLocation} {
		if u, ok := sameOrigin(&c.x.Asked, resp.Header.Value(k)); ok {
			others = append(others, u)
		}
	}
	c.p.o.Cache.Invalidate(c.x, &c.route.Rules, others...)
}

// sameOrigin resolves a reference in a response to a target, into the normal
// form of requests. It is false if it leads to another origin.
//
// "However, a cache MUST NOT trigger an invalidation under these conditions if
// the origin (Section 4.3.1 of [HTTP]) of the URI to be invalidated differs from
// that of the target URI. This helps prevent denial-of-service attacks."
// https://www.rfc-editor.org/rfc/rfc9111#section-4.4
func sameOrigin(target *exchange.URL, ref string) (string, bool) {
	if ref == "" || target.Host == "" {
		return "", false
	}
	base := url.URL{Scheme: target.Scheme, Host: target.Host, Path: target.Path, RawQuery: target.Query}
	if p, err := url.PathUnescape(target.Path); err == nil {
		base.Path, base.RawPath = p, target.Path
	}
	to, err := base.Parse(ref)
	if err != nil || to.Scheme != target.Scheme || to.Opaque != "" {
		return "", false
	}
	host, err := route.Authority(to.Host, to.Scheme)
	if err != nil || host != target.Host {
		return "", false
	}
	t, err := route.ParseTarget(to.RequestURI())
	if err != nil {
		return "", false
	}
	u := to.Scheme + "://" + host + t.Path
	if t.HasQuery {
		u += "?" + t.Query
	}
	return u, true
}
