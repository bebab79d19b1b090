package cache

import (
	"errors"
	"strconv"
	"time"
	"unsafe"

	"github.com/wedgecdn/wedge/edge/cache/disk"
	"github.com/wedgecdn/wedge/edge/cache/fill"
	"github.com/wedgecdn/wedge/edge/cache/policy"
	"github.com/wedgecdn/wedge/edge/cache/store"
	"github.com/wedgecdn/wedge/edge/cache/tag"
	"github.com/wedgecdn/wedge/hostapi/exchange"
)

// Where configuration says so, a response that is longer than a segment is
// fetched, stored and evicted by segments. Under the key of the whole stands its
// head, as if the body were there; that lies in objects of their own, under keys
// made of the key of the whole and of all that tells this representation from
// others, its strong entity tag before all. So segments of two representations
// never meet, a head that is gone finds the segments again that another one
// like it left, and each goes by itself when there is no room.
//
// The head is judged, shared, confirmed and purged like any other. A segment has
// no freshness of its own: it is what the tag promises for as long as a head
// with that tag is served. It has the purges of the URL and of the tags.

// segmented is what an object has in place of a body whose segments are objects
// of their own. It does not change.
type segmented struct {
	whole       store.Key // that of the object, and of its variant
	variant     store.Key
	tag         string // strong
	coding      string // Content-Encoding
	size, total int64
}

// memory is what it takes, in bytes.
func (s *segmented) memory() int { return int(unsafe.Sizeof(*s)) + len(s.tag) + len(s.coding) }

// count is how many segments there are.
func (s *segmented) count() int64 { return (s.total + s.size - 1) / s.size }

// segment is the range of the n-th.
func (s *segmented) segment(n int64) policy.Range {
	return policy.Range{First: n * s.size, Last: min((n+1)*s.size, s.total) - 1}
}

// segmentKey is the key of the n-th segment.
func (c *Cache) segmentKey(s *segmented, n int64) store.Key {
	var room [256]byte
	b := append(room[:0], s.variant[:]...)
	for _, i := range [...]int64{s.size, s.total, n} {
		b = append(strconv.AppendInt(b, i, 10), ' ')
	}
	b = append(append(append(b, s.tag...), ' '), s.coding...)
	return c.derive(s.whole, 's', string(b))
}

// A Segment is what one fetch of a segment is to bring.
type Segment struct {
	policy.Range
	s    *segmented
	size int64
	mark *tag.Mark // of the head
}

// Conditions puts on a fetch what asks for the segment, and for no other
// representation's.
//
// "If-Match... can be used to prevent... joining parts of two representations":
// an origin that has another one by now says so, and sends nothing of it.
// https://www.rfc-editor.org/rfc/rfc9110#section-13.1.1
func (g *Segment) Conditions(x *exchange.Exchange) {
	h := &x.Request.Header
	h.SetKnown(exchange.Range, x.Text(policy.AppendSegment(nil, g.First, g.Length())))
	h.SetKnown(exchange.IfMatch, g.s.tag)
}

// Brings tells whether the response in fx, a 206, is that segment.
func (g *Segment) Brings(fx *exchange.Exchange) bool {
	h := &fx.Response.Header
	p, tag, ok := policy.Segment(h, g.First, g.size)
	return ok && fx.Response.Status == 206 && p.Total == g.s.total && p.Range == g.Range && tag == g.s.tag && h.Value(exchange.ContentEncoding) == g.s.coding
}

// ErrChanged is why a body could not be completed out of segments: the origin has
// another representation by now.
var ErrChanged = &exchange.Error{Source: exchange.SourceOrigin, Op: "fetch a segment", Reason: exchange.ReasonCut, Err: errors.New("the origin has another representation by now")}

// StoreSegments gives the response in fx, whose body is the part of what has the
// head in fx, to the requests that wait: as a head, and a body that they put
// together of segments. It stores both, and returns when the part has come to
// its end. size is that of a segment. Like Store it reads fx.Response.Body but
// does not close it.
// Preconditions: the verdict is to store and to share, and policy.Segment has
// read the part.
func (l *Filling) StoreSegments(fx *exchange.Exchange, asked *exchange.Header, v Verdict, p policy.Part, tag string, size int64) error {
	names, variant, why := l.names(fx, asked)
	if why != exchange.ReasonNone {
		l.Release(why)
		return &exchange.Error{Op: "cache: store", Reason: why}
	}
	age := l.strip(fx)
	o := l.object(fx, &v, variant, nil)
	if o.Meta.disk == nil {
		join(o)
	}
	s := &segmented{whole: l.key, variant: variant, tag: string([]byte(tag)), coding: string([]byte(fx.Response.Header.Value(exchange.ContentEncoding))), size: size, total: p.Total}
	o.Meta.disk.segments = s
	o.Extra += int32(s.memory())
	o.Content = store.Elsewhere(p.Total)
	defer o.Content.Release()

	// Who finds the head wants the segment next: its fetch must be there by then.
	g := Segment{Range: p.Range, s: s, size: size, mark: &o.Meta.mark}
	n := p.First / size
	t := l.c.joinSegment(l.c.segmentKey(s, n), func() fill.Guard { return guard{l.mark} }, false)
	answer := fill.Answer{Names: names, Variant: variant, Head: &shared{head: o.Head, facts: &o.Meta.facts, age: age, length: p.Total, stored: true, object: o}}
	why = l.insert(o, nil, names)
	if why == exchange.ReasonNone {
		l.insertByLanguage(o, fx, asked, names)
	}
	fx.Cache.Stored = why == exchange.ReasonNone
	l.c.refused.Forget(l.key)
	l.f.Refresh(answer)
	// Those who read have tickets of their own; this one would only hold up the body.
	f := t.Filling()
	t.Leave()
	if f == nil { // it is stored already, or somebody else fetches it
		return nil
	}
	part := &Filling{c: l.c, r: l.r, f: f, key: l.c.segmentKey(s, n), mark: l.mark, whole: l.key}
	if err := part.StoreSegment(fx, &g, v); err != nil {
		return err
	}
	if why != exchange.ReasonNone {
		return &exchange.Error{Op: "cache: store", Reason: why}
	}
	return nil
}

// StoreSegment gives the segment in fx to those who wait for it, streams it to
// them and into the store. Preconditions: g.Brings is true, or was when the
// response had its status still.
func (l *Filling) StoreSegment(fx *exchange.Exchange, g *Segment, v Verdict) error {
	o := &store.Object[kept]{Key: l.key, Born: l.mark.Born()}
	var h exchange.Header
	h.AddKnown(exchange.ContentRange, string(g.AppendContentRange(nil, g.s.total)))
	h.AddKnown(exchange.ETag, g.s.tag)
	o.Head = store.Pack(206, &h)
	o.Meta.facts = v.Facts
	o.Meta.mark.Inherit(l.mark, l.mark.Born())
	o.Meta.mark.SetTags(tagsOf(fx), g.mark)
	o.Extra = int32(o.Meta.mark.Size())
	if l.c.tier != nil {
		join(o)
	}
	w, give := l.sink(o, g.Length())
	flow := fill.Flow{
		Answer: fill.Answer{Everybody: true, Head: &shared{head: o.Head, length: g.Length()}},
		Guard:  guard{&o.Meta.mark}, Body: fx.Response.Body, Length: g.Length(), Sink: w,
		Commit: func() bool {
			give()
			if l.insert(o, nil, nil) != exchange.ReasonNone {
				return false
			}
			if l.c.events.Stored != nil {
				l.c.events.Stored(o.Content.Size())
			}
			return true
		},
	}
	_, err := l.f.Stream(flow)
	switch {
	case errors.Is(err, fill.ErrUnwanted):
		return &exchange.Error{Source: exchange.SourceClient, Op: "cache: store a segment", Reason: exchange.ReasonClientGone, Err: err}
	case err != nil:
		return &exchange.Error{Source: exchange.SourceOrigin, Op: "cache: store a segment", Reason: exchange.ReasonOf(err, exchange.ReasonCut), Err: err}
	}
	return nil
}

// sink is where a body of that length goes, and give makes what has gone there
// the content of o. A nil sink keeps nothing.
func (l *Filling) sink(o *store.Object[kept], length int64) (w fill.Sink, give func()) {
	if l.c.tier != nil {
		if s := l.c.sinkFor(l.key, length); s != nil {
			return s, func() { s.give(o) }
		}
		return nil, func() {}
	}
	s := l.c.store.Chunks().Create()
	return s, func() { o.Content = s.Content() }
}

// joinSegment starts the one fetch of a segment, or takes part in it. With alone
// it is not shared.
func (c *Cache) joinSegment(k store.Key, mark func() fill.Guard, alone bool) *fill.Ticket {
	return c.fills.Join(fill.Request{
		Key:    k,
		Match:  func([]string) fill.Key { return fill.Key{} },
		Guard:  mark,
		Stored: func() bool { return c.segmentStored(c.store.Find(k).Object(store.Key{})) },
		Alone:  alone,
	})
}

// segmentStored tells whether a segment can be used: softly purged, its head has
// been confirmed since, and with it what the tag promises.
func (c *Cache) segmentStored(o *store.Object[kept]) bool {
	return o != nil && o.Meta.mark.State() != tag.Gone && !o.Content.Lost()
}

// openSegment opens a segment that is stored, in memory or on disk.
func (c *Cache) openSegment(k store.Key, length int64) (storedBody, bool) {
	if o := c.store.Find(k).Object(store.Key{}); c.segmentStored(o) && o.Content.Size() == length {
		if b, ok := c.openFor(Fresh, o); ok { // it is the head that is confirmed
			if c.tier != nil {
				c.tier.want(o)
			}
			return b, true
		}
	}
	if c.tier == nil {
		return nil, false
	}
	o, release := c.tier.load(k, func([]string) store.Key { return store.Key{} })
	if o == nil {
		return nil, false
	}
	defer release()
	if !c.segmentStored(o) || o.Content.Size() != length {
		return nil, false
	}
	b, ok := c.openFor(Fresh, o)
	if ok && c.events.FromDisk != nil {
		c.events.FromDisk()
	}
	return b, ok
}

// hasSegment tells whether a segment is stored, without using it.
func (c *Cache) hasSegment(k store.Key) bool {
	return c.segmentStored(c.store.Find(k).Object(store.Key{})) || c.tier != nil && c.tier.disk.Has(disk.Key(k))
}

// Segment is the size of segments for a route; 0 if it has none. A longer one than
// can be stored would be of no use.
func (c *Cache) Segment(r *Rules) int64 { return min(r.Segment, c.objectSize) }

// Segmentable tells whether the fetch for f may be one by segments: whether its
// response is for all, and has not just turned out to be one that cannot be.
func (f *Found) Segmentable(now time.Time) bool {
	return !f.alone && !f.ranged && !f.c.entire.Has(f.key, now)
}

// Entire tells that the response cannot be fetched by segments: it has no strong
// entity tag, or may not be shared. For a while it is fetched whole at once.
func (l *Filling) Entire() { l.c.entire.Add(l.key, l.c.now().Add(entireTime)) }

// entireTime is for how long.
const entireTime = 10 * time.Minute
