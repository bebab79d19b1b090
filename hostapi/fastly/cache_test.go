package fastly

import (
	"fmt"
	"strings"
	"sync"
	"testing"
)

const second = 1_000_000_000

// insertion is the record of how something is to be kept.
func (p *program) insertion(maxAge, stale uint64, vary, keys, metadata string) (mask uint32, at pointer) {
	w := make([]uint32, 20)
	w[0], w[1] = uint32(maxAge), uint32(maxAge>>32)
	w[8], w[9] = uint32(stale), uint32(stale>>32)
	mask = 16
	text := func(i int, s string, bit uint32) {
		if s != "" {
			w[i], w[i+1] = p.bytesAt(s), uint32(len(s))
			mask |= bit
		}
	}
	text(3, vary, 4)
	text(10, keys, 32)
	text(14, metadata, 128)
	return mask, p.record(w...)
}

func (p *program) found(e uint32) string {
	p.t.Helper()
	out := fmt.Sprint(p.handle("cache.get_state", e))
	b := p.out()
	if p.call("cache.get_body", e, 0, 0, b) == ok {
		out += " " + p.read(p.get(b))
		p.must("http_body.close", p.get(b))
	}
	return out
}

func TestCoreCache(t *testing.T) {
	w := newWorld(t)
	w.program("lookup and insert", "0;3 kept;12;45;60000000000;meta", func(p *program) string {
		look := func() uint32 { return p.handle("cache.lookup", "key", 0, 0) }
		out := p.found(look())
		mask, at := p.insertion(60*second, 0, "", "red", "meta")
		b := p.handle("cache.insert", "key", mask, at)
		p.write(b, "kept")
		p.must("http_body.close", b)
		e := look()
		out += ";" + p.found(e)
		part := func(mask uint32, record ...uint32) string {
			b := p.handle("cache.get_body", e, mask, p.record(record...))
			defer p.must("http_body.close", b)
			return p.read(b)
		}
		_ = part
		length, age := p.out(), p.out()
		p.must("cache.get_length", e, length)
		p.must("cache.get_max_age_ns", e, age)
		if got := part(2|4, 1, 0, 2, 0); got != "ep" {
			t.Errorf("a part: %q", got)
		}
		hits := p.out()
		p.must("cache.get_hits", e, hits)
		if got := p.get64(hits); got != 1 {
			t.Errorf("%d hits", got)
		}
		return out + fmt.Sprint(";", p.get64(length)*3, ";45;", p.get64(age), ";", p.string("cache.get_user_metadata", e))
	})
	w.program("a transaction", "8;3 new;3 new", func(p *program) string {
		e := p.handle("cache.transaction_lookup", "t", 0, 0)
		out := p.found(e)
		mask, at := p.insertion(60*second, 0, "", "", "")
		b, back := p.out(), p.out()
		p.must("cache.transaction_insert_and_stream_back", e, mask, at, b, back)
		p.want(badHandle, "cache.transaction_insert", e, mask, at, p.out())
		p.write(p.get(b), "new")
		p.must("http_body.close", p.get(b))
		return out + ";" + p.found(p.get(back)) + ";" + p.found(p.handle("cache.transaction_lookup", "t", 0, 0))
	})
	w.program("cancelled, abandoned, and stale", "8;8;8;15 old;7 old;3 old", func(p *program) string {
		e := p.handle("cache.transaction_lookup", "c", 0, 0)
		out := p.found(e)
		p.must("cache.transaction_cancel", e)
		p.want(badHandle, "cache.transaction_cancel", e)
		e = p.handle("cache.transaction_lookup", "c", 0, 0)
		out += ";" + p.found(e)
		mask, at := p.insertion(0, 60*second, "", "", "")
		b := p.handle("cache.transaction_insert", e, mask, at)
		p.write(b, "half")
		p.must("http_body.abandon", b)
		e = p.handle("cache.transaction_lookup", "c", 0, 0)
		out += ";" + p.found(e)
		b = p.handle("cache.transaction_insert", e, mask, at)
		p.write(b, "old")
		p.must("http_body.close", b)
		e = p.handle("cache.transaction_lookup", "c", 0, 0)
		out += ";" + p.found(e) + ";" + p.found(p.handle("cache.transaction_lookup", "c", 0, 0))
		mask, at = p.insertion(60*second, 0, "", "", "")
		p.must("cache.transaction_update", e, mask, at)
		return out + ";" + p.found(p.handle("cache.transaction_lookup", "c", 0, 0))
	})
	w.program("variants", "3 nl;3 de;0", func(p *program) string {
		look := func(lang string) uint32 {
			r := p.request("GET", "http://a.example/")
			p.must("http_req.header_insert", r, "Lang", lang)
			return p.handle("cache.lookup", "v", 2, p.record(r, 0, 0))
		}
		for _, lang := range []string{"nl", "de"} {
			r := p.request("GET", "http://a.example/")
			p.must("http_req.header_insert", r, "Lang", lang)
			mask, at := p.insertion(60*second, 0, "lang", "", "")
			copy(p.Bytes[uint32(at)+8:], p.Bytes[p.record(r):][:4])
			b := p.handle("cache.insert", "v", mask|2, at)
			p.write(b, lang)
			p.must("http_body.close", b)
		}
		return p.found(look("nl")) + ";" + p.found(look("de")) + ";" + p.found(look("fr"))
	})
	w.program("replace", "0;3 b", func(p *program) string {
		e := p.handle("cache.replace", "r", 0, 0)
		out := fmt.Sprint(p.handle("cache.replace_get_state", e))
		mask, at := p.insertion(60*second, 0, "", "", "")
		b := p.handle("cache.replace_insert", e, mask, at)
		p.write(b, "b")
		p.must("http_body.close", b)
		return out + ";" + p.found(p.handle("cache.lookup", "r", 0, 0))
	})
}

// What a purge takes while it is being inserted is neither found on its way nor kept.
func TestPurgedOnItsWay(t *testing.T) {
	w := newWorld(t)
	w.program("purged on its way", "red: 3 0 0 3;blue: 3 3 3 3", func(p *program) string {
		out := []string{}
		for _, tag := range []string{"red", "blue"} {
			look := func() uint32 { return p.handle("cache.get_state", p.handle("cache.lookup", tag, 0, 0)) }
			mask, at := p.insertion(60*second, 0, "", "red green", "")
			insert := func() (body uint32) { return p.handle("cache.insert", tag, mask, at) }
			b := insert()
			p.write(b, "half")
			line := fmt.Sprint(tag, ": ", look())
			p.must("purge.purge_surrogate_key", tag, 0, 0)
			line += fmt.Sprint(" ", look())
			p.must("http_body.close", b)
			line += fmt.Sprint(" ", look())
			b = insert() // it began after the purge
			p.must("http_body.close", b)
			out = append(out, line+fmt.Sprint(" ", look()))
		}
		return strings.Join(out, ";")
	})
}

// A key of the length that Fastly takes is kept, and two that differ at their ends are two.
func TestLongKeys(t *testing.T) {
	w := newWorld(t)
	w.program("long keys", "3 kept;0", func(p *program) string {
		long := strings.Repeat("k", maxCacheKey-1)
		mask, at := p.insertion(60*second, 0, "", "", "")
		b := p.handle("cache.insert", long+"a", mask, at)
		p.write(b, "kept")
		p.must("http_body.close", b)
		look := func(key string) string { return p.found(p.handle("cache.lookup", key, 0, 0)) }
		p.want(invalid, "cache.lookup", long+"ab", 0, 0, p.out())
		return look(long+"a") + ";" + look(long+"b")
	})
	for key := range w.cache {
		if len(key) > longestStoreKey {
			t.Errorf("a key of %d bytes", len(key))
		}
	}
	if len(w.cache) == 0 {
		t.Error("nothing was kept by the node")
	}
	one, two := shelf{space: "s", key: strings.Repeat("k", 2000)}, shelf{space: "s", key: "k"}
	key := []string{string(one.storeKey("")), string(one.storeKey("a")), string(two.storeKey(""))}
	if key[0] == key[1] || key[0] == key[2] || len(key[0]) > longestStoreKey {
		t.Errorf("keys %q", key)
	}
}

// Many runs ask for one thing: one makes it, all get it.
// Who waits for the first response to a URL goes on as soon as it shows that it is another variant, however long its content
// takes; who waits for the same one gets all of it.
func TestVariantsApart(t *testing.T) {
	lang := func(p *program, lang string) uint32 {
		r := p.handle("http_req.new")
		p.must("http_req.uri_set", r, "http://shop.example/a")
		p.must("http_req.header_insert", r, "Lang", lang)
		return r
	}
	type kind struct {
		look   func(p *program, l string) (entry uint32)
		insert func(p *program, e uint32) (body uint32)
		found  func(p *program, e uint32) string
	}
	core := kind{
		look: func(p *program, l string) uint32 {
			return p.handle("cache.transaction_lookup_async", "key", 2, p.record(lang(p, l), 0))
		},
		insert: func(p *program, e uint32) uint32 {
			mask, at := p.insertion(60*second, 0, "lang", "", "")
			return p.handle("cache.transaction_insert", e, mask, at)
		},
		found: (*program).found,
	}
	http := kind{
		look: func(p *program, l string) uint32 {
			return p.handle("http_cache.transaction_lookup", lang(p, l), 0, 0)
		},
		insert: func(p *program, e uint32) uint32 {
			w := make([]uint32, 14)
			w[0], w[2], w[3] = 60*second&(1<<32-1), p.bytesAt("lang"), 4
			w[1] = 60 * second >> 32
			return p.handle("http_cache.transaction_insert", e, p.handle("http_resp.new"), 2, p.record(w...))
		},
		found: func(p *program, e uint32) string {
			out := fmt.Sprint(p.handle("http_cache.get_state", e))
			r, b := p.out(), p.out()
			if p.call("http_cache.get_found_response", e, 0, r, b) == ok {
				out += " " + p.read(p.get(b))
			}
			return out
		},
	}
	f := func(what string, k kind, entry func(p *program, e uint32) uint32) {
		t.Helper()
		w := newWorld(t)
		leads, wait, german := make(chan struct{}), make(chan struct{}, 2), make(chan struct{})
		var all sync.WaitGroup
		start := func(l, want string, do func(p *program) string) {
			all.Go(func() {
				w.wantContent(what+" "+l, w.run("GET /", func(p *program) { p.reply(200, do(p)) }), 200, want)
			})
		}
		start("first", "8", func(p *program) string {
			e := entry(p, k.look(p, "nl"))
			out := k.found(p, e)
			close(leads)
			<-wait
			<-wait
			b := k.insert(p, e)
			p.write(b, "in ")
			<-german
			p.write(b, "nl")
			p.must("http_body.close", b)
			return out
		})
		waiting := func(p *program, l string) uint32 {
			<-leads
			e := k.look(p, l)
			wait <- struct{}{}
			return entry(p, e)
		}
		start("same", "3 in nl", func(p *program) string { return k.found(p, waiting(p, "nl")) })
		start("other", "8", func(p *program) string {
			e := waiting(p, "de")
			out := k.found(p, e)
			b := k.insert(p, e)
			p.write(b, "in de")
			p.must("http_body.close", b)
			close(german)
			return out
		})
		all.Wait()
	}
	f("core", core, func(p *program, e uint32) uint32 { return p.handle("cache.cache_busy_handle_wait", e) })
	f("http", http, func(_ *program, e uint32) uint32 { return e })
}

func TestHammerCoreCache(t *testing.T) {
	w := newWorld(t)
	for round := range 20 {
		var wg sync.WaitGroup
		var mu sync.Mutex
		made := 0
		for range 8 {
			wg.Go(func() {
				o := w.run("GET /", func(p *program) {
					e := p.handle("cache.transaction_lookup", fmt.Sprint("k", round), 0, 0)
					if p.handle("cache.get_state", e) != 8 {
						p.reply(200, p.found(e))
						return
					}
					mu.Lock()
					made++
					mu.Unlock()
					mask, at := p.insertion(60*second, 0, "", "", "")
					b := p.handle("cache.transaction_insert", e, mask, at)
					p.write(b, "made")
					p.must("http_body.close", b)
					p.reply(200, "3 made")
				})
				w.wantContent("collapsed", o, 200, "3 made")
			})
		}
		wg.Wait()
		if made != 1 {
			t.Fatalf("round %d: made %d times", round, made)
		}
	}
}
