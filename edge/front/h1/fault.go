package h1

import (
	"errors"

	"github.com/wedgecdn/wedge/hostapi/exchange"
)

// A fault is a rule that a request broke: what the client is answered, and
// what the log is told. After it nothing more is read as a request.
type fault struct {
	status int
	err    exchange.Error
}

func faultOf(status int, reason exchange.Reason, what string) *fault {
	return &fault{status, exchange.Error{Source: exchange.SourceClient, Op: "read request", Reason: reason, Err: errors.New(what)}}
}

func bad(what string) *fault { return faultOf(400, exchange.ReasonBadRequest, what) }

// The faults of a head. They are values made once, never changed.
var (
	faultBareLF       = bad("line feed without carriage return")
	faultControl      = bad("control character, or carriage return without line feed")
	faultLine         = bad("malformed request line")
	faultMethod       = bad("method is no token")
	faultMethodLong   = faultOf(501, exchange.ReasonMethodRefused, "method is too long")
	faultTarget       = bad("malformed request target")
	faultVersion      = faultOf(505, exchange.ReasonBadRequest, "protocol version is neither HTTP/1.0 nor HTTP/1.1")
	faultFold         = bad("line begins with whitespace")
	faultName         = bad("field name is no token, or whitespace stands before the colon")
	faultNoColon      = bad("field line without colon")
	faultValue        = bad("control character in a field value")
	faultHost         = bad("host is missing, doubled or malformed")
	faultLength       = bad("malformed or repeated content-length")
	faultLengthCoding = bad("content-length together with transfer-encoding")
	faultCoding       = bad("transfer-encoding does not end in chunked, or names it twice")
	faultCodingOld    = bad("transfer-encoding in HTTP/1.0")
	faultCodingOther  = faultOf(501, exchange.ReasonBadRequest, "unknown transfer coding")
	faultTargetLong   = faultOf(414, exchange.ReasonTooLarge, "request line is too long")
	faultHeadLarge    = faultOf(431, exchange.ReasonTooLarge, "header is too large")
	faultHeadMany     = faultOf(431, exchange.ReasonTooLarge, "too many header fields")
	faultBodyLarge    = faultOf(413, exchange.ReasonTooLarge, "content is too large")
	faultHeadSlow     = faultOf(408, exchange.ReasonSlowClient, "header did not arrive in time")
	faultHeadCut      = bad("connection ended inside a header")
)

func bodyError(reason exchange.Reason, what string) *exchange.Error {
	return &exchange.Error{Source: exchange.SourceClient, Op: "read request body", Reason: reason, Err: errors.New(what)}
}

// What reading a body may end with, beside io.EOF and errors of the connection.
var (
	errChunkSize    = bodyError(exchange.ReasonBadRequest, "malformed chunk size or extension")
	errChunkEnd     = bodyError(exchange.ReasonBadRequest, "chunk does not end where its size says")
	errChunkWaste   = bodyError(exchange.ReasonTooLarge, "chunks have more extensions than content")
	errTrailer      = bodyError(exchange.ReasonBadRequest, "malformed trailer field")
	errTrailerField = bodyError(exchange.ReasonBadRequest, "field that frames or routes a message in the trailer section")
	errTrailerLarge = bodyError(exchange.ReasonTooLarge, "trailer section is too large")
	errBodyLarge    = bodyError(exchange.ReasonTooLarge, "content is too large")
	errBodySlow     = bodyError(exchange.ReasonSlowClient, "client stopped sending")
	errBodyCut      = bodyError(exchange.ReasonClientGone, "connection ended inside the content")
	errBodyOver     = bodyError(exchange.ReasonNone, "the exchange is over")
)
