package policy

import (
	"time"

	"github.com/wedgecdn/wedge/hostapi/exchange"
)

// A Condition is what came of a client's own conditions.
type Condition uint8

// What may come of conditions.
const (
	// Proceed: there are none, or they hold; the response goes out as it is.
	Proceed Condition = iota
	// NotModified: the client has this representation, 304.
	NotModified
	// Failed: the client's request depends on another representation, 412.
	Failed
)

// Conditional evaluates the conditions of a GET or HEAD against the response
// with status 200 that it would get, in the order of RFC 9110 §13.2.2.
//
// If-Match and If-Unmodified-Since are for the origin to evaluate. Requests
// with them pass the cache ([Request]); here they count for responses that
// the node makes itself and is the origin of.
func Conditional(q *exchange.Header, method string, resp *exchange.Header, now time.Time) Condition {
	if method != "GET" && method != "HEAD" {
		return Proceed
	}
	// "When recipient is the origin server and If-Match is present, evaluate the
	// If-Match precondition... When recipient is the origin server, If-Match is
	// not present, and If-Unmodified-Since is present, evaluate the
	// If-Unmodified-Since precondition".
	// https://www.rfc-editor.org/rfc/rfc9110#section-13.2.2
	switch {
	case q.Has(exchange.IfMatch):
		if !matches(q, exchange.IfMatch, resp, true) {
			return Failed
		}
	case q.Has(exchange.IfUnmodifiedSince):
		if since, ok := oneDate(q, exchange.IfUnmodifiedSince, now); ok {
			// "If the selected representation's last modification date is earlier
			// than or equal to the date provided in the field value, the condition
			// is true."
			// https://www.rfc-editor.org/rfc/rfc9110#section-13.1.4
			if modified, ok := ParseDate(resp.Value(exchange.LastModified), now); ok && modified > since {
				return Failed
			}
		}
	}
	// "When If-None-Match is present, evaluate the If-None-Match precondition...
	// if false for GET/HEAD, respond 304 (Not Modified)... When the method is GET
	// or HEAD, If-None-Match is not present, and If-Modified-Since is present,
	// evaluate the If-Modified-Since precondition... if false, respond 304 (Not
	// Modified)".
	// https://www.rfc-editor.org/rfc/rfc9110#section-13.2.2
	switch {
	case q.Has(exchange.IfNoneMatch):
		// "A recipient MUST use the weak comparison function when comparing
		// entity tags for If-None-Match".
		// https://www.rfc-editor.org/rfc/rfc9110#section-13.1.2
		if matches(q, exchange.IfNoneMatch, resp, false) {
			return NotModified
		}
	case q.Has(exchange.IfModifiedSince):
		// "A recipient MUST ignore the If-Modified-Since header field if the
		// received field value is not a valid HTTP-date, the field value has more
		// than one member".
		// https://www.rfc-editor.org/rfc/rfc9110#section-13.1.3
		since, ok := oneDate(q, exchange.IfModifiedSince, now)
		if !ok {
			break
		}
		k := exchange.LastModified
		if !resp.Has(k) {
			// "If a request contains an If-Modified-Since header field and the
			// Last-Modified header field is not present in a stored response, a
			// cache SHOULD use the stored response's Date field value".
			// https://www.rfc-editor.org/rfc/rfc9111#section-4.3.2
			k = exchange.Date
		}
		// "If the selected representation's last modification date is earlier or
		// equal to the date provided in the field value, the condition is false."
		// https://www.rfc-editor.org/rfc/rfc9110#section-13.1.3
		if modified, ok := ParseDate(resp.Value(k), now); ok && modified <= since {
			return NotModified
		}
	}
	return Proceed
}

func oneDate(h *exchange.Header, k exchange.Known, now time.Time) (int64, bool) {
	if h.Count(k) != 1 {
		return 0, false
	}
	return ParseDate(h.Value(k), now)
}

// matches tells whether the list of entity tags k names the response's, or is
// "*", which every response that exists matches.
func matches(q *exchange.Header, k exchange.Known, resp *exchange.Header, strong bool) bool {
	tag, ok := entityTag(resp)
	for i := 0; i < q.Len(); i++ {
		f := q.At(i)
		if f.Known() != k {
			continue
		}
		if trim(f.Value) == "*" {
			return true
		}
		for rest := f.Value; ok; {
			var one string
			if one, rest = nextTag(rest); one == "" {
				break
			}
			if sameTag(one, tag, strong) {
				return true
			}
		}
	}
	return false
}

// entityTag is the response's entity tag, if it has one that is valid.
func entityTag(h *exchange.Header) (string, bool) {
	v := trim(h.Value(exchange.ETag))
	tag, rest := nextTag(v)
	return tag, tag != "" && rest == "" && len(tag) == len(v)
}

// nextTag cuts the first entity tag off a list: "" if there is no further, or
// what follows is none.
//
//	entity-tag = [ weak ] opaque-tag
//	weak       = %s"W/"
//	opaque-tag = DQUOTE *etagc DQUOTE
//
// https://www.rfc-editor.org/rfc/rfc9110#section-8.8.3
func nextTag(s string) (tag, rest string) {
	for s != "" && (s[0] == ',' || s[0] == ' ' || s[0] == '\t') {
		s = s[1:]
	}
	i := 0
	if len(s) > 1 && s[0] == 'W' && s[1] == '/' {
		i = 2
	}
	if i >= len(s) || s[i] != '"' {
		return "", ""
	}
	for i++; i < len(s) && s[i] != '"'; i++ {
		if c := s[i]; c < 0x21 || c == 0x7f {
			return "", ""
		}
	}
	if i >= len(s) {
		return "", ""
	}
	return s[:i+1], s[i+1:]
}

func weak(tag string) bool { return tag[0] == 'W' }

func opaque(tag string) string {
	if weak(tag) {
		return tag[2:]
	}
	return tag
}

// sameTag compares entity tags.
//
// "Strong comparison: two entity tags are equivalent if both are not weak and
// their opaque-tags match character-by-character. Weak comparison: two entity
// tags are equivalent if their opaque-tags match character-by-character,
// regardless of either or both being tagged as "weak"."
// https://www.rfc-editor.org/rfc/rfc9110#section-8.8.3.2
func sameTag(a, b string, strong bool) bool {
	if strong && (weak(a) || weak(b)) {
		return false
	}
	return opaque(a) == opaque(b)
}

// KeepNotModified leaves those fields of a response with status 200 that its
// 304 carries.
//
// "The server generating a 304 response MUST generate any of the following
// header fields that would have been sent in a 200 (OK) response to the same
// request: Content-Location, Date, ETag, and Vary; Cache-Control and Expires.
// Since the goal of a 304 response is to minimize information transfer when the
// recipient already has one or more cached representations, a sender SHOULD NOT
// generate representation metadata other than the above listed fields unless
// said metadata exists for the purpose of guiding cache updates (e.g.,
// Last-Modified might be useful if the response does not have an ETag field)."
// https://www.rfc-editor.org/rfc/rfc9110#section-15.4.5
//
// Fields that are no representation metadata stay: CORS, policies, cookies.
func KeepNotModified(h *exchange.Header) {
	tagged := h.Has(exchange.ETag)
	h.DeleteFunc(func(f *exchange.Field) bool {
		switch f.Known() {
		case exchange.ContentType, exchange.ContentEncoding, exchange.ContentLength, exchange.ContentRange, exchange.AcceptRanges, exchange.Trailer:
			return true
		case exchange.LastModified:
			return tagged
		case exchange.Other:
			switch len(f.Name) {
			case len("Digest"):
				return fold(f.Name, "digest")
			case len("Content-MD5"): // and Repr-Digest
				return fold(f.Name, "content-md5") || fold(f.Name, "repr-digest")
			case len("Content-Digest"):
				return fold(f.Name, "content-digest")
			case len("Content-Language"):
				return fold(f.Name, "content-language")
			}
		}
		return false
	})
}
