package services

import (
	"context"
	"io"
	"time"

	"github.com/wedgecdn/wedge/hostapi/exchange"
)

// Fetcher makes requests on behalf of guests.
type Fetcher interface {
	// Fetch sends the request and returns when the response's head is there. The
	// context bounds head and body; it ends when the guest's exchange does. The
	// caller closes the body.
	//
	// It checks where the request goes after the name is resolved: never to
	// loopback, link-local or private addresses or to the node's own listeners,
	// except to an origin by its name; the host of a URL has been compared with
	// the binding's list already.
	Fetch(ctx context.Context, r *FetchRequest) (*FetchResponse, error)
}

// FetchRequest is a request of a guest's own. It belongs to the Fetcher from
// the call on.
type FetchRequest struct {
	Caller Caller
	// Origin is a configured origin's name and Target then path and query;
	// without a name Target is an absolute URL of scheme http or https.
	Origin string
	Target string
	Method string
	Header exchange.Header
	Body   []byte
	// Stream is content that is read while it is sent, in place of Body; nil is none. The Fetcher closes it, also when it
	// fails.
	Stream io.ReadCloser
	// StreamLength is how many bytes Stream gives; 0: that is not known.
	StreamLength int64
	// Cache says what becomes of it there, with UseCache.
	Cache CacheChoice
	// UseCache sends it through the node's cache.
	UseCache bool
	// Number counts the requests of a function in the order in which it sent them, from 1, as they are made on goroutines that
	// may overtake each other; 0: it is not known.
	Number int
	// Loop are the values of the CDN-Loop fields (RFC 8586) of the exchange's
	// request, so that the node can tell how deep it is.
	Loop []string
}

// FetchResponse is what came back. Body is not nil.
type FetchResponse struct {
	Status int
	Header exchange.Header
	Body   io.ReadCloser
}

// CacheChoice is how a function wants the cache to treat a request of its own.
type CacheChoice struct {
	// Bypass sends it past the cache: neither looked up nor stored.
	Bypass bool
	// TTL and Grace replace what the response says, Tags are added to those that it carries.
	TTL, Grace exchange.Duration
	Tags       []string
}

// Origins tells of the origins that functions may name.
type Origins interface {
	// Origin tells of the owner's origin of that name.
	Origin(owner Owner, name string) (Origin, bool)
}

// Origin is what a function may know of an origin.
type Origin struct {
	// Scheme, Host and Port are where its first server is.
	Scheme, Host string
	Port         uint16
	// HostField is the Host field that it sees, "" if that is the request's own.
	HostField                                     string
	ConnectTimeout, FirstByteTimeout, IdleTimeout time.Duration
	// Unhealthy tells that no server of it takes requests now.
	Unhealthy bool
	// Healthy tells that somebody has looked, and they do.
	Healthy bool
}
