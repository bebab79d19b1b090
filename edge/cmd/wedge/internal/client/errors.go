package client

import (
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/wedgecdn/wedge/edge/admin"
)

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

// refusal reads an answer that is no success: the node's *admin.Error, or what is wrong with it.
func (c *Client) refusal(res *http.Response) error {
	b, err := c.readAll(res.Body)
	if err != nil {
		return err
	}
	var answer admin.Failure
	if err := json.Unmarshal(b, &answer); err != nil || answer.Error.Message == "" || answer.Error.Code == "" {
		return &Foreign{Base: c.Base, Status: res.StatusCode, Err: err}
	}
	return &answer.Error
}
