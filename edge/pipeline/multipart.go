package pipeline

import (
	"io"

	"github.com/wedgecdn/wedge/edge/cache/policy"
	"github.com/wedgecdn/wedge/hostapi/exchange"
)

// A multipart is content in which several ranges of another stand, each with what
// it is. The ranges are in ascending order, so one passage over the content is
// enough.
//
//	--boundary CRLF
//	Content-Type, Content-Range CRLF CRLF
//	the range CRLF
//	... --boundary-- CRLF
//
// "If multiple parts are being transferred, the server generating the 206
// response MUST generate "multipart/byteranges" content... Within the header
// area of each body part in the multipart content, the server MUST generate a
// Content-Range header field corresponding to the range being enclosed in that
// body part. If the selected representation would have had a Content-Type header
// field in a 200 (OK) response, the server SHOULD generate that same Content-Type
// header field in the header area of each body part."
// https://www.rfc-editor.org/rfc/rfc9110#section-15.3.7.2
type multipart struct {
	inner    exchange.Body
	total    int64
	boundary string
	kind     string // Content-Type of the parts, may be empty
	ranges   []policy.Range
	next     int    // of ranges
	at       int64  // in the content
	text     []byte // what is to be sent before the next bytes of the content
	left     int64  // of the range that is being sent
}

func newMultipart(inner exchange.Body, boundary, kind string, ranges []policy.Range, total int64) *multipart {
	return &multipart{inner: inner, total: total, boundary: boundary, kind: kind, ranges: ranges}
}

// head is what stands before the n-th range; with n behind the last, what ends it all.
func (m *multipart) head(b []byte, n int) []byte {
	if n > 0 {
		b = append(b, "\r\n"...)
	}
	b = append(append(b, "--"...), m.boundary...)
	if n == len(m.ranges) {
		return append(b, "--\r\n"...)
	}
	b = append(b, "\r\n"...)
	if m.kind != "" {
		b = append(append(append(b, "Content-Type: "...), m.kind...), "\r\n"...)
	}
	b = append(b, "Content-Range: "...)
	b = m.ranges[n].AppendContentRange(b, m.total)
	return append(b, "\r\n\r\n"...)
}

// Length is the length of it all.
func (m *multipart) Length() int64 {
	var room [512]byte
	n := int64(0)
	for i := range m.ranges {
		n += int64(len(m.head(room[:0], i))) + m.ranges[i].Length()
	}
	return n + int64(len(m.head(room[:0], len(m.ranges))))
}

// Read reads the next bytes.
func (m *multipart) Read(p []byte) (int, error) {
	for len(m.text) == 0 && m.left == 0 {
		if m.next > len(m.ranges) {
			return 0, io.EOF
		}
		m.text = m.head(nil, m.next)
		if m.next < len(m.ranges) {
			m.left = m.ranges[m.next].Length()
		}
		m.next++
	}
	if len(m.text) > 0 {
		n := copy(p, m.text)
		m.text = m.text[n:]
		return n, nil
	}
	if skip := m.ranges[m.next-1].Last + 1 - m.left - m.at; skip > 0 {
		if s, ok := m.inner.(skipper); ok {
			if err := s.Skip(skip); err != nil {
				return 0, err
			}
		} else if _, err := io.CopyN(io.Discard, m.inner, skip); err != nil {
			return 0, short(err)
		}
		m.at += skip
	}
	n, err := m.inner.Read(p[:min(int64(len(p)), m.left)])
	m.at += int64(n)
	m.left -= int64(n)
	if err == io.EOF && m.left == 0 {
		err = nil // there is more to say
	}
	return n, short(err)
}

// short makes an end that comes too early an error.
func short(err error) error {
	if err == io.EOF {
		return errShort
	}
	return err
}

// Close gives the content back.
func (m *multipart) Close() error { return m.inner.Close() }
