package cache

import (
	"crypto/sha256"
	"errors"
	"io"
	"strings"

	"github.com/wedgecdn/wedge/edge/cache/policy"
	"github.com/wedgecdn/wedge/edge/cache/store"
	"github.com/wedgecdn/wedge/edge/cache/tag"
	"github.com/wedgecdn/wedge/hostapi/exchange"
)

// Where a site forwards ranges, a request for one of which nothing whole is
// stored has a key of its own: that of the whole and the value of Range. Under it
// stands the 206 as the origin gave it, for whoever asks for the same; and
// requests that do share one fetch. Under another key, of the whole only, stands
// the part that was stored last, joined with the one before where both are of
// one representation: requests for less than that are answered from it, and when
// it has become all there is it takes the place of the whole.

// maxJoined bounds a part that is made of two, in bytes: each time both are
// copied.
const maxJoined = 8 << 20

// rangeKey is the key of what one value of Range brings, partsKey that of the
// part which answers others.
func (c *Cache) rangeKey(whole store.Key, field string) store.Key { return c.derive(whole, 'r', field) }
func (c *Cache) partsKey(whole store.Key) store.Key               { return c.derive(whole, 'p', "") }

func (c *Cache) derive(whole store.Key, kind byte, text string) store.Key {
	var room [256]byte
	b := append(append(append(append(room[:0], c.secret[:]...), whole[:]...), kind), text...)
	sum := sha256.Sum256(b)
	return store.Key(sum[:len(store.Key{})])
}

// lookupPart goes on from f, which found nothing whole for x.
func (c *Cache) lookupPart(x *exchange.Exchange, f *Found, a *policy.Access, rules *policy.Rules) {
	field := strings.TrimSpace(x.Request.Header.Value(exchange.Range))
	// What answers less than it holds.
	parts := Found{c: c, key: c.partsKey(f.key)}
	parts.set = c.store.Find(parts.key)
	if s, why := c.judgeStored(x, &parts, a, rules); s == Fresh {
		p, ok := partOf(parts.object)
		r, within := p.Within(field)
		if ok && within {
			if body, ok := c.open(parts.object); ok {
				if body.Skip(r.First-p.First) == nil {
					body.Limit(r.Length())
					f.State, f.Reason, f.Forward = Fresh, why, exchange.ForwardNone
					f.object, f.body, f.set, f.soft = parts.object, body, parts.set, false
					f.part, f.of, f.narrowed = p, r, true
					return
				}
				body.Close()
			}
		}
	}
	// What the same request brought.
	f.whole, f.ranged = f.key, true
	f.key = c.rangeKey(f.whole, field)
	f.set = c.store.Find(f.key)
	f.State, f.Reason = c.judgeStored(x, f, a, rules)
	if f.State == Usable {
		f.State = Stale
	}
	if f.State != Absent {
		if body, ok := c.open(f.object); ok {
			f.body = body
		} else {
			f.State, f.Reason, f.object = Absent, exchange.ReasonEvicted, nil
		}
	}
	switch f.Forward = policy.Forward(f.Reason); {
	case f.State == Fresh && f.Reason == exchange.ReasonNone:
		f.Forward = exchange.ForwardNone
	case f.Reason == exchange.ReasonAbsent && parts.set != nil:
		f.Forward = exchange.ForwardPartial // "the stored response was a partial response"
	}
	if f.State != Fresh && c.refused.Has(f.key, x.Now) {
		f.alone = true
	}
}

// partOf is which bytes o holds. A body that is shorter than its Content-Range
// holds the first of them; what is missing is missing at its end.
func partOf(o *store.Object[kept]) (policy.Part, bool) {
	var h exchange.Header
	h.AddKnown(exchange.ContentRange, o.Head.Value(exchange.ContentRange))
	p, ok := policy.ContentRange(&h)
	n := o.Content.Size()
	if !ok || o.Head.Status != 206 || n == 0 || n > p.Length() {
		return policy.Part{}, false
	}
	p.Last = p.First + n - 1
	return p, true
}

// short tells that a part has not all the bytes that it says.
func short(o *store.Object[kept]) bool {
	var h exchange.Header
	h.AddKnown(exchange.ContentRange, o.Head.Value(exchange.ContentRange))
	p, _ := policy.ContentRange(&h)
	return o.Content.Size() != p.Length()
}

// Ranged tells that the fetch for f is of the range that its request asks for.
func (f *Found) Ranged() bool { return f.ranged }

// insertPart lets o, a 206 that has just been stored, answer requests for parts
// of it, and joins it with the part that did so before.
func (l *Filling) insertPart(o *store.Object[kept], fx *exchange.Exchange, v *Verdict, names []string) {
	p, ok := partOf(o)
	if !ok {
		return
	}
	key := l.c.partsKey(l.whole)
	part := l.object(fx, v, o.Variant, &o.Meta.mark)
	part.Key = key
	sameBody(part, o)
	old := l.c.store.Find(key).Object(o.Variant)
	if old == nil || old.Meta.mark.State() == tag.Gone {
		l.c.put(part, names)
		return
	}
	q, ok := partOf(old)
	var before, now exchange.Header
	old.Head.Unpack(&before)
	o.Head.Unpack(&now)
	if !ok || q.Total != p.Total || !policy.Combines(&before, &now) || short(o) || short(old) {
		l.c.put(part, names) // another representation, or it cannot be told
		return
	}
	first, last := min(p.First, q.First), max(p.Last, q.Last)
	if first == q.First && last == q.Last {
		return // the old one has all of it
	}
	apart := max(p.First, q.First) > min(p.Last, q.Last)+1
	if apart || last-first+1 > min(maxJoined, l.c.objectSize) {
		l.c.put(part, names)
		return
	}
	content, err := l.join(o, p, old, q)
	if err != nil {
		l.c.put(part, names)
		return
	}
	defer content.Close()
	// "When combining the new response with one or more stored responses, a cache
	// MUST update the stored response header fields using the header fields provided
	// in the new response, as per Section 3.2."
	// https://www.rfc-editor.org/rfc/rfc9111#section-3.4
	rules := l.r.policy()
	policy.Merge(&before, &now, &rules)
	p.First, p.Last = first, last
	status := 206
	if p.Whole() {
		status, part.Key = 200, l.whole
		before.DeleteKnown(exchange.ContentRange)
	} else {
		before.SetKnown(exchange.ContentRange, string(p.AppendContentRange(nil, p.Range)))
	}
	part.Head, part.Content = store.Pack(status, &before), content.Content()
	if part.Meta.disk != nil {
		part.Meta.disk.body = nil
	}
	if l.c.put(part, names) && status == 200 {
		l.c.store.Remove(old, store.Replaced)
	}
}

// join writes the content of two parts that touch or overlap, as one.
func (l *Filling) join(a *store.Object[kept], p policy.Part, b *store.Object[kept], q policy.Part) (*store.Writer, error) {
	if q.First < p.First {
		a, p, b, q = b, q, a, p
	}
	x, ok := l.c.open(a)
	if !ok {
		return nil, errLost
	}
	defer x.Close()
	y, ok := l.c.open(b)
	if !ok {
		return nil, errLost
	}
	defer y.Close()
	var all io.Reader = x
	if q.Last > p.Last {
		if err := y.Skip(p.Last + 1 - q.First); err != nil {
			return nil, err
		}
		all = io.MultiReader(x, y)
	}
	w := l.c.store.Chunks().Create()
	buf := make([]byte, w.Size())
	for {
		n, err := io.ReadFull(all, buf)
		if n > 0 {
			if err := w.Put(buf[:n]); err != nil {
				w.Close()
				return nil, err
			}
		}
		switch {
		case err == nil:
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
			if w.Content().Size() != max(p.Last, q.Last)-p.First+1 {
				w.Close()
				return nil, errLost
			}
			return w, nil
		default:
			w.Close()
			return nil, err
		}
	}
}
