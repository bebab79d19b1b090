package pipeline

import (
	"encoding/hex"
	"strconv"
	"strings"
	"time"

	"github.com/wedgecdn/wedge/hostapi/exchange"
)

// finish writes the fields that say how the response came about, and puts the
// content behind the body that ends the exchange.
func (c *call) finish() step {
	x := c.x
	r := &x.Response
	h := &r.Header
	switch {
	case c.asHead, r.Status == 204, r.Status == 304:
		if r.Body != nil {
			r.Body.Close()
			r.Body = nil
		}
	case r.Body == nil && r.Upgrade == nil:
		// The length may be that of content which was not asked for: a function has
		// made HEAD of the method, and the client waits for what was announced.
		r.ContentLength = 0
	}
	c.compress()
	c.dropSurrogate()
	if !h.Has(exchange.Date) {
		// "An origin server with a clock MUST generate a Date header field in all
		// 2xx, 3xx, and 4xx responses"; what we make ourselves, we date.
		// https://www.rfc-editor.org/rfc/rfc9110#section-6.6.1
		h.AddKnown(exchange.Date, c.p.date.at(x.Now))
	}
	if r.Upgrade == nil {
		c.cacheStatus()
	}
	if x.Outcome != exchange.Refused || r.Status == 421 {
		var id [32]byte
		b, _ := x.ID.AppendText(id[:0])
		h.SetKnown(exchange.XRequestID, x.Text(b))
	}
	c.body.c, c.body.inner = c, r.Body
	if c.body.skip == 0 && c.body.left == 0 {
		c.body.left = -1
	}
	r.Body = &c.body
	x.FirstByte = c.p.since(x.Now)
	return sent
}

// dropSurrogate removes what origins say to this cache and to nobody else: tags,
// which may name what is nobody's business, and fields by which a cache behind
// this one would do what was not meant for it. Who debugs sees them.
//
// CDN-Cache-Control stays: it is for "CDN caches", and there may be another one
// before the client. https://www.rfc-editor.org/rfc/rfc9213#section-3
func (c *call) dropSurrogate() {
	if c.route == nil || c.route.SendSurrogate || c.forGuest || c.debug {
		return
	}
	h := &c.x.Response.Header
	for _, k := range [...]exchange.Known{exchange.SurrogateKey, exchange.CacheTag, exchange.SurrogateControl} {
		if h.Has(k) {
			h.DeleteKnown(k)
		}
	}
	if t := c.route.Rules.Target; t != "" && exchange.Lookup(t) != exchange.CDNCacheControl {
		h.Delete(t)
	}
}

// isLastCache tells whether the last member of Cache-Status is this node's.
func (c *call) isLastCache() bool {
	last := ""
	for v := range c.x.Response.Header.Values(exchange.CacheStatus) {
		last = v
	}
	if i := strings.LastIndexByte(last, ','); i >= 0 {
		last = last[i+1:]
	}
	name, _, _ := strings.Cut(last, ";")
	return strings.Trim(name, " \t") == c.p.o.Node
}

// cacheStatus adds this node's member to Cache-Status (RFC 9211).
//
// "Each member of the list represents a cache that has handled the request...
// the first member represents the cache closest to the origin server".
// https://www.rfc-editor.org/rfc/rfc9211#section-2
func (c *call) cacheStatus() {
	x := c.x
	f := &x.Cache
	// A handler that passes on what a request of its own has brought passes this node's member on, which says more than
	// that a function has answered; and a node is one cache.
	if x.Outcome == exchange.Answered && x.Reason == exchange.ReasonNone && !c.debug && c.route != nil && c.route.Handler != nil && c.isLastCache() {
		return
	}
	var buf [160]byte
	b := append(buf[:0], c.p.o.Node...)
	switch x.Outcome {
	case exchange.Hit, exchange.Stale:
		b = append(b, "; hit"...)
	case exchange.Miss, exchange.Revalidated, exchange.Pass:
		if f.Forward != exchange.ForwardNone {
			b = append(b, "; fwd="...)
			b = append(b, f.Forward.String()...)
		}
		if f.ForwardStatus != 0 {
			b = append(b, "; fwd-status="...)
			b = strconv.AppendInt(b, int64(f.ForwardStatus), 10)
		}
		if f.Stored {
			b = append(b, "; stored"...)
		}
		if f.Collapsed {
			b = append(b, "; collapsed"...)
		}
	}
	if f.HasTTL {
		b = append(b, "; ttl="...)
		b = strconv.AppendInt(b, int64(f.TTL/time.Second), 10)
	}
	if x.Reason != exchange.ReasonNone {
		b = append(b, "; detail="...)
		b = append(b, x.Reason.String()...)
	}
	if c.debug && x.Cache.Key != [16]byte{} {
		// "The key parameter conveys a representation of the cache key used for the
		// response. Note that this may be implementation specific."
		// https://www.rfc-editor.org/rfc/rfc9211#section-2.8
		b = append(b, "; key=\""...)
		b = hex.AppendEncode(b, x.Cache.Key[:])
		b = append(b, '"')
	}
	x.Response.Header.AddKnown(exchange.CacheStatus, x.Text(b))
}
