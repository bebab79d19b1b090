package exchange

import "strings"

// Proto is the protocol version that a peer spoke.
type Proto uint8

// The protocol versions.
const (
	ProtoUnknown Proto = iota
	HTTP10
	HTTP11
	HTTP2
	HTTP3
)

// String is the version as it stands in Via and in logs: "1.1", "2".
func (p Proto) String() string { return [...]string{"", "1.0", "1.1", "2", "3"}[p] }

// A Request is a request's head and its body. A front end fills Method,
// Scheme, Host and Target as they came; the pipeline's first step parses Target
// into Path and Query and puts all of them into normal form, once, so that
// routes, hooks, key, purge and origin see the same bytes.
type Request struct {
	Method string // as received; methods are case-sensitive (RFC 9110 §9.1)
	Scheme string // "http" or "https"
	Host   string // authority: lower case, without the scheme's default port
	Target string // request target as received (RFC 9112 §3.2)
	Path   string // normal form, begins with "/"
	Query  string // without "?"
	// HasQuery tells "/a?" from "/a": an empty query is a query (RFC 3986 §6.2.3).
	HasQuery bool
	Proto    Proto

	Header Header
	// Body is nil if the request has none. Its reader may be read once, by one
	// goroutine; a read error means that the client's message is broken or gone.
	Body Body
	// ContentLength is the body's length in bytes; -1 if it is not known.
	ContentLength int64
	// Trailer is complete when Body has returned io.EOF; nil if the front has none.
	Trailer *Header
}

// URI is path and query as they go on a request line, without an allocation
// when there is no query.
func (r *Request) URI() string {
	if !r.HasQuery {
		return r.Path
	}
	return r.Path + "?" + r.Query
}

// CloneInto makes dst a copy of r's head that owns all of its strings. Body
// and trailer are not copied: a body has one reader.
func (r *Request) CloneInto(dst *Request) {
	n := len(r.Method) + len(r.Scheme) + len(r.Host) + len(r.Target) + len(r.Path) + len(r.Query)
	for i := range r.Header.fields {
		f := &r.Header.fields[i]
		n += len(f.Value)
		if f.known == Other {
			n += len(f.Name)
		}
	}
	// One allocation holds every string: they die together.
	var b strings.Builder
	b.Grow(n)
	keep := func(s string) string {
		at := b.Len()
		b.WriteString(s)
		return b.String()[at:]
	}
	dst.Method, dst.Scheme, dst.Host = keep(r.Method), keep(r.Scheme), keep(r.Host)
	dst.Target, dst.Path, dst.Query = keep(r.Target), keep(r.Path), keep(r.Query)
	dst.HasQuery, dst.Proto = r.HasQuery, r.Proto
	dst.Body, dst.ContentLength, dst.Trailer = nil, 0, nil
	dst.Header.Reset()
	for i := range r.Header.fields {
		f := r.Header.fields[i]
		if f.known == Other {
			f.Name = keep(f.Name)
		} else {
			f.Name = knownNames[f.known]
		}
		f.Value = keep(f.Value)
		dst.Header.add(f)
	}
}

func (r *Request) reset() {
	r.Method, r.Scheme, r.Host, r.Target, r.Path, r.Query = "", "", "", "", "", ""
	r.HasQuery, r.Proto, r.Body, r.ContentLength, r.Trailer = false, 0, nil, 0, nil
	r.Header.Reset()
}
