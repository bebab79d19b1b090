package fastly

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wedgecdn/wedge/hostapi/adapter"
	"github.com/wedgecdn/wedge/hostapi/services"
	"github.com/wedgecdn/wedge/runtime/hostcall/hostcalltest"
	"github.com/wedgecdn/wedge/runtime/wasi"
)

// A tenancy is a program under a lease, and the host that has leased it out.
type tenancy struct {
	instance
	w      *world
	s      *Session
	offers chan struct{} // has an offer in it
	gone   chan error    // how it ended, while it rested

	mu    sync.Mutex
	last  bool // it is to be told at its next rest
	trace string
}

func (w *world) lease(do func(p *program)) *tenancy {
	s := w.binding.NewSession().(*Session)
	return &tenancy{instance: instance{w.newProgram(s), do}, w: w, s: s, offers: make(chan struct{}, 1), gone: make(chan error, 1)}
}

func (t *tenancy) note(what string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.trace += what
	return !t.last
}

func (t *tenancy) Rest() bool { return t.note("r") }
func (t *tenancy) Resume()    { t.note("s") }
func (t *tenancy) Offer() bool {
	t.offers <- struct{}{}
	return true
}

func (t *tenancy) Withdraw() bool {
	select {
	case <-t.offers:
		return true
	default:
		return false
	}
}
func (t *tenancy) Gone(err error) { t.gone <- err }

// send has it answer an exchange: the first, or one that it waits for.
func (t *tenancy) send(input string) outcome {
	t.w.t.Helper()
	if t.s.begun {
		<-t.offers
	}
	return t.w.answered(t.s, t, exchangeOf(input))
}

func (t *tenancy) wantTrace(want string) {
	t.w.t.Helper()
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.trace != want {
		t.w.t.Errorf("the lease saw %q, want %q", t.trace, want)
	}
}

// next asks for the next request and waits for it; false if there is none.
func (p *program) next() bool {
	p.t.Helper()
	promise, r, b := p.handle("http_downstream.next_request", 0, 0), p.out(), p.out()
	switch st := p.call("http_downstream.next_request_wait", promise, r, b); st {
	case ok:
		return true
	case none:
		return false
	default:
		p.t.Errorf("next_request_wait: %v", st)
		return false
	}
}

// exit ends the program.
func (p *program) exit(code uint64) {
	funcs := wasi.Funcs()
	_, err := p.Call(hostcalltest.Find(funcs, "proc_exit"), code)
	panic(err)
}

// What a program has in memory is there in its next exchange, and stores that it has opened; what was open of the exchange
// before is not, and what it says of the request is the new one's.
func TestReuse(t *testing.T) {
	w := newWorld(t)
	l := w.lease(func(p *program) {
		visits, config, old := 0, p.handle("config_store.open", "settings"), uint32(0)
		for again := true; again; again = p.next() {
			p.top = 64
			visits++
			if old != 0 {
				p.want(badHandle, "http_req.method_get", old, p.room(4), p.out())
			}
			r, b := p.downstream()
			old = r
			p.handle("http_body.new") // is left open
			p.body("held, and never read")
			p.reply(200, fmt.Sprint(visits, " ", p.string("http_req.method_get", r), " ", p.read(b), " ", p.string("config_store.get", config, "greeting")))
		}
	})
	w.wantContent("the first", l.send("POST /\n\none"), 200, "1 POST one hi")
	w.wantContent("the second", l.send("PUT /\n\ntwo"), 200, "2 PUT two hi")
	w.wantContent("the third", l.send("GET /"), 200, "3 GET  hi")
	<-l.offers
	l.wantTrace("rsrsr")
	l.s.Dismiss()
	if err := <-l.gone; err != nil {
		t.Errorf("it ended with %v", err)
	}
}

// Without a lease there is no next request, and what a program makes of that is nobody's failure.
func TestNotReused(t *testing.T) {
	w := newWorld(t)
	for range 2 {
		o := w.run("GET /", func(p *program) {
			p.reply(200, "one")
			if p.next() {
				t.Error("there was another")
			}
			p.exit(255)
		})
		w.wantContent("once", o, 200, "one")
	}
	o := w.run("GET /", func(p *program) { p.reply(200, "one"); p.exit(255) })
	if o.ended == nil {
		t.Error("an exit code that is not zero is a failure if nothing was asked for")
	}
}

func TestReuseEnds(t *testing.T) {
	w := newWorld(t)
	boom := errors.New("boom")
	f := func(what string, do func(p *program), then func(l *tenancy), trace string, gone error) {
		t.Helper()
		synctest.Test(t, func(t *testing.T) {
			l := w.lease(func(p *program) {
				p.reply(200, "one")
				do(p)
			})
			w.wantContent(what, l.send("GET /"), 200, "one")
			if then != nil {
				then(l)
			}
			if err := <-l.gone; !errors.Is(err, gone) {
				t.Errorf("%s: it ended with %v, want %v", what, err, gone)
			}
			l.wantTrace(trace)
		})
	}
	more := func(p *program) {
		for p.next() {
			p.reply(200, "more")
		}
	}
	f("nobody comes", func(p *program) {
		begin := time.Now()
		if p.next() || time.Since(begin) != mostPatience {
			t.Errorf("it waited %s", time.Since(begin))
		}
	}, nil, "r", nil)
	f("its own patience", func(p *program) {
		begin := time.Now()
		promise := p.handle("http_downstream.next_request", 2, p.record(1500, 0))
		p.want(none, "http_downstream.next_request_wait", promise, p.out(), p.out())
		p.want(badHandle, "http_downstream.next_request_wait", promise, p.out(), p.out())
		if d := time.Since(begin); d != 1500*time.Millisecond {
			t.Errorf("it waited %s", d)
		}
	}, nil, "r", nil)
	f("a very long patience", func(p *program) {
		begin := time.Now()
		promise := p.handle("http_downstream.next_request", 2, p.record(0, 0xffff_ffff))
		p.want(none, "http_downstream.next_request_wait", promise, p.out(), p.out())
		if d := time.Since(begin); d != mostPatience {
			t.Errorf("it waited %s", d)
		}
	}, nil, "r", nil)
	f("it is dismissed", more, func(l *tenancy) { synctest.Wait(); <-l.offers; l.s.Dismiss() }, "r", nil)
	f("it exits, being told", func(p *program) { p.next(); p.exit(255) }, func(l *tenancy) { synctest.Wait(); <-l.offers; l.s.Dismiss() }, "r", nil)
	f("it traps between two", func(p *program) { p.next(); panic(boom) }, nil, "r", boom)
	f("it asks again, being told", func(p *program) {
		for range 3 {
			if p.next() {
				t.Error("one has come")
			}
		}
	}, func(l *tenancy) { synctest.Wait(); <-l.offers; l.s.Dismiss() }, "r", nil)
	f("it does not wait any more", func(p *program) {
		promise := p.handle("http_downstream.next_request", 0, 0)
		ready := p.out()
		p.must("async_io.is_ready", promise, ready)
		p.must("http_downstream.next_request_abandon", promise)
		p.want(badHandle, "http_downstream.next_request_abandon", promise)
		if p.next() {
			t.Error("one has come")
		}
	}, nil, "r", nil)
	f("the second, and no third", func(p *program) {
		more(p)
	}, func(l *tenancy) {
		w.wantContent("the second", l.send("GET /"), 200, "more")
	}, "rsr", nil)
	f("it is to end by then", func(p *program) {
		if !p.next() {
			t.Error("none has come")
		}
		p.reply(200, "more")
		if p.next() {
			t.Error("a third has come")
		}
	}, func(l *tenancy) {
		l.mu.Lock()
		l.last = true
		l.mu.Unlock()
		w.wantContent("the second", l.send("GET /"), 200, "more")
	}, "rsr", nil)
}

// A failure is that of the exchange in which it happens.
func TestReuseFailure(t *testing.T) {
	w := newWorld(t)
	boom := errors.New("boom")
	l := w.lease(func(p *program) {
		p.reply(200, "one")
		p.next()
		panic(boom)
	})
	w.wantContent("the first", l.send("GET /"), 200, "one")
	if o := l.send("GET /"); !errors.Is(o.failed, boom) {
		t.Errorf("the second: %+v", o)
	}
	l = w.lease(func(p *program) {
		p.reply(200, "one")
		p.next()
	})
	w.wantContent("the first", l.send("GET /"), 200, "one")
	if o := l.send("GET /"); !errors.Is(o.failed, ErrSilent) {
		t.Errorf("the second: %+v", o)
	}
	l.wantTrace("rs")
}

// What a program may not do.
func TestReuseMisused(t *testing.T) {
	w := newWorld(t)
	l := w.lease(func(p *program) {
		promise := p.handle("http_downstream.next_request", 0, 0)
		p.want(unsupported, "http_downstream.next_request_wait", promise, p.out(), p.out())
		p.want(limitExceeded, "http_downstream.next_request", 0, 0, p.out())
		p.want(badHandle, "http_downstream.next_request_wait", p.body("a"), p.out(), p.out())
		p.want(invalid, "http_downstream.next_request", 4, 0, p.out())
		p.want(invalid, "http_downstream.next_request", 2, 1<<20-7, p.out())
		ready := p.out()
		if p.must("async_io.is_ready", promise, ready); p.get(ready) != 0 {
			t.Error("the next request is there before this one has its response")
		}
		p.reply(200, "one")
		p.must("http_downstream.next_request_wait", promise, p.out(), p.out())
		p.reply(200, "two")
	})
	w.wantContent("the first", l.send("GET /"), 200, "one")
	w.wantContent("the second", l.send("GET /"), 200, "two")
	l.wantTrace("rs")
}

// A program may look whether the next request is there, and do something else meanwhile.
func TestReusePolls(t *testing.T) {
	w := newWorld(t)
	poll := func(p *program, times int) (promise uint32, ready bool) {
		promise = p.handle("http_downstream.next_request", 0, 0)
		out := p.out()
		for range times {
			if p.must("async_io.is_ready", promise, out); p.get(out) == 1 {
				return promise, true
			}
			<-time.After(100 * time.Millisecond)
		}
		return promise, false
	}
	synctest.Test(t, func(t *testing.T) {
		l := w.lease(func(p *program) {
			p.reply(200, "one")
			promise, ready := poll(p, 1000)
			if !ready {
				t.Error("it is never ready")
			}
			p.must("http_downstream.next_request_wait", promise, p.out(), p.out())
			p.reply(200, "two")
			promise = p.handle("http_downstream.next_request", 0, 0)
			if i := p.handle("async_io.select", []uint32{promise}, 0); i != 0 {
				t.Errorf("select: %d", i)
			}
			p.must("http_downstream.next_request_wait", promise, p.out(), p.out())
			p.reply(200, "three")
		})
		w.wantContent("the first", l.send("GET /"), 200, "one")
		time.Sleep(time.Second)
		w.wantContent("the second", l.send("GET /"), 200, "two")
		w.wantContent("the third", l.send("GET /"), 200, "three")
		l.wantTrace("rsrs")
	})
	// One that was looked for, and is not wanted then, is for somebody else.
	f := func(what string, do func(p *program, promise uint32)) {
		t.Helper()
		synctest.Test(t, func(t *testing.T) {
			l := w.lease(func(p *program) {
				p.reply(200, "one")
				promise, ready := poll(p, 1000)
				if !ready {
					t.Error("it is never ready")
				}
				do(p, promise)
			})
			w.wantContent("the first", l.send("GET /"), 200, "one")
			if o := l.send("GET /"); !errors.Is(o.failed, adapter.ErrUntaken) {
				t.Errorf("%s: %+v", what, o)
			}
			<-l.gone
			// One that had taken it just before finds nobody.
			if o := w.answered(l.s, l, exchangeOf("GET /")); !errors.Is(o.failed, adapter.ErrUntaken) {
				t.Errorf("%s, too late: %+v", what, o)
			}
			l.wantTrace("r")
		})
	}
	f("it ends", func(*program, uint32) {})
	f("it traps", func(*program, uint32) { panic(errors.New("boom")) })
	f("it abandons it", func(p *program, promise uint32) { p.must("http_downstream.next_request_abandon", promise) })
	// As long as something of the exchange is under way, a look does not end it.
	synctest.Test(t, func(t *testing.T) {
		held := make(chan struct{})
		w.answer = func(*services.FetchRequest) (*services.FetchResponse, error) {
			<-held
			return response200("late"), nil
		}
		l := w.lease(func(p *program) {
			pending := p.handle("http_req.send_async", p.request("GET", "http://shop.example/"), p.handle("http_body.new"), "shop")
			p.reply(200, "one")
			promise, ready := poll(p, 3)
			if ready {
				t.Error("it is ready")
			}
			close(held)
			resp, body := p.out(), p.out()
			p.must("http_req.pending_req_wait", pending, resp, body)
			if got := p.read(p.get(body)); got != "late" {
				t.Errorf("read %q", got)
			}
			p.must("http_downstream.next_request_wait", promise, p.out(), p.out())
			p.reply(200, "two")
		})
		w.wantContent("the first", l.send("GET /"), 200, "one")
		w.wantContent("the second", l.send("GET /"), 200, "two")
	})
}

// A program that gives its promise up when an exchange has taken the offer gets no other: two would meet in its session.
func TestReuseGivenUp(t *testing.T) {
	w := newWorld(t)
	synctest.Test(t, func(t *testing.T) {
		taken := make(chan struct{})
		l := w.lease(func(p *program) {
			p.reply(200, "one")
			promise := p.handle("http_downstream.next_request", 0, 0)
			p.must("async_io.is_ready", promise, p.out())
			<-taken
			p.must("http_downstream.next_request_abandon", promise)
			if p.next() {
				t.Error("it got the exchange that it did not want")
			}
		})
		w.wantContent("the first", l.send("GET /"), 200, "one")
		<-l.offers // an exchange has taken it, and is on its way
		close(taken)
		synctest.Wait()
		select {
		case <-l.offers:
			t.Error("it is offered to another exchange while one is on its way")
		default:
		}
		if o := w.answered(l.s, l, exchangeOf("GET /")); !errors.Is(o.failed, adapter.ErrUntaken) {
			t.Errorf("the one on its way: %+v", o)
		}
		<-l.gone
		l.wantTrace("r")
	})
}

// A program that asks again and again does not hold its instance for longer than one that asks once.
func TestReuseAsksAgain(t *testing.T) {
	w := newWorld(t)
	synctest.Test(t, func(t *testing.T) {
		l := w.lease(func(p *program) {
			p.reply(200, "one")
			began := time.Now()
			for range 50 {
				if p.top = 64; p.next() {
					t.Error("there was another")
				}
			}
			if rested := time.Since(began); rested > mostPatience {
				t.Errorf("it has waited for %v", rested)
			}
		})
		w.wantContent("the first", l.send("GET /"), 200, "one")
		<-l.gone
	})
}

// A program is given no other exchange while a large response waits for a client that does not take it.
func TestReuseUnsent(t *testing.T) {
	w := newWorld(t)
	f := func(size int, offered bool) {
		t.Helper()
		synctest.Test(t, func(t *testing.T) {
			l := w.lease(func(p *program) {
				at := p.bytesAt(strings.Repeat("x", size))
				b := p.handle("http_body.new")
				p.must("http_body.write", b, room{at, uint32(size)}, 0, p.out())
				p.must("http_resp.send_downstream", p.handle("http_resp.new"), b, 0)
				p.next()
				p.reply(200, "two")
			})
			x := exchangeOf("GET /")
			l.s.Attach(x, l, nil)
			l.s.Begin(0)
			if _, streaming, err := l.s.Run(func(int32, error) error { return nil }); !streaming {
				t.Fatal(err)
			}
			synctest.Wait()
			if got := len(l.offers) == 1; got != offered {
				t.Errorf("%d bytes: offered %v, want %v", size, got, offered)
			}
			x.Response.Body.Close()
			w.wantContent("the second", l.send("GET /"), 200, "two")
		})
	}
	f(mostUnsent, true)
	f(mostUnsent+1, false)
	// Nor does it wait for that beyond its patience.
	synctest.Test(t, func(t *testing.T) {
		l := w.lease(func(p *program) {
			b := p.handle("http_body.new")
			p.must("http_body.write", b, room{0, mostUnsent + 1}, 0, p.out())
			p.must("http_resp.send_downstream", p.handle("http_resp.new"), b, 0)
			if p.next() {
				t.Error("one has come")
			}
		})
		x := exchangeOf("GET /")
		l.s.Attach(x, l, nil)
		l.s.Begin(0)
		l.s.Run(func(int32, error) error { return nil })
		<-l.gone
		if len(l.offers) != 0 {
			t.Error("it is offered")
		}
		x.Response.Body.Close()
	})
}

// Handles from before an exchange stay where they are, and what a program opens again and again ends its use.
func TestReuseHandles(t *testing.T) {
	w := newWorld(t)
	rounds := 0
	l := w.lease(func(p *program) {
		for again := true; again; again = p.next() {
			p.top = 64
			out := p.out()
			name := p.bytesAt("settings")
			for range 600 {
				p.must("config_store.open", room{name, 8}, out)
			}
			for range 600 {
				p.must("http_body.new", out)
			}
			rounds++
			p.reply(200, "")
		}
	})
	for {
		select {
		case err := <-l.gone:
			if err != nil || rounds != mostLasting/600+1 {
				t.Errorf("%v after %d rounds", err, rounds)
			}
			return
		default:
		}
		if rounds > 0 {
			select {
			case <-l.offers:
			case err := <-l.gone:
				l.gone <- err
				continue
			}
		}
		w.answered(l.s, l, exchangeOf("GET /"))
	}
}
