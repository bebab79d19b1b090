package wedge

import "github.com/wedgecdn/wedge/sdk/go/internal/raw"

// Duration is a time span in nanoseconds, as a time.Duration is: wedge.Duration(d) and time.Duration(d) convert between the two. It is a type
// of its own because package time adds a seventh to the size of a small function.
type Duration int64

// Common spans.
const (
	Millisecond Duration = 1_000_000
	Second               = 1000 * Millisecond
	Minute               = 60 * Second
	Hour                 = 60 * Minute
	Day                  = 24 * Hour
)

// milliseconds is how the node counts, rounded up, so that a short span does not become none.
func (d Duration) milliseconds() int64 {
	ms := int64(d / Millisecond)
	if d%Millisecond > 0 {
		ms++
	}
	return ms
}

// Time is a point in time, in nanoseconds since 1970 in UTC: time.Unix(0, int64(t)) converts it.
type Time int64

// Unix is the number of whole seconds since 1970.
func (t Time) Unix() int64 {
	s := int64(t) / int64(Second)
	if int64(t)%int64(Second) < 0 {
		s--
	}
	return s
}

// Add is the point that lies d later.
func (t Time) Add(d Duration) Time { return t + Time(d) }

// Now is when the exchange began. It stands still within an exchange, so that all decisions see one time.
func Now() Time { return Time(raw.Now()) }
