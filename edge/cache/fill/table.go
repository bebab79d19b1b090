package fill

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// A Key names what is fetched, or a variant of it.
type Key = [16]byte

// Options bounds the fills of a table.
type Options struct {
	// ReadAhead is how far a fetch may run before its fastest reader, in bytes;
	// 0 means 512 KiB.
	ReadAhead int64
	// Memory is what the bodies under way may take together, in bytes; 0 means
	// 32 MiB. When it is short, fetches run less far ahead; when it is used up,
	// new responses are not stored, but passed from origin to readers through a
	// window of two blocks.
	Memory int64
	// ObjectSize is the longest body that is stored, in bytes; 0 means 16 MiB.
	ObjectSize int64
	// Waiters is how many requests may wait for one fetch; 0 means 10000. More
	// are released at once.
	Waiters int
	// Stall is how long, where nothing is stored, a slow reader may hold up the
	// others before it is cut; 0 means 30 s.
	Stall time.Duration
	// Joined is told of each request that waits for another's fetch; nil means
	// nobody. It is called with locks held and must not call back.
	Joined func()
}

// A Guard tells whether a request that comes now may have what a fetch that is
// under way will bring. It is called with the table locked.
type Guard interface{ Current() bool }

// A Request is what one request brings to Join.
type Request struct {
	Key Key
	// Names are the fields by which variants are known to differ; nil if none are known.
	Names []string
	// Match is the request's variant by those names.
	Match func(names []string) Key
	// Guard makes the guard of the fetch that this request leads, now.
	Guard func() Guard
	// Stored tells whether something suitable has been stored by now; nil means
	// no. It is called with the table locked: a fill stays in the table until
	// its response is stored, so a request finds the one or the other.
	Stored func() bool
	// Alone keeps the request by itself: it leads, and nobody joins it.
	Alone bool
}

// A Table is the fetches under way.
//
// Lock order: Table.mu, Fill.mu; a guard's and the store's locks are below
// Table.mu.
type Table struct {
	opts     Options
	reserved atomic.Int64 // bytes of Options.Memory that fills have taken

	mu    sync.Mutex
	fills map[Key][]*Fill // those that requests may join, and no others
}

// NewTable makes an empty table.
func NewTable(o Options) *Table {
	if o.ReadAhead == 0 {
		o.ReadAhead = 512 << 10
	}
	if o.Memory == 0 {
		o.Memory = 32 << 20
	}
	if o.ObjectSize == 0 {
		o.ObjectSize = 16 << 20
	}
	if o.Waiters == 0 {
		o.Waiters = 10_000
	}
	if o.Stall == 0 {
		o.Stall = 30 * time.Second
	}
	return &Table{opts: o, fills: map[Key][]*Fill{}}
}

// Join finds the fetch that brings what r wants, or makes r the leader of a
// new one.
func (t *Table) Join(r Request) *Ticket {
	tk := &Ticket{table: t, request: r}
	tk.at = t.join(&tk.request)
	return tk
}

// join is a place for r; nil if r.Stored says that there is no need to.
func (t *Table) join(r *Request) *place {
	if r.Alone {
		return newFill(t, r).lead(r)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	list := t.fills[r.Key]
	// Match hashes, and a key may have as many fetches under way as there are
	// connections, if each client asks for a variant of its own; nearly all have
	// the same names.
	var names []string
	var variant Key
	matched := false
	for i := 0; i < len(list); i++ {
		f := list[i]
		if !f.guard.Current() {
			// Purged: those who wait for it may have it, nobody else.
			list = t.unlist(f)
			i--
			continue
		}
		if !matched || !slices.Equal(names, f.names) {
			names, variant, matched = f.names, r.Match(f.names), true
		}
		if variant != f.variant {
			continue
		}
		if p := f.join(r); p != nil {
			if t.opts.Joined != nil {
				t.opts.Joined()
			}
			return p
		}
	}
	if r.Stored != nil && r.Stored() {
		return nil
	}
	f := newFill(t, r)
	f.listed = true
	t.fills[r.Key] = append(t.fills[r.Key], f)
	return f.lead(r)
}

// unlist takes f out of the table, and is what is left under its key.
// Preconditions: t.mu is held.
func (t *Table) unlist(f *Fill) []*Fill {
	list := t.fills[f.key]
	if !f.listed {
		return list
	}
	f.listed = false
	kept := make([]*Fill, 0, len(list)-1)
	for _, v := range list {
		if v != f {
			kept = append(kept, v)
		}
	}
	if len(kept) == 0 {
		delete(t.fills, f.key)
	} else {
		t.fills[f.key] = kept
	}
	return kept
}

func (t *Table) close(f *Fill) {
	t.mu.Lock()
	t.unlist(f)
	t.mu.Unlock()
}

// Live is how many fetches may be joined at this moment.
func (t *Table) Live() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	n := 0
	for _, l := range t.fills {
		n += len(l)
	}
	return n
}

// Reserved is how much of Options.Memory is taken.
func (t *Table) Reserved() int64 { return t.reserved.Load() }

func (t *Table) reserve(n int64) bool {
	if t.reserved.Add(n) <= t.opts.Memory {
		return true
	}
	t.reserved.Add(-n)
	return false
}
