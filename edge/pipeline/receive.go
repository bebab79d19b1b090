package pipeline

import (
	"net/netip"
	"strings"

	"github.com/wedgecdn/wedge/edge/route"
	"github.com/wedgecdn/wedge/hostapi/exchange"
)

// receive applies what holds for every request: methods, the normal form of
// the URL, loops, and whose word is taken for what.
func (c *call) receive() step {
	x := c.x
	q := &x.Request
	switch q.Method {
	case "TRACE", "CONNECT":
		// TRACE would echo credentials that this node has added; CONNECT is for
		// proxies that clients choose.
		return c.refuse(405, exchange.ReasonMethodRefused)
	}
	t, err := route.ParseTarget(q.Target)
	if err != nil {
		x.Err = err
		return c.refuse(400, exchange.ReasonBadTarget)
	}
	if t.Authority != "" {
		// "When an origin server receives a request with an absolute-form of
		// request-target, the origin server MUST ignore the received Host header
		// field (if any) and instead use the host information of the request-target."
		// https://www.rfc-editor.org/rfc/rfc9112#section-3.2.2
		q.Host = t.Authority
	}
	x.Client.Trusted = c.p.o.Trusted != nil && c.p.o.Trusted(x)
	c.identify()
	if q.Host, err = route.Authority(q.Host, q.Scheme); err != nil {
		x.Err = err
		return c.refuse(400, exchange.ReasonBadRequest)
	}
	q.Path, q.Query, q.HasQuery = t.Path, t.Query, t.HasQuery
	x.Asked = exchange.URL{Scheme: q.Scheme, Host: q.Host, Path: q.Path, Query: q.Query, HasQuery: q.HasQuery}
	if c.token = q.Header.Value(exchange.WedgeDebug); c.token != "" {
		q.Header.DeleteKnown(exchange.WedgeDebug) // it is a credential: neither functions nor origins see it
	}
	q.Header.SetKnown(exchange.Host, q.Host)
	if !removeHopByHop(&q.Header, true) {
		return c.refuse(400, exchange.ReasonBadRequest)
	}
	if q.Header.Has(exchange.Upgrade) && ignoreUpgrade(q) {
		q.Header.DeleteKnown(exchange.Upgrade)
	}
	if c.visits = visits(&q.Header, c.p.o.Node); c.visits >= maxVisits {
		return c.refuse(508, exchange.ReasonLoop)
	}
	if t.Asterisk {
		if q.Method != "OPTIONS" {
			return c.refuse(400, exchange.ReasonBadTarget)
		}
		// "an 'OPTIONS *' request is only useful as a 'ping' or 'no-op' type of
		// method". https://www.rfc-editor.org/rfc/rfc9110#section-9.3.7
		x.Outcome = exchange.Answered
		x.Response.Status, x.Response.ContentLength = 204, 0
		return finish
	}
	return findRoute
}

// identify decides who the client is. A trusted proxy says whom it speaks for;
// anybody else's word is dropped, together with the fields by which one client
// could change what others get from the cache without being part of its key.
func (c *call) identify() {
	x := c.x
	x.Client.Addr = x.Client.PeerAddr
	h := &x.Request.Header
	if !x.Client.Trusted {
		for _, k := range [...]exchange.Known{exchange.XForwardedFor, exchange.XForwardedHost, exchange.XForwardedProto, exchange.Forwarded} {
			h.DeleteKnown(k)
		}
	} else {
		if a, ok := c.firstUntrusted(); ok {
			x.Client.Addr, x.Client.Port = a, 0
		}
		switch h.Value(exchange.XForwardedProto) {
		case "https":
			x.Request.Scheme = "https"
		case "http":
			x.Request.Scheme = "http"
		}
		if id, ok := exchange.ParseID(h.Value(exchange.XRequestID)); ok {
			x.ID = id
		}
	}
	dropForeign(h, x.Client.Trusted)
}

// firstUntrusted walks X-Forwarded-For from its end, where the nearest proxy
// wrote, to the first address that is no trusted proxy.
func (c *call) firstUntrusted() (netip.Addr, bool) {
	var all string
	for v := range c.x.Request.Header.Values(exchange.XForwardedFor) {
		if all == "" {
			all = v
		} else {
			all = c.x.Join(all, ",", v)
		}
	}
	var last netip.Addr
	for all != "" {
		i := strings.LastIndexByte(all, ',')
		s := strings.Trim(all[i+1:], " \t")
		all = all[:max(i, 0)]
		a, err := netip.ParseAddr(s)
		if err != nil {
			break // what stands before it was written by somebody we do not know
		}
		last = a.Unmap()
		probe := exchange.Exchange{Client: exchange.Client{PeerAddr: last}}
		if !c.p.o.Trusted(&probe) {
			break
		}
	}
	return last, last.IsValid()
}

// removeHopByHop removes the fields that belong to one connection.
//
// "Intermediaries MUST parse a received Connection header field before a
// message is forwarded and, for each connection-option in this field, remove
// any header or trailer field(s) from the message with the same name as the
// connection-option, and then remove the Connection header field itself".
// https://www.rfc-editor.org/rfc/rfc9110#section-7.6.1
//
// Upgrade stays if keepUpgrade and Connection names it; see [ignoreUpgrade].
// It is false if Connection names more than maxOptions fields: somebody wants
// the node to compare each of them with each field. Then not all are removed.
func removeHopByHop(h *exchange.Header, keepUpgrade bool) bool {
	upgrade, few := false, true
	if h.Has(exchange.Connection) {
		var named [maxOptions]string
		n := 0
		for v := range h.Values(exchange.Connection) {
			for option := range strings.SplitSeq(v, ",") {
				option = strings.Trim(option, " \t")
				switch {
				case strings.EqualFold(option, "upgrade"):
					upgrade = true
				case option == "" || strings.EqualFold(option, "close") || strings.EqualFold(option, "keep-alive"):
				case n == len(named):
					few = false
				default:
					named[n] = option
					n++
				}
			}
		}
		for _, name := range named[:n] {
			// A client must not be able to take away what the node relies on.
			switch exchange.Lookup(name) {
			case exchange.Host, exchange.Cookie, exchange.Authorization, exchange.CDNLoop, exchange.Via,
				exchange.XForwardedFor, exchange.XForwardedHost, exchange.XForwardedProto, exchange.CacheControl:
			default:
				h.Delete(name)
			}
		}
		h.DeleteKnown(exchange.Connection)
	}
	if !upgrade || !keepUpgrade {
		h.DeleteKnown(exchange.Upgrade)
	}
	for _, k := range [...]exchange.Known{exchange.KeepAlive, exchange.ProxyConnection, exchange.TE, exchange.Trailer,
		exchange.TransferEncoding, exchange.ProxyAuthenticate, exchange.ProxyAuthorization, exchange.Expect} {
		if h.Has(k) {
			h.DeleteKnown(k)
		}
	}
	return few
}

// maxVisits is how often a request may have been here before: a fleet may pass
// it on once on purpose.
const maxVisits = 3

// maxOptions is how many fields Connection may name.
const maxOptions = 32

// visits is how often the request has been here before.
//
// "CDNs can use the presence of the header field to detect loops".
// https://www.rfc-editor.org/rfc/rfc8586#section-2
func visits(h *exchange.Header, node string) (n int) {
	if !h.Has(exchange.CDNLoop) {
		return 0
	}
	for v := range h.Values(exchange.CDNLoop) {
		for part := range strings.SplitSeq(v, ",") {
			id, _, _ := strings.Cut(part, ";")
			if strings.EqualFold(strings.Trim(id, " \t"), node) {
				n++
			}
		}
	}
	return n
}
