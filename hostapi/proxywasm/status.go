package proxywasm

import (
	"errors"

	"github.com/wedgecdn/wedge/hostapi/message"
	"github.com/wedgecdn/wedge/hostapi/services"
)

// status is proxy_status_t, what every function answers.
type status uint32

const (
	ok              status = 0
	notFound        status = 1
	badArgument     status = 2
	parseFailure    status = 4
	invalidMemory   status = 6
	empty           status = 7
	casMismatch     status = 8
	internalFailure status = 10
	unimplemented   status = 12
)

// statusOf is what a guest learns of a failure.
func statusOf(err error) status {
	var conflict *services.ConflictError
	switch {
	case err == nil:
		return ok
	case errors.As(err, &conflict):
		return casMismatch
	case errors.Is(err, services.ErrAbsent):
		return notFound
	case errors.Is(err, services.ErrInvalid), errors.Is(err, services.ErrNotAllowed), errors.Is(err, message.ErrTooLarge):
		return badArgument
	}
	return internalFailure
}

// Values of proxy_action_t, proxy_stream_type_t, proxy_buffer_type_t and proxy_map_type_t.
const (
	pause = 1

	bufferRequest      = 0
	bufferResponse     = 1
	bufferCallResponse = 4
	bufferVM           = 6
	bufferPlugin       = 7
	lastBuffer         = 8

	mapRequest          = 0
	mapRequestTrailers  = 1
	mapResponse         = 2
	mapResponseTrailers = 3
	mapCallHeaders      = 6
	mapCallTrailers     = 7
)
