package pipeline

import (
	"strconv"

	"github.com/wedgecdn/wedge/hostapi/exchange"
)

// refuse answers a request that this node does not serve.
func (c *call) refuse(status int, reason exchange.Reason) step {
	c.x.Outcome, c.x.Reason = exchange.Refused, reason
	c.makeError(status)
	return finish
}

// fail answers for something that broke on the way.
func (c *call) fail(status int, reason exchange.Reason) step {
	c.x.Outcome, c.x.Reason = exchange.Failed, reason
	c.makeError(status)
	return onResponse
}

// makeError makes a response of the node's own. It says the status and the
// exchange's id and nothing else: what went wrong inside is in the log under
// that id.
func (c *call) makeError(status int) {
	r := &c.x.Response
	r.Header.Reset()
	r.Status = status
	r.Header.AddKnown(exchange.ContentType, "text/plain; charset=utf-8")
	// An error of ours says nothing about the resource.
	r.Header.AddKnown(exchange.CacheControl, "no-store")
	if status == 405 {
		// "The origin server MUST generate an Allow header field in a 405 response".
		// https://www.rfc-editor.org/rfc/rfc9110#section-15.5.6
		r.Header.Add("Allow", "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS")
	}
	text := statusText(status)
	b := make([]byte, 0, 96)
	b = strconv.AppendInt(b, int64(status), 10)
	b = append(b, ' ')
	b = append(b, text...)
	b = append(b, "\nrequest "...)
	b, _ = c.x.ID.AppendText(b)
	b = append(b, '\n')
	r.Body, r.ContentLength = exchange.NewBytesBody(b), int64(len(b))
}

// statusText is the reason phrase of the statuses that the node makes itself.
func statusText(status int) string {
	switch status {
	case 400:
		return "Bad Request"
	case 405:
		return "Method Not Allowed"
	case 408:
		return "Request Timeout"
	case 412:
		return "Precondition Failed"
	case 413:
		return "Content Too Large"
	case 414:
		return "URI Too Long"
	case 416:
		return "Range Not Satisfiable"
	case 421:
		return "Misdirected Request"
	case 431:
		return "Request Header Fields Too Large"
	case 499:
		return "Client Closed Request"
	case 500:
		return "Internal Server Error"
	case 501:
		return "Not Implemented"
	case 502:
		return "Bad Gateway"
	case 503:
		return "Service Unavailable"
	case 504:
		return "Gateway Timeout"
	case 505:
		return "HTTP Version Not Supported"
	case 508:
		return "Loop Detected"
	}
	return "Error"
}
