package key

import (
	"bytes"
	"encoding/binary"
	"slices"
	"strings"

	"github.com/wedgecdn/wedge/hostapi/exchange"
)

// appendQuery appends the query as the choices want it. A query of which
// nothing is left counts as none.
func appendQuery(b []byte, query string, ch *exchange.KeyChoice) []byte {
	if len(ch.IgnoreQuery) == 0 && !ch.SortQuery {
		b = part(b, kindQuery, query)
		if ch.LowerCase {
			lowerCase(b[len(b)-len(query):])
		}
		return b
	}
	// The length is not known before the rest is, so room is left for it.
	const room = binary.MaxVarintLen32
	start := len(b)
	b = append(b, make([]byte, 1+room)...)
	from := len(b)
	kept := 0
	for p := range parameters(query) {
		if ignored(p, ch) {
			continue
		}
		if kept > 0 {
			b = append(b, '&')
		}
		b = append(b, p...)
		kept++
	}
	if kept == 0 {
		return b[:start]
	}
	text := b[from:]
	if ch.LowerCase {
		lowerCase(text)
	}
	if ch.SortQuery {
		b = sortParameters(b, from)
	}
	return closeQuery(b, start, from)
}

// closeQuery puts kind and length in front of the text that stands at from.
func closeQuery(b []byte, start, from int) []byte {
	n := len(b) - from
	head := binary.AppendUvarint(append(b[:start], byte(kindQuery)), uint64(n))
	at := len(head)
	b = b[:from+n]
	copy(b[at:], b[from:])
	return b[:at+n]
}

// parameters yields the parts of a query between its ampersands.
func parameters(query string) func(func(string) bool) {
	return func(yield func(string) bool) {
		for rest, more := query, true; more; {
			var p string
			p, rest, more = strings.Cut(rest, "&")
			if !yield(p) {
				return
			}
		}
	}
}

// ignored tells whether a parameter is left out of the key. Its name is
// compared as it stands in the URL's normal form.
func ignored(p string, ch *exchange.KeyChoice) bool {
	name, _, _ := strings.Cut(p, "=")
	for _, pattern := range ch.IgnoreQuery {
		prefix, any := strings.CutSuffix(pattern, "*")
		switch {
		case any && hasPrefix(name, prefix, ch.LowerCase):
			return true
		case !any && len(name) == len(pattern) && hasPrefix(name, pattern, ch.LowerCase):
			return true
		}
	}
	return false
}

func hasPrefix(s, prefix string, fold bool) bool {
	if len(s) < len(prefix) {
		return false
	}
	return s[:len(prefix)] == prefix || fold && strings.EqualFold(s[:len(prefix)], prefix)
}

// sortParameters sorts the parameters in b[from:] by their names, those of one
// name staying in their order: "a=2&a=1" may be another request than "a=1&a=2".
func sortParameters(b []byte, from int) []byte {
	type span struct{ start, end uint32 } // a query is never that long
	var few [64]span
	all := few[:0]
	for at := from; ; {
		i := bytes.IndexByte(b[at:], '&')
		if i < 0 {
			all = append(all, span{uint32(at), uint32(len(b))})
			break
		}
		all = append(all, span{uint32(at), uint32(at + i)})
		at += i + 1
	}
	name := func(s span) []byte {
		n, _, _ := bytes.Cut(b[s.start:s.end], []byte{'='})
		return n
	}
	slices.SortStableFunc(all, func(x, y span) int { return bytes.Compare(name(x), name(y)) })
	end := len(b)
	for i, s := range all {
		if i > 0 {
			b = append(b, '&')
		}
		b = append(b, b[s.start:s.end]...)
	}
	copy(b[from:], b[end:])
	return b[:len(b)-(end-from)]
}
