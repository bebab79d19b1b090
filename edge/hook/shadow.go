package hook

import (
	"io"
	"slices"
	"strings"
	"sync"

	"github.com/wedgecdn/wedge/hostapi/exchange"
)

// A Shadow takes copies of exchanges that a function served, to run another
// version of it on them afterwards.
type Shadow interface {
	// Sampled tells whether a copy of x is wanted. It is asked when x comes to
	// the function for the first time.
	Sampled(x *exchange.Exchange) bool
	// Take takes a copy over, when the exchange has ended. It must not block.
	Take(c *Copy)
}

// MaxShadowBody bounds what a copy holds of one body, in bytes.
const MaxShadowBody = 64 << 10

// A Copy is what a function met in one exchange, and what it made of it: its
// side of the exchange, before and after each of its hooks. It shares nothing
// with the exchange, and belongs to whoever has it.
type Copy struct {
	ID exchange.ID
	// Fuel is what the served version spent.
	Fuel  int64
	hooks []copiedHook
}

// A copiedHook is one call.
type copiedHook struct {
	hook          exchange.Hook
	before, after *exchange.Exchange
	// input and output record the response's body; output is nil if the hook left
	// it alone. Both are nil without a body.
	input, output *recorded
	answered      bool
	failed        exchange.Reason
}

// copyOf is a copy of an exchange's request and the head of its response.
func copyOf(x *exchange.Exchange) *exchange.Exchange {
	y := x.ForFetch()
	y.Side, y.Outcome, y.Reason, y.Err = x.Side, x.Outcome, x.Reason, x.Err
	y.Response.Status, y.Response.ContentLength = x.Response.Status, x.Response.ContentLength
	copyFields(&y.Response.Header, &x.Response.Header)
	return y
}

// copyFields makes dst the fields of src, with strings of their own.
func copyFields(dst, src *exchange.Header) {
	dst.Reset()
	for f := range src.All() {
		if k := f.Known(); k != exchange.Other {
			dst.AddKnown(k, strings.Clone(f.Value))
		} else {
			dst.Add(strings.Clone(f.Name), strings.Clone(f.Value))
		}
	}
}

// begin notes what a hook meets.
func (c *Copy) begin(x *exchange.Exchange, h exchange.Hook) {
	k := copiedHook{hook: h, before: copyOf(x)}
	if x.Response.Body != nil {
		k.input = &recorded{Body: x.Response.Body}
		x.Response.Body = k.input
	}
	c.hooks = append(c.hooks, k)
}

// done notes what it made of it.
func (c *Copy) done(x *exchange.Exchange, answered bool, err error) {
	k := &c.hooks[len(c.hooks)-1]
	k.after, k.answered = copyOf(x), answered
	if err != nil {
		k.failed = exchange.ReasonOf(err, exchange.ReasonFunctionTrap)
	}
	if b := x.Response.Body; b != nil && b != exchange.Body(k.input) {
		k.output = &recorded{Body: b}
		x.Response.Body = k.output
	}
}

// end completes the copy of an exchange that has ended. An exchange also tells
// the calls of the fetch that it caused, which has a copy of its own.
func (c *Copy) end(x *exchange.Exchange, function string) {
	for i := range x.Calls {
		if k := &x.Calls[i]; k.Function == function && slices.ContainsFunc(c.hooks, func(h copiedHook) bool { return h.hook == k.Hook }) {
			c.Fuel += k.Fuel
		}
	}
}

// Release gives back what the copy holds.
func (c *Copy) Release() {
	for i := range c.hooks {
		c.hooks[i].before.Release()
		if a := c.hooks[i].after; a != nil {
			a.Release()
		}
	}
	c.hooks = nil
}

// recorded is a body that keeps the beginning of what is read of it. Its reader
// and whoever looks at it afterwards may be two goroutines.
type recorded struct {
	exchange.Body

	mu    sync.Mutex // guards what follows
	kept  []byte
	over  bool // it is longer than what is kept
	ended bool
}

func (r *recorded) Read(p []byte) (int, error) {
	n, err := r.Body.Read(p)
	r.keep(p[:n])
	if err != nil {
		r.finish(err == io.EOF)
	}
	return n, err
}

func (r *recorded) WriteTo(w io.Writer) (int64, error) {
	n, err := r.Body.WriteTo(&recorder{w, r})
	if err == nil {
		r.finish(true)
	}
	return n, err
}

// A recorder writes on, and keeps what was written.
type recorder struct {
	w io.Writer
	r *recorded
}

func (t *recorder) Write(p []byte) (int, error) {
	n, err := t.w.Write(p)
	t.r.keep(p[:n])
	return n, err
}

// Flush sends on what the writer holds back.
func (t *recorder) Flush() error { return exchange.Flush(t.w) }

func (r *recorded) keep(p []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if room := MaxShadowBody - len(r.kept); len(p) > room {
		p, r.over = p[:room], true
	}
	r.kept = append(r.kept, p...)
}

func (r *recorded) finish(whole bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ended = r.ended || whole
}

// whole is the body, if all of it was read and kept.
func (r *recorded) whole() ([]byte, bool) {
	if r == nil {
		return nil, true
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.kept, r.ended && !r.over
}
