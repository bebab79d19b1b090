package fronttest

import (
	"errors"
	"io"
	"strings"
	"sync"
	"testing"

	"github.com/wedgecdn/wedge/hostapi/exchange"
)

// A Recorder is a server for a front under test: it lets a function make the
// responses, and holds the front to its side of the bargain: each body is
// closed once.
type Recorder struct {
	t      testing.TB
	handle func(x *exchange.Exchange)

	mu      sync.Mutex
	begun   int
	ended   []Ended
	arrived *sync.Cond
}

// Ended is what an exchange was when its body was closed.
type Ended struct {
	Method, Target string
	Status         int
	Sent           int64
	Err            error
	Refused        exchange.Reason // if the front refused it
	Kept           string          // Request.Target as a view, valid no longer
}

// NewRecorder makes a server whose responses handle makes.
func NewRecorder(t testing.TB, handle func(x *exchange.Exchange)) *Recorder {
	r := &Recorder{t: t, handle: handle}
	r.arrived = sync.NewCond(&r.mu)
	return r
}

// Serve lets the function make the response.
func (r *Recorder) Serve(x *exchange.Exchange) {
	r.begin()
	r.handle(x)
	r.wrap(x, exchange.ReasonNone)
}

// Refuse answers with the status and the reason's word.
func (r *Recorder) Refuse(x *exchange.Exchange, status int, reason exchange.Reason) {
	r.begin()
	Respond(x, status, reason.String()+"\n")
	r.wrap(x, reason)
}

func (r *Recorder) begin() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.begun++
}

func (r *Recorder) wrap(x *exchange.Exchange, refused exchange.Reason) {
	b := &recorded{Body: x.Response.Body, r: r, x: x, refused: refused}
	if b.Body == nil {
		b.Body = exchange.NewBytesBody(nil)
	}
	x.Response.Body = b
}

// Ended waits until n exchanges have ended and returns them in that order.
func (r *Recorder) Ended(n int) []Ended {
	r.mu.Lock()
	defer r.mu.Unlock()
	for len(r.ended) < n {
		r.arrived.Wait()
	}
	return r.ended
}

// Check fails the test if an exchange has not ended.
func (r *Recorder) Check() {
	r.t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.begun != len(r.ended) {
		r.t.Errorf("%d exchanges began, %d ended", r.begun, len(r.ended))
	}
}

// recorded is a response's body that notices its end.
type recorded struct {
	exchange.Body
	r       *Recorder
	x       *exchange.Exchange
	refused exchange.Reason
	closed  bool
}

func (b *recorded) Close() error {
	err := b.Body.Close()
	b.r.mu.Lock()
	defer b.r.mu.Unlock()
	if b.closed {
		b.r.t.Error("a response's body was closed twice")
		return err
	}
	b.closed = true
	x := b.x
	b.r.ended = append(b.r.ended, Ended{
		Method: strings.Clone(x.Request.Method), Target: strings.Clone(x.Request.Target), Status: x.Response.Status,
		Sent: x.Sent, Err: x.Err, Refused: b.refused, Kept: x.Request.Target,
	})
	x.Release()
	b.r.arrived.Broadcast()
	return err
}

// Respond makes a response of a text.
func Respond(x *exchange.Exchange, status int, text string) {
	x.Response.Status, x.Response.ContentLength = status, int64(len(text))
	x.Response.Body = exchange.NewBytesBody([]byte(text))
}

// Stream makes a response whose content write sends; length is -1 if it is not known.
func Stream(x *exchange.Exchange, length int64, write func(w io.Writer) error) {
	x.Response.Status, x.Response.ContentLength = 200, length
	x.Response.Body = &streamed{write: write}
}

// streamed is a body made of a function.
type streamed struct{ write func(w io.Writer) error }

func (s *streamed) Read([]byte) (int, error) {
	return 0, errors.New("fronttest: a front pulls bodies by WriteTo")
}

func (s *streamed) WriteTo(w io.Writer) (int64, error) {
	n := counter{w: w}
	err := s.write(&n)
	return n.n, err
}

func (s *streamed) Close() error { return nil }

type counter struct {
	w io.Writer
	n int64
}

func (c *counter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += int64(n)
	return n, err
}

func (c *counter) Flush() error { return exchange.Flush(c.w) }
