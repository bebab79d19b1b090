package origin

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/wedgecdn/wedge/hostapi/exchange"
)

// A protocolError is a message that breaks the rules of HTTP/1.1, in words.
type protocolError string

func (e protocolError) Error() string { return string(e) }

// errIncomplete is the end of a TLS stream that nobody announced.
var errIncomplete = errors.New("the connection ended without a closing alert")

// failure is the error of an origin.
func (p *pool) failure(op string, s *server, reason exchange.Reason, err error) *exchange.Error {
	return &exchange.Error{Source: exchange.SourceOrigin, Op: fmt.Sprintf("origin %q: %s %s", p.def.Name, op, s.address), Reason: reason, Err: err}
}

// ended is the error of a context that ended. Contexts end when nobody wants
// the answer any more, or when the time of the guest that asked is up.
func (p *pool) ended(op string, err error) *exchange.Error {
	e := &exchange.Error{Source: exchange.SourceClient, Op: fmt.Sprintf("origin %q: %s", p.def.Name, op), Reason: exchange.ReasonClientGone, Err: err}
	if errors.Is(err, context.DeadlineExceeded) {
		e.Source, e.Reason = exchange.SourceOrigin, exchange.ReasonOriginTimeout
	}
	return e
}

// clientFailed is the error of a request body that could not be read.
func (p *pool) clientFailed(err error) *exchange.Error {
	if e, ok := errors.AsType[*exchange.Error](err); ok && e.Source != exchange.SourceOrigin {
		return e
	}
	return &exchange.Error{Source: exchange.SourceClient, Op: fmt.Sprintf("origin %q: read the request's body", p.def.Name), Reason: exchange.ReasonClientGone, Err: err}
}

// reasonOfRead is what an error of a connection means where more was expected.
func reasonOfRead(err error) exchange.Reason {
	if _, ok := errors.AsType[protocolError](err); ok {
		return exchange.ReasonOriginProtocol
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return exchange.ReasonOriginTimeout
	}
	return exchange.ReasonOriginCut
}

// unexpected makes a plain end one that was not expected.
func unexpected(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}
