package fastly

import (
	"context"
	"errors"
	"strings"

	"github.com/wedgecdn/wedge/hostapi/adapter"
	"github.com/wedgecdn/wedge/hostapi/exchange"
	"github.com/wedgecdn/wedge/hostapi/services"
	"github.com/wedgecdn/wedge/runtime/limit"
	"github.com/wedgecdn/wedge/runtime/wasi"
)

// Session is one run of a program for one exchange. Its host functions are called by the goroutine that runs the guest.
//
// States: before Run, and behind it, it answers nothing (in is false). From Run on the guest runs on a goroutine of its
// own; until it has sent a response, the exchange's goroutine waits in Run, and the guest's may use
// the exchange. From then on the exchange is its owner's alone: the session goes on with what it copied, and shares with
// the sending only pipes and the client's content, which have locks. Closing the response's body waits for the guest to
// end, so nothing of a run outlives its exchange.
type Session struct {
	b    *Binding
	call call
	in   bool
	wasi wasi.State

	instance   adapter.Instance
	budget     *limit.Budget
	hook       exchange.Hook
	x          *exchange.Exchange // until the response is sent; nil from then on
	ctx        context.Context    // of what the run has under way; ends with it
	stop       context.CancelFunc
	requests   context.Context // of what was sent to backends: a response may be the client's after the run
	stopSends  context.CancelFunc
	caller     services.Caller
	client     exchange.Client
	loop       []string // CDN-Loop of the client's request
	asked      exchange.Header
	upload     *upload
	reqs       reqs
	handles    handles
	held       *gauge
	backends   map[string]*backend // dynamic ones
	sends      int
	operations int // on stores, not waited for

	answered chan struct{} // closed when answer is set
	answer   answer
	over     chan struct{} // closed when the guest has ended, and err is set
	err      error
}

// answer is the response that the guest sent.
type answer struct {
	sent   bool
	head   *response
	body   *body
	length int64
}

// reqs are the handles of the client's request; 0 until the guest asks for them.
type reqs struct{ request, body uint32 }

// ErrSilent is why a run failed whose program ended well, but without a response.
var ErrSilent = errors.New("the program ended and has sent no response")

// NewSession makes a session outside of any exchange.
func NewSession(b *Binding) *Session {
	s := new(Session)
	s.reset(b)
	return s
}

func (s *Session) reset(b *Binding) {
	*s = Session{b: b, wasi: b.wasi}
	s.wasi.Line = s.line
}

// WASI makes a Session the environment of its guest's WASI functions.
func (s *Session) WASI() *wasi.State { return &s.wasi }

// Attach satisfies adapter.Session.
func (s *Session) Attach(x *exchange.Exchange, i adapter.Instance, b *limit.Budget) {
	s.x, s.instance, s.budget = x, i, b
}

// Begin satisfies adapter.Session.
func (s *Session) Begin(h exchange.Hook) { s.hook = h }

// Run runs the program, and returns as soon as there is a response, which is then the exchange's and streams; or, if the
// program ended without one, with an error.
func (s *Session) Run(ended adapter.Ended) (result int32, streaming bool, err error) {
	x := s.x
	s.begin(x)
	go func() {
		s.end(s.program())
		close(s.over)
	}()
	select {
	case <-s.answered:
	case <-s.over:
	}
	if !s.answer.sent { // it is written before either is closed
		s.leave()
		return 0, false, s.err
	}
	s.take(x, ended)
	return 1, true, nil
}

// program calls the guest. A program that is done may say so by exit code 0.
func (s *Session) program() error {
	_, err := s.instance.Call(context.Background(), start)
	if e, exited := errors.AsType[*wasi.Exit](err); exited && e.Code == 0 {
		err = nil
	}
	if err == nil && !s.answer.sent {
		err = ErrSilent
	}
	return err
}

// Commit satisfies adapter.Session.
func (s *Session) Commit(int32) (answered bool, err error) { return true, nil }

// Rollback satisfies adapter.Session: what a program did is done, and it has not touched the exchange.
func (s *Session) Rollback() {}

// Overflowed satisfies adapter.Session: a program that holds too much is told so.
func (s *Session) Overflowed() bool { return false }

// Finish satisfies adapter.Session: a program has ended by itself.
func (s *Session) Finish() {}

// Close satisfies adapter.Session.
func (s *Session) Close() { s.reset(s.b) }

func (s *Session) begin(x *exchange.Exchange) {
	s.in = true
	s.held = &gauge{most: s.b.o.MaxBody}
	s.ctx, s.stop = context.WithCancel(context.Background())
	s.requests, s.stopSends = context.WithCancel(context.Background())
	s.caller = services.Caller{Owner: s.b.o.Owner, Function: s.b.o.Name, Version: s.b.o.Version, Exchange: x.ID, Hook: s.hook}
	s.client = x.Client
	for v := range x.Request.Header.Values(exchange.CDNLoop) {
		s.loop = append(s.loop, strings.Clone(v))
	}
	s.answered, s.over = make(chan struct{}), make(chan struct{})
	r := &request{method: strings.Clone(x.Request.Method), version: versionOf(x.Request.Proto)}
	r.uri = x.Request.Scheme + "://" + x.Request.Host + x.Request.URI()
	r.header.Add("host", strings.Clone(x.Request.Host))
	for f := range x.Request.Header.All() {
		if f.Known() != exchange.Host {
			r.header.Add(strings.Clone(f.Name), strings.Clone(f.Value))
		}
	}
	s.asked.CopyFrom(&r.header)
	b := newBody(s.held)
	if x.Request.Body != nil {
		if x.Request.ContentLength > 0 && !r.header.Has(exchange.ContentLength) {
			r.header.Add("content-length", itoa(x.Request.ContentLength))
		}
		s.upload = &upload{r: x.Request.Body}
		b.add(chunk{src: newSource(s.upload, true), length: x.Request.ContentLength, trailer: x.Request.Trailer})
	}
	s.reqs.request, _ = s.handles.add(r)
	s.reqs.body, _ = s.handles.add(b)
	s.wasi.Begin(x.Now)
}

// end closes what the guest left open, and is the last that its goroutine does.
func (s *Session) end(err error) {
	s.in, s.err = false, err
	s.call = call{}
	s.stop()
	s.handles.closeAll(errUnfinished) // with the requests that are under way
	s.wasi.End()
}

// leave ends what the run has of the exchange, and its requests.
func (s *Session) leave() {
	s.stopSends()
	if s.upload != nil {
		s.upload.end()
	}
}

// errUnfinished is why a body ends before its end whose writer has gone.
var errUnfinished = &exchange.Error{Source: exchange.SourceFunction, Op: "write body", Reason: exchange.ReasonFunctionTrap, Err: errors.New("the program ended before it had closed the body")}

// take makes what the guest sent the response of x.
func (s *Session) take(x *exchange.Exchange, ended adapter.Ended) {
	a, r := &s.answer, &x.Response
	r.Status = a.head.status
	r.Header.CopyFrom(&a.head.header)
	r.ContentLength = a.length
	r.Trailer = a.body.trailerTo()
	r.Body = &content{s: s, b: a.body, ended: ended}
}

// line takes what the guest writes to its standard output and error.
func (s *Session) line(fd uint32, b []byte) {
	level := services.Info
	if fd == 2 {
		level = services.Warn
	}
	s.log(level, b, nil, uint8(fd))
}

func (s *Session) log(level services.Level, message []byte, fields []exchange.Field, stream uint8) {
	if log := s.b.o.Services.Log; log != nil {
		log.Log(&services.Line{Caller: s.caller, Level: level, Message: message, Fields: fields, Stream: stream})
	}
}

// versionOf is a protocol version in the numbers of $http_version.
func versionOf(p exchange.Proto) uint32 {
	switch p {
	case exchange.HTTP10:
		return 1
	case exchange.HTTP2:
		return 3
	case exchange.HTTP3:
		return 4
	}
	return 2
}
