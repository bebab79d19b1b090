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

// Actions. The specification has two, CONTINUE and PAUSE. Envoy knows more, and SDKs for C++ and Go have names for them that
// filters return: 2 for a head goes on, what is above pauses the callbacks for the body as well; of a body everything but 0
// pauses, and from 3 on what was shown is not kept, because the filter has it.
const (
	goOn      = 0
	pause     = 1
	endStream = 2 // of a head
	dropChunk = 3 // of a body
)

// Values of proxy_stream_type_t, proxy_buffer_type_t and proxy_map_type_t.
const (
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
