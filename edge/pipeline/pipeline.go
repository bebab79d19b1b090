package pipeline

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/wedgecdn/wedge/edge/cache"
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
	// Debug tells whether a client that shows this token may see the cache keys of
	// an owner's sites; nil lets nobody.
	Debug func(token, owner string, now time.Time) bool
	// Wait is how long a request waits for another's fetch before it makes one
	// of its own. Default 10 s.
	Wait time.Duration
	// Refreshes is how many fetches may run at once only to refresh what is
	// served meanwhile; more are left to later requests. Default 256.
	Refreshes int64
	// Now is the clock; nil is time.Now.
	Now func() time.Time
	// Looked is told of each client's request that comes to the cache, and how to have its key's parts in words. It must not
	// keep them, or x. Nil is not told.
	Looked func(x *exchange.Exchange, parts func() []cache.Part)
}

// A Pipeline takes exchanges through the rooms. It is safe for concurrent use.
type Pipeline struct {
	o     Options
	since func(time.Time) time.Duration
	ids   *exchange.IDSource
	table atomic.Pointer[Table]
	calls sync.Pool // *call
	// fetches counts fetches that run apart from a client; Drain waits for them.
	fetches    sync.WaitGroup
	coding     atomic.Bool  // a stored response is being compressed in the background
	refreshing atomic.Int64 // fetches in the background, at most Options.Refreshes
	date       dateCache
}

// New makes a pipeline without routes.
func New(o Options) *Pipeline {
	if o.Wait == 0 {
		o.Wait = 10 * time.Second
	}
	if o.Refreshes == 0 {
		o.Refreshes = 256
	}
	since := time.Since // it reads one clock, where Now reads two
	if o.Now == nil {
		o.Now = time.Now
	} else {
		since = func(t time.Time) time.Duration { return o.Now().Sub(t) }
	}
	p := &Pipeline{o: o, since: since, ids: exchange.NewIDSource()}
	p.calls.New = func() any { return new(call) }
	p.table.Store(NewTable(nil))
	return p
}

// Drain waits until fetches that go on without a client have ended.
func (p *Pipeline) Drain() { p.fetches.Wait() }
