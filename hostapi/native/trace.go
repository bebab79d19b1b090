package native

import (
	"strings"
	"time"

	"github.com/wedgecdn/wedge/hostapi/abi"
	"github.com/wedgecdn/wedge/hostapi/exchange"
	"github.com/wedgecdn/wedge/hostapi/services"
)

const (
	maxSpans      = 64 // in one hook
	maxAttributes = 16
	maxAttribute  = 1 << 10 // bytes of a name or a value
)

// span is a span of this hook: its handle is its place in the session's list,
// plus 1.
type span struct {
	services.Span
	over bool
}

// spanOf is an open span.
func (s *Session) spanOf(handle uint64) *span {
	if i := int64(int32(handle)); i >= 1 && i <= int64(len(s.spans)) && !s.spans[i-1].over {
		return &s.spans[i-1]
	}
	return nil
}

// spanBegin reads the name; nothing is written.
func spanBegin(s *Session, a []uint64) int64 {
	name := s.text(a, 0)
	if s.b.o.Services.Tracer == nil {
		return status(abi.StatusUnavailable)
	}
	if name == "" || len(name) > maxAttribute {
		return status(abi.StatusInvalid)
	}
	if len(s.spans) == maxSpans {
		return status(abi.StatusLimit)
	}
	n := len(s.spans) + 1
	s.spans = append(s.spans, span{Span: services.Span{Caller: s.caller(), Name: strings.Clone(name), Number: n, Parent: s.open, Begin: time.Now()}})
	s.open = n
	return int64(n)
}

// spanSet reads name and value; nothing is written.
func spanSet(s *Session, a []uint64) int64 {
	sp, name, value := s.spanOf(a[0]), s.text(a, 1), s.text(a, 3)
	switch {
	case sp == nil:
		return status(abi.StatusBadHandle)
	case name == "" || len(name) > maxAttribute || len(value) > maxAttribute:
		return status(abi.StatusInvalid)
	case len(sp.Attributes) == maxAttributes:
		return status(abi.StatusLimit)
	}
	sp.Attributes = append(sp.Attributes, exchange.Field{Name: strings.Clone(name), Value: strings.Clone(value)})
	return 0
}

// spanEnd touches no memory.
func spanEnd(s *Session, a []uint64) int64 {
	sp := s.spanOf(a[0])
	if sp == nil {
		return status(abi.StatusBadHandle)
	}
	s.finish(sp)
	return 0
}

// finish hands a span over. The open span is then the innermost that is left.
func (s *Session) finish(sp *span) {
	sp.over, sp.Duration = true, time.Since(sp.Begin)
	s.b.o.Services.Tracer.Span(&sp.Span)
	for s.open > 0 && s.spans[s.open-1].over {
		s.open = s.spans[s.open-1].Parent
	}
}

// endSpans ends the spans that a hook left open, the innermost first.
func (s *Session) endSpans() {
	for i := len(s.spans) - 1; i >= 0; i-- {
		if !s.spans[i].over {
			s.finish(&s.spans[i])
		}
	}
	clear(s.spans)
	s.spans, s.open = s.spans[:0], 0
}
