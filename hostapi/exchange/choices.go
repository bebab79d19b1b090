package exchange

import "time"

// Choices is what functions decided about caching and routing. A hook may set
// only what its place in the request's life allows (ARCHITECTURE: what a hook
// may do); the ABI refuses the rest.
type Choices struct {
	Key KeyChoice
	// Bypass sends the request past the cache: neither looked up nor stored.
	Bypass bool
	// Revalidate treats a stored fresh response as stale.
	Revalidate bool
	// Origin is the name of the origin to use in place of the route's.
	Origin string
	// TTL and Grace replace what the response's fields say.
	TTL, Grace Duration
	// Tags are added to those that the response carries.
	Tags []string
	// NoStore keeps the response out of the cache.
	NoStore bool
}

// A Duration is a time that may be absent.
type Duration struct {
	Value time.Duration
	Set   bool
}

// KeyChoice changes how the cache key is made. Its parts come after those of
// the URL and of the configuration.
type KeyChoice struct {
	// Parts are added in order, each with its name.
	Parts []Field
	// Replace, if set, takes the place of path and query.
	Replace    string
	HasReplace bool
	// IgnoreQuery lists names of query parameters that are left out; a trailing
	// "*" matches any rest ("utm_*").
	IgnoreQuery []string
	// IgnoreAllQuery leaves out the whole query.
	IgnoreAllQuery bool
	SortQuery      bool
	LowerCase      bool // path and query in lower case (ASCII)
}

func (c *Choices) reset() {
	clear(c.Tags)
	clear(c.Key.Parts)
	clear(c.Key.IgnoreQuery)
	k := &c.Key
	k.Parts, k.IgnoreQuery, k.Replace = k.Parts[:0], k.IgnoreQuery[:0], ""
	k.HasReplace, k.IgnoreAllQuery, k.SortQuery, k.LowerCase = false, false, false, false
	c.Bypass, c.Revalidate, c.Origin, c.TTL, c.Grace, c.Tags, c.NoStore = false, false, "", Duration{}, Duration{}, c.Tags[:0], false
}

func (c *Choices) copyInto(dst *Choices, keep func(string) string) {
	tags, parts, ignore := dst.Tags[:0], dst.Key.Parts[:0], dst.Key.IgnoreQuery[:0]
	*dst = *c
	dst.Origin, dst.Key.Replace = keep(c.Origin), keep(c.Key.Replace)
	for _, t := range c.Tags {
		tags = append(tags, keep(t))
	}
	for _, p := range c.Key.Parts {
		parts = append(parts, Field{Name: keep(p.Name), Value: keep(p.Value)})
	}
	for _, q := range c.Key.IgnoreQuery {
		ignore = append(ignore, keep(q))
	}
	dst.Tags, dst.Key.Parts, dst.Key.IgnoreQuery = tags, parts, ignore
}
