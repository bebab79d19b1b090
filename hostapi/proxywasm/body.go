package proxywasm

import (
	"errors"
	"io"
	"slices"

	"github.com/wedgecdn/wedge/hostapi/adapter"
	"github.com/wedgecdn/wedge/hostapi/exchange"
	"github.com/wedgecdn/wedge/hostapi/message"
)

// chunk is how much of a body is shown at once while it is sent.
const chunk = 16 << 10

// flowing is a response's body that the guest sees, chunk by chunk, while it is sent: whoever reads it runs the guest.
// The guest may change each chunk, or hold chunks back by pausing.
//
// A filter that removed Content-Length said so in time: the body is decoded and has no known length. One that did not, and
// yet changes the length of a body whose length is known, ends it early.
type flowing struct {
	s     *session
	src   exchange.Body
	from  io.Reader // src, decoded if the filter will change it
	done  func()
	ended adapter.Ended

	out    []byte // to be sent, from the guest
	held   []byte // shown, and held back
	room   []byte
	over   bool
	result error // how it ended
	closed bool
}

// startBody puts a flowing body into the place of the response's.
func (s *session) startBody(x *exchange.Exchange, ended adapter.Ended) {
	r := &x.Response
	s.stage.Change()
	f := &flowing{s: s, src: r.Body, from: r.Body, ended: ended}
	if s.declared {
		if name, known := message.Coding(&r.Header); known && name != "" {
			r.Header.DeleteKnown(exchange.ContentEncoding)
			f.from = &lazy{f: f, coding: name}
		}
		s.stage.Declare()
		r.ContentLength = -1
	}
	r.Body = f
}

// lazy makes its decoder at the first read, which may wait for bytes.
type lazy struct {
	f      *flowing
	coding string
	d      io.Reader
	err    error
}

func (l *lazy) Read(p []byte) (int, error) {
	if l.d == nil && l.err == nil {
		if l.d, l.f.done, l.err = message.Decoder(l.coding, l.f.src); l.err != nil {
			l.d = nil
		}
	}
	if l.d == nil {
		return 0, l.err
	}
	return l.d.Read(p)
}

var errLength = errors.New("the filter changed the length of a body whose length was on its way: remove Content-Length in proxy_on_response_headers")

// next shows the guest chunks until it lets some go.
func (f *flowing) next() error {
	for len(f.out) == 0 {
		if f.over {
			return f.result
		}
		if f.room == nil {
			f.room = make([]byte, chunk)
		}
		n, err := f.from.Read(f.room)
		if n == 0 && err == nil {
			continue
		}
		if err != nil && err != io.EOF {
			f.finish(nil)
			f.result = err
			return err
		}
		if err := f.showChunk(f.room[:n], err == io.EOF); err != nil {
			f.finish(err)
		}
	}
	return nil
}

func (f *flowing) showChunk(b []byte, last bool) error {
	s := f.s
	f.held = append(f.held, b...)
	before := len(f.held)
	s.show(f.held)
	defer s.hide()
	s.in = true
	end := last && s.trailer() == nil
	action, err := s.ask(streams[1].body, uint64(s.id), uint64(len(f.held)), flag(end))
	if err == nil && action != goOn && end && !s.closed {
		err = s.wait()
	}
	if err == nil && last && !end {
		err = s.trailers()
		action = goOn
	}
	f.held = s.body
	switch {
	case err != nil:
		return err
	case s.closed:
		return errClosed
	case s.edited && !s.declared && s.stage.X.Response.ContentLength >= 0 && len(f.held) != before:
		return errLength
	case action >= dropChunk && !last:
		f.held = nil
		return nil
	case action != goOn && !last:
		if int64(len(f.held)) > s.stage.MaxBody {
			s.stage.Overflow = true
			return message.ErrTooLarge
		}
		return nil
	}
	f.out, f.held = f.held, nil
	if last {
		f.finish(nil)
	}
	return nil
}

// finish ends the hook, once.
func (f *flowing) finish(err error) {
	if f.over {
		return
	}
	f.over = true
	if f.done != nil {
		f.done()
	}
	if err != nil {
		f.s.failed = true
		f.out = nil
	}
	if f.result = f.ended(0, err); f.result == nil {
		f.result = io.EOF
	}
}

// Read reads what the guest lets go.
func (f *flowing) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	if err := f.next(); err != nil {
		return 0, err
	}
	n := copy(p, f.out)
	f.out = f.out[n:]
	return n, nil
}

// WriteTo writes what the guest lets go.
func (f *flowing) WriteTo(w io.Writer) (n int64, err error) {
	for {
		switch err := f.next(); err {
		case nil:
		case io.EOF:
			return n, nil
		default:
			return n, err
		}
		m, err := w.Write(f.out)
		f.out = f.out[m:]
		if n += int64(m); err != nil {
			return n, err
		}
	}
}

// Close ends the hook if the body was not read to its end, and closes what came.
func (f *flowing) Close() error {
	if f.closed {
		return nil
	}
	f.closed = true
	f.finish(nil)
	return f.src.Close()
}

// buffer is what a buffer type stands for in this callback.
func (s *session) buffer(kind uint32) ([]byte, status) {
	switch {
	case kind > lastBuffer:
		return nil, badArgument
	case kind == bufferVM:
		return []byte(s.b.vm), ok
	case kind == bufferPlugin:
		return []byte(s.b.config), ok
	case kind == bufferCallResponse && s.reply != nil:
		return s.reply.body, ok
	case (kind == bufferRequest || kind == bufferResponse) && int(kind) == s.stream && s.hasBody:
		s.looked = true
		return s.body, ok
	}
	return nil, notFound
}

func getBufferBytes(s *session, a []uint64) status {
	b, st := s.buffer(uint32(a[0]))
	if st != ok {
		return st
	}
	start, most := uint64(uint32(a[1])), uint64(uint32(a[2]))
	if start > uint64(len(b)) {
		return badArgument
	}
	return s.give(a, 3, alias(b[start:min(start+most, uint64(len(b)))]))
}

func getBufferStatus(s *session, a []uint64) status {
	b, st := s.buffer(uint32(a[0]))
	if st != ok {
		return st
	}
	if st := s.put(a, 1, uint32(len(b))); st != ok {
		return st
	}
	return s.put(a, 2, 0)
}

// setBufferBytes replaces a part of a body.
//
// "prepend (`start=0`, `size=0`), append (`start` larger or equal than the existing buffer size, …), inject and replace"
// https://github.com/proxy-wasm/spec/tree/main/abi-versions/v0.2.1#proxy_set_buffer_bytes
func setBufferBytes(s *session, a []uint64) status {
	kind := uint32(a[0])
	v, valid := s.view(a, 3)
	if !valid {
		return invalidMemory
	}
	b, st := s.buffer(kind)
	switch {
	case st != ok:
		return st
	case kind != bufferRequest && kind != bufferResponse:
		return badArgument
	}
	start := min(uint64(uint32(a[1])), uint64(len(b)))
	size := min(uint64(uint32(a[2])), uint64(len(b))-start)
	if int64(len(b))-int64(size)+int64(len(v)) > max(s.stage.MaxBody, int64(len(b))) {
		s.stage.Overflow = true
		return badArgument
	}
	s.body = slices.Concat(b[:start], v, b[start+size:])
	s.edited = true
	return ok
}
