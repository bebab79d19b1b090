package pipeline

import (
	"github.com/wedgecdn/wedge/hostapi/exchange"
)

// addForwarded writes what every request to an origin says about its way here.
func (p *Pipeline) addForwarded(x *exchange.Exchange) {
	h := &x.Request.Header
	if x.Client.PeerAddr.IsValid() {
		// Only a trusted proxy's list has come this far. It may be in several
		// lines: a proxy that writes one of its own leaves the client's before it,
		// and the last is the one that is true.
		addToList(h, exchange.XForwardedFor, x.Client.PeerAddr.String())
	}
	h.SetKnown(exchange.XForwardedProto, x.Request.Scheme)
	if !h.Has(exchange.XForwardedHost) {
		h.SetKnown(exchange.XForwardedHost, x.Request.Host)
	}
	// "A proxy MUST send an appropriate Via header field... in each message that
	// it forwards. An HTTP-to-HTTP gateway MUST send an appropriate Via header
	// field in each inbound request message".
	// https://www.rfc-editor.org/rfc/rfc9110#section-7.6.3
	addToList(h, exchange.Via, x.Request.Proto.String()+" "+p.o.Node)
	// "conforming CDNs MUST... append their own cdn-info".
	// https://www.rfc-editor.org/rfc/rfc8586#section-2
	addToList(h, exchange.CDNLoop, p.o.Node)
	h.SetKnown(exchange.XRequestID, x.ID.String())
}

// addToList appends a member to a list field, in one field line.
func addToList(h *exchange.Header, k exchange.Known, member string) {
	if !h.Has(k) {
		h.AddKnown(k, member)
		return
	}
	all := ""
	for v := range h.Values(k) {
		all += v + ", "
	}
	h.SetKnown(k, all+member)
}
