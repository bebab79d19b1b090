package origin

import (
	"time"

	"github.com/wedgecdn/wedge/hostapi/exchange"
)

// Events are told what happens. Each may be nil. They are called by many
// goroutines at once, some of them under a pool's lock: they must not block
// and must not call back.
type Events struct {
	// Attempted is called when an attempt has brought a response's head, or has failed.
	Attempted func(Attempt)
	// Ended is called when an attempt that brought a head is over: its body
	// was read to the end, broke, or was closed.
	Ended func(Transfer)
	// Connected is called when a connection stands or could not be made.
	Connected func(Connection)
	// Closed is called when a connection that stood is closed.
	Closed func(Connection)
}

// An Attempt is one try to get a response.
type Attempt struct {
	Owner, Origin string
	Server        string // its URL's authority; "" if none could be had
	Status        int    // 0 if it failed
	Reason        exchange.Reason
	// Reused tells that the connection had carried a request before.
	Reused bool
	// Again tells that another attempt follows.
	Again bool
	// Took is the time from the choice of a server to the head or the failure.
	Took time.Duration
}

// A Transfer is what went over the wire for one response.
type Transfer struct {
	Owner, Origin, Server string
	Sent                  int64 // bytes of the request, as they went on the connection
	Received              int64 // bytes of the response, as they came from it
	Took                  time.Duration
	Reason                exchange.Reason // why the body broke; ReasonNone if it did not
}

// A Connection is one that was made, could not be made, or ended.
type Connection struct {
	Owner, Origin, Server string
	Open                  int // connections of this server now
	Took                  time.Duration
	Err                   error // why it could not be made
}

func (e *Events) attempted(a Attempt) {
	if e.Attempted != nil {
		e.Attempted(a)
	}
}

func (e *Events) ended(t Transfer) {
	if e.Ended != nil {
		e.Ended(t)
	}
}

func (e *Events) connected(c Connection) {
	if e.Connected != nil {
		e.Connected(c)
	}
}

func (e *Events) closed(c Connection) {
	if e.Closed != nil {
		e.Closed(c)
	}
}
