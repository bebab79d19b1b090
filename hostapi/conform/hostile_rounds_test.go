package conform

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/wedgecdn/wedge/hostapi/guest"
	"github.com/wedgecdn/wedge/hostapi/httpwasm"
	"github.com/wedgecdn/wedge/hostapi/proxywasm"
	. "github.com/wedgecdn/wedge/runtime/engine/enginetest"
	"github.com/wedgecdn/wedge/runtime/limit"
	"github.com/wedgecdn/wedge/runtime/sandbox"
)

// Where a guest of rounds counts, over all its exchanges: 4 bytes that are a name no other has.
const tally4 = 24

// another makes the next name, and pushes its address and length.
func another() []byte {
	return Code(I32(tally4), load(tally4), I32(1), Add32, Store32, I32(tally4), I32(4))
}

// times repeats code; it uses the local.
func times(local uint32, n int32, code ...[]byte) []byte {
	return Code(I32(0), Set(local), Op(0x03, 0x40), Code(code...), Get(local), I32(1), Add32, Set(local), Get(local), I32(n), Op(0x49, 0x0d, 0x00, 0x0b))
}

// hostileRounds are guests that take a little in each exchange, and more and more in all.
func hostileRounds() (list []hostile) {
	filter := func(name string, build func(p *program)) {
		p := newProgram(proxywasm.New().Funcs()).allocate()
		build(p)
		list = append(list, hostile{"a filter: " + name, p.bytes(), ""})
	}
	filter("new metrics", func(p *program) {
		p.headers(times(3, 100, p.do("proxy_define_metric", I32(0), another(), I32(out+8)), p.do("proxy_increment_metric", load(out+8), I64(1))))
	})
	filter("new data without a value", func(p *program) {
		p.headers(times(3, 2000, p.do("proxy_set_shared_data", another(), I32(0), I32(0), I32(0))))
	})
	filter("new data of 8 KiB", func(p *program) {
		p.headers(times(3, 100, p.do("proxy_set_shared_data", another(), I32(4096), I32(8192), I32(0))))
	})
	filter("new queues, and items in each", func(p *program) {
		p.headers(times(3, 20, p.do("proxy_register_shared_queue", another(), I32(out+8)), times(4, 50, p.do("proxy_enqueue_shared_queue", load(out+8), I32(4096), I32(1024)))))
	})
	filter("items of no length", func(p *program) {
		p.headers(p.do("proxy_register_shared_queue", p.text("q"), I32(out+8)), times(3, 2000, p.do("proxy_enqueue_shared_queue", load(out+8), I32(0), I32(0))))
	})
	filter("callouts that nobody waits for", func(p *program) {
		p.headers(times(3, 100, p.do2(p.callout("shop", "/held"))))
		p.answers(times(3, 100, p.do2(p.callout("shop", "/x"))))
	})
	filter("callouts at the end", func(p *program) {
		p.headers()
		p.on("proxy_on_done", "i", "i", times(1, 100, p.do2(p.callout("shop", "/held"))), I32(0)) // and it is never done
		p.on("proxy_on_log", "i", "", times(1, 100, p.do2(p.callout("shop", "/x"))))
		p.on("proxy_on_delete", "i", "", times(1, 100, p.do2(p.callout("shop", "/held"))))
	})
	filter("ticks that never end", func(p *program) {
		p.on("proxy_on_configure", "ii", "i", p.do("proxy_set_tick_period_milliseconds", I32(1)), I32(1))
		p.on("proxy_on_tick", "i", "", Forever())
		p.headers(p.do("proxy_set_tick_period_milliseconds", I32(0)), p.do("proxy_set_tick_period_milliseconds", I32(-1)))
	})
	filter("a queue that feeds itself", func(p *program) {
		p.on("proxy_on_configure", "ii", "i", p.do("proxy_register_shared_queue", p.text("self"), I32(out+8)), p.do("proxy_enqueue_shared_queue", load(out+8), p.text("x")), I32(1))
		p.on("proxy_on_queue_ready", "ii", "", p.do("proxy_dequeue_shared_queue", Get(1), outs), times(2, 100, p.do("proxy_enqueue_shared_queue", Get(1), p.text("x"))))
		p.headers()
	})
	filter("contexts, calls and queues of others", func(p *program) {
		p.headers(times(3, 300, p.do("proxy_set_effective_context", Get(3)), p.do("proxy_continue_stream", I32(0)), p.do("proxy_continue_stream", I32(1)), p.do("proxy_dequeue_shared_queue", Get(3), outs),
			p.do("proxy_increment_metric", Get(3), I64(1)), p.do("proxy_kv_store_get", Get(3), p.text("k"), outs)))
	})
	filter("answers, twice in each stream", func(p *program) {
		answer := p.do("proxy_send_local_response", I32(403), p.text(""), p.text("no"), p.text(""), I32(-1))
		p.on("proxy_on_response_headers", "iii", "i", I32(0))
		p.on("proxy_on_response_body", "iii", "i", answer, answer, p.do("proxy_close_stream", I32(0)), I32(0))
		p.on("proxy_on_log", "i", "", answer, p.do("proxy_continue_stream", I32(1)), p.do("proxy_close_stream", I32(1)))
	})
	filter("fields of 60 KB", func(p *program) {
		p.headers(times(3, 500, p.do("proxy_add_header_map_value", I32(mRequest), p.text("x"), I32(1024), I32(60000))))
		p.answers(I32(4096), I32('a'), I32(heap), Fill, times(3, 500, p.do("proxy_add_header_map_value", I32(mResponse), p.text("x"), I32(4096), I32(heap))))
	})
	filter("properties", func(p *program) {
		p.headers(times(3, 3000, p.do("proxy_set_property", another(), I32(4096), I32(2048))))
		p.answers(times(3, 3000, p.do("proxy_set_property", another(), I32(4096), I32(2048))))
	})
	filter("bodies that grow", func(p *program) {
		p.on("proxy_on_request_body", "iii", "i", times(3, 200, p.do("proxy_set_buffer_bytes", I32(0), I32(-1), I32(0), I32(0), I32(60000))), I32(0))
		p.on("proxy_on_response_body", "iii", "i", times(3, 200, p.do("proxy_set_buffer_bytes", I32(1), I32(-1), I32(0), I32(0), I32(60000))), I32(0))
	})
	middleware := func(name string, build func(p *program)) {
		p := newProgram(httpwasm.ABI{}.Funcs())
		build(p)
		list = append(list, hostile{"a middleware: " + name, p.bytes(), ""})
	}
	all := func(p *program) []byte { return p.do("enable_features", I32(-1)) }
	middleware("reads into nothing", func(p *program) { handlers(p, 1, p.do("read_body", ofRequest, I32(8), I32(0)), nil) })
	middleware("reads what it has written, and beyond", func(p *program) {
		handlers(p, 1, Code(all(p), p.do("write_body", ofRequest, p.text("x")), times(0, 3000, p.do("read_body", ofRequest, I32(scratch), I32(1)))),
			times(2, 3000, p.do("read_body", ofResponse, I32(scratch), I32(1))))
	})
	middleware("bodies after the response", func(p *program) {
		handlers(p, 1, all(p), times(2, 3000, p.do("write_body", ofResponse, Code(I32(0), I32(60000)))))
	})
	middleware("a body before the response, without end", func(p *program) {
		handlers(p, 1, times(0, 3000, p.do("write_body", ofResponse, Code(I32(0), I32(60000)))), nil)
	})
	for _, status := range []int32{0, 99, 101, 600, 1000, -1, 1 << 30} {
		middleware(fmt.Sprint("status ", status), func(p *program) {
			handlers(p, 0, p.do("set_status_code", I32(status)), nil)
		})
		middleware(fmt.Sprint("status afterwards ", status), func(p *program) {
			handlers(p, 1, all(p), p.do("set_status_code", I32(status)))
		})
	}
	middleware("goes on, and answers", func(p *program) {
		handlers(p, 1, Code(all(p), p.do("set_status_code", I32(403)), p.do("write_body", ofResponse, p.text("no"))), Code(p.do("set_status_code", I32(204)), p.do("write_body", ofResponse, p.text("more"))))
	})
	middleware("fields of 60 KB", func(p *program) {
		fields := func(kind []byte, local uint32) []byte {
			return Code(I32(4096), I32('a'), I32(60000), Fill, times(local, 500, p.do("add_header_value", kind, p.text("x"), Code(I32(4096), I32(60000)))))
		}
		handlers(p, 1, Code(all(p), fields(ofRequest, 0)), fields(ofResponse, 2))
	})
	middleware("trailers of 60 KB", func(p *program) {
		fields := func(kind []byte, local uint32) []byte {
			return Code(I32(4096), I32('a'), I32(60000), Fill, times(local, 500, p.do("add_header_value", kind, p.text("x"), Code(I32(4096), I32(60000)))))
		}
		handlers(p, 1, Code(all(p), fields(requestTrailers, 0)), fields(responseTrailers, 2))
	})
	return list
}

// Guests that take a little in each of many exchanges, several at a time: what they hold is bounded, and other functions, of
// their owner and of others, go on as they did.
func TestHostileRounds(t *testing.T) {
	const rounds, at = 12, 3
	c := newCity(t)
	good := c.good(t)
	// Another owner's: its metrics, data and queues are its own, whatever the first one's guests have filled.
	p := newProgram(proxywasm.New().Funcs()).allocate()
	p.headers(p.put(mRequest, "datum", number(p.call("proxy_set_shared_data", p.text("k"), p.text("v"), I32(0)))), p.put(mRequest, "queue", number(p.call("proxy_register_shared_queue", p.text("q"), I32(out+8)))),
		p.put(mRequest, "item", number(p.call("proxy_enqueue_shared_queue", load(out+8), p.text("x")))), p.do("proxy_dequeue_shared_queue", load(out+8), outs),
		p.put(mRequest, "metric", number(p.call("proxy_define_metric", I32(0), p.text("m"), I32(out+8)))))
	s := c.spec(nil)
	s.Owner, s.Name = "other", "neighbour"
	f, err := c.host.Load(t.Context(), p.bytes(), s)
	if err != nil {
		t.Fatal(err)
	}
	neighbour := &loaded{name: "another owner's filter", f: f, run: func(t *testing.T, f *guest.Function) (string, error) {
		origin, client, err := c.node.run(t, f, "GET /", "200\n\nx", false)
		return origin + client, err
	}}
	good = append(good, neighbour)
	usual := map[string]string{}
	for _, g := range good {
		defer g.f.Close()
		if usual[g.name], err = g.exchange(t); err != nil {
			t.Fatal(err)
		}
	}
	if want := "datum: 0\nqueue: 0\nitem: 0\nmetric: 0\n"; !strings.Contains(usual[neighbour.name], want) {
		t.Fatalf("another owner's filter: %s", usual[neighbour.name])
	}
	held := func() int64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	goroutines := runtime.NumGoroutine()
	for _, h := range hostileRounds() {
		before := held()
		l := c.load(t, h.name, h.module, limit.Limits{Wall: 2 * time.Second, CPU: 200 * time.Millisecond, Memory: 8 << 20})
		var work sync.WaitGroup
		for range at {
			work.Go(func() {
				for range rounds / at {
					c.forget()
					if seen, err := l.exchange(t); strings.Contains(fmt.Sprint(err, seen), "BUG") {
						t.Errorf("%s: %v\n%s", h.name, err, seen)
					}
				}
			})
		}
		work.Wait()
		for _, g := range good {
			if seen, err := g.exchange(t); err != nil || seen != usual[g.name] {
				t.Errorf("after %s: %s: %v\n%.2000s", h.name, g.name, err, seen)
			}
		}
		l.f.Close()
		c.forget()
		// 16 MiB of data and queues are the owner's, and stay.
		if grown := held() - before; grown > 40<<20 {
			t.Errorf("%s: %d KiB more are held", h.name, grown>>10)
		}
	}
	if !c.fewer(goroutines + 50) {
		t.Errorf("%d goroutines, and %d before", runtime.NumGoroutine(), goroutines)
	}
}

// fewer waits until there are at most so many goroutines; false if that takes unreasonably long.
func (c *city) fewer(most int) bool {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for range 3000 {
		if runtime.NumGoroutine() <= most {
			return true
		}
		<-tick.C
	}
	return false
}

// hostileTenants are programs that serve several exchanges, and harm those that come after the first, or try to. second is what the
// client of a later one may see at most; "" is that it must not see anything of the first one's.
func hostileTenants() map[string]func(p *compute) {
	next := func(p *compute) (r, b handle) {
		rc, bc := p.out(), p.out()
		p.emit(p.callTo("http_downstream.next_request_wait", p.open("http_downstream.next_request", 0, 0), rc, bc), Drop)
		return handle(rc), handle(bc)
	}
	return map[string]func(p *compute){
		"answers, waits for another and never returns": func(p *compute) {
			p.show("first")
			p.reply()
			next(p)
			p.emit(Forever())
		},
		"answers, waits for another and traps": func(p *compute) {
			p.reply()
			next(p)
			p.emit(Unreachable)
		},
		"answers, and runs on without asking": func(p *compute) {
			p.reply()
			p.emit(Forever())
		},
		"asks before it has answered": func(p *compute) {
			next(p)
			p.reply()
		},
		"asks while its response is open": func(p *compute) {
			_, b := p.downstream()
			p.must("http_resp.send_downstream", p.open("http_resp.new"), p.body("half"), 1)
			next(p)
			p.read(b)
		},
		"asks again and again": func(p *compute) {
			p.reply()
			p.emit(Forever(p.callTo("http_downstream.next_request", 0, 0, p.out()), Drop))
		},
		"asks, gives up, and asks again": func(p *compute) {
			p.reply()
			for range 20 {
				p.emit(p.callTo("http_downstream.next_request_abandon", p.open("http_downstream.next_request", 0, 0)), Drop)
			}
			next(p)
			p.emit(Unreachable)
		},
		"reads the first one's request and body in the next": func(p *compute) {
			r, b := p.downstream()
			p.reply()
			next(p)
			got := p.area(64)
			p.emit(p.callTo("http_req.header_value_get", r, "x-one", got, p.out()), Drop)
			p.emit(p.callTo("http_body.read", b, got, p.out()), Drop)
			p.must("http_resp.send_downstream", p.open("http_resp.new"), b, 0)
		},
		"answers the first one's client in the next": func(p *compute) {
			resp, body := p.open("http_resp.new"), p.body("late")
			p.reply()
			next(p)
			p.emit(p.callTo("http_resp.send_downstream", resp, body, 0), Drop)
			p.emit(Forever(p.callTo("http_body.write", body, "more", 0, p.out()), Drop))
		},
		"waits for what the first one began": func(p *compute) {
			later := p.later("http://shop.example/held")
			p.reply()
			next(p)
			p.emit(p.callTo("http_req.pending_req_wait", later, p.out(), p.out()), Drop)
			p.emit(p.callTo("async_io.select", []handle{later}, 0, p.out()), Drop)
		},
		"fills its memory in each": func(p *compute) {
			p.emit(I32(60), Grow, Drop)
			p.reply()
			next(p)
			p.emit(I32(60), Grow, Drop)
			p.reply()
			next(p)
			p.reply()
		},
	}
}

// Programs that are used again, several exchanges at once: each exchange ends, none sees what is another's, and a good program
// of the same owner goes on.
func TestHostileTenants(t *testing.T) {
	c := newCity(t)
	good := c.good(t)
	usual := map[string]string{}
	for _, g := range good {
		defer g.f.Close()
		var err error
		if usual[g.name], err = g.exchange(t); err != nil {
			t.Fatal(err)
		}
	}
	again := sandbox.PerInstance
	for name, build := range hostileTenants() {
		p := newCompute()
		build(p)
		s := c.spec(nil)
		s.Name, s.Isolation, s.Limits = "tenant", &again, limit.Limits{Wall: 300 * time.Millisecond, CPU: 60 * time.Millisecond, Memory: 8 << 20}
		f, err := c.host.Load(context.Background(), p.bytes(), s)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		c.forget()
		var work sync.WaitGroup
		for client := range 4 {
			work.Go(func() {
				for round := range 4 {
					mine := fmt.Sprintf("the word of client %d in round %d", client, round)
					seen, err := c.answer(t, f, "POST /\nX-One: "+mine+"\n\n"+mine, nil)
					what := fmt.Sprint(seen, err)
					if strings.Contains(what, "BUG") {
						t.Errorf("%s: %s", name, what)
					}
					if i := strings.Index(what, "the word of "); i >= 0 && !strings.HasPrefix(what[i:], mine) {
						t.Errorf("%s: client %d saw another's: %s", name, client, what)
					}
				}
			})
		}
		work.Wait()
		for _, g := range good {
			if seen, err := g.exchange(t); err != nil || seen != usual[g.name] {
				t.Errorf("after %s: %s: %v\n%.2000s", name, g.name, err, seen)
			}
		}
		f.Close()
	}
}
