package native

import (
	"context"
	"errors"

	"github.com/wedgecdn/wedge/hostapi/abi"
	"github.com/wedgecdn/wedge/hostapi/services"
)

// statusOf is what a guest learns of a service's failure.
func statusOf(err error) abi.Status {
	var conflict *services.ConflictError
	switch {
	case err == nil:
		return abi.StatusOK
	case errors.As(err, &conflict):
		return abi.StatusConflict
	case errors.Is(err, services.ErrInvalid):
		return abi.StatusInvalid
	case errors.Is(err, services.ErrAbsent):
		return abi.StatusAbsent
	case errors.Is(err, services.ErrLimit):
		return abi.StatusLimit
	case errors.Is(err, services.ErrNotAllowed):
		return abi.StatusNotAllowed
	case errors.Is(err, services.ErrNotNumber):
		return abi.StatusNotNumber
	case errors.Is(err, services.ErrTimeout), errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return abi.StatusTimeout
	}
	return abi.StatusIO
}
