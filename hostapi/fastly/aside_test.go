package fastly

import (
	"encoding/binary"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/wedgecdn/wedge/hostapi/services"
)

// What a run can hold beside the content of bodies is bounded in bytes, whatever it is that it opens as often as it may. What
// it closes gives room again.
func TestHostileHolding(t *testing.T) {
	const large = 60 << 10
	// more opens one thing more; its handle is closed by name, "" is a thing that is not.
	f := func(what, closes string, least, most int, begin func(p *program) (more func(i int) (status, uint32))) {
		t.Helper()
		w := newWorld(t)
		over := make(chan struct{})
		defer close(over)
		w.answer = func(*services.FetchRequest) (*services.FetchResponse, error) {
			<-over
			return nil, services.ErrTimeout
		}
		w.kv["large"] = services.Entry{Value: make([]byte, 1<<20)}
		w.program(what, "", func(p *program) string {
			before, begun := held(), time.Now()
			more := begin(p)
			last, n := uint32(0), 0
			for ; n < maxHandles; n++ {
				st, h := more(n)
				if st != ok {
					if st != limitExceeded {
						t.Errorf("%s: %d of them, and then %v", what, n, st)
					}
					break
				}
				last = h
			}
			got := held() - before
			t.Logf("%s: %d of them hold %d MiB (%v)", what, n, got>>20, time.Since(begun))
			if n < least || n > most {
				t.Errorf("%s: %d of them are held: want %d to %d", what, n, least, most)
			}
			if closes != "" {
				p.must(closes, last)
				if st, _ := more(n); st != ok {
					t.Errorf("%s: one is closed, and the next is refused: %v", what, st)
				}
			}
			return ""
		})
	}
	fields := func(p *program, kind string) func(int) (status, uint32) {
		name, value, out := p.bytesAt("x-a"), p.bytesAt(strings.Repeat("v", large)), p.out()
		return func(int) (status, uint32) {
			if st := p.call(kind+".new", out); st != ok {
				return st, 0
			}
			h := p.get(out)
			for range 4 {
				if st := p.call(kind+".header_append", h, room{name, 3}, room{value, large}); st != ok {
					return st, 0
				}
			}
			return ok, h
		}
	}
	f("heads of requests", "http_req.close", 60, 80, func(p *program) func(int) (status, uint32) { return fields(p, "http_req") })
	f("heads of responses", "http_resp.close", 60, 80, func(p *program) func(int) (status, uint32) { return fields(p, "http_resp") })
	f("fields without a byte", "http_req.close", 3500, 4000, func(p *program) func(int) (status, uint32) {
		out := p.out()
		name, none := p.bytesAt("x"), p.bytesAt(strings.Repeat("\x00", 64)) // each value ends with a NUL
		return func(int) (status, uint32) {
			if st := p.call("http_req.new", out); st != ok {
				return st, 0
			}
			return p.call("http_req.header_values_set", p.get(out), room{name, 1}, room{none, 64}), p.get(out)
		}
	})
	f("URIs", "http_req.close", 200, 300, func(p *program) func(int) (status, uint32) {
		uri, out := p.bytesAt("http://a/"+strings.Repeat("v", large)), p.out()
		return func(int) (status, uint32) {
			if st := p.call("http_req.new", out); st != ok {
				return st, 0
			}
			return p.call("http_req.uri_set", p.get(out), room{uri, large}), p.get(out)
		}
	})
	f("trailers", "http_body.close", 60, 80, func(p *program) func(int) (status, uint32) {
		name, value, out := p.bytesAt("x-a"), p.bytesAt(strings.Repeat("v", large)), p.out()
		return func(int) (status, uint32) {
			if st := p.call("http_body.new", out); st != ok {
				return st, 0
			}
			for range 4 {
				if st := p.call("http_body.trailer_append", p.get(out), room{name, 3}, room{value, large}); st != ok {
					return st, 0
				}
			}
			return ok, p.get(out)
		}
	})
	f("trailers of bodies that are put behind one another", "", 4, 4, func(p *program) func(int) (status, uint32) {
		name, value := p.bytesAt("x-a"), p.bytesAt(strings.Repeat("v", large))
		all := p.handle("http_body.new")
		return func(int) (status, uint32) {
			b := p.handle("http_body.new")
			p.must("http_body.trailer_append", b, room{name, 3}, room{value, large})
			return p.call("http_body.append", all, b), 0
		}
	})
	f("secrets", "", 200, 300, func(p *program) func(int) (status, uint32) {
		value, out := p.bytesAt(strings.Repeat("v", large)), p.out()
		return func(int) (status, uint32) {
			return p.call("secret_store.from_bytes", room{value, large}, out), p.get(out)
		}
	})
	f("lookups of a cache", "cache.close", 200, 300, func(p *program) func(int) (status, uint32) {
		r := p.handle("http_req.new")
		p.must("http_req.header_append", r, "x-a", strings.Repeat("v", large))
		key, options, out := p.bytesAt("k"), p.record(r), p.out()
		return func(int) (status, uint32) {
			return p.call("cache.lookup", room{key, 1}, 2, options, out), p.get(out)
		}
	})
	f("metadata of what was found", "cache.close", 10, 40, func(p *program) func(int) (status, uint32) {
		more := fields(p, "http_req") // they take the most of it, and less time
		for i := range 60 {
			if st, _ := more(i); st != ok {
				t.Fatal(st)
			}
		}
		mask, at := p.insertion(1e12, 0, "", "", strings.Repeat("v", large))
		b := p.handle("cache.insert", "meta", mask, at)
		p.must("http_body.close", b)
		key, out, state := p.bytesAt("meta"), p.out(), p.out()
		return func(int) (status, uint32) {
			if st := p.call("cache.lookup", room{key, 4}, 0, 0, out); st != ok {
				return st, 0
			}
			return p.call("cache.get_state", p.get(out), state), p.get(out)
		}
	})
	f("what is inserted", "http_body.close", 200, 300, func(p *program) func(int) (status, uint32) {
		mask, at := p.insertion(1e12, 0, "", "", strings.Repeat("v", large))
		key, out := p.bytesAt("k"), p.out()
		return func(int) (status, uint32) {
			return p.call("cache.insert", room{key, 1}, mask, at, out), p.get(out)
		}
	})
	f("fields by which inserts vary", "http_body.close", 100, 150, func(p *program) func(int) (status, uint32) {
		r := p.handle("http_req.new")
		p.must("http_req.header_append", r, "x-a", strings.Repeat("v", large))
		p.must("http_req.header_append", r, "x-b", strings.Repeat("v", large))
		mask, at := p.insertion(1e12, 0, "x-a", "", "")
		binary.LittleEndian.PutUint32(p.Bytes[at+8:], r)
		key, out := p.bytesAt("k"), p.out()
		return func(int) (status, uint32) {
			return p.call("cache.insert", room{key, 1}, mask|2, at, out), p.get(out)
		}
	})
	f("lookups of a store", "", 15, 15, func(p *program) func(int) (status, uint32) {
		s := p.handle("kv_store.open", "things")
		key, out, ready := p.bytesAt("large"), p.out(), p.out()
		b, n, failure := p.out(), p.out(), p.out()
		return func(i int) (status, uint32) {
			if st := p.call("kv_store.lookup", s, room{key, 5}, 0, 0, out); st != ok {
				return st, 0
			}
			h := p.get(out)
			p.must("async_io.select", []uint32{h}, 0, ready) // one after the other: which is refused is no matter of chance
			if i >= 15 {                                     // that many are held; does the next get anything?
				p.must("kv_store.lookup_wait_v2", h, b, room{0, 0}, n, ready, failure)
				if p.get(failure) == kvPayloadTooLarge {
					return limitExceeded, 0
				}
			}
			return ok, h
		}
	})
	f("requests under way", "", 4, 20, func(p *program) func(int) (status, uint32) {
		all, wrote := p.handle("http_body.new"), p.out()
		for range 28 { // MiB of the account of bodies, where this stands
			p.must("http_body.write", all, room{0, 1 << 20}, 0, wrote)
		}
		out, n := p.out(), p.out()
		uri, content := p.bytesAt("http://shop.example/"), room{p.bytesAt(strings.Repeat("v", 1<<19)), 1 << 19}
		return func(int) (status, uint32) {
			b, r := p.handle("http_body.new"), p.handle("http_req.new")
			p.must("http_req.uri_set", r, room{uri, 20})
			if st := p.call("http_body.write", b, content, 0, n); st != ok {
				return st, 0
			}
			return p.call("http_req.send_async", r, b, "shop", out), p.get(out)
		}
	})
}

// held is what the heap has in use.
func held() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// A list of values is not taken apart if it is longer than a head may be: each of its bytes may end a value.
func TestHostileValues(t *testing.T) {
	w := newWorld(t)
	w.program("values", "", func(p *program) string {
		name, values := p.bytesAt("x-a"), p.bytesAt(strings.Repeat("\x00", maxHead+1))
		for _, kind := range []string{"http_req", "http_resp"} {
			h := p.handle(kind + ".new")
			if n := testing.AllocsPerRun(1, func() {
				p.want(httpHeadTooLarge, kind+".header_values_set", h, room{name, 3}, room{values, maxHead + 1})
			}); n > 50 {
				t.Errorf("%s: %v allocations for a list that is too long", kind, n)
			}
			p.must(kind+".header_values_set", h, room{name, 3}, room{values, maxFields})
			p.want(httpHeadTooLarge, kind+".header_values_set", h, room{name, 3}, room{values, maxFields + 1})
		}
		return ""
	})
}
