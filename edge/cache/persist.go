package cache

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"reflect"

	"github.com/wedgecdn/wedge/edge/cache/disk"
	"github.com/wedgecdn/wedge/edge/cache/journal"
	"github.com/wedgecdn/wedge/edge/cache/policy"
	"github.com/wedgecdn/wedge/edge/cache/store"
	"github.com/wedgecdn/wedge/hostapi/exchange"
)

// What the disk keeps of a response beside its body, key and variant:
//
//	status u16 | facts | mark (tag.Mark.Append) | fields (store.Head.Append)
//
// There is no version in it: layout stands for all of it, and a cache of another
// layout is dropped.

// layout is the hash of how responses are written: of the facts' fields, and of
// the numbers of known fields. A change of either, made elsewhere and for other
// reasons, drops what is on disk instead of misreading it.
func layout() [16]byte {
	const version = 1
	text := fmt.Sprintln(version)
	facts := reflect.TypeFor[policy.Facts]()
	for i := range facts.NumField() {
		text += fmt.Sprintln(facts.Field(i).Name, facts.Field(i).Type.Kind())
	}
	for k := exchange.Other; k < exchange.KnownCount; k++ {
		text += fmt.Sprintln(k)
	}
	sum := sha256.Sum256([]byte(text))
	return [16]byte(sum[:16])
}

// record is o as the disk keeps it.
func record(o *store.Object[kept], names []string) *disk.Record {
	b := binary.LittleEndian.AppendUint16(nil, uint16(o.Head.Status))
	b, err := binary.Append(b, binary.LittleEndian, &o.Meta.facts)
	if err != nil {
		panic("BUG: cache: facts have a field without a fixed size: " + err.Error())
	}
	b = o.Meta.mark.Append(b)
	return &disk.Record{Key: disk.Key(o.Key), Variant: disk.Key(o.Variant), Born: o.Born, Names: names, Meta: o.Head.Append(b)}
}

// unpack makes an object, without a content, of what the disk keeps.
func (c *Cache) unpack(r *disk.Record) (o *store.Object[kept], ok bool) {
	o = &store.Object[kept]{Key: store.Key(r.Key), Variant: store.Key(r.Variant), Born: r.Born}
	if len(r.Meta) < 2 {
		return nil, false
	}
	status, b := int(binary.LittleEndian.Uint16(r.Meta)), r.Meta[2:]
	n, err := binary.Decode(b, binary.LittleEndian, &o.Meta.facts)
	if err != nil {
		return nil, false
	}
	if b, ok = c.tags.Unpack(&o.Meta.mark, b[n:]); !ok {
		return nil, false
	}
	o.Head, ok = store.ParseHead(status, b)
	o.Extra = int32(o.Meta.mark.Size())
	join(o)
	return o, ok
}

// apply does a purge of an earlier run to the tables.
func (c *Cache) apply(e *journal.Entry) {
	c.tags.Advance(e.Sequence - 1)
	c.purge(e)
}
