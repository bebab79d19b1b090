package wedge

import (
	"io"

	"github.com/wedgecdn/wedge/sdk/go/internal/raw"
)

// Body is the body of a message. Bodies of responses are seen decoded (br, gzip, deflate, zstd), whatever their Content-Encoding.
//
// What is read or replaced as a whole is held by the node, up to the binding's max_body; a larger body is ErrTooLarge, and what was read of it is
// still sent on. A body of any size is transformed by Stream.
type Body struct{ of raw.Message }

// Bytes is the whole body, and waits for it.
func (b Body) Bytes() ([]byte, error) {
	v, n := value(raw.Body(b.of, nil), nil, func(to []byte) int32 { return raw.Body(b.of, to) })
	return v, failed(n, "read body", "")
}

// Peek reads the first bytes of the body into buf, and returns how many there are: fewer than len(buf) only if the body is shorter. The body is
// sent as if it had not been read.
func (b Body) Peek(buf []byte) (int, error) {
	n := raw.BodyPeek(b.of, buf)
	return max(0, int(n)), failed(n, "peek at body", "")
}

// Set replaces the body.
func (b Body) Set(content []byte) error { return failed(raw.BodySet(b.of, content), "set body", "") }

// SetString is Set.
func (b Body) SetString(content string) error { return b.Set(bytes(content)) }

// Append appends to a body that Set or Respond has given in this hook.
func (b Body) Append(content []byte) error {
	return failed(raw.BodyAppend(b.of, content), "append to body", "")
}

// stream sends the head and lets f turn the body that came into the one that goes.
func stream(f func(r io.Reader, w io.Writer) error) error {
	if err := failed(raw.BodyStreamBegin(), "stream body", ""); err != nil {
		return err
	}
	return f(streamReader{}, streamWriter{})
}

type streamReader struct{}

func (streamReader) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	n := raw.BodyStreamRead(p)
	if n == 0 {
		return 0, io.EOF
	}
	return max(0, int(n)), failed(n, "read body", "")
}

type streamWriter struct{}

func (streamWriter) Write(p []byte) (int, error) {
	if err := failed(raw.BodyStreamWrite(p), "write body", ""); err != nil {
		return 0, err
	}
	return len(p), nil
}

func (w streamWriter) WriteString(s string) (int, error) { return w.Write(bytes(s)) }
