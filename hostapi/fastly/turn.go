package fastly

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"

	"github.com/wedgecdn/wedge/hostapi/adapter"
	"github.com/wedgecdn/wedge/hostapi/exchange"
	"github.com/wedgecdn/wedge/hostapi/services"
	"github.com/wedgecdn/wedge/runtime/limit"
)

// turn is an exchange that a program serves: what begins and ends with it.
//
// States: made, by the exchange's goroutine, until the program takes it up; served, when the guest's goroutine has it, and
// the exchange's waits until there is a response; answered, when the guest does not touch the exchange any more; over, when
// it does not touch the turn any more either. Whoever sends the response shares held, which counts atomically, with it.
type turn struct {
	x        *exchange.Exchange // until the response is sent; nil from then on
	instance adapter.Instance
	budget   *limit.Budget
	hook     exchange.Hook
	request  *request
	content  *body

	ctx        context.Context // of what is under way; ends with the turn
	stop       context.CancelFunc
	requests   context.Context // of what was sent to backends: a response may be the client's after the turn
	stopSends  context.CancelFunc
	caller     services.Caller
	client     exchange.Client
	loop       []string // CDN-Loop of the client's request
	asked      exchange.Header
	upload     *upload
	reqs       reqs
	held       *gauge        // the content of bodies
	aside      *gauge        // and what is beside it
	reading    chan struct{} // has a place for each lookup that reads
	sends      int
	operations int          // on stores, not waited for
	lookups    atomic.Int32 // of caches, under way

	answered chan struct{} // closed when answer is set
	answer   answer
	sent     chan struct{} // closed when nobody takes any more of the response
	over     chan struct{} // closed when the guest is done with it, and err is set
	err      error
}

// answer is the response that the guest sent.
type answer struct {
	sent   bool
	head   *response
	body   *body
	length int64
}

// reqs are the handles of the client's request; 0 until the program has it.
type reqs struct{ request, body uint32 }

// ErrSilent is why a run failed whose program ended well, but without a response.
var ErrSilent = errors.New("the program ended and has sent no response")

// errUnfinished is why a body ends before its end whose writer has gone.
var errUnfinished = &exchange.Error{Source: exchange.SourceFunction, Op: "write body", Reason: exchange.ReasonFunctionTrap, Err: errors.New("the program ended before it had closed the body")}

func newTurn(b *Binding) *turn {
	t := &turn{held: &gauge{most: b.o.MaxBody}, aside: &gauge{most: mostAside}, reading: make(chan struct{}, mostReads), answered: make(chan struct{}), sent: make(chan struct{}), over: make(chan struct{})}
	t.ctx, t.stop = context.WithCancel(context.Background())
	t.requests, t.stopSends = context.WithCancel(context.Background())
	t.caller = services.Caller{Owner: b.o.Owner, Function: b.o.Name, Version: b.o.Version}
	return t
}

// between is the turn of a program that is in no exchange: it has answered, and what it would wait for has ended.
func between(b *Binding) *turn {
	t := newTurn(b)
	t.answer.sent, t.budget = true, new(limit.Budget)
	t.stop()
	t.stopSends()
	return t
}

// begin copies what the program may ask for.
func (t *turn) begin() {
	x := t.x
	t.caller.Exchange, t.caller.Hook = x.ID, t.hook
	t.client = x.Client
	for v := range x.Request.Header.Values(exchange.CDNLoop) {
		t.loop = append(t.loop, strings.Clone(v))
	}
	r := &request{method: strings.Clone(x.Request.Method), version: versionOf(x.Request.Proto)}
	r.uri = x.Request.Scheme + "://" + x.Request.Host + x.Request.URI()
	r.header.Add("host", strings.Clone(x.Request.Host))
	for f := range x.Request.Header.All() {
		if f.Known() != exchange.Host {
			r.header.Add(strings.Clone(f.Name), strings.Clone(f.Value))
		}
	}
	t.asked.CopyFrom(&r.header)
	b := newBody(t.held)
	if x.Request.Body != nil {
		if x.Request.ContentLength > 0 && !r.header.Has(exchange.ContentLength) {
			r.header.Add("content-length", itoa(x.Request.ContentLength))
		}
		t.upload = &upload{r: x.Request.Body}
		b.add(chunk{src: newSource(t.upload, true), length: x.Request.ContentLength, trailer: x.Request.Trailer})
	}
	t.request, t.content = r, b
}

// beside runs a lookup of a cache, beside the guest; false if too many are under way, whose handles the guest may have
// closed already.
func (t *turn) beside(look func()) bool {
	if t.lookups.Add(1) > maxPending {
		t.lookups.Add(-1)
		return false
	}
	go func() {
		defer t.lookups.Add(-1)
		look()
	}()
	return true
}

// take makes what the guest sent the response of x.
func (t *turn) take(x *exchange.Exchange, ended adapter.Ended) {
	a, r := &t.answer, &x.Response
	r.Status = a.head.status
	r.Header.CopyFrom(&a.head.header)
	r.ContentLength = a.length
	r.Trailer = a.body.trailerTo()
	r.Body = &content{t: t, b: a.body, ended: ended}
}

// leave ends what the turn has of the exchange, and its requests.
func (t *turn) leave() {
	t.stopSends()
	if t.upload != nil {
		t.upload.end()
	}
}

// finish ends the turn for the guest, which has closed what it had open of it.
func (t *turn) finish(err error) {
	t.err = err
	t.stop()
	close(t.over)
}

// versionOf is a protocol version in the numbers of $http_version.
func versionOf(p exchange.Proto) uint32 {
	switch p {
	case exchange.HTTP10:
		return 1
	case exchange.HTTP2:
		return 3
	case exchange.HTTP3:
		return 4
	}
	return 2
}
