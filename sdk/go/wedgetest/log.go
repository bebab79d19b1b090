//go:build !wasip1

package wedgetest

import (
	"encoding/binary"
	"math"
	"strings"

	wedge "github.com/wedgecdn/wedge/sdk/go"
	"github.com/wedgecdn/wedge/sdk/go/internal/raw"
)

const (
	maxLine      = 16 << 10
	maxLogFields = 32
	maxMetrics   = 64
	maxMetric    = 64
	maxSpans     = 64
	maxAttribute = 1 << 10
)

func (h *host) Log(level raw.Level, line string, pairs []byte) int32 {
	if level > raw.LevelError {
		return int32(raw.StatusInvalid)
	}
	l := Line{Level: wedge.Level(level), Message: strings.Clone(line[:min(len(line), maxLine)])}
	for b := pairs; len(b) > 0; {
		if len(b) < 8 || len(l.Fields) == maxLogFields {
			return int32(raw.StatusInvalid)
		}
		n, v := uint64(binary.LittleEndian.Uint32(b)), uint64(binary.LittleEndian.Uint32(b[4:]))
		if b = b[8:]; n+v > uint64(len(b)) {
			return int32(raw.StatusInvalid)
		}
		l.Fields = append(l.Fields, Field{string(b[:n]), string(b[n : n+v])})
		b = b[n+v:]
	}
	h.node.Logs = append(h.node.Logs, l)
	return 0
}

func (h *host) metric(name string) raw.Status {
	if name == "" || len(name) > maxMetric || name[0] < 'a' || name[0] > 'z' || strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789_") != "" {
		return raw.StatusInvalid
	}
	_, counted := h.node.Counts[name]
	_, observed := h.node.Observed[name]
	if !counted && !observed && len(h.node.Counts)+len(h.node.Observed) >= maxMetrics {
		return raw.StatusLimit
	}
	return raw.StatusOK
}

func (h *host) MetricAdd(name string, delta int64) int32 {
	return h.do("metric_add", func(*Exchange) raw.Status {
		if delta < 0 {
			return raw.StatusInvalid
		}
		if st := h.metric(name); st != raw.StatusOK {
			return st
		}
		h.node.Counts[strings.Clone(name)] += delta
		return raw.StatusOK
	})
}

func (h *host) MetricObserve(name string, value float64) int32 {
	return h.do("metric_observe", func(*Exchange) raw.Status {
		if math.IsNaN(value) || math.IsInf(value, 0) {
			return raw.StatusInvalid
		}
		if st := h.metric(name); st != raw.StatusOK {
			return st
		}
		h.node.Observed[strings.Clone(name)] = append(h.node.Observed[name], value)
		return raw.StatusOK
	})
}

// Span is a span that has ended.
type Span struct {
	Name       string
	Number     int // within its hook, from 1
	Parent     int // number of the span around it, 0 if there is none
	Attributes []Field
}

type openSpan struct {
	Span
	over bool
}

func (h *host) SpanBegin(name string) int32 {
	return h.do("span_begin", func(x *Exchange) raw.Status {
		if name == "" || len(name) > maxAttribute {
			return raw.StatusInvalid
		}
		if len(x.spans) == maxSpans {
			return raw.StatusLimit
		}
		n := len(x.spans) + 1
		x.spans = append(x.spans, &openSpan{Span: Span{Name: strings.Clone(name), Number: n, Parent: x.open}})
		x.open = n
		return raw.Status(n)
	})
}

func (h *host) span(function string, handle int32, body func(s *openSpan) raw.Status) int32 {
	return h.do(function, func(x *Exchange) raw.Status {
		if handle < 1 || int(handle) > len(x.spans) || x.spans[handle-1].over {
			return raw.StatusBadHandle
		}
		return body(x.spans[handle-1])
	})
}

func (h *host) SpanSet(handle int32, name, value string) int32 {
	return h.span("span_set", handle, func(s *openSpan) raw.Status {
		switch {
		case name == "" || len(name) > maxAttribute || len(value) > maxAttribute:
			return raw.StatusInvalid
		case len(s.Attributes) == 16:
			return raw.StatusLimit
		}
		s.Attributes = append(s.Attributes, Field{strings.Clone(name), strings.Clone(value)})
		return raw.StatusOK
	})
}

func (h *host) SpanEnd(handle int32) int32 {
	return h.span("span_end", handle, func(s *openSpan) raw.Status {
		h.finish(s)
		return raw.StatusOK
	})
}

func (h *host) finish(s *openSpan) {
	x := h.x
	s.over = true
	h.node.Spans = append(h.node.Spans, s.Span)
	for x.open > 0 && x.spans[x.open-1].over {
		x.open = x.spans[x.open-1].Parent
	}
}

// endSpans ends what a hook left open, the innermost first.
func (h *host) endSpans() {
	for i := len(h.x.spans) - 1; i >= 0; i-- {
		if s := h.x.spans[i]; !s.over {
			h.finish(s)
		}
	}
}
