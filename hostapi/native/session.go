package native

import (
	"encoding/binary"
	"errors"
	"strings"

	"github.com/wedgecdn/wedge/hostapi/abi"
	"github.com/wedgecdn/wedge/hostapi/exchange"
	"github.com/wedgecdn/wedge/hostapi/message"
	"github.com/wedgecdn/wedge/hostapi/services"
	"github.com/wedgecdn/wedge/runtime/hostcall"
	"github.com/wedgecdn/wedge/runtime/wasi"
)

// Session is one function in one exchange, or, between Reset and the first
// Begin, a function outside of any. It belongs to the goroutine that runs the
// guest. It may be used for many exchanges, one after another.
//
// A hook goes Begin, then the guest's calls, then Commit or Rollback. A hook
// that streams goes Begin, Freeze (which commits the head), then Commit or
// Rollback of what is left, which is the stream.
type Session struct {
	b    *Binding
	x    *exchange.Exchange
	call *hostcall.Call // of the host function that runs now

	in        bool // between Begin and the end of the hook
	hook      exchange.Hook
	staged    bool // before holds the exchange as it was
	responded bool
	frozen    bool
	overflow  bool // a body was larger than max_body in this hook
	touched   touched
	before    exchange.Checkpoint
	// kept counts the bytes that this session put into the exchange's arena, which
	// is not emptied before the exchange ends.
	kept int

	contents [2]message.Content
	answer   aside // the response before respond replaced it

	stores  []store
	held    held // of store_get
	fetches []*fetch
	spans   []span
	open    int // number of the innermost open span, 0 if none
	fields  []exchange.Field

	stream *Stream
	wasi   wasi.State
	seed   uint64
	seeded bool
}

// aside is what respond puts aside.
type aside struct {
	status int
	header exchange.Header
	body   exchange.Body
	length int64
}

// ErrAnswer is why a hook failed whose result does not fit what it did.
var ErrAnswer = errors.New("the hook returned 1, but it made no response: call respond before, or return 0")

// maxKept bounds what one function puts into the arena of one exchange.
const maxKept = 1 << 20

// NewSession makes a session of a function outside of any exchange.
func NewSession(b *Binding) *Session {
	s := &Session{b: b, wasi: b.wasi}
	s.wasi.Line = s.line
	return s
}

// WASI makes a Session the environment of its guest's WASI functions.
func (s *Session) WASI() *wasi.State { return &s.wasi }

// Attach ties the session to an exchange, or, with nil, to none.
func (s *Session) Attach(x *exchange.Exchange) {
	s.x = x
	if x != nil {
		s.wasi.Begin(x.Now)
	}
}

// Begin opens a hook. Preconditions: Attach with an exchange.
func (s *Session) Begin(hook exchange.Hook) {
	s.in, s.hook = true, hook
	s.staged, s.responded, s.frozen, s.overflow, s.touched = false, false, false, false, 0
}

// Commit ends a hook that returned result and tells whether it answered. An
// error means that the hook failed; then everything is as after Rollback.
func (s *Session) Commit(result int32) (answered bool, err error) {
	if s.frozen {
		// The head is out: what is left to end is the stream, and its owner does that.
		s.endHook()
		return false, resultError(result)
	}
	switch {
	case result == 1 && s.responded:
		answered = true
	case result == 1:
		s.Rollback()
		return false, ErrAnswer
	case result != 0:
		s.Rollback()
		return false, resultError(result)
	case s.responded:
		s.takeBackAnswer()
	}
	s.settle()
	s.endHook()
	return answered, nil
}

func resultError(result int32) error {
	if result == 0 {
		return nil
	}
	return &ResultError{result}
}

// ResultError is a hook's result that has no meaning.
type ResultError struct{ Result int32 }

// Error names the result.
func (e *ResultError) Error() string {
	return "the hook returned " + itoa(int64(e.Result)) + ", which is neither 0 (go on) nor 1 (answered)"
}

// Rollback ends a hook that failed: the exchange is as it was at Begin, except
// that what was read of a body is now held in memory and still sent on.
func (s *Session) Rollback() {
	if s.staged && !s.frozen {
		for m := range s.contents {
			s.contents[m].Drop()
		}
		s.x.Restore(&s.before)
		for m := range s.contents {
			s.contents[m].Restore(s.message(uint32(m)))
		}
	}
	s.endHook()
}

// settle makes what the hook staged final.
func (s *Session) settle() {
	if s.touched&bodyChanged != 0 {
		s.afterBodyChange()
	}
	for m := range s.contents {
		s.contents[m].Settle()
	}
}

func (s *Session) endHook() {
	s.endSpans()
	for m := range s.contents {
		s.contents[m].Forget()
	}
	s.answer.header.Reset()
	s.answer.body = nil
	s.in, s.responded, s.staged = false, false, false
	s.wasi.End()
}

// Close ends the session's part in its exchange: handles are closed, nothing
// of the exchange is kept.
func (s *Session) Close() {
	for _, f := range s.fetches {
		f.close()
	}
	clear(s.fetches)
	s.fetches = s.fetches[:0]
	clear(s.stores)
	s.stores = s.stores[:0]
	s.held = held{}
	s.before.Reset()
	clear(s.fields)
	s.fields = s.fields[:0]
	s.x, s.call, s.stream = nil, nil, nil
	s.kept, s.seeded, s.in = 0, false, false
}

// Overflowed tells whether the last hook met a body larger than max_body: if it
// failed then, that is why.
func (s *Session) Overflowed() bool { return s.overflow }

// change is called before the first change of a hook, and before every other
// one: it remembers the exchange as it was.
func (s *Session) change() {
	if s.staged {
		return
	}
	s.x.Save(&s.before)
	s.staged = true
}

// keep copies text of the guest's into the exchange; false if the function
// has kept too much there.
func (s *Session) keep(t string) (string, bool) {
	if s.kept+len(t) > maxKept {
		return "", false
	}
	s.kept += len(t)
	return s.x.Join(t), true
}

// caller says who asks, for services.
func (s *Session) caller() services.Caller {
	c := services.Caller{Owner: s.b.o.Owner, Function: s.b.o.Name, Version: s.b.o.Version}
	if s.x != nil {
		c.Exchange, c.Hook = s.x.ID, s.hook
	}
	return c
}

// random64 is the exchange's number for the guest's generators. Outside of an
// exchange it is another one each time: an instance that was put back to its
// state after initialisation asks there (wedge_restored).
func (s *Session) random64() uint64 {
	if s.seeded {
		return s.seed
	}
	var b [8]byte
	s.b.random(b[:])
	s.seed, s.seeded = binary.LittleEndian.Uint64(b[:]), s.x != nil
	return s.seed
}

// line takes what the guest writes to its standard output and error.
func (s *Session) line(fd uint32, b []byte) {
	if log := s.b.o.Services.Log; log != nil {
		level := services.Info
		if fd == 2 {
			level = services.Warn
		}
		log.Log(&services.Line{Caller: s.caller(), Level: level, Message: b, Stream: uint8(fd)})
	}
}

func (s *Session) message(m uint32) message.Slot {
	if m == uint32(abi.MessageRequest) {
		return message.Of(&s.x.Request)
	}
	return message.OfResponse(&s.x.Response)
}

func cloneAll(list []string) []string {
	out := make([]string, len(list))
	for i := range list {
		out[i] = strings.Clone(list[i])
	}
	return out
}
