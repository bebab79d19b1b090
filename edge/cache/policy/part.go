package policy

import (
	"strings"

	"github.com/wedgecdn/wedge/hostapi/exchange"
)

// A Part says which bytes of a representation a response with status 206 holds.
type Part struct {
	Range
	// Total is the length of the representation; -1 if it is not known.
	Total int64
}

// ContentRange reads the Content-Range of a response with one part.
//
//	Content-Range = range-unit SP ( range-resp / unsatisfied-range )
//	range-resp    = incl-range "/" ( complete-length / "*" )
//	incl-range    = first-pos "-" last-pos
//
// "A Content-Range field value is invalid if it contains a range-resp that has a
// last-pos value less than its first-pos value, or a complete-length value less
// than or equal to its last-pos value. The recipient of an invalid Content-Range
// MUST NOT attempt to recombine the received content with a stored
// representation." https://www.rfc-editor.org/rfc/rfc9110#section-14.4
func ContentRange(h *exchange.Header) (Part, bool) {
	if h.Count(exchange.ContentRange) != 1 {
		return Part{}, false
	}
	unit, rest, ok := strings.Cut(trim(h.Value(exchange.ContentRange)), " ")
	// "...a cache MUST NOT store incomplete or partial-content responses if it
	// does not support the Range and Content-Range header fields or if it does not
	// understand the range units used in those fields."
	// https://www.rfc-editor.org/rfc/rfc9111#section-3.3
	if !ok || !fold(unit, "bytes") {
		return Part{}, false
	}
	incl, complete, ok := strings.Cut(rest, "/")
	if !ok {
		return Part{}, false
	}
	first, last, ok := strings.Cut(incl, "-")
	if !ok {
		return Part{}, false
	}
	p := Part{Total: -1}
	if p.First, ok = parsePos(first); !ok {
		return Part{}, false
	}
	if p.Last, ok = parsePos(last); !ok || p.Last < p.First {
		return Part{}, false
	}
	if complete != "*" {
		if p.Total, ok = parsePos(complete); !ok || p.Total <= p.Last {
			return Part{}, false
		}
	}
	const most = 1<<63 - 1
	return p, p.Last != most
}

// AppendContentRange appends the value of Content-Range for a range of the
// representation.
func (p Part) AppendContentRange(b []byte, r Range) []byte {
	if p.Total >= 0 {
		return r.AppendContentRange(b, p.Total)
	}
	b = r.AppendContentRange(b, 0)
	return append(b[:len(b)-1], '*')
}

// Within is the range that a Range field asks for, if the part holds all of it.
//
// "A cache MUST NOT use an incomplete response to answer requests unless the
// response has been made complete, or the request is partial and specifies a
// range wholly within the incomplete response."
// https://www.rfc-editor.org/rfc/rfc9111#section-3.3
func (p Part) Within(field string) (Range, bool) {
	if p.Total < 0 {
		return Range{}, false // how far "5-" or "-5" go is not known
	}
	r, kind := ParseRange(field, p.Total)
	return r, kind == Satisfiable && r.First >= p.First && r.Last <= p.Last
}

// Whole tells whether the part is all there is.
func (p Part) Whole() bool { return p.First == 0 && p.Last == p.Total-1 }

// OneRange tells whether a request asks for one range of bytes, whatever it would
// get otherwise: so that the range may be asked for at the origin, and what comes
// be kept for whoever asks for the same.
func OneRange(q *exchange.Header) bool {
	if q.Count(exchange.Range) != 1 || q.Has(exchange.IfRange) {
		return false
	}
	// Any length will do to see whether it is well formed.
	_, kind := ParseRange(q.Value(exchange.Range), 1<<62)
	return kind == Satisfiable
}

// Combines tells whether two parts are parts of the same representation, so that
// one content can be made of them.
//
// "A cache MAY combine these ranges into a single stored response, and reuse that
// response to satisfy later requests, if they all share the same strong
// validator". https://www.rfc-editor.org/rfc/rfc9111#section-3.4
//
// A weak one, or a date, does not promise the same bytes.
func Combines(a, b *exchange.Header) bool {
	x, ok := entityTag(a)
	if !ok || a.Count(exchange.ETag) != 1 || b.Count(exchange.ETag) != 1 {
		return false
	}
	y, ok := entityTag(b)
	return ok && sameTag(x, y, true) && a.Value(exchange.ContentEncoding) == b.Value(exchange.ContentEncoding)
}

// partAsked tells whether the response is the part that the client asked for, and
// nothing of a kind that cannot be told from others.
func partAsked(fx *exchange.Exchange, asked *exchange.Header, r *Rules) bool {
	sent := &fx.Request.Header
	if !r.ForwardRanges || !OneRange(asked) || sent.Count(exchange.Range) != 1 || sent.Value(exchange.Range) != asked.Value(exchange.Range) {
		return false
	}
	_, ok := ContentRange(&fx.Response.Header)
	return ok
}
