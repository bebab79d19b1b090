package conform

import (
	"testing"

	"github.com/wedgecdn/wedge/hostapi/httpwasm"
	. "github.com/wedgecdn/wedge/runtime/engine/enginetest"
)

// Kinds of fields and bodies, and features, by their numbers in the specification.
var (
	ofRequest, ofResponse, requestTrailers, responseTrailers = I32(0), I32(1), I32(2), I32(3)
	room                                                     = Code(I32(scratch), I32(capacity))
	read                                                     = Code(I32(scratch), Get(0)) // what was read, its length in the first local of handle_request
)

// handlers makes the two exports. Locals 0 and 1 of the first are free.
func handlers(p *program, next int64, request, response []byte) {
	p.on("handle_request", "", "I", request, I64(next))
	p.on("handle_response", "ii", "", response)
}

var httpWasmCases = []testCase{
	{name: "get_config", config: map[string]string{"config": "abc"}, build: func(p *program) {
		handlers(p, 1, Code(p.call("get_config", room), Set(0), p.do("set_header_value", ofRequest, p.text("x"), read)), nil)
	}, origin: []string{"x: abc"}},
	{name: "get_config as JSON", config: map[string]string{"b": "2", "a": "1"}, build: func(p *program) {
		handlers(p, 1, Code(p.call("get_config", room), Set(0), p.do("set_header_value", ofRequest, p.text("x"), read)), nil)
	}, origin: []string{`x: {"a":"1","b":"2"}`}},
	{name: "get_config too long", config: map[string]string{"config": "abc"}, build: func(p *program) {
		handlers(p, 1, Code(p.do("set_header_value", ofRequest, p.text("x"), number(p.call("get_config", Code(I32(scratch), I32(2))))), p.do("set_header_value", ofRequest, p.text("y"), number(Code(I32(scratch), Op(0x2d, 0, 0))))), nil)
	}, origin: []string{"x: 3", "y: 0"}},
	{name: "enable_features", build: func(p *program) {
		set := func(name string, features int32) []byte {
			return p.do("set_header_value", ofRequest, p.text(name), number(p.call("enable_features", I32(features))))
		}
		handlers(p, 1, Code(set("none", 0), set("first", 2), set("more", 1), set("again", 0), set("unknown", 8), set("all", -1)), nil)
	}, origin: []string{"none: 0", "first: 2", "more: 3", "again: 3", "unknown: 3", "all: 7"}},
	{name: "log log_enabled", build: func(p *program) {
		handlers(p, 1, Code(p.do("log", I32(1), p.text("hello")), p.do("set_header_value", ofRequest, p.text("x"), number(p.call("log_enabled", I32(0)))),
			p.do("set_header_value", ofRequest, p.text("y"), number(p.call("log_enabled", I32(3)))), p.do("set_header_value", ofRequest, p.text("z"), number(p.call("log_enabled", I32(-1))))), nil)
	}, origin: []string{"x: 1", "y: 0", "z: 0", "@log warn: hello"}},
	{name: "get_header_names", build: func(p *program) {
		handlers(p, 1, Code(p.do("set_header_value", ofRequest, p.text("count"), number(Code(p.call("get_header_names", ofRequest, room), high))),
			// x-one NUL x-two NUL: the names are in lower case
			p.do("set_header_value", ofRequest, p.text("x"), Code(I32(scratch+6), I32(5)))), nil)
	}, origin: []string{"count: 2", "x: x-two"}},
	{name: "get_header_values", build: func(p *program) {
		handlers(p, 1, Code(p.do("set_header_value", ofRequest, p.text("count"), number(Code(p.call("get_header_values", ofRequest, p.text("X-TWO"), room), high))),
			p.do("set_header_value", ofRequest, p.text("x"), Code(I32(scratch+2), I32(1)))), nil)
	}, origin: []string{"count: 2", "x: 3"}},
	{name: "set_header_value", build: func(p *program) {
		handlers(p, 1, Code(p.do("enable_features", I32(2)), p.do("set_header_value", ofRequest, p.text("x-two"), p.text("new"))), p.do("set_header_value", ofResponse, p.text("x-given"), p.text("new")))
	}, origin: []string{"x-two: new", "!x-two: 2"}, client: []string{"x-given: new", "!x-given: 4", "given"}},
	{name: "set_header_value before the response", build: func(p *program) {
		handlers(p, 1, Code(p.do("set_header_value", ofResponse, p.text("x-given"), p.text("no")), p.do("set_header_value", ofResponse, p.text("x-more"), p.text("yes"))), nil)
	}, client: []string{"x-given: 4", "x-more: yes"}},
	{name: "set_header_value too late", build: func(p *program) {
		handlers(p, 1, nil, p.do("set_header_value", ofRequest, p.text("x"), p.text("no")))
	}, fails: "cannot change the request after the next handler"},
	{name: "set_header_value framing", build: func(p *program) {
		handlers(p, 1, p.do("set_header_value", ofRequest, p.text("Transfer-Encoding"), p.text("x")), nil)
	}, fails: "not allowed"},
	{name: "set_header_value trailers", request: "POST /\n\nbody", build: func(p *program) {
		handlers(p, 1, Code(p.do("enable_features", I32(6)), p.do("set_header_value", requestTrailers, p.text("t"), p.text("1"))),
			p.do("set_header_value", responseTrailers, p.text("u"), p.text("2")))
	}, origin: []string{"body", "--", "t: 1"}, client: []string{"given", "--", "u: 2", "!Length: 5"}},
	{name: "set_header_value trailers without the feature", build: func(p *program) {
		handlers(p, 1, p.do("set_header_value", requestTrailers, p.text("t"), p.text("1")), nil)
	}, fails: "enable feature trailers"},
	{name: "get_header_values trailers", response: "200\n\ngi|ven\n--\nU: 2", build: func(p *program) {
		handlers(p, 1, p.do("enable_features", I32(6)), Code(p.do("get_header_values", responseTrailers, p.text("u"), room), p.do("set_header_value", ofResponse, p.text("x"), Code(I32(scratch), I32(1)))))
	}, client: []string{"x: 2", "given", "u: 2"}},
	{name: "add_header_value", build: func(p *program) {
		handlers(p, 1, Code(p.do("enable_features", I32(2)), p.do("add_header_value", ofRequest, p.text("x-one"), p.text("more"))), p.do("add_header_value", ofResponse, p.text("x-given"), p.text("more")))
	}, origin: []string{"x-one: 1", "x-one: more"}, client: []string{"x-given: 4", "x-given: more"}},
	{name: "remove_header", build: func(p *program) {
		handlers(p, 1, Code(p.do("enable_features", I32(2)), p.do("remove_header", ofRequest, p.text("x-two"))), p.do("remove_header", ofResponse, p.text("x-given")))
	}, origin: []string{"!x-two: 2", "!x-two: 3", "x-one: 1"}, client: []string{"!x-given: 4"}},
	{name: "read_body", request: "POST /\n\nhe|llo", build: func(p *program) {
		handlers(p, 1, Code(p.do("enable_features", I32(3)),
			// The first read is short, the second meets the end.
			p.do("set_header_value", ofRequest, p.text("a"), number(Code(p.call("read_body", ofRequest, I32(scratch), I32(3)), high))),
			p.call("read_body", ofRequest, I32(scratch+3), I32(9)), high, Set(0),
			p.do("set_header_value", ofRequest, p.text("b"), number(Get(0))), p.do("set_header_value", ofRequest, p.text("x"), Code(I32(scratch), I32(5)))),
			Code(p.do("read_body", ofResponse, room), p.do("set_header_value", ofResponse, p.text("x"), Code(I32(scratch), I32(5)))))
	}, origin: []string{"a: 0", "b: 1", "x: hello", "hello"}, client: []string{"x: given", "given", "Length: 5"}},
	{name: "read_body without the feature", build: func(p *program) {
		handlers(p, 1, nil, p.do("read_body", ofResponse, room))
	}, fails: "without the feature buffer_response"},
	{name: "write_body", request: "POST /\n\nhello", build: func(p *program) {
		handlers(p, 1, Code(p.do("enable_features", I32(2)), p.do("write_body", ofRequest, p.text("ab")), p.do("write_body", ofRequest, p.text("cd"))),
			Code(p.do("write_body", ofResponse, p.text("ef")), p.do("write_body", ofResponse, p.text("g"))))
	}, origin: []string{"abcd", "!hello"}, client: []string{"efg", "Length: 3"}},
	{name: "write_body before the response", build: func(p *program) {
		handlers(p, 1, p.do("write_body", ofResponse, p.text("first, ")), nil)
	}, client: []string{"first, given"}},
	{name: "get_method", build: func(p *program) {
		handlers(p, 1, Code(p.call("get_method", room), Set(0), p.do("set_header_value", ofRequest, p.text("x"), read)), nil)
	}, origin: []string{"x: GET"}},
	{name: "set_method", build: func(p *program) { handlers(p, 1, p.do("set_method", p.text("PUT")), nil) }, origin: []string{"PUT shop.example /a?b=c"}},
	{name: "get_uri", build: func(p *program) {
		handlers(p, 1, Code(p.call("get_uri", room), Set(0), p.do("set_header_value", ofRequest, p.text("x"), read)), nil)
	}, origin: []string{"x: /a?b=c"}},
	{name: "set_uri", build: func(p *program) { handlers(p, 1, p.do("set_uri", p.text("/d")), nil) }, origin: []string{"GET shop.example /d"}},
	{name: "get_protocol_version", build: func(p *program) {
		handlers(p, 1, Code(p.call("get_protocol_version", room), Set(0), p.do("set_header_value", ofRequest, p.text("x"), read)), nil)
	}, origin: []string{"x: HTTP/1.1"}},
	{name: "get_source_addr", build: func(p *program) {
		handlers(p, 1, Code(p.call("get_source_addr", room), Set(0), p.do("set_header_value", ofRequest, p.text("x"), read)), nil)
	}, origin: []string{"x: 192.0.2.1:1234"}},
	{name: "get_status_code", response: "203\nContent-Length: 1\n\na", build: func(p *program) {
		handlers(p, 1, p.do("enable_features", I32(2)), p.do("set_header_value", ofResponse, p.text("x"), number(Code(p.call("get_status_code"), I32(200), Op(0x6b)))))
	}, client: []string{"x: 3"}},
	{name: "set_status_code", build: func(p *program) {
		handlers(p, 1, p.do("enable_features", I32(2)), p.do("set_status_code", I32(404)))
	}, client: []string{"404", "given"}},
	{name: "an answer of its own", build: func(p *program) {
		handlers(p, 0, Code(p.do("set_status_code", I32(403)), p.do("set_header_value", ofResponse, p.text("x"), p.text("1")), p.do("write_body", ofResponse, p.text("no"))), Unreachable)
	}, client: []string{"403", "x: 1", "no", "Length: 2"}},
	{name: "the context", build: func(p *program) {
		p.on("handle_request", "", "I", p.do("enable_features", I32(2)), I64(7<<32|1))
		p.on("handle_response", "ii", "", p.do("set_header_value", ofResponse, p.text("x"), number(Get(0))), p.do("set_header_value", ofResponse, p.text("y"), number(Get(1))))
	}, client: []string{"x: 7", "y: 0"}},
	{name: "the next handler failed", failed: true, response: "502\n\nbad", build: func(p *program) {
		p.on("handle_request", "", "I", p.do("enable_features", I32(2)), I64(7<<32|1))
		p.on("handle_response", "ii", "", p.do("set_header_value", ofResponse, p.text("x"), number(Get(0))), p.do("set_header_value", ofResponse, p.text("y"), number(Get(1))))
	}, client: []string{"502", "x: 7", "y: 1", "bad"}},

	// Hostile ones.
	{name: "a pointer outside", build: func(p *program) { handlers(p, 1, p.do("log", I32(0), Code(I32(-1), I32(9))), nil) }, fails: "outside of the memory"},
	{name: "a length that lies", build: func(p *program) { handlers(p, 1, p.do("write_body", ofRequest, Code(I32(8), I32(-1))), nil) }, fails: "outside of the memory"},
	{name: "a buffer outside", build: func(p *program) { handlers(p, 1, p.do("get_uri", Code(I32(-8), I32(64))), nil) }, fails: "outside of the memory"},
	{name: "a kind that is none", build: func(p *program) { handlers(p, 1, p.do("remove_header", I32(9), p.text("x")), nil) }, fails: "no kind of fields 9"},
	{name: "a body that is none", build: func(p *program) { handlers(p, 1, p.do("write_body", I32(2), p.text("x")), nil) }, fails: "no kind of body 2"},
	{name: "a line end", build: func(p *program) {
		handlers(p, 1, p.do("set_header_value", ofRequest, p.text("x"), p.text("a\r\nb: c")), nil)
	}, fails: "invalid"},
	{name: "bodies without end", build: func(p *program) {
		handlers(p, 1, Forever(p.do("write_body", ofResponse, Code(I32(0), I32(60000)))), nil)
	}, fails: "max_body"},
	{name: "fields without end", build: func(p *program) {
		handlers(p, 1, Forever(p.do("add_header_value", ofRequest, p.text("x"), Code(I32(1024), I32(0)))), nil)
	}, fails: "limit reached"},
	{name: "a loop", build: func(p *program) { handlers(p, 1, Forever(), nil) }, fails: "budget spent"},
}

func TestHTTPWasm(t *testing.T) {
	funcs := httpwasm.ABI{}.Funcs()
	var names []string
	for i := range funcs {
		names = append(names, funcs[i].Name)
	}
	if len(names) != 19 {
		t.Errorf("%d functions, want 19", len(names))
	}
	every(t, names, httpWasmCases)
	n := newNode(t)
	for _, c := range httpWasmCases {
		p := newProgram(funcs)
		c.build(p)
		n.check(t, p.bytes(), c)
	}
}
