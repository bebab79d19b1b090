package services

import (
	"net/netip"
	"time"

	"github.com/wedgecdn/wedge/hostapi/exchange"
)

// Log takes the lines that functions write. It never blocks: what is too much
// is dropped and counted.
type Log interface {
	// Line is valid until Log returns.
	Log(l *Line)
}

// Level is the weight of a log line.
type Level uint8

// The levels.
const (
	Debug Level = iota
	Info
	Warn
	Error
)

// String is the level's word.
func (l Level) String() string { return [...]string{"debug", "info", "warn", "error"}[l] }

// Line is one log line of a function.
type Line struct {
	Caller  Caller
	Level   Level
	Message []byte
	Fields  []exchange.Field
	// Stream is 1 or 2 for what the guest wrote to its standard output or error,
	// 0 for the log function of its ABI.
	Stream uint8
}

// Metrics takes the numbers that functions count. The caller has bounded the
// number of names a function; names are [a-z][a-z0-9_]*.
type Metrics interface {
	Add(owner Owner, function, name string, delta int64)
	Observe(owner Owner, function, name string, value float64)
	// Set gives a gauge its value, which falls as well as it rises.
	Set(owner Owner, function, name string, value float64)
}

// Places tells where an address is.
type Places interface {
	Place(netip.Addr) (Place, bool)
}

// Place is what a database tells of an address; empty fields are not known.
type Place struct {
	Country, Region, City string
	ASN                   uint32
	// Detail is all that is known, as the JSON object that Fastly Compute's geolocation answers with; "" is that there is
	// no more than the other fields.
	Detail string
}

// Devices tells which class of device a client is: "mobile", "tablet",
// "desktop", "bot", or "" if it does not know.
type Devices interface {
	Device(userAgent string) string
}

// DeviceDetails are Devices that know more.
type DeviceDetails interface {
	Devices
	// DeviceDetail is all that is known, as the JSON object that Fastly Compute's device detection answers with.
	DeviceDetail(userAgent string) (text string, known bool)
}

// Tracer takes the spans of functions when they have ended.
type Tracer interface {
	// Span is valid until it returns.
	Span(s *Span)
}

// Span is a stretch of a function's work.
type Span struct {
	Caller Caller
	Name   string
	// Number is the span's own within the call of the hook, from 1; Parent is
	// that of the span that was open when it began, 0 for the hook itself.
	Number, Parent int
	Begin          time.Time
	Duration       time.Duration
	Attributes     []exchange.Field
}
