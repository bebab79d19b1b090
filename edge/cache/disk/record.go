package disk

import (
	"encoding/binary"
	"fmt"
)

// A Key is a hash that nobody outside can make collide.
type Key [16]byte

// An ID tells one cache's files from another's, and from those of another
// format.
type ID [16]byte

// A Record is a stored response beside its body.
type Record struct {
	Key, Variant Key
	// Born orders responses: an older one never takes the place of a newer one.
	Born uint64
	// Names tell the variants of a key apart: the door hashes the fields of
	// those names into Variant.
	Names []string
	// Meta is the caller's: head, freshness, marks.
	Meta []byte
}

// Bounds of a record, far above what HTTP heads have: what claims more is no
// record of ours.
const (
	maxNames  = 1 << 10
	maxMeta   = 16 << 20
	maxBlocks = 1 << 26
)

// A place is a stretch of a body in a segment.
type place struct {
	segment uint32
	off     int64 // in the file
	length  int64
}

// layout is where a body lies: stretches, one behind the other, each but the
// last a multiple of block long, and the sum of each block.
type layout struct {
	size   int64
	places []place
	sums   []uint32
}

// block is how many bytes of a body have a sum of their own: the least that is
// read to check them.
const block = 64 << 10

func blocks(size int64) int { return int((size + block - 1) / block) }

// appendRecord writes the payload of a head:
//
//	key 16 | variant 16 | born u64 | size u64 | names u32 | places u32 | meta u32
//	names:  length u32 | bytes
//	places: segment u32 | off u64 | length u64
//	meta
//	sums:   u32 for each block
func appendRecord(b []byte, r *Record, l *layout) []byte {
	b = append(b, r.Key[:]...)
	b = append(b, r.Variant[:]...)
	b = binary.LittleEndian.AppendUint64(b, r.Born)
	b = binary.LittleEndian.AppendUint64(b, uint64(l.size))
	for _, n := range [...]int{len(r.Names), len(l.places), len(r.Meta)} {
		b = binary.LittleEndian.AppendUint32(b, uint32(n))
	}
	for _, n := range r.Names {
		b = binary.LittleEndian.AppendUint32(b, uint32(len(n)))
		b = append(b, n...)
	}
	for _, p := range l.places {
		b = binary.LittleEndian.AppendUint32(b, p.segment)
		b = binary.LittleEndian.AppendUint64(b, uint64(p.off))
		b = binary.LittleEndian.AppendUint64(b, uint64(p.length))
	}
	b = append(b, r.Meta...)
	for _, s := range l.sums {
		b = binary.LittleEndian.AppendUint32(b, s)
	}
	return b
}

const placeSize = 4 + 8 + 8

// parseRecord reads a head's payload. It is checked although its sum was right:
// nothing that stands on a disk may make the node panic.
func parseRecord(b []byte) (r Record, l layout, err error) {
	var d decoder
	d.b = b
	copy(r.Key[:], d.take(16))
	copy(r.Variant[:], d.take(16))
	r.Born, l.size = d.u64(), int64(d.u64())
	names, places, meta := int(d.u32()), int(d.u32()), int(d.u32())
	switch {
	case d.short || l.size < 0 || names > maxNames || meta > maxMeta || l.size > maxBlocks*block || places > blocks(l.size)+1:
		return r, l, errRecord
	case len(d.b) < 4*names+placeSize*places+meta+4*blocks(l.size):
		return r, l, errRecord
	}
	for range names {
		r.Names = append(r.Names, string(d.take(int(d.u32()))))
	}
	left := l.size
	l.places = make([]place, 0, places)
	for range places {
		p := place{segment: d.u32(), off: int64(d.u64()), length: int64(d.u64())}
		if p.off < segmentHeader || p.length <= 0 || p.length > left || p.length < left && p.length%block != 0 {
			return r, l, errRecord
		}
		left -= p.length
		l.places = append(l.places, p)
	}
	r.Meta = append([]byte(nil), d.take(meta)...)
	l.sums = make([]uint32, blocks(l.size))
	for i := range l.sums {
		l.sums[i] = d.u32()
	}
	if d.short || len(d.b) != 0 || left != 0 {
		return r, l, errRecord
	}
	return r, l, nil
}

var errRecord = fmt.Errorf("disk: a record is damaged")

// decoder reads little-endian numbers; short tells that something was missing.
type decoder struct {
	b     []byte
	short bool
}

func (d *decoder) take(n int) []byte {
	if n < 0 || n > len(d.b) {
		d.short, d.b = true, nil
		return nil
	}
	b := d.b[:n]
	d.b = d.b[n:]
	return b
}

func (d *decoder) u32() uint32 {
	if b := d.take(4); b != nil {
		return binary.LittleEndian.Uint32(b)
	}
	return 0
}

func (d *decoder) u64() uint64 {
	if b := d.take(8); b != nil {
		return binary.LittleEndian.Uint64(b)
	}
	return 0
}
