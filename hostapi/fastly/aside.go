package fastly

import (
	"github.com/wedgecdn/wedge/hostapi/exchange"
	"github.com/wedgecdn/wedge/hostapi/services"
)

const (
	// mostAside bounds what a run holds beside the content of bodies: heads, secrets of its own, what its lookups of caches
	// found of heads and metadata, what its operations on stores carry and what they found. Without it a run that opens as
	// many things as it may, each as large as it may be, would hold gigabytes.
	mostAside = 16 << 20
	// fieldCost is what a field takes beside its bytes.
	fieldCost = 64
	// mostReads bounds how many lookups of a run read at once: until it is known whether the run may hold what they found,
	// each has a copy of it.
	mostReads = 8
)

// weighty is a thing that stands on the account of what a run holds aside, for as long as it has a handle.
type weighty interface {
	// weight is what it holds when it is opened.
	weight() int
	account() *booking
}

// booking is what of a thing stands on an account. The goroutine that runs the guest has it.
type booking struct {
	on *gauge // nil: it is on none
	n  int
}

func (b *booking) account() *booking { return b }

// change books n more, or less; false, and nothing is booked, if that is too much.
func (b *booking) change(n int) bool {
	switch {
	case b.on == nil:
	case n < 0:
		b.on.sub(-n)
		b.n += n
	case !b.on.add(n):
		return false
	default:
		b.n += n
	}
	return true
}

// release takes it off the account.
func (b *booking) release() {
	if b.on != nil {
		b.on.sub(b.n)
	}
	*b = booking{}
}

// headWeight is what a header holds.
func headWeight(h *exchange.Header) int { return h.Size() + fieldCost*h.Len() }

func (r *request) weight() int  { return len(r.method) + len(r.uri) + r.tags + headWeight(&r.header) }
func (r *response) weight() int { return headWeight(&r.header) }
func (s *secret) weight() int   { return len(s.value) }
func (p *pending) weight() int  { return p.sent }
func (b *body) weight() int     { return b.carried } // its content stands on an account of its own

// A lookup keeps the header by which it tells variants apart.
func (e *entry) weight() int     { return len(e.key) + headWeight(&e.header) }
func (e *httpEntry) weight() int { return len(e.key) + len(e.url) + e.request.weight() }

// weight is what an object holds beside its content.
func (m *meta) weight() int {
	n := len(m.Metadata)
	for _, t := range m.Tags {
		n += len(t) + fieldCost
	}
	for _, v := range m.Vary {
		n += len(v) + fieldCost
	}
	if m.HTTP != nil {
		n += len(m.HTTP.Rule)
		for i := range m.HTTP.Fields {
			n += len(m.HTTP.Fields[i].Name) + len(m.HTTP.Fields[i].Value) + fieldCost
		}
	}
	return n
}

// weight is what an insertion holds beside its content, for as long as that is written.
func (n *insertion) weight() int {
	w := len(n.key) + n.object.meta.weight()
	if n.header != nil {
		w += headWeight(n.header)
	}
	return w
}

// hold puts what a lookup found, or what the program inserts and has back, on the accounts of the run; false if it holds too much.
func (t *turn) hold(o *object) bool {
	w := o.meta.weight()
	if !t.aside.add(w) {
		return false
	}
	if !o.content.hold(t.held) {
		t.aside.sub(w)
		return false
	}
	return true
}

// release is the end of hold.
func (t *turn) release(o *object) {
	o.content.release()
	t.aside.sub(o.meta.weight())
}

// read runs f, which reads from a cache or a store, when one of the places for that is free.
func (t *turn) read(f func()) error {
	select {
	case t.reading <- struct{}{}:
	case <-t.ctx.Done():
		return t.ctx.Err()
	}
	defer func() { <-t.reading }()
	f()
	return nil
}

// book puts what an operation found on the account of the run. One that holds too much has found nothing.
func (t *turn) book(o *operation) {
	if n := len(o.entry.Value) + len(o.entry.Metadata); t.aside.add(n) {
		o.booked += n
		return
	}
	o.entry, o.found, o.err = services.Entry{}, false, services.ErrLimit
}

// copied is how much a lookup copied out of the cache, which the program pays for when it asks for the result. It is the lookup's
// until that is done, and then the guest's.
type copied struct{ bytes int }

func (p *copied) count(o *object) {
	if o != nil {
		p.bytes += int(o.content.size()) + o.meta.weight()
	}
}

// counted is what is to be paid for, once.
func (p *copied) counted() int {
	n := p.bytes
	p.bytes = 0
	return n
}
