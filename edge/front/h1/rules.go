package h1

import (
	"math"

	"github.com/wedgecdn/wedge/hostapi/exchange"
)

// framing is what a request's fields say about the message and the connection.
type framing struct {
	length  int64 // of the content; 0 if there is none, -1 if it is chunked
	close   bool  // the client wants no further request on this connection
	expects bool  // it waits for 100 (Continue) before it sends the content
}

// fill puts the head that stands in b into the request, as views of b, and
// judges the fields that frame the message.
func (h *head) fill(b []byte, r *exchange.Request, bodySize int64) (m framing, f *fault) {
	r.Method, r.Target = view(h.method.of(b)), view(h.target.of(b))
	r.Proto = exchange.HTTP11
	if h.http10 {
		r.Proto = exchange.HTTP10
	}
	for i := range h.fields {
		f := &h.fields[i]
		r.Header.Add(view(f.name.of(b)), view(f.value.of(b)))
	}
	if f = checkHost(r); f != nil {
		return m, f
	}
	if m.length, f = contentFraming(r); f != nil {
		return m, f
	}
	if bodySize >= 0 && m.length > bodySize {
		return m, faultBodyLarge
	}
	r.ContentLength = m.length
	m.close = closes(r)
	// "A server that receives a 100-continue expectation in an HTTP/1.0 request
	// MUST ignore that expectation."
	// https://www.rfc-editor.org/rfc/rfc9110#section-10.1.1
	m.expects = m.length != 0 && !h.http10 && foldEqual(r.Header.Value(exchange.Expect), "100-continue")
	return m, nil
}

// contentFraming is the length of the content: RFC 9112 §6.3, for requests.
func contentFraming(r *exchange.Request) (int64, *fault) {
	h := &r.Header
	coded, lengths := h.Has(exchange.TransferEncoding), h.Count(exchange.ContentLength)
	switch {
	case !coded && lengths == 0:
		// "If this is a request message and none of the above are true, then
		// the message body length is zero"
		// https://www.rfc-editor.org/rfc/rfc9112#section-6.3
		return 0, nil
	case !coded:
		// "[…] if a message is received without Transfer-Encoding and with an
		// invalid Content-Length header field, then the message framing is
		// invalid and the recipient MUST treat it as an unrecoverable error,
		// unless the field value can be successfully parsed as a
		// comma-separated list […], all values in the list are valid, and all
		// values in the list are the same"; we accept no list.
		// https://www.rfc-editor.org/rfc/rfc9112#section-6.3
		if lengths > 1 {
			return 0, faultLength
		}
		return parseLength(h.Value(exchange.ContentLength))
	case r.Proto == exchange.HTTP10:
		// "A server or client that receives an HTTP/1.0 message containing a
		// Transfer-Encoding header field MUST treat the message as if the
		// framing is faulty, even if a Content-Length is present, and close
		// the connection after processing the message."
		// https://www.rfc-editor.org/rfc/rfc9112#section-6.1
		return 0, faultCodingOld
	case lengths > 0:
		// "A server MAY reject a request that contains both Content-Length and
		// Transfer-Encoding or process such a request in accordance with the
		// Transfer-Encoding alone."
		// https://www.rfc-editor.org/rfc/rfc9112#section-6.1
		return 0, faultLengthCoding
	}
	// "If a Transfer-Encoding header field is present in a request and the
	// chunked transfer coding is not the final encoding, the message body
	// length cannot be determined reliably; the server MUST respond with the
	// 400 (Bad Request) status code and then close the connection."
	// https://www.rfc-editor.org/rfc/rfc9112#section-6.3
	// "A sender MUST NOT apply the chunked transfer coding more than once to a
	// message body"
	// https://www.rfc-editor.org/rfc/rfc9112#section-6.1
	chunked, last, others := 0, false, false
	for list := range h.Values(exchange.TransferEncoding) {
		for more := true; more; {
			var coding string
			coding, list, more = nextElement(list)
			if last = foldEqual(coding, "chunked"); last {
				chunked++
			} else {
				others = true
			}
		}
	}
	if !last || chunked != 1 {
		return 0, faultCoding
	}
	if others {
		// "A server that receives a request message with a transfer coding it
		// does not understand SHOULD respond with 501 (Not Implemented)."
		// https://www.rfc-editor.org/rfc/rfc9112#section-6.1
		return 0, faultCodingOther
	}
	return -1, nil
}

// parseLength reads "Content-Length = 1*DIGIT" (RFC 9110 §8.6).
func parseLength(s string) (int64, *fault) {
	if s == "" {
		return 0, faultLength
	}
	n := int64(0)
	for i := range len(s) {
		if chars[s[i]]&charDigit == 0 {
			return 0, faultLength
		}
		// "[…] a recipient MUST anticipate potentially large decimal numerals
		// and prevent parsing errors due to integer conversion overflows"
		// https://www.rfc-editor.org/rfc/rfc9110#section-8.6
		d := int64(s[i] - '0')
		if n > (math.MaxInt64-d)/10 {
			return 0, faultBodyLarge
		}
		n = 10*n + d
	}
	return n, nil
}

// closes tells whether the connection ends with this request's response
// (RFC 9112 §9.3): in HTTP/1.1 if the client says close, in HTTP/1.0 unless it
// says keep-alive.
func closes(r *exchange.Request) bool {
	h := &r.Header
	if r.Method == "CONNECT" {
		// What follows such a head would be bytes for the tunnel that there is not.
		return true
	}
	if !h.Has(exchange.Connection) {
		return r.Proto == exchange.HTTP10
	}
	keep := r.Proto == exchange.HTTP11
	for list := range h.Values(exchange.Connection) {
		for more := true; more; {
			var option string
			option, list, more = nextElement(list)
			switch {
			case foldEqual(option, "close"):
				return true
			case foldEqual(option, "keep-alive"):
				keep = true
			}
		}
	}
	return !keep
}
