package cache

import (
	"encoding/binary"
	"time"

	"github.com/wedgecdn/wedge/edge/cache/key"
	"github.com/wedgecdn/wedge/edge/cache/policy"
	"github.com/wedgecdn/wedge/edge/cache/store"
	"github.com/wedgecdn/wedge/hostapi/exchange"
)

// An Explanation is what a Lookup finds for a request, and why, for operators.
type Explanation struct {
	State   State
	Reason  exchange.Reason
	Forward exchange.Forward
	// Key is the hash, Parts what it is made of. A request that passes has none.
	Key   store.Key
	Parts []key.Part
	// Vary are the request fields that choose among the variants under the key.
	Vary []VaryField
	// Variants is how many there are.
	Variants int
	// Stored is the variant that the request has; nil if there is none.
	Stored *Stored
}

// A VaryField is a request field by which variants are told apart, with the
// value that is compared: in its normal form.
type VaryField struct {
	Name, Value string
	// Present tells that the request has the field: one without it matches none
	// that has it.
	Present bool
}

// Stored is a stored response.
type Stored struct {
	Status  int
	Header  exchange.Header
	Length  int64
	URL     string // that the client asked for whose fetch brought it
	Facts   policy.Facts
	Age     time.Duration
	TTL     time.Duration
	Purged  bool // softly: it has to be confirmed
	Fetched uint64
	// Place is where the body stands. In segments it is of that many, of which so
	// many are stored; at most maxCounted are looked for.
	Place                    Place
	Segments, SegmentsStored int64
}

// A Place is where a stored body stands.
type Place uint8

// The places.
const (
	InMemory   Place = iota
	OnDisk           // only there
	InSegments       // each by itself, in memory or on disk
)

// String is the place in words.
func (p Place) String() string { return [...]string{"memory", "disk", "segments"}[p] }

// maxCounted bounds how many segments of one response are looked for.
const maxCounted = 1 << 16

// segmentsStored counts the segments that are there.
func (c *Cache) segmentsStored(s *segmented) (n int64) {
	for i := range min(s.count(), maxCounted) {
		if c.hasSegment(c.segmentKey(s, i)) {
			n++
		}
	}
	return n
}

// Explain tells what Lookup would find for x, as x left on_request, without
// using it: nothing is opened, brought to memory, counted or joined. Fetched of what is stored is
// the newest purge that its fetch knew.
func (c *Cache) Explain(x *exchange.Exchange, r *Rules) Explanation {
	rules := r.policy()
	a := policy.Request(x, &rules)
	if a.Pass != exchange.ReasonNone {
		return Explanation{State: Bypass, Reason: a.Pass, Forward: policy.Forward(a.Pass)}
	}
	config := r.key()
	e := Explanation{Key: store.Key(c.keys.Key(x, &config)), Parts: key.Parts(x, &config)}
	f := Found{c: c, key: e.Key}
	f.set = c.store.Find(f.key)
	e.Variants = f.set.Len()
	e.Vary = varyFields(f.set.Names(), &x.Request.Header, &rules)
	refused := c.refused.Has(f.key, x.Now)
	e.State, e.Reason = c.judgeStored(x, &f, &a, &rules)
	if e.State == Absent && c.tier != nil && e.Reason != exchange.ReasonAuthorization {
		if o, names := c.tier.peek(f.key, func(names []string) store.Key { return c.variant(names, &x.Request.Header, &rules) }); o != nil {
			e.State, e.Reason = c.judgeObject(x, &f, o, &a)
			e.Variants = max(e.Variants, 1)
			e.Vary = varyFields(names, &x.Request.Header, &rules)
		}
	}
	e.State = settle(e.State, &a, refused)
	o := f.object
	if o != nil {
		s := &Stored{Status: o.Head.Status, Length: o.Content.Size(), URL: o.Meta.mark.URL(), Facts: o.Meta.facts,
			Age: o.Meta.facts.Age(x.Now), TTL: f.TTL(x.Now), Purged: f.soft, Fetched: o.Meta.mark.Born(), Place: InMemory}
		if d := o.Meta.disk; d != nil {
			switch {
			case d.segments != nil:
				s.Place, s.Segments, s.SegmentsStored = InSegments, d.segments.count(), c.segmentsStored(d.segments)
			case d.body != nil:
				s.Place = OnDisk
			}
		}
		o.Head.Unpack(&s.Header)
		e.Stored = s
	}
	switch {
	case e.State == Fresh, e.State == Usable:
	case a.Miss != exchange.ReasonNone:
		e.State, e.Reason = Bypass, a.Miss
	case x.Request.Method == "HEAD":
		e.State, e.Reason = Bypass, exchange.ReasonHeadMiss
	case e.State == Absent && refused:
		e.Reason = exchange.ReasonHitForMiss
	}
	if e.State != Fresh && e.State != Usable {
		e.Forward = policy.Forward(e.Reason)
	}
	return e
}

// A Part is one part of a key, as people read it.
type Part = key.Part

// Parts are what the key of x is made of, as x left on_request; none for a request that passes.
func (c *Cache) Parts(x *exchange.Exchange, r *Rules) []Part {
	rules := r.policy()
	if policy.Request(x, &rules).Pass != exchange.ReasonNone {
		return nil
	}
	config := r.key()
	return key.Parts(x, &config)
}

// varyFields are the fields that variants are told apart by, as they are compared.
func varyFields(names []string, asked *exchange.Header, rules *policy.Rules) (list []VaryField) {
	for i := range names {
		// One field's part of what is hashed: its name, then 0, or 1, the value's
		// length and the value.
		b := policy.AppendVariant(nil, names[i:i+1], asked, rules)
		n, size := binary.Uvarint(b)
		b = b[size+int(n):]
		v := VaryField{Name: names[i], Present: b[0] == 1}
		if v.Present {
			v.Value = string(b[5:])
		}
		list = append(list, v)
	}
	return list
}
