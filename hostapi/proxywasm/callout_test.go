package proxywasm

import (
	"context"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/wedgecdn/wedge/hostapi/exchange"
	"github.com/wedgecdn/wedge/hostapi/services"
	"github.com/wedgecdn/wedge/runtime/limit"
)

// asked takes what functions fetch. Nobody answers.
type asked chan *services.FetchRequest

func (a asked) Fetch(ctx context.Context, r *services.FetchRequest) (*services.FetchResponse, error) {
	a <- r
	<-ctx.Done()
	return nil, ctx.Err()
}

// callsOut calls out to a named origin, and returns the callout's id.
func callsOut(t *testing.T, f *fake) uint32 {
	t.Helper()
	pairs := "\x03\x00\x00\x00\x07\x00\x00\x00\x03\x00\x00\x00\x05\x00\x00\x00\x01\x00\x00\x00\x0a\x00\x00\x00\x00\x00\x00\x00" +
		":method\x00GET\x00:path\x00/\x00:authority\x00\x00"
	if st := f.do("proxy_http_call", append(f.text("shop", pairs), 0, 0, 0, 0, 0, fakeOut)...); st != ok {
		t.Errorf("proxy_http_call: status %d", st)
	}
	return f.word(fakeOut)
}

// An instance is another session's after each stream, and a guest may know a callout whose answer nobody heard: the next has
// another id, whichever session makes it. And what is made when the stream is deleted tells where the request came from, or
// a filter that calls out to its own site would never be stopped.
func TestCalloutsOfSessions(t *testing.T) {
	b := bind(t, New(), "acme", "fn", nil, nil)
	defer b.Close()
	sent := make(asked)
	b.o.Services.Fetcher, b.named = sent, map[string]bool{"shop": true}
	ids := map[uint32]bool{}
	out := func(f *fake, _ []uint64) (uint64, error) {
		if id := callsOut(t, f); id == 0 || ids[id] {
			t.Errorf("a callout has the id %d, and others have %v", id, ids)
		} else {
			ids[id] = true
		}
		return 0, nil
	}
	f := func(loop ...string) {
		t.Helper()
		x := exchange.New()
		defer x.Release()
		for _, v := range loop {
			x.Request.Header.Add("CDN-Loop", v)
		}
		s := b.session()
		i := newFake(b, s, exports{contextCreate: out, onDelete: out})
		for range 2 { // of one state, too
			s.Attach(x, i, new(limit.Budget))
			if err := s.create(); err != nil {
				t.Error(err)
			}
			s.Close()
			for range 2 {
				if r := <-sent; !slices.Equal(r.Loop, loop) {
					t.Errorf("of a request that came by %q a callout says %q", loop, r.Loop)
				}
			}
		}
	}
	f()
	f("wedge", "other; v=1, wedge")
	f(strings.Repeat("x", 10))
}

// silent never answers, and keeps nothing of what it is asked.
type silent struct{}

func (silent) Fetch(ctx context.Context, _ *services.FetchRequest) (*services.FetchResponse, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

// answers answers with so many bytes.
type answers int64

func (e answers) Fetch(context.Context, *services.FetchRequest) (*services.FetchResponse, error) {
	return &services.FetchResponse{Status: 200, Body: io.NopCloser(io.LimitReader(zeros{}, int64(e)))}, nil
}

// zeros are as many as are asked for.
type zeros struct{}

func (zeros) Read(b []byte) (int, error) { return len(b), nil }

// However many streams and functions an owner has, its callouts are bounded in number and in bytes, and another's are not
// touched. All of it is given back when they have ended.
func TestHostileCalloutsOfOwner(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := New()
		var bindings []*binding
		var ends []func()
		open := func(owner services.Owner, name string, fetcher services.Fetcher) *binding {
			b := bind(t, a, owner, name, nil, nil)
			b.o.Services.Fetcher, b.named = fetcher, map[string]bool{"shop": true}
			bindings = append(bindings, b)
			return b
		}
		pairs := "\x03\x00\x00\x00\x07\x00\x00\x00\x03\x00\x00\x00\x05\x00\x00\x00\x01\x00\x00\x00\x0a\x00\x00\x00\x00\x00\x00\x00" +
			":method\x00GET\x00:path\x00/\x00:authority\x00\x00"
		// began is how many callouts some streams of a binding begin.
		began := func(b *binding, streams int) (n int) {
			t.Helper()
			for range streams {
				x := exchange.New()
				s := b.session()
				i := newFake(b, s, exports{contextCreate: func(f *fake, _ []uint64) (uint64, error) {
					for range mostCalls {
						if f.do("proxy_http_call", append(f.text("shop", pairs), 0, 0, 0, 0, 0, fakeOut)...) == ok {
							n++
						}
					}
					return 0, nil
				}})
				s.Attach(x, i, new(limit.Budget))
				if err := s.create(); err != nil {
					t.Error(err)
				}
				ends = append(ends, func() {
					s.Close()
					x.Release()
				})
			}
			return n
		}
		one, two, other := open("acme", "one", silent{}), open("acme", "two", silent{}), open("other", "fn", silent{})
		if n := began(one, 20) + began(two, 20); n != mostOwned {
			t.Errorf("an owner has %d callouts under way, over its functions: want %d", n, mostOwned)
		}
		if n := began(other, 1); n != mostCalls {
			t.Errorf("another owner has %d: want %d", n, mostCalls)
		}
		large := open("large", "fn", answers(700<<10))
		began(large, 10)
		synctest.Wait() // all have been answered, or refused
		if n := large.account.bytes.Load(); n < mostHeard-1<<20 || n > mostHeard {
			t.Errorf("an owner's callouts hold %d KiB: want %d at most, and nearly that", n>>10, mostHeard>>10)
		}
		for _, end := range ends {
			end()
		}
		for _, b := range bindings {
			b.Close()
			b.Close() // once more does nothing
		}
		synctest.Wait()
		for _, b := range bindings {
			if calls, n := b.account.calls.Load(), b.account.bytes.Load(); calls != 0 || n != 0 {
				t.Errorf("%s of %s: %d callouts with %d bytes are counted when all is over", b.o.Name, b.o.Owner, calls, n)
			}
		}
		if n := len(a.shared.accounts); n != 0 {
			t.Errorf("%d accounts are kept of owners that are gone", n)
		}
	})
}
