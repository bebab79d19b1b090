package services

import (
	"context"
	"io"

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
	// UseCache sends it through the node's cache.
	UseCache bool
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
