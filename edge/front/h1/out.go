package h1

import (
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"time"
)

// An out is the way to the client: the head of a response, then its content in
// the framing that the head announced. It is the writer that a body's WriteTo
// is given: each Write goes out at once, the first one together with the head.
//
// States: nothing has been sent (begun is false: interim responses may go
// out), then the final response is under way (begun is true until the next
// request). mu guards the change, because a body that is pulled by another
// goroutine may send 100 (Continue) while the response begins. Everything else
// belongs to the goroutine that sends the response.
type out struct {
	c *conn

	mu      sync.Mutex
	begun   bool
	expects bool // the client waits for 100 (Continue)

	pooled  *[]byte
	held    []byte // not yet written: the head, and the frame of a chunk
	framing outFraming
	left    int64 // of the announced length
	sent    int64 // content handed to the client
	// ready is when the response was ready, on the front's clock, if nothing
	// but its first write follows; else 0.
	ready  time.Duration
	err    error // the connection's; sticky
	pieces [3][]byte
	vector net.Buffers
}

// outFraming is how the client finds the end of the content (RFC 9112 §6.3).
type outFraming uint8

const (
	unframed outFraming = iota // there is no content
	counted
	chunked
	untilClose
)

var (
	errOverlong = errors.New("send response: body is longer than its content-length")
	errNoBody   = errors.New("send response: a body where the protocol allows none")
)

// Write sends p.
func (o *out) Write(p []byte) (int, error) {
	if o.err != nil {
		return 0, o.err
	}
	if len(p) == 0 {
		return 0, nil
	}
	n := len(p)
	switch o.framing {
	case unframed:
		return 0, errNoBody
	case counted:
		if int64(n) > o.left {
			return 0, errOverlong
		}
		o.left -= int64(n)
		o.send(p, "")
	case chunked:
		o.held = appendHex(o.held, n)
		o.held = append(o.held, "\r\n"...)
		o.send(p, "\r\n")
	case untilClose:
		o.send(p, "")
	}
	if o.err != nil {
		return 0, o.err
	}
	o.sent += int64(n)
	return n, nil
}

// ReadFrom copies r and flushes before it waits for r's first bytes.
func (o *out) ReadFrom(r io.Reader) (int64, error) {
	if err := o.Flush(); err != nil {
		return 0, err
	}
	buf := o.c.front.copies.Get().(*[]byte)
	defer o.c.front.copies.Put(buf)
	total := int64(0)
	for {
		n, err := r.Read(*buf)
		if n > 0 {
			m, err := o.Write((*buf)[:n])
			total += int64(m)
			if err != nil {
				return total, err
			}
		}
		if err == io.EOF {
			return total, nil
		}
		if err != nil {
			return total, err
		}
	}
}

// Flush sends what is held. A body calls it before it waits for more
// (exchange.Flush).
func (o *out) Flush() error {
	if o.err == nil && len(o.held) > 0 {
		o.err = o.c.write(o.held)
		o.held = o.held[:0]
	}
	return o.err
}

// send writes what is held, p and the suffix: as one piece if they fit into
// the buffer, else by one writev, p from where it stands.
func (o *out) send(p []byte, suffix string) {
	if len(o.held)+len(p)+len(suffix) <= cap(o.held) {
		o.held = append(append(o.held, p...), suffix...)
		o.Flush()
		return
	}
	o.pieces[0], o.pieces[1], o.pieces[2] = o.held, p, chunkEnd[:len(suffix)]
	o.vector = o.pieces[:]
	if len(o.held) == 0 {
		o.vector = o.pieces[1:]
	}
	c := o.c
	c.armWrite()
	for {
		n, err := o.vector.WriteTo(c.nc)
		if err == nil || n == 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
			o.err = err
			break
		}
		c.writeUntil = 0
		c.armWrite()
	}
	o.held = o.held[:0]
	o.vector, o.pieces = nil, [3][]byte{}
}

var chunkEnd = []byte("\r\n")

// sendContinue answers an expectation of 100 (Continue), once.
//
// "A server MAY omit sending a 100 (Continue) response if it has already
// received some or all of the content for the corresponding request"
// https://www.rfc-editor.org/rfc/rfc9110#section-10.1.1
func (o *out) sendContinue(received bool) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.expects || o.begun {
		return nil
	}
	o.expects = false
	if received {
		return nil
	}
	return o.c.write([]byte("HTTP/1.1 100 Continue\r\n\r\n"))
}

// begin tells that the final response begins; continued that the client does
// not wait for 100 (Continue) any more.
func (o *out) begin() (continued bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.begun = true
	return !o.expects
}

func (o *out) take() {
	if o.pooled == nil {
		o.pooled = o.c.front.output.Get().(*[]byte)
		o.held = (*o.pooled)[:0]
	}
}

// give returns the buffer; one that grew is left to the collector.
func (o *out) give() {
	if o.pooled != nil {
		o.c.front.output.Put(o.pooled)
		o.pooled, o.held = nil, nil
	}
}

func appendHex(b []byte, n int) []byte {
	const digits = "0123456789abcdef"
	shift := 0
	for n>>shift > 15 {
		shift += 4
	}
	for ; shift >= 0; shift -= 4 {
		b = append(b, digits[n>>shift&15])
	}
	return b
}
