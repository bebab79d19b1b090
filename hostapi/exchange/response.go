package exchange

import "io"

// A Body is message content that is pulled by whoever sends it. It is read by
// one goroutine, by Read or by WriteTo, and closed exactly once, also when it
// was not read to its end. The Close of a response's body is where the
// exchange ends.
type Body interface {
	io.Reader
	io.WriterTo
	io.Closer
}

// A Response is the head of a response and its body.
type Response struct {
	Status int
	Header Header
	// Body is nil if there is no content.
	Body Body
	// ContentLength is the length of the content in bytes; -1 if it is not
	// known, then the front delimits the content as its protocol can. For HEAD
	// and 304 it is the length that a GET would have had, and Body is nil.
	ContentLength int64
	// Trailer is complete when Body has returned io.EOF; nil if there is none.
	Trailer *Header
	// Upgrade is set with status 101: the front sends the head, then copies
	// bytes both ways between its connection and this one, and closes it.
	Upgrade io.ReadWriteCloser
}

func (r *Response) reset() {
	r.Status, r.Body, r.ContentLength, r.Trailer, r.Upgrade = 0, nil, 0, nil, nil
	r.Header.Reset()
}

// Drop closes the body, if there is one, and empties the response.
func (r *Response) Drop() {
	if r.Body != nil {
		r.Body.Close()
	}
	if r.Upgrade != nil {
		r.Upgrade.Close()
	}
	r.reset()
}

// A BytesBody is content that stands in memory. The zero value is empty.
type BytesBody struct {
	b   []byte
	off int
}

// NewBytesBody is a body of b, which must not change until the body is closed.
func NewBytesBody(b []byte) *BytesBody { return &BytesBody{b: b} }

// SetBytes makes b the content, to be read from its beginning.
func (b *BytesBody) SetBytes(p []byte) { b.b, b.off = p, 0 }

// Bytes are what is left to be read. They must not be changed.
func (b *BytesBody) Bytes() []byte { return b.b[b.off:] }

// Read reads the next bytes.
func (b *BytesBody) Read(p []byte) (int, error) {
	if b.off == len(b.b) {
		return 0, io.EOF
	}
	n := copy(p, b.b[b.off:])
	b.off += n
	return n, nil
}

// WriteTo writes what is left.
func (b *BytesBody) WriteTo(w io.Writer) (int64, error) {
	n, err := w.Write(b.b[b.off:])
	b.off += n
	return int64(n), err
}

// Close does nothing.
func (b *BytesBody) Close() error { return nil }

// ReaderBody makes a body of a reader: an origin's stream, a request's.
func ReaderBody(r io.ReadCloser) Body { return readerBody{r} }

type readerBody struct{ io.ReadCloser }

// WriteTo copies until the end; whatever the writer can do to take bytes by
// itself (io.ReaderFrom) is left to it.
func (b readerBody) WriteTo(w io.Writer) (int64, error) { return io.Copy(w, b.ReadCloser) }
