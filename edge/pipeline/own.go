package pipeline

import (
	"context"
	"errors"
	"io"
	"strings"

	"github.com/wedgecdn/wedge/edge/cache"
	"github.com/wedgecdn/wedge/edge/route"
	"github.com/wedgecdn/wedge/hostapi/exchange"
)

// An OwnRequest is one that a function makes by itself and wants sent through
// the cache. It takes part in the client's side of a request from the lookup
// on: no route, no hooks, no line in the access log.
type OwnRequest struct {
	Owner string
	// Origin is the name of one of the owner's origins, Target path and query.
	Origin, Target string
	Method         string
	// Header is sent without what is the node's to write. Its strings, like the
	// others here, stay as they are until the body of the answer is closed.
	Header exchange.Header
	Body   []byte
	// Stream is content that is read while it is sent, in place of Body. It is
	// closed when nobody reads it any more, also after an error. StreamLength is
	// how long it is; 0: that is not known.
	Stream       io.ReadCloser
	StreamLength int64
	// Bypass, TTL, Grace and Tags are what the function wants of the cache, as
	// a hook would by Choices.
	Bypass     bool
	TTL, Grace exchange.Duration
	Tags       []string
	// Loop are the values of CDN-Loop in the request for which this one is made.
	Loop []string
}

// An OwnResponse is what came of it. The caller closes Body, which is not nil.
// The strings of Header live by themselves.
type OwnResponse struct {
	Status int
	Header exchange.Header
	Body   io.ReadCloser
}

// ownSite stands in front of an origin's name where the keys of other requests
// have the name of a site, which has no such letter in it. So the keys begin
// with owner and origin, and no client's request ever has one of them.
const ownSite = "\x00origin "

// Own answers a function's own request, from the cache if it can. ctx bounds
// the head and the body. The error is an *exchange.Error.
//
// Responses are stored and shared by the same rules as a client's: among all
// functions of the owner that ask the same of the same origin.
func (p *Pipeline) Own(ctx context.Context, q *OwnRequest) (*OwnResponse, error) {
	refuse := func(reason exchange.Reason, err error) (*OwnResponse, error) {
		return nil, &exchange.Error{Source: exchange.SourceFunction, Op: "fetch", Reason: reason, Err: err}
	}
	t, err := route.ParseTarget(q.Target)
	if err == nil && (t.Asterisk || t.Authority != "") {
		err = errors.New("the target is no path")
	}
	if err != nil {
		return refuse(exchange.ReasonBadTarget, err)
	}
	x := exchange.New()
	r := &x.Request
	r.Method, r.Proto, r.Scheme, r.Target = q.Method, exchange.HTTP11, "http", q.Target
	r.Path, r.Query, r.HasQuery = t.Path, t.Query, t.HasQuery
	r.Header.CopyFrom(&q.Header)
	removeHopByHop(&r.Header, false)
	r.Host = strings.ToLower(r.Header.Value(exchange.Host))
	r.Header.DeleteKnown(exchange.Host)
	// A customer must not be able to take CDN-Loop away, and a function is one.
	// https://www.rfc-editor.org/rfc/rfc8586#section-2
	r.Header.DeleteKnown(exchange.CDNLoop)
	for _, v := range q.Loop {
		r.Header.AddKnown(exchange.CDNLoop, v)
	}
	n := visits(&r.Header, p.o.Node)
	if n >= maxVisits {
		x.Release()
		return refuse(exchange.ReasonLoop, errors.New("requests of functions are nested too deep: one of them calls itself"))
	}
	if len(q.Body) > 0 {
		r.Body, r.ContentLength = exchange.NewBytesBody(q.Body), int64(len(q.Body))
	} else if q.Stream != nil {
		if r.Body, r.ContentLength = exchange.ReaderBody(q.Stream), -1; q.StreamLength > 0 {
			r.ContentLength = q.StreamLength
		}
	}
	ch := &x.Choices
	ch.Bypass, ch.TTL, ch.Grace = q.Bypass, q.TTL, q.Grace
	ch.Tags = append(ch.Tags, q.Tags...)
	x.Peer = ownPeer{ctx}
	x.Owner = q.Owner
	c := p.begin(x)
	c.forGuest, c.visits = true, n
	c.table = p.hold()
	c.route = &Route{Owner: q.Owner, Site: ownSite + q.Origin, Origin: q.Origin, own: true,
		Rules: cache.Rules{Owner: q.Owner, Site: ownSite + q.Origin, Collapse: true}}
	func() {
		defer c.recovered()
		c.run(lookup)
	}()
	a := &x.Response
	if x.Outcome == exchange.Failed && x.Reason != exchange.ReasonOnlyIfCached {
		e, ok := errors.AsType[*exchange.Error](x.Err)
		if !ok || e.Reason != x.Reason {
			e = &exchange.Error{Source: exchange.SourceNode, Op: "fetch", Reason: x.Reason, Err: x.Err}
		}
		if ctx.Err() != nil {
			e = &exchange.Error{Source: exchange.SourceFunction, Op: "fetch", Reason: exchange.ReasonOriginTimeout, Err: ctx.Err()}
		}
		a.Body.Close()
		return nil, e
	}
	out := &OwnResponse{Status: a.Status}
	for f := range a.Header.All() {
		if k := f.Known(); k == exchange.Other {
			out.Header.Add(strings.Clone(f.Name), strings.Clone(f.Value))
		} else {
			out.Header.AddKnown(k, strings.Clone(f.Value))
		}
	}
	out.Body = readOwn(ctx, a.Body)
	return out, nil
}

// readOwn makes a body that can be read as long as ctx lasts, and closed at any
// time: one that is stuck behind an origin is given up, and ends by itself when
// the origin's timeout does.
func readOwn(ctx context.Context, b exchange.Body) io.ReadCloser {
	pr, pw := io.Pipe()
	stop := context.AfterFunc(ctx, func() { pw.CloseWithError(ctx.Err()) })
	go func() {
		defer b.Close()
		_, err := b.WriteTo(pw)
		stop()
		pw.CloseWithError(err) // nil is the end of the content
	}()
	return pr
}

// ownPeer is the client of a function's own request: the function, until its
// context ends.
type ownPeer struct{ ctx context.Context }

func (p ownPeer) Gone() <-chan struct{}             { return p.ctx.Done() }
func (ownPeer) Interim(int, *exchange.Header) error { return nil }
