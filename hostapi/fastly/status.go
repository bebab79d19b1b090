package fastly

import (
	"context"
	"errors"

	"github.com/wedgecdn/wedge/hostapi/services"
)

// status is what a host function returns.
type status uint32

// The statuses, in the numbers of the ABI ($fastly_status in typenames.witx).
const (
	ok status = iota
	failed
	invalid
	badHandle
	bufferLength
	unsupported
	badAlign
	httpInvalid
	httpUser
	httpIncomplete
	none
	httpHeadTooLarge
	httpInvalidStatus
	limitExceeded
	again
)

// String is the status's name in the ABI.
func (s status) String() string {
	names := [...]string{"ok", "error", "inval", "badf", "buflen", "unsupported", "badalign", "httpinvalid", "httpuser", "httpincomplete", "none",
		"httpheadtoolarge", "httpinvalidstatus", "limitexceeded", "again"}
	if int(s) < len(names) {
		return names[s]
	}
	return "unknown"
}

// statusOf is what a guest learns of a service's failure.
func statusOf(err error) status {
	switch {
	case err == nil:
		return ok
	case errors.Is(err, services.ErrInvalid):
		return invalid
	case errors.Is(err, services.ErrAbsent):
		return none
	case errors.Is(err, services.ErrLimit):
		return limitExceeded
	case errors.Is(err, services.ErrNotAllowed):
		return unsupported
	}
	return failed
}

// sendError is what happened to a request, in the numbers of $send_error_detail_tag.
func sendError(err error) uint32 {
	const (
		fine                = 1
		destinationNotFound = 4
		unavailable         = 5
		connectionLimit     = 10
		responseTimeout     = 16
		uriInvalid          = 21
	)
	switch {
	case err == nil:
		return fine
	case errors.Is(err, services.ErrAbsent), errors.Is(err, services.ErrNotAllowed):
		return destinationNotFound
	case errors.Is(err, services.ErrTimeout), errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return responseTimeout
	case errors.Is(err, services.ErrLimit):
		return connectionLimit
	case errors.Is(err, services.ErrInvalid):
		return uriInvalid
	}
	return unavailable
}
