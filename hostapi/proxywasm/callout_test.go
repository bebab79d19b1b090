package proxywasm

import (
	"context"
	"slices"
	"strings"
	"testing"

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
