package cache

import (
	"github.com/wedgecdn/wedge/edge/cache/disk"
	"github.com/wedgecdn/wedge/edge/cache/policy"
	"github.com/wedgecdn/wedge/edge/cache/store"
	"github.com/wedgecdn/wedge/hostapi/exchange"
)

// Headed brings what is stored up to date with the origin's answer to HEAD: f is
// what Lookup found for that request, fx its fetch, as one with method GET. If
// the answer describes the stored response, that has its fields from now on, and
// the time that they say; otherwise it is gone. length is the Content-Length of
// the answer, -1 if it has none.
//
// "When a cache makes an inbound HEAD request for a target URI and receives a 200
// (OK) response, the cache SHOULD update or invalidate each of its stored GET
// responses that could have been chosen for that request".
// https://www.rfc-editor.org/rfc/rfc9111#section-4.3.5
func (c *Cache) Headed(f *Found, fx *exchange.Exchange, asked *exchange.Header, r *Rules, length int64) {
	// A purge in the meantime outweighs it: the new head is as old as the body.
	if !f.valid() || f.object.Head.Status != 200 {
		return
	}
	old := f.object
	var stored exchange.Header
	old.Head.Unpack(&stored)
	h := &fx.Response.Header
	switch same, certain := policy.Describes(&stored, h, old.Content.Size(), length); {
	case !same:
		c.drop(old)
		return
	case !certain:
		return // it stays as stale as it is
	}
	rules := r.policy()
	policy.Merge(&stored, h, &rules)
	h.CopyFrom(&stored)
	fx.Response.ContentLength = old.Content.Size()
	v := c.Judge(fx, asked, r)
	l := &Filling{c: c, r: r, key: old.Key, mark: &old.Meta.mark}
	names, variant, why := l.names(fx, asked)
	if !v.Store || why != exchange.ReasonNone || variant != old.Variant {
		c.drop(old)
		return
	}
	l.strip(fx)
	o := l.object(fx, &v, variant, &old.Meta.mark)
	sameBody(o, old)
	l.insert(o, old, names)
}

// drop forgets a stored response, on disk too.
func (c *Cache) drop(o *store.Object[kept]) {
	c.store.Remove(o, store.Removed)
	if c.tier != nil {
		c.tier.disk.Forget(disk.Key(o.Key), disk.Key(o.Variant))
	}
}
