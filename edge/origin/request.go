package origin

import (
	"errors"
	"strconv"

	"github.com/wedgecdn/wedge/hostapi/exchange"
)

// errRequest is a request that cannot be written down. The pipeline and the
// ABI let none pass; what comes here all the same must not split a message.
var errRequest = errors.New("the request has a character that would break its message")

// appendRequest appends the head of x's request as a server with that Host
// field gets it: origin-form, the fields in their order and spelling, and the
// framing and connection fields, which are ours alone.
func appendRequest(b []byte, r *exchange.Request, host string) ([]byte, error) {
	if !validName(r.Method) || !validHost(host) || r.Path == "" || r.Path[0] != '/' && r.Path != "*" || !all(r.Path, charTarget) || !all(r.Query, charTarget) {
		return b, errRequest
	}
	b = append(append(b, r.Method...), ' ')
	b = append(b, r.Path...)
	if r.HasQuery {
		b = append(append(b, '?'), r.Query...)
	}
	b = append(append(append(b, " HTTP/1.1\r\nHost: "...), host...), "\r\n"...)
	upgrade := false
	for i := range r.Header.Len() {
		f := r.Header.At(i)
		switch f.Known() {
		case exchange.Host, exchange.Connection, exchange.ContentLength, exchange.TransferEncoding, exchange.KeepAlive,
			exchange.ProxyConnection, exchange.TE, exchange.Trailer, exchange.Expect:
			continue
		case exchange.Upgrade:
			upgrade = true
		case exchange.Other:
			if !validName(f.Name) {
				return b, errRequest
			}
		}
		if !all(f.Value, charValue) {
			return b, errRequest
		}
		b = append(append(b, f.Name...), ": "...)
		b = append(append(b, f.Value...), "\r\n"...)
	}
	if upgrade {
		// "A sender of Upgrade MUST also send an "Upgrade" connection option in
		// the Connection header field".
		// https://www.rfc-editor.org/rfc/rfc9110#section-7.8
		b = append(b, "Connection: Upgrade\r\n"...)
	}
	switch {
	case r.Body != nil && r.ContentLength < 0:
		b = append(b, "Transfer-Encoding: chunked\r\n"...)
	case r.Body != nil && r.ContentLength > 0:
		b = append(b, "Content-Length: "...)
		b = append(strconv.AppendInt(b, r.ContentLength, 10), "\r\n"...)
	case r.Body != nil || r.Method == "POST" || r.Method == "PUT" || r.Method == "PATCH":
		// "a user agent SHOULD send Content-Length in a request when the method
		// defines a meaning for enclosed content and it is not sending
		// Transfer-Encoding." https://www.rfc-editor.org/rfc/rfc9110#section-8.6
		b = append(b, "Content-Length: 0\r\n"...)
	}
	return append(b, "\r\n"...), nil
}

// sendsBody tells whether the request has content to send.
func sendsBody(r *exchange.Request) bool { return r.Body != nil && r.ContentLength != 0 }

// idempotent tells whether a method may be repeated after a failure of which
// nobody knows how far it came.
// https://www.rfc-editor.org/rfc/rfc9110#section-9.2.2
func idempotent(method string) bool {
	switch method {
	case "GET", "HEAD", "OPTIONS", "PUT", "DELETE", "TRACE":
		return true
	}
	return false
}
