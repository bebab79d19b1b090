package policy

import (
	"encoding/binary"
	"slices"
	"strings"

	"github.com/wedgecdn/wedge/hostapi/exchange"
)

// MaxVary is how many fields a response may vary on. A response with more is
// not stored.
const MaxVary = 16

// VaryNames appends the names of the fields that select among a resource's
// responses: in lower case, sorted, each once. They are new strings unless h
// has them in lower case. The reason is ReasonVaryStar or ReasonVaryTooMany if
// the response may not be stored.
func VaryNames(names []string, h *exchange.Header) ([]string, exchange.Reason) {
	reason := exchange.ReasonNone
	eachVary(h, func(name string) bool {
		if name == "*" {
			// "A stored response with a Vary header field value containing a
			// member "*" always fails to match."
			// https://www.rfc-editor.org/rfc/rfc9111#section-4.1
			reason = exchange.ReasonVaryStar
			return false
		}
		name = strings.ToLower(name)
		at, found := slices.BinarySearch(names, name)
		if found {
			return true
		}
		if len(names) == MaxVary {
			reason = exchange.ReasonVaryTooMany
			return true // a "*" may follow
		}
		names = slices.Insert(names, at, name)
		return true
	})
	return names, reason
}

// eachVary calls f with each member of Vary.
func eachVary(h *exchange.Header, f func(name string) bool) {
	if !h.Has(exchange.Vary) {
		return
	}
	for i := 0; i < h.Len(); i++ {
		l := h.At(i)
		if l.Known() != exchange.Vary {
			continue
		}
		for rest, more := l.Value, true; more; {
			var name string
			name, rest, more = strings.Cut(rest, ",")
			if name = trim(name); name != "" && !f(name) {
				return
			}
		}
	}
}

// AppendVariant appends what tells the variants of a resource apart: of each
// field in names its value in asked, the request's fields as they left
// on_request. Two requests match if and only if their bytes are equal.
//
// "The header fields from two requests are defined to match if and only if
// those in the first request can be transformed to those in the second request
// by applying any of the following: adding or removing whitespace, where
// allowed in the header field's syntax; combining multiple header field lines
// with the same field name; normalizing both header field values in a way that
// is known to have identical semantics".
// https://www.rfc-editor.org/rfc/rfc9111#section-4.1
func AppendVariant(b []byte, names []string, asked *exchange.Header, r *Rules) []byte {
	for _, name := range names {
		b = binary.AppendUvarint(b, uint64(len(name)))
		b = append(b, name...)
		k := exchange.Lookup(name)
		// "...if a header field is absent from a request, it can only match
		// another request if it is also absent there."
		if k == exchange.Cookie && r.IgnoreCookies || !has(asked, k, name) {
			b = append(b, 0)
			continue
		}
		b = append(b, 1, 0, 0, 0, 0)
		start := len(b)
		b = appendCombined(b, k, name, asked)
		binary.LittleEndian.PutUint32(b[start-4:], uint32(len(b)-start))
	}
	return b
}

func has(h *exchange.Header, k exchange.Known, name string) bool {
	if k != exchange.Other {
		return h.Has(k)
	}
	_, ok := h.Named(name)
	return ok
}

// appendCombined appends the values of a field's lines as one, in the form in
// which they are compared.
func appendCombined(b []byte, k exchange.Known, name string, h *exchange.Header) []byte {
	start := len(b)
	if foldsCase(k) {
		if b, ok := appendPreferences(b, k, h); ok {
			return b
		}
	}
	for i := 0; i < h.Len(); i++ {
		f := h.At(i)
		if f.Known() != k || k == exchange.Other && !strings.EqualFold(f.Name, name) {
			continue
		}
		if len(b) > start {
			b = append(b, ',')
			if !isList(k) {
				b = append(b, ' ')
			}
		}
		if isList(k) {
			b = appendList(b, f.Value, foldsCase(k))
		} else {
			b = append(b, trim(f.Value)...)
		}
	}
	return b
}

// isList tells whether whitespace around commas means nothing in the field.
// Fields that nobody knows are taken for lists, as nearly all with commas are;
// those with free text or dates are not.
func isList(k exchange.Known) bool {
	switch k {
	case exchange.UserAgent, exchange.Cookie, exchange.Authorization, exchange.Referer, exchange.IfModifiedSince, exchange.IfUnmodifiedSince,
		exchange.IfRange, exchange.Date, exchange.Range, exchange.Origin, exchange.Host, exchange.XOriginalURL, exchange.XRewriteURL:
		return false
	}
	return true
}

// foldsCase tells whether the field's values mean the same in any case: content
// codings (RFC 9110 §8.4.1) and language ranges (RFC 4647 §2).
func foldsCase(k exchange.Known) bool {
	return k == exchange.AcceptEncoding || k == exchange.AcceptLanguage
}

// appendList appends a list without the whitespace around its commas and
// semicolons; quoted strings stay as they are.
func appendList(b []byte, s string, fold bool) []byte {
	s = trim(s)
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case c == '"':
			start := i
			for i++; i < len(s) && s[i] != '"'; i++ {
				if s[i] == '\\' {
					i++
				}
			}
			b = append(b, s[start:min(i+1, len(s))]...)
			continue
		case c == ' ' || c == '\t':
			j := i
			for j < len(s) && (s[j] == ' ' || s[j] == '\t') {
				j++
			}
			before := i > 0 && (s[i-1] == ',' || s[i-1] == ';')
			after := j < len(s) && (s[j] == ',' || s[j] == ';')
			if !before && !after {
				b = append(b, ' ')
			}
			i = j - 1
			continue
		case fold && 'A' <= c && c <= 'Z':
			c |= 0x20
		}
		b = append(b, c)
	}
	return b
}

// judgeVary tells whether the response can be stored with its Vary.
func judgeVary(fx *exchange.Exchange, asked *exchange.Header, r *Rules) exchange.Reason {
	h := &fx.Response.Header
	if !h.Has(exchange.Vary) {
		return exchange.ReasonNone
	}
	var room [MaxVary]string
	names, reason := VaryNames(room[:0], h)
	if reason != exchange.ReasonNone {
		return reason
	}
	// The response depends on what the origin saw; variants are found by what
	// clients ask. Where a function changed the field between the two, requests
	// that look equal here may have been different there.
	for _, name := range names {
		if changed(&fx.Request, asked, name, r) {
			return exchange.ReasonVaryOnFetch
		}
	}
	return exchange.ReasonNone
}

// changed tells whether the field differs between what was asked and what was sent.
func changed(sent *exchange.Request, asked *exchange.Header, name string, r *Rules) bool {
	k := exchange.Lookup(name)
	switch k {
	case exchange.Cookie:
		if r.IgnoreCookies && !sent.Header.Has(k) {
			return false // nobody's fetch has it
		}
	case exchange.XForwardedProto:
		if v := sent.Header.Value(k); v != "" && v == sent.Scheme {
			return false // the node's own word, and part of every key
		}
	case exchange.XForwardedHost:
		if v := sent.Header.Value(k); v != "" && v == sent.Host {
			return false
		}
	}
	if has(&sent.Header, k, name) != has(asked, k, name) {
		return true
	}
	var a, b [256]byte
	return string(appendCombined(a[:0], k, name, &sent.Header)) != string(appendCombined(b[:0], k, name, asked))
}

// trim removes optional whitespace (RFC 9110 §5.6.3) at both ends.
func trim(s string) string {
	for s != "" && (s[0] == ' ' || s[0] == '\t') {
		s = s[1:]
	}
	for s != "" && (s[len(s)-1] == ' ' || s[len(s)-1] == '\t') {
		s = s[:len(s)-1]
	}
	return s
}
