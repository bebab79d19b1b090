package conform

import (
	"strings"
	"testing"

	"github.com/wedgecdn/wedge/hostapi/guest"
	"github.com/wedgecdn/wedge/hostapi/proxywasm"
	. "github.com/wedgecdn/wedge/runtime/engine/enginetest"
)

// Where functions write addresses, lengths and numbers, and what they wrote there.
var (
	outs  = Code(I32(out), I32(out+4))
	value = Code(load(out), load(out+4))
)

// Map types, by their numbers in the specification.
const (
	mRequest, mRequestTrailers, mResponse, mResponseTrailers, mCall = 0, 1, 2, 3, 6
)

// put sets a field of a map.
func (p *program) put(kind int32, name string, value []byte) []byte {
	return p.do("proxy_replace_header_map_value", I32(kind), p.text(name), value)
}

// headers adds the callback for the heads of requests, which goes on.
func (p *program) headers(code ...[]byte) *program {
	return p.on("proxy_on_request_headers", "iii", "i", Code(code...), I32(0))
}

// answers adds the callback for the heads of responses, which goes on.
func (p *program) answers(code ...[]byte) *program {
	return p.on("proxy_on_response_headers", "iii", "i", Code(code...), I32(0))
}

// allocate is a malloc that never frees.
func (p *program) allocate() *program {
	return p.on("malloc", "i", "i", load(top), Set(1), I32(top), Get(1), Get(0), Add32, I32(15), Add32, I32(-8), Op(0x71), Store32, Get(1), I32(heap), Add32)
}

// callout is a request to an origin; its id goes to out+8.
func (p *program) callout(upstream, path string) []byte { return p.calloutFor(100, upstream, path) }

// calloutFor is one that may take so many milliseconds.
func (p *program) calloutFor(timeout int32, upstream, path string) []byte {
	// 3 pairs: their lengths, then the texts.
	pairs := "\x03\x00\x00\x00"
	fields := [][2]string{{":method", "POST"}, {":path", path}, {":authority", "x"}}
	for _, f := range fields {
		pairs += string([]byte{byte(len(f[0])), 0, 0, 0, byte(len(f[1])), 0, 0, 0})
	}
	for _, f := range fields {
		pairs += f[0] + "\x00" + f[1] + "\x00"
	}
	return p.call("proxy_http_call", p.text(upstream), p.text(pairs), p.text("body"), I32(0), I32(0), I32(timeout), I32(out+8))
}

var pause = I32(1)

var proxyWasmCases = []testCase{
	{name: "proxy_log proxy_get_log_level", build: func(p *program) {
		p.headers(p.do("proxy_log", I32(3), p.text("hello")), p.put(mRequest, "wrong", number(p.call("proxy_log", I32(9), p.text("no")))),
			p.do("proxy_get_log_level", I32(out)), p.put(mRequest, "level", number(load(out))))
	}, origin: []string{"@log warn: hello", "wrong: 2", "level: 0"}},
	{name: "proxy_get_current_time_nanoseconds", build: func(p *program) {
		// 1700000000 s is 0x17979CFE 362A0000 ns
		p.headers(p.do("proxy_get_current_time_nanoseconds", I32(out)), p.put(mRequest, "x", number(Code(load(out+4), I32(0x17979CFE), Op(0x46)))))
	}, origin: []string{"x: 1"}},
	{name: "proxy_set_tick_period_milliseconds lets a paused stream go on", build: func(p *program) {
		p.on("proxy_on_configure", "ii", "i", p.do("proxy_set_tick_period_milliseconds", I32(10)), I32(1))
		p.on("proxy_on_context_create", "ii", "", I32(out+12), Get(0), Store32)
		p.on("proxy_on_tick", "i", "", p.do("proxy_set_effective_context", load(out+12)), p.put(mRequest, "ticked", p.text("yes")), p.do("proxy_continue_stream", I32(0)))
		p.on("proxy_on_request_headers", "iii", "i", pause)
	}, origin: []string{"ticked: yes"}},
	{name: "proxy_done", build: func(p *program) { p.headers(p.put(mRequest, "x", number(p.call("proxy_done")))) }, origin: []string{"x: 1"}},
	{name: "proxy_set_effective_context", build: func(p *program) {
		p.headers(p.put(mRequest, "none", number(p.call("proxy_set_effective_context", I32(999)))), p.put(mRequest, "own", number(p.call("proxy_set_effective_context", Get(0)))))
	}, origin: []string{"none: 2", "own: 0"}},
	{name: "proxy_get_configuration", config: map[string]string{"plugin_config": "conf"}, build: func(p *program) {
		p.headers(p.do("proxy_get_configuration", outs), p.put(mRequest, "x", value))
	}, origin: []string{"x: conf"}},
	{name: "proxy_get_buffer_bytes of the configurations", config: map[string]string{"vm_config": "vm", "a": "1"}, build: func(p *program) {
		p.on("proxy_on_vm_start", "ii", "i", I32(out+16), Get(1), Store32, I32(1))
		p.headers(p.do("proxy_get_buffer_bytes", I32(6), I32(0), load(out+16), outs), p.put(mRequest, "vm", value),
			p.do("proxy_get_buffer_bytes", I32(7), I32(1), I32(3), outs), p.put(mRequest, "part", value))
	}, origin: []string{"vm: vm", `part: "a"`}},
	{name: "proxy_get_buffer_status proxy_set_buffer_bytes", request: "POST /\n\nhe|llo", build: func(p *program) {
		p.on("proxy_on_request_body", "iii", "i", p.do("proxy_get_buffer_status", I32(0), outs), p.put(mRequest, "size", number(load(out))),
			p.do("proxy_set_buffer_bytes", I32(0), I32(0), I32(1), p.text("J")), p.do("proxy_set_buffer_bytes", I32(0), I32(-1), I32(0), p.text("!")), I32(0))
		p.on("proxy_on_response_body", "iii", "i", p.do("proxy_set_buffer_bytes", I32(1), I32(0), Get(1), p.text("taken")), I32(0))
	}, origin: []string{"size: 5", "Jello!"}, client: []string{"taken", "Length: 5"}},
	{name: "a body while it is sent", response: "200\nETag: v\n\none|two|three", build: func(p *program) {
		p.answers(p.do("proxy_remove_header_map_value", I32(mResponse), p.text("content-length")))
		p.on("proxy_on_response_body", "iii", "i", p.do("proxy_set_buffer_bytes", I32(1), I32(-1), I32(0), p.text(".")), I32(0))
	}, client: []string{"one.two.three..", "!etag: v"}},
	{name: "a body that is held back", response: "200\n\none|two|three", build: func(p *program) {
		p.answers(p.do("proxy_remove_header_map_value", I32(mResponse), p.text("content-length")))
		p.on("proxy_on_response_body", "iii", "i", Get(2), Op(0x45, 0x04, 0x40), pause, Op(0x0f, 0x0b),
			p.do("proxy_set_buffer_bytes", I32(1), I32(0), I32(3), p.text("1")), I32(0))
	}, client: []string{"1twothree"}},
	{name: "a body that is only looked at", response: "200\nETag: v\n\none|two", build: func(p *program) {
		p.on("proxy_on_response_body", "iii", "i", I32(0))
	}, client: []string{"onetwo", "etag: v"}},
	{name: "proxy_get_header_map_size proxy_get_header_map_pairs", request: "GET /\nA: 1", build: func(p *program) {
		p.headers(p.do("proxy_get_header_map_size", I32(mRequest), I32(out+8)), p.do("proxy_get_header_map_pairs", I32(mRequest), outs),
			p.put(mRequest, "equal", number(Code(load(out+8), load(out+4), Op(0x46)))), p.put(mRequest, "count", number(Code(load(out), Load32))))
	}, origin: []string{"equal: 1", "count: 5"}},
	{name: "proxy_set_header_map_pairs", build: func(p *program) {
		p.headers(p.do("proxy_set_header_map_pairs", I32(mRequest), p.text("\x02\x00\x00\x00\x01\x00\x00\x00\x01\x00\x00\x00\x05\x00\x00\x00\x02\x00\x00\x00n\x001\x00:path\x00/n\x00")))
	}, origin: []string{"GET shop.example /n", "n: 1", "!x-one: 1"}},
	{name: "proxy_get_header_map_value", build: func(p *program) {
		p.headers(p.do("proxy_get_header_map_value", I32(mRequest), p.text("X-Two"), outs), p.put(mRequest, "two", value),
			p.put(mRequest, "missing", number(p.call("proxy_get_header_map_value", I32(mRequest), p.text("none"), outs))),
			p.do("proxy_get_header_map_value", I32(mRequest), p.text(":path"), outs), p.put(mRequest, "path", value))
		p.answers(p.do("proxy_get_header_map_value", I32(mResponse), p.text(":status"), outs), p.put(mResponse, "status", value))
	}, origin: []string{"two: 2, 3", "missing: 1", "path: /a?b=c"}, client: []string{"status: 200"}},
	{name: "proxy_add_header_map_value", build: func(p *program) {
		p.headers(p.do("proxy_add_header_map_value", I32(mRequest), p.text("x-one"), p.text("more")))
	}, origin: []string{"x-one: 1", "x-one: more"}},
	{name: "proxy_replace_header_map_value", build: func(p *program) {
		p.headers(p.put(mRequest, "x-two", p.text("new")), p.put(mRequest, ":path", p.text("/p")), p.put(mRequest, ":authority", p.text("other.example")), p.put(mRequest, ":method", p.text("PUT")))
		p.answers(p.put(mResponse, ":status", p.text("404")))
	}, origin: []string{"PUT other.example /p", "x-two: new", "!x-two: 2"}, client: []string{"404"}},
	{name: "proxy_remove_header_map_value", build: func(p *program) {
		p.headers(p.do("proxy_remove_header_map_value", I32(mRequest), p.text("x-two")), p.put(mRequest, "none", number(p.call("proxy_remove_header_map_value", I32(mRequest), p.text("none")))))
	}, origin: []string{"!x-two: 2", "!x-two: 3", "none: 0"}},
	{name: "trailers", request: "POST /\n\nbody\n--\nT: 1", response: "200\n\ngi|ven\n--\nU: 2", build: func(p *program) {
		p.on("proxy_on_request_trailers", "ii", "i", p.put(mRequestTrailers, "t", p.text("3")), p.do("proxy_add_header_map_value", I32(mRequestTrailers), p.text("n"), number(Get(1))), I32(0))
		p.on("proxy_on_response_body", "iii", "i", I32(0))
		p.on("proxy_on_response_trailers", "ii", "i", p.put(mResponseTrailers, "u", p.text("4")), I32(0))
	}, origin: []string{"body", "t: 3", "n: 1"}, client: []string{"given", "u: 4"}},
	{name: "proxy_continue_stream proxy_http_call", build: func(p *program) {
		p.on("proxy_on_request_headers", "iii", "i", p.put(mRequest, "sent", number(p.callout("shop", "/q"))), pause)
		p.on("proxy_on_http_call_response", "iiiii", "", p.do("proxy_get_buffer_bytes", I32(4), I32(0), Get(3), outs), p.put(mRequest, "answer", value),
			p.do("proxy_get_header_map_value", I32(mCall), p.text("x-answer"), outs), p.put(mRequest, "field", value), p.put(mRequest, "fields", number(Get(2))), p.put(mRequest, "context", number(Get(0))),
			p.do("proxy_continue_stream", I32(0)))
	}, origin: []string{"context: 1", "sent: 0", "answer: POST shop/q body", "field: yes", "fields: 2", "@fetch POST shop/q body"}},
	{name: "proxy_http_call with the name of a cluster", build: func(p *program) {
		p.on("proxy_on_request_headers", "iii", "i", p.put(mRequest, "other", number(p.callout("outbound|80||other", "/q"))), p.put(mRequest, "sent", number(p.callout("outbound|80||shop", "/cluster"))), pause)
		p.on("proxy_on_http_call_response", "iiiii", "", p.do("proxy_continue_stream", I32(0)))
	}, origin: []string{"other: 2", "sent: 0", "@fetch POST shop/cluster body"}},
	{name: "proxy_http_call without an authority", build: func(p *program) {
		pairs := func(s string) []byte {
			return number(p.call("proxy_http_call", p.text("shop"), p.text(s), p.text("body"), I32(0), I32(0), I32(100), I32(out+8)))
		}
		const two = "\x07\x00\x00\x00\x03\x00\x00\x00\x05\x00\x00\x00\x06\x00\x00\x00"
		p.on("proxy_on_request_headers", "iii", "i", p.put(mRequest, "none", pairs("\x02\x00\x00\x00"+two+":method\x00GET\x00:path\x00/empty\x00")),
			p.put(mRequest, "empty", pairs("\x03\x00\x00\x00"+two+"\x0a\x00\x00\x00\x00\x00\x00\x00:method\x00GET\x00:path\x00/empty\x00:authority\x00\x00")), pause)
		p.on("proxy_on_http_call_response", "iiiii", "", p.do("proxy_continue_stream", I32(0)))
	}, origin: []string{"none: 2", "empty: 0", "@fetch GET shop/empty body"}},
	{name: "proxy_http_call elsewhere", build: func(p *program) {
		p.headers(p.put(mRequest, "sent", number(p.callout("other", "/q"))))
	}, origin: []string{"sent: 2"}},
	{name: "proxy_get_status of a callout that fails", build: func(p *program) {
		p.on("proxy_on_request_headers", "iii", "i", p.do2(p.callout("shop", "/slow")), pause)
		p.on("proxy_on_http_call_response", "iiiii", "", p.do("proxy_get_status", I32(out+8), outs), p.put(mRequest, "status", number(load(out+8))), p.put(mRequest, "why", value),
			p.put(mRequest, "fields", number(Get(2))), p.do("proxy_continue_stream", I32(0)))
	}, origin: []string{"status: 0", "why: timeout", "fields: 0"}},
	{name: "proxy_continue_request proxy_continue_response", build: func(p *program) {
		p.on("proxy_on_request_headers", "iii", "i", p.do("proxy_continue_request"), pause)
		p.on("proxy_on_response_headers", "iii", "i", p.put(mResponse, "x", p.text("1")), p.do("proxy_continue_response"), pause)
	}, client: []string{"x: 1", "given"}},
	{name: "proxy_close_stream", build: func(p *program) { p.headers(p.do("proxy_close_stream", I32(0))) }, fails: "the filter closed the stream"},
	{name: "proxy_clear_route_cache", build: func(p *program) {
		p.headers(p.put(mRequest, "x", number(p.call("proxy_clear_route_cache"))))
	}, origin: []string{"x: 0"}},
	{name: "proxy_send_local_response", build: func(p *program) {
		p.on("proxy_on_request_headers", "iii", "i", p.do("proxy_send_local_response", I32(403), p.text("why"), p.text("no"), p.text("\x01\x00\x00\x00\x01\x00\x00\x00\x01\x00\x00\x00a\x001\x00"), I32(-1)), pause)
	}, client: []string{"403", "a: 1", "no", "Length: 2"}},
	{name: "proxy_send_local_response and the filter's own response callbacks", build: func(p *program) {
		p.on("proxy_on_request_headers", "iii", "i", p.do("proxy_send_local_response", I32(403), p.text(""), p.text("no"), p.text(""), I32(-1)), pause)
		p.on("proxy_on_response_headers", "iii", "i", p.do("proxy_get_header_map_value", I32(mResponse), p.text(":status"), outs), p.put(mResponse, "saw", value), p.put(mResponse, "end", number(Get(2))), I32(0))
		p.on("proxy_on_response_body", "iii", "i", p.do("proxy_set_buffer_bytes", I32(1), I32(-1), I32(0), p.text(" way")), I32(0))
	}, client: []string{"403", "saw: 403", "end: 0", "no way", "Length: 6"}},
	{name: "proxy_send_local_response once more in the filter's own response callbacks", build: func(p *program) {
		p.on("proxy_on_request_headers", "iii", "i", p.do("proxy_send_local_response", I32(403), p.text(""), p.text("no"), p.text("\x01\x00\x00\x00\x01\x00\x00\x00\x01\x00\x00\x00a\x001\x00"), I32(-1)), pause)
		p.on("proxy_on_response_headers", "iii", "i", p.do("proxy_send_local_response", I32(429), p.text(""), p.text("later"), p.text(""), I32(-1)), pause)
		p.on("proxy_on_response_body", "iii", "i", Unreachable)
	}, client: []string{"429", "!a: 1", "later", "Length: 5"}},
	{name: "proxy_send_local_response in the place of a response", build: func(p *program) {
		p.answers(p.do("proxy_send_local_response", I32(418), p.text(""), p.text("tea"), p.text(""), I32(-1)))
	}, client: []string{"418", "tea", "!x-given: 4"}},
	{name: "proxy_grpc_call proxy_grpc_stream proxy_grpc_send proxy_grpc_cancel proxy_grpc_close", build: func(p *program) {
		n := I32(0)
		p.headers(p.put(mRequest, "a", number(Code(p.call("proxy_grpc_call", n, n, n, n, n, n, n, n, n, n, n, n), I32(12), Op(0x46)))),
			p.put(mRequest, "b", number(Code(p.call("proxy_grpc_stream", n, n, n, n, n, n, n, n, n), I32(12), Op(0x46)))),
			p.put(mRequest, "c", number(Code(p.call("proxy_grpc_send", n, n, n, n), I32(12), Op(0x46)))),
			p.put(mRequest, "d", number(Code(p.call("proxy_grpc_cancel", n), p.call("proxy_grpc_close", n), Op(0x46)))))
	}, origin: []string{"a: 1", "b: 1", "c: 1", "d: 1"}},
	{name: "proxy_set_shared_data proxy_get_shared_data", build: func(p *program) {
		p.headers(p.put(mRequest, "before", number(p.call("proxy_get_shared_data", p.text("k"), outs, I32(out+8)))),
			p.do("proxy_set_shared_data", p.text("k"), p.text("v"), I32(0)), p.do("proxy_get_shared_data", p.text("k"), outs, I32(out+8)), p.put(mRequest, "value", value),
			p.put(mRequest, "wrong", number(p.call("proxy_set_shared_data", p.text("k"), p.text("w"), I32(99)))),
			p.put(mRequest, "right", number(p.call("proxy_set_shared_data", p.text("k"), p.text("w"), load(out+8)))))
	}, origin: []string{"before: 1", "value: v", "wrong: 8", "right: 0"}},
	{name: "proxy_register_shared_queue proxy_resolve_shared_queue proxy_enqueue_shared_queue proxy_dequeue_shared_queue", build: func(p *program) {
		p.headers(p.do("proxy_register_shared_queue", p.text("q"), I32(out+8)), p.do("proxy_resolve_shared_queue", p.text(""), p.text("q"), I32(out+12)),
			p.put(mRequest, "same", number(Code(load(out+8), load(out+12), Op(0x46)))), p.put(mRequest, "none", number(p.call("proxy_resolve_shared_queue", p.text(""), p.text("r"), I32(out+12)))),
			p.do("proxy_enqueue_shared_queue", load(out+8), p.text("item")), p.do("proxy_dequeue_shared_queue", load(out+8), outs), p.put(mRequest, "item", value),
			p.put(mRequest, "empty", number(p.call("proxy_dequeue_shared_queue", load(out+8), outs))))
	}, origin: []string{"same: 1", "none: 1", "item: item", "empty: 7"}},
	{name: "proxy_define_metric proxy_record_metric proxy_increment_metric proxy_get_metric", build: func(p *program) {
		p.headers(p.do("proxy_define_metric", I32(0), p.text("My.Counter"), I32(out+8)), p.do("proxy_increment_metric", load(out+8), I64(3)), p.do("proxy_get_metric", load(out+8), I32(out)), p.put(mRequest, "count", number(load(out))),
			p.put(mRequest, "less", number(p.call("proxy_increment_metric", load(out+8), I64(-1)))),
			p.do("proxy_define_metric", I32(2), p.text("took"), I32(out+8)), p.do("proxy_record_metric", load(out+8), I64(5)), p.put(mRequest, "none", number(p.call("proxy_record_metric", I32(77), I64(5)))),
			p.do("proxy_define_metric", I32(1), p.text("open"), I32(out+8)), p.do("proxy_record_metric", load(out+8), I64(4)), p.do("proxy_increment_metric", load(out+8), I64(-6)))
	}, origin: []string{"count: 3", "less: 2", "none: 1", "@add my_counter 3", "@observe took 5", "@set open 4", "@set open -2"}},
	{name: "proxy_get_property proxy_set_property", config: map[string]string{"plugin_root_id": "root"}, build: func(p *program) {
		get := func(field, path string) []byte {
			return Code(p.do("proxy_get_property", p.text(path), outs), p.put(mRequest, field, value))
		}
		p.headers(get("root", "plugin_root_id"), get("path", "request\x00url_path"), get("dotted", "request.headers.x-one"), get("source", "source\x00address"), get("proto", "request.protocol"),
			p.put(mRequest, "none", number(p.call("proxy_get_property", p.text("no.such"), outs))),
			p.do("proxy_set_property", p.text("mine"), p.text("kept")), get("mine", "mine"), p.do("proxy_set_property", p.text("wedge.cache_key"), p.text("/k")), get("key", "wedge.cache_key"),
			p.do("proxy_set_property", p.text("wedge.cache_ttl"), p.text("60")), get("ttl", "wedge.cache_ttl"), p.do("proxy_set_property", p.text("wedge\x00cache_tags"), p.text("a,b")), get("tags", "wedge.cache_tags"),
			p.do("proxy_set_property", p.text("request.path"), p.text("/set")))
		p.answers(p.put(mResponse, "late", number(p.call("proxy_set_property", p.text("wedge.cache_ttl"), p.text("60")))),
			p.do("proxy_get_property", p.text("response\x00code"), outs), p.put(mResponse, "bytes", number(load(out+4))))
	}, origin: []string{"root: root", "path: /a", "dotted: 1", "source: 192.0.2.1:1234", "proto: HTTP/1.1", "none: 1", "mine: kept", "key: /k", "ttl: 60", "tags: a,b", "GET shop.example /set?b=c"},
		client: []string{"late: 2", "bytes: 8"}},
	{name: "proxy_get_property of a place", build: func(p *program) {
		get := func(field, path string) []byte {
			return Code(p.do("proxy_get_property", p.text(path), outs), p.put(mRequest, field, value))
		}
		p.headers(get("a", "source.client_region"), get("b", "request\x00client_region"), get("c", "source\x00client_region_subdivision"), get("d", "request.client_city"), get("e", "request.country"),
			p.put(mRequest, "f", number(p.call("proxy_get_property", p.text("destination.client_city"), outs))))
	}, origin: []string{"a: NL", "b: NL", "c: UT", "d: Utrecht", "e: NL", "f: 1"}},
	{name: "proxy_call_foreign_function", build: func(p *program) {
		p.headers(p.do("proxy_call_foreign_function", p.text("wedge_kv_put"), p.text("s\x00f\x00v"), I32(0), I32(0)), p.do("proxy_call_foreign_function", p.text("wedge_kv_get"), p.text("s\x00f"), outs), p.put(mRequest, "x", value),
			p.do("proxy_call_foreign_function", p.text("wedge_kv_delete"), p.text("s\x00f"), I32(0), I32(0)), p.put(mRequest, "gone", number(p.call("proxy_call_foreign_function", p.text("wedge_kv_get"), p.text("s\x00f"), outs))),
			p.put(mRequest, "none", number(p.call("proxy_call_foreign_function", p.text("no"), p.text(""), I32(0), I32(0)))))
	}, origin: []string{"x: v", "gone: 1", "none: 1"}},
	{name: "proxy_call_foreign_function compress", build: func(p *program) {
		p.headers(p.do("proxy_call_foreign_function", p.text("compress"), p.text("again and again and again and again and again"), outs), p.put(mRequest, "zlib", number(Code(load(out), Op(0x2d, 0, 0), I32(0x78), Op(0x46)))),
			p.put(mRequest, "shorter", number(Code(load(out+4), I32(44), Op(0x49)))),
			p.do("proxy_call_foreign_function", p.text("uncompress"), value, outs), p.put(mRequest, "back", value),
			p.put(mRequest, "wrong", number(p.call("proxy_call_foreign_function", p.text("uncompress"), p.text("no zlib"), outs))),
			p.put(mRequest, "long", number(p.call("proxy_call_foreign_function", p.text("compress"), Code(I32(0), I32(1<<20+1)), outs))))
	}, origin: []string{"zlib: 1", "shorter: 1", "back: again and again and again and again and again", "wrong: 2", "long: 6"}},
	{name: "proxy_dictionary_get proxy_get_secret proxy_secret_get proxy_get_effective_at_secret", config: map[string]string{"a": "1"}, build: func(p *program) {
		p.headers(p.do("proxy_dictionary_get", p.text("a"), outs), p.put(mRequest, "a", value), p.do("proxy_get_secret", p.text("key"), outs), p.put(mRequest, "b", value),
			p.do("proxy_secret_get", p.text("key"), outs), p.put(mRequest, "c", value), p.do("proxy_get_effective_at_secret", p.text("key"), I32(1), outs), p.put(mRequest, "d", value))
	}, origin: []string{"a: 1", "b: hush", "c: hush", "d: hush"}},
	{name: "proxy_kv_store_open proxy_kv_store_get proxy_kv_store_scan proxy_kv_store_zrange_by_score proxy_kv_store_zscan proxy_kv_store_bf_exists", build: func(p *program) {
		n := I32(0)
		p.headers(p.do("proxy_call_foreign_function", p.text("wedge_kv_put"), p.text("s\x00scanned\x00v"), n, n), p.put(mRequest, "forbidden", number(p.call("proxy_kv_store_open", p.text("other"), I32(out+8)))),
			p.do("proxy_kv_store_open", p.text("s"), I32(out+8)), p.do("proxy_kv_store_get", load(out+8), p.text("scanned"), outs), p.put(mRequest, "x", value),
			p.do("proxy_kv_store_scan", load(out+8), p.text("sca*"), outs), p.put(mRequest, "key", Code(load(out), I32(8), Add32, I32(7))),
			p.put(mRequest, "none", number(p.call("proxy_kv_store_get", I32(9), p.text("k"), outs))),
			p.put(mRequest, "a", number(Code(p.call("proxy_kv_store_zscan", n, n, n, n, n, n, n), p.call("proxy_kv_store_bf_exists", n, n, n, n, n, n), Op(0x46)))),
			p.put(mRequest, "b", number(Code(p.call("proxy_kv_store_zrange_by_score", n, n, n, Op(0x44, 0, 0, 0, 0, 0, 0, 0, 0), Op(0x44, 0, 0, 0, 0, 0, 0, 0, 0), n, n), I32(12), Op(0x46)))))
	}, origin: []string{"forbidden: 2", "x: v", "key: scanned", "none: 2", "a: 1", "b: 1"}},
	{name: "emscripten_notify_memory_growth pthread_equal", build: func(p *program) {
		p.headers(p.do("emscripten_notify_memory_growth", I32(0)), p.put(mRequest, "x", number(p.call("pthread_equal", I32(7), I32(7)))))
	}, origin: []string{"x: 1"}},
	{name: "0.2.100: as 0.2.1", build: func(p *program) {
		p.on("proxy_abi_version_0_2_100", "", "")
		p.headers(p.put(mRequest, "missing", number(p.call("proxy_get_header_map_value", I32(mRequest), p.text("none"), outs))))
	}, origin: []string{"missing: 1"}},
	{name: "0.2.2: is not known", build: func(p *program) {
		p.on("proxy_abi_version_0_2_2", "", "").headers()
	}, refused: "it speaks version 0.2.2"},
	{name: "0.1.0: no end of the stream, and a missing field is empty", build: func(p *program) {
		p.on("proxy_on_request_headers", "ii", "i", p.put(mRequest, "missing", number(p.call("proxy_get_header_map_value", I32(mRequest), p.text("none"), outs))), I32(0))
	}, origin: []string{"missing: 0"}},
	{name: "the end of a stream's context", build: func(p *program) {
		p.on("proxy_on_done", "i", "i", p.do("proxy_log", I32(2), p.text("is done")), I32(1))
		p.on("proxy_on_log", "i", "", p.do("proxy_log", I32(2), p.text("is logged")))
		p.on("proxy_on_delete", "i", "", p.do("proxy_log", I32(2), p.text("is deleted")))
		p.headers()
	}, client: []string{"@log info: is done", "@log info: is logged", "@log info: is deleted"}},

	// Hostile ones.
	{name: "pause and never continue", build: func(p *program) { p.on("proxy_on_request_headers", "iii", "i", pause) }, fails: "nothing is under way that could let it go on"},
	{name: "pause and wait for ever", build: func(p *program) {
		p.on("proxy_on_tick", "i", "")
		p.on("proxy_on_request_headers", "iii", "i", p.do("proxy_set_tick_period_milliseconds", I32(10)), pause)
	}, fails: "wall budget spent"},
	{name: "an allocator that re-enters", build: func(p *program) {
		p.on("malloc", "i", "i", p.do("proxy_get_property", p.text("request.path"), outs), I32(64))
		p.headers(p.do("proxy_get_property", p.text("request.path"), outs))
	}, fails: "is running"},
	{name: "an allocator outside of the memory", build: func(p *program) {
		p.on("malloc", "i", "i", I32(-4))
		p.headers(p.put(mRequest, "x", number(p.call("proxy_get_property", p.text("request.path"), outs))))
	}, origin: []string{"x: 6"}},
	{name: "an allocator that has nothing", build: func(p *program) {
		p.on("malloc", "i", "i", I32(0))
		p.headers(p.put(mRequest, "x", number(Code(p.call("proxy_get_property", p.text("request.path"), outs), I32(10), Op(0x46)))))
	}, origin: []string{"x: 1"}},
	{name: "an allocator that traps", build: func(p *program) {
		p.on("malloc", "i", "i", Unreachable)
		p.headers(p.do("proxy_get_property", p.text("request.path"), outs))
	}, fails: "unreachable"},
	{name: "an allocator that never returns", build: func(p *program) {
		p.on("malloc", "i", "i", Forever(), I32(0))
		p.headers(p.do("proxy_get_property", p.text("request.path"), outs))
	}, fails: "budget spent"},
	{name: "addresses outside of the memory", build: func(p *program) {
		p.headers(p.put(mRequest, "a", number(p.call("proxy_get_property", Code(I32(-1), I32(8)), outs))), p.put(mRequest, "b", number(p.call("proxy_get_property", p.text("request.path"), I32(-2), I32(out)))),
			p.put(mRequest, "c", number(p.call("proxy_log", I32(2), I32(8), I32(-1)))), p.put(mRequest, "d", number(p.call("proxy_define_metric", I32(0), p.text("m"), I32(-1)))))
	}, origin: []string{"a: 6", "b: 6", "c: 6", "d: 6"}},
	{name: "maps whose lengths lie", build: func(p *program) {
		set := func(s string) []byte { return number(p.call("proxy_set_header_map_pairs", I32(mRequest), p.text(s))) }
		p.headers(p.put(mRequest, "a", set("\xff\xff\xff\xff")), p.put(mRequest, "b", set("\x01\x00\x00\x00\xff\xff\xff\xff\x01\x00\x00\x00n\x001\x00")), p.put(mRequest, "c", set("\x01\x00")))
	}, origin: []string{"a: 2", "b: 2", "c: 2", "x-one: 1"}},
	{name: "buffers, maps and streams that do not exist", build: func(p *program) {
		p.headers(p.put(mRequest, "a", number(p.call("proxy_get_buffer_bytes", I32(99), I32(0), I32(9), outs))), p.put(mRequest, "b", number(p.call("proxy_get_header_map_value", I32(99), p.text("a"), outs))),
			p.put(mRequest, "c", number(p.call("proxy_continue_stream", I32(99)))), p.put(mRequest, "d", number(p.call("proxy_get_buffer_bytes", I32(0), I32(0), I32(9), outs))),
			p.put(mRequest, "e", number(p.call("proxy_dequeue_shared_queue", I32(-1), outs))))
	}, origin: []string{"a: 2", "b: 2", "c: 2", "d: 1", "e: 1"}},
	{name: "a response's field too early", build: func(p *program) {
		p.headers(p.put(mRequest, "x", number(p.call("proxy_replace_header_map_value", I32(mResponse), p.text("a"), p.text("b")))))
	}, origin: []string{"x: 2"}, client: []string{"!a: b"}},
	{name: "a line end", build: func(p *program) {
		p.headers(p.put(mRequest, "x", number(p.call("proxy_replace_header_map_value", I32(mRequest), p.text("a"), p.text("b\r\nc: d")))))
	}, origin: []string{"x: 2"}},
	{name: "a length that was on its way", response: "200\nContent-Length: 2000000\n\n" + strings.Repeat("a", 2000000), build: func(p *program) {
		p.on("proxy_on_response_body", "iii", "i", p.do("proxy_set_buffer_bytes", I32(1), I32(0), I32(1), p.text("longer")), I32(0))
	}, fails: "<"},
}

// do2 drops the result of code.
func (p *program) do2(code []byte) []byte { return append(code, Drop...) }

func TestProxyWasm(t *testing.T) {
	funcs := proxywasm.New().Funcs()
	var names []string
	for i := range funcs {
		names = append(names, funcs[i].Name)
	}
	every(t, names, proxyWasmCases)
	n := newNode(t)
	for _, c := range proxyWasmCases {
		p := newProgram(funcs)
		c.build(p)
		if !strings.Contains(c.name, "allocator") {
			p.allocate()
		}
		n.check(t, p.bytes(), c)
	}
}

// A filter's root instance, in a sandbox: it ticks, takes what a stream puts into its queue, gets the answer to a callout of its own,
// and is made again after a trap.
func TestProxyWasmRoot(t *testing.T) {
	n := newNode(t)
	p := newProgram(proxywasm.New().Funcs())
	p.allocate()
	p.on("proxy_on_configure", "ii", "i", p.do("proxy_register_shared_queue", p.text("q"), I32(out+8)), p.do("proxy_set_tick_period_milliseconds", I32(10)), I32(1))
	// One tick is enough.
	p.on("proxy_on_tick", "i", "", p.do("proxy_log", I32(2), p.text("ticked")), p.do("proxy_set_tick_period_milliseconds", I32(0)), p.do2(p.callout("shop", "/root")))
	p.on("proxy_on_http_call_response", "iiiii", "", p.do("proxy_get_buffer_bytes", I32(4), I32(0), Get(3), outs), p.do("proxy_log", I32(2), value))
	p.on("proxy_on_queue_ready", "ii", "", p.do("proxy_dequeue_shared_queue", Get(1), outs), p.do("proxy_log", I32(2), value), Unreachable)
	p.headers(p.do("proxy_enqueue_shared_queue", load(out+8), p.text("an item")))
	f, err := n.host.Load(t.Context(), p.bytes(), guest.Spec{Owner: "acme", Name: "fn", Version: "0123456789abcdef", Fetch: []string{"shop"}})
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	await := func(line string, times int) {
		t.Helper()
		if !n.await(t.Context(), line, times) {
			t.Fatalf("the node never noted %q %d times", line, times)
		}
	}
	await("log info: ticked", 1)
	await("fetch POST shop/root body", 1)
	await("log info: POST shop/root body", 1)
	if _, _, err := n.run(t, f, "GET /", "200\n\n", false); err != nil {
		t.Fatal(err)
	}
	await("log info: an item", 1)
	await("log info: ticked", 2) // that it is there again
}
