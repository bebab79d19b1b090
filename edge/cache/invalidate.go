package cache

import (
	"github.com/wedgecdn/wedge/edge/cache/journal"
	"github.com/wedgecdn/wedge/hostapi/exchange"
)

// Invalidate forgets what is stored for the URL of x, whose response has made it
// out of date, and for the others, which are in the normal form of requests.
// Everything goes that was made from them, in whatever variant, as by a purge;
// when it has returned, no request that comes then is answered with it.
//
// "Invalidate means that the cache will either remove all stored responses
// whose target URI matches the given URI or mark them as "invalid" and in need
// of a mandatory validation before they can be sent in response to a subsequent
// request." https://www.rfc-editor.org/rfc/rfc9111#section-4.4
func (c *Cache) Invalidate(x *exchange.Exchange, r *Rules, others ...string) {
	u := urlsOf(x)
	c.invalidate(r.Owner, u.asked)
	if u.made != "" {
		c.invalidate(r.Owner, u.made)
	}
	for _, other := range others {
		if other != u.asked && other != u.made {
			c.invalidate(r.Owner, other)
		}
	}
}

// invalidate is a purge that nobody waits for to be on disk: clients cause it,
// and must not be able to make the disk sync as often as they like. A crash in
// the next moment may bring back what was invalidated.
func (c *Cache) invalidate(owner, url string) {
	e := journal.Entry{Owner: owner, Kind: journal.URL, Text: url}
	c.purge(&e)
	if c.tier != nil {
		c.tier.journal.Note(e)
	}
}
