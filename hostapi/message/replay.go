package message

import (
	"io"
	"slices"

	"github.com/wedgecdn/wedge/hostapi/exchange"
)

// replay is a body of which a guest has read some bytes ahead: they are kept,
// and whoever sends the body gets them first. It outlives the session that
// made it.
type replay struct {
	src exchange.Body
	raw []byte // what was read ahead, in order
	off int    // what of it was sent
	err error  // how src ended, io.EOF for well; nil if it has not
}

// ahead makes a replay of *b in its place.
func ahead(b *exchange.Body) *replay {
	if r, ok := (*b).(*replay); ok && r.off == 0 {
		return r
	}
	r := &replay{src: *b}
	*b = r
	return r
}

// chunk is how much is read at once at first.
const chunk = 4 << 10

// more reads some bytes ahead, at most up to limit bytes in all, and returns
// how src ended if it did.
func (r *replay) more(limit int) error {
	if r.err != nil {
		return r.err
	}
	r.raw = slices.Grow(r.raw, min(chunk, limit-len(r.raw)))
	into := r.raw[len(r.raw):min(cap(r.raw), limit)]
	for range 100 {
		n, err := r.src.Read(into)
		r.raw, r.err = r.raw[:len(r.raw)+n], err
		if n > 0 || err != nil {
			return err
		}
	}
	r.err = io.ErrNoProgress
	return r.err
}

// Read sends what was read ahead, then the rest.
func (r *replay) Read(p []byte) (int, error) {
	if r.off < len(r.raw) {
		n := copy(p, r.raw[r.off:])
		r.off += n
		return n, nil
	}
	if r.err != nil {
		return 0, r.err
	}
	return r.src.Read(p)
}

// WriteTo writes what was read ahead, then the rest.
func (r *replay) WriteTo(w io.Writer) (n int64, err error) {
	if r.off < len(r.raw) {
		m, err := w.Write(r.raw[r.off:])
		r.off += m
		if n = int64(m); err != nil {
			return n, err
		}
	}
	switch r.err {
	case nil:
		m, err := r.src.WriteTo(w)
		return n + m, err
	case io.EOF:
		return n, nil
	}
	return n, r.err
}

// Close closes the source.
func (r *replay) Close() error { return r.src.Close() }

// tee reads a replay from its beginning without sending it: what a decoder
// reads while the coded bytes stay to be sent.
type tee struct {
	r     *replay
	at    int
	limit int // of bytes read ahead
}

func (t *tee) Read(p []byte) (int, error) {
	if t.at == len(t.r.raw) {
		if t.at >= t.limit {
			return 0, ErrTooLarge
		}
		if err := t.r.more(t.limit); err != nil && t.at == len(t.r.raw) {
			return 0, err
		}
	}
	n := copy(p, t.r.raw[t.at:])
	t.at += n
	return n, nil
}
