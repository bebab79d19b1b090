package policy

import (
	"strings"
	"time"

	"github.com/wedgecdn/wedge/hostapi/exchange"
)

// A Set is a set of directives that were present.
type Set uint32

// The directives that the cache knows, of requests and responses.
const (
	NoStore Set = 1 << iota
	NoCache
	Private
	Public
	MustRevalidate
	ProxyRevalidate
	MustUnderstand
	NoTransform
	OnlyIfCached
	Immutable
	// Those with a time.
	MaxAge
	SMaxAge
	MaxStale
	MinFresh
	StaleWhileRevalidate
	StaleIfError
)

// Has tells whether any of d is in the set.
func (s Set) Has(d Set) bool { return s&d != 0 }

// Directives are the cache directives of a message. Times are valid if their
// directive is in Set. A directive with arguments that the cache treats as if
// it had none (no-cache="a", private="a") is in Set like one without.
type Directives struct {
	Set
	MaxAge, SMaxAge, MaxStale, MinFresh time.Duration
	StaleWhileRevalidate, StaleIfError  time.Duration
}

// maxDelta is what a delta-seconds that is too large becomes: over 68 years.
//
// "If a cache receives a delta-seconds value greater than the greatest integer
// it can represent, or if any of its subsequent calculations overflows, the
// cache MUST consider the value to be 2147483648 (2^31) or the greatest
// positive integer it can conveniently represent."
// https://www.rfc-editor.org/rfc/rfc9111#section-1.2.2
const maxDelta = (1 << 31) * time.Second

// forever is the argument of a max-stale without one.
const forever = maxDelta

// parseDelta reads delta-seconds = 1*DIGIT.
func parseDelta(s string) (time.Duration, bool) {
	if s == "" {
		return 0, false
	}
	n := int64(0)
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c < '0' || c > '9' {
			return 0, false
		}
		if n = n*10 + int64(c-'0'); n > 1<<31 {
			n = 1 << 31 // and the rest must still be digits
		}
	}
	return time.Duration(n) * time.Second, true
}

// CacheControl reads all Cache-Control field lines of h. It takes whatever
// comes: what is no directive is skipped, and what cannot be read counts as
// the more cautious of what it may have meant.
func CacheControl(h *exchange.Header) Directives {
	var d Directives
	if !h.Has(exchange.CacheControl) {
		return d
	}
	for i := 0; i < h.Len(); i++ {
		if f := h.At(i); f.Known() == exchange.CacheControl {
			d.parse(f.Value)
		}
	}
	return d
}

// parse adds the directives of one field line.
//
//	Cache-Control   = #cache-directive
//	cache-directive = token [ "=" ( token / quoted-string ) ]
//
// https://www.rfc-editor.org/rfc/rfc9111#section-5.2
func (d *Directives) parse(s string) {
	for i := 0; i < len(s); {
		// "A recipient MUST parse and ignore a reasonable number of empty list
		// elements". https://www.rfc-editor.org/rfc/rfc9110#section-5.6.1.2
		if c := s[i]; c == ',' || c == ' ' || c == '\t' {
			i++
			continue
		}
		name := token(s[i:])
		i += len(name)
		arg, kind := "", noArgument
		if i < len(s) && s[i] == '=' {
			i++
			if i < len(s) && s[i] == '"' {
				n := quotedEnd(s[i:])
				if n < 0 {
					// Without its closing quote the argument has no end.
					d.add(name, "", unreadable)
					d.limits(s[i:])
					return
				}
				arg, kind = s[i+1:i+n-1], quoted
				i += n
			} else {
				arg, kind = token(s[i:]), unquoted
				i += len(arg)
			}
		}
		end := i + memberEnd(s[i:])
		if rest := trim(s[i:end]); rest != "" {
			// "max-age =60", "max-age=60; private": what the argument is cannot be
			// known, nor what the rest was meant to be.
			kind = unreadable
			d.limits(rest)
		}
		d.add(name, arg, kind)
		i = end
	}
}

// limits adds those directives in text that cannot be read which would limit
// what the cache may do. A comma or a quote that somebody forgot must not make
// a private response public.
func (d *Directives) limits(s string) {
	for i := 0; i < len(s); {
		if name := token(s[i:]); name != "" {
			d.Set |= directive(name) & (NoStore | NoCache | Private | MustRevalidate | ProxyRevalidate)
			i += len(name)
			continue
		}
		i++
	}
}

// token is the token (RFC 9110 §5.6.2) at the beginning of s.
func token(s string) string {
	for i := 0; i < len(s); i++ {
		if !isToken(s[i]) {
			return s[:i]
		}
	}
	return s
}

// quotedEnd is the length of the quoted string (RFC 9110 §5.6.4) with which s
// begins; -1 if its closing quote is missing.
func quotedEnd(s string) int {
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return -1
}

// memberEnd is the index of the comma that ends the list member in which s
// begins, or the length of s. A comma inside quotes ends nothing, unless the
// quotes do not end either.
func memberEnd(s string) int {
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case ',':
			return i
		case '"':
			if n := quotedEnd(s[i:]); n > 0 {
				i += n - 1
			}
		}
	}
	return len(s)
}

// argument is the form in which a directive's argument came.
type argument uint8

const (
	noArgument argument = iota
	unquoted
	quoted
	unreadable
)

// add adds one directive.
func (d *Directives) add(name, arg string, kind argument) {
	switch s := directive(name); s {
	case 0:
		// "A cache MUST ignore unrecognized cache directives."
		// https://www.rfc-editor.org/rfc/rfc9111#section-5.2.3
	case MaxAge:
		d.time(s, &d.MaxAge, arg, kind, 0)
	case SMaxAge:
		d.time(s, &d.SMaxAge, arg, kind, 0)
	case StaleWhileRevalidate:
		d.time(s, &d.StaleWhileRevalidate, arg, kind, 0)
	case StaleIfError:
		d.time(s, &d.StaleIfError, arg, kind, 0)
	case MinFresh:
		d.time(s, &d.MinFresh, arg, kind, maxDelta)
	case MaxStale:
		// "If no value is assigned to max-stale, then the client will accept a
		// stale response of any age."
		// https://www.rfc-editor.org/rfc/rfc9111#section-5.2.1.2
		if kind == noArgument {
			if !d.Has(s) {
				d.Set |= s
				d.MaxStale = forever
			}
			return
		}
		d.time(s, &d.MaxStale, arg, kind, 0)
	case Public, MustUnderstand, Immutable:
		// These allow more, so they count only as they are defined.
		if kind == noArgument {
			d.Set |= s
		}
	default:
		// These allow less, so an argument where none belongs is no reason to
		// pass over them. The qualified forms of no-cache and private count as
		// unqualified ones, which the specification knows as usual:
		// https://www.rfc-editor.org/rfc/rfc9111#section-5.2.2.7
		d.Set |= s
	}
}

// time sets the time of a directive; otherwise is its value if the argument
// is not one.
//
// "When there is more than one value present for a given directive... either
// the first occurrence should be used or the response should be considered
// stale... Caches are encouraged to consider responses that have invalid
// freshness information (e.g., a max-age directive with non-integer content)
// to be stale." https://www.rfc-editor.org/rfc/rfc9111#section-4.2.1
//
// Of several values the more cautious is used, whichever came first: a proxy
// between may have changed their order.
func (d *Directives) time(s Set, to *time.Duration, arg string, kind argument, otherwise time.Duration) {
	v, ok := time.Duration(0), false
	if kind == unquoted || kind == quoted {
		// "For the directives defined below that define arguments, recipients
		// ought to accept both forms, even if a specific form is required for
		// generation." https://www.rfc-editor.org/rfc/rfc9111#section-5.2
		v, ok = parseDelta(arg)
	}
	if !ok {
		v = otherwise
	}
	if d.Has(s) {
		if s == MinFresh {
			v = max(v, *to)
		} else {
			v = min(v, *to)
		}
	}
	d.Set |= s
	*to = v
}

// directive is the directive of that name, in any case; 0 if it is not known.
func directive(name string) Set {
	switch len(name) {
	case 6:
		return named(name, "public", Public)
	case 7:
		return named(name, "max-age", MaxAge) | named(name, "private", Private)
	case 8:
		return named(name, "no-store", NoStore) | named(name, "no-cache", NoCache) | named(name, "s-maxage", SMaxAge)
	case 9:
		return named(name, "max-stale", MaxStale) | named(name, "min-fresh", MinFresh) | named(name, "immutable", Immutable)
	case 12:
		return named(name, "no-transform", NoTransform)
	case 14:
		return named(name, "only-if-cached", OnlyIfCached) | named(name, "stale-if-error", StaleIfError)
	case 15:
		return named(name, "must-revalidate", MustRevalidate) | named(name, "must-understand", MustUnderstand)
	case 16:
		return named(name, "proxy-revalidate", ProxyRevalidate)
	case 22:
		return named(name, "stale-while-revalidate", StaleWhileRevalidate)
	}
	return 0
}

func named(name, want string, s Set) Set {
	if name == want || strings.EqualFold(name, want) {
		return s
	}
	return 0
}

// isToken tells the characters of RFC 9110 §5.6.2.
func isToken(c byte) bool {
	switch {
	case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		return true
	}
	switch c {
	case '!', '#', '$', '%', '&', '\'', '*', '+', '-', '.', '^', '_', '`', '|', '~':
		return true
	}
	return false
}
