package disk

import (
	"encoding/binary"
	"fmt"

	"github.com/wedgecdn/wedge/edge/cache/disk/vfs"
)

// A sidecar stands beside a segment and lists its heads and deaths, so that a
// start reads one small file and not the whole segment. It covers the segment up
// to end; what stands behind that is scanned. One that is missing or damaged
// costs time, nothing else.
//
//	magic "wedgeidx" | version u32 | number u32 | cache 16 | end u64 | count u32 | entries | crc u32
//	entry: key u64 | born u64 | variant u32 | off u32 | size u32 | first u32
const (
	sidecarHeader = 8 + 4 + 4 + 16 + 8 + 4
	sidecarEntry  = 8 + 8 + 4*4
)

func sidecarName(number uint32) string { return fmt.Sprintf("%08x.idx", number) }

func appendSidecar(b []byte, number uint32, cache ID, end int64, log []spot) []byte {
	at := len(b)
	b = append(b, "wedgeidx"...)
	b = binary.LittleEndian.AppendUint32(b, version)
	b = binary.LittleEndian.AppendUint32(b, number)
	b = append(b, cache[:]...)
	b = binary.LittleEndian.AppendUint64(b, uint64(end))
	b = binary.LittleEndian.AppendUint32(b, uint32(len(log)))
	for _, s := range log {
		b = binary.LittleEndian.AppendUint64(b, s.key)
		b = binary.LittleEndian.AppendUint64(b, s.born)
		for _, n := range [...]uint32{s.variant, s.off, s.size, s.first} {
			b = binary.LittleEndian.AppendUint32(b, n)
		}
	}
	return binary.LittleEndian.AppendUint32(b, crc(b[at:]))
}

func parseSidecar(b []byte, number uint32, cache ID, size int64) (log []spot, end int64, ok bool) {
	if len(b) < sidecarHeader+4 || string(b[:8]) != "wedgeidx" || crc(b[:len(b)-4]) != binary.LittleEndian.Uint32(b[len(b)-4:]) {
		return nil, 0, false
	}
	d := decoder{b: b[8 : len(b)-4]}
	same := d.u32() == version && d.u32() == number && string(d.take(16)) == string(cache[:])
	end = int64(d.u64())
	n := int(d.u32())
	if !same || end < segmentHeader || end > size || end%unit != 0 || len(d.b) != n*sidecarEntry {
		return nil, 0, false
	}
	log = make([]spot, n)
	for i := range log {
		log[i] = spot{key: d.u64(), born: d.u64(), variant: d.u32(), segment: number, off: d.u32(), size: d.u32(), first: d.u32()}
		if s := &log[i]; s.size != 0 && (s.first > number || int64(s.off)*unit < segmentHeader || (int64(s.off)+int64(s.size))*unit > end) {
			return nil, 0, false
		}
	}
	return log, end, true
}

// writeSidecar writes down what is in a segment.
// Preconditions: wmu is held.
func (t *Tier) writeSidecar(s *segment) {
	if err := vfs.WriteFile(t.fs, sidecarName(s.number), appendSidecar(nil, s.number, t.o.ID, s.size, s.log), false); err != nil {
		t.fault("write the list of a segment", err)
	}
}

// A death says that what was stored before it under a key and a variant, or
// under any variant of the key, is not to be used.
//
//	key u64 | variant u32 | all u32
type death struct {
	key     uint64
	variant uint32
	all     bool
}

func (d death) append(b []byte) []byte {
	b = binary.LittleEndian.AppendUint64(b, d.key)
	b = binary.LittleEndian.AppendUint32(b, d.variant)
	return binary.LittleEndian.AppendUint32(b, d.spot().off)
}

func parseDeath(b []byte) (death, bool) {
	d := decoder{b: b}
	x := death{key: d.u64(), variant: d.u32(), all: d.u32() != 0}
	return x, !d.short && len(d.b) == 0
}

// spot is how a death stands in a log: a head of no size.
func (d death) spot() spot {
	s := spot{key: d.key, variant: d.variant}
	if d.all {
		s.off = 1
	}
	return s
}

// apply does to the index what stands in the log.
func (x *index) apply(s spot) {
	switch {
	case s.size != 0:
		x.add(s)
	case s.off != 0:
		for r := x.keys[s.key]; r != 0; r = x.keys[s.key] {
			x.remove(r)
		}
	default:
		if r := x.find(s.key, s.variant); r != 0 {
			x.remove(r)
		}
	}
}
