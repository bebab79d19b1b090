package native

import (
	"slices"

	"github.com/wedgecdn/wedge/hostapi/abi"
	"github.com/wedgecdn/wedge/hostapi/exchange"
	"github.com/wedgecdn/wedge/hostapi/message"
)

// touched remembers what a hook changed that decides about other fields.
type touched uint8

const (
	bodyChanged touched = 1 << iota
	etagSet
	lastModifiedSet
	acceptRangesSet
	contentRangeSet
	digestSet
)

// requestPart writes a part of the request.
//
//	request_part(part=3, value=8, capacity=6) of "/a/b"
//
//	                           value
//	memory  ? ? ? ? ? ? ? ?  / a / b ? ?  ? ...
//	                         8            14
//	result  4
func requestPart(s *Session, a []uint64) int64 {
	buf, r := s.room(a, 1), &s.x.Request
	switch abi.Part(a[0]) {
	case abi.PartMethod:
		return s.give(buf, r.Method)
	case abi.PartScheme:
		return s.give(buf, r.Scheme)
	case abi.PartHost:
		return s.give(buf, r.Host)
	case abi.PartPath:
		return s.give(buf, r.Path)
	case abi.PartQuery:
		if !r.HasQuery {
			return status(abi.StatusAbsent)
		}
		return s.give(buf, r.Query)
	case abi.PartURI:
		n := len(r.Path)
		if r.HasQuery {
			n += 1 + len(r.Query)
		}
		if n <= len(buf) {
			if m := copy(buf, r.Path); r.HasQuery {
				buf[m] = '?'
				copy(buf[m+1:], r.Query)
			}
		}
		return int64(n)
	case abi.PartProtocol:
		return s.give(buf, r.Proto.String())
	}
	return status(abi.StatusInvalid)
}

// requestPartSet reads the value and changes the part. Nothing is written.
func requestPartSet(s *Session, a []uint64) int64 {
	v, r := s.text(a, 1), &s.x.Request
	switch abi.Part(a[0]) {
	case abi.PartMethod:
		if !message.Token(v) || len(v) > 32 || v == "CONNECT" || v == "TRACE" {
			return status(abi.StatusInvalid)
		}
		return s.setText(&r.Method, v)
	case abi.PartHost:
		host, ok := message.Host(v, r.Scheme)
		if !ok {
			return status(abi.StatusInvalid)
		}
		return s.setText(&r.Host, host)
	case abi.PartPath:
		path, ok := message.Path(v)
		if !ok {
			return status(abi.StatusInvalid)
		}
		return s.setText(&r.Path, path)
	case abi.PartQuery:
		return s.setQuery(v, v != "")
	case abi.PartURI:
		return s.setURI(v)
	case abi.PartScheme, abi.PartProtocol:
		return status(abi.StatusNotAllowed)
	}
	return status(abi.StatusInvalid)
}

// setText copies v into the exchange and puts it where to says.
func (s *Session) setText(to *string, v string) int64 {
	v, ok := s.keep(v)
	if !ok {
		return status(abi.StatusLimit)
	}
	s.change()
	*to = v
	return 0
}

func (s *Session) setQuery(v string, has bool) int64 {
	q, ok := message.Query(v)
	if !ok {
		return status(abi.StatusInvalid)
	}
	if r := s.setText(&s.x.Request.Query, q); r != 0 {
		return r
	}
	s.x.Request.HasQuery = has
	return 0
}

func (s *Session) setURI(v string) int64 {
	p, q, has := message.CutQuery(v)
	path, ok := message.Path(p)
	query, ok2 := message.Query(q)
	if !ok || !ok2 {
		return status(abi.StatusInvalid)
	}
	if s.kept+len(path)+len(query) > maxKept {
		return status(abi.StatusLimit)
	}
	s.setText(&s.x.Request.Path, path)
	s.setText(&s.x.Request.Query, query)
	s.x.Request.HasQuery = has
	return 0
}

// responseStatus returns the status code; it touches no memory.
func responseStatus(s *Session, _ []uint64) int64 { return int64(s.x.Response.Status) }

// responseStatusSet changes the status code; it touches no memory.
func responseStatusSet(s *Session, a []uint64) int64 {
	code, r := int32(a[0]), &s.x.Response
	if code < 200 || code > 599 || bodiless(code) && r.Body != nil && r.ContentLength != 0 {
		return status(abi.StatusInvalid)
	}
	s.change()
	r.Status = int(code)
	return 0
}

func bodiless(code int32) bool { return code == 204 || code == 304 }

// respond copies the content out of guest memory.
//
//	respond(code=403, content=4, length=2)
//
//	        content
//	memory  ? ? ? ? n o ? ...
//	                4   6
func respond(s *Session, a []uint64) int64 {
	code, b := int32(a[0]), s.view(a, 1)
	if code < 200 || code > 599 || bodiless(code) && len(b) > 0 {
		return status(abi.StatusInvalid)
	}
	if int64(len(b)) > s.b.o.MaxBody {
		return status(abi.StatusTooLarge)
	}
	s.change()
	r := &s.x.Response
	if !s.responded {
		s.answer.status, s.answer.body, s.answer.length = r.Status, r.Body, r.ContentLength
		s.answer.header.CopyFrom(&r.Header)
		s.responded = true
	}
	r.Status = int(code)
	r.Header.Reset()
	s.contents[abi.MessageResponse].Replace(s.message(uint32(abi.MessageResponse)), slices.Clone(b))
	return 0
}

// takeBackAnswer undoes respond: the hook said that it goes on.
func (s *Session) takeBackAnswer() {
	r := &s.x.Response
	r.Status, r.Body, r.ContentLength = s.answer.status, s.answer.body, s.answer.length
	r.Header.CopyFrom(&s.answer.header)
	s.contents[abi.MessageResponse].Drop()
}

// failure writes the reason's word.
func failure(s *Session, a []uint64) int64 {
	buf := s.room(a, 0)
	if s.hook != exchange.OnError {
		return status(abi.StatusAbsent)
	}
	word := exchange.ReasonOf(s.x.Err, s.x.Reason).String()
	if word == "" {
		return status(abi.StatusAbsent)
	}
	return s.give(buf, word)
}
