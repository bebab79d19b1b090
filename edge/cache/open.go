package cache

import (
	"github.com/wedgecdn/wedge/edge/cache/store"
	"github.com/wedgecdn/wedge/hostapi/exchange"
)

// A storedBody is a body that is being served, wherever it stands. Skip and
// Limit narrow it to a range without reading what is left out.
type storedBody interface {
	exchange.Body
	Skip(n int64) error
	Limit(n int64)
}

// open makes a body of o and counts as a use of it; false if it is not to be
// had any more.
func (c *Cache) open(o *store.Object[kept]) (storedBody, bool) {
	b, ok := c.store.Open(o)
	if !ok {
		return nil, false // not b: a nil pointer in an interface is no nil
	}
	return b, true
}
