package proxywasm

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/wedgecdn/wedge/hostapi/adapter"
	"github.com/wedgecdn/wedge/hostapi/exchange"
	"github.com/wedgecdn/wedge/hostapi/message"
	"github.com/wedgecdn/wedge/hostapi/services"
	"github.com/wedgecdn/wedge/runtime/limit"
)

const (
	// mostCalls bounds the callouts of a stream, or of the root instance at one time.
	mostCalls = 32
	// mostLeft bounds the callouts of a binding whose streams are over.
	mostLeft = 64
	// maxCallTime is the most that a callout may take.
	maxCallTime = 30 * time.Second
)

// callout is a request of the guest's own. Its goroutine sends it to the session's results when it is over; until then
// only that goroutine touches what came back.
//
// States: going; left, when its stream was over first, and counted in the binding's left until it is over too; dropped, when
// nobody wants it any more; over. It stands on the owner's account until its goroutine ends, or, if it is over, until it has been
// heard or dropped.
type callout struct {
	id     uint32
	cancel context.CancelFunc
	state  atomic.Int32
	booked int // bytes on the account of the owner

	status int // 0 if it failed
	fields []exchange.Field
	body   []byte
	err    error
}

// States of a callout.
const (
	going = iota
	left
	dropped
	over
)

// leave lets a callout go on whose stream is over. What it tells its upstream may be all that the filter wants, such as a line
// of an access log; what the answer is, nobody hears. A stream that failed, and one too many, end theirs.
func (s *session) leave(c *callout) {
	if !s.failed && s.b.left.Add(1) <= mostLeft && c.state.CompareAndSwap(going, left) {
		return
	}
	if !s.failed {
		s.b.left.Add(-1)
	}
	s.b.drop(c)
}

// drop ends a callout of which nobody will hear.
func (b *binding) drop(c *callout) {
	if !c.state.CompareAndSwap(going, dropped) && c.state.Load() == over {
		b.account.end(c.booked)
	}
	c.cancel()
}

var errLeft = errors.New("the stream is over")

// heard is the body of an answer, as long as somebody will hear of it.
type heard struct {
	c    *callout
	a    *account
	body io.Reader
}

func (h heard) Read(b []byte) (int, error) {
	if h.c.state.Load() == left {
		return 0, errLeft
	}
	n, err := h.body.Read(b)
	if !h.a.more(n) {
		return 0, services.ErrLimit
	}
	h.c.booked += n
	return n, err
}

// target finds where a callout goes: a named origin, or a host that the binding lists. Filters for Istio name their upstream
// "outbound|80||shop": direction, port, subset and service.
func (b *binding) target(upstream, scheme, authority, path string) (origin, target string, allowed bool) {
	upstream = upstream[strings.LastIndexByte(upstream, '|')+1:]
	if b.named[upstream] {
		return upstream, path, true
	}
	if scheme == "" {
		scheme = "https"
	}
	for _, host := range [...]string{upstream, scheme + "://" + upstream, scheme + "://" + authority} {
		if host = strings.ToLower(strings.TrimSuffix(host, "/")); b.hosts[host] {
			return "", host + path, true
		}
	}
	return "", "", false
}

// httpCall begins a callout.
//
// "`BAD_ARGUMENT` for unknown `upstream`, or when `headers` are missing required `:authority`, `:method` and/or `:path`
// values."
// https://github.com/proxy-wasm/spec/tree/main/abi-versions/v0.2.1#proxy_http_call
func httpCall(s *session, a []uint64) status {
	upstream, valid := s.text(a, 0)
	pairs, valid2 := s.view(a, 2)
	body, valid3 := s.view(a, 4)
	if _, valid4 := s.view(a, 6); !valid || !valid2 || !valid3 || !valid4 || !within(s.call.Memory(), uint32(a[9])) {
		return invalidMemory
	}
	fields, parsed := parsePairs(pairs)
	if !parsed || int64(len(body)) > s.stage.MaxBody {
		return badArgument
	}
	r := &services.FetchRequest{Caller: s.caller(), Body: slices.Clone(body), Loop: slices.Clone(s.loop)}
	var scheme, authority, path string
	named := false // :authority is there, if perhaps empty
	for _, f := range fields {
		switch f.Name {
		case ":method":
			r.Method = strings.Clone(f.Value)
		case ":path":
			path = strings.Clone(f.Value)
		case ":authority":
			authority, named = strings.Clone(f.Value), true
		case ":scheme":
			scheme = strings.Clone(f.Value)
		default:
			if k := exchange.Lookup(f.Name); strings.HasPrefix(f.Name, ":") || message.Reserved(k) {
				continue
			}
			if message.CheckField(&r.Header, f.Name, f.Value) != nil {
				return badArgument
			}
			r.Header.Add(strings.Clone(f.Name), strings.Clone(f.Value))
		}
	}
	p, q, _ := message.CutQuery(path)
	_, validPath := message.Path(p)
	_, validQuery := message.Query(q)
	if r.Method == "" || !named || !validPath || !validQuery || !message.Token(r.Method) || r.Method == "CONNECT" || r.Method == "TRACE" {
		return badArgument
	}
	var allowed bool
	if r.Origin, r.Target, allowed = s.b.target(upstream, scheme, authority, path); !allowed {
		s.b.denied.Add(1)
		return badArgument
	}
	r.Origin = strings.Clone(r.Origin)
	if s.b.o.Services.Fetcher == nil || s.starting || len(s.calls) >= mostCalls || s.stage.X != nil && s.made >= mostCalls {
		return internalFailure
	}
	timeout := maxCallTime
	if ms := uint32(a[8]); ms > 0 {
		timeout = min(timeout, time.Duration(ms)*time.Millisecond)
	}
	if s.calls == nil {
		s.calls = map[uint32]*callout{}
	}
	if s.results == nil {
		s.results = make(chan *callout, 2*mostCalls) // never full: a result is taken before another call takes its place
	}
	sent := len(r.Body) + r.Header.Size()
	if !s.b.account.begin(sent) {
		return internalFailure
	}
	s.made++
	r.Number = s.made
	ctx, cancel := context.WithTimeout(s.b.life, timeout)
	c := &callout{id: s.b.nextCall(), cancel: cancel, booked: sent}
	s.calls[c.id] = c
	go c.run(ctx, s.b, r, s.stage.MaxBody, s.results)
	return s.put(a, 9, c.id)
}

// nextCall numbers callouts. Two sessions that have an instance one after the other must not give the same number: SDKs keep
// those whose answers have not come, and that for Rust panics when one comes again.
func (b *binding) nextCall() uint32 {
	for {
		if id := b.callouts.Add(1); id != 0 {
			return id
		}
	}
}

// run is the callout's own goroutine.
func (c *callout) run(ctx context.Context, b *binding, r *services.FetchRequest, most int64, results chan<- *callout) {
	defer func() {
		c.cancel()
		switch {
		case c.state.CompareAndSwap(going, over):
			results <- c
			return
		case c.state.Load() == left:
			b.left.Add(-1)
		}
		b.account.end(c.booked)
	}()
	resp, err := b.o.Services.Fetcher.Fetch(ctx, r)
	if err != nil {
		c.err = err
		return
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(heard{c, b.account, resp.Body}, most+1))
	if err == nil && int64(len(body)) > most {
		err = message.ErrTooLarge
	}
	if err != nil {
		c.err = err
		return
	}
	if n := resp.Header.Size(); b.account.more(n) {
		c.booked += n
	} else {
		c.err = services.ErrLimit
		return
	}
	c.status, c.body = resp.Status, body
	c.fields = append(c.fields, exchange.Field{Name: ":status", Value: fmt.Sprint(resp.Status)})
	for f := range resp.Header.All() {
		c.fields = append(c.fields, exchange.Field{Name: strings.ToLower(f.Name), Value: f.Value})
	}
}

// deliver runs the callback of a callout that is over.
//
// "If `num_headers` is `0`, then the HTTP call failed."
// https://github.com/proxy-wasm/spec/tree/main/abi-versions/v0.2.1#proxy_on_http_call_response
func (s *session) deliver(c *callout) error {
	delete(s.calls, c.id)
	s.reply, s.effective = c, rootID // a callout is the plugin's, whichever stream made it
	defer func() {
		s.reply = nil
		s.b.account.end(c.booked)
	}()
	s.args = [5]uint64{rootID, uint64(c.id), uint64(len(c.fields)), uint64(len(c.body)), 0}
	return s.tell(onCallResponse, s.args[:]...)
}

// pending tells whether something is under way that could end a pause.
func (s *session) pending() bool {
	return len(s.calls) > 0 || s.ticks() > 0
}

// ticks is the period of ticks for a paused stream: the guest set it in this stream, or when its instance was made.
func (s *session) ticks() time.Duration {
	if !s.i.Has(onTick) {
		return 0
	}
	if s.period > 0 {
		return s.period
	}
	s.b.mu.Lock()
	defer s.b.mu.Unlock()
	return s.b.period
}

var (
	errStuck = errors.New("the filter paused, and nothing is under way that could let it go on: no callout, no tick")
	errGone  = adapter.ErrStopped
)

// wait serves a paused stream: callbacks of callouts and ticks run until the guest lets it go on, answers it or closes it,
// or the wall time is spent.
func (s *session) wait() error {
	var tick <-chan time.Time
	if p := s.ticks(); p > 0 {
		t := time.NewTicker(p)
		defer t.Stop()
		tick = t.C
	}
	gone := s.stage.X.Peer.Gone()
	for !s.continued[s.stream] && !s.stopped() {
		if !s.pending() {
			return errStuck
		}
		left := s.budget.WallLeft()
		if left <= 0 {
			return s.budget.Check()
		}
		deadline := time.NewTimer(min(left, maxCallTime+time.Minute))
		begin := time.Now()
		var c *callout
		ticked := false
		select {
		case c = <-s.results:
		case <-tick:
			ticked = true
		case <-gone:
		case <-deadline.C:
		}
		deadline.Stop()
		took := time.Since(begin)
		s.budget.Add(limit.Used{Wall: took, Waited: took})
		if spent := s.budget.Check(); spent != nil {
			return spent
		}
		var err error
		switch {
		case c != nil:
			err = s.deliver(c)
		case ticked:
			s.effective = rootID
			err = s.tell(onTick, rootID)
		default:
			err = errStuck
			select {
			case <-gone:
				err = errGone
			default:
			}
		}
		if err != nil {
			return err
		}
	}
	s.effective = s.id
	return nil
}

// getStatus tells of the callout whose callback runs.
func getStatus(s *session, a []uint64) status {
	code, text := uint32(0), ""
	if c := s.reply; c != nil {
		if code = uint32(c.status); c.err != nil {
			text = c.err.Error()
		}
	}
	if st := s.put(a, 0, code); st != ok {
		return st
	}
	return s.give(a, 1, text)
}
