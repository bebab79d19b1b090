package cache

import (
	"encoding/binary"

	"github.com/wedgecdn/wedge/edge/cache/store"
	"github.com/wedgecdn/wedge/hostapi/exchange"
)

// A stored body may stand in the store a second time, in a content coding. That
// form has a key made of the body's own number, which no other body ever has; it
// is reached only through the response, so whatever purges, replaces or evicts
// that ends it as well, and what is left gives way to others in its turn.

// codedKey is where the coded form of a body stands; false if it can have none.
func (f *Found) codedKey(coding uint8) (k store.Key, ok bool) {
	if f.object == nil {
		return k, false
	}
	id := f.object.Content.ID()
	if id == 0 {
		return k, false
	}
	binary.LittleEndian.PutUint64(k[:], id*0x9e3779b97f4a7c15)
	copy(k[8:], "coded")
	k[15] = coding
	return k, true
}

// Coded is the body of the response in a coding, if it is kept in that. decided
// is true if there is nothing to be done to have it next time: it is there, it
// was found not to be worth it, or it could not be kept.
func (f *Found) Coded(coding uint8) (body exchange.Body, length int64, decided bool) {
	k, ok := f.codedKey(coding)
	if !ok {
		return nil, 0, true
	}
	o := f.c.store.Find(k).Object(store.Key{})
	if o == nil {
		return nil, 0, false
	}
	if o.Content.Size() == 0 {
		return nil, 0, true
	}
	b, ok := f.c.store.Open(o)
	if !ok {
		return nil, 0, false
	}
	return b, o.Content.Size(), true
}

// KeepCoded keeps the body of the response in a coding; without bytes it keeps
// that this is not worth it.
func (f *Found) KeepCoded(coding uint8, b []byte) {
	k, ok := f.codedKey(coding)
	if !ok {
		return
	}
	w := f.c.store.Chunks().Create()
	defer w.Close()
	for len(b) > 0 {
		n := min(len(b), w.Size())
		if w.Put(b[:n]) != nil {
			return
		}
		b = b[n:]
	}
	o := &store.Object[kept]{Key: k, Content: w.Content()}
	o.Meta.facts.Received = f.object.Meta.facts.Received
	f.c.store.Insert(o, nil)
}

// Plain is the response's stored body; false if it is gone. The caller closes it.
func (f *Found) Plain() (exchange.Body, bool) {
	if !f.valid() {
		return nil, false
	}
	b, ok := f.c.open(f.object)
	return b, ok
}

// Size is the length of the response's stored body.
func (f *Found) Size() int64 { return f.object.Content.Size() }
