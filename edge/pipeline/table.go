package pipeline

import (
	"sync"
	"sync/atomic"

	"github.com/wedgecdn/wedge/edge/cache"
	"github.com/wedgecdn/wedge/edge/encode"
	"github.com/wedgecdn/wedge/edge/hook"
	"github.com/wedgecdn/wedge/edge/route"
)

// A Route is what a table says of a host and path.
type Route struct {
	Owner, Site, Name string
	Rules             cache.Rules
	// Origin is the name of the origin that fetches go to, unless a function
	// chooses another.
	Origin string
	Hooks  *hook.Chain // nil: no functions
	// Handler answers what on_request lets pass; nil: the cache and the origin do.
	Handler *hook.Handler
	// Encode compresses what clients get; nil: nothing is.
	Encode *encode.Encoder
	// Split, if it is not nil, chooses among this route and its like with other
	// versions of functions.
	Split *Split
	// SendSurrogate sends clients the fields that speak to this cache only.
	SendSurrogate bool
	// own tells that it is the way of functions' own requests; see Own.
	own bool
}

// A Table is every route of the node. It never changes; a reload or a deploy
// makes a new one. An exchange takes the table that is in force when it is
// routed, and finishes on it, so what the table refers to must live until the
// last one has: Retire tells when.
//
// users counts exchanges and fetches, and 1 for being in force. It may rise
// again after it was 0 for an instant, by an exchange that took the table while
// it was being swapped; that one sees the new table and lets go without having
// used anything.
type Table struct {
	routes *route.Table[*Route]
	users  atomic.Int64
	once   sync.Once
	unused chan struct{}
}

// NewTable makes a table of sites.
func NewTable(sites []route.Site[*Route]) *Table {
	t := &Table{routes: route.New(sites), unused: make(chan struct{})}
	t.users.Store(1)
	return t
}

func (t *Table) enter() { t.users.Add(1) }

func (t *Table) leave() {
	if t.users.Add(-1) == 0 {
		t.once.Do(func() { close(t.unused) })
	}
}

// SetTable puts a table in force. The channel is closed when the last exchange
// on the old one has ended; then what only it refers to may go.
func (p *Pipeline) SetTable(t *Table) (oldUnused <-chan struct{}) {
	old := p.table.Swap(t)
	old.leave()
	return old.unused
}

// hold takes the table that is in force. The caller leaves it.
func (p *Pipeline) hold() *Table {
	for {
		t := p.table.Load()
		t.enter()
		if p.table.Load() == t {
			return t
		}
		t.leave()
	}
}
