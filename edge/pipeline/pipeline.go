package pipeline

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/wedgecdn/wedge/edge/cache"
	"github.com/wedgecdn/wedge/edge/hook"
	"github.com/wedgecdn/wedge/edge/route"
	"github.com/wedgecdn/wedge/hostapi/exchange"
)

// Origins sends a fetch to the origin of that name under x.Owner and fills
// x.Response: status, fields, a body that streams. The context ends when
// nobody wants the answer any more. An error is an *exchange.Error and means
// that there is no response at all; a body that breaks later says so when it
// is read.
type Origins interface {
	Send(ctx context.Context, x *exchange.Exchange, name string) error
}

// Events are told what happens. They must not block and must not keep x.
type Events interface {
	// Ended is called once for each client's exchange, when its response body
	// has been closed.
	Ended(x *exchange.Exchange, took time.Duration)
	// Fetched is called once for each fetch, when its response's head is there
	// or has failed to come.
	Fetched(x *exchange.Exchange, took time.Duration)
	// Bug is called when a panic was caught: v is its value, stack where.
	Bug(x *exchange.Exchange, v any, stack []byte)
}

// A Route is what a table says of a host and path.
type Route struct {
	Owner, Site, Name string
	Rules             cache.Rules
	// Origin is the name of the origin that fetches go to, unless a function
	// chooses another.
	Origin string
	Hooks  *hook.Chain // nil: no functions
}

// A Table is every route of the node.
type Table = route.Table[*Route]

// Options are what a pipeline is made from. Zero values of the times are
// defaults.
type Options struct {
	Cache   *cache.Cache
	Origins Origins
	Events  Events
	// Node is this node's name in Via, Cache-Status and CDN-Loop: an RFC 9110
	// token, the same on no other node.
	Node string
	// Trusted tells whether a peer's word about whom it speaks for is taken.
	Trusted func(x *exchange.Exchange) bool
	// Wait is how long a request waits for another's fetch before it makes one
	// of its own. Default 10 s.
	Wait time.Duration
	// Now is the clock; nil is time.Now.
	Now func() time.Time
}

// A Pipeline takes exchanges through the rooms. It is safe for concurrent use.
type Pipeline struct {
	o     Options
	ids   *exchange.IDSource
	table atomic.Pointer[Table]
	calls sync.Pool // *call
	// fetches counts fetches that run apart from a client; Drain waits for them.
	fetches sync.WaitGroup
	date    dateCache
}

// New makes a pipeline without routes.
func New(o Options) *Pipeline {
	if o.Wait == 0 {
		o.Wait = 10 * time.Second
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	p := &Pipeline{o: o, ids: exchange.NewIDSource()}
	p.calls.New = func() any { return new(call) }
	p.table.Store(route.New[*Route](nil))
	return p
}

// SetTable swaps the routes. Exchanges that are under way finish on the old ones.
func (p *Pipeline) SetTable(t *Table) { p.table.Store(t) }

// Drain waits until fetches that go on without a client have ended.
func (p *Pipeline) Drain() { p.fetches.Wait() }
