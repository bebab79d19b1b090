package httpwasm

import (
	"strings"
	"unsafe"

	"github.com/wedgecdn/wedge/hostapi/exchange"
	"github.com/wedgecdn/wedge/hostapi/message"
)

// Kinds of fields (header_kind).
const (
	ofRequest = iota
	ofResponse
	ofRequestTrailers
	ofResponseTrailers
)

// fields are the fields of a kind, nil if there are none.
func (s *session) fields(kind uint64) *exchange.Header {
	x := s.stage.X
	switch uint32(kind) {
	case ofRequest:
		return &x.Request.Header
	case ofResponse:
		if s.after {
			return &x.Response.Header
		}
		return &s.pending.header
	case ofRequestTrailers:
		if s.features&trailers == 0 || x.Request.Trailer == nil {
			return nil
		}
		s.stage.Whole(message.Request) // they are complete behind the body; of one that is too large they stay unknown
		return x.Request.Trailer
	case ofResponseTrailers:
		switch {
		case s.features&trailers == 0:
			return nil
		case s.after && x.Response.Trailer != nil:
			s.stage.Whole(message.Response)
			return x.Response.Trailer
		case s.after:
			return nil
		}
		return &s.pending.trailer
	}
	s.trap("there is no kind of fields %d", int32(uint32(kind)))
	return nil
}

// getHeaderNames writes the names, in lower case, each with a NUL behind it.
//
//	get_header_names(kind=request, buf=16, buf_limit=128) of "A: 1", "B: 2", "A: 3"
//
//	memory  ? … ? a 0 b 0 ? …
//	            16
//	result  2<<32 | 4
func getHeaderNames(s *session, a []uint64) uint64 {
	h := s.fields(a[0])
	if h == nil {
		return 0
	}
	var out []byte
	count := uint64(0)
	for i := range h.Len() {
		f := h.At(i)
		if first(h, i) {
			out = append(append(out, strings.ToLower(f.Name)...), 0)
			count++
		}
	}
	return count<<32 | s.give(a, 1, alias(out))
}

// first tells whether field line i is the first of its name.
func first(h *exchange.Header, i int) bool {
	for j := range i {
		if strings.EqualFold(h.At(j).Name, h.At(i).Name) {
			return false
		}
	}
	return true
}

// getHeaderValues writes the values of a field's lines, each with a NUL behind it.
//
//	get_header_values(kind=request, name=1, name_len=1, buf=16, buf_limit=128) of "A: 1", "B: 2", "A: 3"
//
//	memory  ? A ? … ? 1 0 3 0 ? …
//	          1       16
//	result  2<<32 | 4
func getHeaderValues(s *session, a []uint64) uint64 {
	h, name := s.fields(a[0]), s.name(a)
	if h == nil {
		return 0
	}
	var out []byte
	count := uint64(0)
	for v := range h.AllNamed(name) {
		out = append(append(out, v...), 0)
		count++
	}
	return count<<32 | s.give(a, 3, alias(out))
}

// name is the name of a field, in guest memory.
func (s *session) name(a []uint64) string {
	n := s.view(a, 1)
	if len(n) == 0 {
		s.trap("a field's name cannot be empty")
	}
	return alias(n)
}

func setHeaderValue(s *session, a []uint64) uint64 { return s.putField(a, false) }
func addHeaderValue(s *session, a []uint64) uint64 { return s.putField(a, true) }

func (s *session) putField(a []uint64, add bool) uint64 {
	s.mayChange(a[0])
	name, value := s.name(a), strings.Trim(alias(s.view(a, 3)), " \t")
	switch kind := uint32(a[0]); {
	case kind == ofRequest:
		s.must(s.count(s.stage.PutField(message.Request, name, value, add)))
	case kind == ofResponse && s.after:
		s.must(s.count(s.stage.PutField(message.Response, name, value, add)))
	default:
		h := s.own(kind)
		s.must(s.count(message.CheckField(h, name, value)))
		name, err := s.stage.Keep(name)
		s.must(err)
		value, err := s.stage.Keep(value)
		s.must(err)
		if add {
			h.Add(name, value)
		} else {
			h.Set(name, value)
		}
		s.setLength(kind)
	}
	return 0
}

// setLength has a message with trailers sent in a form that has room for them.
func (s *session) setLength(kind uint32) {
	x := s.stage.X
	switch {
	case kind == ofRequestTrailers && x.Request.Body != nil:
		x.Request.ContentLength = -1
	case kind == ofResponseTrailers && s.after && x.Response.Body != nil:
		x.Response.ContentLength = -1
	}
}

// own is a set of fields that the guest may change: a trailer section is copied first, as it belongs to whoever reads the
// message.
func (s *session) own(kind uint32) *exchange.Header {
	x := s.stage.X
	of := &x.Request.Trailer
	switch {
	case kind == ofResponse:
		return &s.pending.header
	case kind == ofResponseTrailers && !s.after:
		return &s.pending.trailer
	case kind == ofResponseTrailers:
		of = &x.Response.Trailer
	}
	s.wholeBody(kind)
	s.stage.Change()
	t := new(exchange.Header)
	if *of != nil {
		t.CopyFrom(*of)
	}
	*of = t
	return t
}

// wholeBody reads the body before trailers that come behind it: they are not known earlier.
func (s *session) wholeBody(kind uint32) {
	m := message.Request
	if kind == ofResponseTrailers {
		m = message.Response
	}
	_, err := s.stage.Whole(m)
	s.must(err)
}

func removeHeader(s *session, a []uint64) uint64 {
	s.mayChange(a[0])
	name := s.name(a)
	switch kind := uint32(a[0]); {
	case kind == ofRequest:
		s.must(s.count(s.stage.RemoveField(message.Request, name)))
	case kind == ofResponse && s.after:
		s.must(s.count(s.stage.RemoveField(message.Response, name)))
	default:
		s.own(kind).Delete(name)
	}
	return 0
}

// mayChange ends a guest that may not change fields of the kind now.
func (s *session) mayChange(kind uint64) {
	switch uint32(kind) {
	case ofRequest, ofRequestTrailers:
		s.beforeNext("change the request")
	case ofResponse, ofResponseTrailers:
		s.beforeNextOr(bufferResponse, "change the response")
	default:
		s.trap("there is no kind of fields %d", int32(uint32(kind)))
	}
	if uint32(kind) >= ofRequestTrailers && s.features&trailers == 0 {
		s.trap("enable feature trailers before setting one")
	}
}

// count counts what is not permitted.
func (s *session) count(err error) error {
	if err == errNotAllowed {
		s.b.denied.Add(1)
	}
	return err
}

func alias(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }
