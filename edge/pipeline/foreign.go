package pipeline

import (
	"strings"

	"github.com/wedgecdn/wedge/hostapi/exchange"
)

// unkeyed are fields that frameworks take for the URL, the host or the method,
// though no cache has them in its key. A trusted proxy's word does not help:
// many pass on what their clients wrote, and one client would choose what all
// others get. X-Forwarded-Host is written anew for the origin.
var unkeyed = [...]exchange.Known{exchange.XOriginalURL, exchange.XRewriteURL, exchange.XHTTPMethodOverride, exchange.XHTTPMethod,
	exchange.XMethodOverride, exchange.XForwardedHost, exchange.XForwardedPrefix, exchange.XForwardedScheme, exchange.XForwardedServer,
	exchange.XForwardedPort, exchange.XHost, exchange.XRequestID, exchange.Forwarded}

// unkeyedOthers are more of them, and Proxy, which programs started by CGI take
// for the proxy that their own requests shall use. They are in lower case.
var unkeyedOthers = [...]string{"x-original-host", "x-original-uri", "x-original-method", "x-rewrite-uri", "x-http-host-override",
	"x-url-scheme", "front-end-https", "proxy"}

// addresses are fields, beside X-Forwarded-For, that origins take for the
// client's address. A trusted proxy may send them. They are in lower case.
var addresses = [...]string{"x-real-ip", "x-client-ip", "x-cluster-client-ip", "x-originating-ip", "x-remote-ip", "x-remote-addr",
	"client-ip", "true-client-ip", "cf-connecting-ip", "fastly-client-ip"}

// dropForeign removes the fields by which a request says of itself what only
// the node may say.
func dropForeign(h *exchange.Header, trusted bool) {
	for _, k := range unkeyed {
		h.DeleteKnown(k)
	}
	for i := range h.Len() {
		if f := h.At(i); f.Known() == exchange.Other && foreign(f.Name, trusted) {
			h.DeleteFunc(func(f *exchange.Field) bool { return f.Known() == exchange.Other && foreign(f.Name, trusted) })
			return
		}
	}
}

// maxForeign is the length of the longest name that foreign looks for, but for
// those that are known by their beginning.
const maxForeign = 32

// foreign tells whether a field without a slot must not come from a client.
//
// The gateways behind which programs run by CGI or WSGI make one variable of
// "X-Forwarded-For" and of "X_Forwarded_For", some of "X.Forwarded.For" too. So
// a name with such a character is taken for the one with hyphens, and if that
// is a field the node knows, it goes: the origin would see it twice, the cache
// once.
func foreign(name string, trusted bool) bool {
	const forwarded = "x-forwarded-"
	if name == "" {
		return false
	}
	// Fast path: most names begin otherwise than those in the lists, and have
	// nothing but letters and hyphens.
	switch name[0] | 0x20 {
	case 'x', 'c', 'f', 'p', 't':
	default:
		if plainName(name) {
			return false
		}
	}
	var room [maxForeign]byte
	n := min(len(name), maxForeign)
	odd := false
	for i := range n {
		c := name[i]
		switch {
		case 'A' <= c && c <= 'Z':
			c |= 0x20
		case 'a' <= c && c <= 'z', '0' <= c && c <= '9', c == '-':
		default:
			c, odd = '-', true
		}
		room[i] = c
	}
	lower := room[:n]
	if n >= len(forwarded) && string(lower[:len(forwarded)]) == forwarded {
		return true
	}
	if len(name) > maxForeign {
		return false
	}
	for _, s := range unkeyedOthers {
		if string(lower) == s {
			return true
		}
	}
	if !trusted {
		for _, s := range addresses {
			if string(lower) == s {
				return true
			}
		}
	}
	return odd && exchange.Lookup(string(lower)) != exchange.Other
}

// plainName tells whether a name has letters, digits and hyphens only.
func plainName(name string) bool {
	for i := range len(name) {
		switch c := name[i]; {
		case 'a' <= c|0x20 && c|0x20 <= 'z', c == '-', '0' <= c && c <= '9':
		default:
			return false
		}
	}
	return true
}

// ignoreUpgrade tells whether a request to change the protocol is one that the
// node does not pass on. What follows a change is not seen by any rule or
// function. The WebSocket protocol has no requests in it; but HTTP/2 (h2c), or
// anything else that an origin might speak, would carry requests past all of them.
//
// "A server MAY ignore a received Upgrade header field if it wishes to continue
// using the current protocol on that connection... A server MUST ignore an
// Upgrade header field that is received in an HTTP/1.0 request."
// https://www.rfc-editor.org/rfc/rfc9110#section-7.8
func ignoreUpgrade(q *exchange.Request) bool {
	return q.Proto == exchange.HTTP10 || q.Method != "GET" || q.Header.Count(exchange.Upgrade) != 1 ||
		!strings.EqualFold(q.Header.Value(exchange.Upgrade), "websocket")
}
