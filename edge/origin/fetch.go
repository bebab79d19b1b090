package origin

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/wedgecdn/wedge/hostapi/exchange"
)

// maxDepth is how deep requests of functions may be nested: how often this
// node's name may stand in CDN-Loop already.
const maxDepth = 3

// A Request is a function's own.
type Request struct {
	Owner string
	// Origin is the name of one of the owner's origins, and Target then path
	// and query; without a name Target is an absolute URL, http or https.
	Origin string
	Target string
	Method string
	// Header is sent without the fields that are the node's to write. A Host
	// field counts for named origins that keep it, and for nothing else.
	Header exchange.Header
	Body   []byte
	// Stream is content that is read while it is sent, in place of Body; StreamLength is how long it is, 0: that is not known.
	Stream       io.ReadCloser
	StreamLength int64
	// Loop are the values of CDN-Loop in the request for which this one is made.
	Loop []string
}

// A Response is what came back. Its strings live by themselves.
type Response struct {
	Status int
	Header exchange.Header
	// Body is never nil. The caller closes it.
	Body io.ReadCloser
}

// Fetch sends a function's request and returns when the response's head is
// there. ctx bounds head and body. Redirects are not followed.
//
// A named origin is reached through its pool. The host of a URL is dialled
// only at an address of the public internet that is none of the node's own:
// each address is looked at when it is dialled. Which hosts a function may
// name at all is the caller's to decide, before.
//
// An error is an *exchange.Error.
func (u *Upstreams) Fetch(ctx context.Context, r *Request) (*Response, error) {
	p, x, err := u.prepare(r)
	if err != nil {
		return nil, err
	}
	if err := p.send(ctx, x); err != nil {
		x.Release()
		e := err.(*exchange.Error)
		if _, ok := errors.AsType[*refusedError](e); ok {
			e.Source = exchange.SourceFunction
		}
		return nil, e
	}
	out := &Response{Status: x.Response.Status, Body: &fetched{x}}
	out.Header.CopyFrom(&x.Response.Header)
	out.Header.DeleteFunc(func(f *exchange.Field) bool { return ofConnection(f) && f.Known() != exchange.ContentLength })
	return out, nil
}

// prepare makes an exchange of a function's request, and finds its pool.
func (u *Upstreams) prepare(r *Request) (*pool, *exchange.Exchange, error) {
	refuse := func(reason exchange.Reason, format string, args ...any) (*pool, *exchange.Exchange, error) {
		return nil, nil, &exchange.Error{Source: exchange.SourceFunction, Op: "fetch", Reason: reason, Retry: true, Err: fmt.Errorf(format, args...)}
	}
	if depth(r.Loop, u.o.Node) >= maxDepth {
		return refuse(exchange.ReasonLoop, "requests of functions are nested %d deep: one of them calls itself", maxDepth)
	}
	var p *pool
	target, host := r.Target, ""
	if r.Origin != "" {
		if p = (*u.table.Load())[id{r.Owner, r.Origin}]; p == nil {
			return refuse(exchange.ReasonOriginUnknown, "owner %q has no origin %q: add it to origins, or name another", r.Owner, r.Origin)
		}
		host = r.Header.Value(exchange.Host)
	} else {
		e, rest, err := parseEndpoint(r.Target)
		if err != nil {
			return refuse(exchange.ReasonBadTarget, "the URL %w", err)
		}
		target = rest
		if target == "" || target[0] == '?' {
			target = "/" + target
		}
		if p = u.guestPool(r.Owner, e); p == nil {
			return refuse(exchange.ReasonDraining, "the node is shutting down")
		}
	}
	target, _, _ = strings.Cut(target, "#")
	if !strings.HasPrefix(target, "/") || !all(target, charTarget) || !validName(r.Method) || r.Method == "CONNECT" || !validHost(host) {
		return refuse(exchange.ReasonBadTarget, "%s %q cannot be sent: it takes a method and a path that begins with /", r.Method, r.Target)
	}
	x := exchange.New()
	x.Side, x.Owner = exchange.FetchSide, r.Owner
	q := &x.Request
	q.Method, q.Host = r.Method, host
	q.Path, q.Query, q.HasQuery = strings.Cut(target, "?")
	q.Header.CopyFrom(&r.Header)
	q.Header.DeleteFunc(ofConnection)
	loop := strings.Join(r.Loop, ", ")
	if loop != "" {
		loop += ", "
	}
	// A customer must not be able to take CDN-Loop away, and a function is one.
	// https://www.rfc-editor.org/rfc/rfc8586#section-2
	q.Header.DeleteKnown(exchange.CDNLoop)
	q.Header.AddKnown(exchange.CDNLoop, loop+u.o.Node)
	if len(r.Body) > 0 {
		q.Body, q.ContentLength = exchange.NewBytesBody(r.Body), int64(len(r.Body))
	} else if r.Stream != nil {
		if q.Body, q.ContentLength = exchange.ReaderBody(r.Stream), -1; r.StreamLength > 0 {
			q.ContentLength = r.StreamLength
		}
	}
	return p, x, nil
}

// depth is how often node stands in the members of CDN-Loop.
func depth(loop []string, node string) int {
	n := 0
	for _, v := range loop {
		for member := range strings.SplitSeq(v, ",") {
			name, _, _ := strings.Cut(member, ";")
			if strings.EqualFold(strings.Trim(name, " \t"), node) {
				n++
			}
		}
	}
	return n
}

// fetched is the body of a function's response. It ends the exchange.
type fetched struct{ x *exchange.Exchange }

func (b *fetched) Read(p []byte) (int, error) {
	if b.x == nil {
		return 0, io.ErrClosedPipe
	}
	if b.x.Response.Body == nil {
		return 0, io.EOF
	}
	return b.x.Response.Body.Read(p)
}

func (b *fetched) Close() error {
	if b.x != nil {
		b.x.Response.Drop()
		b.x.Release()
		b.x = nil
	}
	return nil
}
