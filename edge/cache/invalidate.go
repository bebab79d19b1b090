package cache

import "github.com/wedgecdn/wedge/hostapi/exchange"

// Invalidate forgets what is stored for the URL of x, whose response has made it
// out of date, and for the others, which are in the normal form of requests.
// Everything goes that was made from them, in whatever variant, as by a purge;
// when it has returned, no request that comes then is answered with it.
//
// "'Invalidate' means that the cache will either remove all stored responses
// whose target URI matches the given URI or mark them as 'invalid' and in need
// of a mandatory validation before they can be sent in response to a subsequent
// request." https://www.rfc-editor.org/rfc/rfc9111#section-4.4
func (c *Cache) Invalidate(x *exchange.Exchange, r *Rules, others ...string) {
	o := c.tags.Owner(r.Owner)
	u := urlsOf(x)
	o.PurgeURL(u.asked, false)
	if u.made != "" {
		o.PurgeURL(u.made, false)
	}
	for _, other := range others {
		if other != u.asked && other != u.made {
			o.PurgeURL(other, false)
		}
	}
}
