package h1

import (
	"time"

	"github.com/wedgecdn/wedge/hostapi/exchange"
)

// Options bound what clients may ask of a front. The zero value of a field
// means its default.
type Options struct {
	// HeaderSize bounds the request line and the field lines together, in
	// bytes, and each trailer section. Default 32 KiB.
	HeaderSize int
	// HeaderCount bounds the field lines of a request, and those of a trailer
	// section. Default 100.
	HeaderCount int
	// BodySize bounds the content of a request in bytes, also where its length
	// is not announced. Default 100 MiB; negative means no limit.
	BodySize int64
	// HeaderTimeout bounds the time from the first byte of a head to its last.
	// A new connection must send its first byte within it too. Default 10 s.
	HeaderTimeout time.Duration
	// BodyTimeout bounds the silence of a client whose content is being read.
	// Default 30 s.
	BodyTimeout time.Duration
	// WriteTimeout is how long a client may take nothing of a response. Default
	// 30 s. It, and every other timeout, may come an eighth late.
	WriteTimeout time.Duration
	// IdleTimeout bounds the time between two requests of a connection.
	// Default 60 s.
	IdleTimeout time.Duration
	// Take books what a connection needs, and is false if there is no place for it: then it is refused as one above
	// Connections is. Give is called when a connection that was booked has ended. Both may be nil; both are called with a
	// lock of the front held.
	Take func() bool
	Give func()
	// Connections bounds the connections that are open at once; one too many is
	// answered 503 and closed. Default 20 000.
	Connections int
	// IDs names the exchanges. Default: a source of the front's own.
	IDs *exchange.IDSource
	// Events are told what happens beside the exchanges.
	Events Events
}

// Events are called when something happens that no exchange tells. A nil
// function is not called. They are called on the connection's goroutine and
// must not block.
type Events struct {
	// Panic is a bug in the server or in a response's body: the client gets a
	// 500 or sees the response break off, the connection is closed.
	Panic func(x *exchange.Exchange, value any, stack []byte)
	// FieldDropped is a response field that was not sent because its name is no
	// token or its value holds CR, LF or NUL (response splitting).
	FieldDropped func(x *exchange.Exchange, name string)
	// Refused is a connection above Options.Connections.
	Refused func(peer string)
}

func (o Options) withDefaults() Options {
	def := func(p *int, v int) {
		if *p <= 0 {
			*p = v
		}
	}
	wait := func(p *time.Duration, v time.Duration) {
		if *p <= 0 {
			*p = v
		}
	}
	def(&o.HeaderSize, 32<<10)
	def(&o.HeaderCount, 100)
	if o.BodySize == 0 {
		o.BodySize = 100 << 20
	}
	wait(&o.HeaderTimeout, 10*time.Second)
	wait(&o.BodyTimeout, 30*time.Second)
	wait(&o.WriteTimeout, 30*time.Second)
	wait(&o.IdleTimeout, 60*time.Second)
	def(&o.Connections, 20000)
	if o.IDs == nil {
		o.IDs = exchange.NewIDSource()
	}
	return o
}
