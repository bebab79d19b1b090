package proxywasm

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/wedgecdn/wedge/hostapi/adapter"
	"github.com/wedgecdn/wedge/hostapi/exchange"
	"github.com/wedgecdn/wedge/hostapi/message"
	"github.com/wedgecdn/wedge/hostapi/services"
	"github.com/wedgecdn/wedge/runtime/hostcall"
	"github.com/wedgecdn/wedge/runtime/limit"
	"github.com/wedgecdn/wedge/runtime/wasi"
)

// session is a stream in one exchange, or the plugin's context in none: while an instance starts, and on the root
// instance. It belongs to the goroutine that runs the guest.
//
// States of a stream: attached; open, from the first callback on (id is not 0); then deleted, by Close. In a hook it is in
// one of the callbacks, or paused and waiting for a callout. After the response's head is on its way (flowing) it is the
// reader of the body that runs the guest.
type session struct {
	b      *binding
	i      adapter.Instance
	call   *hostcall.Call // of the host function that runs now
	budget *limit.Budget
	stage  message.Stage
	wasi   wasi.State

	starting  bool // the instance is being made
	id        uint32
	effective uint32 // the context on whose behalf the guest acts
	stream    int    // 0 in the request's callbacks, 1 in the response's
	in        bool   // in a hook
	flowing   bool
	failed    bool // the guest is not to be called any more

	local     *local
	continued [2]bool // the guest said that the paused stream goes on
	closed    bool    // the guest closed the stream
	declared  bool    // it said that the response's length will change
	looked    bool    // it has looked at the body that it was shown
	edited    bool    // it has changed it
	body      []byte  // what it is shown of a body
	hasBody   bool

	calls   map[uint32]*callout // under way
	made    int                 // callouts of this stream
	loop    []string            // CDN-Loop of the request, for callouts: proxy_on_delete comes when the exchange is gone
	results chan *callout
	reply   *callout // the one whose callback runs

	period  time.Duration // of ticks, as this guest set it
	queues  []uint32      // that this guest registered
	custom  map[string]string
	kept    int // bytes of custom
	handles []services.Store
	args    [5]uint64
}

// WASI makes a session the environment of its guest's WASI functions.
func (s *session) WASI() *wasi.State { return &s.wasi }

// Attach satisfies adapter.Session.
func (s *session) Attach(x *exchange.Exchange, i adapter.Instance, b *limit.Budget) {
	s.i, s.budget = i, b
	s.stage.Attach(x)
	s.wasi.Begin(x.Now)
	for v := range x.Request.Header.Values(exchange.CDNLoop) {
		s.loop = append(s.loop, strings.Clone(v))
	}
	s.id, s.failed, s.flowing = 0, false, false
}

// Begin satisfies adapter.Session.
func (s *session) Begin(h exchange.Hook) {
	s.in, s.stream = true, 0
	if h == exchange.OnResponse {
		s.stream = 1
	}
	s.local, s.closed, s.declared = nil, false, false
	s.stage.Begin()
}

// Run satisfies adapter.Session.
func (s *session) Run(ended adapter.Ended) (result int32, streaming bool, err error) {
	if s.id == 0 {
		if err := s.create(); err != nil {
			return 0, false, s.fail(err)
		}
	}
	if err := s.arrived(); err != nil {
		return 0, false, s.fail(err)
	}
	streaming, err = s.flow(ended)
	switch {
	case err != nil:
		return 0, false, s.fail(err)
	case s.local != nil:
		if err := s.respond(); err != nil {
			return 0, false, s.fail(err)
		}
		if s.stream == 0 {
			return 1, false, nil // its response callbacks see the response, as Envoy's filters see their own
		}
	case streaming:
		s.stage.Settle()
		s.flowing = true
	}
	return 0, streaming, nil
}

// arrived runs the callbacks of callouts that were over while nobody waited for them.
func (s *session) arrived() error {
	for {
		select {
		case c := <-s.results:
			if err := s.deliver(c); err != nil {
				return err
			}
		default:
			return nil
		}
	}
}

// fail notes whether the guest can still be called: after a trap it cannot.
func (s *session) fail(err error) error {
	s.failed = true
	return err
}

// create makes the stream's context.
func (s *session) create() error {
	s.id = rootID + s.b.streams.Add(1)
	if s.id <= rootID { // after four thousand million streams
		s.id = rootID + s.b.streams.Add(rootID+1)
	}
	s.effective = s.id
	return s.tell(contextCreate, uint64(s.id), rootID)
}

// tell calls a callback without a result, if the guest has it.
func (s *session) tell(export string, args ...uint64) error {
	if !s.i.Has(export) {
		return nil
	}
	_, err := s.i.Call(context.Background(), export, args...)
	return err
}

// ask calls a callback with an action for a result; a guest without it goes on.
func (s *session) ask(export string, args ...uint64) (action uint32, err error) {
	if !s.i.Has(export) {
		return 0, nil
	}
	s.effective, s.continued = s.id, [2]bool{}
	out, err := s.i.Call(context.Background(), export, args...)
	if err != nil {
		return 0, err
	}
	if action = uint32(out[0]); s.continued[s.stream] {
		action = goOn // it paused, and has gone on already
	}
	return action, nil
}

// stopped tells whether the stream ends here, by an answer of the guest's own or because it closed it.
func (s *session) stopped() bool { return s.local != nil || s.closed }

var errClosed = errors.New("the filter closed the stream")

// flow calls the callbacks of one stream. streaming tells that the response's body will be shown to the guest while it
// is sent.
func (s *session) flow(ended adapter.Ended) (streaming bool, err error) {
	x := s.stage.X
	at := s.stage.Slot(s.stream)
	end := *at.Body == nil || *at.Length == 0
	args := []uint64{uint64(s.id), uint64(len(s.fields(s.stream == 0))), flag(end && s.trailer() == nil)}
	if s.b.version == oldest {
		args = args[:2] // "0.1.0" knows no end_of_stream
	}
	action, err := s.ask(streams[s.stream].headers, args...)
	if err != nil {
		return false, err
	}
	shown := !end && s.i.Has(streams[s.stream].body)
	if action == endStream {
		action = goOn
	}
	// "PAUSE to pause processing": until a callout has answered, or, if none is under way, while the body is collected.
	if action != goOn && !s.stopped() && (!shown || action != pause || s.pending()) {
		if err := s.wait(); err != nil {
			return false, err
		}
		action = goOn
	}
	if s.closed {
		return false, errClosed
	}
	if s.local != nil {
		return false, nil
	}
	if shown {
		if s.stream == 1 && (*at.Length < 0 || *at.Length > s.stage.MaxBody) && action == goOn {
			s.startBody(x, ended)
			return true, nil
		}
		if err := s.wholeBody(); err != nil || s.stopped() {
			return false, s.closeError(err)
		}
	}
	return false, s.closeError(s.trailers())
}

func (s *session) closeError(err error) error {
	if err == nil && s.closed {
		return errClosed
	}
	return err
}

func flag(b bool) uint64 {
	if b {
		return 1
	}
	return 0
}

// wholeBody shows the guest a body that is held in memory.
func (s *session) wholeBody() error {
	b, err := s.stage.Whole(s.stream)
	tooLarge := errors.Is(err, message.ErrTooLarge)
	if tooLarge {
		b, _, err = s.stage.Read(s.stream, int(s.stage.MaxBody))
		b = b[:min(len(b), int(s.stage.MaxBody))]
	}
	if err != nil {
		return err
	}
	s.show(b)
	defer s.hide()
	action, err := s.ask(streams[s.stream].body, uint64(s.id), uint64(len(b)), flag(!tooLarge && s.trailer() == nil))
	if err != nil {
		return err
	}
	if tooLarge {
		// Filters have this callback whether they use it or not: one that did not look is not in the way of a large body.
		if s.looked || action != goOn {
			return message.ErrTooLarge
		}
		s.stage.Overflow = false
		return nil
	}
	if action != goOn && !s.stopped() {
		if s.trailer() != nil {
			if err := s.trailers(); err != nil || s.stopped() {
				return err
			}
		} else if err := s.wait(); err != nil {
			return err
		}
	}
	if s.edited && !s.stopped() {
		return s.stage.SetBody(s.stream, s.body)
	}
	return nil
}

func (s *session) show(b []byte) {
	s.body, s.hasBody, s.looked, s.edited = b, true, false, false
}

func (s *session) hide() { s.body, s.hasBody = nil, false }

// trailer is the stream's trailer section, nil if there is none or none is known yet.
func (s *session) trailer() *exchange.Header {
	h := s.stage.X.Request.Trailer
	if s.stream == 1 {
		h = s.stage.X.Response.Trailer
	}
	if h == nil || h.Len() == 0 {
		return nil
	}
	return h
}

// trailers shows the guest the trailers that came.
func (s *session) trailers() error {
	t := s.trailer()
	if t == nil {
		return nil
	}
	action, err := s.ask(streams[s.stream].trailers, uint64(s.id), uint64(t.Len()))
	if err == nil && action != goOn && !s.stopped() {
		err = s.wait()
	}
	return err
}

// Commit satisfies adapter.Session.
func (s *session) Commit(result int32) (bool, error) {
	if !s.flowing {
		if s.stream == 1 && s.declared && !s.stage.Responded() {
			s.stage.Declare()
		}
		s.stage.Settle()
	}
	s.end()
	return result == 1, nil
}

// Rollback satisfies adapter.Session.
func (s *session) Rollback() {
	if !s.flowing {
		s.stage.Rollback()
	}
	s.end()
}

func (s *session) end() {
	s.in = false
	s.hide()
	s.wasi.End()
}

// Overflowed satisfies adapter.Session.
func (s *session) Overflowed() bool { return s.stage.Overflow }

// Finish satisfies adapter.Session: the guest is told that its stream is over.
func (s *session) Finish() {
	if s.id == 0 || s.failed || s.i == nil {
		return
	}
	s.effective = s.id
	if s.i.Has(onDone) {
		if _, err := s.i.Call(context.Background(), onDone, uint64(s.id)); err != nil {
			s.failed = true
			return
		}
	}
	if err := s.tell(onLog, uint64(s.id)); err != nil {
		s.failed = true
	}
}

// Close satisfies adapter.Session.
func (s *session) Close() {
	s.stage.Close()
	if s.id != 0 && !s.failed && s.i != nil {
		s.effective = s.id
		if s.tell(onDelete, uint64(s.id)) != nil { // the guest is dead, and its holder sees that
			s.failed = true
		}
	}
	for _, c := range s.calls {
		s.leave(c)
	}
	clear(s.calls)
	s.results = nil
	clear(s.custom)
	clear(s.handles)
	s.kept, s.made, s.handles, s.loop, s.period = 0, 0, s.handles[:0], nil, 0
	s.i, s.call, s.budget, s.local, s.reply, s.in, s.id = nil, nil, nil, nil, nil, false, 0
	s.hide()
}

// line takes what the guest writes to its standard output and error.
func (s *session) line(fd uint32, b []byte) {
	level := services.Info
	if fd == 2 {
		level = services.Error
	}
	s.log(level, b, uint8(fd))
}

func (s *session) log(level services.Level, b []byte, stream uint8) {
	if to := s.b.o.Services.Log; to != nil {
		to.Log(&services.Line{Caller: s.caller(), Level: level, Message: b, Stream: stream})
	}
}

// caller says who asks, for services.
func (s *session) caller() services.Caller {
	c := services.Caller{Owner: s.b.o.Owner, Function: s.b.o.Name, Version: s.b.o.Version}
	if x := s.stage.X; x != nil {
		c.Exchange, c.Hook = x.ID, [...]exchange.Hook{exchange.OnRequest, exchange.OnResponse}[s.stream]
	}
	return c
}

// local is a response that the guest sends itself.
type local struct {
	code   int
	fields []exchange.Field
	body   []byte
}

// respond makes the response of what the guest sent.
func (s *session) respond() error {
	l := s.local
	if err := s.stage.Respond(l.code, l.body); err != nil {
		return fmt.Errorf("a local response with status %d and %d bytes: %w", l.code, len(l.body), err)
	}
	for _, f := range l.fields {
		if f.Name == "" || f.Name[0] == ':' || message.Reserved(exchange.Lookup(f.Name)) {
			continue
		}
		if err := s.stage.PutField(message.Response, f.Name, f.Value, true); err != nil {
			return fmt.Errorf("field %q of a local response: %w", f.Name, err)
		}
	}
	return nil
}

// sendLocalResponse keeps the response until the callback returns.
func sendLocalResponse(s *session, a []uint64) status {
	body, valid := s.view(a, 3)
	pairs, valid2 := s.view(a, 5)
	if !valid || !valid2 {
		return invalidMemory
	}
	fields, parsed := parsePairs(pairs)
	code := int(int32(a[0]))
	switch {
	case s.stage.X == nil || !s.in || s.flowing:
		return badArgument
	case !parsed, code < 200, code > 599, int64(len(body)) > s.stage.MaxBody:
		return badArgument
	}
	if message.Bodiless(code) {
		body = nil
	}
	l := &local{code: code, body: slices.Clone(body)}
	for _, f := range fields {
		l.fields = append(l.fields, exchange.Field{Name: string([]byte(f.Name)), Value: string([]byte(f.Value))})
	}
	s.local = l
	return ok
}

func continueStream(s *session, a []uint64) status {
	if t := uint32(a[0]); t < 2 {
		return s.resume(int(t))
	} else if t < 4 {
		return unimplemented // TCP
	}
	return badArgument
}

// resume ends a pause.
func (s *session) resume(stream int) status {
	if s.stage.X == nil {
		return badArgument
	}
	s.continued[stream] = true
	return ok
}

func closeStream(s *session, a []uint64) status {
	switch t := uint32(a[0]); {
	case t >= 4:
		return badArgument
	case t >= 2:
		return unimplemented
	case s.stage.X == nil:
		return badArgument
	}
	s.closed = true
	return ok
}

// done ends a context whose proxy_on_done asked for time. The stream's state is over by then, so there is nothing to do.
func done(s *session, _ []uint64) status {
	if s.id == 0 || s.in {
		return notFound
	}
	return ok
}

// setEffectiveContext knows the two contexts of its instance that can be served now.
func setEffectiveContext(s *session, a []uint64) status {
	id := uint32(a[0])
	if id != rootID && (s.id == 0 || id != s.id) {
		return badArgument
	}
	s.effective = id
	return ok
}
