package native

import (
	"math"
	"time"

	"github.com/wedgecdn/wedge/hostapi/abi"
	"github.com/wedgecdn/wedge/hostapi/exchange"
	"github.com/wedgecdn/wedge/hostapi/services"
)

const (
	maxLine      = 16 << 10 // bytes of a log line; longer ones are cut
	maxLogFields = 32
	// maxLogPairs bounds the fields of a line together, in bytes; those that go
	// beyond it are dropped. A guest has megabytes of memory, and whoever takes
	// the line copies all of it.
	maxLogPairs = maxLine
	maxMetric   = 64 // bytes of a metric's name
)

// log reads line and fields; nothing is written.
func log(s *Session, a []uint64) int64 {
	level, line, list := uint32(a[0]), s.view(a, 1), s.view(a, 3)
	if level > uint32(abi.LevelError) {
		return status(abi.StatusInvalid)
	}
	var ok bool
	if s.fields, ok = pairs(list, maxLogFields, s.fields[:0]); !ok {
		return status(abi.StatusInvalid)
	}
	if to := s.b.o.Services.Log; to != nil {
		to.Log(&services.Line{Caller: s.caller(), Level: services.Level(level), Message: line[:min(len(line), maxLine)], Fields: within(s.fields, maxLogPairs)})
	}
	clear(s.fields)
	return 0
}

// within is the fields that come before the limit, in bytes.
func within(fields []exchange.Field, limit int) []exchange.Field {
	for i := range fields {
		if limit -= len(fields[i].Name) + len(fields[i].Value); limit < 0 {
			return fields[:i]
		}
	}
	return fields
}

// metricName is why a name cannot be used, or ok.
func (s *Session) metricName(name string) abi.Status {
	if s.b.o.Services.Metrics == nil {
		return abi.StatusUnavailable
	}
	if name == "" || len(name) > maxMetric || name[0] < 'a' || name[0] > 'z' {
		return abi.StatusInvalid
	}
	for i := range len(name) {
		if c := name[i]; !('a' <= c && c <= 'z' || '0' <= c && c <= '9' || c == '_') {
			return abi.StatusInvalid
		}
	}
	return s.b.metrics.admit(name)
}

// metricAdd reads the name; nothing is written.
func metricAdd(s *Session, a []uint64) int64 {
	name, delta := s.text(a, 0), int64(a[2])
	if delta < 0 {
		return status(abi.StatusInvalid)
	}
	if st := s.metricName(name); st != abi.StatusOK {
		return status(st)
	}
	s.b.o.Services.Metrics.Add(s.b.o.Owner, s.b.o.Name, name, delta)
	return 0
}

// metricObserve reads the name; nothing is written.
func metricObserve(s *Session, a []uint64) int64 {
	name, v := s.text(a, 0), math.Float64frombits(a[2])
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return status(abi.StatusInvalid)
	}
	if st := s.metricName(name); st != abi.StatusOK {
		return status(st)
	}
	s.b.o.Services.Metrics.Observe(s.b.o.Owner, s.b.o.Name, name, v)
	return 0
}

// time is the exchange's, or, outside of one, the clock's.
func (s *Session) time() time.Time {
	if s.x != nil {
		return s.x.Now
	}
	if s.b.o.Fixed {
		return fixedTime
	}
	if w := s.b.o.World; w != nil {
		return time.Unix(0, w.Look(time.Now().UnixNano()))
	}
	return time.Now()
}
