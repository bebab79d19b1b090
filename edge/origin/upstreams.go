package origin

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/wedgecdn/wedge/hostapi/exchange"
)

// Options are what upstreams are made from. The zero value has defaults.
type Options struct {
	// Node is this node's name in CDN-Loop; needed by Fetch only.
	Node string
	// TLS is what connections to https servers begin with; the server's name
	// is filled in. nil verifies against the system's roots.
	TLS *tls.Config
	// Dial opens connections to the servers of pools; nil is a net.Dialer.
	// Guests' requests to URLs never use it.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// OwnAddrs are the node's own listeners, which guests' requests to URLs do
	// not reach. An unspecified address stands for every address of the machine.
	OwnAddrs []netip.AddrPort
	Events   Events
}

// Upstreams are all origins of a node. They are safe for concurrent use.
//
// The table is immutable and swapped whole; a request goes on with the pool
// that it found. mu is taken by those who replace the table, so that no pool
// of a table that lost is forgotten open.
type Upstreams struct {
	o       Options
	guard   guard
	buffers sync.Pool // *[]byte of bufferSize: input of connections, copies
	heads   sync.Pool // *[]byte: heads of requests

	mu     sync.Mutex
	table  atomic.Pointer[map[id]*pool]
	closed bool

	guests guests
}

// An id names an origin.
type id struct{ owner, name string }

// New makes upstreams without pools.
func New(o Options) *Upstreams {
	u := &Upstreams{o: o, guard: guard{own: o.OwnAddrs}}
	if u.o.Dial == nil {
		u.o.Dial = (&net.Dialer{}).DialContext
	}
	u.buffers.New = func() any { b := make([]byte, bufferSize); return &b }
	u.heads.New = func() any { b := make([]byte, 0, 2<<10); return &b }
	u.table.Store(&map[id]*pool{})
	return u
}

// SetPools swaps the table of origins. A pool that is equal to one of the old
// table goes on with its connections; others close theirs as soon as nobody
// uses them. If one is wrong nothing changes.
func (u *Upstreams) SetPools(pools []Pool) error {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.closed {
		return errors.New("origin: the upstreams are closed")
	}
	old := *u.table.Load()
	next := make(map[id]*pool, len(pools))
	var wrong []error
	for i := range pools {
		def := &pools[i]
		k := id{def.Owner, def.Name}
		if next[k] != nil {
			wrong = append(wrong, fmt.Errorf("origin %q of owner %q is there twice: give one of them another name", def.Name, def.Owner))
			continue
		}
		if p := old[k]; p != nil && p.def.equal(def) {
			next[k] = p
			continue
		}
		p, err := u.newPool(def)
		if err != nil {
			wrong = append(wrong, err)
			continue
		}
		next[k] = p
	}
	if wrong != nil {
		return errors.Join(wrong...)
	}
	u.table.Store(&next)
	for k, p := range old {
		if next[k] != p {
			p.close()
		}
	}
	return nil
}

// Close closes the connections that nobody uses; each of the others follows
// when its response has ended. Requests after Close fail.
func (u *Upstreams) Close() {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.closed = true
	for _, p := range *u.table.Load() {
		p.close()
	}
	u.table.Store(&map[id]*pool{})
	u.guests.close()
}

// Send sends x's request to the origin of that name under x.Owner and fills
// x.Response: status, fields in their order and spelling, a body that streams.
//
// An error is an *exchange.Error, and x.Response is then as it was. The end
// of ctx breaks the exchange at once, also inside the body, but not an
// upgraded connection.
//
// The request's body is read by a goroutine of its own, so that an early
// answer is not missed. A read that still waits for the client when the
// response is over may return later; it touches nothing of x but body and
// trailer.
func (u *Upstreams) Send(ctx context.Context, x *exchange.Exchange, name string) error {
	p := (*u.table.Load())[id{x.Owner, name}]
	if p == nil {
		return &exchange.Error{Source: exchange.SourceOrigin, Op: "send", Reason: exchange.ReasonOriginUnknown, Retry: true,
			Err: fmt.Errorf("owner %q has no origin %q: add it to origins, or name another", x.Owner, name)}
	}
	return p.send(ctx, x)
}

// newPool makes a pool of its definition, which it copies.
func (u *Upstreams) newPool(def *Pool) (*pool, error) {
	fail := func(format string, args ...any) (*pool, error) {
		return nil, fmt.Errorf("origin %q of owner %q: "+format, append([]any{def.Name, def.Owner}, args...)...)
	}
	if len(def.Servers) == 0 {
		return fail("it has no servers: add one")
	}
	if !validHost(def.Settings.Host) {
		return fail("%q cannot stand in a Host field", def.Settings.Host)
	}
	p := &pool{u: u, def: *def, settings: def.Settings, dial: u.o.Dial}
	p.def.Servers = append([]Server(nil), def.Servers...)
	p.settings.defaults()
	for _, s := range def.Servers {
		e, rest, err := parseEndpoint(s.URL)
		if err != nil {
			return fail("server %w", err)
		}
		if rest != "" && rest != "/" {
			return fail("server %q: a server's URL has no path: remove %q", s.URL, rest)
		}
		p.servers = append(p.servers, p.newServer(e, s.Weight))
	}
	p.uploads = make(chan struct{}, mostUploads(len(p.servers)*p.settings.Connections))
	return p, nil
}

func (p *pool) newServer(e endpoint, weight int) *server {
	s := &server{endpoint: e, weight: max(weight, 1)}
	if e.secure {
		c := p.u.o.TLS.Clone() // nil for nil
		if c == nil {
			c = &tls.Config{}
		}
		if c.ClientSessionCache == nil {
			c.ClientSessionCache = tls.NewLRUClientSessionCache(sessionsKept)
		}
		c.ServerName = e.name
		c.NextProtos = []string{"http/1.1"}
		s.tls = c
	}
	return s
}

const (
	// bufferSize is the size of a connection's input buffer and of a copy.
	bufferSize = 32 << 10
	// sessionsKept is how many TLS sessions of a server are kept for resumption.
	sessionsKept = 16
	// idleKept is how long a connection is kept without work.
	idleKept = 60 * time.Second
)
