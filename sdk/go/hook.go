package wedge

import (
	"io"

	"github.com/wedgecdn/wedge/sdk/go/internal/raw"
)

// What a hook returns to the node.
const (
	goOn     = 0
	answered = 1
	broken   = 2
)

// end is a hook's result. An error is logged, because it is the function's own and nobody else would say it.
func end(hook string, answer bool, err error) int32 {
	switch {
	case err != nil:
		Log(LevelError, hook+": "+err.Error())
		return broken
	case answer:
		return answered
	}
	return goOn
}

// respond makes the response of a hook that answers.
func respond(done *bool, status int, body string) (Response, error) {
	if err := failed(raw.Respond(int32(status), bytes(body)), "respond", ""); err != nil {
		return Response{}, err
	}
	*done = true
	return newResponse(), nil
}

func setOrigin(name string) error { return failed(raw.OriginSet(name), "choose origin", name) }

// RequestHook is what a function can see and do for each request of a client, before the cache is asked.
type RequestHook struct {
	Request Request
	Key     Key
	done    bool
}

// OnRequest runs f as the hook on_request. Call it in the function exported under that name, and return its result.
func OnRequest(f func(*RequestHook) error) int32 {
	h := &RequestHook{Request: newRequest()}
	err := f(h)
	return end("on_request", h.done, err)
}

// Respond answers the request here: with that status (200 to 599), that body, and the fields that are set on the response afterwards. Neither
// cache nor origin are asked. A second call replaces the first.
func (h *RequestHook) Respond(status int, body string) (Response, error) {
	return respond(&h.done, status, body)
}

// SetOrigin chooses the origin by its configured name. Add to the key what decided about it, or users of one origin get what another answered.
func (h *RequestHook) SetOrigin(name string) error { return setOrigin(name) }

// Bypass neither looks the response up nor stores it.
func (h *RequestHook) Bypass() error { return failed(raw.CacheBypass(), "bypass cache", "") }

// Revalidate treats a stored response as stale: the origin is asked whether it is still right.
func (h *RequestHook) Revalidate() error { return failed(raw.CacheRevalidate(), "revalidate", "") }

// FetchHook is what a function can see and do for each fetch, before the origin is asked. The request is the fetch's own copy, and what is
// changed in it does not change the cache key. Authorization and Cookie are hidden unless the binding says that it reads them.
type FetchHook struct {
	Request Request
	done    bool
}

// OnFetch runs f as the hook on_fetch.
func OnFetch(f func(*FetchHook) error) int32 {
	h := &FetchHook{Request: newRequest()}
	err := f(h)
	return end("on_fetch", h.done, err)
}

// Respond answers in the origin's place, as RequestHook.Respond.
func (h *FetchHook) Respond(status int, body string) (Response, error) {
	return respond(&h.done, status, body)
}

// SetOrigin chooses the origin by its configured name.
func (h *FetchHook) SetOrigin(name string) error { return setOrigin(name) }

// FetchedHook is what a function can see and do for each response of the origin, before it is kept: what is changed here is what the cache
// stores, for all.
type FetchedHook struct {
	Request  RequestView
	Response Response
	Keep     Keep
}

// OnFetched runs f as the hook on_fetched.
func OnFetched(f func(*FetchedHook) error) int32 {
	h := &FetchedHook{Request: newView(), Response: newResponse()}
	return end("on_fetched", false, f(h))
}

// Stream transforms a body of any size. The head is sent as it is, and f runs beside the sending: it reads the body that came from r and writes
// what takes its place to w. It must be the last thing that the hook does, and its error the hook's: an error cuts the body visibly, so that
// nobody takes it for whole.
func (h *FetchedHook) Stream(f func(r io.Reader, w io.Writer) error) error { return stream(f) }

// ErrorHook is what a function can see and do for a fetch that failed. It may respond in the origin's place or choose another origin.
type ErrorHook struct {
	Request RequestView
	Keep    Keep // of the response that was made: not allowed before Respond
	done    bool
}

// OnError runs f as the hook on_error.
func OnError(f func(*ErrorHook) error) int32 {
	h := &ErrorHook{Request: newView()}
	err := f(h)
	return end("on_error", h.done, err)
}

// Failure is why the fetch failed, as one word of the access log, such as "origin-timeout".
func (h *ErrorHook) Failure() string {
	var buf [room]byte
	v, _ := text(raw.Failure(buf[:]), buf[:], raw.Failure)
	return v
}

// Respond answers in the origin's place, as RequestHook.Respond.
func (h *ErrorHook) Respond(status int, body string) (Response, error) {
	return respond(&h.done, status, body)
}

// SetOrigin chooses the origin that is asked next.
func (h *ErrorHook) SetOrigin(name string) error { return setOrigin(name) }

// ResponseHook is what a function can see and do for each response to a client, stored ones too. The request is as it was after on_request.
type ResponseHook struct {
	Request  RequestView
	Response Response
}

// OnResponse runs f as the hook on_response.
func OnResponse(f func(*ResponseHook) error) int32 {
	h := &ResponseHook{Request: newView(), Response: newResponse()}
	return end("on_response", false, f(h))
}

// Stream transforms a body of any size, as FetchedHook.Stream.
func (h *ResponseHook) Stream(f func(r io.Reader, w io.Writer) error) error { return stream(f) }
