package origin

import (
	"bytes"

	"github.com/wedgecdn/wedge/hostapi/exchange"
)

// maxChunkLine bounds a chunk's size with its extensions, in bytes.
const maxChunkLine = 1 << 10

// A chunker reads the chunked coding (RFC 9112 §7.1) off a connection. Its
// lines end in CRLF and nothing else: what two recipients could read in two
// ways is an error.
type chunker struct {
	left    int64 // of the current chunk
	inChunk bool  // the CRLF after the current chunk is still to come
	last    bool  // the last chunk has come; the trailer section follows
}

// next goes on to the next chunk; it is called when left is 0. It reads from the connection if wait is set; otherwise
// it returns false where it would have to.
func (k *chunker) next(c *conn, wait bool) (bool, error) {
	from := 0
	for {
		b := c.buf[c.r:c.w]
		skip := 0
		if k.inChunk {
			skip = 2
			if len(b) > 0 && b[0] != '\r' || len(b) > 1 && b[1] != '\n' {
				return false, protocolError("a chunk is longer than its size says")
			}
		}
		if len(b) > skip {
			if i := bytes.IndexByte(b[max(skip, from):], '\n'); i >= 0 {
				i += max(skip, from)
				n, err := chunkSize(b[skip : i+1])
				if err != nil {
					return false, err
				}
				c.r += i + 1
				k.left, k.inChunk, k.last = n, n > 0, n == 0
				return true, nil
			}
			if len(b)-skip > maxChunkLine {
				return false, protocolError("the line of a chunk's size is longer than 1 KiB")
			}
		}
		if !wait {
			return false, nil
		}
		from = len(b)
		if err := c.more(2 * maxChunkLine); err != nil {
			return false, unexpected(err)
		}
	}
}

// chunkSize reads "chunk-size [ chunk-ext ] CRLF".
//
// "recipients MUST anticipate potentially large hexadecimal numerals and
// prevent parsing errors due to integer conversion overflows".
// https://www.rfc-editor.org/rfc/rfc9112#section-7.1
func chunkSize(l []byte) (int64, error) {
	if len(l) > maxChunkLine+2 {
		return 0, protocolError("the line of a chunk's size is longer than 1 KiB")
	}
	l, ok := bytes.CutSuffix(l, []byte("\r\n"))
	if !ok {
		return 0, protocolError("the line of a chunk's size does not end in CRLF")
	}
	n, i := int64(0), 0
	for ; i < len(l); i++ {
		var d byte
		switch ch := l[i]; {
		case ch >= '0' && ch <= '9':
			d = ch - '0'
		case ch|0x20 >= 'a' && ch|0x20 <= 'f':
			d = ch | 0x20 - 'a' + 10
		default:
			d = 0xff
		}
		if d == 0xff {
			break
		}
		if n >= 1<<58 {
			return 0, protocolError("the size of a chunk is too large")
		}
		n = n<<4 | int64(d)
	}
	if i == 0 {
		return 0, protocolError("the size of a chunk is no number")
	}
	// "A recipient MUST ignore unrecognized chunk extensions."
	// https://www.rfc-editor.org/rfc/rfc9112#section-7.1.1
	ext := bytes.TrimLeft(l[i:], " \t")
	if len(ext) > 0 && ext[0] != ';' {
		return 0, protocolError("the size of a chunk is no number")
	}
	for _, ch := range ext {
		if chars[ch]&charValue == 0 {
			return 0, protocolError("the extension of a chunk has a control character")
		}
	}
	return n, nil
}

var errBareLF = protocolError("a line of the trailer section does not end in CRLF")

// trailer reads the trailer section behind the last chunk into h.
func (c *conn) trailer(h *exchange.Header) error {
	from := 0
	for {
		b := c.buf[c.r:c.w]
		if bytes.HasPrefix(b, []byte("\r\n")) {
			c.r += 2
			return nil
		}
		if len(b) > 0 && b[0] == '\n' {
			return errBareLF
		}
		var end int
		if end, from = headEnd(b, from); end >= 0 {
			if end > maxHead {
				return errHeadSize
			}
			if bytes.Count(b[:end], []byte("\n")) != bytes.Count(b[:end], []byte("\r\n")) {
				return errBareLF
			}
			s := string(b[:end])
			c.r += end
			if err := parseFields(s, h); err != nil {
				return err
			}
			h.DeleteFunc(framesMessage)
			return nil
		}
		if err := c.more(maxHead); err != nil {
			return unexpected(err)
		}
	}
}

// framesMessage tells of a field that may not stand in a trailer section.
//
// "Many fields cannot be processed outside the header section because their
// evaluation is necessary prior to receiving the content, such as those that
// describe message framing, routing, authentication, request modifiers,
// response controls, or content format."
// https://www.rfc-editor.org/rfc/rfc9110#section-6.5.1
func framesMessage(f *exchange.Field) bool {
	switch f.Known() {
	case exchange.ContentLength, exchange.TransferEncoding, exchange.Trailer, exchange.Connection, exchange.KeepAlive,
		exchange.ProxyConnection, exchange.Upgrade, exchange.TE, exchange.Host, exchange.Expect, exchange.Authorization,
		exchange.ProxyAuthorization, exchange.ProxyAuthenticate, exchange.WWWAuthenticate, exchange.Cookie, exchange.SetCookie, exchange.CacheControl,
		exchange.CDNCacheControl, exchange.SurrogateControl, exchange.Age, exchange.Date, exchange.Expires, exchange.Vary, exchange.Location,
		exchange.ContentEncoding, exchange.ContentType, exchange.ContentRange, exchange.Range, exchange.RetryAfter, exchange.CDNLoop, exchange.Via:
		return true
	}
	return false
}
