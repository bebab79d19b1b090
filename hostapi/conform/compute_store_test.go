package conform

import (
	"strings"

	. "github.com/wedgecdn/wedge/runtime/engine/enginetest"
)

// Errors of KV stores ($kv_error).
const (
	kvOK           = "1"
	kvNotFound     = "3"
	kvPrecondition = "4"
)

// put inserts into a KV store and shows the error. The record is mode, nothing, metadata, time to live, nothing, generation.
func (p *compute) put(store handle, key, value string, mask int, words ...any) {
	pending := p.open("kv_store.insert", store, key, p.body(value), mask, p.record(words...))
	p.show(p.open("kv_store.insert_wait", pending))
}

// found looks a key up in a KV store and shows value, metadata, generation and error.
func (p *compute) found(store handle, key string) {
	body, room, n, generation, failure := p.out(), p.area(64), p.out(), p.out(), p.out()
	p.must("kv_store.lookup_wait_v2", p.open("kv_store.lookup", store, key, 0, p.record(0)), body, room, n, generation, failure)
	p.read(handle(body))
	p.show(",", got{room.at, n}, ",", long(generation), ",", handle(failure), ";")
}

// Stores, lists, counters, and what else a node knows.
var computeStoreCases = []computeCase{
	{name: "fastly_config_store.open fastly_config_store.get", build: func(p *compute) {
		s := p.open("config_store.open", "settings")
		p.show(p.text("config_store.get", s, "greeting"))
		p.want(stNone, "config_store.open", "nothing", p.out())
		p.want(stNone, "config_store.get", s, "nothing", p.area(8), p.out())
		n := p.out()
		p.want(stBufferLength, "config_store.get", s, "greeting", p.area(1), n)
		p.want(stBadHandle, "config_store.get", 999, "greeting", p.area(8), p.out())
		p.show(handle(n))
		p.reply()
	}, sees: []string{"hi2"}},
	{name: "a key of 255 characters", config: map[string]string{"settings." + strings.Repeat("ü", 255): "long"}, build: func(p *compute) {
		s := p.open("config_store.open", "settings")
		p.show(p.text("config_store.get", s, strings.Repeat("ü", 255)))
		p.want(stInvalid, "config_store.get", s, strings.Repeat("ü", 256), p.area(8), p.out())
		p.reply()
	}, sees: []string{"long"}},
	{name: "fastly_dictionary.open fastly_dictionary.get", build: func(p *compute) {
		s := p.open("dictionary.open", "settings")
		p.show(p.text("dictionary.get", s, "greeting"))
		p.want(stBadHandle, "dictionary.open", "nothing", p.out())
		p.want(stNone, "dictionary.get", s, "nothing", p.area(8), p.out())
		p.reply()
	}, sees: []string{"hi"}},
	{name: "fastly_secret_store.open fastly_secret_store.get fastly_secret_store.plaintext fastly_secret_store.from_bytes", build: func(p *compute) {
		s := p.open("secret_store.open", "keys")
		p.show(p.text("secret_store.plaintext", p.open("secret_store.get", s, "pepper")))
		p.show(" ", p.text("secret_store.plaintext", p.open("secret_store.from_bytes", "mine")))
		p.want(stNone, "secret_store.open", "nothing", p.out())
		p.want(stNone, "secret_store.get", s, "nothing", p.out())
		p.want(stBadHandle, "secret_store.get", 999, "pepper", p.out())
		p.want(stBadHandle, "secret_store.plaintext", s, p.area(8), p.out())
		p.reply()
	}, sees: []string{"salt mine"}},
	{name: "fastly_acl.open fastly_acl.lookup", build: func(p *compute) {
		a := p.open("acl.open", "office")
		look := func(addr string) {
			b, failure := p.out(), p.out()
			p.must("acl.lookup", a, addr, b, failure)
			p.show(handle(failure), " ")
			if addr[1] != 9 {
				p.read(handle(b))
			}
		}
		look("\x0a\x00\x00\x01")
		look("\x0a\x01\x00\x01") // the smaller network
		look("\x09\x09\x00\x01")
		p.want(stInvalid, "acl.lookup", a, "123", p.out(), p.out())
		p.want(stNone, "acl.open", "nothing", p.out())
		p.want(stBadHandle, "acl.lookup", 999, "\x0a\x00\x00\x01", p.out(), p.out())
		p.reply()
	}, sees: []string{`1 {"prefix":"10.0.0.0/8","action":"BLOCK"}1 {"prefix":"10.1.0.0/16","action":"ALLOW"}2 `}},
	{name: "fastly_device_detection.lookup", build: func(p *compute) {
		p.show(p.text("device_detection.lookup", "a Phone"))
		p.want(stNone, "device_detection.lookup", "nobody", p.area(8), p.out())
		p.reply()
	}, sees: []string{`{"device":{"name":"mobile","is_desktop":false,"is_mobile":true,"is_tablet":false},"user_agent":{"is_bot":false}}`}},
	{name: "fastly_log.endpoint_get fastly_log.write", build: func(p *compute) {
		e, n := p.open("log.endpoint_get", "audit"), p.out()
		p.must("log.write", e, "a line\n", n)
		p.show(handle(n))
		p.want(stInvalid, "log.endpoint_get", "", p.out())
		p.want(stInvalid, "log.endpoint_get", "stdout", p.out())
		p.want(stBadHandle, "log.write", 999, "x", p.out())
		p.reply()
	}, sees: []string{"7", "@log info: a line"}},
	{name: "fastly_compute_runtime.get_vcpu_ms fastly_compute_runtime.get_heap_mib", build: func(p *compute) {
		used := p.record(int64(-1))
		p.must("compute_runtime.get_vcpu_ms", used)
		p.emit(I32(int32(used)), Op(0x29, 3, 0), I64(300), Op(0x54, 0xad), Call(p.digits())) // i64.load, i64.lt_u
		p.show(" ")
		p.show(p.open("compute_runtime.get_heap_mib"))
		at := p.area(64 << 10)
		b := p.open("http_body.new")
		for range 16 {
			p.must("http_body.write", b, at, 0, p.out())
		}
		p.show(p.open("compute_runtime.get_heap_mib"))
		p.reply()
	}, sees: []string{"1 12"}},
	{name: "fastly_purge.purge_surrogate_key", build: func(p *compute) {
		p.must("purge.purge_surrogate_key", "red", 0, 0)
		p.must("purge.purge_surrogate_key", "blue", 1, 0)
		room, n := p.area(200), p.out()
		p.must("purge.purge_surrogate_key", "green", 2, p.record(room, n))
		p.show(got{room.at, n})
		p.want(stBufferLength, "purge.purge_surrogate_key", "green", 2, p.record(p.area(3), n))
		p.want(stInvalid, "purge.purge_surrogate_key", "two keys", 0, 0)
		p.want(stInvalid, "purge.purge_surrogate_key", "red", 4, 0)
		p.reply()
	}, sees: []string{"@purge red soft false", "@purge blue soft true", "@purge green soft false", `{"status":"ok","id":"01020300000000000000000000000000"}`}},

	// Counters.
	{name: "fastly_erl.ratecounter_increment fastly_erl.ratecounter_lookup_rate fastly_erl.ratecounter_lookup_count", build: func(p *compute) {
		p.must("erl.ratecounter_increment", "rc", "ann", 60)
		p.must("erl.ratecounter_increment", "rc", "ann", 60)
		p.must("erl.ratecounter_increment", "rc", "bob", 1)
		p.show(p.open("erl.ratecounter_lookup_rate", "rc", "ann", 10), " ", p.open("erl.ratecounter_lookup_rate", "rc", "ann", 60), " ", p.open("erl.ratecounter_lookup_count", "rc", "ann", 60), " ", p.open("erl.ratecounter_lookup_count", "rc", "eve", 10))
		p.want(stInvalid, "erl.ratecounter_lookup_rate", "rc", "ann", 7, p.out())
		p.want(stInvalid, "erl.ratecounter_lookup_count", "rc", "ann", 61, p.out())
		p.want(stInvalid, "erl.ratecounter_increment", "rc", "", 1)
		p.reply()
	}, sees: []string{"12 2 120 0"}},
	{name: "fastly_erl.penaltybox_add fastly_erl.penaltybox_has", build: func(p *compute) {
		p.show(p.open("erl.penaltybox_has", "pb", "ann"))
		p.must("erl.penaltybox_add", "pb", "ann", 150)
		p.show(p.open("erl.penaltybox_has", "pb", "ann"), p.open("erl.penaltybox_has", "pb", "bob"), p.open("erl.penaltybox_has", "other", "ann"))
		p.want(stInvalid, "erl.penaltybox_add", "", "ann", 60)
		p.want(stInvalid, "erl.penaltybox_has", "pb", "", p.out())
		p.reply()
	}, sees: []string{"0100", "@penalty 2m0s"}},
	{name: "fastly_erl.check_rate", build: func(p *compute) {
		p.show(p.open("erl.check_rate", "rc", "ann", 5, 1, 5, "pb", 60)) // at the limit
		p.show(p.open("erl.check_rate", "rc", "ann", 1, 1, 5, "pb", 60)) // above
		p.show(p.open("erl.penaltybox_has", "pb", "ann"), p.open("erl.check_rate", "rc", "bob", 1, 1, 5, "pb", 60))
		p.want(stInvalid, "erl.check_rate", "rc", "ann", 1, 2, 5, "pb", 60, p.out())
		p.reply()
	}, sees: []string{"0110", "@penalty 1m0s"}},

	// KV stores.
	{name: "fastly_kv_store.open fastly_kv_store.insert fastly_kv_store.insert_wait fastly_kv_store.lookup fastly_kv_store.lookup_wait_v2", build: func(p *compute) {
		s := p.open("kv_store.open", "things")
		p.put(s, "key", "value", 8|16, 0, 0, "meta", 60, int64(0))
		p.show(";")
		p.found(s, "key")
		p.put(s, "key", "x", 0, 1, 0, 0, 0, 0, int64(0)) // add: it is there
		p.put(s, "key", " behind", 0, 2, 0, 0, 0, 0, int64(0))
		p.put(s, "key", "before ", 0, 3, 0, 0, 0, 0, int64(0))
		p.put(s, "key", "x", 32, 0, 0, 0, 0, 0, 0, int64(1)) // another generation
		p.put(s, "key2", "new", 0, 1, 0, 0, 0, 0, int64(0))
		p.show(";")
		p.found(s, "key")
		p.want(stInvalid, "kv_store.open", "others", p.out())
		p.open("kv_store.open", "Other Things")
		p.want(stInvalid, "kv_store.lookup", s, "", 0, p.record(0), p.out())
		p.want(stInvalid, "kv_store.lookup", s, "a\nb", 0, p.record(0), p.out())
		p.want(stInvalid, "kv_store.insert", s, "key", p.body("x"), 0, p.record(4, 0, 0, 0, 0, 0, int64(0)), p.out())
		p.want(stBadHandle, "kv_store.insert", 999, "key", p.body("x"), 0, p.record(0, 0, 0, 0, 0, 0, int64(0)), p.out())
		p.want(stBadHandle, "kv_store.insert_wait", s, p.out())
		p.reply()
	}, sees: []string{kvOK + ";value,meta,1," + kvOK + ";" + kvPrecondition + kvOK + kvOK + kvPrecondition + kvOK + ";before value behind,,3," + kvOK + ";", "@put key=value ttl 1m0s metadata meta"}},
	{name: "fastly_kv_store.lookup_wait", build: func(p *compute) {
		s := p.open("kv_store.open", "things")
		p.put(s, "key", "value", 8, 0, 0, "meta", 0, int64(0))
		body, room, n, generation, failure := p.out(), p.area(64), p.out(), p.record(7), p.out()
		pending := p.open("kv_store.lookup", s, "key", 0, p.record(0))
		p.want(stBufferLength, "kv_store.lookup_wait", pending, body, p.area(2), n, generation, failure) // more room, once more
		p.must("kv_store.lookup_wait", pending, body, room, n, generation, failure)
		p.show(" ")
		p.read(handle(body))
		p.show(" ", got{room.at, n}, " ", handle(generation), " ", handle(failure)) // the older form has no generation
		p.must("kv_store.lookup_wait", p.open("kv_store.lookup", s, "nothing", 0, p.record(0)), body, room, n, generation, failure)
		p.show(" ", handle(body), " ", handle(failure))
		p.want(stBadHandle, "kv_store.lookup_wait", pending, body, room, n, generation, failure)
		p.reply()
	}, sees: []string{kvOK + " value meta 0 " + kvOK + " 4294967295 " + kvNotFound}},
	{name: "fastly_kv_store.delete fastly_kv_store.delete_wait", build: func(p *compute) {
		s := p.open("kv_store.open", "things")
		p.put(s, "key", "value", 0, 0, 0, 0, 0, 0, int64(0))
		for range 2 {
			p.show(p.open("kv_store.delete_wait", p.open("kv_store.delete", s, "key", 0, p.record(0))))
		}
		body, failure := p.out(), p.out()
		p.must("kv_store.lookup_wait_v2", p.open("kv_store.lookup", s, "key", 0, p.record(0)), body, p.area(8), p.out(), p.out(), failure)
		p.show(handle(failure))
		p.want(stInvalid, "kv_store.delete", s, "..", 0, p.record(0), p.out())
		p.want(stBadHandle, "kv_store.delete_wait", s, p.out())
		p.reply()
	}, sees: []string{kvOK + kvOK + kvNotFound + kvNotFound}},
	{name: "fastly_kv_store.list fastly_kv_store.list_wait", build: func(p *compute) {
		s := p.open("kv_store.open", "things")
		for _, k := range []string{"a1", "a2", "a3", "b1"} {
			p.put(s, k, "x", 0, 0, 0, 0, 0, 0, int64(0))
		}
		const cursor, limit, prefix = 2, 4, 8
		list := func(mask int, words ...any) {
			body, failure := p.out(), p.out()
			p.must("kv_store.list_wait", p.open("kv_store.list", s, mask, p.record(words...)), body, failure)
			p.show(handle(failure), " ")
			p.read(handle(body))
			p.show(";")
		}
		list(0, 0, 0, 0, 0, 0, 0)
		list(limit|prefix, 0, 0, 0, 2, "a")
		list(cursor|limit|prefix, 1, "YTI=", 2, "a")
		p.want(stInvalid, "kv_store.list", s, limit, p.record(0, 0, 0, 0, 0, 0), p.out())
		p.want(stInvalid, "kv_store.list", s, cursor, p.record(0, "???", 0, 0, 0), p.out())
		p.want(stBadHandle, "kv_store.list_wait", s, p.out(), p.out())
		p.reply()
	}, sees: []string{kvOK + kvOK + kvOK + kvOK +
		`1 {"data":["a1","a2","a3","b1"],"meta":{"limit":100}};1 {"data":["a1","a2"],"meta":{"limit":2,"next_cursor":"YTI=","prefix":"a"}};1 {"data":["a3"],"meta":{"limit":2,"prefix":"a","mode":"eventual"}};`}},
	{name: "fastly_object_store.open fastly_object_store.lookup fastly_object_store.insert", build: func(p *compute) {
		s := p.open("object_store.open", "things")
		p.must("object_store.insert", s, "key", p.body("value"))
		p.read(p.open("object_store.lookup", s, "key"))
		none := p.out()
		p.want(stNone, "object_store.lookup", s, "nothing", none)
		p.show(" ", handle(none))
		p.want(stInvalid, "object_store.open", "others", p.out())
		p.want(stInvalid, "object_store.insert", s, "", p.body("value"))
		p.want(stBadHandle, "object_store.insert", s, "key", 999)
		p.reply()
	}, sees: []string{"value 4294967295", "@put key=value ttl 0s metadata "}},
	{name: "fastly_object_store.lookup_async fastly_object_store.pending_lookup_wait fastly_object_store.insert_async fastly_object_store.pending_insert_wait fastly_object_store.delete_async fastly_object_store.pending_delete_wait",
		build: func(p *compute) {
			s := p.open("object_store.open", "things")
			pending := p.open("object_store.insert_async", s, "key", p.body("value"))
			p.must("object_store.pending_insert_wait", pending)
			p.want(stBadHandle, "object_store.pending_insert_wait", pending)
			p.read(p.open("object_store.pending_lookup_wait", p.open("object_store.lookup_async", s, "key")))
			p.must("object_store.pending_delete_wait", p.open("object_store.delete_async", s, "key"))
			p.want(stNone, "object_store.pending_delete_wait", p.open("object_store.delete_async", s, "key"))
			p.want(stNone, "object_store.pending_lookup_wait", p.open("object_store.lookup_async", s, "key"), p.out())
			p.reply()
		}, sees: []string{"value"}},
}
