package exchange

import (
	"net/netip"
	"sync"
	"time"
)

// A Side tells the two halves of a request's life apart: a client's exchange,
// and the fetch that it may start at the origin, which is an exchange of its
// own and may outlive its client.
type Side uint8

// The sides.
const (
	ClientSide Side = iota
	FetchSide
)

// An Exchange is one request, its response, and what the node learned between
// them. It belongs to one goroutine at a time: the front end's until it calls
// the pipeline, the pipeline's until that returns, then the front end's again
// until the response body is closed.
type Exchange struct {
	ID   ID
	Side Side
	// Now is the time at which the request arrived, taken once. Freshness,
	// guests' clocks and logs use it, so that one exchange has one time.
	Now time.Time
	// Client is who asked.
	Client Client
	// Peer is what the front can still tell of the connection; never nil
	// between fill and end.
	Peer Peer

	Request  Request
	Response Response

	// Asked is the URL that the client asked for. The pipeline's first step sets
	// it with the request's normal form; hooks change Request, never this. A
	// purge by URL finds by it what functions made of that URL.
	Asked URL

	// Set at route.
	Owner, Site, Route string

	Outcome Outcome
	Reason  Reason
	Cache   CacheFacts
	// Choices is what functions decided. The pipeline reads it after each hook.
	Choices Choices
	Vars    Vars
	// Calls are the calls of functions so far, in order.
	Calls []Call
	// Err is what went wrong inside; it is for the log, never for a client.
	Err error

	// Guests belongs to the package that calls functions: what it keeps of this
	// exchange between two hooks.
	Guests any

	// Sent counts the body bytes handed to the client; FirstByte is how long
	// after Now, by the same clock, the response's head was ready to go, and
	// Took when the last byte had gone: the front may set it before it closes
	// the body, 0 means that it did not.
	Sent            int64
	FirstByte, Took time.Duration

	arena arena
}

// A URL is a URL in normal form, taken apart. It is unset if Path is "".
type URL struct {
	Scheme, Host, Path, Query string
	HasQuery                  bool
}

// CacheFacts is what the cache found and did, for Cache-Status (RFC 9211) and
// observers.
type CacheFacts struct {
	Forward       Forward
	ForwardStatus int  // the origin's status; 0 if it was not asked or did not answer
	Stored        bool // the response was, or is being, stored
	Collapsed     bool // the request waited for another's fetch
	Tier          Tier // where the stored response came from, if one is the response
	// TTL is the stored response's remaining freshness lifetime, negative if it is stale.
	TTL    time.Duration
	HasTTL bool
	// Key is the hashed cache key; zero if none was made.
	Key [16]byte
}

// A Peer is what a front end can tell of, and do with, the client's connection
// while the request is being served.
type Peer interface {
	// Gone is closed when the client has left. It is nil where the protocol
	// cannot tell before a write fails (HTTP/1.1).
	Gone() <-chan struct{}
	// Interim sends a 1xx response before the final one (RFC 9110 §15.2); it
	// does nothing where the client's protocol has none (HTTP/1.0).
	Interim(status int, h *Header) error
}

// Client is who sent the request.
type Client struct {
	// Addr is the client's address: the peer's, or what a trusted proxy said.
	Addr netip.Addr
	Port uint16
	// Peer is the address at the other end of the connection.
	PeerAddr netip.Addr
	// Trusted tells that PeerAddr is in trusted_proxies.
	Trusted bool
	// TLS is nil on a plain connection.
	TLS *TLS
}

// TLS is what the handshake told.
type TLS struct {
	Version    uint16 // as in crypto/tls
	ServerName string
	// ClientCertificate is the DER form of the verified leaf, nil if none.
	ClientCertificate []byte
}

// A Call is one call of a function at a hook, for the log and for explain.
type Call struct {
	Function string
	Hook     Hook
	Fuel     int64
	CPU      time.Duration
	Wall     time.Duration
	// Waited is how much of Wall was spent in host functions that may wait.
	Waited time.Duration
	// Memory is how large the function's memory was at most in this exchange, in bytes.
	Memory int64
	// HostCalls is how many calls into the host it made.
	HostCalls int64
	// Failed is ReasonNone if the hook returned.
	Failed   Reason
	Answered bool
}

// A Hook is a point in a request's life at which functions are called.
type Hook uint8

// The hooks, in the order of a request's life.
const (
	OnRequest Hook = iota
	OnFetch
	OnFetched
	OnError
	OnResponse
	Hooks // how many there are
)

// String is the name of the hook and of the export that it calls.
func (h Hook) String() string {
	return [Hooks]string{"on_request", "on_fetch", "on_fetched", "on_error", "on_response"}[h]
}

// A HookSet is a set of hooks.
type HookSet uint8

// Has tells whether h is in the set.
func (s HookSet) Has(h Hook) bool { return s&(1<<h) != 0 }

// With is the set with h.
func (s HookSet) With(h Hook) HookSet { return s | 1<<h }

// pool holds exchanges between requests. An Exchange is taken by the front
// end (or by the pipeline for a fetch) and given back by Release, after which
// nobody may hold a view of it.
var pool = sync.Pool{New: func() any { return new(Exchange) }}

// New takes an empty exchange out of the pool.
func New() *Exchange { return pool.Get().(*Exchange) }

// Release empties x and gives it back. The response body must be closed.
// Preconditions: no other goroutine holds x or a view into it.
func (x *Exchange) Release() {
	// Field by field: the exchange is large, and copying it would cost more than
	// what it holds. TestReleaseForgets walks all of it.
	x.Request.reset()
	x.Response.reset()
	x.Choices.reset()
	x.Vars.reset()
	x.arena.reset()
	clear(x.Calls)
	x.ID, x.Side, x.Now, x.Client, x.Peer = ID{}, ClientSide, time.Time{}, Client{}, nil
	x.Asked = URL{}
	x.Owner, x.Site, x.Route = "", "", ""
	x.Outcome, x.Reason, x.Cache, x.Calls, x.Err, x.Guests = OutcomeNone, ReasonNone, CacheFacts{}, x.Calls[:0], nil, nil
	x.Sent, x.FirstByte, x.Took = 0, 0, 0
	pool.Put(x)
}

// Text copies b into the exchange's arena. The string lives as long as the exchange.
func (x *Exchange) Text(b []byte) string { return x.arena.text(b) }

// Join concatenates the parts in the exchange's arena.
func (x *Exchange) Join(parts ...string) string { return x.arena.join(parts) }

// ForFetch takes a new exchange for the origin's side of x: a clone of the
// request's head that owns its strings, the same id, time, client, route and
// variables. The body is not taken over; the caller moves it if the fetch sends it.
func (x *Exchange) ForFetch() *Exchange {
	f := New()
	f.ID, f.Side, f.Now, f.Client, f.Peer = x.ID, FetchSide, x.Now, x.Client, noPeer{}
	f.Owner, f.Site, f.Route = x.Owner, x.Site, x.Route
	f.Cache = x.Cache
	x.Request.CloneInto(&f.Request)
	x.Vars.cloneInto(&f.Vars)
	x.Choices.cloneInto(&f.Choices)
	return f
}

// noPeer is the peer of a fetch: nobody waits behind it who could leave.
type noPeer struct{}

func (noPeer) Gone() <-chan struct{}      { return nil }
func (noPeer) Interim(int, *Header) error { return nil }
