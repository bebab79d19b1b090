package policy

import "strings"

// MaxRanges is how many ranges of one request are sent. A request for more gets
// the whole.
const MaxRanges = 16

// ParseRanges reads a Range field that names several ranges of a content of that
// length, and appends those that can be satisfied. With Ignored the whole content
// is sent.
//
// "A server that supports range requests MAY ignore or reject a Range header
// field that contains an invalid ranges-specifier..., a ranges-specifier with more
// than two overlapping ranges, or a set of many small ranges that are not listed
// in ascending order, since these are indications of either a broken client or a
// deliberate denial-of-service attack".
// https://www.rfc-editor.org/rfc/rfc9110#section-14.2
//
// So they have to be in ascending order and must not overlap: then they are sent
// in one passage over the content, and never more than there is.
func ParseRanges(list []Range, s string, length int64) ([]Range, RangeKind) {
	unit, set, ok := strings.Cut(s, "=")
	if !ok || length == 0 {
		return list, Ignored
	}
	named, next := 0, int64(0)
	for rest, more := set, true; more; {
		var one string
		one, rest, more = strings.Cut(rest, ",")
		if one = trim(one); one == "" {
			continue
		}
		if named++; named > MaxRanges {
			return list, Ignored
		}
		var room [64]byte
		if len(unit)+1+len(one) > len(room) {
			return list, Ignored
		}
		// One member is what ParseRange reads.
		r, kind := ParseRange(string(append(append(append(room[:0], unit...), '='), one...)), length)
		switch kind {
		case Ignored:
			return list, Ignored
		case Unsatisfiable:
			continue // 416 is for requests of which no range can be satisfied
		}
		if r.First < next {
			return list, Ignored
		}
		next = r.Last + 1
		list = append(list, r)
	}
	switch {
	case named == 0:
		return list, Ignored
	case len(list) == 0:
		return list, Unsatisfiable
	}
	return list, Satisfiable
}
