package hook

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/wedgecdn/wedge/hostapi/exchange"
)

// An Outcome is what came of another version on a copy.
type Outcome struct {
	// Differences name what came out otherwise, as in "on_response: field x-a of
	// the response". They have no values: those may be secrets that the function
	// holds.
	Differences []string
	// Failed tells that the other version failed; Fuel is what it spent.
	Failed bool
	Fuel   int64
	// Unread tells that a body was too long to be copied, or was not read to its
	// end, so that bodies could not be compared.
	Unread bool
}

// Replay runs another version of the function on what the copy says, and
// compares. Nothing that it does reaches the exchange.
//
// Each hook meets the response as the served version met it, and the request as
// the other version's own hooks have left it.
func (c *Copy) Replay(f Function) (o Outcome, err error) {
	if len(c.hooks) == 0 {
		return o, nil
	}
	x := c.hooks[0].before
	run, err := f.Start(x)
	if err != nil {
		return o, err
	}
	defer func() {
		run.End()
		x.Response.Drop()
		for i := range x.Calls {
			o.Fuel += x.Calls[i].Fuel
		}
	}()
	for i := range c.hooks {
		k := &c.hooks[i]
		if k.after == nil {
			return o, nil
		}
		if i > 0 {
			x.Response.Drop()
			x.Response.Status, x.Response.ContentLength = k.before.Response.Status, k.before.Response.ContentLength
			copyFields(&x.Response.Header, &k.before.Response.Header)
			x.Outcome, x.Reason, x.Err = k.before.Outcome, k.before.Reason, k.before.Err
		}
		given, known := k.input.whole()
		var body exchange.Body
		var missing *uncopied
		switch {
		case k.input == nil:
		case known:
			body = exchange.NewBytesBody(given)
		default:
			missing = new(uncopied)
			body = missing
		}
		x.Response.Body = body
		answered, failure := run.Call(k.hook)
		out := given
		if failure == nil && x.Response.Body != nil && x.Response.Body != body {
			out, failure = io.ReadAll(io.LimitReader(x.Response.Body, MaxShadowBody+1))
		}
		if missing != nil && missing.read {
			o.Unread = true // what came of it is of a body that nobody had
			return o, nil
		}
		o.compare(k, x, answered, failure)
		served, whole := k.input.whole()
		if k.output != nil {
			served, whole = k.output.whole()
		}
		switch {
		case failure != nil || k.failed != exchange.ReasonNone:
			return o, nil
		case !whole || !known || len(out) > MaxShadowBody:
			o.Unread = true
		case !bytes.Equal(out, served):
			o.differs(k.hook, "the body of the response")
		}
	}
	return o, nil
}

// An uncopied body cannot be read.
type uncopied struct{ read bool }

var errUncopied = errors.New("the body was not copied")

func (u *uncopied) Read([]byte) (int, error)         { u.read = true; return 0, errUncopied }
func (u *uncopied) WriteTo(io.Writer) (int64, error) { u.read = true; return 0, errUncopied }
func (*uncopied) Close() error                       { return nil }

func (o *Outcome) differs(h exchange.Hook, what string) {
	if text := h.String() + ": " + what; !slices.Contains(o.Differences, text) {
		o.Differences = append(o.Differences, text)
	}
}

// compare notes what differs between the two versions after a hook.
func (o *Outcome) compare(k *copiedHook, x *exchange.Exchange, answered bool, failure error) {
	if failure != nil {
		o.Failed = true
		if k.failed == exchange.ReasonNone {
			o.differs(k.hook, fmt.Sprintf("it failed (%v), the served one did not", exchange.ReasonOf(failure, exchange.ReasonFunctionTrap)))
		}
		return
	}
	if k.failed != exchange.ReasonNone {
		o.differs(k.hook, fmt.Sprintf("it did not fail, the served one did (%v)", k.failed))
		return
	}
	want := k.after
	note := func(what string, same bool) {
		if !same {
			o.differs(k.hook, what)
		}
	}
	switch {
	case answered && !k.answered:
		o.differs(k.hook, "it answered at once, the served one did not")
		return
	case k.answered && !answered:
		o.differs(k.hook, "it did not answer, the served one did")
		return
	}
	q, wantQ := &x.Request, &want.Request
	note("the method", q.Method == wantQ.Method)
	note("the host", q.Host == wantQ.Host)
	note("the path", q.Path == wantQ.Path)
	note("the query", q.Query == wantQ.Query && q.HasQuery == wantQ.HasQuery)
	o.fields(k.hook, "request", &q.Header, &wantQ.Header)
	o.choices(k.hook, &x.Choices, &want.Choices)
	note("the status", x.Response.Status == want.Response.Status)
	o.fields(k.hook, "response", &x.Response.Header, &want.Response.Header)
}

func (o *Outcome) choices(h exchange.Hook, got, want *exchange.Choices) {
	note := func(what string, same bool) {
		if !same {
			o.differs(h, what)
		}
	}
	a, b := &got.Key, &want.Key
	parts := slices.EqualFunc(a.Parts, b.Parts, func(x, y exchange.Field) bool { return x.Name == y.Name && x.Value == y.Value })
	note("the cache key", parts && a.Replace == b.Replace && a.HasReplace == b.HasReplace && slices.Equal(a.IgnoreQuery, b.IgnoreQuery) &&
		a.IgnoreAllQuery == b.IgnoreAllQuery && a.SortQuery == b.SortQuery && a.LowerCase == b.LowerCase)
	note("whether the cache is used", got.Bypass == want.Bypass && got.Revalidate == want.Revalidate)
	note("the origin", got.Origin == want.Origin)
	note("the time to live", got.TTL == want.TTL && got.Grace == want.Grace)
	note("the tags", slices.Equal(got.Tags, want.Tags))
	note("whether it is stored", got.NoStore == want.NoStore)
}

// fields compares the values of each field, in their order.
func (o *Outcome) fields(h exchange.Hook, of string, got, want *exchange.Header) {
	list := func(head *exchange.Header) map[string]string {
		m := map[string]string{}
		for f := range head.All() {
			m[strings.ToLower(f.Name)] += f.Value + "\n"
		}
		return m
	}
	a, b := list(got), list(want)
	var names []string
	for name, v := range a {
		if w, ok := b[name]; !ok || v != w {
			names = append(names, name)
		}
	}
	for name := range b {
		if _, ok := a[name]; !ok {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		o.differs(h, "field "+name+" of the "+of)
	}
}
