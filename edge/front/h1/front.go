package h1

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/wedgecdn/wedge/hostapi/exchange"
)

// A Server decides responses. It does not send them.
type Server interface {
	// Serve leaves the response in x. The front sends it and closes its body,
	// after which it does not touch x any more.
	Serve(x *exchange.Exchange)
	// Refuse makes a small error response for a request that the front could
	// not accept; x holds what was understood of it, x.Err says what was not.
	Refuse(x *exchange.Exchange, status int, reason exchange.Reason)
}

// A Front serves HTTP/1 on listeners.
//
// A connection is in conns from its accept to its close, upgraded ones too.
// draining goes from false to true once, and never back: a connection that
// waits for a request stores its waiting flag before it loads draining, and
// Shutdown stores draining before it loads the flags, so at least one of the
// two sees the other.
type Front struct {
	server  Server
	options Options
	engine  fasthttp.Server
	epoch   time.Time // what the connections' clocks count from

	input, output, copies sync.Pool // of *[]byte

	draining atomic.Bool
	// watched is when the scheduler's watch was last woken, on the clock that
	// counts from epoch (socket.go).
	watched atomic.Int64

	mu        sync.Mutex
	conns     map[*conn]struct{}
	listeners map[*listener]struct{}
	closed    bool          // Close was called
	empty     chan struct{} // closed when no connection and no listener is left; nil until Shutdown
}

const (
	inputSize  = 4 << 10
	outputSize = 8 << 10
	copySize   = 32 << 10
	// lastCall is how long a connection without a request stays open after
	// Shutdown: a request that was on its way is answered.
	lastCall = 250 * time.Millisecond
)

func bufferPool(size int) sync.Pool {
	return sync.Pool{New: func() any { b := make([]byte, size); return &b }}
}

// New makes a front whose requests s serves.
func New(s Server, o Options) *Front {
	f := &Front{
		server: s, options: o.withDefaults(), epoch: time.Now(),
		input: bufferPool(inputSize), output: bufferPool(outputSize), copies: bufferPool(copySize),
		conns: map[*conn]struct{}{}, listeners: map[*listener]struct{}{},
	}
	f.engine = fasthttp.Server{
		Handler:     f.handle,
		Concurrency: 1 << 20, // Options.Connections is ours to hold (enter)
		// All it reads and writes is the stand-in and its answer.
		ReadBufferSize:        standInBuffer,
		WriteBufferSize:       standInBuffer,
		NoDefaultServerHeader: true,
		NoDefaultDate:         true,
		NoDefaultContentType:  true,
		Logger:                log.New(io.Discard, "", 0),
	}
	return f
}

// ErrClosed is what Serve returns on a front that was shut down before.
var ErrClosed = errors.New("h1: front is shut down")

// Serve accepts connections on ln until Shutdown or Close, then it returns
// nil; or until ln fails, then it returns the error.
func (f *Front) Serve(ln net.Listener) error {
	l := &listener{Listener: ln, front: f}
	f.mu.Lock()
	if f.draining.Load() {
		f.mu.Unlock()
		ln.Close()
		return ErrClosed
	}
	f.listeners[l] = struct{}{}
	f.mu.Unlock()
	err := f.engine.Serve(l)
	f.mu.Lock()
	delete(f.listeners, l)
	f.checkEmpty()
	f.mu.Unlock()
	ln.Close()
	if f.draining.Load() {
		return nil
	}
	if err != nil {
		return fmt.Errorf("accept on %s: %w", ln.Addr(), err)
	}
	return nil
}

// Shutdown stops accepting, lets accepted requests finish, and closes
// connections that wait for a request. It returns nil when no connection is
// left, or an error when ctx ends first; Close then ends the rest.
func (f *Front) Shutdown(ctx context.Context) error {
	f.mu.Lock()
	f.draining.Store(true)
	for l := range f.listeners {
		l.finish()
	}
	if f.empty == nil {
		f.empty = make(chan struct{})
		f.checkEmpty()
	}
	empty := f.empty
	for c := range f.conns {
		c.lastCall()
	}
	f.mu.Unlock()
	select {
	case <-empty:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("shut down: %d connections still open: %w", f.Open(), context.Cause(ctx))
	}
}

// Close ends everything at once: responses in flight break off visibly.
func (f *Front) Close() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.draining.Store(true)
	f.closed = true
	for l := range f.listeners {
		l.Close()
	}
	for c := range f.conns {
		c.nc.Close()
	}
}

// Open is the number of connections.
func (f *Front) Open() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.conns)
}

// enter counts a new connection in; false if there are too many, or none may
// come any more.
func (f *Front) enter(c *conn) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.conns) >= f.options.Connections || f.closed {
		return false
	}
	if take := f.options.Take; take != nil && !take() {
		return false
	}
	f.conns[c] = struct{}{}
	return true
}

func (f *Front) leave(c *conn) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if _, ok := f.conns[c]; ok && f.options.Give != nil {
		f.options.Give()
	}
	delete(f.conns, c)
	f.checkEmpty()
}

// checkEmpty tells Shutdown when nothing is left.
// Preconditions: mu is held.
func (f *Front) checkEmpty() {
	if f.empty == nil || len(f.conns) > 0 || len(f.listeners) > 0 {
		return
	}
	select {
	case <-f.empty:
	default:
		close(f.empty)
	}
}
