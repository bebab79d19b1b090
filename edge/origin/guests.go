package origin

import (
	"net"
	"sync"
)

// guestPools is how many hosts connections are kept for.
const guestPools = 256

// guests are the pools of hosts that functions reach by URL. Each owner has
// its own: connections do not cross owners.
//
// INVARIANT: len(pools) ≤ guestPools. If one more is needed, the one used
// longest ago goes, of those without connections if there are any; it serves
// who holds it to the end.
type guests struct {
	mu     sync.Mutex
	pools  map[guestKey]*guestPool
	clock  uint64
	closed bool
}

type guestKey struct {
	owner, authority string
	secure           bool
}

type guestPool struct {
	*pool
	used uint64
}

// guestPool finds or makes the pool of a host; nil if the upstreams are closed.
func (u *Upstreams) guestPool(owner string, e endpoint) *pool {
	g := &u.guests
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		return nil
	}
	g.clock++
	k := guestKey{owner, e.authority, e.secure}
	if p := g.pools[k]; p != nil {
		p.used = g.clock
		return p.pool
	}
	if g.pools == nil {
		g.pools = map[guestKey]*guestPool{}
	}
	if len(g.pools) >= guestPools {
		g.evict()
	}
	p := &pool{u: u, def: Pool{Owner: owner, Name: e.authority}, settings: Settings{Connections: 64, Retries: 1}}
	p.dial = (&net.Dialer{Control: u.guard.control}).DialContext
	p.settings.defaults()
	p.servers = []*server{p.newServer(e, 1)}
	p.uploads = make(chan struct{}, mostUploads(p.settings.Connections))
	g.pools[k] = &guestPool{p, g.clock}
	return p
}

// evict removes a pool. Preconditions: mu is held, there is one.
func (g *guests) evict() {
	var oldest, idlest guestKey
	var o, i *guestPool
	for k, p := range g.pools {
		if o == nil || p.used < o.used {
			o, oldest = p, k
		}
		if (i == nil || p.used < i.used) && !p.busy() {
			i, idlest = p, k
		}
	}
	if i != nil {
		o, oldest = i, idlest
	}
	o.close()
	delete(g.pools, oldest)
}

func (g *guests) close() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.closed = true
	for _, p := range g.pools {
		p.close()
	}
	clear(g.pools)
}
