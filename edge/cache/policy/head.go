package policy

import "github.com/wedgecdn/wedge/hostapi/exchange"

// Describes tells whether a response to HEAD describes the stored response to
// GET, whose content has that length.
//
// "...if the stored response and HEAD response have matching values for any
// received validator fields (ETag and Last-Modified) and, if the HEAD response
// has a Content-Length header field, the value of Content-Length matches that of
// the stored response, the cache SHOULD update the stored response as described
// below; otherwise, the cache SHOULD consider the stored response to be stale."
// https://www.rfc-editor.org/rfc/rfc9111#section-4.3.5
//
// length is the Content-Length of the response to HEAD; -1 if it has none. certain
// tells that a validator matches: without one the same length may be that of
// other content, so the stored response is not to be taken for confirmed.
func Describes(stored, head *exchange.Header, size, length int64) (describes, certain bool) {
	for _, k := range [...]exchange.Known{exchange.ETag, exchange.LastModified} {
		if !head.Has(k) {
			continue
		}
		if head.Value(k) != stored.Value(k) {
			return false, true
		}
		certain = true
	}
	if length >= 0 && length != size || head.Value(exchange.ContentEncoding) != stored.Value(exchange.ContentEncoding) {
		return false, true
	}
	return true, certain
}
