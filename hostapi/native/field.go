package native

import (
	"github.com/wedgecdn/wedge/hostapi/abi"
	"github.com/wedgecdn/wedge/hostapi/exchange"
	"github.com/wedgecdn/wedge/hostapi/message"
)

// hides tells whether the field is hidden at this hook: what is fetched may be
// stored and shared, so it must not depend on who asked.
func (s *Session) hides(m uint32, k exchange.Known) bool {
	if m != uint32(abi.MessageRequest) || !(s.hook == exchange.OnFetch || s.hook == exchange.OnFetched || s.hook == exchange.OnError) {
		return false
	}
	return k == exchange.Authorization && !s.b.o.Reads.Authorization || k == exchange.Cookie && !s.b.o.Reads.Cookie
}

// field writes the value of a field line.
//
//	field(message=0, name=0, name_len=1, index=0, value=4, capacity=3) of "A: xy"
//
//	        name    value
//	memory  a ? ? ? x y ? ? ...
//	        0       4     7
//	result  2
func field(s *Session, a []uint64) int64 {
	m, name, index, buf := uint32(a[0]), s.text(a, 1), int32(a[3]), s.room(a, 4)
	k := exchange.Lookup(name)
	if index < 0 || s.hides(m, k) {
		return status(abi.StatusAbsent)
	}
	h := s.message(m).Header
	switch {
	case index > 0:
	case k != exchange.Other && h.Has(k): // Fast path
		return s.give(buf, h.Value(k))
	case k != exchange.Other:
		return status(abi.StatusAbsent)
	default:
		if v, ok := h.Named(name); ok {
			return s.give(buf, v)
		}
		return status(abi.StatusAbsent)
	}
	for v := range h.AllNamed(name) {
		if index == 0 {
			return s.give(buf, v)
		}
		index--
	}
	return status(abi.StatusAbsent)
}

// fieldCount reads the name; nothing is written.
func fieldCount(s *Session, a []uint64) int64 {
	m, name := uint32(a[0]), s.text(a, 1)
	if s.hides(m, exchange.Lookup(name)) {
		return 0
	}
	n := int64(0)
	for range s.message(m).Header.AllNamed(name) {
		n++
	}
	return n
}

// fields writes all field lines.
//
//	fields(message=0, pairs=0, capacity=11) of "A: xy"
//
//	        len(A)   len(xy)  A xy
//	memory  1 0 0 0  2 0 0 0  A x y ? ...
//	        0        4        8     11
//	result  11
func fields(s *Session, a []uint64) int64 {
	m, buf := uint32(a[0]), s.room(a, 1)
	if m == uint32(abi.MessageResponse) {
		return s.givePairs(buf, &s.x.Response.Header, nil)
	}
	return s.givePairs(buf, &s.x.Request.Header, func(k exchange.Known) bool { return s.hides(m, k) })
}

// checkField is why a field line may not be set, or ok.
func checkField(k exchange.Known, name, value string) abi.Status {
	if !message.Token(name) || !message.FieldValue(value) {
		return abi.StatusInvalid
	}
	if message.Reserved(k) {
		return abi.StatusNotAllowed
	}
	return abi.StatusOK
}

// fieldSet reads name and value; nothing is written.
func fieldSet(s *Session, a []uint64) int64 { return s.putField(a, false) }

// fieldAdd reads name and value; nothing is written.
func fieldAdd(s *Session, a []uint64) int64 { return s.putField(a, true) }

func (s *Session) putField(a []uint64, add bool) int64 {
	m, name, value := uint32(a[0]), s.text(a, 1), s.text(a, 3)
	k := exchange.Lookup(name)
	if st := checkField(k, name, value); st != abi.StatusOK {
		return s.refused(st)
	}
	h := s.message(m).Header
	if h.Len() >= message.MaxFields || h.Size()+len(name)+len(value)+4 > message.MaxHead {
		return status(abi.StatusLimit)
	}
	value, ok := s.keep(value)
	if ok && k == exchange.Other {
		name, ok = s.keep(name)
	}
	if !ok {
		return status(abi.StatusLimit)
	}
	s.change()
	switch {
	case k == exchange.Other && add:
		h.Add(name, value)
	case k == exchange.Other:
		h.Set(name, value)
	case add:
		h.AddKnown(k, value)
	default:
		h.SetKnown(k, value)
	}
	s.touch(m, k, name)
	return 0
}

// refused counts what permissions forbid.
func (s *Session) refused(st abi.Status) int64 {
	if st == abi.StatusNotAllowed {
		s.b.denied.Add(1)
	}
	return status(st)
}

// fieldRemove reads the name; nothing is written.
func fieldRemove(s *Session, a []uint64) int64 {
	m, name := uint32(a[0]), s.text(a, 1)
	k := exchange.Lookup(name)
	if !message.Token(name) {
		return status(abi.StatusInvalid)
	}
	if message.Reserved(k) {
		return s.refused(abi.StatusNotAllowed)
	}
	h := s.message(m).Header
	if _, ok := h.Named(name); !ok {
		if s.hides(m, k) {
			return 0
		}
		return status(abi.StatusAbsent)
	}
	s.change()
	h.Delete(name)
	s.touch(m, k, name)
	return 0
}

// touch remembers that the hook decided about a field that a changed body
// would otherwise take away.
func (s *Session) touch(m uint32, k exchange.Known, name string) {
	if m != uint32(abi.MessageResponse) {
		return
	}
	switch {
	case k == exchange.ETag:
		s.touched |= etagSet
	case k == exchange.LastModified:
		s.touched |= lastModifiedSet
	case k == exchange.AcceptRanges:
		s.touched |= acceptRangesSet
	case k == exchange.ContentRange:
		s.touched |= contentRangeSet
	case message.Digest(name):
		s.touched |= digestSet
	}
}
