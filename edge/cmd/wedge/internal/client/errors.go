package client

import (
	"encoding/json"
	"fmt"
	"net/http"
)

// Error is the node's own answer to what it did not do.
type Error struct {
	Status  int
	Code    string // a word for programs
	Message string // what is wrong
	Hint    string // what to do; "" if the node had none
	Field   string // of the request, if one is to blame
}

func (e *Error) Error() string {
	if e.Field != "" {
		return e.Field + ": " + e.Message
	}
	return e.Message
}

// Unreachable says that nobody took the connection, so nothing was done.
type Unreachable struct {
	Base string
	Err  error
}

func (e *Unreachable) Error() string {
	return fmt.Sprintf("cannot connect to the node at %s: %v", e.Base, e.Err)
}

func (e *Unreachable) Unwrap() error { return e.Err }

// Broken says that an exchange ended before its answer: what was asked for may have been done.
type Broken struct {
	Base string
	Err  error
}

func (e *Broken) Error() string {
	return fmt.Sprintf("the answer of the node at %s is not complete: %v", e.Base, e.Err)
}

func (e *Broken) Unwrap() error { return e.Err }

// Foreign says that somebody answered who does not speak as a node does.
type Foreign struct {
	Base   string
	Status int
	Err    error // what was wrong with the answer; nil if it only was no answer of a node
}

func (e *Foreign) Error() string {
	return fmt.Sprintf("what answers at %s (status %d) does not speak as a wedge node does", e.Base, e.Status)
}

func (e *Foreign) Unwrap() error { return e.Err }

// refusal reads an answer that is no success.
func (c *Client) refusal(res *http.Response) error {
	b, err := readAll(res.Body)
	if err != nil {
		return &Broken{Base: c.Base, Err: err}
	}
	var answer struct {
		Error *struct {
			Code    string `json:"code"`
			Message string `json:"message"`
			Hint    string `json:"hint"`
			Field   string `json:"field"`
		} `json:"error"`
	}
	if err := json.Unmarshal(b, &answer); err != nil || answer.Error == nil || answer.Error.Message == "" {
		return &Foreign{Base: c.Base, Status: res.StatusCode, Err: err}
	}
	e := answer.Error
	return &Error{Status: res.StatusCode, Code: e.Code, Message: e.Message, Hint: e.Hint, Field: e.Field}
}
