package message

import (
	"bufio"
	"compress/flate"
	"compress/zlib"
	"io"
	"strings"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	brotli "github.com/molecule-man/go-brrr"

	"github.com/wedgecdn/wedge/hostapi/exchange"
)

// maxWindow bounds the memory of a zstd decoder; RFC 8878 §3.1.1.1.2 asks
// decoders to support windows of 8 MB.
const maxWindow = 8 << 20

// Coding is the content coding of a message; ok is false if there are several
// or one that this package cannot decode. "" is none.
func Coding(h *exchange.Header) (name string, ok bool) {
	if h.Count(exchange.ContentEncoding) > 1 {
		return "", false
	}
	switch c := strings.ToLower(strings.TrimSpace(h.Value(exchange.ContentEncoding))); c {
	case "", "identity":
		return "", true
	case "gzip", "x-gzip":
		return "gzip", true
	case "br", "deflate", "zstd":
		return c, true
	}
	return "", false
}

// Decoder reads r decoded; done frees what it holds. The beginning of r is
// read at once.
func Decoder(coding string, r io.Reader) (d io.Reader, done func(), err error) {
	switch coding {
	case "gzip":
		g, err := gzip.NewReader(r)
		return g, func() {}, err
	case "br":
		// Its window is at most 16 MiB: that of the format without its extension.
		return brotli.NewReader(r), func() {}, nil
	case "deflate":
		return inflate(r)
	case "zstd":
		z, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(maxWindow), zstd.WithDecoderLowmem(true))
		if err != nil {
			return nil, func() {}, err
		}
		return z, z.Close, nil
	}
	return r, func() {}, nil
}

// inflate reads what calls itself deflate.
//
// "The 'deflate' coding is a 'zlib' data format [RFC1950] containing a 'deflate' compressed data stream [RFC1951] ... Note: Some non-conformant
// implementations send the 'deflate' compressed data without the zlib wrapper."
// https://www.rfc-editor.org/rfc/rfc9110#section-8.4.1.2
func inflate(r io.Reader) (io.Reader, func(), error) {
	b := bufio.NewReader(r)
	head, err := b.Peek(2)
	if err != nil {
		return nil, func() {}, err
	}
	if head[0]&0x0f == 8 && (uint(head[0])<<8|uint(head[1]))%31 == 0 {
		z, err := zlib.NewReader(b)
		return z, func() {}, err
	}
	return flate.NewReader(b), func() {}, nil
}
