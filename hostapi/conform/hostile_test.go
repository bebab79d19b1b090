package conform

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/wedgecdn/wedge/hostapi/guest"
	"github.com/wedgecdn/wedge/hostapi/httpwasm"
	"github.com/wedgecdn/wedge/hostapi/proxywasm"
	. "github.com/wedgecdn/wedge/runtime/engine/enginetest"
	"github.com/wedgecdn/wedge/runtime/hostcall"
	"github.com/wedgecdn/wedge/runtime/limit"
)

// A hostile guest does what it can to harm. It may fail, and must end; ends is a part of the error that ends it, "" if it may
// end in any way.
type hostile struct {
	name   string
	module []byte
	ends   string
}

// loaded is a function, and how an exchange goes through it.
type loaded struct {
	name string
	f    *guest.Function
	run  func(t *testing.T, f *guest.Function) (string, error)
}

// exchange runs an exchange with a body in both directions, and renders what was seen of it.
func (l *loaded) exchange(t *testing.T) (seen string, err error) {
	t.Helper()
	return l.run(t, l.f)
}

func (c *city) load(t *testing.T, name string, module []byte, limits limit.Limits) *loaded {
	t.Helper()
	s := c.spec(nil)
	s.Name, s.Limits = strings.ReplaceAll(name, " ", "-"), limits
	f, err := c.host.Load(context.Background(), module, s)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	l := &loaded{name: name, f: f}
	l.run = func(t *testing.T, f *guest.Function) (string, error) {
		origin, client, err := c.node.run(t, f, "POST /a\nX-One: 1\n\nsome|thing", "200\nX-Given: 4\n\ngi|ven", false)
		return origin + client, err
	}
	if f.Info().Handler {
		l.run = func(t *testing.T, f *guest.Function) (string, error) {
			return c.answer(t, f, "POST /a\nX-One: 1\n\nsome|thing", nil)
		}
	}
	return l
}

// good are guests of each ABI that do what guests do.
func (c *city) good(t *testing.T) (list []*loaded) {
	t.Helper()
	pw := newProgram(proxywasm.New().Funcs()).allocate()
	pw.headers(pw.do("proxy_get_property", pw.text("request.path"), outs), pw.put(mRequest, "x-path", value))
	pw.answers(pw.put(mResponse, "x-seen", pw.text("yes")))
	hw := newProgram(httpwasm.ABI{}.Funcs())
	handlers(hw, 1, hw.do("set_header_value", ofRequest, hw.text("x-seen"), hw.text("yes")), nil)
	fc := newCompute()
	_, b := fc.downstream()
	fc.read(b)
	fc.fetched(fc.send(fc.request("GET", "http://shop.example/good")))
	fc.reply()
	for name, module := range map[string][]byte{"a good filter": pw.bytes(), "a good middleware": hw.bytes(), "a good program": fc.bytes()} {
		list = append(list, c.load(t, name, module, limit.Limits{Wall: 20 * time.Second, CPU: 5 * time.Second}))
	}
	return list
}

// evil are numbers that are addresses, lengths or handles of nothing, or of what the guest has not got.
var evil = []int32{0, 1, 7, 255, 65535, 4 << 16, 4<<16 - 1, 1 << 30, -1 << 31, -2, -1}

// evilCalls calls each function with each of them in all parameters at once, and with one of them in each while the others are 8.
func evilCalls(funcs []hostcall.Func, call func(f *hostcall.Func, args []byte) []byte) (code []byte) {
	push := func(kind hostcall.ValueType, v int32) []byte {
		switch kind {
		case hostcall.I64:
			return I64(int64(v))
		case hostcall.F64:
			return Op(0x44, 0, 0, 0, 0, 0, 0, 0xf8, 0x7f) // not a number
		}
		return I32(v)
	}
	for i := range funcs {
		f := &funcs[i]
		for _, v := range evil {
			for one := -1; one < len(f.Params); one++ {
				var args []byte
				for k, kind := range f.Params {
					if n := int32(8); one >= 0 && one != k {
						args = append(args, push(kind, n)...)
					} else {
						args = append(args, push(kind, v)...)
					}
				}
				code = append(code, call(f, args)...)
			}
		}
	}
	return code
}

func hostileFilters() (list []hostile) {
	add := func(name, ends string, build func(p *program)) {
		p := newProgram(proxywasm.New().Funcs())
		build(p)
		if !strings.Contains(name, "allocator") {
			p.allocate()
		}
		list = append(list, hostile{"a filter: " + name, p.bytes(), ends})
	}
	// It pauses, and nothing lets it go on.
	add("pauses the request", "nothing is under way", func(p *program) { p.on("proxy_on_request_headers", "iii", "i", pause) })
	add("pauses the request's body", "nothing is under way", func(p *program) { p.on("proxy_on_request_body", "iii", "i", pause) })
	add("pauses the response", "nothing is under way", func(p *program) { p.on("proxy_on_response_headers", "iii", "i", pause) })
	add("pauses the response's body", "", func(p *program) { p.on("proxy_on_response_body", "iii", "i", pause) })
	add("pauses and ticks", "wall budget spent", func(p *program) {
		p.on("proxy_on_tick", "i", "")
		p.on("proxy_on_request_headers", "iii", "i", p.do("proxy_set_tick_period_milliseconds", I32(10)), pause)
	})
	add("pauses for a callout that is never answered", "", func(p *program) {
		p.on("proxy_on_request_headers", "iii", "i", p.do2(p.callout("shop", "/held")), pause)
	})
	add("pauses, and each answer is another callout", "", func(p *program) {
		p.on("proxy_on_request_headers", "iii", "i", p.do2(p.callout("shop", "/x")), pause)
		p.on("proxy_on_http_call_response", "iiiii", "", p.do2(p.callout("shop", "/x")))
	})
	// Its callbacks do what only others may.
	for _, inside := range []string{"proxy_get_property", "proxy_get_header_map_value", "proxy_get_buffer_bytes", "proxy_get_configuration"} {
		add("an allocator that calls "+inside, "is running", func(p *program) {
			call := p.do("proxy_get_property", p.text("request.path"), outs)
			switch inside {
			case "proxy_get_header_map_value":
				call = p.do(inside, I32(mRequest), p.text("x-one"), outs)
			case "proxy_get_buffer_bytes":
				call = p.do(inside, I32(7), I32(0), I32(9), outs) // the plugin's configuration
			case "proxy_get_configuration":
				call = p.do(inside, outs)
			}
			p.on("malloc", "i", "i", call, I32(heap))
			p.headers(p.do("proxy_get_property", p.text("request.path"), outs))
		})
	}
	add("an allocator that answers, calls out and ends", "", func(p *program) {
		p.on("malloc", "i", "i", p.do("proxy_send_local_response", I32(403), p.text(""), p.text("no"), p.text(""), I32(0)), p.do2(p.callout("shop", "/x")),
			p.do("proxy_continue_stream", I32(0)), p.do("proxy_set_effective_context", I32(1)), p.do("proxy_done"), I32(heap))
		p.headers(p.do("proxy_get_property", p.text("request.path"), outs))
	})
	add("its tick answers, and so does its callout's answer", "", func(p *program) {
		answer := p.do("proxy_send_local_response", I32(403), p.text(""), p.text("no"), p.text(""), I32(0))
		p.on("proxy_on_tick", "i", "", answer, p.do("proxy_continue_stream", I32(0)), answer)
		p.on("proxy_on_http_call_response", "iiiii", "", answer, p.do("proxy_continue_stream", I32(0)), answer)
		p.on("proxy_on_request_headers", "iii", "i", p.do("proxy_set_tick_period_milliseconds", I32(10)), p.do2(p.callout("shop", "/x")), pause)
	})
	add("calls itself", "guest ended", func(p *program) {
		// Behind _initialize comes this one; it imports nothing.
		p.on("proxy_on_request_headers", "iii", "i", Get(0), Get(1), Get(2), Call(1))
	})
	for _, name := range []string{"proxy_on_done", "proxy_on_log", "proxy_on_delete"} {
		params, results := "i", ""
		if name == "proxy_on_done" {
			results = "i"
		}
		add(name+" traps", "", func(p *program) { p.on(name, params, results, Unreachable); p.headers() })
		add(name+" never returns", "", func(p *program) { p.on(name, params, results, Forever(), Unreachable); p.headers() })
	}
	// Its allocator returns nonsense.
	for what, at := range map[string]int32{"nothing": 0, "what is behind the memory": 4 << 16, "the memory's last byte": 4<<16 - 1, "the place of the result": out, "an odd place": heap + 1,
		"the beginning of its memory": 1, "a negative one": -4, "its own texts": 1024} {
		add("an allocator that returns "+what, "", func(p *program) {
			p.on("malloc", "i", "i", I32(at))
			get := Code(p.do("proxy_get_property", p.text("request.path"), outs), p.do("proxy_get_header_map_pairs", I32(mRequest), outs), p.do("proxy_get_buffer_bytes", I32(0), I32(0), I32(99), outs))
			p.headers(get)
			p.on("proxy_on_request_body", "iii", "i", get, I32(0))
		})
	}
	add("an allocator that traps", "unreachable", func(p *program) {
		p.on("malloc", "i", "i", Unreachable)
		p.headers(p.do("proxy_get_property", p.text("request.path"), outs))
	})
	add("an allocator that never returns", "budget spent", func(p *program) {
		p.on("malloc", "i", "i", Forever(), I32(0))
		p.headers(p.do("proxy_get_property", p.text("request.path"), outs))
	})
	add("an allocator that takes all memory", "", func(p *program) {
		p.on("malloc", "i", "i", I32(9999), Grow)
		p.headers(p.do("proxy_get_property", p.text("request.path"), outs), p.do("proxy_get_property", p.text("request.path"), outs))
	})
	// Addresses, lengths and ids that are none, in all that it can call.
	add("numbers of nothing", "", func(p *program) {
		funcs := slices.DeleteFunc(proxywasm.New().Funcs(), func(f hostcall.Func) bool { return f.Name == "proxy_close_stream" }) // it ends the request, as it may
		p.headers(evilCalls(funcs, func(f *hostcall.Func, args []byte) []byte { return p.do(f.Name, args) }))
	})
	add("pairs whose lengths lie", "", func(p *program) {
		var code []byte
		for _, s := range []string{"\xff\xff\xff\xff", "\xff\xff\xff\x7f\x01\x00", "\x01\x00\x00\x00\xff\xff\xff\xff\x01\x00\x00\x00n\x001\x00", "\x01\x00\x00\x00\x01\x00\x00\x00\xf0\xff\xff\xff\x00\x00", "\x00\x01", ""} {
			code = append(code, Code(p.do("proxy_set_header_map_pairs", I32(mRequest), p.text(s)), p.do("proxy_http_call", p.text("shop"), p.text(s), p.text(""), p.text(s), I32(-1), I32(out)),
				p.do("proxy_send_local_response", I32(200), p.text(""), p.text(""), p.text(s), I32(-1)))...)
		}
		p.headers(code)
	})
	// More and more of what the node keeps: the name is one byte longer each time.
	for name, call := range map[string]func(p *program, text []byte) []byte{
		"metrics":     func(p *program, text []byte) []byte { return p.do("proxy_define_metric", I32(0), text, I32(out)) },
		"queues":      func(p *program, text []byte) []byte { return p.do("proxy_register_shared_queue", text, I32(out)) },
		"shared data": func(p *program, text []byte) []byte { return p.do("proxy_set_shared_data", text, text, I32(0)) },
		"fields": func(p *program, text []byte) []byte {
			return p.do("proxy_add_header_map_value", I32(mRequest), text, text)
		},
		"properties": func(p *program, text []byte) []byte { return p.do("proxy_set_property", text, text) },
		"lines":      func(p *program, text []byte) []byte { return p.do("proxy_log", I32(4), text) },
		"callouts":   func(p *program, text []byte) []byte { return p.do2(p.callout("shop", "/x")) },
	} {
		add(name+" without end", "budget spent", func(p *program) {
			// Memory is made of "a" first, up to the heap.
			p.headers(I32(4096), I32('a'), I32(heap-4096), Fill, Forever(Get(3), I32(1), Add32, Set(3), call(p, Code(I32(4096), Get(3), I32(0x3fff), Op(0x71)))))
		})
	}
	return list
}

func hostileMiddleware() (list []hostile) {
	funcs := httpwasm.ABI{}.Funcs()
	add := func(name, ends string, build func(p *program)) {
		p := newProgram(funcs)
		build(p)
		list = append(list, hostile{"a middleware: " + name, p.bytes(), ends})
	}
	// What is nowhere ends the guest, so each call is a guest's only one.
	for i := range funcs {
		f := &funcs[i]
		if len(f.Params) == 0 {
			continue
		}
		for _, v := range []int32{-1, 4 << 16, 1 << 30} {
			add(fmt.Sprintf("%s with %d", f.Name, v), "", func(p *program) {
				var args []byte
				for _, kind := range f.Params {
					if kind == hostcall.I64 {
						args = append(args, I64(int64(v))...)
					} else {
						args = append(args, I32(v)...)
					}
				}
				handlers(p, 1, p.do(f.Name, args), p.do(f.Name, args))
			})
		}
	}
	add("returns nonsense", "", func(p *program) { handlers(p, -1, nil, nil) })
	add("calls itself", "guest ended", func(p *program) {
		// Behind the one import and _initialize comes this one.
		p.on("handle_request", "", "I", p.do("log", I32(-1), p.text("x")), Call(2)).on("handle_response", "ii", "")
	})
	add("its answer's handler traps", "unreachable", func(p *program) { handlers(p, 1, nil, Unreachable) })
	add("its answer's handler never returns", "budget spent", func(p *program) { handlers(p, 1, nil, Forever()) })
	add("fields without end", "", func(p *program) {
		handlers(p, 1, Forever(p.do("add_header_value", ofRequest, p.text("x"), Code(I32(1024), I32(0)))), nil)
	})
	add("bodies without end", "", func(p *program) {
		handlers(p, 1, Forever(p.do("write_body", ofRequest, Code(I32(0), I32(60000)))), nil)
	})
	add("lines without end", "budget spent", func(p *program) { handlers(p, 1, Forever(p.do("log", I32(2), Code(I32(1024), I32(30000)))), nil) })
	return list
}

func hostilePrograms() (list []hostile) {
	add := func(name, ends string, build func(p *compute)) {
		p := newCompute()
		build(p)
		list = append(list, hostile{"a program: " + name, p.bytes(), ends})
	}
	// Waits that were asked for, which are cases of their own.
	waits := map[string]bool{"fastly_async_io.select": true, "fastly_cache.transaction_lookup": true}
	add("numbers of nothing", "", func(p *compute) {
		var funcs []hostcall.Func
		for _, f := range p.funcs {
			if !waits[f.Module+"."+f.Name] {
				funcs = append(funcs, f)
			}
		}
		p.emit(evilCalls(funcs, func(f *hostcall.Func, args []byte) []byte {
			return Code(args, Call(p.index[strings.TrimPrefix(f.Module, "fastly_")+"."+f.Name]), Drop)
		}))
		p.reply()
	})
	add("handles of another kind", "", func(p *compute) {
		// One of each kind, given to whatever takes a handle first.
		r, b := p.downstream()
		kinds := []handle{r, b, p.open("http_resp.new"), p.open("log.endpoint_get", "x"), p.open("kv_store.open", "things"), p.open("config_store.open", "settings"), p.open("secret_store.open", "keys"),
			p.open("acl.open", "office"), p.later("http://shop.example/x"), p.open("cache.lookup", "k", 0, 0), p.open("cache.transaction_lookup_async", "t", 0, 0), p.open("http_downstream.next_request", 0, 0),
			p.open("kv_store.lookup", p.open("kv_store.open", "things"), "k", 0, p.record(0))}
		at := p.area(256)
		for i := range p.funcs {
			f := &p.funcs[i]
			if len(f.Params) == 0 || f.Params[0] != hostcall.I32 || waits[f.Module+"."+f.Name] {
				continue
			}
			for _, k := range kinds {
				args := load(int32(k))
				for _, kind := range f.Params[1:] {
					if kind == hostcall.I64 {
						args = append(args, I64(int64(at.at))...)
					} else {
						args = append(args, I32(at.at)...)
					}
				}
				p.emit(args, Call(uint32(i)), Drop)
			}
		}
	})
	add("records that point outside", "", func(p *compute) {
		const all = 1<<19 - 2
		for _, v := range []int{-1, 4 << 16, 1 << 30} {
			words := make([]any, 32)
			for i := range words {
				words[i] = v
			}
			record := p.record(words...)
			for _, mask := range []int{2, 4, 8, 16, 32, 64, 128, 511, all} {
				p.emit(p.callTo("http_req.register_dynamic_backend", "x", "id.example", mask, record), Drop)
				p.emit(p.callTo("cache.insert", "k", mask, record, p.out()), Drop)
				p.emit(p.callTo("cache.lookup", "k", mask, record, p.out()), Drop)
				p.emit(p.callTo("kv_store.insert", p.open("kv_store.open", "things"), "k", p.body("x"), mask, record, p.out()), Drop)
				p.emit(p.callTo("kv_store.list", p.open("kv_store.open", "things"), mask, record, p.out()), Drop)
				p.emit(p.callTo("purge.purge_surrogate_key", "k", mask&3, record), Drop)
			}
		}
		p.reply()
	})
	add("waits for nothing", "wall budget spent", func(p *compute) { p.emit(p.callTo("async_io.select", 0, 0, -1, p.out()), Drop) })
	add("waits for what it is to do itself", "wall budget spent", func(p *compute) {
		p.open("cache.transaction_lookup", "k", 0, 0)
		p.open("cache.transaction_lookup", "k", 0, 0)
	})
	add("waits for a backend that never answers", "wall budget spent", func(p *compute) { p.await(p.later("http://shop.example/held")) })
	add("reads what it writes", "", func(p *compute) {
		b, back := p.out(), p.out()
		e := p.open("cache.transaction_lookup", "k", 0, 0)
		p.must("cache.transaction_insert_and_stream_back", e, 0, p.keep(time.Hour, 0, 0, "", "", "", 0), b, back)
		p.read(p.open("cache.get_body", handle(back), 0, 0))
	})
	add("appends a body to what it is read by", "", func(p *compute) {
		b, back := p.out(), p.out()
		e := p.open("cache.transaction_lookup", "k", 0, 0)
		p.must("cache.transaction_insert_and_stream_back", e, 0, p.keep(time.Hour, 0, 0, "", "", "", 0), b, back)
		p.write(handle(b), "x")
		p.must("http_body.append", handle(b), p.open("cache.get_body", handle(back), 0, 0))
		p.reply()
	})
	add("calls itself", "guest ended", func(p *compute) { p.emit(Call(p.digits() + 1)) })
	add("never answers", "budget spent", func(p *compute) { p.emit(Forever()) })
	add("answers and never ends", "budget spent", func(p *compute) {
		p.show("hello")
		p.reply()
		p.emit(Forever())
	})
	add("an answer without end", "", func(p *compute) {
		b := p.body("")
		p.must("http_resp.send_downstream", p.open("http_resp.new"), b, 1)
		at, n := p.area(60000), p.out()
		p.emit(Forever(p.callTo("http_body.write", b, at, 0, n), Drop))
	})
	for name, call := range map[string]func(p *compute) []byte{
		"handles": func(p *compute) []byte { return p.callTo("http_body.new", p.out()) },
		"bytes": func(p *compute) []byte {
			return p.callTo("http_body.write", p.open("http_body.new"), p.area(60000), 0, p.out())
		},
		"fields": func(p *compute) []byte {
			return p.callTo("http_req.header_append", p.open("http_req.new"), "x", p.area(4096), p.out())
		},
		"lines": func(p *compute) []byte {
			return p.callTo("log.write", p.open("log.endpoint_get", "x"), p.area(4096), p.out())
		},
		"lookups": func(p *compute) []byte {
			return p.callTo("kv_store.lookup", p.open("kv_store.open", "things"), "k", 0, p.record(0), p.out())
		},
		"secrets": func(p *compute) []byte { return p.callTo("secret_store.from_bytes", p.area(60000), p.out()) },
		"inserts": func(p *compute) []byte {
			return p.callTo("cache.insert", "k", 0, p.keep(time.Hour, 0, 0, "", "", "", 0), p.out())
		},
		"transactions": func(p *compute) []byte { return p.callTo("cache.transaction_lookup_async", "k", 0, 0, p.out()) },
		"promises":     func(p *compute) []byte { return p.callTo("http_downstream.next_request", 0, 0, p.out()) },
	} {
		if name == "fields" {
			call = func(p *compute) []byte {
				return p.callTo("http_req.header_append", p.open("http_req.new"), "x", p.area(4096))
			}
		}
		add(name+" without end", "budget spent", func(p *compute) { p.emit(Forever(call(p), Drop)) })
	}
	return list
}

// Hostile guests of each ABI: each ends, and an exchange of each ABI beside it and after it goes as it always does.
func TestHostile(t *testing.T) {
	c := newCity(t)
	good := c.good(t)
	for _, g := range good {
		defer g.f.Close()
	}
	usual := map[string]string{}
	for _, g := range good {
		seen, err := g.exchange(t)
		if err != nil || !strings.Contains(seen, "200") && !strings.Contains(seen, "203") {
			t.Fatalf("%s: %v\n%s", g.name, err, seen)
		}
		usual[g.name] = seen
	}
	asUsual := func(when string) {
		t.Helper()
		for _, g := range good {
			if seen, err := g.exchange(t); err != nil || seen != usual[g.name] {
				t.Errorf("%s: %s: %v\n%s", when, g.name, err, seen)
			}
		}
	}
	for _, h := range append(append(hostileFilters(), hostileMiddleware()...), hostilePrograms()...) {
		l := c.load(t, h.name, h.module, limit.Limits{Wall: 300 * time.Millisecond, CPU: 60 * time.Millisecond, Memory: 8 << 20})
		c.forget()
		type end struct {
			seen string
			err  error
		}
		ended := make(chan end, 1)
		go func() {
			seen, err := l.exchange(t)
			ended <- end{seen, err}
		}()
		asUsual("beside " + h.name)
		var e end
		select {
		case e = <-ended:
		case <-time.After(60 * time.Second):
			t.Fatalf("%s: it goes on and on", h.name)
		}
		what := fmt.Sprintf("%v\n%s", e.err, e.seen)
		if strings.Contains(what, "BUG") || !strings.Contains(what, h.ends) {
			t.Errorf("%s: %.2000s\nwant %q", h.name, what, h.ends)
		}
		t.Logf("%s: %.60q", h.name, what)
		asUsual("after " + h.name)
		l.f.Close()
	}
}
