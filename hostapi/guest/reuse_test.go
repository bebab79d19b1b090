package guest

import (
	"bytes"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wedgecdn/wedge/hostapi/adapter"
	"github.com/wedgecdn/wedge/hostapi/exchange"
	. "github.com/wedgecdn/wedge/runtime/engine/enginetest"
	"github.com/wedgecdn/wedge/runtime/limit"
	"github.com/wedgecdn/wedge/runtime/sandbox"
)

// counting is a program that answers with the status 201 and how often it has answered before, up to 700 times and then from
// 201 on again, and asks for the next request. By
// the number of a request's fields, its host apart: 1 is a trap, 2 a loop without end, 3 a trap when it has answered, 4 a
// loop of work, 5 growth by 64 pages, 6 an end.
func counting() []byte {
	m := &Module{}
	m.Memory(1, 0)
	create := m.Import("fastly_http_resp", "new", "i", "i")
	status := m.Import("fastly_http_resp", "status_set", "ii", "i")
	body := m.Import("fastly_http_body", "new", "i", "i")
	send := m.Import("fastly_http_resp", "send_downstream", "iii", "i")
	fields := m.Import("fastly_http_req", "original_header_count", "i", "i")
	next := m.Import("fastly_http_downstream", "next_request", "iii", "i")
	wait := m.Import("fastly_http_downstream", "next_request_wait", "iii", "i")
	const visits, response, content, count, promise, request = 0, 4, 8, 12, 16, 20
	word := func(at int32) []byte { return Code(I32(at), Op(0x28, 2, 0)) }
	drop, unreachable := Op(0x1a), Op(0x00)
	// when runs code if the number of fields, of which the host is one, is n.
	when := func(n int32, code ...byte) []byte {
		return Code(word(count), I32(n+1), Op(0x46), Op(0x04, 0x40), code, Op(0x0b))
	}
	work := Code(I32(20_000), Set(0), Op(0x03, 0x40), Get(0), I32(1), Op(0x6b), Op(0x22, 0), Op(0x0d, 0), Op(0x0b))
	loop := Code(
		I32(count), Call(fields), drop,
		when(1, unreachable...),
		when(2, Op(0x03, 0x40, 0x0c, 0, 0x0b)...),
		when(4, work...),
		when(5, Code(I32(64), Op(0x40, 0), drop)...),
		I32(visits), word(visits), I32(1), Op(0x6a), Op(0x36, 2, 0),
		I32(response), Call(create), drop,
		word(response), I32(201), word(visits), I32(1), Op(0x6b), I32(700), Op(0x70), Op(0x6a), Call(status), drop,
		I32(content), Call(body), drop,
		word(response), word(content), I32(0), Call(send), drop,
		when(3, unreachable...),
		when(6, 0x0f),
		I32(0), I32(0), I32(promise), Call(next), drop,
		// Again, if there is a next one.
		word(promise), I32(request), I32(request+4), Call(wait), Op(0x45), Op(0x0d, 0),
	)
	m.Func("_start", "", "", "i", Code(Op(0x03, 0x40), loop, Op(0x0b))...)
	return m.Bytes()
}

// ask has a handler answer a request with some fields beside the host, and returns the status, and its failure if there is
// no response, or else the run's.
func ask(f *Function, fields int) (status int, err error) {
	x := request("/")
	for i := range fields {
		x.Request.Header.Add(fmt.Sprint("x-", i), "1")
	}
	if err := f.Answer(x, time.Time{}); err != nil {
		return 0, err
	}
	var b bytes.Buffer
	x.Response.Body.WriteTo(&b)
	err = x.Response.Body.Close()
	return x.Response.Status, err
}

func reusing(t testing.TB, h *Host, limits limit.Limits) *Function {
	t.Helper()
	return load(t, h, counting(), Spec{Owner: "acme", Name: "fn", Version: "v", Limits: limits, Isolation: new(sandbox.PerInstance)})
}

// Under isolation instance a program that asks for the next request gets it, in the memory that it had; under isolation
// request there is never a next one.
func TestReuse(t *testing.T) {
	h := newHost(t, Options{})
	want := func(f *Function, fields, status int) {
		t.Helper()
		if got, err := ask(f, fields); got != status || err != nil {
			t.Errorf("status %d (%v), want %d", got, err, status)
		}
	}
	f := reusing(t, h, limit.Limits{})
	for i := range 5 {
		want(f, 0, 201+i)
	}
	if made := f.pool.Stats(); made.Live > 1+ready {
		t.Errorf("%d instances live for requests one after the other", made.Live)
	}
	want(f, 6, 206) // and ends
	want(f, 0, 201)
	for _, isolation := range []*sandbox.Isolation{nil, new(sandbox.PerExchange)} {
		f := load(t, h, counting(), Spec{Name: "fn", Isolation: isolation})
		for range 5 {
			want(f, 0, 201)
		}
	}
}

// A failure ends the instance and the exchange in which it happens, and nothing else.
func TestReuseFails(t *testing.T) {
	var mu sync.Mutex
	var reports []string
	h := newHost(t, Options{Events: Events{Failed: func(r *Report) {
		mu.Lock()
		defer mu.Unlock()
		reports = append(reports, r.During+": "+r.Message)
	}}})
	f := reusing(t, h, limit.Limits{CPU: 20 * time.Millisecond})
	test := func(fields int, reason exchange.Reason, text string) {
		t.Helper()
		for i := range 2 {
			if got, err := ask(f, 0); got != 201+i || err != nil {
				t.Errorf("status %d (%v), want %d", got, err, 201+i)
			}
		}
		_, err := ask(f, fields)
		wantReason(t, err, exchange.SourceFunction, reason, text)
	}
	test(1, exchange.ReasonFunctionTrap, "unreachable")
	test(2, exchange.ReasonFunctionBudget, "cpu budget spent")
	test(3, exchange.ReasonFunctionTrap, "unreachable")
	if len(reports) != 3 {
		t.Errorf("reports %q", reports)
	}
}

// Each exchange has limits of its own, and what one used is written down for it.
func TestReuseLimits(t *testing.T) {
	h := newHost(t, Options{})
	spent := func(f *Function, fields int) exchange.Call {
		t.Helper()
		x := request("/")
		for i := range fields {
			x.Request.Header.Add(fmt.Sprint("x-", i), "1")
		}
		if err := f.Answer(x, time.Time{}); err != nil {
			t.Fatal(err)
		}
		if err := x.Response.Body.Close(); err != nil {
			t.Fatal(err)
		}
		return x.Calls[0]
	}
	f := reusing(t, h, limit.Limits{})
	little, much := spent(f, 0).Fuel, spent(f, 4).Fuel
	if much < little+20_000 {
		t.Fatalf("fuel %d and %d", little, much)
	}
	f = reusing(t, h, limit.Limits{Fuel: much + much/10, HostCalls: 10})
	for i := range 10 {
		// The first has what comes before the loop, and each what it does after its response.
		if got := spent(f, 4).Fuel; got < much-much/100 || got > much+much/100 {
			t.Errorf("request %d: fuel %d, and it was %d", i, got, much)
		}
		if got := spent(f, 0).Fuel; got > 2*little {
			t.Errorf("request %d: fuel %d, and it was %d", i, got, little)
		}
	}
	if got, _ := ask(f, 0); got != 221 {
		t.Errorf("status %d: it was one instance all the time", got)
	}
	// A deadline is that of an exchange as well.
	x := request("/")
	if err := f.Answer(x, time.Now().Add(time.Hour)); err != nil || x.Response.Status != 222 {
		t.Errorf("status %d %v", x.Response.Status, err)
	}
	x.Response.Body.Close()
}

// A program comes to its end after so many exchanges, and when it has grown.
func TestReuseIsBounded(t *testing.T) {
	h := newHost(t, Options{})
	f := reusing(t, h, limit.Limits{Memory: 8 << 20})
	for i := range mostExchanges + 2 {
		if got, err := ask(f, 0); got != 201+i%mostExchanges%700 || err != nil {
			t.Fatalf("request %d: status %d (%v)", i, got, err)
		}
	}
	if got, _ := ask(f, 5); got != 203 { // more than half of what it may have
		t.Errorf("status %d", got)
	}
	if got, _ := ask(f, 0); got != 201 {
		t.Errorf("status %d after it has grown", got)
	}
}

// Programs that wait for a request end with their function, and give their instances back.
func TestReuseClose(t *testing.T) {
	h := newHost(t, Options{})
	f := reusing(t, h, limit.Limits{})
	var held []*exchange.Exchange
	for range 3 {
		x := request("/")
		if err := f.Answer(x, time.Time{}); err != nil {
			t.Fatal(err)
		}
		held = append(held, x)
	}
	for _, x := range held[1:] {
		x.Response.Body.Close()
	}
	f.Close()
	if err := held[0].Response.Body.Close(); err != nil {
		t.Error(err)
	}
	if live := f.pool.Stats().Live; live != 0 {
		t.Errorf("%d instances are left", live)
	}
}

// dismissed is a session of a program that rests, and ends when it is told that no exchange comes.
type dismissed struct {
	adapter.Server
	end func()
}

func (d *dismissed) Dismiss() { d.end() }

// A program that turned an exchange away and waits for another is told like all others when its function goes.
func TestReuseCloseAfterUntaken(t *testing.T) {
	p, ended := new(resting), false
	one := new(tenant)
	one.s = &dismissed{end: func() { ended = true; p.remove(one) }}
	p.add(one)
	p.offer(one)
	if p.take(new(waiter)) != one {
		t.Fatal("nobody is offered")
	}
	p.offer(one) // it did not want that exchange
	synctest.Test(t, func(t *testing.T) {
		go p.close()
		synctest.Wait()
		if !ended {
			t.Error("it was not told, and is waited for")
			p.remove(one)
		}
	})
}

// Exchanges come from many sides, fail and end, and each has one response that was made for it.
func TestHammerReuse(t *testing.T) {
	h := newHost(t, Options{})
	f := load(t, h, counting(), Spec{Name: "fn", Instances: 4, Limits: limit.Limits{CPU: 20 * time.Millisecond, Wall: 10 * time.Second}, Isolation: new(sandbox.PerInstance)})
	var work sync.WaitGroup
	var asked, again atomic.Int64
	end := time.Now().Add(100 * time.Millisecond)
	for g := range 8 {
		work.Go(func() {
			for n := g; n < g+20 || time.Now().Before(end); n++ { // however busy the machine is
				fields := 0
				switch n % 20 {
				case 3:
					fields = 1
				case 7:
					fields = 3
				case 13:
					fields = 6
				}
				status, err := ask(f, fields)
				asked.Add(1)
				if status > 201 {
					again.Add(1)
				}
				if fields%2 == 1 && err == nil || fields%2 == 0 && (err != nil || status <= 200) {
					t.Errorf("%d fields: status %d (%v)", fields, status, err)
					return
				}
			}
		})
	}
	work.Wait()
	if asked.Load() < 20 || again.Load() == 0 {
		t.Errorf("%d requests, %d of them were not the first of an instance", asked.Load(), again.Load())
	}
}
