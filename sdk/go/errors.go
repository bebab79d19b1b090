package wedge

import "github.com/wedgecdn/wedge/sdk/go/internal/raw"

// Error is why the node did not do something. The values are constants, to be compared with errors.Is:
//
//	if errors.Is(err, wedge.ErrNotAllowed) { … }
type Error int32

// What the node answers.
const (
	ErrAbsent        = Error(raw.StatusAbsent)        // there is no such field, key, name or value
	ErrInvalid       = Error(raw.StatusInvalid)       // an argument has no meaning here
	ErrNotAllowed    = Error(raw.StatusNotAllowed)    // the hook, or the binding's configuration, does not allow it
	ErrNotInExchange = Error(raw.StatusNotInExchange) // it needs an exchange, and the function is being initialised
	ErrLimit         = Error(raw.StatusLimit)         // a limit on the number or size of something is reached
	ErrConflict      = Error(raw.StatusConflict)      // the condition of a write does not hold
	ErrIO            = Error(raw.StatusIO)            // network or disk failed, or a message was malformed or cut
	ErrTimeout       = Error(raw.StatusTimeout)       // it was not done in time
	ErrBadHandle     = Error(raw.StatusBadHandle)     // it is closed
	ErrUnavailable   = Error(raw.StatusUnavailable)   // this node does not offer it
	ErrTooLarge      = Error(raw.StatusTooLarge)      // a body is larger than the binding's max_body
	ErrNotNumber     = Error(raw.StatusNotNumber)     // the stored value is not a number
	ErrFrozen        = Error(raw.StatusFrozen)        // the head has been sent: Stream was called
)

// Error says what it means.
func (e Error) Error() string {
	switch e {
	case ErrAbsent:
		return "there is none"
	case ErrInvalid:
		return "invalid argument"
	case ErrNotAllowed:
		return "not allowed at this hook or for this binding"
	case ErrNotInExchange:
		return "not in an exchange: only config, secrets, log, clock and random work during initialisation"
	case ErrLimit:
		return "limit reached"
	case ErrConflict:
		return "conflict: the value is not as the condition says"
	case ErrIO:
		return "network or disk failed"
	case ErrTimeout:
		return "not done in time"
	case ErrBadHandle:
		return "closed"
	case ErrUnavailable:
		return "not available on this node"
	case ErrTooLarge:
		return "body larger than max_body of the binding"
	case ErrNotNumber:
		return "the stored value is not a number"
	case ErrFrozen:
		return "the head has been sent already"
	}
	return "the node refused"
}

// OpError says what could not be done, to what, and why.
type OpError struct {
	Op   string // such as "set field"
	Name string // such as "X-Device"; empty if it concerns nothing that has a name
	Err  Error
}

// Error is Op, Name and Err.
func (e *OpError) Error() string {
	if e.Name == "" {
		return e.Op + ": " + e.Err.Error()
	}
	return e.Op + " \"" + e.Name + "\": " + e.Err.Error()
}

// Unwrap is Err.
func (e *OpError) Unwrap() error { return e.Err }

// failed is the error of a result, nil if it is none.
func failed(result int32, op, name string) error {
	if result >= 0 {
		return nil
	}
	return &OpError{op, name, Error(result)}
}
