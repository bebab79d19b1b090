package proxywasm

import (
	"math"
	"strings"
)

// Kinds of metrics (proxy_metric_type_t).
const (
	counter = iota
	gauge
	histogram
)

// mostMetrics bounds the metrics of a function, longestMetric their names.
const (
	mostMetrics   = 64
	longestMetric = 64
)

type metric struct {
	scope
	kind     uint32
	exported string // its name on /metrics
	value    uint64
}

// exportedName is a name as /metrics can have it: [a-z][a-z0-9_]*.
func exportedName(name string) string {
	b := []byte(strings.ToLower(name))
	for i, c := range b {
		if !('a' <= c && c <= 'z' || '0' <= c && c <= '9') {
			b[i] = '_'
		}
	}
	if len(b) == 0 || b[0] < 'a' || b[0] > 'z' {
		b = append([]byte("m_"), b...)
	}
	return string(b[:min(len(b), longestMetric)])
}

// defineMetric returns the id of a metric; the same name is the same metric in each instance.
func defineMetric(s *session, a []uint64) status {
	kind := uint32(a[0])
	name, valid := s.text(a, 1)
	if !valid || !within(s.call.Memory(), uint32(a[3])) {
		return invalidMemory
	}
	if kind > histogram || name == "" || len(name) > 4*longestMetric {
		return badArgument
	}
	h := s.b.shared
	at := scope{s.b.o.Owner, s.b.o.Name, strings.Clone(name)}
	h.mu.Lock()
	m, id, n := h.metrics[at], uint32(0), 0
	for i, other := range h.metric {
		if other.owner == at.owner && other.of == at.of {
			if n++; other == m {
				id = uint32(i + 1)
			}
		}
	}
	if m == nil && n < mostMetrics {
		m = &metric{scope: at, kind: kind, exported: exportedName(name)}
		h.metrics[at] = m
		h.metric = append(h.metric, m)
		id = uint32(len(h.metric))
	}
	h.mu.Unlock()
	switch {
	case m == nil:
		return internalFailure
	case m.kind != kind:
		return badArgument
	}
	return s.put(a, 3, id)
}

// metricOf is a metric of the guest's function. Preconditions: mu is held.
func (s *session) metricOf(id uint64) *metric {
	h := s.b.shared
	if i := uint32(id); i >= 1 && int64(i) <= int64(len(h.metric)) {
		if m := h.metric[i-1]; m.owner == s.b.o.Owner && m.of == s.b.o.Name {
			return m
		}
	}
	return nil
}

// recordMetric sets a gauge, or a counter to a greater value; a histogram gets one more observation.
func recordMetric(s *session, a []uint64) status {
	v := a[1]
	h := s.b.shared
	h.mu.Lock()
	m := s.metricOf(a[0])
	grown := uint64(0)
	if m != nil {
		if m.kind == counter {
			if v < m.value {
				h.mu.Unlock()
				return badArgument
			}
			grown = v - m.value
		}
		m.value = v
		s.exportGauge(m)
	}
	h.mu.Unlock()
	if m == nil {
		return notFound
	}
	s.export(m, grown, v)
	return ok
}

// exportGauge brings a gauge out on /metrics. Its values must arrive there in the order in which they were set, so it is done
// under the lock. A value is 64 bits; a filter that takes one from less counts below zero.
//
// Preconditions: mu is held.
func (s *session) exportGauge(m *metric) {
	if to := s.b.o.Services.Metrics; to != nil && m.kind == gauge {
		to.Set(s.b.o.Owner, s.b.o.Name, m.exported, float64(int64(m.value)))
	}
}

// export brings a change of a counter or histogram out on /metrics.
func (s *session) export(m *metric, grown, observed uint64) {
	to := s.b.o.Services.Metrics
	if to == nil {
		return
	}
	switch m.kind {
	case counter:
		to.Add(s.b.o.Owner, s.b.o.Name, m.exported, int64(min(grown, math.MaxInt64)))
	case histogram:
		to.Observe(s.b.o.Owner, s.b.o.Name, m.exported, float64(observed))
	}
}

// incrementMetric follows "`BAD_ARGUMENT` when the requested `delta` cannot be applied … (e.g. trying to decrement counter)".
func incrementMetric(s *session, a []uint64) status {
	delta := int64(a[1])
	h := s.b.shared
	h.mu.Lock()
	m := s.metricOf(a[0])
	wrong := m != nil && (m.kind == histogram || m.kind == counter && delta < 0)
	if m != nil && !wrong {
		m.value += uint64(delta)
		s.exportGauge(m)
	}
	h.mu.Unlock()
	switch {
	case m == nil:
		return notFound
	case wrong:
		return badArgument
	}
	s.export(m, uint64(delta), 0)
	return ok
}

func getMetric(s *session, a []uint64) status {
	h := s.b.shared
	h.mu.Lock()
	m := s.metricOf(a[0])
	v := uint64(0)
	if m != nil {
		v = m.value
	}
	h.mu.Unlock()
	if m == nil {
		return notFound
	}
	if !s.call.Memory().WriteUint64(uint32(a[1]), v) {
		return invalidMemory
	}
	return ok
}
