package fastly

import (
	"github.com/wedgecdn/wedge/hostapi/exchange"
)

// response is a response's head: a backend's, or one that the guest makes.
type response struct {
	booking
	status  int
	version uint32
	header  exchange.Header
	manual  bool
}

// onResponse runs f on the response whose handle is the first parameter.
func onResponse(f func(c *call, r *response) status) func(*call) status {
	return func(c *call) status {
		r, found := find[response](c, c.u32(0))
		if !found {
			return badHandle
		}
		return f(c, r)
	}
}

func responseNew(c *call) status { return c.open(0, &response{status: 200, version: 2}) }

func responseClose(c *call) status {
	if _, found := takeAway[response](c, c.u32(0)); !found {
		return badHandle
	}
	return ok
}

func responseNames(c *call) status {
	return onResponse(func(c *call, r *response) status { return c.headerNames(&r.header, 1) })(c)
}

func responseValue(c *call) status {
	return onResponse(func(c *call, r *response) status { return c.headerValue(&r.header, 1) })(c)
}

func responseValues(c *call) status {
	return onResponse(func(c *call, r *response) status { return c.headerValues(&r.header, 1) })(c)
}

func responseValuesSet(c *call) status {
	return onResponse(func(c *call, r *response) status { return c.headerSetAll(&r.booking, &r.header, 1) })(c)
}

func responseInsert(c *call) status {
	return onResponse(func(c *call, r *response) status { return c.headerInsert(&r.booking, &r.header, 1) })(c)
}

func responseAppend(c *call) status {
	return onResponse(func(c *call, r *response) status { return c.headerAppend(&r.booking, &r.header, 1) })(c)
}

func responseRemove(c *call) status {
	return onResponse(func(c *call, r *response) status { return c.headerRemove(&r.booking, &r.header, 1) })(c)
}

func responseVersion(c *call) status {
	return onResponse(func(c *call, r *response) status {
		c.put32(1, r.version)
		return ok
	})(c)
}

func responseVersionSet(c *call) status {
	return onResponse(func(c *call, r *response) status {
		if c.u32(1) > 4 {
			return invalid
		}
		r.version = c.u32(1)
		return ok
	})(c)
}

func statusGet(c *call) status {
	return onResponse(func(c *call, r *response) status {
		c.put16(1, uint16(r.status))
		return ok
	})(c)
}

func statusSet(c *call) status {
	return onResponse(func(c *call, r *response) status {
		n := c.u32(1)
		if n < 100 || n > 999 {
			return invalid
		}
		r.status = int(n)
		return ok
	})(c)
}

func responseFraming(c *call) status {
	return onResponse(func(c *call, r *response) status {
		if c.u32(1) > 1 {
			return invalid
		}
		r.manual = c.u32(1) == 1
		return ok
	})(c)
}

// keepaliveMode takes "automatic" only: connections are the front's.
func keepaliveMode(c *call) status {
	return onResponse(func(c *call, _ *response) status {
		if c.u32(1) != 0 {
			return unsupported
		}
		return ok
	})(c)
}

// noDestination: which server of an origin has answered is not told.
func noDestination(c *call) status {
	return onResponse(func(*call, *response) status { return none })(c)
}

func noDestinationPort(c *call) status { return noDestination(c) }

// sendDownstream sends the response: the head and a body, or, streaming, the
// head and a body that the guest goes on writing.
func sendDownstream(c *call) status {
	r, found := find[response](c, c.u32(0))
	b, found2 := find[body](c, c.u32(1))
	if !found || !found2 || c.u32(2) > 1 {
		return badHandle
	}
	if b.out != nil {
		return badHandle
	}
	if r.status >= 100 && r.status < 200 {
		return c.inform(r)
	}
	if c.answer.sent {
		return failed
	}
	c.handles.remove(c.u32(0))
	if c.u32(2) == 1 {
		b = b.stream(c.held)
	} else {
		c.handles.remove(c.u32(1))
	}
	c.respond(r, b)
	return ok
}

// inform sends an interim response. Beside 103 there is none that a guest can
// mean: 100 is the front's, 101 changes the protocol.
func (c *call) inform(r *response) status {
	if r.status != 103 || c.answer.sent {
		return httpUser
	}
	c.handles.remove(c.u32(0))
	c.handles.remove(c.u32(1))
	if c.x.Peer != nil && c.x.Peer.Interim(r.status, &r.header) != nil {
		return failed
	}
	return ok
}

// respond hands the response to the exchange, which is its owner's from here on.
func (c *call) respond(r *response, b *body) {
	length := b.length()
	if n, given := contentLength(&r.header); given && (r.manual || c.x.Request.Method == "HEAD" && length <= 0) {
		length = n
	}
	c.answer = answer{sent: true, head: r, body: b, length: length}
	c.x = nil
	close(c.answered)
}

// contentLength is what the field says.
func contentLength(h *exchange.Header) (n int64, given bool) {
	v := h.Value(exchange.ContentLength)
	if v == "" || len(v) > 18 {
		return 0, false
	}
	for i := range len(v) {
		if v[i] < '0' || v[i] > '9' {
			return 0, false
		}
		n = n*10 + int64(v[i]-'0')
	}
	return n, true
}
