package hook

import (
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/wedgecdn/wedge/hostapi/exchange"
)

// does is a function whose hooks are Go functions.
type does map[exchange.Hook]func(x *exchange.Exchange) (bool, error)

func (d does) Hooks() (s exchange.HookSet) {
	for h := range d {
		s = s.With(h)
	}
	return s
}

func (d does) Start(x *exchange.Exchange) (Run, error) { return &doesRun{d, x}, nil }

type doesRun struct {
	does
	x *exchange.Exchange
}

func (r *doesRun) Call(h exchange.Hook) (answered bool, err error) {
	if f := r.does[h]; f != nil {
		answered, err = f(r.x)
	}
	r.x.Calls = append(r.x.Calls, exchange.Call{Function: "f", Hook: h, Fuel: 7})
	return answered, err
}

func (*doesRun) End() {}

// taking samples every exchange and keeps its copy.
type taking struct{ copies []*Copy }

func (*taking) Sampled(*exchange.Exchange) bool { return true }
func (t *taking) Take(c *Copy)                  { t.copies = append(t.copies, c) }

// respond makes a hook that sets a field of the response.
func respond(name, value string) func(x *exchange.Exchange) (bool, error) {
	return func(x *exchange.Exchange) (bool, error) { x.Response.Header.Set(name, value); return false, nil }
}

// rewrite makes a hook that puts a text before the body.
func rewrite(text string) func(x *exchange.Exchange) (bool, error) {
	return func(x *exchange.Exchange) (bool, error) {
		old := x.Response.Body
		x.Response.Body = exchange.ReaderBody(struct {
			io.Reader
			io.Closer
		}{io.MultiReader(strings.NewReader(text), old), old})
		return false, nil
	}
}

func fail(*exchange.Exchange) (bool, error) {
	return false, &exchange.Error{Reason: exchange.ReasonFunctionTrap, Err: errors.New("broken")}
}

// served takes an exchange through a function, as the pipeline would, and returns what its client got and the copy.
func served(t *testing.T, f Function, body string, read int64) (got string, header string, c *Copy) {
	t.Helper()
	var sh taking
	chain := NewChain([]Binding{{Name: "f", Function: f, Shadow: &sh, OnFailure: Open}})
	x := exchange.New()
	x.Request.Method, x.Request.Path = "GET", "/a"
	x.Request.Header.Add("X-Asked", "1")
	if chain.Has(exchange.OnRequest) {
		chain.Call(x, exchange.OnRequest)
	}
	x.Response.Status = 200
	x.Response.Header.Add("X-Origin", "1")
	x.Response.Body = exchange.NewBytesBody([]byte(body))
	if chain.Has(exchange.OnResponse) {
		chain.Call(x, exchange.OnResponse)
	}
	b, err := io.ReadAll(io.LimitReader(x.Response.Body, read))
	if err != nil {
		t.Fatal(err)
	}
	header, _ = x.Response.Header.Named("X-A")
	chain.End(x)
	x.Response.Drop()
	x.Release()
	if len(sh.copies) != 1 {
		t.Fatalf("%d copies", len(sh.copies))
	}
	return string(b), header, sh.copies[0]
}

// TestReplay: what differs is named, what does not is not, and the served exchange has nothing of the shadow.
func TestReplay(t *testing.T) {
	long := strings.Repeat("0123456789", MaxShadowBody/5)
	f := func(what string, a, b does, body string, unread bool, want ...string) {
		t.Helper()
		got, header, c := served(t, a, body, 1<<30)
		defer c.Release()
		o, err := c.Replay(b)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(o.Differences, want) || o.Unread != unread {
			t.Errorf("%s: %q, unread %v, want %q", what, o.Differences, o.Unread, want)
		}
		if c.Fuel != 7*int64(len(a)) && !o.Failed {
			t.Errorf("%s: fuel %d", what, c.Fuel)
		}
		if !strings.HasSuffix(got, body) || header == "b" {
			t.Errorf("%s: the client got %.40q, X-A %q", what, got, header)
		}
	}
	const onRequest, onResponse = exchange.OnRequest, exchange.OnResponse
	f("the same", does{onResponse: respond("X-A", "a")}, does{onResponse: respond("X-A", "a")}, "body", false)
	f("a field", does{onResponse: respond("X-A", "a")}, does{onResponse: respond("X-A", "b")}, "body", false, "on_response: field x-a of the response")
	f("a field more", does{onResponse: respond("X-A", "a")}, does{onResponse: respond("X-B", "a")}, "body", false, "on_response: field x-a of the response", "on_response: field x-b of the response")
	f("a body", does{onResponse: rewrite("a")}, does{onResponse: rewrite("b")}, "body", false, "on_response: the body of the response")
	f("the same body", does{onResponse: rewrite("a")}, does{onResponse: rewrite("a")}, "body", false)
	f("a body that stays", does{onResponse: respond("X-A", "a")}, does{onResponse: rewrite("b")}, "body", false, "on_response: field x-a of the response", "on_response: the body of the response")
	f("a long body", does{onResponse: respond("X-A", "a")}, does{onResponse: respond("X-A", "b")}, long, true, "on_response: field x-a of the response")
	f("a long body that is read", does{onResponse: rewrite("a")}, does{onResponse: rewrite("b")}, long, true)
	path := func(p string) func(x *exchange.Exchange) (bool, error) {
		return func(x *exchange.Exchange) (bool, error) { x.Request.Path = p; return false, nil }
	}
	f("a path", does{onRequest: path("/b")}, does{onRequest: path("/c")}, "body", false, "on_request: the path")
	key := func(x *exchange.Exchange) (bool, error) {
		x.Choices.Key.Parts = append(x.Choices.Key.Parts, exchange.Field{Name: "f", Value: "a"})
		return false, nil
	}
	f("a key", does{onRequest: path("/b")}, does{onRequest: key}, "body", false, "on_request: the path", "on_request: the cache key")
	answer := func(x *exchange.Exchange) (bool, error) { x.Response.Status = 403; return true, nil }
	f("an answer", does{onRequest: path("/a")}, does{onRequest: answer}, "body", false, "on_request: it answered at once, the served one did not")
	f("a failure", does{onRequest: path("/a")}, does{onRequest: fail}, "body", false, "on_request: it failed (function-trap), the served one did not")
	f("a failure less", does{onRequest: fail}, does{onRequest: path("/a")}, "body", false, "on_request: it did not fail, the served one did (function-trap)")
	f("two failures", does{onRequest: fail}, does{onRequest: fail}, "body", false)
	// Its own on_request is what its on_response goes on from.
	mark := func(value string) does {
		return does{onRequest: func(x *exchange.Exchange) (bool, error) { x.Request.Header.Set("X-Mark", value); return false, nil },
			onResponse: func(x *exchange.Exchange) (bool, error) {
				v, _ := x.Request.Header.Named("X-Mark")
				x.Response.Header.Set("X-A", v)
				return false, nil
			}}
	}
	f("two hooks", mark("a"), mark("b"), "body", false, "on_request: field x-mark of the request", "on_response: field x-mark of the request", "on_response: field x-a of the response")
}

// A client that leaves in the middle of a body leaves nothing to compare it with.
func TestReplayOfPart(t *testing.T) {
	_, _, c := served(t, does{exchange.OnResponse: rewrite("a")}, "a body", 2)
	defer c.Release()
	if o, err := c.Replay(does{exchange.OnResponse: rewrite("b")}); err != nil || !o.Unread || len(o.Differences) != 0 {
		t.Errorf("%+v (%v)", o, err)
	}
}

// A request with content is not copied: its content can be read once.
func TestContentIsNotCopied(t *testing.T) {
	var sh taking
	chain := NewChain([]Binding{{Name: "f", Function: does{exchange.OnRequest: respond("a", "b")}, Shadow: &sh}})
	x := exchange.New()
	defer x.Release()
	x.Request.Body = exchange.NewBytesBody([]byte("content"))
	chain.Call(x, exchange.OnRequest)
	chain.End(x)
	if len(sh.copies) != 0 {
		t.Error("a request with content was copied")
	}
}
