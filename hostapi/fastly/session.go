package fastly

import (
	"context"
	"errors"
	"time"

	"github.com/wedgecdn/wedge/hostapi/adapter"
	"github.com/wedgecdn/wedge/hostapi/exchange"
	"github.com/wedgecdn/wedge/hostapi/services"
	"github.com/wedgecdn/wedge/runtime/limit"
	"github.com/wedgecdn/wedge/runtime/wasi"
)

// Session is one run of a program, for one exchange, or, under a lease, for one after another. Its host functions are called
// by the goroutine that runs the guest.
//
// States: before Run, and when the program has ended, it answers nothing (in is false). From the first Run on the guest runs
// on a goroutine of its own; until it has sent a response, the exchange's goroutine waits in Run, and the guest's may use
// the exchange. From then on the exchange is its owner's alone: the session goes on with what it copied, and shares with
// the sending only pipes and the client's content, which have locks. Closing the response's body waits until the guest is
// done with the exchange, so nothing that it does for one outlives it. A program that has asked for the next exchange is
// between two of them, or serves the next: see promise.
//
// coming and begun belong to the goroutine of the exchange that has the session, door is for both, everything else is the
// guest's.
type Session struct {
	b      *Binding
	call   call
	in     bool
	wasi   wasi.State
	coming *turn
	begun  bool // the guest's goroutine is there

	*turn              // that is served, or a turn between two
	door     *door     // made with the guest's goroutine
	resting  bool      // the program is between two exchanges
	rested   time.Time // when it has rested for long enough
	handles  handles
	backends map[string]*backend // dynamic ones
}

// NewSession makes a session outside of any exchange.
func NewSession(b *Binding) *Session {
	s := new(Session)
	s.reset(b)
	return s
}

func (s *Session) reset(b *Binding) {
	*s = Session{b: b, wasi: b.wasi, turn: b.outside}
	s.wasi.Line = s.line
}

// WASI makes a Session the environment of its guest's WASI functions.
func (s *Session) WASI() *wasi.State { return &s.wasi }

// Attach satisfies adapter.Session.
func (s *Session) Attach(x *exchange.Exchange, i adapter.Instance, b *limit.Budget) {
	s.coming = newTurn(s.b)
	s.coming.x, s.coming.instance, s.coming.budget = x, i, b
}

// Begin satisfies adapter.Session.
func (s *Session) Begin(h exchange.Hook) { s.coming.hook = h }

// Run runs the program, or hands the exchange to one that waits for it, and returns as soon as there is a response, which is
// then the exchange's and streams; or, if the program ended without one, with an error.
func (s *Session) Run(ended adapter.Ended) (result int32, streaming bool, err error) {
	t, x := s.coming, s.coming.x
	s.coming = nil
	t.begin()
	if s.begun {
		if !s.door.deliver(t) {
			t.leave()
			return 0, false, adapter.ErrUntaken
		}
	} else {
		s.begun, s.door = true, newDoor(t.instance)
		go s.serve(t)
	}
	select {
	case <-t.answered:
	case <-t.over:
	}
	if !t.answer.sent { // it is written before either is closed
		t.leave()
		return 0, false, t.err
	}
	t.take(x, ended)
	return 1, true, nil
}

// serve is the guest's goroutine.
func (s *Session) serve(t *turn) {
	s.in = true
	s.accept(t)
	err := s.program(t.instance)
	s.in = false
	s.call = call{}
	s.door.leave()
	s.handles.closeAll(errUnfinished) // with the requests that are under way
	s.wasi.End()
	if s.resting {
		s.door.lease.Gone(err)
		return
	}
	s.finish(err) // the session is another's from here on
}

// program calls the guest. A program that is done may say so by exit code 0.
func (s *Session) program(i adapter.Instance) error {
	_, err := i.Call(context.Background(), start)
	if e, exited := errors.AsType[*wasi.Exit](err); exited && e.Code == 0 {
		err = nil
	}
	if err == nil && !s.answer.sent {
		err = ErrSilent
	}
	return err
}

// accept takes up an exchange.
func (s *Session) accept(t *turn) {
	s.turn = t
	s.reqs.request, _ = s.handles.add(t.request)
	s.reqs.body, _ = s.handles.add(t.content)
	s.wasi.Begin(t.x.Now)
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

// Dismiss satisfies adapter.Server.
func (s *Session) Dismiss() { s.door.shut() }

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
