//go:build !wasip1

package wedgetest

import (
	"encoding/hex"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"

	wedge "github.com/wedgecdn/wedge/sdk/go"
)

// Exchange is one request, its response, and what functions decided about it. A test fills it before a hook and reads it after.
type Exchange struct {
	ID       string
	Now      time.Time
	Request  Request
	Response Response
	Client   map[wedge.Fact]string
	Vars     map[string]string

	// Decisions about the cache.
	Key        Key
	Bypass     bool
	Revalidate bool
	Origin     string // chosen by name, "" for the route's
	TTL, Grace *time.Duration
	Tags       []string
	NoStore    bool

	Outcome  string // what wedge.Outcome says
	CacheKey string // what wedge.CacheKey says
	Failure  string // what ErrorHook.Failure says

	node   *Node
	opened []string      // stores, in the order of their handles
	pages  map[int]*page // what kv_list and kv_get said last, by handle
	fetch  []*fetch
	seed   int64
	// A hook's own, and empty between hooks.
	spans   []*openSpan
	open    int
	replied bool    // respond was called
	set     [2]bool // body_set was called, by message
	frozen  bool
	in      []byte // of a stream: what is still to be read
	out     []byte // and what was written
	touched map[string]bool
}

// Request is the request of an exchange. Header may hold Authorization and Cookie; whether a hook sees them is up to the binding.
type Request struct {
	Method, Scheme, Host, Path, Query string
	HasQuery                          bool // there is a "?"
	Protocol                          string
	Header                            Header
	Body                              []byte
}

// URI is the path, and "?" and the query if there is one.
func (r *Request) URI() string {
	if r.HasQuery {
		return r.Path + "?" + r.Query
	}
	return r.Path
}

// Response is the response of an exchange; Status is 0 as long as there is none.
type Response struct {
	Status int
	Header Header
	Body   []byte
}

// Key is what functions made of the cache key.
type Key struct {
	Parts                             []Field
	Replace                           *string // in the place of path and query
	Ignore                            []string
	IgnoreQuery, SortQuery, LowerCase bool
}

// Exchange makes an exchange of a request. The URL is absolute and in normal form.
func (n *Node) Exchange(method, target string) *Exchange {
	u, err := url.Parse(target)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		panic("wedgetest: the URL of an exchange is absolute, such as https://shop.example/, not " + target)
	}
	rest := target[strings.Index(target, "://")+3:]
	uri := "/"
	if i := strings.IndexAny(rest, "/?"); i >= 0 {
		if uri = rest[i:]; uri[0] == '?' {
			uri = "/" + uri
		}
	}
	r := Request{Method: method, Scheme: u.Scheme, Protocol: "1.1"}
	path, query, has := strings.Cut(uri, "?")
	var ok, ok2, ok3 bool
	r.Host, ok = normalHost(u.Host, u.Scheme)
	r.Path, ok2 = normalPath(path)
	r.Query, ok3 = normalQuery(query)
	if r.HasQuery = has; !ok || !ok2 || !ok3 {
		panic("wedgetest: no request of a client reaches a function with the URL " + target)
	}
	return n.newExchange(r)
}

func (n *Node) newExchange(r Request) *Exchange {
	var id [16]byte
	n.random.Read(id[:])
	n.seeds++
	return &Exchange{
		ID: hex.EncodeToString(id[:]), Now: n.Now, Request: r, Vars: map[string]string{}, node: n, pages: map[int]*page{}, seed: n.seeds,
		Client: map[wedge.Fact]string{wedge.Address: "192.0.2.1", wedge.Port: "49152"},
	}
}

// Fetch is the origin's side of the exchange, an exchange of its own: with a copy of the request and the variables as they are now.
func (x *Exchange) Fetch() *Exchange {
	f := x.node.newExchange(x.Request)
	f.ID, f.Now, f.Origin, f.CacheKey, f.Outcome = x.ID, x.Now, x.Origin, x.CacheKey, x.Outcome
	f.Request.Header, f.Request.Body = slices.Clone(x.Request.Header), slices.Clone(x.Request.Body)
	f.Client, f.Vars = maps.Clone(x.Client), maps.Clone(x.Vars)
	return f
}

// Respond gives the exchange a response with these field lines: name, value, name, value.
func (x *Exchange) Respond(status int, body string, fields ...string) {
	x.Response = Response{Status: status, Body: []byte(body)}
	for i := 0; i+1 < len(fields); i += 2 {
		x.Response.Header.Add(fields[i], fields[i+1])
	}
}

// save remembers all that a failed hook does not change, and returns what puts it back.
func (x *Exchange) save() (restore func()) {
	old := *x
	old.Request.Header, old.Response.Header = slices.Clone(x.Request.Header), slices.Clone(x.Response.Header)
	old.Vars, old.Tags = maps.Clone(x.Vars), slices.Clone(x.Tags)
	old.Key.Parts, old.Key.Ignore = slices.Clone(x.Key.Parts), slices.Clone(x.Key.Ignore)
	return func() {
		old.opened, old.fetch = x.opened, x.fetch
		*x = old
	}
}
