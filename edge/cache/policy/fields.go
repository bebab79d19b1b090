package policy

import (
	"strings"

	"github.com/wedgecdn/wedge/hostapi/exchange"
)

// Strip removes the fields of a response that are not stored.
//
// "The Connection header field and fields whose names are listed in it are
// required by Section 7.6.1 of [HTTP] to be removed before forwarding the
// message. This MAY be implemented by doing so before storage... Header fields
// that are specific to the proxy that a cache uses when forwarding a request
// MUST NOT be stored, unless the cache incorporates the identity of the proxy
// into the cache key." https://www.rfc-editor.org/rfc/rfc9111#section-3.1
//
// Age goes too: it is made anew for each use, out of [Facts].
func Strip(h *exchange.Header, r *Rules) {
	named := h.Has(exchange.Connection)
	h.DeleteFunc(func(f *exchange.Field) bool {
		// Connection itself is removed in a second pass: its lines name the others.
		return f.Known() != exchange.Connection && (notStored(f, r) || named && listed(h, f.Name))
	})
	h.DeleteKnown(exchange.Connection)
}

// listed tells whether Connection names the field.
func listed(h *exchange.Header, name string) bool {
	for i := 0; i < h.Len(); i++ {
		f := h.At(i)
		if f.Known() != exchange.Connection {
			continue
		}
		for rest, more := f.Value, true; more; {
			var option string
			option, rest, more = strings.Cut(rest, ",")
			if strings.EqualFold(trim(option), name) {
				return true
			}
		}
	}
	return false
}

// notStored tells the fields of RFC 9111 §3.1 by their names.
func notStored(f *exchange.Field, r *Rules) bool {
	switch f.Known() {
	case exchange.Connection, exchange.KeepAlive, exchange.ProxyConnection, exchange.TE, exchange.TransferEncoding, exchange.Upgrade,
		exchange.ProxyAuthenticate, exchange.ProxyAuthorization, exchange.Age:
		return true
	case exchange.SetCookie:
		return r.StripSetCookie
	case exchange.Other:
		return fold(f.Name, "proxy-authentication-info") || r.StripSetCookie && fold(f.Name, "set-cookie2")
	}
	return false
}

// Merge makes stored the stored response's header as a 304 updates it. The
// strings of fresh are shared, not copied.
//
// "...the cache MUST add each header field in the provided response to the
// stored response, replacing field values that are already present, with the
// following exceptions: Header fields excepted from storage in Section 3.1,
// Header fields that the cache's stored response depends upon, as described
// below, Header fields that are automatically processed and removed by the
// recipient, as described below, and The Content-Length header field."
// https://www.rfc-editor.org/rfc/rfc9111#section-3.2
//
// What describes the stored bytes stays what it was: Content-Encoding,
// Content-Range and digests. They were served with those bytes, and a 304 that
// speaks of another coding would make them unreadable.
func Merge(stored, fresh *exchange.Header, r *Rules) {
	skip := func(f *exchange.Field) bool {
		switch f.Known() {
		case exchange.ContentLength, exchange.ContentRange, exchange.ContentEncoding, exchange.Trailer:
			return true
		case exchange.Other:
			if fold(f.Name, "content-md5") || fold(f.Name, "content-digest") || fold(f.Name, "repr-digest") || fold(f.Name, "digest") {
				return true
			}
		}
		return f.Known() != exchange.Age && notStored(f, r) || fresh.Has(exchange.Connection) && listed(fresh, f.Name)
	}
	// The old Age was counted from the old Date.
	stored.DeleteKnown(exchange.Age)
	for f := range fresh.All() {
		if !skip(f) {
			stored.Delete(f.Name)
		}
	}
	for f := range fresh.All() {
		if !skip(f) {
			stored.Add(f.Name, f.Value)
		}
	}
}

// Freshens tells whether a 304 speaks of the stored response.
//
// "If the new response contains one or more "strong validators", then each of
// those strong validators identifies a selected representation for update... If
// none of the initial set contains at least one of the same strong validators,
// then the cache MUST NOT use the new response to update any stored responses.
// If the new response contains no strong validators but does contain one or
// more "weak validators", and those validators correspond to one of the initial
// set's stored responses, then the most recent of those matching stored
// responses is identified for update."
// https://www.rfc-editor.org/rfc/rfc9111#section-4.3.4
//
// A 304 without a validator is taken for an answer to the one that was sent:
// only one stored response is ever validated at a time.
func Freshens(stored, fresh *exchange.Header) bool {
	if new, ok := entityTag(fresh); ok {
		old, ok := entityTag(stored)
		return ok && sameTag(old, new, !weak(new))
	}
	if fresh.Has(exchange.LastModified) && stored.Has(exchange.LastModified) {
		return fresh.Value(exchange.LastModified) == stored.Value(exchange.LastModified)
	}
	return true
}

// Validators puts the conditions on a fetch that validate a stored response.
// The values are shared with stored. It tells whether there are any.
//
// "When generating a conditional request for validation, a cache: MUST send the
// relevant entity tags (using If-Match, If-None-Match, or If-Range) if the
// entity tags were provided in the stored response(s) being validated. SHOULD
// send the Last-Modified value (using If-Modified-Since) if the request is not
// for a subrange, a single stored response is being validated, and that
// response contains a Last-Modified value."
// https://www.rfc-editor.org/rfc/rfc9111#section-4.3.1
func Validators(fetch, stored *exchange.Header) bool {
	for _, k := range [...]exchange.Known{exchange.IfNoneMatch, exchange.IfModifiedSince, exchange.IfMatch, exchange.IfUnmodifiedSince, exchange.IfRange} {
		fetch.DeleteKnown(k)
	}
	any := false
	if v := stored.Value(exchange.ETag); v != "" {
		fetch.AddKnown(exchange.IfNoneMatch, v)
		any = true
	}
	if v := stored.Value(exchange.LastModified); v != "" {
		fetch.AddKnown(exchange.IfModifiedSince, v)
		any = true
	}
	return any
}
