package node_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/wedgecdn/wedge/hostapi/abi"
	. "github.com/wedgecdn/wedge/runtime/engine/enginetest"
)

const (
	toRequest  = int32(abi.MessageRequest)
	toResponse = int32(abi.MessageResponse)
)

// one starts a node with one site, shop.example, one origin of that name, and functions bound to routes: each is a name,
// or a map of settings with one.
func one(t *testing.T, u *upstream, modules map[string][]byte, functions, routes string) *world {
	t.Helper()
	w := newWorld(t, fmt.Sprintf(`
functions:
%s
origins: [{name: shop, servers: [{url: %q}], first_byte_timeout: 500ms}]
sites:
  - hosts: [shop.example]
    origin: shop
    routes:
%s
`, indent(functions), u.url(), indent(routes)), nil)
	for name, m := range modules {
		w.deploy(name, m)
	}
	return w
}

// indent moves a list under its key.
func indent(s string) string {
	return "      " + strings.ReplaceAll(strings.TrimSpace(s), "\n", "\n      ")
}

// A function answers at once: nobody asks the origin, and the functions behind it are not called.
func TestFunctionAnswers(t *testing.T) {
	u := newUpstream(t, "shop")
	guard := newGuest()
	guard.answer("on_request", 1, guard.do("respond", I32(403), guard.text("not for you")), guard.setField("X-Why", "guard"))
	w := one(t, u, map[string][]byte{"guard": guard.bytes(), "last": harmless()},
		"- name: guard\n- name: last", "- {path: /private/*, functions: [guard, last]}")
	r := w.want("http://shop.example/private/a", 403, "not for you")
	if r.header.Get("X-Why") != "guard" || r.header.Get("X-Function") != "" {
		t.Errorf("header %v", r.header)
	}
	if n := u.requests.Load(); n != 0 {
		t.Errorf("the origin was asked %d times", n)
	}
	w.want("http://shop.example/public", 200, "shop /public")
}

// A part that a function adds to the key keeps responses apart.
func TestFunctionKeyPart(t *testing.T) {
	u := newUpstream(t, "shop")
	u.serve(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "max-age=60")
		fmt.Fprintf(w, "%s for %s", r.URL.Path, r.Header.Get("X-Cohort"))
	})
	g := newGuest()
	g.hook("on_request", g.call("field", I32(toRequest), g.text("X-Cohort"), I32(0), buffer()), Set(0),
		g.do("cache_key_add", g.text("cohort"), Code(I32(scratch), Get(0))))
	w := one(t, u, map[string][]byte{"ab": g.bytes()}, "- name: ab", "- {path: /*, functions: [ab]}")
	for _, cohort := range []string{"red", "blue"} {
		w.wantOutcome("http://shop.example/", 200, "/ for "+cohort, "fwd=uri-miss", "X-Cohort", cohort)
	}
	for _, cohort := range []string{"red", "blue"} {
		w.wantOutcome("http://shop.example/", 200, "/ for "+cohort, "; hit", "X-Cohort", cohort)
	}
}

// on_fetched decides how long a response is kept, and under which tag; the API purges by it.
func TestFunctionKeeps(t *testing.T) {
	u := newUpstream(t, "shop")
	u.serve(func(w http.ResponseWriter, r *http.Request) { fmt.Fprintf(w, "page %d", u.requests.Load()) }) // no freshness of its own
	g := newGuest()
	g.hook("on_fetched", g.do("cache_ttl_set", I64(60_000)), g.do("cache_tag_add", g.text("product-7")))
	w := one(t, u, map[string][]byte{"ttl": g.bytes()}, "- name: ttl", "- {path: /p/*, functions: [ttl]}")
	w.wantOutcome("http://shop.example/p/1", 200, "page 1", "stored")
	w.wantOutcome("http://shop.example/p/1", 200, "page 1", "; hit; ttl=")
	w.wantOutcome("http://shop.example/other", 200, "page 2", "detail=no-freshness")
	w.did("POST", "/v1/purge", []byte(`{"tag":"product-8"}`))
	w.wantOutcome("http://shop.example/p/1", 200, "page 1", "; hit")
	w.did("POST", "/v1/purge", []byte(`{"tag":"product-7"}`))
	w.wantOutcome("http://shop.example/p/1", 200, "page 3", "stored")
	w.did("POST", "/v1/purge", []byte(`{"url":"http://shop.example/p/1"}`))
	w.wantOutcome("http://shop.example/p/1", 200, "page 4", "stored")
}

// on_error makes a page of a fetch that failed, and knows why it did.
func TestFunctionFallback(t *testing.T) {
	u := newUpstream(t, "shop")
	g := newGuest()
	g.answer("on_error", 1,
		g.call("failure", buffer()), Set(0),
		g.do("respond", I32(200), Code(I32(scratch), Get(0))), g.setField("X-Fallback", "yes"))
	w := one(t, u, map[string][]byte{"fallback": g.bytes()}, "- name: fallback", "- {path: /*, functions: [fallback]}")
	w.want("http://shop.example/", 200, "shop /")
	u.kill()
	if r := w.want("http://shop.example/gone", 200, "origin-connect"); r.header.Get("X-Fallback") != "yes" {
		t.Errorf("header %v", r.header)
	}
	u.revive()
	w.want("http://shop.example/gone", 200, "shop /gone") // a made response is not kept
}

// What a trap does is what the binding says.
func TestFailurePolicies(t *testing.T) {
	u := newUpstream(t, "shop")
	u.serve(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "max-age=1")
		if strings.HasPrefix(r.URL.Path, "/stale") {
			w.Header().Set("Cache-Control", "max-age=60")
		}
		fmt.Fprintf(w, "shop %s", r.URL.Path)
	})
	trap := func(hook string, code ...[]byte) []byte {
		return newGuest().hook(hook, append(code, Unreachable)...).bytes()
	}
	// A good hook at first, then one that traps when the request says so.
	g := newGuest()
	g.hook("on_fetch", when(Code(g.call("field_count", I32(toRequest), g.text("X-Trap")), I32(0), Op(0x4a)), Unreachable))
	w := one(t, u, map[string][]byte{"request": trap("on_request"), "fetched": trap("on_fetched"), "response": trap("on_response"), "fetch": g.bytes()},
		"- name: request\n- name: fetched\n- name: response\n- name: fetch\n", `
- {path: /request/closed, functions: [{name: request}]}
- {path: /request/open, functions: [{name: request, on_failure: open}]}
- {path: /request/stale, functions: [{name: request, on_failure: stale}]}
- {path: /fetched/closed, functions: [{name: fetched}]}
- {path: /fetched/open, functions: [{name: fetched, on_failure: open}]}
- {path: /response/closed, functions: [{name: response}]}
- {path: /response/open, functions: [{name: response, on_failure: open}]}
- {path: /stale, functions: [{name: fetch, on_failure: stale, share_cache: true}]}
- {path: /closed, functions: [{name: fetch}]}
`)
	f := func(path string, status int) {
		t.Helper()
		for range 2 {
			if r := w.get("http://shop.example" + path); r.status != status || status == 500 && (strings.Contains(r.body, "unreachable") || !strings.Contains(r.body, "request ")) {
				t.Errorf("%s: %d %q, want %d, and nothing of what broke", path, r.status, r.body, status)
			}
		}
	}
	f("/request/closed", 500)
	f("/request/open", 200)
	f("/request/stale", 500) // a failed check of who asks never serves anything
	f("/fetched/closed", 500)
	f("/response/closed", 500)
	f("/response/open", 200)
	for range 2 { // sent, but not stored
		w.wantOutcome("http://shop.example/fetched/open", 200, "shop /fetched/open", "detail=function-failed-open")
	}

	w.wantOutcome("http://shop.example/stale", 200, "shop /stale", "stored")
	w.did("POST", "/v1/purge", []byte(`{"url":"http://shop.example/stale","soft":true}`))
	w.wantOutcome("http://shop.example/stale", 200, "shop /stale", "detail=function-trap", "X-Trap", "1")
	w.want("http://shop.example/closed", 500, "", "X-Trap", "1")
}

// A body above max_body is not for the function, and is still sent.
func TestMaxBody(t *testing.T) {
	u := newUpstream(t, "shop")
	u.serve(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "max-age=60")
		w.Write([]byte(strings.Repeat("x", len(r.URL.Path)*100)))
	})
	g := newGuest()
	g.hook("on_fetched", when(Code(g.call("body", I32(toResponse), buffer()), I32(int32(abi.StatusTooLarge)), Op(0x46)), g.setField("X-Too-Large", "yes")))
	w := one(t, u, map[string][]byte{"reads": g.bytes()}, "- {name: reads, max_body: 1KiB}", "- {path: /*, functions: [reads]}")
	f := func(path, large string) {
		t.Helper()
		for _, how := range []string{"stored", "; hit"} {
			r := w.wantOutcome("http://shop.example"+path, 200, strings.Repeat("x", len(path)*100), how)
			if got := r.header.Get("X-Too-Large"); got != large {
				t.Errorf("%s: X-Too-Large %q, want %q", path, got, large)
			}
		}
	}
	f("/ten-bytes", "")
	f("/more-than-ten", "yes")
}

// A function reads and writes the store that the API shows.
func TestFunctionKV(t *testing.T) {
	u := newUpstream(t, "shop")
	g := newGuest()
	g.hook("on_response",
		g.call("kv_open", g.text("settings")), Set(0),
		g.call("kv_get", Get(0), g.text("greeting"), buffer(), I32(64)), Set(1),
		g.do("field_set", I32(toResponse), g.text("X-Greeting"), Code(I32(scratch), Get(1))),
		g.do("kv_put", Get(0), g.text("seen"), g.text("by a function"), Code(I32(0), I32(0)), I64(0), I32(0), I64(0), I32(64)),
		g.call("kv_open", g.text("other")), Set(2),
		when(Code(Get(2), I32(int32(abi.StatusNotAllowed)), Op(0x46)), g.setField("X-Other", "not allowed")))
	w := one(t, u, map[string][]byte{"kv": g.bytes()}, "- {name: kv, kv: [settings]}", "- {path: /*, functions: [kv]}")
	for _, greeting := range []string{"hello", "good evening"} {
		w.did("PUT", "/v1/kv/settings/value?key=greeting", []byte(greeting))
		if r := w.want("http://shop.example/", 200, "shop /"); r.header.Get("X-Greeting") != greeting || r.header.Get("X-Other") != "not allowed" {
			t.Errorf("header %v, want the greeting %q", r.header, greeting)
		}
	}
	if r := w.did("GET", "/v1/kv/settings/value?key=seen", nil); r.body != "by a function" {
		t.Errorf("the store has %q", r.body)
	}
}

// A function's own request reaches an origin by its name, and no address of this machine by URL, listed or not.
func TestFunctionFetch(t *testing.T) {
	u, id := newUpstream(t, "shop"), newUpstream(t, "id")
	fetches := func(origin, target string) []byte {
		g := newGuest()
		g.answer("on_request", 1,
			g.call("fetch_new", g.text("GET"), g.text(origin), g.text(target)), Set(0),
			when(Code(Get(0), I32(0), Op(0x48)), g.do("respond", I32(403), g.text("no such target")), Code(I32(1), Op(0x0f))),
			g.do("fetch_send", Get(0)),
			g.call("fetch_status", Get(0)), Set(1),
			when(Code(Get(1), I32(0), Op(0x48)), g.do("respond", I32(502), g.text("no answer")), Code(I32(1), Op(0x0f))),
			g.call("fetch_body_read", Get(0), buffer()), Set(2),
			g.do("respond", Get(1), Code(I32(scratch), Get(2))))
		return g.bytes()
	}
	w := newWorld(t, fmt.Sprintf(`
functions:
  - {name: named, fetch: [id]}
  - {name: unnamed}
  - {name: listed, fetch: [%q]}
  - {name: unlisted}
  - {name: node, fetch: ["http://localhost"]}
origins:
  - {name: shop, servers: [{url: %q}]}
  - {name: id, servers: [{url: %q}]}
sites:
  - hosts: [shop.example]
    origin: shop
    routes:
      - {path: /named, functions: [named]}
      - {path: /unnamed, functions: [unnamed]}
      - {path: /listed, functions: [listed]}
      - {path: /unlisted, functions: [unlisted]}
      - {path: /node, functions: [node]}
`, id.url(), u.url(), id.url()), nil)
	w.deploy("named", fetches("id", "/user/7"))
	w.deploy("unnamed", fetches("id", "/user/7"))
	w.deploy("listed", fetches("", id.url()+"/user/7"))
	w.deploy("unlisted", fetches("", id.url()+"/user/7"))
	w.deploy("node", fetches("", "http://localhost/"))
	w.want("http://shop.example/named", 200, "id /user/7")
	w.want("http://shop.example/unnamed", 403, "no such target")
	w.want("http://shop.example/listed", 502, "no answer")
	w.want("http://shop.example/unlisted", 403, "no such target")
	w.want("http://shop.example/node", 502, "no answer")
	if n := id.requests.Load(); n != 1 {
		t.Errorf("the origin was asked %d times, want 1", n)
	}
}

// What a function logs, and why it failed, is there to read under the exchange's id.
func TestFunctionLogs(t *testing.T) {
	u := newUpstream(t, "shop")
	g := newGuest()
	g.hook("on_request", g.do("log", I32(2), g.text("a line of its own"), Code(I32(0), I32(0))))
	g.hook("on_response", Unreachable)
	w := one(t, u, map[string][]byte{"talks": g.bytes()}, "- name: talks", "- {path: /*, functions: [talks]}")
	id := w.want("http://shop.example/", 500, "").header.Get("X-Request-Id")
	var page struct {
		Lines  []struct{ Level, Request, Message string }
		Cursor int
	}
	eventually(t, "the failure is described to its end", func() bool {
		page.Lines = nil
		if err := json.Unmarshal([]byte(w.did("GET", "/v1/functions/talks/logs", nil).body), &page); err != nil {
			t.Fatal(err)
		}
		return len(page.Lines) > 2 && strings.HasPrefix(page.Lines[len(page.Lines)-1].Message, "spent: ")
	})
	if page.Lines[0].Message != "a line of its own" || page.Lines[0].Level != "warn" || page.Lines[1].Level != "error" ||
		!strings.Contains(page.Lines[1].Message, "on_response failed (function-trap)") || id == "" || page.Lines[0].Request != id || page.Lines[1].Request != id {
		t.Errorf("lines %+v, request %s", page.Lines, id)
	}
	if r := w.did("GET", fmt.Sprintf("/v1/functions/talks/logs?after=%d", page.Cursor), nil); strings.Contains(r.body, "message") {
		t.Errorf("behind the cursor there is more: %s", r.body)
	}
}

// A function transforms a body while it passes: of what is stored once, of what is sent each time.
func TestFunctionStream(t *testing.T) {
	u := newUpstream(t, "shop")
	const size = 300_000
	u.serve(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "max-age=60")
		if r.URL.Path == "/sent/cut" {
			w.Header().Set("Content-Length", fmt.Sprint(2*size))
			w.Write([]byte(strings.Repeat("a", size)))
			panic(http.ErrAbortHandler)
		}
		w.Write([]byte(strings.Repeat("a", size)))
	})
	brackets := func(hook string) []byte {
		g := newGuest()
		g.hook(hook, g.setField("X-Stream", hook), g.do("body_stream_begin"), g.do("body_stream_write", g.text("<")),
			Op(0x03, 0x40), g.call("body_stream_read", buffer()), Set(0),
			when(Code(Get(0), I32(0), Op(0x4a)), g.do("body_stream_write", Code(I32(scratch), Get(0))), Op(0x0c, 0x01)),
			Op(0x0b), g.do("body_stream_write", g.text(">")))
		return g.bytes()
	}
	w := one(t, u, map[string][]byte{"sent": brackets("on_response"), "kept": brackets("on_fetched")}, "- name: sent\n- name: kept",
		"- {path: /sent/*, functions: [sent]}\n- {path: /kept/*, functions: [kept]}")
	want := "<" + strings.Repeat("a", size) + ">"
	for _, path := range []string{"/sent/a", "/kept/a"} {
		for _, how := range []string{"stored", "; hit"} {
			if r := w.wantOutcome("http://shop.example"+path, 200, "", how); r.body != want || r.header.Get("X-Stream") == "" {
				t.Errorf("%s, %s: %d bytes, %v", path, how, len(r.body), r.header)
			}
		}
	}
	if n := u.requests.Load(); n != 2 {
		t.Errorf("the origin was asked %d times, want 2", n)
	}
	// A body that was cut is not closed with a bracket, and the client sees that it is not whole.
	if r := w.get("http://shop.example/sent/cut"); r.err == nil {
		t.Errorf("a cut body arrived as a whole: %d bytes", len(r.body))
	}
}

// A secret is for the function alone: nothing that the node shows or writes has it.
func TestSecrets(t *testing.T) {
	u := newUpstream(t, "shop")
	const secret, rotated = "s3cr3t-of-the-first-hour", "s3cr3t-of-the-second-hour"
	g := newGuest()
	g.hook("on_request",
		g.call("secret", g.text("key"), buffer()), Set(0),
		g.do("field_set", I32(toRequest), g.text("X-Key"), Code(I32(scratch), Get(0))))
	g.hook("on_response", when(Code(g.call("field_count", I32(toRequest), g.text("X-Trap")), I32(0), Op(0x4a)), Unreachable))
	yaml := fmt.Sprintf(`
functions: [{name: signs, secrets: {key: {file: key}}, config: {about: plain}}]
origins: [{name: shop, servers: [{url: %q}]}]
sites: [{hosts: [shop.example], origin: shop, functions: [signs], cache: {mode: pass}}]
`, u.url())
	seen := make(chan string, 10)
	u.serve(func(w http.ResponseWriter, r *http.Request) { seen <- r.Header.Get("X-Key") })
	w := newWorld(t, yaml, map[string][]byte{"key": []byte(secret)})
	w.deploy("signs", g.bytes())
	w.want("http://shop.example/", 200, "")
	w.want("http://shop.example/", 500, "", "X-Trap", "1")
	// Another secret is another function: what runs next has it.
	w.write("key", []byte(rotated))
	w.did("PUT", "/v1/config", []byte(heading+yaml))
	w.want("http://shop.example/", 200, "")
	if a, b, c := <-seen, <-seen, <-seen; a != secret || b != secret || c != rotated {
		t.Errorf("the origin saw %q, %q, %q", a, b, c)
	}
	// A configuration that is wrong where the secret is says so without it.
	r := w.api("PUT", "/v1/config", []byte(heading+strings.Replace(yaml, "{file: key}", "{file: key, value: "+secret+"}", 1)))
	if r.status != 422 {
		t.Errorf("a wrong configuration: %d %s", r.status, r.body)
	}
	w.logged(func(l []logLine) bool { return len(l) >= 3 })
	shown := []string{w.stderr.String(), r.body}
	for _, page := range []string{"/v1/config", "/v1/status", "/v1/functions", "/v1/functions/signs", "/v1/functions/signs/logs", "/metrics", "/v1/openapi.json"} {
		shown = append(shown, w.did("GET", page, nil).body)
	}
	for _, file := range []string{"access.log", "data/audit.log"} {
		b, err := os.ReadFile(w.path(file))
		if err != nil || len(b) == 0 {
			t.Errorf("%s: %d bytes, %v", file, len(b), err)
		}
		shown = append(shown, string(b))
	}
	for _, s := range shown {
		for _, no := range []string{secret, rotated} {
			if at := strings.Index(s, no); at >= 0 {
				t.Errorf("a secret is shown: …%s…", s[max(0, at-100):at+len(no)])
			}
		}
	}
	if !strings.Contains(shown[2], "signs") || !strings.Contains(shown[5], "signs") {
		t.Errorf("what is shown is not what was asked for: %s", shown)
	}
}

// A client that leaves in the middle of a body is the log's reason, not the node's failure; what was fetched for it is
// kept for the next one.
func TestClientLeaves(t *testing.T) {
	u := newUpstream(t, "shop")
	const size = 4 << 20
	u.serve(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "max-age=60")
		w.Write(make([]byte, size))
	})
	w := newWorld(t, fmt.Sprintf(`
origins: [{name: shop, servers: [{url: %q}]}]
sites: [{hosts: [shop.example], origin: shop}]
`, u.url()), nil)
	conn, err := net.Dial("tcp", w.node.Addr())
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(conn, "GET /large HTTP/1.1\r\nHost: shop.example\r\n\r\n")
	if _, err := io.ReadFull(conn, make([]byte, 4096)); err != nil {
		t.Fatal(err)
	}
	conn.(*net.TCPConn).SetLinger(0)
	conn.Close()
	lines := w.logged(func(l []logLine) bool { return len(l) == 1 })
	if len(lines) != 1 || lines[0].Outcome != "miss" || lines[0].Reason != "client-gone" || lines[0].Bytes >= size {
		t.Errorf("the access log says %+v", lines)
	}
	if n := w.metric("wedge_requests_total", `reason="client-gone"`); n != 1 {
		t.Errorf("metrics count %v", n)
	}
	eventually(t, "the fetch has ended", func() bool {
		return strings.Contains(w.get("http://shop.example/large").header.Get("Cache-Status"), "; hit")
	})
	if n := u.requests.Load(); n != 1 {
		t.Errorf("the origin was asked %d times", n)
	}
}

// What leads back to the node ends: a site whose origin is the node itself, and a function that fetches its own site.
func TestLoops(t *testing.T) {
	u := newUpstream(t, "shop")
	g := newGuest()
	g.answer("on_request", 1,
		g.call("fetch_new", g.text("GET"), g.text("self"), g.text("/again")), Set(0),
		g.do("fetch_send", Get(0)),
		g.call("fetch_status", Get(0)), Set(1),
		g.do("respond", I32(200), g.text("made")),
		when(Code(Get(1), I32(0), Op(0x48)), g.setField("X-Fetch", "failed")),
		when(Code(Get(1), I32(400), Op(0x4e)), g.setField("X-Fetch", "refused"))) // at least 400
	yaml := `
functions: [{name: f, fetch: [self], limits: {wall: 5s}}]
origins: [{name: self, servers: [{url: %q}], host: %s}, {name: shop, servers: [{url: %q}]}]
sites: [{hosts: [loop.example], origin: self}, {hosts: [shop.example], origin: shop, functions: [f]}]
`
	w := newWorld(t, fmt.Sprintf(yaml, u.url(), "keep", u.url()), nil)
	w.deploy("f", g.bytes())
	f := func(host, url string, status, most int) {
		t.Helper()
		w.did("PUT", "/v1/config", []byte(heading+fmt.Sprintf(yaml, "http://"+w.node.Addr(), host, u.url())))
		before := w.metric("wedge_requests_total")
		r := w.want(url, status, "")
		if r.took > 5*time.Second {
			t.Errorf("%s took %s: the requests waited for each other", url, r.took)
		}
		var n int
		eventually(t, "both requests are counted", func() bool { n = int(w.metric("wedge_requests_total") - before); return n >= 2 })
		if n > most {
			t.Errorf("%s made %d requests, want 2 to %d", url, n, most)
		}
	}
	f("loop.example", "http://loop.example/", 508, 4)
	f("shop.example", "http://shop.example/", 200, 4)
	if n := w.metric("wedge_requests_total", `reason="loop"`); n < 1 {
		t.Errorf("metrics count %v loops", n)
	}
}
