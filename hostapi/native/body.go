package native

import (
	"slices"
	"strings"

	"github.com/wedgecdn/wedge/hostapi/abi"
	"github.com/wedgecdn/wedge/hostapi/exchange"
	"github.com/wedgecdn/wedge/hostapi/message"
)

// bodyOf writes the whole body.
//
//	body(message=0, content=4, capacity=8) of "hello"
//
//	        content
//	memory  ? ? ? ? h e l l o ? ? ? ...
//	                4         9     12
//	result  5
func bodyOf(s *Session, a []uint64) int64 {
	m, buf := uint32(a[0]), s.room(a, 1)
	c, at, limit := &s.contents[m], s.message(m), int(s.b.o.MaxBody)
	// A length that is known to be too large is not worth reading. It is that of the coded body, which a decoded one seldom falls below.
	if !c.Replaced && *at.Body != nil && *at.Length > int64(limit) {
		return s.tooLarge(abi.StatusTooLarge)
	}
	if err := c.Want(at, limit+1, limit, m == uint32(abi.MessageResponse)); err != nil {
		return s.tooLarge(bodyStatus(err))
	}
	if b := c.Seen(); len(b) <= limit {
		return s.giveBytes(buf, b)
	}
	return s.tooLarge(abi.StatusTooLarge)
}

// bodyStatus is what a guest learns of a body that cannot be read ahead.
func bodyStatus(err error) abi.Status {
	switch err {
	case nil:
		return abi.StatusOK
	case message.ErrTooLarge:
		return abi.StatusTooLarge
	case message.ErrCoding:
		return abi.StatusUnavailable
	}
	return abi.StatusIO
}

// tooLarge remembers that a body was, if that is the status.
func (s *Session) tooLarge(st abi.Status) int64 {
	s.overflow = s.overflow || st == abi.StatusTooLarge
	return status(st)
}

// bodyPeek writes the first bytes.
//
//	body_peek(message=0, content=4, capacity=2) of "hello"
//
//	        content
//	memory  ? ? ? ? h e ? ? ...
//	                4   6
//	result  2
func bodyPeek(s *Session, a []uint64) int64 {
	m, buf := uint32(a[0]), s.room(a, 1)
	c, limit := &s.contents[m], int(s.b.o.MaxBody)
	n := min(len(buf), limit)
	st := bodyStatus(c.Want(s.message(m), n, limit, m == uint32(abi.MessageResponse)))
	b := c.Seen()
	if st != abi.StatusOK && len(b) < n && (len(b) == 0 || st != abi.StatusIO) {
		return status(st)
	}
	return s.giveBytes(buf, b[:min(len(b), n)])
}

// bodySet copies the content out of guest memory.
func bodySet(s *Session, a []uint64) int64 {
	m, b := uint32(a[0]), s.view(a, 1)
	if st := s.mayReplace(m, int64(len(b))); st != abi.StatusOK {
		return status(st)
	}
	s.change()
	s.dropCoding(m)
	s.contents[m].Replace(s.message(m), slices.Clone(b))
	return 0
}

// bodyAppend copies the content out of guest memory.
func bodyAppend(s *Session, a []uint64) int64 {
	m, b := uint32(a[0]), s.view(a, 1)
	c := &s.contents[m]
	if !c.Replaced {
		return status(abi.StatusInvalid)
	}
	if st := s.mayReplace(m, int64(len(c.Own)+len(b))); st != abi.StatusOK {
		return status(st)
	}
	c.Replace(s.message(m), append(c.Own, b...))
	return 0
}

// mayReplace is why the hook may not put n bytes into the body's place, or ok.
func (s *Session) mayReplace(m uint32, n int64) abi.Status {
	if n > s.b.o.MaxBody {
		return abi.StatusTooLarge
	}
	if m != uint32(abi.MessageResponse) {
		return abi.StatusOK
	}
	// A 304 brings no body: the one that is stored stays.
	if s.hook == exchange.OnFetched && s.x.Cache.ForwardStatus == 304 {
		return abi.StatusNotAllowed
	}
	if bodiless(int32(s.x.Response.Status)) && n > 0 {
		return abi.StatusInvalid
	}
	return abi.StatusOK
}

// dropCoding removes, when a body is replaced, what spoke of its bytes. It
// does so at once, so that the guest may set its own afterwards.
func (s *Session) dropCoding(m uint32) {
	if s.contents[m].Replaced {
		return
	}
	h := s.message(m).Header
	h.DeleteKnown(exchange.ContentEncoding)
	h.DeleteKnown(exchange.ContentLength)
	if m == uint32(abi.MessageRequest) {
		h.DeleteFunc(func(f *exchange.Field) bool { return message.Digest(f.Name) })
		return
	}
	s.touched |= bodyChanged
}

// afterBodyChange settles, when the hook is over, the fields of a response
// whose body it changed, unless it set them itself: its digests are wrong, what
// is kept is another entity for each version of the function, and what one
// client gets has no validators and no ranges.
func (s *Session) afterBodyChange() {
	r := &s.x.Response
	h := &r.Header
	if s.touched&digestSet == 0 {
		h.DeleteFunc(func(f *exchange.Field) bool { return message.Digest(f.Name) })
	}
	if s.hook == exchange.OnFetched {
		if tag := h.Value(exchange.ETag); tag != "" && s.touched&etagSet == 0 {
			h.SetKnown(exchange.ETag, s.markedTag(tag))
		}
		return
	}
	if s.touched&etagSet == 0 {
		h.DeleteKnown(exchange.ETag)
	}
	if s.touched&lastModifiedSet == 0 {
		h.DeleteKnown(exchange.LastModified)
	}
	if s.touched&acceptRangesSet == 0 {
		h.DeleteKnown(exchange.AcceptRanges)
	}
	if s.touched&contentRangeSet == 0 && h.DeleteKnown(exchange.ContentRange) && r.Status == 206 {
		r.Status = 200
	}
}

// markedTag is an entity tag with the function's version in it.
func (s *Session) markedTag(tag string) string {
	v := s.b.o.Version
	v = v[:min(len(v), 8)]
	if rest, ok := strings.CutSuffix(tag, `"`); ok && rest != "" {
		return s.x.Join(rest, "-", v, `"`)
	}
	return s.x.Join(`W/"`, v, `"`) // what came was no entity tag
}
