package httpwasm

import (
	"context"
	"encoding/json"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/wedgecdn/wedge/hostapi/adapter"
	"github.com/wedgecdn/wedge/hostapi/exchange"
	"github.com/wedgecdn/wedge/hostapi/message"
	"github.com/wedgecdn/wedge/hostapi/services"
	"github.com/wedgecdn/wedge/runtime/hostcall"
	"github.com/wedgecdn/wedge/runtime/limit"
	"github.com/wedgecdn/wedge/runtime/wasi"
)

// binding is a function with its settings.
type binding struct {
	o      adapter.Settings
	config string
	denied atomic.Int64
	// features are those that the guest enabled while it started. Each instance enables the same.
	features atomic.Uint32
	// wasi is where each session's state begins, so that all have one monotonic clock.
	wasi wasi.State
}

// ConfigKey is the setting that is a guest's configuration as a whole. Without it the configuration is a JSON object of
// all settings.
const ConfigKey = "config"

// Bind satisfies adapter.ABI.
func (ABI) Bind(o adapter.Settings) (adapter.Binding, error) {
	b := &binding{o: o}
	if b.o.MaxBody <= 0 {
		b.o.MaxBody = adapter.DefaultMaxBody
	}
	if c, ok := o.Config[ConfigKey]; ok {
		b.config = c
	} else if len(o.Config) > 0 {
		text, err := json.Marshal(o.Config) // in the order of the keys
		if err != nil {
			return nil, fmt.Errorf("config as JSON: %w", err)
		}
		b.config = string(text)
	}
	b.wasi.Environ, b.wasi.Args = o.Environ, []string{o.Name}
	b.wasi.Fixed = o.Fixed
	if w := o.World; w != nil {
		b.wasi.Random, b.wasi.Look = w.Random, w.Look
	}
	b.wasi.Begin(time.Now())
	return b, nil
}

func (b *binding) Outside() any                { return b.session() }
func (b *binding) NewSession() adapter.Session { return b.session() }
func (b *binding) Denied() int64               { return b.denied.Load() }
func (b *binding) Close()                      {}

// Prepare runs the main function of a module that has no other initialisation, as most compilers make it: it registers
// the handlers and returns.
func (b *binding) Prepare(ctx context.Context, i adapter.Instance, _ any) error {
	if i.Has(initialize) || !i.Has(start) {
		return nil
	}
	_, err := i.Call(ctx, start)
	return err
}

func (b *binding) session() *session {
	s := &session{b: b, wasi: b.wasi}
	s.stage.MaxBody = b.o.MaxBody
	s.wasi.Line = s.line
	return s
}

// session is a function in one exchange, or a guest in none. It belongs to the goroutine that runs the guest.
//
// States: outside; attached to an exchange; in a hook (in), on_request or, with after, on_response.
type session struct {
	b     *binding
	i     adapter.Instance
	call  *hostcall.Call // of the host function that runs now
	stage message.Stage
	wasi  wasi.State

	in       bool
	after    bool // the next handler has run
	answered bool // handle_request did not go on: handle_response is not called
	features uint32
	context  uint32 // what handle_request returned for handle_response
	pending  pending
	read     [2]int // of each body, in this hook
	written  [2]bool
	args     [2]uint64
}

// pending is what the guest said of the response before there was one.
type pending struct {
	status  int
	header  exchange.Header
	trailer exchange.Header
	body    []byte
}

// WASI makes a session the environment of its guest's WASI functions.
func (s *session) WASI() *wasi.State { return &s.wasi }

// Attach satisfies adapter.Session.
func (s *session) Attach(x *exchange.Exchange, i adapter.Instance, _ *limit.Budget) {
	s.i = i
	s.stage.Attach(x)
	s.wasi.Begin(x.Now)
	s.features, s.answered, s.context = s.b.features.Load(), false, 0
}

// Begin satisfies adapter.Session.
func (s *session) Begin(h exchange.Hook) {
	s.in, s.after = true, h == exchange.OnResponse
	s.read, s.written = [2]int{}, [2]bool{}
	s.stage.Begin()
}

// Run satisfies adapter.Session.
func (s *session) Run(adapter.Ended) (int32, bool, error) {
	if s.after {
		return 0, false, s.response()
	}
	s.pending.status = 200
	out, err := s.i.Call(context.Background(), handleRequest)
	if err != nil {
		return 0, false, err
	}
	// "The lower 32-bits of the `ctx_next` result ("next") can be zero or one: one means proceed to the next handler on
	// the host and zero means skip it. The upper 32-bits are passed to "handle_response"".
	// https://http-wasm.io/http-handler-abi/#handle_request
	next := uint32(out[0])
	if s.context = uint32(out[0] >> 32); next != 0 {
		return 0, false, nil
	}
	s.answered = true
	return 1, false, s.answer()
}

// answer makes the response of what is pending.
func (s *session) answer() error {
	p := &s.pending
	if err := s.stage.Respond(p.status, p.body); err != nil {
		return fmt.Errorf("handle_request made a response with status %d and %d bytes: %w", p.status, len(p.body), err)
	}
	r := &s.stage.X.Response
	r.Header.CopyFrom(&p.header)
	s.setTrailer(&p.trailer)
	return nil
}

// setTrailer has the response end with trailers; a length that is known in advance leaves no room for them.
func (s *session) setTrailer(h *exchange.Header) {
	if h.Len() == 0 {
		return
	}
	r, t := &s.stage.X.Response, new(exchange.Header)
	t.CopyFrom(h)
	if r.Trailer = t; r.Body != nil {
		r.ContentLength = -1
	}
}

// response calls handle_response for a response that the next handler made.
func (s *session) response() error {
	if s.answered {
		return nil
	}
	if err := s.merge(); err != nil {
		return err
	}
	s.args = [2]uint64{uint64(s.context), 0}
	if x := s.stage.X; x.Outcome == exchange.Failed {
		s.args[1] = 1
	}
	_, err := s.i.Call(context.Background(), handleResponse, s.args[:]...)
	return err
}

// merge adds what is pending to the response.
func (s *session) merge() error {
	p := &s.pending
	r := &s.stage.X.Response
	for f := range p.header.All() {
		if _, ok := r.Header.Named(f.Name); !ok {
			s.stage.Change()
			for v := range p.header.AllNamed(f.Name) {
				r.Header.Add(f.Name, v)
			}
		}
	}
	if p.trailer.Len() > 0 {
		s.stage.Change()
		s.setTrailer(&p.trailer)
	}
	if len(p.body) == 0 || message.Bodiless(r.Status) || s.stage.X.Request.Method == "HEAD" {
		return nil
	}
	b, err := s.stage.Whole(message.Response)
	if err != nil {
		return fmt.Errorf("handle_request wrote a body before that of the next handler: %w", err)
	}
	return s.stage.SetBody(message.Response, append(p.body[:len(p.body):len(p.body)], b...))
}

// Commit satisfies adapter.Session.
func (s *session) Commit(result int32) (bool, error) {
	s.stage.Settle()
	s.end()
	return result == 1, nil
}

// Rollback satisfies adapter.Session.
func (s *session) Rollback() {
	s.stage.Rollback()
	s.end()
}

func (s *session) end() {
	s.in = false
	s.wasi.End()
}

// Overflowed satisfies adapter.Session.
func (s *session) Overflowed() bool { return s.stage.Overflow }

// Finish satisfies adapter.Session.
func (s *session) Finish() {}

// Close satisfies adapter.Session.
func (s *session) Close() {
	s.stage.Close()
	s.pending.header.Reset()
	s.pending.trailer.Reset()
	s.pending.body = nil
	s.i, s.call, s.in = nil, nil, false
}

// line takes what the guest writes to its standard output and error.
func (s *session) line(fd uint32, b []byte) {
	level := services.Info
	if fd == 2 {
		level = services.Warn
	}
	s.log(level, b, uint8(fd))
}

func (s *session) log(level services.Level, b []byte, stream uint8) {
	to := s.b.o.Services.Log
	if to == nil {
		return
	}
	c := services.Caller{Owner: s.b.o.Owner, Function: s.b.o.Name, Version: s.b.o.Version}
	if x := s.stage.X; x != nil {
		if c.Exchange = x.ID; s.after {
			c.Hook = exchange.OnResponse
		}
	}
	to.Log(&services.Line{Caller: c, Level: level, Message: b, Stream: stream})
}
