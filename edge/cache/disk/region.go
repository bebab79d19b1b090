package disk

import (
	"encoding/binary"
	"hash/crc32"
	"time"
)

// A segment file is a header and then regions, one behind the other, each with
// a header of its own that says how long it is. A region begins at a multiple
// of unit. Files are never written twice at one place, and never used again, so
// what stands behind the last region is zeros, and zeros are no region.
//
//	segment:  magic "wedgeseg" | version u32 | number u32 | cache 16 | created i64 | 0… | crc u32 (64 bytes)
//	region:   magic u32 | kind u8 | 0 0 0 | size u64 | payload u64 | sum u32 | crc u32     (32 bytes)
//
// size is the whole region's, a multiple of unit; payload is how many bytes of
// it follow the header; sum is the CRC-32C of these, but 0 for data, whose sums
// stand with the response (record.go); crc is that of the 28 bytes before it.
const (
	segmentHeader = 64
	regionHeader  = 32
	unit          = 64

	regionMagic = 0x31646557 // "Wed1"
	version     = 1
)

// kind is what a region holds. Numbers are never given another meaning.
type kind uint8

const (
	data kind = iota + 1 // a part of a body
	head                 // a response: its key, what the caller keeps of it, where its body is
	dead                 // a key and a variant: what was stored under them before is not to be used
)

// crc is CRC-32C, for which processors have an instruction.
func crc(b []byte) uint32 { return crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli)) }

// A region is what its header says.
type region struct {
	kind    kind
	size    int64
	payload int64
	sum     uint32
}

func roundUp(n int64) int64 { return (n + unit - 1) &^ (unit - 1) }

func (r region) append(b []byte) []byte {
	at := len(b)
	b = binary.LittleEndian.AppendUint32(b, regionMagic)
	b = append(b, byte(r.kind), 0, 0, 0)
	b = binary.LittleEndian.AppendUint64(b, uint64(r.size))
	b = binary.LittleEndian.AppendUint64(b, uint64(r.payload))
	b = binary.LittleEndian.AppendUint32(b, r.sum)
	return binary.LittleEndian.AppendUint32(b, crc(b[at:]))
}

// parseRegion reads a header; left is how much of the segment there is from its
// first byte on.
func parseRegion(b []byte, left int64) (r region, ok bool) {
	if len(b) < regionHeader || binary.LittleEndian.Uint32(b) != regionMagic || binary.LittleEndian.Uint32(b[28:]) != crc(b[:28]) {
		return r, false
	}
	r = region{
		kind:    kind(b[4]),
		size:    int64(binary.LittleEndian.Uint64(b[8:])),
		payload: int64(binary.LittleEndian.Uint64(b[16:])),
		sum:     binary.LittleEndian.Uint32(b[24:]),
	}
	return r, r.kind >= data && r.kind <= dead && r.payload >= 0 && r.size%unit == 0 &&
		r.size >= regionHeader && r.payload <= r.size-regionHeader && r.size <= left
}

func appendSegmentHeader(b []byte, number uint32, cache ID, created time.Time) []byte {
	at := len(b)
	b = append(b, "wedgeseg"...)
	b = binary.LittleEndian.AppendUint32(b, version)
	b = binary.LittleEndian.AppendUint32(b, number)
	b = append(b, cache[:]...)
	b = binary.LittleEndian.AppendUint64(b, uint64(created.UnixNano()))
	b = append(b, make([]byte, segmentHeader-4-(len(b)-at))...)
	return binary.LittleEndian.AppendUint32(b, crc(b[at:]))
}

// parseSegmentHeader is when the segment of that number and cache was begun;
// false if b begins no such segment.
func parseSegmentHeader(b []byte, number uint32, cache ID) (created time.Time, ok bool) {
	if len(b) < segmentHeader {
		return created, false
	}
	created = time.Unix(0, int64(binary.LittleEndian.Uint64(b[32:])))
	var room [segmentHeader]byte
	return created, string(b[:segmentHeader]) == string(appendSegmentHeader(room[:0], number, cache, created))
}
