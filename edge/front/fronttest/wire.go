package fronttest

import (
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"time"
)

// WireSize is how many bytes are on their way in one direction before a
// writer has to wait.
const WireSize = 16 << 10

// ErrReset is what a peer sees of a connection that was closed with linger 0.
var ErrReset = errors.New("wire: connection reset by peer")

// A Wire is a listener in memory.
type Wire struct {
	accept chan net.Conn
	closed chan struct{}
	once   sync.Once
}

// NewWire is a listener whose connections come from Dial.
func NewWire() *Wire {
	return &Wire{accept: make(chan net.Conn), closed: make(chan struct{})}
}

// Accept waits for a Dial.
func (w *Wire) Accept() (net.Conn, error) {
	select {
	case c := <-w.accept:
		return c, nil
	case <-w.closed:
		return nil, net.ErrClosed
	}
}

// Close ends Accept and Dial.
func (w *Wire) Close() error {
	w.once.Do(func() { close(w.closed) })
	return nil
}

// Addr is a made-up address.
func (w *Wire) Addr() net.Addr { return addr(80) }

// Dial makes a connection.
func (w *Wire) Dial() (*Conn, error) {
	client, server := Pair()
	select {
	case w.accept <- server:
		return client, nil
	case <-w.closed:
		return nil, net.ErrClosed
	}
}

func addr(port int) net.Addr { return &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: port} }

// A Conn is one end of a connection in memory. It behaves as a TCP connection
// does where that matters to a front: buffers are bounded, one direction can
// be closed alone, deadlines and SetLinger(0) work.
type Conn struct {
	in, out *half
	local   net.Addr
	remote  net.Addr
	linger0 bool
}

// Pair is the two ends of a connection.
func Pair() (a, b *Conn) {
	x, y := newHalf(), newHalf()
	return &Conn{in: x, out: y, local: addr(4000), remote: addr(80)}, &Conn{in: y, out: x, local: addr(80), remote: addr(4000)}
}

// Read reads what the other end wrote.
func (c *Conn) Read(p []byte) (int, error) { return c.in.read(p) }

// Write writes to the other end and waits while too much is on its way.
func (c *Conn) Write(p []byte) (int, error) { return c.out.write(p) }

// Close closes both directions.
func (c *Conn) Close() error {
	if c.linger0 {
		c.out.fail(ErrReset)
		c.in.fail(ErrReset)
	}
	c.out.end()
	c.in.abandon()
	return nil
}

// CloseWrite closes the sending direction.
func (c *Conn) CloseWrite() error { c.out.end(); return nil }

// SetLinger with 0 makes Close a reset.
func (c *Conn) SetLinger(sec int) error { c.linger0 = sec == 0; return nil }

// LocalAddr is a made-up address.
func (c *Conn) LocalAddr() net.Addr { return c.local }

// RemoteAddr is a made-up address.
func (c *Conn) RemoteAddr() net.Addr { return c.remote }

// SetDeadline sets both deadlines.
func (c *Conn) SetDeadline(t time.Time) error {
	c.SetReadDeadline(t)
	return c.SetWriteDeadline(t)
}

// SetReadDeadline makes reads fail from t on.
func (c *Conn) SetReadDeadline(t time.Time) error { c.in.readBy.set(c.in, t); return nil }

// SetWriteDeadline makes writes fail from t on.
func (c *Conn) SetWriteDeadline(t time.Time) error { c.out.writeBy.set(c.out, t); return nil }

// A half is one direction.
type half struct {
	mu              sync.Mutex
	change          *sync.Cond
	buf             []byte
	ended           bool // by the writer: what is left can still be read
	abandoned       bool // by the reader: writes fail
	err             error
	readBy, writeBy deadline
}

// A deadline is guarded by its half's mu.
type deadline struct {
	at    time.Time
	timer *time.Timer
}

func newHalf() *half {
	h := &half{}
	h.change = sync.NewCond(&h.mu)
	return h
}

func (d *deadline) set(h *half, t time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if d.timer != nil {
		d.timer.Stop()
		d.timer = nil
	}
	d.at = t
	if !t.IsZero() {
		d.timer = time.AfterFunc(time.Until(t), func() {
			h.mu.Lock()
			defer h.mu.Unlock()
			h.change.Broadcast()
		})
	}
	h.change.Broadcast()
}

func (d *deadline) passed() bool { return !d.at.IsZero() && !time.Now().Before(d.at) }

func (h *half) read(p []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for {
		switch {
		case h.err != nil:
			return 0, h.err
		case h.abandoned:
			return 0, net.ErrClosed
		case h.readBy.passed():
			return 0, os.ErrDeadlineExceeded
		case len(h.buf) > 0:
			n := copy(p, h.buf)
			h.buf = h.buf[:copy(h.buf, h.buf[n:])]
			h.change.Broadcast()
			return n, nil
		case h.ended:
			return 0, io.EOF
		}
		h.change.Wait()
	}
}

func (h *half) write(p []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	written := 0
	for len(p) > 0 {
		switch {
		case h.err != nil:
			return written, h.err
		case h.ended:
			return written, net.ErrClosed
		case h.abandoned:
			return written, io.ErrClosedPipe
		case h.writeBy.passed():
			return written, os.ErrDeadlineExceeded
		}
		if room := WireSize - len(h.buf); room > 0 {
			n := min(room, len(p))
			h.buf = append(h.buf, p[:n]...)
			p, written = p[n:], written+n
			h.change.Broadcast()
			continue
		}
		h.change.Wait()
	}
	return written, nil
}

func (h *half) end() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.ended = true
	h.change.Broadcast()
}

func (h *half) abandon() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.abandoned = true
	if h.readBy.timer != nil {
		h.readBy.timer.Stop()
	}
	h.change.Broadcast()
}

func (h *half) fail(err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.err = err
	h.change.Broadcast()
}
