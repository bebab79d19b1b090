package pipeline

import (
	"bytes"
	"io"

	"github.com/wedgecdn/wedge/edge/cache"
	"github.com/wedgecdn/wedge/hostapi/exchange"
)

// maxPosted bounds the content of a response to POST that is stored, in bytes: it
// is read whole before the client gets it.
const maxPosted = 64 << 10

// posted stores a response to POST for later requests with GET, if it says that
// it is what they would get.
//
// "Responses to POST requests are only cacheable when they include explicit
// freshness information (see Section 4.2.1 of [CACHING]) and a Content-Location
// header field that has the same value as the POST's target URI... A cached POST
// response can be reused to satisfy a later GET or HEAD request."
// https://www.rfc-editor.org/rfc/rfc9110#section-9.3.3
//
// Everything that keeps a response to GET from being stored for others keeps
// this one as well; and it is stored only as one that nobody has to confirm
// first, and never because configuration or a heuristic says so.
func (c *call) posted(f *fetch) {
	x, resp := c.x, &f.x.Response
	if x.Request.Method != "POST" || resp.Status != 200 || resp.Body == nil || c.route.Rules.Mode != cache.Honour ||
		resp.ContentLength < 0 || resp.ContentLength > maxPosted || x.Request.Header.Has(exchange.Authorization) || resp.Header.Has(exchange.SetCookie) ||
		x.Request.Path != x.Asked.Path || x.Request.Query != x.Asked.Query || x.Request.Host != x.Asked.Host {
		return
	}
	target := x.Asked.Path
	if x.Asked.HasQuery {
		target += "?" + x.Asked.Query
	}
	if at, ok := sameOrigin(&x.Asked, resp.Header.Value(exchange.ContentLocation)); !ok || at != x.Asked.Scheme+"://"+x.Asked.Host+target {
		return
	}
	// g is the GET that would have brought it, fx the fetch of that.
	g, fx := asGet(x), asGet(f.x)
	defer g.Release()
	defer fx.Release()
	fx.Response.Status, fx.Response.ContentLength = resp.Status, resp.ContentLength
	fx.Response.Header.CopyFrom(&resp.Header)
	asked := &g.Request.Header
	rules := c.route.Rules
	rules.Heuristic, rules.Statuses = 0, nil
	v := c.p.o.Cache.Judge(fx, asked, &rules)
	if !v.Store || !v.Share {
		return
	}
	found := c.p.o.Cache.Lookup(g, &c.route.Rules)
	if found.State == cache.Bypass {
		return
	}
	// It takes the place of what is stored; nobody waits for it, nor it for anybody.
	found.Replace()
	t := c.p.o.Cache.Join(g, &c.route.Rules, &found)
	fill := t.Filling()
	t.Leave()
	if fill == nil {
		return
	}
	// The stores' bodies have one reader, so the client gets a copy.
	b, err := io.ReadAll(io.LimitReader(resp.Body, maxPosted+1))
	resp.Body.Close()
	if err != nil || int64(len(b)) != resp.ContentLength {
		if err == nil {
			err = errShort
		}
		fill.Fail(err)
		resp.Body = exchange.ReaderBody(io.NopCloser(io.MultiReader(bytes.NewReader(b), failing{err})))
		return
	}
	resp.Body = exchange.NewBytesBody(b)
	fx.Response.Body = exchange.NewBytesBody(b)
	fill.Store(fx, asked, v) // that it found no room is nobody's business
	fx.Response.Drop()
}

// asGet is a GET for the target of a request with content.
func asGet(x *exchange.Exchange) *exchange.Exchange {
	g := x.ForFetch()
	q := &g.Request
	q.Method, q.Body, q.ContentLength = "GET", nil, 0
	q.Header.DeleteKnown(exchange.ContentLength)
	q.Header.DeleteKnown(exchange.ContentType)
	return g
}

// failing is a reader that has only an error.
type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }
