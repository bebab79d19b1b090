package journal

import (
	"io"
	"strings"

	"github.com/wedgecdn/wedge/hostapi/exchange"
)

// MaxBody bounds what is kept of one body, in bytes. A function that has read more cannot be run again.
const MaxBody = 256 << 10

// A tap writes down what is read of a body that goes through it, as long as its tape is not sealed. It belongs to the
// goroutine that has the exchange.
type tap struct {
	tape   *Tape
	inner  exchange.Body
	to     *Body
	data   strings.Builder
	closed func() // called behind the inner body's Close, once; may be nil
}

func (t *tap) note(p []byte, err error) {
	t.tape.mu.Lock()
	defer t.tape.mu.Unlock()
	if t.tape.sealed {
		return
	}
	room := MaxBody - t.data.Len()
	if len(p) > room {
		t.to.Cut = true
	}
	if k := min(len(p), room); k > 0 {
		t.data.Write(p[:k])
		t.to.Pieces = append(t.to.Pieces, k)
		t.to.Data = Text(t.data.String())
	}
	if err == io.EOF {
		t.to.With = !t.to.Ended && len(p) > 0 || t.to.With
		t.to.Ended = true
	} else if err != nil {
		t.to.Broken = true
	}
}

// Read satisfies io.Reader.
func (t *tap) Read(p []byte) (int, error) {
	n, err := t.inner.Read(p)
	t.note(p[:n], err)
	return n, err
}

// WriteTo satisfies io.WriterTo.
func (t *tap) WriteTo(w io.Writer) (int64, error) { return io.Copy(w, struct{ io.Reader }{t}) }

// Close closes the body.
func (t *tap) Close() error {
	err := t.inner.Close()
	if t.closed != nil {
		t.closed()
		t.closed = nil
	}
	return err
}

// played plays a Body: in the pieces in which it came, as far as the reader has room for them.
type played struct {
	b     *Body
	at    int // of Data
	piece int
	left  int // of the piece
}

func (p *played) Read(to []byte) (int, error) {
	for p.left == 0 && p.piece < len(p.b.Pieces) {
		p.left = p.b.Pieces[p.piece]
		p.piece++
	}
	if p.left == 0 {
		switch {
		case p.b.Ended:
			return 0, io.EOF
		case p.b.Broken:
			return 0, io.ErrUnexpectedEOF
		}
		return 0, errUnknown // what nobody has read was not written down
	}
	n := copy(to[:min(len(to), p.left)], p.b.Data[p.at:])
	p.at, p.left = p.at+n, p.left-n
	if p.b.With && p.left == 0 && p.piece == len(p.b.Pieces) {
		return n, io.EOF
	}
	return n, nil
}

func (*played) Close() error { return nil }

// whole is all of a body that stands in memory.
func whole(b []byte) *Body {
	o := &Body{Data: Text(b), Ended: true}
	if len(b) > 0 {
		o.Pieces = []int{len(b)}
	}
	if len(b) > MaxBody {
		o.Data, o.Pieces, o.Ended, o.Cut = o.Data[:MaxBody], []int{MaxBody}, false, true
	}
	return o
}
