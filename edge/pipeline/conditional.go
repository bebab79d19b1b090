package pipeline

import (
	"strings"

	"github.com/wedgecdn/wedge/edge/cache/policy"
	"github.com/wedgecdn/wedge/hostapi/exchange"
)

// conditional answers the client's own conditions and range from a response
// that the cache has, or is filling, whole. What was passed through has been
// answered by the origin.
func (c *call) conditional() step {
	x := c.x
	switch x.Outcome {
	case exchange.Hit, exchange.Revalidated, exchange.Stale, exchange.Miss:
	default:
		return finish
	}
	// A stored part is a part of what would have status 200.
	if x.Response.Status != 200 && x.Response.Status != 206 || x.Request.Method != "GET" && x.Request.Method != "HEAD" {
		return finish
	}
	q, r := &x.Request.Header, &x.Response
	switch policy.Conditional(q, x.Request.Method, &r.Header, x.Now) {
	case policy.NotModified:
		c.closeBody()
		r.Status = 304
		policy.KeepNotModified(&r.Header)
		return finish
	case policy.Failed:
		c.closeBody()
		c.makeError(412)
		return finish
	}
	if x.Response.Status == 200 && x.Request.Method == "GET" && !c.asHead && q.Has(exchange.Range) {
		c.ranged()
	}
	return finish
}

// ranged narrows the response to the one range that was asked for, if its
// length is known.
func (c *call) ranged() {
	x := c.x
	r := &x.Response
	if r.ContentLength < 0 || r.Body == nil || !policy.RangeApplies(&x.Request.Header, &r.Header) {
		return
	}
	field := x.Request.Header.Value(exchange.Range)
	rg, kind := policy.ParseRange(field, r.ContentLength)
	if kind == policy.Ignored && strings.IndexByte(field, ',') >= 0 {
		var list []policy.Range
		if list, kind = policy.ParseRanges(nil, field, r.ContentLength); kind == policy.Satisfiable {
			if len(list) > 1 {
				c.multipart(list)
				return
			}
			// "...a server MAY generate a "multipart/byteranges" response with only a
			// single body part if multiple ranges were requested and only one range was
			// found to be satisfiable". One range is sent as one range is.
			// https://www.rfc-editor.org/rfc/rfc9110#section-15.3.7.2
			rg = list[0]
		}
	}
	switch kind {
	case policy.Satisfiable:
		r.Status = 206
		r.Header.SetKnown(exchange.ContentRange, x.Text(rg.AppendContentRange(nil, r.ContentLength)))
		c.body.narrow(rg.First, rg.Length())
		r.ContentLength = rg.Length()
	case policy.Unsatisfiable:
		length := r.ContentLength
		c.closeBody()
		c.makeError(416)
		// "A server generating a 416 response to a byte-range request SHOULD
		// generate a Content-Range header field specifying the current length".
		// https://www.rfc-editor.org/rfc/rfc9110#section-15.5.17
		r.Header.SetKnown(exchange.ContentRange, x.Text(policy.AppendUnsatisfied(nil, length)))
	}
}

// multipart makes the response one of several ranges.
func (c *call) multipart(list []policy.Range) {
	r := &c.x.Response
	boundary := c.x.ID.String() // a number that nobody can foresee
	m := newMultipart(r.Body, boundary, r.Header.Value(exchange.ContentType), list, r.ContentLength)
	n := m.Length()
	if n >= r.ContentLength+maxMultipart {
		return // more to frame than to send
	}
	r.Status, r.ContentLength, r.Body = 206, n, exchange.ReaderBody(m)
	r.Header.SetKnown(exchange.ContentType, "multipart/byteranges; boundary="+boundary)
}

// maxMultipart is by how much several ranges may be longer than the whole.
const maxMultipart = 4 << 10

// closeBody drops the content and what describes it.
func (c *call) closeBody() {
	r := &c.x.Response
	if r.Body != nil {
		r.Body.Close()
		r.Body = nil
	}
	r.Trailer = nil
}
