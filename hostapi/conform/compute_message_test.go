package conform

import "github.com/wedgecdn/wedge/hostapi/exchange"

// Requests, responses, their fields and bodies.
var computeMessageCases = []computeCase{
	{name: "fastly_abi.init", build: func(p *compute) {
		p.must("abi.init", int64(1))
		p.want(stInvalid, "abi.init", int64(2))
		p.show("initialised")
		p.reply()
	}, sees: []string{"200", "initialised"}},

	// The client's request.
	{name: "fastly_http_req.body_downstream_get fastly_http_req.method_get fastly_http_req.uri_get fastly_http_req.version_get", request: "PUT /p?q=1\n\nsent |by the client",
		build: func(p *compute) {
			r, b := p.downstream()
			p.show(p.text("http_req.method_get", r), " ", p.text("http_req.uri_get", r), " ", p.open("http_req.version_get", r), " ")
			p.read(b)
			p.reply()
		}, sees: []string{"PUT https://shop.example/p?q=1 2 sent by the client"}},
	{name: "a room that is too small", build: func(p *compute) {
		r, _ := p.downstream()
		small, n := p.area(5), p.out()
		p.want(stBufferLength, "http_req.uri_get", r, small, n)
		p.show(handle(n), ",")
		p.want(stBufferLength, "http_req.header_value_get", r, "Host", small, n)
		p.show(handle(n))
		p.reply()
	}, sees: []string{"26,12"}},
	{name: "fastly_http_req.header_names_get fastly_http_req.header_value_get fastly_http_req.header_values_get", build: func(p *compute) {
		r, _ := p.downstream()
		p.show(p.list("http_req.header_names_get", r), "|", p.text("http_req.header_value_get", r, "x-two"), "|", p.list("http_req.header_values_get", r, "X-TWO"))
		p.want(stInvalid, "http_req.header_value_get", r, "x-three", p.area(8), p.out())
		p.want(stHTTPInvalid, "http_req.header_value_get", r, "x three", p.area(8), p.out())
		p.reply()
	}, sees: []string{"host\x00x-one\x00x-two\x00|2|2\x003\x00"}},
	{name: "names page by page", build: func(p *compute) {
		r, _ := p.downstream()
		room, next, n := p.area(12), p.out(), p.out()
		p.must("http_req.header_names_get", r, room, 0, next, n) // host and x-one are 11
		p.show(got{room.at, n}, "|", handle(next), "|")
		p.must("http_req.header_names_get", r, room, 2, next, n)
		p.show(got{room.at, n})
		tiny := p.area(2)
		p.want(stBufferLength, "http_req.header_names_get", r, tiny, 0, next, n)
		p.show("|", handle(n))
		p.reply()
	}, sees: []string{"host\x00x-one\x00|2|x-two\x00|5"}},
	{name: "fastly_http_req.original_header_names_get fastly_http_req.original_header_count fastly_http_downstream.downstream_original_header_names fastly_http_downstream.downstream_original_header_count",
		build: func(p *compute) {
			r, _ := p.downstream()
			p.must("http_req.header_insert", r, "X-New", "1") // changes the request, and not what the client sent
			p.must("http_req.header_remove", r, "X-One")
			p.show(p.list("http_req.original_header_names_get"), p.open("http_req.original_header_count"), "|")
			p.show(p.list("http_downstream.downstream_original_header_names", r), p.open("http_downstream.downstream_original_header_count", r))
			p.want(stBadHandle, "http_downstream.downstream_original_header_count", 999, p.out())
			p.reply()
		}, sees: []string{"host\x00x-one\x00x-two\x003|host\x00x-one\x00x-two\x003"}},
	{name: "fastly_http_req.downstream_client_ip_addr fastly_http_downstream.downstream_client_ip_addr fastly_geo.lookup", build: func(p *compute) {
		r, _ := p.downstream()
		at, n := p.area(16), p.out()
		p.must("http_req.downstream_client_ip_addr", cell(at.at), n)
		p.show(handle(n), p.text("geo.lookup", got{at.at, n}))
		at, n = p.area(16), p.out()
		p.must("http_downstream.downstream_client_ip_addr", r, cell(at.at), n)
		p.show(handle(n), p.text("geo.lookup", got{at.at, n}))
		p.show(p.text("geo.lookup", "\x20\x01\x0d\xb8\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01"))
		p.want(stNone, "geo.lookup", "\x0a\x00\x00\x01", p.area(16), p.out())
		p.want(stInvalid, "geo.lookup", "12345", p.area(16), p.out())
		p.reply()
	}, sees: []string{`4{"as_number":64500,"city":"Utrecht","country_code":"NL"}4{"as_number":64500,"city":"Utrecht","country_code":"NL"}{"all":"of it"}`}},
	{name: "fastly_http_req.downstream_server_ip_addr fastly_http_downstream.downstream_server_ip_addr", build: func(p *compute) {
		r, _ := p.downstream()
		at, n := p.area(16), p.out()
		p.must("http_req.downstream_server_ip_addr", cell(at.at), n)
		p.show(handle(n))
		p.must("http_downstream.downstream_server_ip_addr", r, cell(at.at), n)
		p.show(handle(n), got{at.at, n})
		p.want(stBadHandle, "http_downstream.downstream_server_ip_addr", 999, cell(at.at), n)
		p.reply()
	}, sees: []string{"44\x7f\x00\x00\x01"}},
	{name: "fastly_http_req.downstream_client_request_id fastly_http_downstream.downstream_client_request_id", build: func(p *compute) {
		r, _ := p.downstream()
		p.show(p.text("http_req.downstream_client_request_id"), " ", p.text("http_downstream.downstream_client_request_id", r))
		p.reply()
	}, sees: []string{exchange.ID{1, 2, 3}.String() + " " + exchange.ID{1, 2, 3}.String()}},
	{name: "what the node does not tell: fastly_http_req.downstream_client_h2_fingerprint fastly_http_req.downstream_client_oh_fingerprint fastly_http_req.downstream_tls_cipher_openssl_name" +
		" fastly_http_req.downstream_tls_client_hello fastly_http_req.downstream_tls_ja3_md5 fastly_http_req.downstream_tls_ja4 fastly_http_req.downstream_compliance_region" +
		" fastly_http_downstream.downstream_client_h2_fingerprint fastly_http_downstream.downstream_client_oh_fingerprint fastly_http_downstream.downstream_tls_cipher_openssl_name" +
		" fastly_http_downstream.downstream_tls_client_hello fastly_http_downstream.downstream_tls_ja3_md5 fastly_http_downstream.downstream_tls_ja4 fastly_http_downstream.downstream_compliance_region",
		tls: &exchange.TLS{Version: 0x0304}, build: func(p *compute) {
			r, _ := p.downstream()
			n := p.record(7)
			for _, name := range []string{"client_h2_fingerprint", "client_oh_fingerprint", "tls_cipher_openssl_name", "tls_client_hello", "tls_ja4", "compliance_region"} {
				p.want(stNone, "http_req.downstream_"+name, p.area(16), n)
				p.want(stNone, "http_downstream.downstream_"+name, r, p.area(16), n)
				p.want(stBadHandle, "http_downstream.downstream_"+name, 999, p.area(16), n)
			}
			p.show(handle(n))
			p.want(stNone, "http_req.downstream_tls_ja3_md5", cell(p.area(16).at), n)
			p.want(stNone, "http_downstream.downstream_tls_ja3_md5", r, cell(p.area(16).at), n)
			p.show(handle(n))
			p.reply()
		}, sees: []string{"00"}},
	{name: "no: fastly_http_req.downstream_client_ddos_detected fastly_http_req.fastly_key_is_valid fastly_http_downstream.downstream_client_ddos_detected fastly_http_downstream.fastly_key_is_valid" +
		" fastly_http_downstream.downstream_bot_analyzed fastly_http_downstream.downstream_bot_detected", build: func(p *compute) {
		r, _ := p.downstream()
		no := func(name string, args ...any) {
			n := p.record(7)
			p.must(name, append(args, n)...)
			p.show(handle(n))
		}
		no("http_req.downstream_client_ddos_detected")
		no("http_req.fastly_key_is_valid")
		for _, name := range []string{"downstream_client_ddos_detected", "fastly_key_is_valid", "downstream_bot_analyzed", "downstream_bot_detected"} {
			no("http_downstream."+name, r)
			p.want(stBadHandle, "http_downstream."+name, 999, p.out())
		}
		p.reply()
	}, sees: []string{"000000"}},
	{name: "a client whom nobody has looked at: fastly_http_downstream.downstream_bot_name fastly_http_downstream.downstream_bot_category fastly_http_downstream.downstream_bot_category_kind" +
		" fastly_http_downstream.downstream_bot_verified fastly_http_downstream.downstream_resvpnproxy_is_anonymous fastly_http_downstream.downstream_resvpnproxy_is_anonymous_vpn" +
		" fastly_http_downstream.downstream_resvpnproxy_is_hosting_provider fastly_http_downstream.downstream_resvpnproxy_is_proxy_over_vpn fastly_http_downstream.downstream_resvpnproxy_is_public_proxy" +
		" fastly_http_downstream.downstream_resvpnproxy_is_relay_proxy fastly_http_downstream.downstream_resvpnproxy_is_residential_proxy fastly_http_downstream.downstream_resvpnproxy_is_smart_dns_proxy" +
		" fastly_http_downstream.downstream_resvpnproxy_is_tor_exit_node fastly_http_downstream.downstream_resvpnproxy_is_vpn_datacenter fastly_http_downstream.downstream_resvpnproxy_vpn_service_name", build: func(p *compute) {
		r, _ := p.downstream()
		for _, name := range []string{"bot_name", "bot_category", "resvpnproxy_vpn_service_name"} {
			n := p.record(7)
			p.want(stNone, "http_downstream.downstream_"+name, r, p.area(8), n)
			p.show(handle(n))
			p.want(stBadHandle, "http_downstream.downstream_"+name, 999, p.area(8), p.out())
		}
		for _, name := range []string{"bot_category_kind", "bot_verified", "resvpnproxy_is_anonymous", "resvpnproxy_is_anonymous_vpn", "resvpnproxy_is_hosting_provider", "resvpnproxy_is_proxy_over_vpn",
			"resvpnproxy_is_public_proxy", "resvpnproxy_is_relay_proxy", "resvpnproxy_is_residential_proxy", "resvpnproxy_is_smart_dns_proxy", "resvpnproxy_is_tor_exit_node", "resvpnproxy_is_vpn_datacenter"} {
			n := p.record(7)
			p.want(stNone, "http_downstream.downstream_"+name, r, n)
			p.show(handle(n))
			p.want(stBadHandle, "http_downstream.downstream_"+name, 999, p.out())
		}
		p.reply()
	}, sees: []string{"000000000000000"}},
	{name: "fastly_http_req.downstream_tls_protocol fastly_http_downstream.downstream_tls_protocol fastly_http_req.downstream_tls_raw_client_certificate fastly_http_downstream.downstream_tls_raw_client_certificate" +
		" fastly_http_req.downstream_tls_client_cert_verify_result fastly_http_downstream.downstream_tls_client_cert_verify_result fastly_http_downstream.downstream_tls_client_servername",
		tls: &exchange.TLS{Version: 0x0303, ServerName: "name.example", ClientCertificate: []byte("DER")}, build: func(p *compute) {
			r, _ := p.downstream()
			p.show(p.text("http_req.downstream_tls_protocol"), " ", p.text("http_downstream.downstream_tls_protocol", r), " ")
			p.show(p.text("http_req.downstream_tls_raw_client_certificate"), " ", p.text("http_downstream.downstream_tls_raw_client_certificate", r), " ")
			p.show(p.open("http_req.downstream_tls_client_cert_verify_result"), p.open("http_downstream.downstream_tls_client_cert_verify_result", r), " ")
			p.show(p.text("http_downstream.downstream_tls_client_servername", r))
			p.reply()
		}, sees: []string{"TLSv1.2 TLSv1.2 DER DER 00 name.example"}},
	{name: "TLS without a certificate, and none", build: func(p *compute) {
		r, _ := p.downstream()
		p.want(stNone, "http_req.downstream_tls_protocol", p.area(8), p.out())
		p.want(stNone, "http_downstream.downstream_tls_raw_client_certificate", r, p.area(8), p.out())
		p.want(stNone, "http_req.downstream_tls_client_cert_verify_result", p.out())
		p.want(stNone, "http_downstream.downstream_tls_client_servername", r, p.area(8), p.out())
		p.show("none")
		p.reply()
	}, sees: []string{"none"}},
	{name: "a certificate that is missing is 5: fastly_http_req.downstream_tls_client_cert_verify_result fastly_http_downstream.downstream_tls_client_cert_verify_result", tls: &exchange.TLS{Version: 0x0304}, build: func(p *compute) {
		p.want(stNone, "http_req.downstream_tls_raw_client_certificate", p.area(8), p.out())
		r, _ := p.downstream()
		p.show(p.open("http_req.downstream_tls_client_cert_verify_result"), p.open("http_downstream.downstream_tls_client_cert_verify_result", r))
		p.reply()
	}, sees: []string{"55"}},
	{name: "fastly_http_downstream.downstream_visits_this_service fastly_http_downstream.downstream_visits_this_pop", request: "GET /\nCDN-Loop: one, two\nCDN-Loop: three", build: func(p *compute) {
		p.show(p.open("http_downstream.downstream_visits_this_service"), p.open("http_downstream.downstream_visits_this_pop"))
		p.reply()
	}, sees: []string{"33"}},

	// A request of the program's own.
	{name: "fastly_http_req.new fastly_http_req.method_set fastly_http_req.uri_set fastly_http_req.version_set fastly_http_req.close", build: func(p *compute) {
		r := p.open("http_req.new")
		p.show(p.text("http_req.method_get", r), " ", p.text("http_req.uri_get", r), " ", p.open("http_req.version_get", r), ";")
		p.must("http_req.method_set", r, "PATCH")
		p.must("http_req.uri_set", r, "http://other.example:81?a#b")
		p.must("http_req.version_set", r, 3)
		p.show(p.text("http_req.method_get", r), " ", p.text("http_req.uri_get", r), " ", p.open("http_req.version_get", r))
		p.want(stHTTPInvalid, "http_req.method_set", r, "A B")
		p.want(stHTTPInvalid, "http_req.uri_set", r, "http:// x")
		p.want(stInvalid, "http_req.version_set", r, 5)
		p.must("http_req.close", r)
		p.want(stBadHandle, "http_req.close", r)
		p.want(stBadHandle, "http_req.method_get", r, p.area(8), p.out())
		p.reply()
	}, sees: []string{"GET / 2;PATCH http://other.example:81/?a 3"}},
	{name: "fastly_http_req.header_insert fastly_http_req.header_append fastly_http_req.header_remove fastly_http_req.header_values_set", build: func(p *compute) {
		r := p.request("GET", "http://shop.example/x")
		p.must("http_req.header_append", r, "A", "1")
		p.must("http_req.header_append", r, "A", "2")
		p.must("http_req.header_insert", r, "B", "old")
		p.must("http_req.header_insert", r, "B", "new")
		p.must("http_req.header_values_set", r, "C", "x\x00y\x00")
		p.must("http_req.header_append", r, "D", "1")
		p.must("http_req.header_remove", r, "d")
		p.want(stInvalid, "http_req.header_remove", r, "d")
		p.want(stHTTPInvalid, "http_req.header_insert", r, "E", "a\r\nF: b")
		p.want(stHTTPInvalid, "http_req.header_append", r, "G ", "a")
		p.want(stHTTPInvalid, "http_req.header_values_set", r, "", "a\x00")
		p.send(r)
		p.reply()
	}, sees: []string{"@field a: 1", "@field a: 2", "@field b: new", "!@field b: old", "@field c: x", "@field c: y", "!@field d: 1", "!@field f: b"}},

	// Responses.
	{name: "fastly_http_resp.new fastly_http_resp.status_set fastly_http_resp.status_get fastly_http_resp.version_get fastly_http_resp.version_set fastly_http_resp.close fastly_http_resp.send_downstream", build: func(p *compute) {
		r := p.open("http_resp.new")
		code := p.out()
		p.must("http_resp.status_get", r, code)
		p.show(short(code), " ", p.open("http_resp.version_get", r), " ")
		p.must("http_resp.version_set", r, 4)
		p.want(stInvalid, "http_resp.version_set", r, 5)
		p.show(p.open("http_resp.version_get", r))
		p.must("http_resp.status_set", r, 418)
		p.want(stInvalid, "http_resp.status_set", r, 99)
		p.must("http_resp.status_get", r, code)
		p.show(" ", short(code))
		other := p.open("http_resp.new")
		p.must("http_resp.close", other)
		p.want(stBadHandle, "http_resp.close", other)
		b := p.open("http_body.new")
		p.write(b, area{display, 11})
		p.must("http_resp.send_downstream", r, b, 0)
		p.want(stBadHandle, "http_resp.status_get", r, code)
		p.want(stBadHandle, "http_body.close", b)
		p.want(stError, "http_resp.send_downstream", p.open("http_resp.new"), p.body("again"), 0)
	}, sees: []string{"418", "Length: 11", "200 2 4 418"}},
	{name: "fastly_http_resp.header_names_get fastly_http_resp.header_value_get fastly_http_resp.header_values_get fastly_http_resp.header_values_set fastly_http_resp.header_insert fastly_http_resp.header_append fastly_http_resp.header_remove",
		build: func(p *compute) {
			r := p.open("http_resp.new")
			p.must("http_resp.header_append", r, "Set-Cookie", "a=1")
			p.must("http_resp.header_append", r, "Set-Cookie", "b=2")
			p.must("http_resp.header_insert", r, "X-One", "old")
			p.must("http_resp.header_insert", r, "X-One", "new")
			p.must("http_resp.header_values_set", r, "X-Two", "2\x003\x00")
			p.must("http_resp.header_insert", r, "X-Gone", "1")
			p.must("http_resp.header_remove", r, "x-gone")
			p.want(stInvalid, "http_resp.header_remove", r, "x-gone")
			p.want(stHTTPInvalid, "http_resp.header_append", r, "X-Evil", "a\nb")
			p.show(p.list("http_resp.header_names_get", r), p.text("http_resp.header_value_get", r, "set-cookie"), " ", p.list("http_resp.header_values_get", r, "X-TWO"))
			b := p.open("http_body.new")
			p.write(b, area{display, 31})
			p.must("http_resp.send_downstream", r, b, 0)
		}, sees: []string{"set-cookie: a=1", "set-cookie: b=2", "x-one: new", "!x-one: old", "x-two: 2", "x-two: 3", "!x-gone: 1", "set-cookie\x00x-one\x00x-two\x00a=1 2\x003\x00"}},
	{name: "fastly_http_resp.framing_headers_mode_set", request: "GET /", build: func(p *compute) {
		r := p.open("http_resp.new")
		p.must("http_resp.header_insert", r, "Content-Length", "7")
		p.want(stInvalid, "http_resp.framing_headers_mode_set", r, 2)
		p.must("http_resp.framing_headers_mode_set", r, 1)
		b := p.body("")
		p.must("http_resp.send_downstream", r, b, 1)
		p.write(b, "by hand")
		p.must("http_body.close", b)
	}, sees: []string{"Length: 7", "by hand"}},
	{name: "framing by itself", build: func(p *compute) {
		r := p.open("http_resp.new")
		p.must("http_resp.framing_headers_mode_set", r, 0)
		p.must("http_resp.header_insert", r, "Content-Length", "7")
		p.must("http_resp.send_downstream", r, p.body("four"), 0)
	}, sees: []string{"Length: 4", "four"}},
	{name: "fastly_http_resp.http_keepalive_mode_set", build: func(p *compute) {
		r := p.open("http_resp.new")
		p.must("http_resp.http_keepalive_mode_set", r, 0)
		p.want(stUnsupported, "http_resp.http_keepalive_mode_set", r, 1)
		p.want(stBadHandle, "http_resp.http_keepalive_mode_set", 999, 0)
		p.show("kept")
		p.reply()
	}, sees: []string{"kept"}},
	{name: "fastly_http_resp.get_addr_dest_ip fastly_http_resp.get_addr_dest_port", build: func(p *compute) {
		r, _ := p.send(p.request("GET", "http://shop.example/"))
		p.want(stNone, "http_resp.get_addr_dest_ip", r, cell(p.area(16).at), p.out())
		p.want(stNone, "http_resp.get_addr_dest_port", r, p.out())
		p.want(stBadHandle, "http_resp.get_addr_dest_port", 999, p.out())
		p.show("none")
		p.reply()
	}, sees: []string{"none"}},
	{name: "an interim response", build: func(p *compute) {
		r := p.open("http_resp.new")
		p.must("http_resp.status_set", r, 103)
		p.must("http_resp.header_insert", r, "Link", "</a>")
		p.must("http_resp.send_downstream", r, p.open("http_body.new"), 0)
		odd := p.open("http_resp.new")
		p.must("http_resp.status_set", odd, 101)
		p.want(stHTTPUser, "http_resp.send_downstream", odd, p.open("http_body.new"), 0)
		p.show("then")
		p.reply()
	}, sees: []string{"@interim 103", "@interim field link: </a>", "200", "then"}},

	// Bodies.
	{name: "fastly_http_body.new fastly_http_body.write fastly_http_body.read fastly_http_body.append fastly_http_body.known_length fastly_http_body.close", build: func(p *compute) {
		b, n := p.open("http_body.new"), p.out()
		p.must("http_body.write", b, "middle", 0, n)
		p.show(handle(n))
		p.must("http_body.write", b, "front ", 1, n)
		p.write(b, " back")
		p.want(stInvalid, "http_body.write", b, "x", 2, n)
		other := p.body(", other")
		p.must("http_body.append", b, other)
		p.want(stBadHandle, "http_body.append", b, other)
		p.want(stBadHandle, "http_body.append", b, b)
		p.show(p.wide("http_body.known_length", b), " ")
		part := p.area(7)
		p.must("http_body.read", b, part, n)
		p.show(got{part.at, n}, "/")
		p.read(b)
		p.must("http_body.read", b, part, n)
		p.show(handle(n))
		p.must("http_body.close", b)
		p.want(stBadHandle, "http_body.close", b)
		p.want(stBadHandle, "http_body.known_length", b, p.out())
		p.reply()
	}, sees: []string{"624 front /middle back, other0"}},
	{name: "a length that is not known", build: func(p *compute) {
		_, b := p.send(p.request("GET", "http://shop.example/chunked"))
		p.want(stNone, "http_body.known_length", b, p.out())
		_, b = p.send(p.request("GET", "http://shop.example/plain"))
		p.show(p.wide("http_body.known_length", b))
		p.reply()
	}, sees: []string{"11"}},
	{name: "a streaming body", build: func(p *compute) {
		b := p.body("one")
		p.must("http_resp.send_downstream", p.open("http_resp.new"), b, 1)
		p.write(b, ", two")
		p.want(stBadHandle, "http_body.read", b, p.area(8), p.out())
		p.want(stBadHandle, "http_body.write", b, "x", 1, p.out())
		p.must("http_body.append", b, p.body(", three"))
		p.must("http_body.close", b)
	}, sees: []string{"Length: -1", "one, two, three"}},
	{name: "fastly_http_body.abandon", build: func(p *compute) {
		b := p.body("begun")
		p.must("http_resp.send_downstream", p.open("http_resp.new"), b, 1)
		p.must("http_body.abandon", b)
		p.want(stBadHandle, "http_body.abandon", b)
	}, sees: []string{"begun<broken>"}},
	{name: "a streaming body that is left open", build: func(p *compute) {
		b := p.body("begun")
		p.must("http_resp.send_downstream", p.open("http_resp.new"), b, 1)
	}, sees: []string{"begun<broken>"}},
	{name: "fastly_http_body.trailer_append", build: func(p *compute) {
		b := p.body("content")
		p.must("http_body.trailer_append", b, "X-Sum", "42")
		p.want(stHTTPInvalid, "http_body.trailer_append", b, "X Sum", "42")
		p.must("http_resp.send_downstream", p.open("http_resp.new"), b, 0)
	}, sees: []string{"content", "x-sum: 42"}},
	{name: "fastly_http_body.trailer_append of a stream", build: func(p *compute) {
		b := p.body("content")
		p.must("http_resp.send_downstream", p.open("http_resp.new"), b, 1)
		p.must("http_body.trailer_append", b, "X-Sum", "42")
		p.want(stInvalid, "http_body.trailer_value_get", b, "X-Sum", p.area(8), p.out())
		p.must("http_body.close", b)
	}, sees: []string{"content", "x-sum: 42"}},
	{name: "fastly_http_body.trailer_names_get fastly_http_body.trailer_value_get fastly_http_body.trailer_values_get", request: "POST /\n\nab|cd\n--\nX-Sum: 1\nX-Sum: 2\nX-Other: 3", build: func(p *compute) {
		_, b := p.downstream()
		p.want(stAgain, "http_body.trailer_value_get", b, "X-Sum", p.area(8), p.out())
		p.want(stAgain, "http_body.trailer_names_get", b, p.area(8), 0, p.out(), p.out())
		p.read(b)
		p.show(" ", p.list("http_body.trailer_names_get", b), p.text("http_body.trailer_value_get", b, "x-sum"), p.list("http_body.trailer_values_get", b, "x-sum"))
		p.want(stInvalid, "http_body.trailer_value_get", b, "X-None", p.area(8), p.out())
		p.reply()
	}, sees: []string{"abcd x-sum\x00x-other\x0011\x002\x00"}},

	// The next request is another run's.
	{name: "fastly_http_downstream.next_request fastly_http_downstream.next_request_wait fastly_http_downstream.next_request_abandon", build: func(p *compute) {
		p.show("answered")
		p.reply()
		next := p.open("http_downstream.next_request", 0, 0)
		p.must("http_downstream.next_request_abandon", next)
		p.want(stBadHandle, "http_downstream.next_request_abandon", next)
		next = p.open("http_downstream.next_request", 0, 0)
		p.want(stNone, "http_downstream.next_request_wait", next, p.out(), p.out())
		p.want(stBadHandle, "http_downstream.next_request_wait", next, p.out(), p.out())
	}, sees: []string{"answered"}},
}
