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
	if d := o.Meta.disk; d != nil && d.segments != nil {
		c.store.Use(o)
		return c.segmentsOf(o), true
	}
	if d := o.Meta.disk; d != nil && d.body != nil {
		b, ok := d.body.Open()
		if !ok {
			c.store.Remove(o, store.Lost)
			return nil, false
		}
		c.store.Use(o)
		return b, true
	}
	b, ok := c.store.Open(o)
	if !ok {
		return nil, false // not b: a nil pointer in an interface is no nil
	}
	return b, true
}

// openFor is open for a request that finds o in that state. What is sent from disk
// to those that it is fresh for may go to memory.
func (c *Cache) openFor(s State, o *store.Object[kept]) (storedBody, bool) {
	b, ok := c.open(o)
	if d := o.Meta.disk; ok && s == Fresh && d != nil && d.body != nil {
		c.tier.sends(o)
	}
	return b, ok
}

// sameBody gives o, which is not shared yet, the body of from.
func sameBody(o, from *store.Object[kept]) {
	o.Content = from.Content
	if d := from.Meta.disk; d != nil && d.segments != nil {
		if o.Meta.disk == nil {
			join(o)
		}
		o.Meta.disk.segments = d.segments
		o.Extra += int32(d.segments.memory())
		return
	}
	if d := from.Meta.disk; o.Meta.disk != nil && d != nil && d.body != nil {
		o.Meta.disk.body = d.body
		o.Extra += int32(d.body.Memory())
	}
}

// put inserts an object under a key that no request of a client's has. It is not
// written to disk before somebody asks for it, and what is there goes.
func (c *Cache) put(o *store.Object[kept], names []string) bool {
	if c.tier == nil {
		return c.store.Insert(o, names)
	}
	c.tier.forget(o, names)
	ok := c.store.Insert(o, names)
	c.tier.forget(o, names)
	return ok
}
