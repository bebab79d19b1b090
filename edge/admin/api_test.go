package admin

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
)

const asJSON = "Content-Type: application/json"

// Each case has a node of its own; want are parts of the answer's body, or of
// its fields if they begin with a name and a colon.
func TestAPI(t *testing.T) {
	f := func(method, target, body string, fields []string, status int, want ...string) {
		t.Helper()
		st := start(t, nil)
		w := st.do(request(operatorSecret, method, target, body, fields...))
		if w.Code != status {
			t.Errorf("%s %s: %d, want %d: %s", method, target, w.Code, status, w.Body)
		}
		var head strings.Builder
		w.Header().Write(&head)
		for _, s := range want {
			if !strings.Contains(w.Body.String(), s) && !strings.Contains(head.String(), s+"\r\n") {
				t.Errorf("%s %s: no %s in:\n%s%s", method, target, s, head.String(), w.Body)
			}
		}
		if status >= 400 && target != "/readyz" {
			checkFailure(t, w.Code, w.Header(), w.Body.Bytes())
		}
	}
	wasm := "\x00asm\x01\x00\x00\x00"
	ab, cd := strings.Repeat("ab", 32), strings.Repeat("cd", 32)
	JSON := []string{asJSON}

	f("GET", "/v1/status", "", nil, 200, `"version":"1.2.3"`, `"uptime_seconds":90`, `"ready":true`, `"listen":[]`, `"hosts":[]`)
	f("HEAD", "/v1/status", "", nil, 200, "Content-Type: application/json")
	f("GET", "/healthz", "", nil, 200, `{"ok":true}`)
	f("GET", "/readyz", "", nil, 200, `{"ok":true}`)
	f("GET", "/metrics", "", nil, 200, "wedge_up 1")
	f("GET", "/v1/openapi.json", "", nil, 200, `"openapi": "3.1.0"`)

	f("GET", "/v1/functions", "", nil, 200, `"name":"auth"`, `"name":"headers"`, `"source":"file"`)
	f("GET", "/v1/functions?owner=another", "", nil, 200, `"name":"ab"`, `"versions":[]`)
	f("GET", "/v1/functions?owner=nobody", "", nil, 200, `{"functions":[]}`)
	f("GET", "/v1/functions?all=true", "", nil, 200, `"name":"auth"`, `"name":"ab"`)
	f("GET", "/v1/functions/auth", "", nil, 200, `"active":"`+ab, `"past":["`+cd, `"bindings":["shop"]`)
	f("GET", "/v1/functions/aut", "", nil, 404, `"code":"not_found"`, `did you mean auth? functions of default: auth, headers`)
	f("GET", "/v1/functions/auth?owner=nobody", "", nil, 404, "there are no functions of nobody")
	f("PUT", "/v1/functions/new", wasm, nil, 200, `"active":true`, `"previous":""`, `"by":"operator"`)
	f("PUT", "/v1/functions/auth?message=hello+there", wasm, nil, 200, `"previous":"`+ab, `"message":"hello there"`)
	f("PUT", "/v1/functions/auth?activate=false", wasm, nil, 200, `"active":false`)
	f("PUT", "/v1/functions/auth", "<html>", nil, 422, `"code":"invalid"`, "not a wasm module")
	f("PUT", "/v1/functions/auth", "", nil, 422, "the body is empty")
	f("PUT", "/v1/functions/auth", wasm+strings.Repeat("x", 1<<10), nil, 413, "more than 1024 bytes")
	f("PUT", "/v1/functions/headers", wasm, nil, 409, `"code":"conflict"`, "take the line module: away")
	f("PUT", "/v1/functions/auth?message="+strings.Repeat("x", 1025), wasm, nil, 400, `"field":"message"`)
	f("PUT", "/v1/functions/auth?message=a%0Ab", wasm, nil, 400, `"field":"message"`)
	f("PUT", "/v1/functions/auth?message=%ff", wasm, nil, 400, `"field":"message"`)
	f("PUT", "/v1/functions/..", wasm, nil, 400, `"field":"name"`)
	f("PUT", "/v1/functions/%2e%2e%2fx", wasm, nil, 400, `"field":"name"`)
	f("PUT", "/v1/functions/Auth", wasm, nil, 400, `"field":"name"`)
	f("PUT", "/v1/functions/auth?owner=..", wasm, nil, 400, `"field":"owner"`)
	f("POST", "/v1/functions/auth/activate", `{"version":"cdcdcdcd"}`, JSON, 200, `"previous":"`+ab, `"hash":"`+cd)
	f("POST", "/v1/functions/auth/activate", `{"version":"0123"}`, JSON, 404, `"field":"version"`)
	f("POST", "/v1/functions/auth/activate", `{}`, JSON, 400, `"field":"version"`, "the field is missing")
	f("POST", "/v1/functions/headers/activate", `{"version":"cdcdcdcd"}`, JSON, 409)
	f("POST", "/v1/functions/nope/activate", `{"version":"cdcdcdcd"}`, JSON, 404)
	f("POST", "/v1/functions/auth/rollback", "", nil, 200, `"hash":"`+cd)
	f("POST", "/v1/functions/auth/rollback", "{}", nil, 400, "takes no body")
	f("POST", "/v1/functions/headers/rollback", "", nil, 409)
	f("POST", "/v1/functions/ab/rollback?owner=another", "", nil, 409, "no earlier version")
	f("POST", "/v1/functions/headers/disable", "", nil, 200, `"disabled":true`)
	f("POST", "/v1/functions/auth/enable", "", nil, 200, `"disabled":false`)
	f("POST", "/v1/functions/nope/disable", "", nil, 404)
	f("DELETE", "/v1/functions/auth", "", nil, 200, `{"deleted":true}`)
	f("DELETE", "/v1/functions/headers", "", nil, 409)
	f("DELETE", "/v1/functions/nope", "", nil, 404)
	f("GET", "/v1/functions/auth/logs", "", nil, 200, `"cursor":3`, `auth 1`, `auth 3`)
	f("GET", "/v1/functions/auth/logs?after=1&limit=1", "", nil, 200, `"cursor":2`, `auth 2`)
	f("GET", "/v1/functions/auth/logs?after=3", "", nil, 200, `{"lines":[],"cursor":3}`)
	f("GET", "/v1/functions/auth/logs?limit=0", "", nil, 400, `"field":"limit"`)
	f("GET", "/v1/functions/nope/logs", "", nil, 404)

	f("POST", "/v1/purge", `{"url":"http://shop.example/a?b"}`, JSON, 200, `{"owner":"default","sequence":1,"soft":false}`)
	f("POST", "/v1/purge", `{"prefix":"http://shop.example/","soft":true}`, JSON, 200, `"soft":true`)
	f("POST", "/v1/purge?owner=another", `{"tag":"x"}`, JSON, 200, `"owner":"another"`)
	f("POST", "/v1/purge", `{"all":true}`, JSON, 200)
	f("POST", "/v1/purge", `{}`, JSON, 422, "exactly one")
	f("POST", "/v1/purge", `{"all":true,"tag":"x"}`, JSON, 422, "exactly one")
	f("POST", "/v1/purge", `{"url":"/a"}`, JSON, 422, `"field":"url"`)
	f("POST", "/v1/purge", `{"urls":"x"}`, JSON, 400, `"field":"urls"`, "did you mean url?")
	f("POST", "/v1/purge", `{"URL":"x"}`, JSON, 400, `"field":"URL"`)
	f("POST", "/v1/purge", `{"tag":"x","tag":"y"}`, JSON, 400, "more than once")
	f("POST", "/v1/purge", `{"tag":null}`, JSON, 400, `"field":"tag"`)
	f("POST", "/v1/purge", `{"tag":1}`, JSON, 400, `"field":"tag"`)
	f("POST", "/v1/purge", `[]`, JSON, 400, "not a JSON object")
	f("POST", "/v1/purge", `{"all":true}{}`, JSON, 400, "not JSON")
	f("POST", "/v1/purge", ``, JSON, 400, "not JSON")
	f("POST", "/v1/purge", `{"all":true}`, nil, 415, "application/json")
	f("POST", "/v1/purge", `{"all":true}`, []string{"Content-Type: text/plain"}, 415)
	f("POST", "/v1/purge", `{"tag":"`+strings.Repeat("x", 64<<10)+`"}`, JSON, 413)

	f("POST", "/v1/cache/show", `{"url":"http://shop.example/a"}`, JSON, 200, `"outcome":"hit"`, `"parts":[{"kind":"path","value":"/a"}]`, `"functions":[]`, `"ttl":60`)
	f("POST", "/v1/cache/show?owner=another", `{"url":"http://shop.example/a","method":"HEAD","fields":[{"name":"Accept","value":"*/*"}],"client":"192.0.2.1"}`, JSON, 200, `"owner":"another"`)
	f("POST", "/v1/cache/show", `{"url":"http://nobody.example/"}`, JSON, 404, `"field":"url"`)
	f("POST", "/v1/cache/show", `{}`, JSON, 400, `"field":"url"`)
	f("POST", "/v1/cache/debug", `{"for":"1h"}`, JSON, 200, `{"owner":"default","name":"Wedge-Debug","value":"token of default","expires":"2031-05-06T08:08:09Z"}`)
	f("POST", "/v1/cache/debug", `{}`, JSON, 200, `"expires":"2031-05-06T07:18:09Z"`)
	f("POST", "/v1/cache/debug", `{"for":"-1s"}`, JSON, 422, `"field":"for"`)
	f("POST", "/v1/cache/warm", `{"urls":["http://shop.example/a","http://nobody.example/"]}`, JSON, 200, `{"urls":[{"url":"http://shop.example/a","status":200,"outcome":"miss","stored":true,"bytes":4},{"url":"http://nobody.example/"`)
	f("POST", "/v1/cache/warm", `{"urls":[`+strings.Repeat(`"x",`, 1000)+`"x"]}`, JSON, 422, `"field":"urls"`)
	f("PUT", "/v1/cache/object?url=http://shop.example/a&fields=Cache-Control:%20max-age=60%0AETag:%20%221%22", "text", nil, 200, `{"owner":"default","url":"http://shop.example/a"}`)
	f("PUT", "/v1/cache/object?url=http://shop.example/a&fields=nonsense", "text", nil, 400, `"field":"fields"`)
	f("PUT", "/v1/cache/object?url=http://shop.example/a&status=100", "text", nil, 400, `"field":"status"`)
	f("PUT", "/v1/cache/object", "text", nil, 400, `"field":"url"`)
	f("PUT", "/v1/cache/object?url=http://shop.example/a", strings.Repeat("x", 513), nil, 413)
	f("POST", "/v1/cache/show", `{"url":"http://shop.example/a","fields":[`+strings.Repeat(`{"name":"a","value":"b"},`, 100)+`{"name":"a","value":"b"}]}`, JSON, 422, `"field":"fields"`)

	meta := base64.StdEncoding.EncodeToString([]byte("m"))
	f("GET", "/v1/kv", "", nil, 200, `{"stores":[{"name":"redirects","entries":2,"bytes":128}]}`)
	f("GET", "/v1/kv?limit=1", "", nil, 200, `"next":"redirects"`)
	f("GET", "/v1/kv?after=redirects", "", nil, 200, `{"stores":[]}`)
	f("GET", "/v1/kv/redirects", "", nil, 200, `"key":"/old"`, `"key64":"/w=="`, `"metadata":"m"`, `"size":4`, `"expires":"2031-05-06T08:08:09Z"`)
	f("GET", "/v1/kv/redirects?limit=1", "", nil, 200, `"next":"/old"`)
	f("GET", "/v1/kv/redirects?prefix=/x", "", nil, 200, `{"keys":[]}`)
	f("GET", "/v1/kv/redirects/value?key=/old", "", nil, 200, "/new", `Etag: "7"`, "Wedge-Version: 7", "Wedge-Metadata: "+meta, "Wedge-Expires: 2031-05-06T08:08:09Z", "Content-Length: 4")
	f("HEAD", "/v1/kv/redirects/value?key=/old", "", nil, 200, `Etag: "7"`)
	f("GET", "/v1/kv/redirects/value?key=%ff", "", nil, 200, "\x00\x01", "Content-Type: application/octet-stream", "X-Content-Type-Options: nosniff")
	f("GET", "/v1/kv/redirects/value?key=/odl", "", nil, 404, "wedge kv list redirects")
	f("GET", "/v1/kv/redirect/value?key=/old", "", nil, 404, "did you mean redirects?")
	f("GET", "/v1/kv/redirects/value", "", nil, 400, `"field":"key"`)
	f("GET", "/v1/kv/redirects/value?key=", "", nil, 400, `"field":"key"`)
	f("GET", "/v1/kv/redirects/value?key=a&key=b", "", nil, 400, "more than once")
	f("GET", "/v1/kv/redirects/value?key=%zz", "", nil, 400, "percent-encode")
	f("GET", "/v1/kv/broken/value?key=a", "", nil, 500, `"code":"internal"`)
	f("PUT", "/v1/kv/s/value?key=a", "v", nil, 200, `{"version":9}`, `Etag: "9"`)
	f("PUT", "/v1/kv/s/value?key=a", "", nil, 200, `{"version":9}`)
	f("PUT", "/v1/kv/s/value?key=a&ttl=90s", "v", []string{"Wedge-Metadata: " + meta}, 200)
	f("PUT", "/v1/kv/s/value?key=a&ttl=-1s", "v", nil, 400, `"field":"ttl"`)
	f("PUT", "/v1/kv/s/value?key=a&ttl=90", "v", nil, 400, `"field":"ttl"`)
	f("PUT", "/v1/kv/s/value?key=a", "v", []string{"Wedge-Metadata: ?"}, 400, `"field":"Wedge-Metadata"`)
	f("PUT", "/v1/kv/redirects/value?key=/old", "v", []string{`If-Match: "7"`}, 200)
	f("PUT", "/v1/kv/redirects/value?key=/old", "v", []string{`If-Match: "6"`}, 412, "version 7")
	f("PUT", "/v1/kv/redirects/value?key=/old", "v", []string{`If-Match: 7`}, 400, `"field":"If-Match"`)
	f("PUT", "/v1/kv/redirects/value?key=/old", "v", []string{`If-Match: *`}, 400, `"field":"If-Match"`)
	f("PUT", "/v1/kv/redirects/value?key=/old", "v", []string{`If-Match: "7"`, `If-Match: "8"`}, 400, `"field":"If-Match"`)
	f("PUT", "/v1/kv/redirects/value?key=/old", "v", []string{"If-None-Match: *"}, 412)
	f("PUT", "/v1/kv/redirects/value?key=/new", "v", []string{"If-None-Match: *"}, 200)
	f("PUT", "/v1/kv/redirects/value?key=/new", "v", []string{`If-None-Match: "1"`}, 400)
	f("PUT", "/v1/kv/s/value?key=a", strings.Repeat("v", 257), nil, 413, "more than 256 bytes")
	f("DELETE", "/v1/kv/redirects/value?key=/old", "", nil, 200, `{"deleted":true}`)
	f("DELETE", "/v1/kv/redirects/value?key=/x", "", nil, 200, `{"deleted":false}`)
	f("DELETE", "/v1/kv/redirects/value?key=/old", "", []string{`If-Match: "6"`}, 412)
	f("POST", "/v1/kv/s/add?key=n", `{"delta":-5}`, JSON, 200, `{"value":-5,"version":9}`)
	f("POST", "/v1/kv/s/add?key=n", `{"delta":5,"ttl":"1m"}`, JSON, 200)
	f("POST", "/v1/kv/s/add?key=n", `{"delta":5,"ttl":"-1m"}`, JSON, 400, `"field":"ttl"`)
	f("POST", "/v1/kv/s/add?key=n", `{"delta":5,"ttl":"soon"}`, JSON, 400)
	f("POST", "/v1/kv/s/add?key=n", `{"delta":9223372036854775808}`, JSON, 400, `"field":"delta"`)
	f("POST", "/v1/kv/s/add?key=n", `{}`, JSON, 400, `"field":"delta"`)
	f("POST", "/v1/kv/redirects/add?key=/old", `{"delta":1}`, JSON, 422, "not a number")
	f("GET", "/v1/kv/redirects/export", "", nil, 200, "{\"key\":\"/old\"}\n", "Content-Type: application/x-ndjson")
	f("GET", "/v1/kv/empty/export", "", nil, 200, "Content-Type: application/x-ndjson")
	f("GET", "/v1/kv/broken/export", "", nil, 500, `"code":"internal"`)
	f("POST", "/v1/kv/s/import", "{\"key\":\"a\",\"value\":\"1\"}\n{\"key\":\"b\",\"value\":\"2\"}\n", nil, 200, `{"written":2,"unchanged":0,"expired":0}`)
	f("POST", "/v1/kv/s/import", "{\"key\":\"a\",\"value\":\"1\"}\nno\n", nil, 422, `"field":"line 2"`)
	f("POST", "/v1/kv/s/import", strings.Repeat("{\"key\":\"a\",\"value\":\"1\"}\n", 100), nil, 413)
	f("DELETE", "/v1/kv/redirects", "", nil, 200, `{"removed":2}`)

	f("GET", "/v1/config", "", nil, 200, `"yaml":"memory: 1GiB\n"`, `"etag":"\"`)
	f("PUT", "/v1/config", "drain: 2s\n", nil, 200, `"applied":true`, `"restart":["listen.http"]`, `wedge.yaml.1"`)
	f("PUT", "/v1/config?dry_run=true", "drain: 2s\n", nil, 200, `"applied":false`, `"restart":["listen.http"]`)
	f("PUT", "/v1/config", "bad: 2s\n", nil, 422, `"problems":[{"file":"wedge.yaml","line":1,"column":1`)
	f("PUT", "/v1/config?dry_run=yes", "drain: 2s\n", nil, 400, `"field":"dry_run"`)
	f("PUT", "/v1/config", " \n", nil, 422, "the body is empty")
	f("PUT", "/v1/config", "drain: 2s\n", []string{`If-Match: "old"`}, 412)
	f("PUT", "/v1/config?dry_run=true", "drain: 2s\n", []string{`If-Match: "old"`}, 412)
	f("PUT", "/v1/config", "drain: 2s\n", []string{`If-Match: *`}, 200)
	f("PUT", "/v1/config", strings.Repeat("#", 1<<20+1), nil, 413)

	f("GET", "/", "", nil, 404, "/v1/openapi.json")
	f("GET", "/v1", "", nil, 404)
	f("GET", "/v1/", "", nil, 404)
	f("GET", "//v1/status", "", nil, 404)
	f("GET", "/v1/status/", "", nil, 404)
	f("GET", "/v1/x/../status", "", nil, 404)
	f("GET", "/v1/functions/", "", nil, 404)
	f("POST", "/v1/status", "", nil, 405, "Allow: GET, HEAD")
	f("OPTIONS", "/v1/purge", "", nil, 405, "Allow: POST")
	f("PATCH", "/v1/functions/auth", "", nil, 405, "Allow: DELETE, GET, HEAD, PUT")
	f("GET", "/v1/functions?onwer=x", "", nil, 400, `"field":"onwer"`, "did you mean owner?")
	f("GET", "/v1/status?owner=x", "", nil, 400, `"field":"owner"`)
}

// checkFailure tells whether an answer has the one shape of failures.
func checkFailure(t testing.TB, status int, h http.Header, body []byte) {
	t.Helper()
	var got Failure
	d := json.NewDecoder(strings.NewReader(string(body)))
	d.DisallowUnknownFields()
	if err := d.Decode(&got); err != nil || d.More() {
		t.Fatalf("%d: not a failure: %v: %q", status, err, body)
	}
	if e := got.Error; e.Code.Status() != status || !slices.Contains(e.Code.Values(), string(e.Code)) || e.Message == "" || e.Hint == "" || e.Request == "" {
		t.Errorf("%d: a failure needs a fitting code, a message, a hint and a request: %s", status, body)
	} else if h.Get("Wedge-Request") != e.Request {
		t.Errorf("%d: the request is %s in the field and %s in the body", status, h.Get("Wedge-Request"), e.Request)
	}
	if h.Get("Content-Type") != mediaJSON || h.Get("Cache-Control") != "no-store" {
		t.Errorf("%d: fields %v", status, h)
	}
}

// What goes wrong inside is told to the log, not to the caller.
func TestInside(t *testing.T) {
	st := start(t, nil)
	w := st.do(request(operatorSecret, "GET", "/v1/kv/broken/value?key=a", ""))
	if w.Code != 500 || strings.Contains(w.Body.String(), "SECRET") {
		t.Errorf("%d: %s", w.Code, w.Body)
	}
	if len(st.failed) != 1 || st.failed[0] != "kv.get: disk of SECRET-PLACE on fire" {
		t.Errorf("told %q", st.failed)
	}
	st.node.panics = true
	w = st.do(request(operatorSecret, "GET", "/v1/status", ""))
	if w.Code != 500 || strings.Contains(w.Body.String(), "SECRET") {
		t.Errorf("%d: %s", w.Code, w.Body)
	}
	if len(st.bugs) != 1 || st.bugs[0] != "status.show: a bug with SECRET-PLACE" {
		t.Errorf("bugs %q", st.bugs)
	}
	if n := len(st.served); n != 2 || st.served[0].Status != 500 || st.served[1].Operation != "status.show" || st.served[1].Token != "operator" {
		t.Errorf("served %+v", st.served)
	}
}

// An export that fails half-way breaks off, so that nobody takes it for whole.
func TestExportCut(t *testing.T) {
	st := start(t, nil)
	for _, k := range []string{"a", "b"} {
		st.node.Put(t.Context(), "default", "cut", []byte(k), Put{})
	}
	defer func() {
		if v := recover(); v != http.ErrAbortHandler {
			t.Errorf("panic %v, want http.ErrAbortHandler", v)
		}
		if len(st.failed) != 1 || len(st.bugs) != 0 || len(st.served) != 1 {
			t.Errorf("failed %q, bugs %q, served %v", st.failed, st.bugs, st.served)
		}
	}()
	st.do(request(operatorSecret, "GET", "/v1/kv/cut/export", ""))
	t.Error("the answer came to a proper end")
}

func TestReady(t *testing.T) {
	st := start(t, nil)
	st.node.unready = errors.New("draining")
	w := st.do(request("", "GET", "/readyz", ""))
	if w.Code != 503 || w.Body.String() != "{\"ok\":false,\"reason\":\"draining\"}\n" {
		t.Errorf("%d: %s", w.Code, w.Body)
	}
	if w := st.do(request("", "GET", "/healthz", "")); w.Code != 200 {
		t.Errorf("healthz while draining: %d", w.Code)
	}
	if w := st.do(request(readSecret, "GET", "/v1/status", "")); !strings.Contains(w.Body.String(), `"ready":false`) {
		t.Errorf("status while draining: %s", w.Body)
	}
}
