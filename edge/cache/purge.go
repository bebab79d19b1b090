package cache

import (
	"fmt"
	"time"

	"github.com/wedgecdn/wedge/edge/cache/journal"
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
// with what the purge names, whether it was stored or on its way. With a cache
// on disk that also holds after a restart; if the purge could not be written
// down for it, that is an error, and the purge is in force until then.
func (c *Cache) Purge(p PurgeRequest) (PurgeResult, error) {
	began := time.Now()
	e := journal.Entry{Owner: p.Owner, Soft: p.Soft}
	switch what := p.what(); {
	case what != 1:
		return PurgeResult{}, fmt.Errorf("cache: purge: name exactly one of URL, prefix, tag and all, not %d", what)
	case p.All:
		e.Kind = journal.All
	case p.Tag != "":
		e.Kind, e.Text = journal.Tag, p.Tag
	case p.URL != "":
		u, err := key.ParseURL(p.URL)
		if err != nil {
			return PurgeResult{}, fmt.Errorf("cache: purge: %q: %w", p.URL, err)
		}
		e.Kind, e.Text = journal.URL, u.String()
	default:
		u, err := key.ParseURL(p.Prefix)
		if err != nil {
			return PurgeResult{}, fmt.Errorf("cache: purge: %q: %w", p.Prefix, err)
		}
		e.Kind, e.Text = journal.Prefix, u.String()
	}
	c.purge(&e)
	c.purges.Add(1)
	if c.tier != nil {
		if err := c.tier.journal.Append(e); err != nil {
			return PurgeResult{Sequence: e.Sequence}, fmt.Errorf("cache: the purge is in force, but will not outlive a restart: %w; repeat it once the disk takes it", err)
		}
	}
	if c.events.Purged != nil {
		c.events.Purged(p, time.Since(began))
	}
	return PurgeResult{Sequence: e.Sequence}, nil
}

// purge does a purge to the tables, which gives it its number.
func (c *Cache) purge(e *journal.Entry) {
	o := c.tags.Owner(e.Owner)
	switch e.Kind {
	case journal.All:
		e.Sequence = o.PurgeAll(e.Soft)
	case journal.Tag:
		e.Sequence = o.PurgeTag(e.Text, e.Soft)
	case journal.URL:
		e.Sequence = o.PurgeURL(e.Text, e.Soft)
	case journal.Prefix:
		e.Sequence = o.PurgePrefix(e.Text, e.Soft)
	}
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
