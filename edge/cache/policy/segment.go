package policy

import (
	"strconv"

	"github.com/wedgecdn/wedge/hostapi/exchange"
)

// AppendSegment appends the value of Range for a segment of that size, from an
// offset on.
func AppendSegment(b []byte, first, size int64) []byte {
	b = strconv.AppendInt(append(b, "bytes="...), first, 10)
	return strconv.AppendInt(append(b, '-'), first+size-1, 10)
}

// SegmentAt is where the segment begins with which a fetch for this request
// begins: that of the first byte that is asked for. How long the representation
// is nobody knows yet, so of the end of one the first is as good as any.
func SegmentAt(q *exchange.Header, size int64) int64 {
	const beyond = 1 << 62
	if q.Count(exchange.Range) != 1 {
		return 0
	}
	r, kind := ParseRange(q.Value(exchange.Range), beyond)
	if kind != Satisfiable || r.First >= beyond/2 {
		return 0
	}
	return r.First / size * size
}

// Segment reads a 206 that answers a fetch of one segment: the part that it
// holds, and what tells its representation from all others, by which further
// segments are asked for and compared. It is false if the part is not the segment
// that was asked for, or nothing could be joined to it: then the whole has to be
// fetched. A part that is the whole needs no tag.
//
// "A client that has received multiple partial responses to GET requests on a
// target resource MAY combine those responses into a larger continuous range if
// they share the same strong validator."
// https://www.rfc-editor.org/rfc/rfc9110#section-15.3.7.3
//
// A weak one, or a date, does not promise the same bytes.
func Segment(h *exchange.Header, first, size int64) (p Part, tag string, ok bool) {
	p, ok = ContentRange(h)
	if !ok || p.First != first || p.Total < 0 || p.Last != min(first+size, p.Total)-1 {
		return p, "", false
	}
	if p.Whole() {
		return p, "", true
	}
	tag, ok = entityTag(h)
	return p, tag, ok && h.Count(exchange.ETag) == 1 && !weak(tag)
}
