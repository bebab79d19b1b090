package h1

import "bytes"

// A span is a part of the connection's buffer.
type span struct{ from, to int32 }

func (s span) of(b []byte) []byte { return b[s.from:s.to:s.to] }

// A head is where the parts of a request's head stand in a buffer. It is found
// line by line as the bytes come, each line is judged when it is complete, and
// what is wrong in an incomplete line already is not waited for.
type head struct {
	method, target span
	http10         bool
	fields         []field
	line           int // where the line begins that is not complete yet
	seen           int // up to where it has been searched
	lines          int // complete lines
	end            int // after the empty line that ends the head; 0 until then
}

type field struct{ name, value span }

func (h *head) reset() { *h = head{fields: h.fields[:0]} }

// maxMethod bounds a method; the longest registered one has 17 letters.
const maxMethod = 32

// scan goes on in b, which begins with the head and holds what has come of it.
// It returns true when the head is complete.
func (h *head) scan(b []byte, maxSize, maxFields int) (bool, *fault) {
	for {
		i := bytes.IndexByte(b[h.seen:], '\n')
		if i < 0 {
			if f := h.unfinished(b); f != nil {
				return false, f
			}
			if len(b) > maxSize {
				return false, h.tooLarge()
			}
			h.seen = len(b)
			return false, nil
		}
		next := h.seen + i + 1
		if next > maxSize {
			return false, h.tooLarge()
		}
		// "Although the line terminator for the start-line and fields is the
		// sequence CRLF, a recipient MAY recognize a single LF as a line
		// terminator and ignore any preceding CR."
		// https://www.rfc-editor.org/rfc/rfc9112#section-2.2
		// We do not: two parsers that disagree about it can be played off
		// against each other.
		if next-2 < h.line || b[next-2] != '\r' {
			return false, faultBareLF
		}
		from, to := h.line, next-2
		h.line, h.seen = next, next
		if h.lines == 0 {
			// "In the interest of robustness, a server that is expecting to
			// receive and parse a request-line SHOULD ignore at least one
			// empty line (CRLF) received prior to the request-line."
			// https://www.rfc-editor.org/rfc/rfc9112#section-2.2
			if from == to && from == 0 {
				continue
			}
			h.lines++
			if f := h.requestLine(b, from, to); f != nil {
				return false, f
			}
			continue
		}
		if from == to {
			h.end = next
			return true, nil
		}
		h.lines++
		if len(h.fields) == maxFields {
			return false, faultHeadMany
		}
		f, fault := fieldLine(b, from, to)
		if fault != nil {
			return false, fault
		}
		h.fields = append(h.fields, f)
	}
}

func (h *head) tooLarge() *fault {
	if h.lines == 0 {
		// "A server that receives a request-target longer than any URI it
		// wishes to parse MUST respond with a 414 (URI Too Long) status code"
		// https://www.rfc-editor.org/rfc/rfc9112#section-3
		return faultTargetLong
	}
	return faultHeadLarge
}

// unfinished judges the new bytes of the last line: a client that ends its
// lines by CR alone, or that speaks something else, would wait for us as long
// as we for it.
func (h *head) unfinished(b []byte) *fault {
	// "A recipient of such a bare CR MUST consider that element to be invalid
	// or replace each bare CR with SP before processing the element or
	// forwarding the message."
	// https://www.rfc-editor.org/rfc/rfc9112#section-2.2
	for i := max(h.line, h.seen-1); i < len(b); i++ {
		if chars[b[i]]&charValue == 0 && !(b[i] == '\r' && i == len(b)-1) {
			return faultControl
		}
	}
	line := b[h.line:]
	if h.lines > 0 {
		if len(line) > 0 && (line[0] == ' ' || line[0] == '\t') {
			return faultFold
		}
		return nil
	}
	if len(line) > 0 && line[0] != '\r' {
		n := min(len(line), maxMethod+1)
		if i := bytes.IndexByte(line[:n], ' '); i >= 0 {
			n = i
		} else if len(line) > maxMethod {
			return faultMethodLong
		}
		if !all(bytes.TrimSuffix(line[:n], []byte{'\r'}), charToken) {
			return faultMethod
		}
	}
	return nil
}

// requestLine splits "method SP request-target SP HTTP-version"
// (RFC 9112 §3): one space each, and nothing else is white.
func (h *head) requestLine(b []byte, from, to int) *fault {
	line := b[from:to]
	n := bytes.IndexByte(line[:min(len(line), maxMethod+1)], ' ')
	switch {
	case n < 0 && len(line) > maxMethod:
		// "A server that receives a method longer than any that it implements
		// SHOULD respond with a 501 (Not Implemented) status code."
		// https://www.rfc-editor.org/rfc/rfc9112#section-3
		return faultMethodLong
	case n <= 0:
		return faultLine
	case !all(line[:n], charToken):
		return faultMethod
	}
	h.method = span{int32(from), int32(from + n)}
	line = line[n+1:]
	n = bytes.IndexByte(line, ' ')
	if n <= 0 {
		return faultLine
	}
	if !all(line[:n], charTarget) {
		return faultTarget
	}
	at := int(h.method.to) + 1
	h.target = span{int32(at), int32(at + n)}
	switch version := line[n+1:]; {
	case string(version) == "HTTP/1.1":
	case string(version) == "HTTP/1.0":
		h.http10 = true
	case len(version) == 8 && string(version[:5]) == "HTTP/" && version[6] == '.' && all(version[5:6], charDigit) && all(version[7:], charDigit):
		return faultVersion
	default:
		return faultLine
	}
	return nil
}

// fieldLine splits "field-name ":" OWS field-value OWS" (RFC 9112 §5).
func fieldLine(b []byte, from, to int) (field, *fault) {
	i := from
	for i < to && chars[b[i]]&charToken != 0 {
		i++
	}
	if i == to {
		return field{}, faultNoColon
	}
	if b[i] != ':' || i == from {
		if i == from && (b[i] == ' ' || b[i] == '\t') {
			// "A server that receives an obs-fold in a request message that is
			// not within a "message/http" container MUST either reject the
			// message by sending a 400 (Bad Request) […] or replace each
			// received obs-fold with one or more SP octets"
			// https://www.rfc-editor.org/rfc/rfc9112#section-5.2
			return field{}, faultFold
		}
		// "No whitespace is allowed between the field name and colon. […] A
		// server MUST reject, with a response status code of 400 (Bad
		// Request), any received request message that contains whitespace
		// between a header field name and colon."
		// https://www.rfc-editor.org/rfc/rfc9112#section-5.1
		return field{}, faultName
	}
	name := span{int32(from), int32(i)}
	i++
	for i < to && (b[i] == ' ' || b[i] == '\t') {
		i++
	}
	for to > i && (b[to-1] == ' ' || b[to-1] == '\t') {
		to--
	}
	// "Field values containing CR, LF, or NUL characters are invalid and
	// dangerous […]; a recipient of CR, LF, or NUL within a field value MUST
	// either reject the message or replace each of those characters with SP"
	// https://www.rfc-editor.org/rfc/rfc9110#section-5.5
	if !validValue(b[i:to]) {
		return field{}, faultValue
	}
	return field{name, span{int32(i), int32(to)}}, nil
}
