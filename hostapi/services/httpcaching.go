package services

import (
	"time"

	"github.com/wedgecdn/wedge/hostapi/exchange"
)

// HTTPCaching are the node's rules of HTTP caching, the ones by which it keeps responses itself, for guests that keep
// responses as values of Cache. It is pure: it keeps nothing and does not wait. Headers that it is given are only read,
// but for those that it says it changes.
type HTTPCaching interface {
	// Cacheable tells whether the request may be answered from a cache.
	Cacheable(q *CachedRequest) bool
	// Judge tells whether a response to the request may be kept for others, and how long it is fresh.
	Judge(q *CachedRequest, status int, h *exchange.Header, now time.Time) Keeping
	// Use tells whether what is kept may answer the request.
	Use(q *CachedRequest, k *Kept, now time.Time) Use
	// Variant tells requests apart for which a response that varies by these fields, named in lower case, differs.
	Variant(fields []string, q *exchange.Header) string
	// Strip removes from a response what is not kept.
	Strip(h *exchange.Header)
	// Validate puts the conditions on a request that ask whether what is kept still holds, in place of those that it has. It
	// tells whether there are any.
	Validate(fetch, kept *exchange.Header) bool
	// Confirm makes a kept response's header what it is after a 304 with the header fresh; false, and nothing is changed, if
	// that speaks of another response.
	Confirm(kept, fresh *exchange.Header) bool
	// Select tells which part of a kept response the request asks for by its conditions and its range; length is that of the
	// content, -1 if it is not known yet.
	Select(q *CachedRequest, status int, h *exchange.Header, length int64, now time.Time) Selected
}

// CachedRequest is what rules of caching look at.
type CachedRequest struct {
	Method string
	Header *exchange.Header
}

// Keeping is how a response is kept.
type Keeping struct {
	// Store tells that it may be kept. If not, Alone tells that the reason is this request, so that others may still wait
	// for one another.
	Store, Alone bool
	// Said tells that the response says itself how long it is fresh.
	Said bool
	Kept
}

// Kept is what has to be known of a kept response to use it.
type Kept struct {
	// Lifetime is how long it is fresh, counted from when its origin made it, and Age what it was then old.
	Lifetime, Age time.Duration
	// WhileRevalidate and IfError are how long after that it may be used while it is refreshed, and when that fails.
	WhileRevalidate, IfError time.Duration
	// Vary are the fields of the request that it depends on, in lower case.
	Vary []string
	// ForAuthorized tells that it may answer requests with credentials.
	ForAuthorized bool
	// NeverStale tells that its origin forbids to use it stale unless it has confirmed it, whatever a client would take.
	NeverStale bool
	// Since is when it was kept.
	Since time.Time
}

// Use is what may be done with something kept.
type Use uint8

// What may be done.
const (
	// NoUse: it may not answer this request, whatever becomes of it.
	NoUse Use = iota
	// UseFresh: it may answer.
	UseFresh
	// UseStale: it may answer as it is, although it is not fresh any more.
	UseStale
	// UseAndRefresh: it may answer if it is refreshed beside that.
	UseAndRefresh
	// UseConfirmed: it may answer once its origin has confirmed it.
	UseConfirmed
	// UseOnError: likewise, or if the origin fails.
	UseOnError
)

// Selected is what a request gets of a kept response.
type Selected struct {
	// Status is 200 for all of it, 206 for the bytes First to Last, 304 or 416 for nothing of its content.
	Status      int
	First, Last int64
	// ContentRange is the field's value for a 206 and a 416.
	ContentRange string
}
