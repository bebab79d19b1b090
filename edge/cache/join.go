package cache

import (
	"errors"
	"io"
	"time"

	"github.com/wedgecdn/wedge/edge/cache/fill"
	"github.com/wedgecdn/wedge/edge/cache/key"
	"github.com/wedgecdn/wedge/edge/cache/policy"
	"github.com/wedgecdn/wedge/edge/cache/store"
	"github.com/wedgecdn/wedge/edge/cache/tag"
	"github.com/wedgecdn/wedge/hostapi/exchange"
)

// A Decision is what a waiting request is told; see package fill.
type Decision = fill.Decision

// The decisions.
const (
	Shared   = fill.Shared
	Released = fill.Released
	Failed   = fill.Failed
	Turn     = fill.Turn
	TimedOut = fill.TimedOut
	Gone     = fill.Gone
)

// A Ticket is a request's place at a fetch. It belongs to the request's
// goroutine, and is ended by closing the body that Serve sets, or by Leave.
type Ticket struct {
	c *Cache
	x *exchange.Exchange
	r *Rules
	t *fill.Ticket
	// found is what was stored while the request was on its way here, if taken.
	found  Found
	taken  bool
	key    store.Key
	whole  store.Key // with ranged: the key of the whole
	ranged bool
	urls   urls
	leader *Filling
}

// urls name what a purge by URL or prefix must mean; they are owned.
type urls struct{ asked, made string }

// urlsOf are the URL that the client asked for, and the one that functions made
// of it if that differs.
func urlsOf(x *exchange.Exchange) urls {
	q := &x.Request
	made := string(key.AppendURL(nil, q.Scheme, q.Host, q.Path, q.Query, q.HasQuery))
	a := &x.Asked
	if a.Path == "" {
		return urls{asked: made}
	}
	asked := string(key.AppendURL(nil, a.Scheme, a.Host, a.Path, a.Query, a.HasQuery))
	if asked == made {
		return urls{asked: asked}
	}
	return urls{asked, made}
}

// A guard is the mark of a fetch: purges find it as they find an object.
type guard struct{ mark *tag.Mark }

// Current tells whether nothing has been purged, hard or soft, that the fetch
// may bring.
func (g guard) Current() bool { return g.mark.State() == tag.Current }

// Join starts the one fetch of what x wants, or takes part in it. f is what
// Lookup found for x; x and its request's fields stay as they are until the
// ticket is ended.
func (c *Cache) Join(x *exchange.Exchange, r *Rules, f *Found) *Ticket {
	if f.State == Bypass {
		panic("BUG: cache: a request that goes past the cache has joined")
	}
	t := &Ticket{c: c, x: x, r: r, key: f.key, whole: f.whole, ranged: f.ranged, urls: urlsOf(x)}
	rules := r.policy()
	// The closures below must not hold f: with it every Lookup's answer would
	// live on the heap, a hit's too.
	k := f.key
	req := fill.Request{
		Key:   k,
		Names: f.set.Names(),
		Match: func(names []string) fill.Key { return c.variant(names, &x.Request.Header, &rules) },
		Guard: func() fill.Guard {
			m := new(tag.Mark)
			m.Set(c.tags.Owner(r.Owner), c.tags.Sequence(), t.urls.asked, t.urls.made)
			return guard{m}
		},
		Stored: func() bool { return c.stored(x, k, &rules) },
		Alone:  f.alone,
	}
	// What is stored meanwhile may be lost before it is opened; then there is
	// a fetch to join, or to lead. The third time the request fetches alone.
	for n := 0; ; n++ {
		t.t = c.fills.Join(req)
		if !t.t.Stored() || t.take() {
			return t
		}
		req.Alone = n == 2
	}
}

// Refresh makes x the one whose fetch refreshes the stored response of f, which
// is Usable; nil if there is one already, or the last has failed just now. The
// caller takes Filling and leaves: nobody waits.
func (c *Cache) Refresh(x *exchange.Exchange, r *Rules, f *Found) *Ticket {
	if c.paused.Has(f.key, x.Now) {
		return nil
	}
	g := f.ForFetch()
	g.alone = false
	t := c.Join(x, r, &g)
	if !t.Leads() {
		t.Leave()
		return nil
	}
	return t
}

// stored tells whether something fresh for x has been stored by now.
func (c *Cache) stored(x *exchange.Exchange, k store.Key, rules *policy.Rules) bool {
	a := policy.Request(x, rules)
	f := Found{c: c, key: k, set: c.store.Find(k)}
	s, _ := c.judgeStored(x, &f, &a, rules)
	return s == Fresh
}

// take looks up what has been stored meanwhile.
func (t *Ticket) take() bool {
	t.found = t.c.Lookup(t.x, t.r)
	if t.taken = t.found.State == Fresh; !t.taken {
		t.found.Close()
	}
	return t.taken
}

// Leads tells that this request must fetch: from the beginning, or since Wait
// said Turn.
func (t *Ticket) Leads() bool { return t.t.Leads() }

// Wait waits for a decision, until gone is closed or the timeout is over; a nil
// channel and a timeout of 0 are no bounds. After Turn the request leads: it
// takes Filling, and its ticket waits again. After Released, Failed, TimedOut
// and Gone the ticket has left.
func (t *Ticket) Wait(gone <-chan struct{}, timeout time.Duration) Decision {
	if t.taken {
		return Shared
	}
	d := t.t.Wait(gone, timeout)
	if d == Shared && t.t.Stored() && !t.take() {
		return Released // it was stored, and is lost again
	}
	return d
}

// Err is why the fetch failed, after Failed.
func (t *Ticket) Err() error { return t.t.Err() }

// Leave gives up the place; see package fill. More calls do nothing.
func (t *Ticket) Leave() {
	t.found.Close()
	t.t.Leave()
}

// Filling is the leader's side; nil if the request does not lead. The fetch may
// outlive the request, and Filling goes with it.
func (t *Ticket) Filling() *Filling {
	f := t.t.Filling()
	if f == nil {
		return nil
	}
	if t.leader == nil || t.leader.f != f {
		t.leader = &Filling{c: t.c, r: t.r, f: f, key: t.key, whole: t.whole, ranged: t.ranged, mark: f.Guard().(guard).mark}
	}
	return t.leader
}

// Serve makes the shared response the response of x, with its body from the
// first byte on, while it arrives. f is what Lookup found for x: if that is what
// the origin has confirmed, its body is the one, since it is open already and
// may be gone from the store; else f stays the caller's to close.
// Preconditions: Wait has said Shared.
func (t *Ticket) Serve(x *exchange.Exchange, f *Found) {
	if t.taken {
		t.found.Serve(x)
		x.Cache.Collapsed = true
		return
	}
	s := t.t.Answer().Head.(*shared)
	x.Response.Status = s.head.Status
	x.Response.Header.Reset()
	s.head.Unpack(&x.Response.Header)
	x.Response.ContentLength = s.length
	x.Response.Trailer, x.Response.Upgrade = nil, nil
	x.Cache.Key, x.Cache.Stored, x.Cache.Collapsed = t.key, s.stored, !t.Leads()
	switch {
	case t.Leads() && (s.object == nil || s.facts == nil):
		// The leader's own request is answered by the origin: Age is what the
		// origin's side said, or nothing.
		if s.age != "" {
			x.Response.Header.AddKnown(exchange.Age, s.age)
		}
	case s.facts != nil: // else it is made by a function or by the node
		setAge(x, s.facts, x.Now)
	}
	if s.facts != nil {
		x.Cache.TTL, x.Cache.HasTTL = s.facts.TTL(x.Now), true
	}
	if s.object == nil {
		x.Response.Body = t.t.Reader()
		return
	}
	if f.body != nil && f.object.Content == s.object.Content {
		x.Response.Body, f.body = f.body, nil
		return
	}
	body, ok := s.open(t.c)
	if !ok {
		x.Response.Body = lostBody{}
		return
	}
	x.Response.Body = body
}

// shared is the head of a response that waiting requests get.
type shared struct {
	head   store.Head
	facts  *policy.Facts // nil if it is not from an origin, or not kept any more
	age    string        // the Age that the response came with
	length int64
	stored bool
	// object is the stored response that was confirmed; nil if the body is
	// streamed.
	object *store.Object[kept]
}

func (s *shared) open(c *Cache) (storedBody, bool) { return c.open(s.object) }

// errLost is what the front learns of a body that was evicted after its head
// was decided.
var errLost = &exchange.Error{Source: exchange.SourceNode, Op: "cache: serve", Reason: exchange.ReasonEvicted, Err: errors.New("the stored body has been evicted")}

// lostBody is a body that cannot be sent: the front cuts the response visibly.
type lostBody struct{}

func (lostBody) Read([]byte) (int, error)         { return 0, errLost }
func (lostBody) WriteTo(io.Writer) (int64, error) { return 0, errLost }
func (lostBody) Close() error                     { return nil }
