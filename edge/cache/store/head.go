package store

import (
	"encoding/binary"
	"strings"

	"github.com/wedgecdn/wedge/hostapi/exchange"
)

// A Head is the status and the fields of a response, packed into one string:
// an object in the index then has one pointer for all of its fields, and a
// known name costs a byte.
//
//	field:  known (1 byte) | if known is Other: length, name | length, value
//	length: as in encoding/binary's Uvarint
type Head struct {
	Status int
	fields string
}

// Pack makes a head that owns its strings.
func Pack(status int, h *exchange.Header) Head {
	var b strings.Builder
	b.Grow(h.Size())
	put := func(s string) {
		n := len(s)
		for ; n >= 0x80; n >>= 7 {
			b.WriteByte(byte(n) | 0x80)
		}
		b.WriteByte(byte(n))
		b.WriteString(s)
	}
	for f := range h.All() {
		b.WriteByte(byte(f.Known()))
		if f.Known() == exchange.Other {
			put(f.Name)
		}
		put(f.Value)
	}
	packed := b.String()
	if cap := b.Cap(); cap-len(packed) > 64 {
		packed = strings.Clone(packed)
	}
	return Head{status, packed}
}

// Size is what the fields keep, in bytes.
func (p *Head) Size() int { return len(p.fields) }

// Append appends the packed fields to b: for an object that outlives the
// process. Their numbers are those of exchange.Known.
func (p *Head) Append(b []byte) []byte { return append(b, p.fields...) }

// ParseHead is the head of that status with the fields that Append wrote; false
// if b is nothing that it can have written.
func ParseHead(status int, b []byte) (Head, bool) {
	packed := string(b)
	for s := packed; s != ""; {
		known := exchange.Known(s[0])
		if known >= exchange.KnownCount {
			return Head{}, false
		}
		s = s[1:]
		texts := 1
		if known == exchange.Other {
			texts = 2
		}
		for range texts {
			n, size := binary.Uvarint([]byte(s[:min(len(s), binary.MaxVarintLen32)]))
			if size <= 0 || n > uint64(len(s)-size) {
				return Head{}, false
			}
			s = s[size+int(n):]
		}
	}
	return Head{status, packed}, true
}

// Unpack adds the fields to h. Their strings live as long as the program holds them.
func (p *Head) Unpack(h *exchange.Header) {
	for s := p.fields; s != ""; {
		var k exchange.Known
		var name, value string
		k, name, value, s = next(s)
		if k == exchange.Other {
			h.Add(name, value)
		} else {
			h.AddKnown(k, value)
		}
	}
}

// Value is the value of the first field k, "" if there is none.
func (p *Head) Value(k exchange.Known) string {
	for s := p.fields; s != ""; {
		var known exchange.Known
		var value string
		known, _, value, s = next(s)
		if known == k {
			return value
		}
	}
	return ""
}

// next takes the first field off s.
func next(s string) (k exchange.Known, name, value, rest string) {
	k, s = exchange.Known(s[0]), s[1:]
	if k == exchange.Other {
		name, s = text(s)
	}
	value, s = text(s)
	return k, name, value, s
}

func text(s string) (v, rest string) {
	n, i := 0, 0
	for shift := 0; ; shift += 7 {
		c := s[i]
		i++
		n |= int(c&0x7f) << shift
		if c < 0x80 {
			break
		}
	}
	return s[i : i+n], s[i+n:]
}
