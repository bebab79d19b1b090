package native

import (
	"io"

	"github.com/wedgecdn/wedge/hostapi/abi"
	"github.com/wedgecdn/wedge/hostapi/adapter"
	"github.com/wedgecdn/wedge/hostapi/exchange"
	"github.com/wedgecdn/wedge/hostapi/message"
)

// Stream is a hook that runs beside the sending of the body it makes. The
// guest has a goroutine of its own, but never runs at the same time as the
// exchange's: each waits while the other has the turn.
//
// States: the exchange waits in Run; head out, the guest waits in begin; the
// reader of the body waits in turn while the guest runs, the guest waits in
// yield while the reader has a chunk; over, and the guest's goroutine is gone.
// Only channels pass the turn, so whatever one side wrote the other sees.
type Stream struct {
	s *Session
	// out carries what the guest's side has to tell, in the way of a turn: a chunk,
	// or that the hook is over (over is set before).
	out chan []byte
	// in gives the turn back to the guest; false tells it to end.
	in chan bool

	src  *lazyDecoder // what came, decoded
	base exchange.Body
	// srcErr is how what came ended, if not well: a new body made from it must
	// not look complete.
	srcErr error

	over    bool
	result  int32
	err     error
	pending []byte // of a chunk, in guest memory; valid until the guest's next turn
	ended   func(result int32, err error) error
	final   error // what Read says after the end
	closed  bool
}

// Run calls the guest's hook in such a way that it may call body_stream_begin.
// If it did not, its result comes back as from call itself. If it did, began is
// true: the head is settled, the response's body is what the guest makes from
// now on, and ended is called when the hook is over, by whoever reads or closes
// that body; what ended returns is the error of the body.
func (s *Session) Run(call func() (int32, error), ended func(result int32, err error) error) (result int32, began bool, err error) {
	st := &Stream{s: s, out: make(chan []byte), in: make(chan bool), ended: ended}
	s.stream = st
	go func() {
		st.result, st.err = call()
		st.over = true
		st.out <- nil
	}()
	<-st.out
	if st.over {
		s.stream = nil
		return st.result, false, st.err
	}
	return 0, true, nil
}

// yield gives the turn to the other side, with a chunk, and waits for it to
// come back. That time is the peer's, not the guest's.
func (st *Stream) yield(chunk []byte) {
	call := st.s.call
	call.Pause()
	st.out <- chunk
	again := <-st.in
	call.Resume()
	if !again {
		call.Trap(adapter.ErrStopped)
	}
}

// bodyStreamBegin touches no memory.
func bodyStreamBegin(s *Session, _ []uint64) int64 {
	st := s.stream
	r := &s.x.Response
	if s.frozen {
		return status(abi.StatusFrozen)
	}
	if st == nil {
		return status(abi.StatusUnavailable)
	}
	if r.Body == nil {
		return status(abi.StatusAbsent)
	}
	if stat := s.mayReplace(uint32(abi.MessageResponse), 1); stat != abi.StatusOK {
		return status(stat)
	}
	name, ok := message.Coding(&r.Header)
	if !ok {
		return status(abi.StatusUnavailable)
	}
	s.change()
	s.dropCoding(uint32(abi.MessageResponse))
	s.touched |= bodyChanged
	s.settle()
	for m := range s.contents {
		s.contents[m].Forget() // what was read ahead is in the body itself
	}
	st.base = r.Body
	st.src = &lazyDecoder{coding: name, r: st.base}
	r.Body, r.ContentLength = st, -1
	s.frozen = true
	st.yield(nil)
	return 0
}

// lazyDecoder makes its decoder at the first read, which may wait for bytes.
type lazyDecoder struct {
	coding string
	r      io.Reader
	d      io.Reader
	done   func()
	err    error
}

func (l *lazyDecoder) Read(p []byte) (int, error) {
	if l.d == nil && l.err == nil {
		if l.d, l.done, l.err = message.Decoder(l.coding, l.r); l.err != nil {
			l.d = nil
		}
	}
	if l.d == nil {
		return 0, l.err
	}
	return l.d.Read(p)
}

func (l *lazyDecoder) close() {
	if l.done != nil {
		l.done()
	}
}

// bodyStreamRead writes the next bytes.
//
//	body_stream_read(content=4, capacity=4) of "hello"
//
//	        content
//	memory  ? ? ? ? h e l l ? ...
//	                4       8
//	result  4, the next time 1, then 0
func bodyStreamRead(s *Session, a []uint64) int64 {
	buf, st := s.room(a, 0), s.stream
	if !s.frozen || len(buf) == 0 {
		return status(abi.StatusInvalid)
	}
	s.call.ChargeMoved(len(buf))
	// Whoever sends what came is the peer of the body as well.
	s.call.Pause()
	defer s.call.Resume()
	for range 100 {
		n, err := st.src.Read(buf)
		if err != nil && err != io.EOF {
			st.srcErr = err
		}
		switch {
		case n > 0:
			return int64(n)
		case err == io.EOF:
			return 0
		case err != nil:
			return status(abi.StatusIO)
		}
	}
	st.srcErr = io.ErrNoProgress
	return status(abi.StatusIO)
}

// bodyStreamWrite hands the content on from guest memory; it is not copied.
func bodyStreamWrite(s *Session, a []uint64) int64 {
	b := s.view(a, 0)
	if !s.frozen {
		return status(abi.StatusInvalid)
	}
	if len(b) > 0 {
		s.stream.yield(b)
	}
	return 0
}

// next gives the guest its turn until there is a chunk; io.EOF, or how the
// stream failed, when there is none.
func (st *Stream) next() error {
	for len(st.pending) == 0 {
		if st.over {
			return st.final
		}
		st.in <- true
		st.pending = <-st.out
		if st.over {
			st.end()
		}
	}
	return nil
}

// end is called once the guest's goroutine has nothing more to say.
func (st *Stream) end() {
	st.src.close()
	err := st.ended(st.result, st.err)
	switch {
	case err != nil:
		st.final = err
	case st.srcErr != nil:
		st.final = st.srcErr
	default:
		st.final = io.EOF
	}
}

// Read reads what the guest makes.
func (st *Stream) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	if err := st.next(); err != nil {
		return 0, err
	}
	n := copy(p, st.pending)
	st.pending = st.pending[n:]
	return n, nil
}

// WriteTo writes what the guest makes, straight from its memory.
func (st *Stream) WriteTo(w io.Writer) (n int64, err error) {
	for {
		switch err := st.next(); err {
		case nil:
		case io.EOF:
			return n, nil
		default:
			return n, err
		}
		m, err := w.Write(st.pending)
		st.pending = st.pending[m:]
		if n += int64(m); err != nil {
			return n, err
		}
	}
}

// Close ends the guest if it still runs, and closes what came.
func (st *Stream) Close() error {
	if st.closed {
		return nil
	}
	st.closed = true
	if !st.over {
		st.pending = nil
		st.in <- false
		<-st.out // the trap cannot be caught by a guest: this is the end
		st.end()
	}
	return st.base.Close()
}
