package cache

import (
	"fmt"
	"time"

	"github.com/wedgecdn/wedge/edge/cache/key"
)

// A PurgeRequest says what to forget: exactly one of URL, Prefix, Tag and All.
type PurgeRequest struct {
	// Owner is whose: nothing of anybody else's is touched.
	Owner string
	// URL is a URL in the normal form of requests. Everything that was made from
	// it goes, whatever cookies, functions and variants made of its key.
	URL string
	// Prefix is the beginning of URLs: scheme, host, and the beginning of a path.
	Prefix string
	Tag    string
	All    bool
	// Soft makes stale what would go: it is kept until the origin has confirmed
	// or replaced it.
	Soft bool
}

// A PurgeResult says what a purge did.
type PurgeResult struct {
	// Sequence is the purge's number: nothing whose fetch began before it is
	// served any more, or, if the purge is soft, not without being confirmed.
	Sequence uint64
}

// Purge forgets. When it has returned, no request that comes then is answered
// with what the purge names, whether it was stored or on its way.
func (c *Cache) Purge(p PurgeRequest) (PurgeResult, error) {
	began := time.Now()
	o := c.tags.Owner(p.Owner)
	var n uint64
	switch what := p.what(); {
	case what != 1:
		return PurgeResult{}, fmt.Errorf("cache: purge: name exactly one of URL, prefix, tag and all, not %d", what)
	case p.All:
		n = o.PurgeAll(p.Soft)
	case p.Tag != "":
		n = o.PurgeTag(p.Tag, p.Soft)
	case p.URL != "":
		u, err := key.ParseURL(p.URL)
		if err != nil {
			return PurgeResult{}, fmt.Errorf("cache: purge: %q: %w", p.URL, err)
		}
		n = o.PurgeURL(u.String(), p.Soft)
	default:
		u, err := key.ParseURL(p.Prefix)
		if err != nil {
			return PurgeResult{}, fmt.Errorf("cache: purge: %q: %w", p.Prefix, err)
		}
		n = o.PurgePrefix(u.String(), p.Soft)
	}
	c.purges.Add(1)
	if c.events.Purged != nil {
		c.events.Purged(p, time.Since(began))
	}
	return PurgeResult{Sequence: n}, nil
}

// what is how many things the request names.
func (p *PurgeRequest) what() (n int) {
	for _, named := range [...]bool{p.URL != "", p.Prefix != "", p.Tag != "", p.All} {
		if named {
			n++
		}
	}
	return n
}
