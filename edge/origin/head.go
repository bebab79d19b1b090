package origin

import (
	"bytes"
	"strings"

	"github.com/wedgecdn/wedge/hostapi/exchange"
)

const (
	// maxHead bounds the heads of one response together, interim ones too, and
	// its trailer section.
	maxHead = 64 << 10
	// maxFields is how many fields a head or a trailer section may have. Fields
	// are looked for one by one, so there must not be as many as fit in.
	maxFields = 512
	// maxInterim is how many interim responses are taken before the final one.
	maxInterim = 16
)

// headEnd finds the end of a head: the offset behind the empty line. It looks
// from offset from on, which the caller may advance to the returned value; -1
// and where to go on if the end is not there yet.
func headEnd(b []byte, from int) (end, next int) {
	for i := from; i < len(b); i++ {
		j := bytes.IndexByte(b[i:], '\n')
		if j < 0 {
			return -1, len(b)
		}
		i += j
		switch {
		case i+1 < len(b) && b[i+1] == '\n':
			return i + 2, 0
		case i+2 < len(b) && b[i+1] == '\r' && b[i+2] == '\n':
			return i + 3, 0
		case i+2 >= len(b):
			return -1, i // the rest may still become an empty line
		}
	}
	return -1, len(b)
}

// line cuts the first line off s.
//
// "Although the line terminator for the start-line and fields is the sequence
// CRLF, a recipient MAY recognize a single LF as a line terminator and ignore
// any preceding CR." https://www.rfc-editor.org/rfc/rfc9112#section-2.2
func line(s string) (first, rest string) {
	first, rest, _ = strings.Cut(s, "\n")
	return strings.TrimSuffix(first, "\r"), rest
}

// parseHead reads a response's head, its last empty line included, into h,
// whose strings are parts of s.
func parseHead(s string, h *exchange.Header) (status int, http10 bool, err error) {
	first, rest := line(s)
	// "status-line = HTTP-version SP status-code SP [ reason-phrase ]"; the
	// second space is often missing where there is no phrase.
	// https://www.rfc-editor.org/rfc/rfc9112#section-4
	if len(first) < 12 || first[:7] != "HTTP/1." || first[7] < '0' || first[7] > '9' || first[8] != ' ' ||
		len(first) > 12 && first[12] != ' ' || !all(first[12:], charValue) {
		return 0, false, protocolError("the status line is malformed")
	}
	for _, d := range []byte(first[9:12]) {
		if d < '0' || d > '9' {
			return 0, false, protocolError("the status code is no number")
		}
		status = status*10 + int(d-'0')
	}
	if status < 100 || status > 599 {
		return 0, false, protocolError("the status code is not within 100 and 599")
	}
	return status, first[7] == '0', parseFields(rest, h)
}

// parseFields reads field lines up to an empty one.
func parseFields(s string, h *exchange.Header) error {
	for {
		var l string
		l, s = line(s)
		if l == "" {
			return nil
		}
		if l[0] == ' ' || l[0] == '\t' {
			// "A proxy or gateway that receives an obs-fold in a response message
			// ... MUST either discard the message and replace it with a 502 (Bad
			// Gateway) response ... or replace each received obs-fold".
			// https://www.rfc-editor.org/rfc/rfc9112#section-5.2
			return protocolError("a field line is folded")
		}
		colon := strings.IndexByte(l, ':')
		// "No whitespace is allowed between the field name and colon."
		// https://www.rfc-editor.org/rfc/rfc9112#section-5.1
		if colon < 0 || !validName(l[:colon]) {
			return protocolError("the name of a field is malformed")
		}
		if h.Len() == maxFields {
			return protocolError("there are more than 512 fields")
		}
		value := strings.Trim(l[colon+1:], " \t")
		if !all(value, charValue) {
			return protocolError("the value of a field has a control character")
		}
		h.Add(l[:colon], value)
	}
}

// A kind is a way in which content ends.
type kind uint8

const (
	none       kind = iota // no content
	counted                // after a number of bytes
	chunked                // after the last chunk
	untilClose             // with the connection
)

// A framing is how a response's content ends.
type framing struct {
	kind   kind
	length int64 // as announced; -1 if it is not
	keep   bool  // the connection may carry another request afterwards
}

// frame finds out how the content of a final response to method ends.
// https://www.rfc-editor.org/rfc/rfc9112#section-6.3
func frame(method string, status int, http10 bool, h *exchange.Header) (framing, error) {
	f := framing{kind: untilClose, length: -1, keep: !http10 && !closes(h)}
	if h.Has(exchange.TransferEncoding) {
		// "A server or client that receives an HTTP/1.0 message containing a
		// Transfer-Encoding header field MUST treat the message as if the framing
		// is faulty". https://www.rfc-editor.org/rfc/rfc9112#section-6.1
		if http10 {
			return f, protocolError("there is Transfer-Encoding in an HTTP/1.0 response")
		}
		// "Such a message might indicate an attempt to perform request smuggling
		// ... or response splitting ... and ought to be handled as an error."
		if h.Has(exchange.ContentLength) {
			return f, protocolError("there are both Transfer-Encoding and Content-Length")
		}
		if h.Count(exchange.TransferEncoding) > 1 || !strings.EqualFold(h.Value(exchange.TransferEncoding), "chunked") {
			return f, protocolError("the transfer coding is not chunked alone")
		}
		f.kind = chunked
	}
	if h.Has(exchange.ContentLength) {
		n, err := contentLength(h)
		if err != nil {
			return f, err
		}
		f.kind, f.length = counted, n
	}
	switch {
	case status == 204:
		f.kind, f.length = none, 0
	case method == "HEAD" || status == 304:
		f.kind = none
	case f.length == 0:
		f.kind = none
	case f.kind == untilClose:
		f.keep = false
	}
	return f, nil
}

// contentLength reads the field.
//
// "... unless the field value can be successfully parsed as a comma-separated
// list, all values in the list are valid, and all values in the list are the
// same (in which case, the message is processed with that single value used as
// the Content-Length field value)."
// https://www.rfc-editor.org/rfc/rfc9112#section-6.3-2.5
func contentLength(h *exchange.Header) (int64, error) {
	length := int64(-1)
	for v := range h.Values(exchange.ContentLength) {
		for s := range strings.SplitSeq(v, ",") {
			s = strings.Trim(s, " \t")
			if s == "" || len(s) > 18 || !digits(s) {
				return 0, protocolError("Content-Length is no length")
			}
			n := int64(0)
			for i := range len(s) {
				n = n*10 + int64(s[i]-'0')
			}
			if length >= 0 && n != length {
				return 0, protocolError("there are two Content-Lengths that differ")
			}
			length = n
		}
	}
	return length, nil
}

func digits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return true
}

// closes tells whether Connection has the option close.
func closes(h *exchange.Header) bool {
	for v := range h.Values(exchange.Connection) {
		for option := range strings.SplitSeq(v, ",") {
			if strings.EqualFold(strings.Trim(option, " \t"), "close") {
				return true
			}
		}
	}
	return false
}
