package tag

import (
	"strings"
	"sync"
	"sync/atomic"
)

// An Owner is one owner's purges.
//
// Purges of one owner run one after the other, so that `last` never names a
// purge beside which an older one is still writing. Reading takes no lock.
//
// INVARIANT: when last ≥ n, every purge of this owner with a number ≤ n has
// written all of its marks. A mark that was found current while last was n
// therefore stays current until last changes.
type Owner struct {
	tables *Tables
	name   string

	mu       sync.Mutex // held by a purge from taking its number until it has set last
	hard     generations
	soft     generations
	prefixes atomic.Pointer[[]prefix] // oldest first; the slice behind it never changes
	last     atomic.Uint64            // number of the newest purge of this owner that is complete
}

// generations are the newest purges of one kind, hard or soft.
type generations struct {
	all    atomic.Uint64
	anyTag atomic.Uint64 // the newest purge by tag, whatever the tag
	tags   table
	urls   table
	hosts  table // purges by prefix that gave way to newer ones
}

// A prefix is a purge by prefix that is outstanding.
type prefix struct {
	text string
	seq  uint64
	soft bool
}

func (o *Owner) of(soft bool) *generations {
	if soft {
		return &o.soft
	}
	return &o.hard
}

// purge takes a number, lets write put it into the tables, and completes it.
func (o *Owner) purge(soft bool, write func(g *generations, n uint64)) uint64 {
	o.mu.Lock()
	defer o.mu.Unlock()
	n := o.tables.seq.Add(1)
	write(o.of(soft), n)
	o.last.Store(n)
	return n
}

// PurgeAll purges everything the owner has. Like all purges it returns its
// number; when it has returned, no older object of the owner is current.
func (o *Owner) PurgeAll(soft bool) uint64 {
	return o.purge(soft, func(g *generations, n uint64) {
		g.all.Store(n)
		if soft {
			return
		}
		// Nothing older is left that an older purge could still hit.
		o.prefixes.Store(nil)
	})
}

// PurgeTag purges the objects that carry the tag.
func (o *Owner) PurgeTag(tag string, soft bool) uint64 {
	h := o.tables.Hash(tag)
	return o.purge(soft, func(g *generations, n uint64) {
		g.anyTag.Store(n)
		g.tags.mark(h, n, o.tables.room)
	})
}

// PurgeURL purges every object made from the URL, under whatever key. The URL
// is in the form that marks have: scheme, "://", host, path, query.
func (o *Owner) PurgeURL(url string, soft bool) uint64 {
	h := o.tables.Hash(url)
	return o.purge(soft, func(g *generations, n uint64) { g.urls.mark(h, n, o.tables.room) })
}

// PurgePrefix purges the objects whose URL begins with the text, which names
// at least scheme and host: "https://shop.example/".
func (o *Owner) PurgePrefix(text string, soft bool) uint64 {
	text = strings.Clone(text)
	return o.purge(soft, func(_ *generations, n uint64) {
		var old []prefix
		if p := o.prefixes.Load(); p != nil {
			old = *p
		}
		next := make([]prefix, 0, len(old)+1)
		for _, p := range old {
			if strings.HasPrefix(p.text, text) && (p.soft || !soft) {
				continue // the new one does all that this one did
			}
			next = append(next, p)
		}
		next = append(next, prefix{text, n, soft})
		if len(next) > o.tables.opts.Prefixes {
			first := next[0]
			o.of(first.soft).hosts.mark(o.tables.Hash(hostOf(first.text)), first.seq, o.tables.room)
			next = next[1:]
		}
		o.prefixes.Store(&next)
	})
}

// Prefixes is how many purges by prefix are outstanding.
func (o *Owner) Prefixes() int {
	if p := o.prefixes.Load(); p != nil {
		return len(*p)
	}
	return 0
}

// hostOf is the beginning of a URL up to its path: "https://shop.example".
func hostOf(url string) string {
	at := strings.Index(url, "://")
	if at < 0 {
		at = 0
	} else {
		at += len("://")
	}
	if i := strings.IndexAny(url[at:], "/?"); i >= 0 {
		return url[:at+i]
	}
	return url
}
