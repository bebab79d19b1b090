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
}

// Explain tells what Lookup would find for x, as x left on_request, without
// using it: nothing is opened, counted or joined. Fetched of what is stored is
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
	e.State = settle(e.State, &a, refused)
	o := f.object
	if o != nil {
		s := &Stored{Status: o.Head.Status, Length: o.Content.Size(), URL: o.Meta.mark.URL(), Facts: o.Meta.facts,
			Age: o.Meta.facts.Age(x.Now), TTL: f.TTL(x.Now), Purged: f.soft, Fetched: o.Meta.mark.Born()}
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
