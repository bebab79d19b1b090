package exchange

import "errors"

// A Source says whose fault an error is.
type Source uint8

// The sources.
const (
	SourceNode Source = iota
	SourceClient
	SourceOrigin
	SourceFunction
)

// String is the source's word in logs.
func (s Source) String() string { return [...]string{"node", "client", "origin", "function"}[s] }

// An Error is a failure on a request's way: whose it is, what was being done,
// why in the words of the log, and whether the same may be tried again. Its
// text is for operators; clients get a status and the exchange's id.
type Error struct {
	Source Source
	Op     string
	Reason Reason
	// Retry tells that nothing has been sent or done that a second attempt
	// would repeat.
	Retry bool
	Err   error
}

// Error is the operation and the cause.
func (e *Error) Error() string {
	if e.Err == nil {
		return e.Op + ": " + e.Reason.String()
	}
	return e.Op + ": " + e.Err.Error()
}

// Unwrap is the cause.
func (e *Error) Unwrap() error { return e.Err }

// ReasonOf is the reason that err carries, or otherwise.
func ReasonOf(err error, otherwise Reason) Reason {
	if e, ok := errors.AsType[*Error](err); ok && e.Reason != ReasonNone {
		return e.Reason
	}
	return otherwise
}
