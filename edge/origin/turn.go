package origin

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/wedgecdn/wedge/hostapi/exchange"
)

// A turn is the right to send a client's body to a pool. A client sends it as
// slowly as it likes, and its connection to the origin waits as long, so a few
// hundred clients would take all connections from everybody. A quarter of them
// is kept for requests that wait for nobody.
//
// A turn is held by the goroutine of the request until its upload has begun,
// then by the upload. The zero turn is of a request that needs none.
type turn struct{ p *pool }

// errUploads tells that too many bodies were on their way for too long.
var errUploads = errors.New("too many request bodies are on their way: raise connections, or lower http.body_timeout")

// mostUploads is how many bodies a pool sends at one time.
func mostUploads(connections int) int { return max(1, connections-connections/4) }

// turn waits for a turn to send the body of q, if it needs one: a body that is
// in memory does not wait for a client.
func (p *pool) turn(ctx context.Context, q *exchange.Request) (turn, error) {
	if _, ready := q.Body.(*exchange.BytesBody); ready || !sendsBody(q) {
		return turn{}, nil
	}
	select {
	case p.uploads <- struct{}{}:
		return turn{p}, nil
	default:
	}
	timer := time.NewTimer(p.settings.FirstByteTimeout)
	defer timer.Stop()
	select {
	case p.uploads <- struct{}{}:
		return turn{p}, nil
	case <-ctx.Done():
		return turn{}, p.ended("wait to send the body", ctx.Err())
	case <-timer.C:
		return turn{}, &exchange.Error{Source: exchange.SourceOrigin, Op: fmt.Sprintf("origin %q: wait to send the body", p.def.Name), Reason: exchange.ReasonOverload, Retry: true, Err: errUploads}
	}
}

// pass hands the turn to an upload.
func (t *turn) pass() (to turn) {
	to, *t = *t, turn{}
	return to
}

// end gives the turn back. More calls do nothing.
func (t *turn) end() {
	if t.p != nil {
		<-t.p.uploads
		t.p = nil
	}
}
