package h1

import (
	"bytes"
	"strconv"

	"github.com/valyala/fasthttp"

	"github.com/wedgecdn/wedge/hostapi/exchange"
)

// frame chooses how the end of the content is found, and whether the
// connection must end for it (RFC 9112 §6.3 and §9.6). asHead tells that the
// request came as HEAD.
func frame(x *exchange.Exchange, asHead bool) (f outFraming, mustClose bool) {
	r := &x.Response
	switch {
	case asHead, r.Status < 200, r.Status == 204, r.Status == 304:
		// "Any response to a HEAD request and any response with a 1xx
		// (Informational), 204 (No Content), or 304 (Not Modified) status code
		// is always terminated by the first empty line after the header fields"
		// https://www.rfc-editor.org/rfc/rfc9112#section-6.3
		return unframed, false
	case r.ContentLength >= 0:
		return counted, false
	case x.Request.Proto == exchange.HTTP11:
		return chunked, false
	}
	// "A server MUST NOT send a response containing Transfer-Encoding unless
	// the corresponding request indicates HTTP/1.1 (or later minor revisions)."
	// https://www.rfc-editor.org/rfc/rfc9112#section-6.1
	return untilClose, true
}

// announcesLength tells whether the head carries Content-Length.
func announcesLength(x *exchange.Exchange, f outFraming) bool {
	r := &x.Response
	switch {
	case f == counted:
		return true
	case f != unframed, r.Status < 200, r.Status == 204:
		// "A server MUST NOT send a Content-Length header field in any response
		// with a status code of 1xx (Informational) or 204 (No Content)."
		// https://www.rfc-editor.org/rfc/rfc9110#section-8.6
		return false
	case r.Status == 304:
		// It would be the length of the 200 response; 0 here means that nobody
		// said it.
		return r.ContentLength > 0
	}
	return r.ContentLength >= 0
}

// appendHead appends the head of the response: the fields of x in their order
// and spelling, and the framing, which is the front's alone.
func (c *conn) appendHead(b []byte, x *exchange.Exchange, f outFraming, mustClose bool) []byte {
	r := &x.Response
	start := len(b)
	b = appendStatusLine(b, r.Status)
	trailer := f == chunked && r.Trailer != nil
	b, lines := c.appendFields(b, x, &r.Header, trailer)
	lines += 2 // the status line and the empty one
	switch {
	case f == chunked:
		b, lines = append(b, "Transfer-Encoding: chunked\r\n"...), lines+1
	case announcesLength(x, f):
		b = append(b, "Content-Length: "...)
		b, lines = append(strconv.AppendInt(b, r.ContentLength, 10), "\r\n"...), lines+1
	}
	if connection := connectionField(x, mustClose); connection != "" {
		b, lines = append(b, connection...), lines+1
	}
	b = append(b, "\r\n"...)
	if !splits(b[start:], lines) {
		return b
	}
	// A value holds CR, LF or NUL: it would end its line, or the head.
	var clean exchange.Header
	for field := range r.Header.All() {
		if splitsField(field) {
			c.dropped(x, field.Name)
		} else {
			clean.Add(field.Name, field.Value)
		}
	}
	r.Header.CopyFrom(&clean)
	return c.appendHead(b[:start], x, f, mustClose)
}

// appendFields appends the field lines that are not the front's to write, and
// counts them.
func (c *conn) appendFields(b []byte, x *exchange.Exchange, h *exchange.Header, trailer bool) ([]byte, int) {
	lines := 0
	for i := range h.Len() {
		f := h.At(i)
		switch f.Known() {
		case exchange.Connection, exchange.ContentLength, exchange.TransferEncoding, exchange.KeepAlive, exchange.ProxyConnection:
			continue
		case exchange.Trailer:
			if !trailer {
				continue
			}
		case exchange.Other:
			if !validName(f.Name) {
				c.dropped(x, f.Name)
				continue
			}
		}
		b = append(b, f.Name...)
		b = append(b, ": "...)
		b = append(b, f.Value...)
		b = append(b, "\r\n"...)
		lines++
	}
	return b, lines
}

func (c *conn) dropped(x *exchange.Exchange, name string) {
	if e := c.front.options.Events.FieldDropped; e != nil {
		e(x, name)
	}
}

func validName(s string) bool {
	for i := range len(s) {
		if chars[s[i]]&charToken == 0 {
			return false
		}
	}
	return s != ""
}

// splits tells that a head has more line ends than lines, or a NUL: somewhere
// a value ends its line. Three passes over the whole head cost less than one
// test of every value.
func splits(head []byte, lines int) bool {
	return bytes.Count(head, crlf[1:]) != lines || bytes.Count(head, crlf[:1]) != lines || bytes.IndexByte(head, 0) >= 0
}

var crlf = []byte("\r\n")

func splitsField(f *exchange.Field) bool {
	for _, s := range [...]string{f.Name, f.Value} {
		for i := range len(s) {
			if s[i] == '\r' || s[i] == '\n' || s[i] == 0 {
				return true
			}
		}
	}
	return false
}

func appendStatusLine(b []byte, status int) []byte {
	b = append(b, "HTTP/1.1 "...)
	b = append(b, byte('0'+status/100), byte('0'+status/10%10), byte('0'+status%10), ' ')
	b = append(b, fasthttp.StatusMessage(status)...)
	return append(b, "\r\n"...)
}

// connectionField is the Connection field line; "" if none is needed.
func connectionField(x *exchange.Exchange, mustClose bool) string {
	// "A sender of Upgrade MUST also send an "Upgrade" connection option in the
	// Connection header field"
	// https://www.rfc-editor.org/rfc/rfc9110#section-7.8
	upgrade := x.Response.Header.Has(exchange.Upgrade)
	switch {
	case upgrade && mustClose && x.Response.Status != 101:
		return "Connection: close, upgrade\r\n"
	case upgrade:
		return "Connection: upgrade\r\n"
	case mustClose:
		return "Connection: close\r\n"
	case x.Request.Proto == exchange.HTTP10:
		return "Connection: keep-alive\r\n"
	}
	return ""
}
