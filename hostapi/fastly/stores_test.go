package fastly

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"
)

// program runs a program that answers by itself, with what it returns.
func (w *world) program(what string, want string, do func(p *program) string) {
	w.t.Helper()
	o := w.run("GET /\nUser-Agent: a Phone", func(p *program) { p.reply(200, do(p)) })
	w.wantContent(what, o, 200, want)
}

func TestConfig(t *testing.T) {
	w := newWorld(t)
	for _, kind := range []string{"config_store", "dictionary"} {
		w.program(kind, "hi", func(p *program) string {
			s := p.handle(kind+".open", "settings")
			missing := map[string]status{"config_store": none, "dictionary": badHandle}[kind]
			p.want(missing, kind+".open", "other", p.out())
			p.want(none, kind+".get", s, "absent", p.room(4), p.out())
			n := p.out()
			p.want(bufferLength, kind+".get", s, "greeting", p.room(1), n)
			if p.get(n) != 2 {
				t.Errorf("%s: the length of what does not fit is %d", kind, p.get(n))
			}
			return p.string(kind+".get", s, "greeting")
		})
	}
	w.program("secrets", "salt made", func(p *program) string {
		s := p.handle("secret_store.open", "keys")
		p.want(none, "secret_store.open", "other", p.out())
		p.want(none, "secret_store.get", s, "absent", p.out())
		made := p.handle("secret_store.from_bytes", "made")
		return p.string("secret_store.plaintext", p.handle("secret_store.get", s, "pepper")) + " " + p.string("secret_store.plaintext", made)
	})
	w.program("acl", `{"prefix":"10.1.0.0/16","action":"ALLOW"} {"prefix":"10.0.0.0/8","action":"BLOCK"}`, func(p *program) string {
		a := p.handle("acl.open", "office")
		p.want(none, "acl.open", "other", p.out())
		look := func(addr string) string {
			b, st := p.out(), p.out()
			p.must("acl.lookup", a, string(netip.MustParseAddr(addr).AsSlice()), b, st)
			if p.get(st) != 1 {
				return fmt.Sprint("none ", p.get(st))
			}
			return p.read(p.get(b))
		}
		if got := look("192.0.2.1"); got != "none 2" {
			t.Errorf("acl: %s", got)
		}
		p.want(invalid, "acl.lookup", a, "abc", p.out(), p.out())
		return look("10.1.2.3") + " " + look("10.2.2.3")
	})
}

func TestKV(t *testing.T) {
	w := newWorld(t)
	lookup := func(p *program, s uint32, key string) string {
		h := p.handle("kv_store.lookup", s, key, 0, 0)
		b, r, n, gen, st := p.out(), p.room(100), p.out(), p.out(), p.out()
		p.must("kv_store.lookup_wait_v2", h, b, r, n, gen, st)
		if p.get(st) != kvFine {
			return fmt.Sprint("error ", p.get(st))
		}
		return fmt.Sprint(p.read(p.get(b)), "/", p.text(r, n), "/", p.get64(gen))
	}
	insert := func(p *program, s uint32, key, value string, mask uint32, record ...uint32) uint32 {
		record = append(record, make([]uint32, 8-len(record))...)
		h := p.handle("kv_store.insert", s, key, p.body(value), mask, p.record(record...))
		st := p.out()
		p.must("kv_store.insert_wait", h, st)
		return p.get(st)
	}
	w.program("kv", "b//1 aba//3 error 3", func(p *program) string {
		s := p.handle("kv_store.open", "things")
		p.want(invalid, "kv_store.open", "others", p.out())
		insert(p, s, "k", "b", 0, 0)
		out := lookup(p, s, "k")
		if st := insert(p, s, "k", "x", 0, 1); st != kvPreconditionFailed {
			t.Errorf("add of what is there: %d", st)
		}
		insert(p, s, "k", "a", 0, 2)
		insert(p, s, "k", "a", 0, 3)
		return out + " " + lookup(p, s, "k") + " " + lookup(p, s, "absent")
	})
	w.program("kv: metadata and generation", "v/meta/4 4 v/meta/4", func(p *program) string {
		s := p.handle("kv_store.open", "things")
		if st := insert(p, s, "k", "v", 1<<3|1<<5, 0, 0, p.bytesAt("meta"), 4, 0, 0, 3, 0); st != kvFine {
			t.Errorf("insert if the generation is 3: %d", st)
		}
		out := lookup(p, s, "k")
		st := insert(p, s, "k", "w", 1<<5, 0, 0, 0, 0, 0, 0, 3, 0)
		return fmt.Sprint(out, " ", st, " ", lookup(p, s, "k"))
	})
	w.program("kv: room for metadata", "v", func(p *program) string {
		h := p.handle("kv_store.lookup", p.handle("kv_store.open", "things"), "k", 0, 0)
		b, n, st := p.out(), p.out(), p.out()
		p.want(bufferLength, "kv_store.lookup_wait", h, b, p.room(2), n, p.out(), st)
		if p.get(n) != 4 {
			t.Errorf("length %d", p.get(n))
		}
		p.must("kv_store.lookup_wait", h, b, p.room(4), n, p.out(), st)
		return p.read(p.get(b))
	})
	w.program("kv: list and delete", `{"data":["k"],"meta":{"limit":1,"next_cursor":"aw==","prefix":"k"}} {"data":["k2"],"meta":{"limit":1}} 1 3`, func(p *program) string {
		s := p.handle("kv_store.open", "things")
		insert(p, s, "k2", "v", 0, 0)
		list := func(mask uint32, record ...uint32) string {
			b, st := p.out(), p.out()
			p.must("kv_store.list_wait", p.handle("kv_store.list", s, mask, p.record(record...)), b, st)
			return p.read(p.get(b))
		}
		out := list(4|8, 0, 0, 0, 1, p.bytesAt("k"), 1) + " " + list(2|4, 0, p.bytesAt("aw=="), 4, 1, 0, 0)
		for _, key := range []string{"k2", "k2"} {
			st := p.out()
			p.must("kv_store.delete_wait", p.handle("kv_store.delete", s, key, 0, 0), st)
			out += fmt.Sprint(" ", p.get(st))
		}
		return out
	})
	w.program("object store", "v2 v2", func(p *program) string {
		s := p.handle("object_store.open", "things")
		p.must("object_store.insert", s, "o", p.body("v2"))
		a := p.read(p.handle("object_store.lookup", s, "o"))
		b := p.read(p.handle("object_store.pending_lookup_wait", p.handle("object_store.lookup_async", s, "o")))
		p.must("object_store.pending_delete_wait", p.handle("object_store.delete_async", s, "o"))
		p.want(none, "object_store.lookup", s, "o", p.out())
		p.must("object_store.pending_insert_wait", p.handle("object_store.insert_async", s, "o", p.body("v3")))
		for _, key := range []string{"", ".", "..", "a\nb", strings.Repeat("k", maxKVKey+1)} {
			p.want(invalid, "object_store.lookup", s, key, p.out())
		}
		return a + " " + b
	})
}

func TestServices(t *testing.T) {
	w := newWorld(t)
	w.program("log", "", func(p *program) string {
		e := p.handle("log.endpoint_get", "audit")
		p.must("log.write", e, "a line\n", p.out())
		p.want(invalid, "log.endpoint_get", "stdout", p.out())
		return ""
	})
	if want := "info a line endpoint=audit"; len(w.lines) != 1 || w.lines[0] != want {
		t.Errorf("lines %q", w.lines)
	}
	w.program("geo", `{"as_number":64500,"city":"Utrecht","country_code":"NL"}`, func(p *program) string {
		p.want(none, "geo.lookup", "\x0a\x00\x00\x01", p.room(100), p.out())
		p.want(invalid, "geo.lookup", "abc", p.room(100), p.out())
		addr, n := p.room(16), p.out()
		p.must("http_req.downstream_client_ip_addr", pointer(addr.at), n)
		return p.string("geo.lookup", p.text(addr, n))
	})
	w.program("device", `{"device":{"name":"mobile","is_desktop":false,"is_mobile":true,"is_tablet":false},"user_agent":{"is_bot":false}}`, func(p *program) string {
		p.want(none, "device_detection.lookup", "curl", p.room(100), p.out())
		return p.string("device_detection.lookup", "a Phone")
	})
	w.program("purge", "ok", func(p *program) string {
		p.must("purge.purge_surrogate_key", "red", 0, 0)
		r, n := p.room(200), p.out()
		p.must("purge.purge_surrogate_key", "blue", 1|2, p.record(r.at, r.n, uint32(n)))
		p.want(invalid, "purge.purge_surrogate_key", "two keys", 0, 0)
		if !strings.HasPrefix(p.text(r, n), `{"status":"ok","id":"`) {
			t.Errorf("purge: %s", p.text(r, n))
		}
		return "ok"
	})
	if fmt.Sprint(w.purged) != "[acme red false acme blue true]" {
		t.Errorf("purged %q", w.purged)
	}
	w.program("rates", "5 30 0 1", func(p *program) string {
		n := func(name string, args ...any) uint32 { return p.handle(name, args...) }
		p.must("erl.ratecounter_increment", "rc", "client", 50)
		out := fmt.Sprint(n("erl.ratecounter_lookup_rate", "rc", "client", 10), " ")
		p.must("erl.ratecounter_increment", "rc", "other", 30)
		out += fmt.Sprint(n("erl.ratecounter_lookup_count", "rc", "other", 60), " ", n("erl.penaltybox_has", "pb", "client"), " ")
		p.want(invalid, "erl.ratecounter_lookup_rate", "rc", "client", 7, p.out())
		if got := n("erl.check_rate", "rc", "client", 1, 10, 100, "pb", 60); got != 0 {
			t.Errorf("blocked below the limit")
		}
		if got := n("erl.check_rate", "rc", "client", 1, 10, 4, "pb", 60); got != 1 {
			t.Errorf("not blocked above the limit")
		}
		p.must("erl.penaltybox_add", "pb", "x", 60)
		return out + fmt.Sprint(n("erl.penaltybox_has", "pb", "x"))
	})
	w.program("backends", "1 0 0 shop.internal shop.host 8443 1 1000 2000 3000 id.example 443 1", func(p *program) string {
		n := func(name, backend string) uint32 { return p.handle("backend."+name, backend) }
		out := fmt.Sprint(n("exists", "shop"), " ", n("exists", "nobody"), " ", n("is_dynamic", "shop"), " ", p.string("backend.get_host", "shop"), " ", p.string("backend.get_override_host", "shop"))
		out += fmt.Sprint(" ", n("get_port", "shop")&0xffff, " ", n("is_ssl", "shop"), " ", n("get_connect_timeout_ms", "shop"), " ", n("get_first_byte_timeout_ms", "shop"), " ", n("get_between_bytes_timeout_ms", "shop"))
		p.want(invalid, "backend.get_host", "nobody", p.room(100), p.out())
		record := p.record(make([]uint32, 40)...)
		const useTLS = 1 << 5
		p.must("http_req.register_dynamic_backend", "id", "id.example", useTLS, record)
		p.want(failed, "http_req.register_dynamic_backend", "id", "id.example", useTLS, record)
		p.want(unsupported, "http_req.register_dynamic_backend", "evil", "evil.example", useTLS, record)
		p.want(unsupported, "http_req.register_dynamic_backend", "plain", "id.example", 0, record)
		p.want(invalid, "http_req.register_dynamic_backend", "r", "id.example", useTLS|1, record)
		return out + fmt.Sprint(" ", p.string("backend.get_host", "id"), " ", n("get_port", "id")&0xffff, " ", n("is_dynamic", "id"))
	})
	w.program("runtime", "1", func(p *program) string {
		p.must("abi.init", uint64(1))
		p.want(invalid, "abi.init", uint64(2))
		p.must("compute_runtime.get_vcpu_ms", p.out())
		if h := p.handle("compute_runtime.get_heap_mib"); h != 1 {
			t.Errorf("heap %d", h)
		}
		none_ := p.handle("http_downstream.next_request", 0, 0)
		p.want(none, "http_downstream.next_request_wait", none_, p.out(), p.out())
		p.want(badHandle, "http_downstream.next_request_wait", none_, p.out(), p.out())
		ready := p.handle("async_io.is_ready", p.body("a"))
		begin := time.Now()
		i := p.handle("async_io.select", []uint32{}, 10)
		if i != noHandle || time.Since(begin) < 10*time.Millisecond {
			t.Errorf("select of nothing: %d after %s", i, time.Since(begin))
		}
		return fmt.Sprint(ready)
	})
}

// On a developer's machine a program may make a backend for any host.
func TestAnyHost(t *testing.T) {
	for any, want := range map[bool]status{false: unsupported, true: ok} {
		w := newWorld(t)
		w.settings.AnyHost = any
		w.binding = NewBinding(w.settings)
		w.program("any host", "", func(p *program) string {
			p.want(want, "http_req.register_dynamic_backend", "mine", "elsewhere.example", 0, p.record(0, 0, 0, 0, 0))
			return ""
		})
	}
}
