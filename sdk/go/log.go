package wedge

import "github.com/wedgecdn/wedge/sdk/go/internal/raw"

// Level is the weight of a log line.
type Level uint32

// The levels.
const (
	LevelDebug = Level(raw.LevelDebug)
	LevelInfo  = Level(raw.LevelInfo)
	LevelWarn  = Level(raw.LevelWarn)
	LevelError = Level(raw.LevelError)
)

// Log writes a line to the function's log, with fields given as name, value, name, value. A line or a number of fields that is too much is cut; a
// log never fails the function.
func Log(level Level, line string, fields ...string) {
	var buf [2 * room]byte
	list := buf[:0]
	for i := 0; i < len(fields) && i < 2*32; i += 2 {
		v := ""
		if i+1 < len(fields) {
			v = fields[i+1]
		}
		list = appendPair(list, fields[i], v)
	}
	raw.Log(raw.Level(level), line, list)
}

// Count adds to a counter that comes out on the node's /metrics under the function's name: [a-z][a-z0-9_]*, at most 64 characters, and delta not
// less than 0.
func Count(name string, delta int64) error {
	return failed(raw.MetricAdd(name, delta), "count", name)
}

// Observe adds an observation to a histogram of that name.
func Observe(name string, value float64) error {
	return failed(raw.MetricObserve(name, value), "observe", name)
}

// Span is a span in the exchange's trace. Where the node does not trace, nothing happens.
type Span struct{ handle int32 }

// StartSpan begins a span, as a child of the one that is open. It ends with End, at the latest with the hook.
func StartSpan(name string) Span { return Span{raw.SpanBegin(name)} }

// Set gives the span an attribute.
func (s Span) Set(name, value string) {
	if s.handle > 0 {
		raw.SpanSet(s.handle, name, value)
	}
}

// End ends the span.
func (s Span) End() {
	if s.handle > 0 {
		raw.SpanEnd(s.handle)
	}
}
