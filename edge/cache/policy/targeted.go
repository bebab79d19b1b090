package policy

import (
	"time"

	"github.com/wedgecdn/wedge/hostapi/exchange"
)

// response is the directives that decide about a response, and whether they
// stand in a targeted field.
//
// "When a cache that implements this specification receives a response with one
// or more of the header field names on its target list, the cache MUST select
// the first (in target-list order) field with a valid, non-empty value and use
// its value to determine the caching policy for the response, and it MUST
// ignore the Cache-Control and Expires header fields in that response, unless
// no valid, non-empty value is available from the listed header fields."
// https://www.rfc-editor.org/rfc/rfc9213#section-2.2
//
// The target list is the field that configuration names, and CDN-Cache-Control.
func response(h *exchange.Header, r *Rules) (d Directives, targeted bool) {
	if r.Target != "" {
		if d, ok := Targeted(h, r.Target); ok {
			return d, true
		}
	}
	if h.Has(exchange.CDNCacheControl) {
		if d, ok := Targeted(h, "cdn-cache-control"); ok {
			return d, true
		}
	}
	return CacheControl(h), false
}

// Targeted reads the targeted field of that name, in lower case: a Dictionary of structured fields, whose
// members are directives. ok is false if it is empty or has an error anywhere.
//
// "If a targeted field in a given response is empty, or a parsing error is
// encountered, that field MUST be ignored by the cache".
// https://www.rfc-editor.org/rfc/rfc9213#section-2.1
func Targeted(h *exchange.Header, name string) (d Directives, ok bool) {
	var m member
	members := 0
	k := exchange.Lookup(name)
	for i := 0; i < h.Len(); i++ {
		f := h.At(i)
		if f.Known() != k || k == exchange.Other && !fold(f.Name, name) {
			continue
		}
		p := dictionary{s: f.Value}
		n := 0
		for p.next(&m) {
			n++
			d.member(&m)
		}
		// Lines are joined by commas, and between two of those must stand a member.
		if p.bad || n == 0 {
			return Directives{}, false
		}
		members += n
	}
	return d, members > 0
}

// member sets the directive of a dictionary's member.
//
// "Note that when duplicate Dictionary keys are encountered, all but the last instance
// are ignored." https://www.rfc-editor.org/rfc/rfc8941#section-4.2.2
//
// "Implementations SHOULD NOT consume values that violate these inferred
// constraints." https://www.rfc-editor.org/rfc/rfc9213#section-2.1
//
// So max-age=1.5 says nothing. But private=1 and no-store="x" are taken for
// what their names say: what limits storing is not lost over its form.
func (d *Directives) member(m *member) {
	s := directive(m.key)
	d.Set &^= s
	var to *time.Duration
	switch s {
	case 0:
		return
	case MaxAge:
		to = &d.MaxAge
	case SMaxAge:
		to = &d.SMaxAge
	case StaleWhileRevalidate:
		to = &d.StaleWhileRevalidate
	case StaleIfError:
		to = &d.StaleIfError
	case MaxStale, MinFresh, OnlyIfCached:
		return // of requests
	case Public, MustUnderstand, Immutable:
		if m.kind == sfBoolean && m.truth {
			d.Set |= s
		}
		return
	default:
		if m.kind != sfBoolean || m.truth {
			d.Set |= s
		}
		return
	}
	if m.kind == sfInteger {
		d.Set |= s
		*to = seconds(max(0, m.integer))
	}
}
