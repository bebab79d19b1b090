package cache

import (
	"crypto/sha256"
	"strconv"
	"time"

	"github.com/wedgecdn/wedge/edge/cache/disk"
	"github.com/wedgecdn/wedge/edge/cache/policy"
	"github.com/wedgecdn/wedge/edge/cache/store"
	"github.com/wedgecdn/wedge/edge/cache/tag"
	"github.com/wedgecdn/wedge/hostapi/exchange"
)

// A State is what Lookup found.
type State uint8

// The states.
const (
	// Absent: nothing suitable is stored; fetch, with Join.
	Absent State = iota
	// Fresh: serve it.
	Fresh
	// Usable: it is stale; serve it, and let one fetch refresh it meanwhile
	// (Refresh).
	Usable
	// Stale: something is stored that the origin has to confirm; fetch with its
	// validators, with Join.
	Stale
	// Bypass: the request goes past the cache; fetch without Join. With
	// ReasonOnlyIfCached it must not be fetched at all.
	Bypass
)

// String is the state's name.
func (s State) String() string { return [...]string{"absent", "fresh", "usable", "stale", "pass"}[s] }

// Found is the answer of a Lookup. It is used by one goroutine, and ended by
// Serve or Close; a fetch in another goroutine gets ForFetch.
type Found struct {
	State State
	// Reason is why the state is not Fresh. With Fresh it is ReasonNone, or
	// ReasonExpired where the client takes a stale response (max-stale).
	Reason exchange.Reason
	// Forward is the same in the words of RFC 9211.
	Forward exchange.Forward

	c      *Cache
	key    store.Key
	set    *store.Set[kept]
	object *store.Object[kept] // nil unless Fresh, Usable or Stale
	body   storedBody          // nil for HEAD
	soft   bool                // purged softly
	alone  bool
	read   bool // it was brought from disk for this request

	// ranged: the key is that of one value of Range, whole that of the whole.
	ranged bool
	whole  store.Key
	// narrowed: body is the range `of` of what object holds, which is `part`.
	narrowed bool
	part     policy.Part
	of       policy.Range
}

// Lookup finds the stored response for x, as x left on_request.
func (c *Cache) Lookup(x *exchange.Exchange, r *Rules) Found {
	rules := r.policy()
	a := policy.Request(x, &rules)
	if a.Pass != exchange.ReasonNone {
		return pass(a.Pass)
	}
	config := r.key()
	f := Found{c: c, key: store.Key(c.keys.Key(x, &config)), alone: a.Alone || !r.Collapse}
	x.Cache.Key = f.key
	f.set = c.store.Find(f.key)
	f.State, f.Reason = c.judgeStored(x, &f, &a, &rules)
	head := x.Request.Method == "HEAD"
	c.openFound(&f, head)
	if f.State == Absent && c.tier != nil && f.Reason != exchange.ReasonAuthorization {
		c.lookOnDisk(x, &f, &a, &rules)
	}
	refused := c.refused.Has(f.key, x.Now)
	f.State = settle(f.State, &a, refused)
	f.Forward = policy.Forward(f.Reason)
	switch f.State {
	case Fresh:
		if f.Reason == exchange.ReasonNone {
			f.Forward = exchange.ForwardNone
		}
		return f
	case Usable:
		return f
	}
	switch {
	case a.Miss != exchange.ReasonNone:
		f.Close()
		return pass(a.Miss)
	case head:
		// A response to HEAD has no body to store, and the one to GET was not
		// asked for.
		f.Close()
		p := pass(exchange.ReasonHeadMiss)
		p.c, p.object = c, f.object // for Headed
		return p
	}
	if r.ForwardRanges && r.Segment == 0 && f.State == Absent && x.Request.Header.Has(exchange.Range) && policy.OneRange(&x.Request.Header) {
		c.lookupPart(x, &f, &a, &rules)
		return f
	}
	if refused {
		f.alone = true
		if f.State == Absent {
			f.Reason, f.Forward = exchange.ReasonHitForMiss, policy.Forward(exchange.ReasonHitForMiss)
		}
	}
	return f
}

func pass(why exchange.Reason) Found {
	return Found{State: Bypass, Reason: why, Forward: policy.Forward(why)}
}

// settle says what is done with a response that is Usable by a request whose own
// fetch might not refresh it.
func settle(s State, a *policy.Access, refused bool) State {
	switch {
	case s != Usable:
	case a.Miss != exchange.ReasonNone:
		return Fresh // and nothing is to be fetched for this request
	case a.Alone, refused:
		// Its fetch is for this request only, or the last one could not be shared.
		return Stale
	}
	return s
}

// judgeStored chooses the object of f.set that is for x and says what may be
// done with it. It sets f.object and f.soft.
func (c *Cache) judgeStored(x *exchange.Exchange, f *Found, a *policy.Access, rules *policy.Rules) (State, exchange.Reason) {
	if f.set == nil {
		return Absent, exchange.ReasonAbsent
	}
	o := f.set.Object(c.variant(f.set.Names(), &x.Request.Header, rules))
	if o == nil && rules.MatchLanguage {
		if v, ok := c.languageVariant(f.set.Names(), &x.Request.Header, rules, policy.Preferred(&x.Request.Header)); ok {
			o = f.set.Object(v)
		}
	}
	if o == nil {
		return Absent, exchange.ReasonVaryMismatch
	}
	return c.judgeObject(x, f, o, a)
}

// openFound opens what was found, unless nobody will read it.
func (c *Cache) openFound(f *Found, head bool) {
	if f.State == Absent {
		return
	}
	if head {
		c.store.Use(f.object)
	} else if b, ok := c.openFor(f.State, f.object); ok {
		f.body = b
	} else {
		f.State, f.Reason, f.object = Absent, exchange.ReasonEvicted, nil
		return
	}
	if c.tier != nil {
		c.tier.want(f.object)
	}
}

// lookOnDisk brings what the disk has for x to memory, and judges and opens it. Of
// requests that come at once for the same, one reads and the others find it in
// memory then.
func (c *Cache) lookOnDisk(x *exchange.Exchange, f *Found, a *policy.Access, rules *policy.Rules) {
	if !c.tier.disk.Has(disk.Key(f.key)) {
		return
	}
	over, others := c.tier.turn(f.key)
	if others != nil {
		<-others
	} else {
		defer over()
	}
	f.set = c.store.Find(f.key)
	if s, why := c.judgeStored(x, f, a, rules); s != Absent {
		f.State, f.Reason = s, why
		c.openFound(f, x.Request.Method == "HEAD")
		return
	}
	// Nobody has brought it, it was another variant, or the index does not take it.
	o, release := c.tier.load(f.key, func(names []string) store.Key { return c.variant(names, &x.Request.Header, rules) })
	if o == nil {
		return
	}
	defer release()
	f.read = true
	f.State, f.Reason = c.judgeObject(x, f, o, a)
	f.set = c.store.Find(f.key)
	c.openFound(f, x.Request.Method == "HEAD")
	if f.State != Absent && c.events.FromDisk != nil {
		c.events.FromDisk()
	}
}

// judgeObject says what may be done with o.
func (c *Cache) judgeObject(x *exchange.Exchange, f *Found, o *store.Object[kept], a *policy.Access) (State, exchange.Reason) {
	switch o.Meta.mark.State() {
	case tag.Gone:
		c.store.Remove(o, store.Removed)
		return Absent, exchange.ReasonPurged
	case tag.Stale:
		f.soft = true
	case tag.Current:
	}
	if o.Content.Lost() {
		c.store.Remove(o, store.Lost)
		return Absent, exchange.ReasonEvicted
	}
	use, why := o.Meta.facts.Use(a, x.Now)
	switch {
	case use == policy.NotShared:
		return Absent, why
	case f.soft:
		use, why = policy.Validate, exchange.ReasonPurged
	case a.Revalidate:
		use, why = policy.Validate, exchange.ReasonForcedRevalidation
	}
	f.object = o
	switch use {
	case policy.Fresh, policy.AllowedStale:
		return Fresh, why
	case policy.WhileRevalidate:
		return Usable, why
	}
	return Stale, why
}

// variant is the hash of what tells a request's variant from others.
func (c *Cache) variant(names []string, asked *exchange.Header, rules *policy.Rules) store.Key {
	if len(names) == 0 {
		return store.Key{}
	}
	var room [512]byte
	b := append(room[:0], c.secret[:]...)
	sum := sha256.Sum256(policy.AppendVariant(b, names, asked, rules))
	return store.Key(sum[:len(store.Key{})])
}

// languageVariant is the variant under which a response in that language stands
// beside its own; false if there is none.
func (c *Cache) languageVariant(names []string, asked *exchange.Header, rules *policy.Rules, language string) (store.Key, bool) {
	if language == "" {
		return store.Key{}, false
	}
	var room [512]byte
	b, ok := policy.AppendLanguageVariant(append(room[:0], c.secret[:]...), names, asked, rules, language)
	if !ok {
		return store.Key{}, false
	}
	sum := sha256.Sum256(b)
	return store.Key(sum[:len(store.Key{})]), true
}

// Serve makes the stored response the response of x. The body becomes x's.
func (f *Found) Serve(x *exchange.Exchange) {
	o := f.object
	if o == nil {
		panic("BUG: cache: nothing was found to serve")
	}
	x.Response.Status = o.Head.Status
	x.Response.Header.Reset()
	o.Head.Unpack(&x.Response.Header)
	setAge(x, &o.Meta.facts, x.Now)
	x.Response.ContentLength = o.Content.Size()
	if f.narrowed {
		x.Response.ContentLength = f.of.Length()
		var b [64]byte
		x.Response.Header.SetKnown(exchange.ContentRange, x.Text(f.part.AppendContentRange(b[:0], f.of)))
	}
	x.Response.Body, x.Response.Trailer, x.Response.Upgrade = nil, nil, nil
	if f.body != nil {
		x.Response.Body, f.body = f.body, nil
	}
	x.Cache.Key = f.key
	x.Cache.TTL, x.Cache.HasTTL = f.TTL(x.Now), true
	x.Cache.Tier = f.tier()
}

// tier is where the response comes from.
func (f *Found) tier() exchange.Tier {
	d := f.object.Meta.disk
	switch {
	case d != nil && d.segments != nil:
		return exchange.TierSegments
	case f.read, d != nil && d.body != nil:
		return exchange.TierDisk
	}
	return exchange.TierMemory
}

// setAge sets Age.
//
// "When a stored response is used to satisfy a request without validation, a
// cache MUST generate an Age header field, replacing any present in the
// response with a value equal to the stored response's current_age".
// https://www.rfc-editor.org/rfc/rfc9111#section-4
func setAge(x *exchange.Exchange, facts *policy.Facts, now time.Time) {
	var b [20]byte
	x.Response.Header.SetKnown(exchange.Age, x.Text(strconv.AppendInt(b[:0], facts.AgeSeconds(now), 10)))
}

// TTL is how long the response stays fresh; not positive if it is stale.
func (f *Found) TTL(now time.Time) time.Duration {
	ttl := f.object.Meta.facts.TTL(now)
	if f.soft {
		ttl = min(ttl, 0)
	}
	return ttl
}

// Servable tells whether the stored response may be served although the origin
// has not confirmed it, because it cannot be asked or failed: somebody allowed
// such a use, and neither the response nor this request forbids it.
func (f *Found) Servable(now time.Time) bool {
	switch f.Reason {
	case exchange.ReasonRequestDirective, exchange.ReasonForcedRevalidation:
		return false
	}
	return f.object != nil && f.object.Meta.mark.State() != tag.Gone && f.object.Meta.facts.StaleIfError(now)
}

// Close ends a Found that was not served. More calls do nothing.
func (f *Found) Close() {
	if f.body != nil {
		f.body.Close()
		f.body = nil
	}
}

// ForFetch is what the fetch needs of f: its conditions, and what a 304 would
// confirm. It has no body and need not be closed, so it may go to another
// goroutine and outlive f.
func (f *Found) ForFetch() Found {
	g := *f
	g.body = nil
	return g
}

// Validators puts the conditions on a fetch by which the origin can confirm the
// stored response, in place of the client's own. Without a stored response, or
// if it has been purged or lost since, only the client's own go: the response
// is to be the whole one.
func (f *Found) Validators(fetch *exchange.Header) {
	var stored exchange.Header
	if f.valid() {
		stored.AddKnown(exchange.ETag, f.object.Head.Value(exchange.ETag))
		stored.AddKnown(exchange.LastModified, f.object.Head.Value(exchange.LastModified))
	}
	policy.Validators(fetch, &stored)
}

// valid tells whether the stored response can still be confirmed.
func (f *Found) valid() bool {
	return f.object != nil && !f.object.Content.Lost() && f.object.Meta.mark.State() != tag.Gone
}

// Replace makes f one of a request that brings its response with it: whatever is
// stored is to be replaced, and nobody waits for it, nor it for anybody. The
// body is closed.
func (f *Found) Replace() {
	f.Close()
	f.State, f.Reason, f.Forward = Absent, exchange.ReasonNone, exchange.ForwardNone
	f.object, f.alone = nil, true
}
