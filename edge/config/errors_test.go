package config

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"
)

// site wraps the rest of a site, so that a case shows only what it is about. It stands in line 4.
func site(rest string) string {
	return "origins: [{name: o, servers: [{url: http://a}]}]\n" +
		"functions: [{name: auth}, {name: ab, limits: {memory: 16MiB}}, {name: b, owner: acme}]\n" +
		"sites:\n" +
		"- {hosts: [a.example], origin: o, " + rest + "}\n"
}

func function(rest string) string { return "functions: [{name: a, " + rest + "}]" }

func server(url string) string { return "origins: [{name: o, servers: [{url: " + url + "}]}]" }

func host(list string) string {
	return server("http://a") + "\nsites: [{name: s, hosts: [" + list + "], origin: o}]"
}

// TestRules has a line for each rule: a file, the place and the words of the complaint, and a part of the hint.
func TestRules(t *testing.T) {
	f := func(text, want, hint string) {
		t.Helper()
		_, err := Parse("wedge.yaml", []byte(text))
		var all Errors
		if !errors.As(err, &all) {
			t.Errorf("%q: no complaint, want %s", text, want)
			return
		}
		for _, p := range all {
			if p.Hint == "" {
				t.Errorf("%q: %s has no hint", text, p.Error())
			}
			if fmt.Sprintf("%d:%d: %s", p.Line, p.Column, p.Message) == want && strings.Contains(p.Hint, hint) {
				return
			}
		}
		t.Errorf("%q:\n got %s\nwant %s (hint: %s)", text, all.Text(), want, hint)
	}

	// Fields.
	f("listn: {}", `1:1: unknown field "listn" in the file`, `did you mean "listen"?`)
	f("listen: {htp: x}", `1:10: unknown field "htp" in listen`, `did you mean "http"?`)
	f("cache: {memory: 1MiB,\n  disc: 1}", `2:3: unknown field "disc" in cache`, `did you mean "disk"?`)
	f("listen: {https: ':1'}", `1:10: unknown field "https" in listen`, `did you mean "http"?`)
	f(site("xyz: x"), `4:35: unknown field "xyz" in sites[0]`, `fields here: name, hosts`)
	f(site("orgin: x"), `4:35: unknown field "orgin" in sites[0]`, `did you mean "origin"?`)
	f("memory: 1GiB\nmemory: 2GiB", `2:1: the field "memory" stands twice in the file`, `the first stands in line 1`)
	f("origins: [{name: o}]", `1:11: origins[0] lacks the field "servers"`, `add "servers: …"`)
	f("sites: [{hosts: [a]}]", `1:9: sites[0] lacks the field "origin"`, `add "origin: …"`)
	f("admin: {tokens: [{name: a}]}", `1:18: admin.tokens[0] lacks the field "scopes"`, `add "scopes: …"`)

	// Types.
	f("- a", `1:1: the file wants a map, this is a list`, `fields here: listen`)
	f("http: []", `1:7: http wants a map, this is a list`, `fields here: header_size`)
	f("sites: {}", `1:8: sites wants a list, this is a map`, `behind a dash`)
	f("sites:", `1:8: sites has no value`, `remove the line`)
	f("memory: ~", `1:9: memory has no value`, `remove the line`)
	f("memory: [1]", `1:9: memory wants a size, this is a list`, `1GiB`)
	f("drain: {}", `1:8: drain wants a duration, this is a map`, `10s`)
	f("listen: {http: 8080}", `1:16: listen.http wants text, this is a number`, `write ":8080"`)
	f("functions: [{name: 7}]", `1:20: functions[0].name wants text, this is a number`, `put it in quotes: "7"`)
	f("http: {connections: '5'}", `1:21: http.connections wants a whole number, this is text`, `without quotes`)
	f("http: {connections: 0x10}", `1:21: http.connections: "0x10" is not a whole number from 0 to 2147483648`, `digits only`)
	f(function("share_cache: yes"), `1:36: functions[0].share_cache wants true or false, this is text`, `true or false`)
	f(function("config: {a: [1]}"), `1:35: functions[0].config.a wants text, this is a list`, `JSON`)
	f(function("config: {a: }"), `1:34: functions[0].config.a has no value`, `""`)
	f(site("functions: [1]"), `4:47: sites[0].functions[0] wants the name of a function, or a map with a name, this is a number`, `name`)
	f(site("functions: x"), `4:46: sites[0].functions wants a list, this is text`, `behind a dash`)
	f("? [a]\n: b", `1:1: a key behind a question mark is not known here`, `name: value`)
	f("{}: b", `1:3: found an invalid key for this map`, `colon`)

	// Sizes, durations, numbers.
	f("memory: 1GB", `1:9: memory: "1GB" is not a size`, `write 1GiB`)
	f("memory: 64 KiB", `1:9: memory: "64 KiB" is not a size`, `write 64KiB`)
	f("memory: 1.5GiB", `1:9: memory: "1.5GiB" is not a size`, `whole number of bytes`)
	f("memory: -1", `1:9: memory: "-1" is not a size`, `whole number of bytes`)
	f("memory: 99999999TiB", `1:9: memory: "99999999TiB" is more bytes than a number can hold`, `smaller`)
	f("memory: 0", `1:9: memory must be above 0`, `greater`)
	f("memory: none", `1:9: memory cannot be none`, `value`)
	f("drain: 10", `1:8: drain: "10" is not a duration`, `10s`)
	f("drain: 2d", `1:8: drain: "2d" is not a duration`, `write 48h`)
	f("drain: 5 minutes", `1:8: drain: "5 minutes" is not a duration`, `write 5m`)
	f("drain: -1s", `1:8: drain: "-1s" is not a duration`, `1h30m`)
	f("drain: none", `1:8: drain cannot be none`, `value`)
	f("http: {header_timeout: 0s}", `1:24: http.header_timeout must be above 0`, `greater`)
	f("http: {body_size: 0}", `1:19: http.body_size must be above 0`, "`none` lifts the limit")
	f("http: {header_size: 2MiB}", `1:21: http.header_size is above the maximum of 1MiB`, `write 1MiB or less`)

	// The node.
	f("cache: {memory: 2GiB}", `1:17: cache.memory of 2GiB does not fit into memory of 1GiB`, `functions`)
	f("memory: 100MiB", `1:9: cache.memory of 256MiB does not fit into memory of 100MiB`, `functions`)
	f("cache: {disk: 15MiB}", `1:15: cache.disk of 15MiB is below the least, 16MiB`, `0 for none`)
	f("cache: {disk: 1GiB, object_size: 600MiB}", `1:34: cache.object_size of 600MiB is more than half of cache.disk of 1GiB`, `raise cache.disk to 1200MiB`)
	f("cache: {memory: 1MiB, object_size: 2MiB}", `1:36: cache.object_size of 2MiB is more than a quarter of cache.memory of 1MiB`, `raise cache.memory to 8MiB`)
	f("listen: {http: '8080'}", `1:16: listen.http: "8080" is not an address to listen on`, `write ":8080"`)
	f("listen: {http: ':99999'}", `1:16: listen.http: "99999" is not a port`, `65535`)
	f("listen: {http: 'a b:80'}", `1:16: listen.http: "a b" is not a host`, `shop.example`)
	f("admin: {listen: ':9070'}", `1:17: admin.listen is open to other machines and there is no token`, `token_file`)
	f("admin: {listen: '10.0.0.1:9070'}", `1:17: admin.listen is open to other machines and there is no token`, `token_file`)
	f("admin: {listen: '127.0.0.1:8080'}", `1:17: listen.http and admin.listen are the same address`, `different ports`)
	f("admin: {tokens: [{name: a, file: a, scopes: [red]}]}", `1:46: admin.tokens[0].scopes[0]: "red" is not a value of this field`, `did you mean "read"?`)
	f("admin: {tokens: [{name: a, file: a, scopes: []}]}", `1:45: admin.tokens[0].scopes is empty`, `at least one`)
	f("admin: {tokens: [{name: a, file: a, scopes: [read]}, {name: a, file: b, scopes: [read]}]}", `1:61: there are two tokens of the name "a"`, `line 1`)
	f("trusted_proxies: [10.0.0.1/8]", `1:19: trusted_proxies[0]: "10.0.0.1/8" has bits behind the first 8`, `write 10.0.0.0/8`)
	f("trusted_proxies: [all]", `1:19: trusted_proxies[0]: "all" is not a network`, `10.0.0.0/8`)
	f("trusted_proxies: ['::ffff:10.0.0.0/104']", `1:19: trusted_proxies[0]: "::ffff:10.0.0.0/104" hides an IPv4 network in IPv6`, `IPv4`)
	f("trusted_proxies: [10.0.0.0/8, 10.0.0.0/8]", `1:31: "10.0.0.0/8" stands twice in trusted_proxies, at [0] and here`, `remove`)
	f(`data: ""`, `1:7: data is empty`, `value`)
	f(`data: "a\x07"`, `1:7: data holds a control character`, `remove`)

	// Functions.
	f("functions: [{name: A b}]", `1:20: functions[0].name: "A b" is not a name`, `"a-b"`)
	f("functions: [{name: "+strings.Repeat("a", 64)+"}]", `1:20: functions[0].name: "`+strings.Repeat("a", 57)+`…" is not a name`, `1 to 63`)
	f("functions: [{module: x}]", `1:13: functions[0] lacks the field "name"`, `add`)
	f("functions: [{name: x},\n  {name: x}]", `2:10: the owner "default" has two functions of the name "x"`, `line 1`)
	f(function("limits: {cpu: 0s}"), `1:37: functions[0].limits.cpu must be above 0`, "`none` lifts the limit")
	f(function("limits: {fuel: 0}"), `1:38: functions[0].limits.fuel must be above 0`, "`none` lifts the limit")
	f(function("limits: {fuel: -5}"), `1:38: functions[0].limits.fuel: "-5" is not a whole number`, `digits`)
	f(function("limits: {cpu: 11s}"), `1:37: functions[0].limits.cpu of 11s is above the node's maximum of 10s`, `raise limits.cpu of the node`)
	f(function("limits: {wall: 6m}"), `1:38: functions[0].limits.wall of 6m is above the node's maximum of 5m`, `raise limits.wall of the node`)
	f("limits: {fuel: 100, host_calls: 5}\nfunctions: [{name: a, limits: {fuel: 101}}]", `2:38: functions[0].limits.fuel of 101 is above the node's maximum of 100`, `raise limits.fuel of the node`)
	f("limits: {host_calls: 5}\nfunctions: [{name: a, limits: {host_calls: 6}}]", `2:44: functions[0].limits.host_calls of 6 is above the node's maximum of 5`, `raise limits.host_calls of the node`)
	f("limits: {memory: 16MiB}\nfunctions: [{name: a, limits: {memory: 17MiB}}]", `2:40: functions[0].limits.memory of 17MiB is above the node's maximum of 16MiB`, `raise limits.memory of the node`)
	f("limits: {memory: 800MiB}", `1:18: limits.memory of 800MiB is above the 768MiB that cache.memory leaves of memory`, `raise memory`)
	f("limits: {cpu: 2h}", `1:15: limits.cpu is above the maximum of 1h`, `1h or less`)
	f("limits: {cpu: none}", `1:15: limits.cpu cannot be none`, `give it a value`)
	f(function("limits: {memory: 5GiB}"), `1:40: functions[0].limits.memory is above the maximum of 4GiB`, `4GiB or less`)
	f(function("limits: {memory: 900MiB}"), `1:40: functions[0].limits.memory of 900MiB is above the node's maximum of 768MiB, which is what cache.memory leaves of memory`, `raise memory`)
	f("memory: 280MiB\nfunctions: [{name: a}]", `2:13: functions[0].limits.memory of 32MiB is above the node's maximum of 24MiB, which is what cache.memory leaves of memory`, `raise memory`)
	f("cache: {memory: auto}", `1:17: cache.memory cannot be auto`, `give it a value`)
	f(function("max_body: auto"), `1:33: functions[0].max_body cannot be auto`, `give it a value`)
	f(function("limits: {cpu: auto}"), `1:37: functions[0].limits.cpu: "auto" is not a duration`, `10s`)
	f(function("isolation: requst"), `1:34: functions[0].isolation: "requst" is not a value of this field`, `did you mean "request"?`)
	f(function("on_failure: shut"), `1:35: functions[0].on_failure: "shut" is not a value of this field`, `closed, open, stale`)
	f(function("reads: [cookies]"), `1:31: functions[0].reads[0]: "cookies" is not a value of this field`, `did you mean "cookie"?`)
	f(function("instances: 0"), `1:34: functions[0].instances must be above 0`, `greater`)
	f(function("fetch: [shop]"), `1:31: functions[0].fetch[0]: there is no origin "shop"`, `origins`)
	f(function("fetch: ['https://x/y']"), `1:31: functions[0].fetch[0]: "https://x/y" is neither the name of an origin nor an http or https URL without a path`, `https://id.example`)
	f(server("http://a")+"\n"+function("owner: acme, fetch: [o]"), `2:44: the origin "o" belongs to the owner "default", this function to "acme"`, `owner`)
	f(function("kv: [a, a]"), `1:31: "a" stands twice in functions[0].kv, at [0] and here`, `remove`)
	f(function("secrets: {k: {}}"), `1:36: functions[0].secrets.k wants exactly one source`, `{env: NAME}`)
	f(function("secrets: {k: {file: a, env: B}}"), `1:36: functions[0].secrets.k wants exactly one source`, `{env: NAME}`)
	f(function("secrets: {k: {env: A=B}}"), `1:36: functions[0].secrets.k.env is not the name of a variable`, `=`)
	f(function("secrets: {k: hunter2}"), `1:36: functions[0].secrets.k holds a value; a secret never stands in the file`, `{env: NAME}`)

	// Origins.
	f("origins: [{name: o, servers: []}]", `1:30: origins[0].servers is empty`, `at least one`)
	f(server("a"), `1:37: origins[0].servers[0].url: the URL "a" has no scheme`, `"http://a"`)
	f(server("127.0.0.1:9000"), `1:37: origins[0].servers[0].url: the URL "127.0.0.1:9000" has no scheme`, `"http://127.0.0.1:9000"`)
	f(server("ftp://a"), `1:37: origins[0].servers[0].url: the URL "ftp://a" has the unknown scheme "ftp"`, `http and https`)
	f(server("http://a/b"), `1:37: origins[0].servers[0].url: the URL "http://a/b" has more than scheme, host and port`, `"http://a"`)
	f(server("http://a?b"), `1:37: origins[0].servers[0].url: the URL "http://a?b" has more than scheme, host and port`, `"http://a"`)
	f(server("'http://a:0'"), `1:37: origins[0].servers[0].url: "0" is not a port`, `65535`)
	f(server("http://"), `1:37: origins[0].servers[0].url: the URL "http://" has no host`, `http://`)
	f(server("'http://u:hunter2@a'"), `1:37: origins[0].servers[0].url: the URL holds a user or is none`, `secrets`)
	f("origins: [{name: o, host: 'a b', servers: [{url: http://a}]}]", `1:27: origins[0].host: "a b" is not a host`, `shop.example`)
	f("origins: [{name: o, retries: 11, servers: [{url: http://a}]}]", `1:30: origins[0].retries is above the maximum of 10`, `10 or less`)
	f(server("http://a")+"\nsites: [{hosts: [a], owner: acme, origin: o}]", `2:43: the origin "o" belongs to the owner "default", this site to "acme"`, `owner`)

	// Hosts.
	host := func(h string) string {
		return server("http://a") + "\nsites: [{name: s, hosts: [" + h + "], origin: o}]"
	}
	f(host("'a.*'"), `2:27: sites[0].hosts[0]: the host "a.*" has a * that is not its first label`, `*.shop.example`)
	f(host("'*a.example'"), `2:27: sites[0].hosts[0]: the host "*a.example" has a * that is not its first label`, `*.shop.example`)
	f(host("'*.*.b'"), `2:27: sites[0].hosts[0]: the host "*.*.b" has a * that is not its first label`, `*.shop.example`)
	f(host("'a:80'"), `2:27: sites[0].hosts[0]: the host "a:80" has a port`, `write "a"`)
	f(host("a/b"), `2:27: sites[0].hosts[0]: "a/b" is not a host`, `routes`)
	f(host("a."), `2:27: sites[0].hosts[0]: the host "a." ends with a dot`, `write "a"`)
	f(host("a..b"), `2:27: sites[0].hosts[0]: "a..b" is not a host`, `shop.example`)
	f(host("-a"), `2:27: sites[0].hosts[0]: "-a" is not a host`, `shop.example`)
	f(host("'::1'"), `2:27: sites[0].hosts[0]: the IPv6 address "::1" needs brackets`, `"[::1]"`)
	f(host("'[::1'"), `2:27: sites[0].hosts[0]: "[::1" is not an IPv6 address in brackets`, `[2001:db8::1]`)
	f(host("'*.1.2.3.4'"), `2:27: sites[0].hosts[0]: the host "*.1.2.3.4" puts a * before an address`, `alone`)
	f(host("a, A"), `2:30: "a" stands twice in sites[0].hosts, at [0] and here`, `remove`)
	f(site("name: s")+"- {name: t, hosts: [A.example], origin: o}", `5:21: the host "a.example" stands in line 4 already, at sites[0].hosts[0]`, `one site`)
	f(site("name: s")+"- {name: s, hosts: [b.example], origin: o}", `5:10: the owner "default" has two sites of the name "s", sites[0] and sites[1]`, `another name`)
	f(server("http://a")+"\nsites: [{hosts: ['[::1]'], origin: o}]", `2:18: the host "[::1]" cannot be the site's name`, `add name:`)

	// References and bindings.
	f(server("http://a")+"\nsites: [{hosts: [a], origin: q}]", `2:30: sites[0].origin: there is no origin "q"`, `there are: o`)
	f(site("functions: [auht]"), `4:47: sites[0].functions[0]: there is no function "auht"`, `did you mean "auth"?`)
	f(site("functions: [{name: auht}]"), `4:54: sites[0].functions[0].name: there is no function "auht"`, `did you mean "auth"?`)
	f(site("handler: auht"), `4:44: sites[0].handler: there is no function "auht"`, `did you mean "auth"?`)
	f(site("handler: [auth]"), `4:44: sites[0].handler wants the name of a function, or a map with a name, this is a list`, `name`)
	f(site("handler: "), `4:43: sites[0].handler has no value`, `name a function`)
	f(site("handler: {limits: {}}"), `4:44: sites[0].handler lacks the field "name"`, `add`)
	f(site("functions: [auth], handler: auth"), `4:63: sites[0].handler: the function "auth" is the handler and in functions as well`, `either`)
	f(site("functions: [auth], routes: [{path: /, handler: auth}]"), `4:82: sites[0].routes[0].handler: the function "auth" is the handler and in functions as well`, `either`)
	f(site("handler: auth, routes: [{path: /, functions: [auth]}]"), `4:80: sites[0].routes[0].functions: the function "auth" is the handler and in functions as well`, `either`)
	f(site("functions: [b]"), `4:47: the function "b" belongs to the owner "acme", this site to "default"`, `owner`)
	f(site("functions: [auth, auth]"), `4:53: sites[0].functions[1]: the function "auth" is bound already`, `once`)
	f(site("functions: [auth], routes: [{path: /, functions: [auth]}]"), `4:85: sites[0].routes[0].functions[0]: the function "auth" is bound already`, `once`)
	f(site("functions: [{limits: {}}]"), `4:47: sites[0].functions[0] lacks the field "name"`, `add`)
	f(site("functions: [{name: auth, limts: {}}]"), `4:60: unknown field "limts" in sites[0].functions[0]`, `did you mean "limits"?`)
	f(site("functions: [{name: auth, owner: acme}]"), `4:60: unknown field "owner" in sites[0].functions[0]`, `fields here`)
	f(site("functions: [{name: auth, fetch: [p]}]"), `4:68: sites[0].functions[0].fetch[0]: there is no origin "p"`, `there are: o`)
	f(site("functions: [{name: auth, limits: {memory: 1000MiB}}]"), `4:77: sites[0].functions[0].limits.memory of 1000MiB is above the node's maximum of 768MiB, which is what cache.memory leaves of memory`, `raise`)

	// Routes.
	f(site("routes: [{path: api}]"), `4:51: sites[0].routes[0].path: the path "api" does not begin with /`, `"/api"`)
	f(site("routes: [{path: /a*b}]"), `4:51: sites[0].routes[0].path: the path "/a*b" has a * that is not its last character`, `/api/*`)
	f(site("routes: [{path: /a**}]"), `4:51: sites[0].routes[0].path: the path "/a**" has a * that is not its last character`, `/api/*`)
	f(site("routes: [{path: '/a?b'}]"), `4:51: sites[0].routes[0].path: the path "/a?b" has a query or a fragment`, `host and path`)
	f(site(`routes: [{path: '/a\b'}]`), `4:51: sites[0].routes[0].path: the path "/a\\b" has a \`, `divided by /`)
	f(site("routes: [{path: /ü}]"), `4:51: sites[0].routes[0].path: the path "/ü" has characters that must be percent-encoded`, `"/%C3%BC"`)
	f(site("routes: [{path: /a/../b}]"), `4:51: sites[0].routes[0].path: the path "/a/../b" has a segment "..", which no request has after it was normalised`, `meant`)
	f(site("routes: [{path: /%zz}]"), `4:51: sites[0].routes[0].path: the path "/%zz" has a % that no two hexadecimal digits follow`, `%25`)
	f(site("routes: [{path: /%7ea/%2f}]"), `4:51: sites[0].routes[0].path: the path "/%7ea/%2f" would never match: the node decodes what needs no encoding, and writes the rest in upper case`, `"/~a/%2F"`)
	f(site("routes: [{path: /x}, {path: /x}]"), `4:63: the path "/x" stands twice in sites[0].routes`, `line 4`)
	f(site("routes: [{}]"), `4:44: sites[0].routes[0] lacks the field "path"`, `add`)
	f(site("routes: [{path: /, origin: q}]"), `4:62: sites[0].routes[0].origin: there is no origin "q"`, `there are: o`)

	// Cache policies.
	f(site("cache: {mode: store}"), `4:49: sites[0].cache.mode: "store" is not a value of this field`, `honour, pass, force`)
	f(site("cache: {ttl: 5s}"), `4:48: sites[0].cache.ttl says nothing under mode: honour`, `mode: force`)
	f(site("cache: {mode: force}, routes: [{path: /, cache: {mode: pass, ttl: 1s}}]"), `4:101: sites[0].routes[0].cache.ttl says nothing under mode: pass`, `mode: force`)
	f(site("cache: {key_cookies: ['a b']}"), `4:57: sites[0].cache.key_cookies[0]: "a b" is not the name of a cookie`, `letters`)

	f(site("encode: {codings: [br, deflate]}"), `4:58: sites[0].encode.codings[1]: "deflate" is not a value of this field`, `br, zstd, gzip`)
	f(site("encode: {codings: [br, gzip, br]}"), `4:64: sites[0].encode.codings[2]: the coding br stands twice`, `remove one`)
	f(site("encode: {types: [text]}"), `4:52: sites[0].encode.types[0]: "text" is no media type`, `like text/html`)
	f(site("routes: [{path: /, encode: {level: fastest}}]"), `4:70: sites[0].routes[0].encode.level: "fastest" is not a value of this field`, `fast, default, best`)
	f(site("cache: {store_set_cookie: true, strip_set_cookie: true}"), `4:61: sites[0].cache has both store_set_cookie and strip_set_cookie`, `remove one`)
	f(site("cache: {segment: 4KiB}"), `4:52: sites[0].cache.segment: segments of 4KiB are too short to be worth a request each`, `give it at least 64KiB, or 0 for none`)
	f(site("cache: {store_set_cookie: true, mode: force}"), `4:61: sites[0].cache.store_set_cookie cannot stand with mode: force`, `strip_set_cookie`)
	f(site("cache: {statuses: [{status: 206, ttl: 1s}]}"), `4:63: sites[0].cache.statuses[0].status: a response with status 206 has no time of its own`, `remove it`)
	f(site("cache: {statuses: [{status: 404, ttl: 1s}, {status: 404, ttl: 2s}]}"), `4:87: sites[0].cache.statuses[1].status: the status 404 stands twice`, `remove one`)
	f(site("cache: {statuses: [{status: 404}]}"), `4:54: sites[0].cache.statuses[0] lacks the field "ttl"`, `add`)
	f(site("cache: {targeted_field: 'a b'}"), `4:59: sites[0].cache.targeted_field: "a b" is not the name of a field`, `letters`)

	// YAML itself.
	f("memory: [1", `1:9: sequence end token ']' not found`, `brackets`)
	f("memory: 1GiB\n\tdrain: 1s", `2:1: the line begins with a tab`, `spaces`)
	f("memory: 1GiB\n---\nmemory: 2GiB", `3:1: the file holds a second document`, `---`)
	f("%YAML 1.2\n---\nmemory: 1GiB", `1:1: directives are not known here`, `remove`)
	f("memory: !!str 5", `1:9: tags as "!!str" are not known here`, `quotes`)
	f("memory: \"\x01\"", `1:10: the character U+0001 does not belong into a text`, `escape`)
	f("memory:\n  \xff", `2:3: the byte 0xff is not UTF-8`, `UTF-8`)
	f("memory: *x", `1:9: there is no anchor "x" above this line`, `before`)
	f("memory: &siez 1GiB\ncache: {memory: *size}", `2:17: there is no anchor "size" above this line`, `did you mean "siez"?`)
	f("http: {<<: 5}", `1:12: << in http can merge maps only`, `anchor`)
}

func TestAllComplaintsAtOnceInOrder(t *testing.T) {
	_, err := Parse("wedge.yaml", []byte("drain: 5\nmemroy: 1\n"+"cache: {memory: x}\nsites: [{hosts: [a], origin: nope}]\nhttp: {connections: 0}\n"))
	var lines []int
	for _, p := range err.(Errors) {
		lines = append(lines, p.Line)
	}
	if fmt.Sprint(lines) != "[1 2 3 4 5]" {
		t.Errorf("complaints about the lines %v, want 1 to 5:\n%s", lines, err.(Errors).Text())
	}
}

// Names that could not be read must not make every reference to them a further complaint.
func TestOneMistakeOneComplaint(t *testing.T) {
	f := func(text string) {
		t.Helper()
		_, err := Parse("wedge.yaml", []byte(text))
		if all, _ := err.(Errors); len(all) != 1 {
			t.Errorf("want one complaint:\n%s", all.Text())
		}
	}
	f("origins: [{name: Shop, servers: [{url: http://a}]}]\nsites: [{hosts: [a], origin: shop}]")
	f("functions: [{name: Auth}]\norigins: [{name: o, servers: [{url: http://a}]}]\nsites: [{hosts: [a], origin: o, functions: [auth]}]")
	f(site("functions: [{name: auth, limits: {}, limits: {}}]"))
	f("http: &x {connections: 0}\nlisten: {}\nadmin: &y {}\ncache: &z {}\naccess_log: {}\n")
}

func TestManyComplaintsAreCut(t *testing.T) {
	var b strings.Builder
	b.WriteString("{")
	for i := range 5000 {
		fmt.Fprintf(&b, "field%d: 1,", i)
	}
	b.WriteString("}")
	_, err := Parse("wedge.yaml", []byte(b.String()))
	all := err.(Errors)
	if len(all) != maxReported+1 || all[maxReported].Message != "4900 more problems are not shown" {
		t.Errorf("%d complaints, the last is %q", len(all), all[len(all)-1].Message)
	}
}

func TestLoad(t *testing.T) {
	_, err := Load("testdata/missing.yaml")
	if !errors.Is(err, fs.ErrNotExist) || err.(Errors)[0].Hint == "" {
		t.Errorf("a missing file: %v", err)
	}
	if want := "testdata/missing.yaml: cannot read the configuration: no such file or directory"; err.Error() != want {
		t.Errorf("got %q, want %q", err, want)
	}
	if _, err = Load("testdata"); err == nil || !strings.Contains(err.Error(), "it is a folder") {
		t.Errorf("a folder: %v", err)
	}
}
