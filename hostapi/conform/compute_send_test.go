package conform

// The tags of what became of a request that was sent ($send_error_detail_tag).
const (
	detailOK          = "1"
	detailNotFound    = "4"
	detailUnavailable = "5"
	detailTimeout     = "16"
)

// fetched shows a response and its body.
func (p *compute) fetched(response, body handle) {
	code := p.out()
	p.must("http_resp.status_get", response, code)
	p.show(short(code), " ")
	p.read(body)
	p.show(";")
}

// later sends a request and is its pending handle.
func (p *compute) later(uri string) handle {
	return p.open("http_req.send_async", p.request("GET", uri), p.open("http_body.new"), "shop")
}

// await waits for a pending request and shows its response.
func (p *compute) await(pending handle) {
	r, b := p.out(), p.out()
	p.must("http_req.pending_req_wait", pending, r, b)
	p.fetched(handle(r), handle(b))
}

// Requests to backends, at once and later; backends.
var computeSendCases = []computeCase{
	{name: "fastly_http_req.send", build: func(p *compute) {
		r := p.request("PUT", "http://shop.example/x?y=\"z\"#f")
		p.must("http_req.header_insert", r, "X-One", "1")
		resp, b := p.out(), p.out()
		p.must("http_req.send", r, p.body("content"), "shop", resp, b)
		p.want(stBadHandle, "http_req.method_get", r, p.area(8), p.out()) // it was consumed
		p.show(p.list("http_resp.header_values_get", handle(resp), "x-answer"))
		p.fetched(handle(resp), handle(b))
		p.reply()
	}, sees: []string{`@fetch PUT shop /x?y=%22z%22 "content" whole`, "@field x-one: 1", "@field host: shop.example", "!@past the cache", "one\x00two\x00203 from /x?y=%22z%22;"}},
	{name: "send to nobody, and to no URI", build: func(p *compute) {
		resp, b := p.out(), p.out()
		p.want(stInvalid, "http_req.send", p.request("GET", "http://shop.example/"), p.open("http_body.new"), "nobody", resp, b)
		p.want(stHTTPUser, "http_req.send", p.request("GET", "/relative"), p.open("http_body.new"), "shop", resp, b)
		p.want(stBadHandle, "http_req.send", 999, p.open("http_body.new"), "shop", resp, b)
		p.want(stBadHandle, "http_req.send", p.request("GET", "http://shop.example/"), 999, "shop", resp, b)
		p.want(stError, "http_req.send", p.request("GET", "http://shop.example/refused"), p.open("http_body.new"), "shop", resp, b)
		p.show("failed")
		p.reply()
	}, sees: []string{"failed", `@fetch GET shop /refused "" whole`, `!@fetch GET shop / "" whole`}},
	{name: "fastly_http_req.send_v2", build: func(p *compute) {
		try := func(status int, uri, backend string) {
			detail, resp, b := p.record(0, 31, 0, 0), p.out(), p.out()
			p.want(status, "http_req.send_v2", p.request("GET", uri), p.open("http_body.new"), backend, detail, resp, b)
			p.show(handle(detail), ";")
			if status == stOK {
				p.fetched(handle(resp), handle(b))
			}
		}
		try(stOK, "http://shop.example/", "shop")
		try(stInvalid, "http://shop.example/", "nobody")
		try(stError, "http://shop.example/refused", "shop")
		try(stError, "http://shop.example/late", "shop")
		p.reply()
	}, sees: []string{detailOK + ";203 from /;" + detailNotFound + ";" + detailUnavailable + ";" + detailTimeout + ";", "!@past the cache"}},
	{name: "fastly_http_req.send_v3", build: func(p *compute) {
		detail, resp, b := p.record(0, 31, 0, 0), p.out(), p.out()
		r := p.request("GET", "http://shop.example/")
		p.must("http_req.cache_override_set", r, 2, 60, 0)
		p.must("http_req.send_v3", r, p.open("http_body.new"), "shop", detail, resp, b)
		p.show(handle(detail), ";")
		p.fetched(handle(resp), handle(b))
		p.reply()
	}, sees: []string{detailOK + ";203 from /;", "@past the cache", `!@cache ttl 1m0s grace 0s tags []`}},
	{name: "fastly_http_req.cache_override_set", build: func(p *compute) {
		r := p.request("GET", "http://shop.example/")
		p.must("http_req.cache_override_set", r, 2|4, 60, 30)
		p.want(stInvalid, "http_req.cache_override_set", r, 16, 0, 0)
		p.send(r)
		r = p.request("GET", "http://shop.example/pass")
		p.must("http_req.cache_override_set", r, 1, 0, 0)
		p.send(r)
		p.reply()
	}, sees: []string{`@cache ttl 1m0s grace 30s tags []`, "@past the cache"}},
	{name: "fastly_http_req.cache_override_v2_set", build: func(p *compute) {
		r := p.request("GET", "http://shop.example/")
		p.must("http_req.cache_override_v2_set", r, 2, 0, 9, "red blue")
		p.send(r)
		p.reply()
	}, sees: []string{`@cache ttl 0s grace 0s tags ["red" "blue"]`, "!@past the cache"}},
	{name: "fastly_http_req.auto_decompress_response_set", build: func(p *compute) {
		r := p.request("GET", "http://shop.example/zipped")
		p.must("http_req.auto_decompress_response_set", r, 1)
		p.want(stInvalid, "http_req.auto_decompress_response_set", r, 2)
		resp, b := p.send(r)
		p.want(stInvalid, "http_resp.header_value_get", resp, "content-encoding", p.area(8), p.out())
		p.want(stInvalid, "http_resp.header_value_get", resp, "content-length", p.area(8), p.out())
		p.fetched(resp, b)
		resp, _ = p.send(p.request("GET", "http://shop.example/zipped"))
		p.show(p.text("http_resp.header_value_get", resp, "content-encoding"))
		p.reply()
	}, sees: []string{"203 unzipped;gzip"}},
	{name: "fastly_http_req.framing_headers_mode_set", build: func(p *compute) {
		r := p.request("GET", "http://shop.example/")
		p.must("http_req.framing_headers_mode_set", r, 0)
		p.must("http_req.framing_headers_mode_set", r, 1)
		p.want(stInvalid, "http_req.framing_headers_mode_set", r, 2)
		p.want(stBadHandle, "http_req.framing_headers_mode_set", 999, 0)
		p.fetched(p.send(r))
		p.reply()
	}, sees: []string{"203 from /;"}},

	{name: "the client's content goes on, with its length", request: "POST /\n\nhello |world", build: func(p *compute) {
		_, b := p.downstream()
		resp, content := p.out(), p.out()
		p.must("http_req.send", p.request("POST", "http://shop.example/"), b, "shop", resp, content)
		p.fetched(handle(resp), handle(content))
		p.reply()
	}, sees: []string{`@fetch POST shop / "hello world" whole`, "@a stream of 11"}},
	{name: "a response's content goes on, with what is put around it", build: func(p *compute) {
		_, given := p.send(p.request("GET", "http://shop.example/one"))
		b := p.body("<")
		p.must("http_body.append", b, given)
		p.write(b, ">")
		p.must("http_req.send", p.request("POST", "http://shop.example/two"), b, "shop", p.out(), p.out())
		p.reply()
	}, sees: []string{`@fetch POST shop /two "<from /one>" whole`, "@a stream of 11"}},
	{name: "no content where a length says what it would be", request: "HEAD /", build: func(p *compute) {
		resp, b := p.send(p.request("HEAD", "http://shop.example/one"))
		p.show(p.text("http_resp.header_value_get", resp, "content-length"), p.wide("http_body.known_length", b), " ")
		p.must("http_req.send", p.request("POST", "http://shop.example/two"), b, "shop", p.out(), p.out())
		p.reply()
	}, sees: []string{"90 ", `@fetch POST shop /two "" whole`}},

	// Later.
	{name: "fastly_http_req.send_async fastly_http_req.pending_req_wait", build: func(p *compute) {
		one, two := p.later("http://shop.example/held"), p.later("http://shop.example/release") // both are under way at once
		p.await(one)
		p.await(two)
		p.want(stBadHandle, "http_req.pending_req_wait", one, p.out(), p.out())
		p.want(stError, "http_req.pending_req_wait", p.later("http://shop.example/refused"), p.out(), p.out())
		p.reply()
	}, sees: []string{"203 from /held;203 from /release;"}},
	{name: "fastly_http_req.send_async_v2 fastly_http_req.pending_req_wait_v2", build: func(p *compute) {
		b := p.body("one")
		pending := p.open("http_req.send_async_v2", p.request("POST", "http://shop.example/up"), b, "shop", 1)
		p.write(b, ", two")
		p.must("http_body.close", b)
		resp, content, detail := p.out(), p.out(), p.record(0, 31, 0, 0)
		p.must("http_req.pending_req_wait_v2", pending, detail, resp, content)
		p.show(handle(detail), ";")
		p.fetched(handle(resp), handle(content))
		p.want(stInvalid, "http_req.send_async_v2", p.request("POST", "http://shop.example/up"), p.body(""), "shop", 2, p.out())
		pending = p.open("http_req.send_async_v2", p.request("GET", "http://shop.example/late"), p.open("http_body.new"), "shop", 0)
		p.want(stError, "http_req.pending_req_wait_v2", pending, detail, resp, content)
		p.show(handle(detail))
		p.reply()
	}, sees: []string{detailOK + ";203 from /up;" + detailTimeout, `@fetch POST shop /up "one, two" whole`, "@past the cache"}},
	{name: "fastly_http_req.send_async_streaming", build: func(p *compute) {
		b := p.body("one")
		pending := p.open("http_req.send_async_streaming", p.request("POST", "http://shop.example/up"), b, "shop")
		p.write(b, ", two")
		p.must("http_body.close", b)
		p.await(pending)
		b = p.body("half")
		pending = p.open("http_req.send_async_streaming", p.request("POST", "http://shop.example/half"), b, "shop")
		p.must("http_body.abandon", b)
		p.must("http_req.pending_req_wait", pending, p.out(), p.out())
		p.reply()
	}, sees: []string{"203 from /up;", `@fetch POST shop /up "one, two" whole`, `@fetch POST shop /half "half" broken`, "!@past the cache"}},
	{name: "fastly_http_req.pending_req_poll fastly_http_req.pending_req_poll_v2", build: func(p *compute) {
		held, also := p.later("http://shop.example/held"), p.later("http://shop.example/held")
		done, resp, b, detail := p.out(), p.out(), p.out(), p.record(0, 31, 0, 0)
		p.must("http_req.pending_req_poll", held, done, resp, b)
		p.show(handle(done))
		p.must("http_req.pending_req_poll_v2", also, detail, done, resp, b)
		p.show(handle(done), handle(detail), ";")
		p.send(p.request("GET", "http://shop.example/release"))
		p.must("async_io.select", []handle{held}, 0, p.out())
		p.must("http_req.pending_req_poll", held, done, resp, b)
		p.show(handle(done), " ")
		p.fetched(handle(resp), handle(b))
		p.must("async_io.select", []handle{also}, 0, p.out())
		p.must("http_req.pending_req_poll_v2", also, detail, done, resp, b)
		p.show(handle(done), handle(detail), " ")
		p.fetched(handle(resp), handle(b))
		p.want(stBadHandle, "http_req.pending_req_poll", held, done, resp, b)
		p.want(stBadHandle, "http_req.pending_req_poll_v2", also, detail, done, resp, b)
		p.reply()
	}, sees: []string{"000;1 203 from /held;1" + detailOK + " 203 from /held;"}},
	{name: "fastly_http_req.pending_req_select fastly_http_req.pending_req_select_v2", build: func(p *compute) {
		held, quick := p.later("http://shop.example/held"), p.later("http://shop.example/quick")
		i, resp, b, detail := p.out(), p.out(), p.out(), p.record(0, 31, 0, 0)
		p.must("http_req.pending_req_select", []handle{held, quick}, i, resp, b)
		p.show(handle(i), " ")
		p.fetched(handle(resp), handle(b))
		p.want(stBadHandle, "http_req.pending_req_select", []handle{held, quick}, i, resp, b)
		late := p.later("http://shop.example/late")
		p.want(stError, "http_req.pending_req_select_v2", []handle{held, late}, detail, i, resp, b)
		p.show(handle(i), " ", handle(detail), ";")
		p.send(p.request("GET", "http://shop.example/release"))
		p.must("http_req.pending_req_select_v2", []handle{held}, detail, i, resp, b)
		p.show(handle(i), " ", handle(detail), " ")
		p.fetched(handle(resp), handle(b))
		p.want(stInvalid, "http_req.pending_req_select", []handle{}, i, resp, b)
		p.reply()
	}, sees: []string{"1 203 from /quick;1 " + detailTimeout + ";0 " + detailOK + " 203 from /held;"}},
	{name: "fastly_async_io.select fastly_async_io.is_ready", build: func(p *compute) {
		held, body := p.later("http://shop.example/held"), p.body("content")
		p.show(p.open("async_io.is_ready", held), p.open("async_io.is_ready", body), " ")
		p.show(p.open("async_io.select", []handle{held, body}, 0), " ") // the body is ready
		p.show(p.open("async_io.select", []handle{held}, 1), " ")       // nothing is, in time
		p.show(p.open("async_io.select", []handle{}, 1), " ")           // time passes
		p.want(stInvalid, "async_io.select", []handle{}, 0, p.out())    // and here it would not
		p.want(stBadHandle, "async_io.select", []handle{body, 0}, 0, p.out())
		p.want(stBadHandle, "async_io.is_ready", 999, p.out())
		p.send(p.request("GET", "http://shop.example/release"))
		p.show(p.open("async_io.select", []handle{held}, 0), p.open("async_io.is_ready", held))
		p.reply()
	}, sees: []string{"01 1 4294967295 4294967295 01"}},
	{name: "fastly_http_req.pending_req_header_insert fastly_http_req.pending_req_header_append fastly_http_req.pending_req_header_remove fastly_http_resp.send_downstream_pending", build: func(p *compute) {
		pending := p.later("http://shop.example/on")
		p.must("http_req.pending_req_header_insert", pending, "X-Any", "a", 0)
		p.must("http_req.pending_req_header_append", pending, "X-Any", "b", 1)
		p.must("http_req.pending_req_header_insert", pending, "X-Error", "e", 2)
		p.must("http_req.pending_req_header_remove", pending, "X-Answer", 1)
		p.want(stInvalid, "http_req.pending_req_header_insert", pending, "X-Any", "a", 3)
		p.want(stHTTPInvalid, "http_req.pending_req_header_append", pending, "X-Any", "a\nb", 0)
		p.want(stBadHandle, "http_req.pending_req_header_remove", 999, "X-Any", 0)
		p.must("http_resp.send_downstream_pending", pending)
		p.want(stBadHandle, "http_resp.send_downstream_pending", pending)
	}, sees: []string{"203", "x-any: a", "x-any: b", "!x-error: e", "!x-answer: one", "from /on"}},
	{name: "send_downstream_pending of what fails", build: func(p *compute) {
		pending := p.later("http://shop.example/refused")
		p.must("http_req.pending_req_header_insert", pending, "X-Any", "a", 0)
		p.must("http_req.pending_req_header_insert", pending, "X-Response", "r", 1)
		p.must("http_req.pending_req_header_insert", pending, "X-Error", "e", 2)
		p.must("http_resp.send_downstream_pending", pending)
	}, sees: []string{"502", "x-any: a", "x-error: e", "!x-response: r"}},

	// Backends.
	{name: "fastly_backend.exists fastly_backend.is_dynamic fastly_backend.is_healthy fastly_backend.is_ssl", build: func(p *compute) {
		for _, name := range []string{"shop", "Shop", "Renamed One", "nobody"} {
			p.show(p.open("backend.exists", name))
		}
		p.show(" ", p.open("backend.is_dynamic", "shop"), p.open("backend.is_ssl", "shop"), p.open("backend.is_healthy", "shop"), p.open("backend.is_healthy", "sick"), p.open("backend.is_healthy", "well"))
		for _, name := range []string{"is_dynamic", "is_healthy", "is_ssl"} {
			p.want(stInvalid, "backend."+name, "nobody", p.out())
		}
		p.reply()
	}, sees: []string{"1110 01021"}},
	{name: "fastly_backend.get_host fastly_backend.get_override_host fastly_backend.get_port fastly_backend.get_connect_timeout_ms fastly_backend.get_first_byte_timeout_ms fastly_backend.get_between_bytes_timeout_ms", build: func(p *compute) {
		port := p.out()
		p.must("backend.get_port", "shop", port)
		p.show(p.text("backend.get_host", "shop"), " ", p.text("backend.get_override_host", "shop"), " ", short(port), " ")
		p.show(p.open("backend.get_connect_timeout_ms", "shop"), " ", p.open("backend.get_first_byte_timeout_ms", "shop"), " ", p.open("backend.get_between_bytes_timeout_ms", "shop"))
		p.want(stInvalid, "backend.get_host", "nobody", p.area(8), p.out())
		p.want(stInvalid, "backend.get_port", "nobody", p.out())
		p.want(stInvalid, "backend.get_connect_timeout_ms", "nobody", p.out())
		p.reply()
	}, sees: []string{"shop.internal shop.host 8443 1000 2000 3000"}},
	{name: "fastly_http_req.register_dynamic_backend", build: func(p *compute) {
		const host, connect, first, between, tls = 2, 4, 8, 16, 32
		record := p.record("over.example", 100, 200, 300)
		p.must("http_req.register_dynamic_backend", "mine", "id.example", host|connect|first|between|tls, record)
		p.want(stError, "http_req.register_dynamic_backend", "mine", "id.example", tls, record)          // twice
		p.want(stUnsupported, "http_req.register_dynamic_backend", "other", "evil.example", tls, record) // the operator does not allow it
		p.want(stUnsupported, "http_req.register_dynamic_backend", "plain", "id.example", 0, record)     // nor http
		p.want(stInvalid, "http_req.register_dynamic_backend", "", "id.example", tls, record)            // no name
		p.want(stInvalid, "http_req.register_dynamic_backend", "path", "id.example/a", tls, record)      // no host
		p.want(stInvalid, "http_req.register_dynamic_backend", "reserved", "id.example", 1, record)
		port := p.out()
		p.must("backend.get_port", "mine", port)
		p.show(p.open("backend.exists", "mine"), p.open("backend.is_dynamic", "mine"), p.open("backend.is_ssl", "mine"), " ", p.text("backend.get_host", "mine"), " ", p.text("backend.get_override_host", "mine"), " ", short(port), " ",
			p.open("backend.get_connect_timeout_ms", "mine"), " ", p.open("backend.get_first_byte_timeout_ms", "mine"), " ", p.open("backend.get_between_bytes_timeout_ms", "mine"), " ")
		resp, b := p.out(), p.out()
		p.must("http_req.send", p.request("GET", "https://id.example/d"), p.open("http_body.new"), "mine", resp, b)
		p.fetched(handle(resp), handle(b))
		p.reply()
	}, sees: []string{"111 id.example over.example 443 100 200 300 203 from https://id.example/d;", "@field host: over.example", "@past the cache"}},
	{name: "the times of a dynamic backend", build: func(p *compute) {
		const connect, first, between, tls = 4, 8, 16, 32
		p.must("http_req.register_dynamic_backend", "head", "id.example", connect|first|tls, p.record("", 10, 20, 0))
		p.must("http_req.register_dynamic_backend", "content", "id.example", between|tls, p.record("", 0, 0, 30))
		detail := p.area(16)
		p.want(stError, "http_req.send_v2", p.request("GET", "https://id.example/late"), p.open("http_body.new"), "head", cell(detail.at), p.out(), p.out())
		p.show(handle(detail.at), " ")
		resp, b := p.out(), p.out()
		p.must("http_req.send", p.request("GET", "https://id.example/stalls"), p.open("http_body.new"), "content", resp, b)
		n := p.out()
		p.must("http_body.read", handle(b), p.area(8), n)
		p.show(handle(n), " ")
		p.want(stHTTPIncomplete, "http_body.read", handle(b), p.area(8), n)
		p.reply()
	}, sees: []string{"16 5 "}},
	{name: "a backend with a path", build: func(p *compute) {
		resp, b := p.out(), p.out()
		p.must("http_req.send", p.request("GET", "http://shop.example/x"), p.open("http_body.new"), "Renamed One", resp, b)
		p.fetched(handle(resp), handle(b))
		p.reply()
	}, sees: []string{"203 from /below/x;"}},
}
