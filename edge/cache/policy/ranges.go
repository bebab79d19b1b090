package policy

import (
	"strconv"
	"strings"
	"time"

	"github.com/wedgecdn/wedge/hostapi/exchange"
)

// A Range is a part of some content: the bytes First to Last, both included.
type Range struct{ First, Last int64 }

// Length is how many bytes the range has.
func (r Range) Length() int64 { return r.Last - r.First + 1 }

// AppendContentRange appends the value of Content-Range for the range of a
// content of length total.
func (r Range) AppendContentRange(b []byte, total int64) []byte {
	b = strconv.AppendInt(append(b, "bytes "...), r.First, 10)
	b = strconv.AppendInt(append(b, '-'), r.Last, 10)
	return strconv.AppendInt(append(b, '/'), total, 10)
}

// AppendUnsatisfied appends the value of Content-Range for a 416.
//
// "A server that generates a 416 response to a byte-range request SHOULD
// generate a Content-Range header field specifying the current length of the
// selected representation". https://www.rfc-editor.org/rfc/rfc9110#section-15.5.17
func AppendUnsatisfied(b []byte, total int64) []byte {
	return strconv.AppendInt(append(b, "bytes */"...), total, 10)
}

// A RangeKind says what a Range field is good for.
type RangeKind uint8

// The kinds.
const (
	// Ignored: the whole content is sent.
	Ignored RangeKind = iota
	// Satisfiable: the range is sent, 206.
	Satisfiable
	// Unsatisfiable: 416.
	Unsatisfiable
)

// RangeApplies tells whether the range that a request asks for is meant for
// this response: whether there is one Range, and If-Range, if there is one,
// names the response.
//
// "A server MUST ignore an If-Range header field received in a request that
// does not contain a Range header field."
// https://www.rfc-editor.org/rfc/rfc9110#section-13.1.5
func RangeApplies(q, resp *exchange.Header) bool {
	if q.Count(exchange.Range) != 1 {
		return false
	}
	switch q.Count(exchange.IfRange) {
	case 0:
		return true
	case 1:
	default:
		return false
	}
	v := trim(q.Value(exchange.IfRange))
	if tag, rest := nextTag(v); tag != "" {
		// "If the entity-tag validator provided exactly matches the ETag field
		// value for the selected representation using the strong comparison
		// function..., the condition is true."
		// https://www.rfc-editor.org/rfc/rfc9110#section-13.1.5
		own, ok := entityTag(resp)
		return ok && rest == "" && len(tag) == len(v) && sameTag(tag, own, true)
	}
	// "If the HTTP-date validator provided is not a strong validator..., the
	// condition is false. If the HTTP-date validator provided exactly matches the
	// Last-Modified field value for the selected representation, the condition is
	// true." https://www.rfc-editor.org/rfc/rfc9110#section-13.1.5
	//
	// Strong is: "That cache entry includes a Date value which is at least one
	// second after the Last-Modified value".
	// https://www.rfc-editor.org/rfc/rfc9110#section-8.8.2.2
	//
	// The two-digit years of an obsolete date are read from 1970 on: the field
	// must be the very text of Last-Modified anyway.
	modified, ok := ParseDate(resp.Value(exchange.LastModified), time.Unix(0, 0))
	if !ok || v != resp.Value(exchange.LastModified) {
		return false
	}
	date, ok := ParseDate(resp.Value(exchange.Date), time.Unix(0, 0))
	return ok && date > modified
}

// ParseRange reads the value of a Range field for a content of that length,
// which must not be negative.
//
//	Range           = ranges-specifier
//	ranges-specifier = range-unit "=" range-set
//	range-set        = 1#range-spec
//	range-spec       = int-range / suffix-range / other-range
//
// https://www.rfc-editor.org/rfc/rfc9110#section-14.1.1
//
// "A server MAY ignore the Range header field." Several ranges, other units and
// what is malformed are ignored. https://www.rfc-editor.org/rfc/rfc9110#section-14.2
func ParseRange(s string, length int64) (Range, RangeKind) {
	// "A server that supports range requests MAY ignore a Range header field when
	// the selected representation has no content".
	// https://www.rfc-editor.org/rfc/rfc9110#section-14.2
	if length == 0 {
		return Range{}, Ignored
	}
	unit, set, ok := strings.Cut(s, "=")
	// "range-unit = token", compared without case.
	// https://www.rfc-editor.org/rfc/rfc9110#section-14.1
	if !ok || !fold(unit, "bytes") {
		return Range{}, Ignored
	}
	spec := ""
	for rest, more := set, true; more; {
		var one string
		one, rest, more = strings.Cut(rest, ",")
		if one = trim(one); one == "" {
			continue // an empty list element
		}
		if spec != "" {
			return Range{}, Ignored
		}
		spec = one
	}
	first, last, ok := strings.Cut(spec, "-")
	if !ok {
		return Range{}, Ignored
	}
	if first == "" {
		return suffixRange(last, length)
	}
	a, ok := parsePos(first)
	if !ok {
		return Range{}, Ignored
	}
	// "If the last-pos value is absent, or if the value is greater than or equal
	// to the current length of the representation data, the byte range is
	// interpreted as the remainder of the representation".
	// https://www.rfc-editor.org/rfc/rfc9110#section-14.1.2
	b := length - 1
	if last != "" {
		l, ok := parsePos(last)
		// "An int-range is invalid if the last-pos value is present and less than
		// the first-pos." https://www.rfc-editor.org/rfc/rfc9110#section-14.1.1
		if !ok || l < a {
			return Range{}, Ignored
		}
		b = min(b, l)
	}
	// "...a valid bytes range-spec is satisfiable if it is either: an int-range
	// with a first-pos that is less than the current length of the selected
	// representation or a suffix-range with a non-zero suffix-length."
	// https://www.rfc-editor.org/rfc/rfc9110#section-14.1.2
	if a >= length {
		return Range{}, Unsatisfiable
	}
	return Range{a, b}, Satisfiable
}

// suffixRange is the last n bytes.
//
// "If the selected representation is shorter than the specified suffix-length,
// the entire representation is used."
// https://www.rfc-editor.org/rfc/rfc9110#section-14.1.2
func suffixRange(s string, length int64) (Range, RangeKind) {
	n, ok := parsePos(s)
	switch {
	case !ok:
		return Range{}, Ignored
	case n == 0:
		return Range{}, Unsatisfiable
	}
	return Range{max(0, length-n), length - 1}, Satisfiable
}

// parsePos reads 1*DIGIT; a position beyond what content can have is the
// largest that can be counted.
//
// "...recipients MUST anticipate potentially large decimal numerals and prevent
// parsing errors due to integer conversion overflows."
// https://www.rfc-editor.org/rfc/rfc9110#section-14.1.2
func parsePos(s string) (int64, bool) {
	const most = 1<<63 - 1
	if s == "" {
		return 0, false
	}
	n := int64(0)
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c < '0' || c > '9' {
			return 0, false
		}
		if digit := int64(c - '0'); n > (most-digit)/10 {
			n = most // and it stays there: the rest must still be digits
		} else {
			n = n*10 + digit
		}
	}
	return n, true
}
