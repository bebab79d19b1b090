package origin

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/wedgecdn/wedge/hostapi/exchange"
)

// A pool is a running origin: its servers and their connections.
//
// A connection is idle (in its server's idle list), in use (held by one
// transfer), or being made. open counts all three and never exceeds
// settings.Connections. Who cannot have one waits in line; whoever gives one
// back, or gives up its place, serves the first in line.
//
// INVARIANT: outside a critical section, a server that somebody waits for (one
// that he has not tried and that does not back off) has neither an idle
// connection nor a free place; but it may have stopped backing off meanwhile.
//
// A closed pool still serves who holds it; it only keeps nothing.
type pool struct {
	u        *Upstreams
	def      Pool
	settings Settings
	dial     func(ctx context.Context, network, address string) (net.Conn, error)
	servers  []*server
	uploads  chan struct{} // holds one element for each client's body that is being sent; see turn

	mu       sync.Mutex // guards what follows, and what server says it guards
	waiters  []*waiter
	closed   bool
	sweeping *time.Timer // closes connections idle for too long; nil if none is idle
}

// A server is one server of a pool. pool.mu guards all but endpoint, weight and tls.
type server struct {
	endpoint
	weight int
	tls    *tls.Config // nil for http

	current  int     // smooth weighted round robin
	idle     []*conn // the longest idle first
	open     int
	failures int       // connects that failed in a row
	until    time.Time // put last until then
}

// A waiter is one who waits for a connection.
type waiter struct {
	granted chan grant // of capacity 1; sent to under pool.mu by whoever takes it out of the line
	fresh   bool
	tried   []*server // those that he has no use for
}

// A grant is an idle connection, or a place for a new one.
type grant struct {
	c *conn
	s *server
}

// errBusy tells that no connection became free in time.
var errBusy = errors.New("all connections are in use: raise connections, or add a server")

// take finds a connection of the pool: one that is idle, unless it has to be
// fresh, or a new one. Servers in tried are not chosen while others can be.
// The deadline of what it finds is that of the response's head. It fails with an *exchange.Error; then server is the one that could not be
// reached, or nil.
func (p *pool) take(ctx context.Context, fresh bool, tried []*server) (*conn, *server, error) {
	for {
		g, err := p.place(ctx, fresh, tried)
		if err != nil {
			return nil, nil, err
		}
		if g.c == nil {
			c, err := p.connect(ctx, g.s)
			if err != nil {
				return nil, g.s, err
			}
			c.SetDeadline(time.Now().Add(p.settings.FirstByteTimeout))
			return c, g.s, nil
		}
		g.c.SetDeadline(time.Now().Add(p.settings.FirstByteTimeout))
		if g.c.alive() {
			return g.c, g.s, nil
		}
		p.discard(g.c)
	}
}

// place waits for an idle connection or a place for a new one.
func (p *pool) place(ctx context.Context, fresh bool, tried []*server) (grant, error) {
	p.mu.Lock()
	if s := p.pick(time.Now(), tried); s != nil {
		g := p.use(s, fresh)
		p.mu.Unlock()
		return g, nil
	}
	w := &waiter{granted: make(chan grant, 1), fresh: fresh, tried: tried}
	p.waiters = append(p.waiters, w)
	p.mu.Unlock()

	timer := time.NewTimer(p.settings.FirstByteTimeout)
	defer timer.Stop()
	var err *exchange.Error
	select {
	case g := <-w.granted:
		return g, nil
	case <-ctx.Done():
		err = p.ended("wait for a connection", ctx.Err())
	case <-timer.C:
		err = &exchange.Error{Source: exchange.SourceOrigin, Op: fmt.Sprintf("origin %q: wait for a connection", p.def.Name), Reason: exchange.ReasonOverload, Retry: true, Err: errBusy}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if i := slices.Index(p.waiters, w); i >= 0 {
		p.waiters = slices.Delete(p.waiters, i, i+1)
		return grant{}, err
	}
	// The grant came together with the end.
	if g := <-w.granted; g.c != nil {
		p.put(g.c)
	} else {
		p.leave(g.s)
	}
	return grant{}, err
}

// use takes an idle connection of s or a place for a new one; s has one of
// them. Preconditions: mu is held.
func (p *pool) use(s *server, fresh bool) grant {
	n := len(s.idle)
	if n > 0 && !fresh {
		c := s.idle[n-1] // the one used last is the likeliest to be alive
		s.idle[n-1] = nil
		s.idle = s.idle[:n-1]
		return grant{c, s}
	}
	if n > 0 && s.open >= p.settings.Connections {
		c := s.idle[0]
		s.idle = slices.Delete(s.idle, 0, 1)
		s.open--
		p.shut(c)
	}
	s.open++
	return grant{nil, s}
}

// give gives back a connection on which another request may go.
func (p *pool) give(c *conn) {
	c.rest()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.put(c)
}

// put hands c to the first in line, or keeps it. Preconditions: mu is held.
func (p *pool) put(c *conn) {
	s := c.server
	if w := p.next(s); w != nil {
		if w.fresh {
			p.shut(c) // its place goes on
			c = nil
		}
		w.granted <- grant{c, s}
		return
	}
	if p.closed {
		s.open--
		p.shut(c)
		return
	}
	c.since = time.Now()
	s.idle = append(s.idle, c)
	if p.sweeping == nil {
		p.sweeping = time.AfterFunc(idleKept, p.sweep)
	}
}

// discard closes a connection that no further request may go on.
func (p *pool) discard(c *conn) {
	c.drop()
	p.lose(c)
}

// lose closes a connection that somebody may still read.
func (p *pool) lose(c *conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.leave(c.server)
	p.shut(c)
}

// leave gives up a place. Preconditions: mu is held.
func (p *pool) leave(s *server) {
	if len(p.waiters) > 0 && p.promises(s, time.Now()) {
		if w := p.next(s); w != nil {
			w.granted <- grant{nil, s}
			return
		}
	}
	s.open--
}

// next takes the first who has a use for s out of the line; nil if nobody has.
// Preconditions: mu is held.
func (p *pool) next(s *server) *waiter {
	for i, w := range p.waiters {
		if !slices.Contains(w.tried, s) {
			p.waiters = slices.Delete(p.waiters, i, i+1)
			return w
		}
	}
	return nil
}

// shut closes c. Its place in open is the caller's to deal with.
func (p *pool) shut(c *conn) {
	c.close()
	p.u.o.Events.closed(Connection{Owner: p.def.Owner, Origin: p.def.Name, Server: c.server.authority, Open: c.server.open})
}

// sweep closes what has been idle for too long.
func (p *pool) sweep() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.sweeping = nil
	if p.closed {
		return
	}
	now := time.Now()
	var oldest time.Time
	for _, s := range p.servers {
		n := 0
		for n < len(s.idle) && now.Sub(s.idle[n].since) >= idleKept {
			s.open--
			p.shut(s.idle[n])
			n++
		}
		s.idle = slices.Delete(s.idle, 0, n)
		if len(s.idle) > 0 && (oldest.IsZero() || s.idle[0].since.Before(oldest)) {
			oldest = s.idle[0].since
		}
	}
	if !oldest.IsZero() {
		p.sweeping = time.AfterFunc(idleKept-now.Sub(oldest), p.sweep)
	}
}

// close closes what is idle; the rest follows as it is given back.
func (p *pool) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	if p.sweeping != nil {
		p.sweeping.Stop()
		p.sweeping = nil
	}
	for _, s := range p.servers {
		for _, c := range s.idle {
			s.open--
			p.shut(c)
		}
		s.idle = nil
	}
}

// busy tells whether the pool has connections.
func (p *pool) busy() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.waiters) > 0 || slices.ContainsFunc(p.servers, func(s *server) bool { return s.open > 0 })
}
