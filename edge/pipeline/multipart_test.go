package pipeline

import (
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/wedgecdn/wedge/edge/cache/policy"
	"github.com/wedgecdn/wedge/hostapi/exchange"
)

// The content comes in pieces of any size, from a body that can skip and from one
// that cannot; it has the length that was announced, or an error.
func TestMultipart(t *testing.T) {
	const text = "0123456789"
	ranges := []policy.Range{{First: 1, Last: 2}, {First: 5, Last: 5}, {First: 8, Last: 9}}
	const want = "--B\r\nContent-Type: a/b\r\nContent-Range: bytes 1-2/10\r\n\r\n12\r\n--B\r\nContent-Type: a/b\r\nContent-Range: bytes 5-5/10\r\n\r\n5" +
		"\r\n--B\r\nContent-Type: a/b\r\nContent-Range: bytes 8-9/10\r\n\r\n89\r\n--B--\r\n"
	f := func(name string, inner exchange.Body, wrap func(io.Reader) io.Reader) {
		t.Helper()
		m := newMultipart(inner, "B", "a/b", ranges, int64(len(text)))
		if n := m.Length(); n != int64(len(want)) {
			t.Errorf("%s: announced %d bytes, want %d", name, n, len(want))
		}
		got, err := io.ReadAll(wrap(m))
		if err != nil || string(got) != want {
			t.Errorf("%s: %v\n%q\nwant\n%q", name, err, got, want)
		}
		m.Close()
	}
	whole := func(r io.Reader) io.Reader { return r }
	slow := func() exchange.Body {
		return exchange.ReaderBody(io.NopCloser(iotest.OneByteReader(strings.NewReader(text))))
	}
	f("bytes", exchange.NewBytesBody([]byte(text)), whole)
	f("bytes, one by one", exchange.NewBytesBody([]byte(text)), iotest.OneByteReader)
	f("a slow reader", slow(), whole)
	f("a slow reader, one by one", slow(), iotest.OneByteReader)
	f("an end with the last byte", exchange.ReaderBody(io.NopCloser(iotest.DataErrReader(strings.NewReader(text)))), iotest.HalfReader)
	for n := range len(text) {
		m := newMultipart(exchange.NewBytesBody([]byte(text[:n])), "B", "a/b", ranges, int64(len(text)))
		if _, err := io.ReadAll(m); err == nil {
			t.Errorf("content cut after %d bytes goes unnoticed", n)
		}
	}
}
