package admin

import "net/http"

// A Code says what kind of failure it was; clients may tell them apart.
type Code string

// Codes, each with its status.
const (
	BadRequest         Code = "bad_request"         // 400
	Unauthorized       Code = "unauthorized"        // 401: no token, or a wrong one
	Forbidden          Code = "forbidden"           // 403: the token's scope or owner, the Host or the Origin
	NotFound           Code = "not_found"           // 404
	MethodNotAllowed   Code = "method_not_allowed"  // 405
	Conflict           Code = "conflict"            // 409: the state of the thing forbids it
	PreconditionFailed Code = "precondition_failed" // 412: the condition of the request does not hold
	TooLarge           Code = "too_large"           // 413
	WrongType          Code = "wrong_type"          // 415: the body's media type
	Invalid            Code = "invalid"             // 422: understood, and wrong
	TooMany            Code = "too_many"            // 429
	Internal           Code = "internal"            // 500: not the caller's fault; details are in the node's log
	Unavailable        Code = "unavailable"         // 503: not now
)

// Values lists every Code.
func (Code) Values() []string {
	return []string{string(BadRequest), string(Unauthorized), string(Forbidden), string(NotFound), string(MethodNotAllowed), string(Conflict),
		string(PreconditionFailed), string(TooLarge), string(WrongType), string(Invalid), string(TooMany), string(Internal), string(Unavailable)}
}

// Status is the code's HTTP status.
func (c Code) Status() int {
	switch c {
	case BadRequest:
		return http.StatusBadRequest
	case Unauthorized:
		return http.StatusUnauthorized
	case Forbidden:
		return http.StatusForbidden
	case NotFound:
		return http.StatusNotFound
	case MethodNotAllowed:
		return http.StatusMethodNotAllowed
	case Conflict:
		return http.StatusConflict
	case PreconditionFailed:
		return http.StatusPreconditionFailed
	case TooLarge:
		return http.StatusRequestEntityTooLarge
	case WrongType:
		return http.StatusUnsupportedMediaType
	case Invalid:
		return http.StatusUnprocessableEntity
	case TooMany:
		return http.StatusTooManyRequests
	case Unavailable:
		return http.StatusServiceUnavailable
	}
	return http.StatusInternalServerError
}

// An Error is a failure in words for the user: it is sent as it is, so it
// names nothing that the user must not know.
type Error struct {
	Code    Code   `json:"code"`
	Message string `json:"message" doc:"What is wrong."`
	Hint    string `json:"hint,omitempty" doc:"The next step."`
	// Field names what of the request it is about: a parameter, a field of the
	// body, a line of an import.
	Field string `json:"field,omitempty" doc:"The parameter, or the field or line of the body."`
	// Problems are the complaints about a configuration.
	Problems []Problem `json:"problems,omitempty" doc:"Every complaint about a configuration."`
	// Request is filled in by the server.
	Request string `json:"request,omitempty" doc:"The request's id, under which the node's log tells more."`
}

func (e *Error) Error() string {
	if e.Field != "" {
		return e.Field + ": " + e.Message
	}
	return e.Message
}

// A Failure is the body of every answer that is not 2xx, but for /readyz.
type Failure struct {
	Error Error `json:"error"`
}

// A Problem is one complaint about a configuration.
type Problem struct {
	File    string `json:"file,omitempty"`
	Line    int    `json:"line,omitempty" doc:"From 1; absent if it is about no line."`
	Column  int    `json:"column,omitempty" doc:"From 1, in characters."`
	Message string `json:"message"`
	Hint    string `json:"hint,omitempty"`
	Snippet string `json:"snippet,omitempty" doc:"The line and a mark under the place; absent where the line may show a secret."`
}
