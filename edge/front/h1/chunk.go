package h1

import (
	"bytes"
	"io"

	"github.com/wedgecdn/wedge/hostapi/exchange"
)

// nextChunk reads up to the data of the next chunk, or, after the last one,
// the trailer section; then it returns io.EOF (RFC 9112 §7.1).
// Preconditions: mu is held; the current chunk's data has been read.
func (b *body) nextChunk() error {
	c := b.c
	if b.inChunk {
		line, err := b.line(0, errChunkEnd)
		if err != nil {
			return err
		}
		if len(line) != 0 {
			return errChunkEnd
		}
		b.inChunk = false
	}
	line, err := b.line(charHex, errChunkSize)
	if err != nil {
		return err
	}
	size, ok := chunkSize(line)
	if !ok {
		return errChunkSize
	}
	// "A server ought to limit the total length of chunk extensions received
	// in a request to an amount reasonable for the services provided"
	// https://www.rfc-editor.org/rfc/rfc9112#section-7.1.1
	if b.waste += int64(len(line)) - 1; b.waste > b.got+wasteAllowed {
		return errChunkWaste
	}
	if size == 0 {
		if err := b.trailers(); err != nil {
			return err
		}
		return io.EOF
	}
	if max := c.front.options.BodySize; max >= 0 && size > max-b.got {
		return errBodyLarge
	}
	b.left, b.inChunk = size, true
	return nil
}

// line reads one line and returns it without its CRLF. It is a view of the
// input, valid until the next read. A line that ends in LF alone, that does not
// fit, or whose first octet is not of the class, is wrong.
func (b *body) line(first uint8, wrong *exchange.Error) ([]byte, error) {
	c := b.c
	seen := 0
	for {
		in := c.buf[c.r:c.w]
		if i := bytes.IndexByte(in[seen:], '\n'); i >= 0 {
			n := seen + i
			if n == 0 || in[n-1] != '\r' {
				return nil, wrong
			}
			c.r += n + 1
			return in[:n-1], nil
		}
		// What is wrong in an unfinished line already is not waited for: a
		// client that ends its lines by CR alone would wait for us.
		if len(in) > 0 && in[0] != '\r' && chars[in[0]]&first == 0 {
			return nil, wrong
		}
		for i := max(seen-1, 0); i < len(in); i++ {
			if chars[in[i]]&charValue == 0 && !(in[i] == '\r' && i == len(in)-1) {
				return nil, wrong
			}
		}
		seen = len(in)
		if c.w == len(c.buf) {
			if c.r == c.base {
				if wrong == errTrailer {
					return nil, errTrailerLarge
				}
				return nil, wrong
			}
			c.w = c.base + copy(c.buf[c.base:], in)
			c.r = c.base
		}
		c.armRead(c.now(), c.front.options.BodyTimeout)
		n, err := c.read(c.buf[c.w:])
		if err != nil {
			return nil, inputError(err)
		}
		c.w += n
	}
}

// chunkSize reads "1*HEXDIG [ chunk-ext ]". Extensions are checked and
// forgotten: "A recipient MUST ignore unrecognized chunk extensions."
// https://www.rfc-editor.org/rfc/rfc9112#section-7.1.1
func chunkSize(line []byte) (int64, bool) {
	n, i := int64(0), 0
	for ; i < len(line) && chars[line[i]]&charHex != 0; i++ {
		d := int64(line[i]|0x20) - '0'
		if d > 9 {
			d -= 'a' - '0' - 10
		}
		// "[…] recipients MUST anticipate potentially large hexadecimal
		// numerals and prevent parsing errors due to integer conversion
		// overflows" https://www.rfc-editor.org/rfc/rfc9112#section-7.1
		if i == 15 {
			return 0, false
		}
		n = n<<4 | d
	}
	if i == 0 {
		return 0, false
	}
	return n, validExtensions(line[i:])
}

// validExtensions checks
// *( BWS ";" BWS chunk-ext-name [ BWS "=" BWS chunk-ext-val ] ), where a value
// is a token or a quoted string.
func validExtensions(b []byte) bool {
	space := func() {
		for len(b) > 0 && (b[0] == ' ' || b[0] == '\t') {
			b = b[1:]
		}
	}
	token := func() bool {
		n := 0
		for n < len(b) && chars[b[n]]&charToken != 0 {
			n++
		}
		b = b[n:]
		return n > 0
	}
	quoted := func() bool {
		for i := 1; i < len(b); i++ {
			switch {
			case b[i] == '"':
				b = b[i+1:]
				return true
			case b[i] == '\\':
				i++
				fallthrough
			default:
				if i == len(b) || chars[b[i]]&charValue == 0 {
					return false
				}
			}
		}
		return false
	}
	for len(b) > 0 {
		space()
		if len(b) == 0 || b[0] != ';' {
			return false
		}
		b = b[1:]
		space()
		if !token() {
			return false
		}
		rest := b
		space()
		if len(b) == 0 || b[0] != '=' {
			b = rest
			continue
		}
		b = b[1:]
		space()
		if len(b) > 0 && b[0] == '"' {
			if !quoted() {
				return false
			}
		} else if !token() {
			return false
		}
	}
	return true
}

// trailers reads the trailer section. Its strings are the body's own: they
// outlive the input buffer's next read.
func (b *body) trailers() (err error) {
	defer func() {
		if err != nil {
			b.trailer.Reset()
		}
	}()
	o := &b.c.front.options
	size := 0
	for {
		line, err := b.line(charToken, errTrailer)
		if err != nil {
			return err
		}
		if len(line) == 0 {
			return nil
		}
		if size += len(line) + 2; size > o.HeaderSize || b.trailer.Len() == o.HeaderCount {
			return errTrailerLarge
		}
		f, fault := fieldLine(line, 0, len(line))
		if fault != nil {
			return errTrailer
		}
		name, value := string(f.name.of(line)), string(f.value.of(line))
		b.trailer.Add(name, value)
		// "A sender MUST NOT generate a trailer field unless the sender knows
		// the corresponding header field name's definition permits sending in
		// the trailer section", and no field that frames, routes or
		// authenticates does: https://www.rfc-editor.org/rfc/rfc9110#section-6.5.1
		switch b.trailer.At(b.trailer.Len() - 1).Known() {
		case exchange.ContentLength, exchange.TransferEncoding, exchange.Host, exchange.Connection, exchange.Trailer,
			exchange.TE, exchange.Upgrade, exchange.Expect, exchange.Authorization, exchange.Cookie, exchange.ContentEncoding,
			exchange.ContentType, exchange.ContentRange, exchange.Range:
			return errTrailerField
		}
	}
}
