package admin

import (
	"bytes"
	"encoding/json"
	"flag"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

var update = flag.Bool("update", false, "write testdata/openapi.json anew")

// The page is a promise: it changes only on purpose.
func TestOpenAPIPage(t *testing.T) {
	got := start(t, nil).page()
	if *update {
		if err := os.WriteFile("testdata/openapi.json", append(got, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile("testdata/openapi.json")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(bytes.TrimSpace(want), got) {
		t.Error("the page differs from testdata/openapi.json: look at it, then go test -run OpenAPIPage -update")
	}
}

// page is the OpenAPI page as a client sees it.
type page struct {
	Paths map[string]map[string]struct {
		OperationID string                                           `json:"operationId"`
		Security    []map[string][]Scope                             `json:"security"`
		Parameters  []struct{ Name, In string }                      `json:"parameters"`
		RequestBody *struct{ Content map[string]json.RawMessage }    `json:"requestBody"`
		Responses   map[string]struct{ Content map[string]struct{} } `json:"responses"`
	}
}

func readPage(t *testing.T, st *stage) (page, *jsonschema.Compiler) {
	t.Helper()
	w := st.do(request("", "GET", "/v1/openapi.json", ""))
	var p page
	if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(w.Body)
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft2020) // what OpenAPI 3.1 uses
	c.AssertFormat()
	if err := c.AddResource("page.json", doc); err != nil {
		t.Fatal(err)
	}
	return p, c
}

// conforms checks an answer's body against the page.
func conforms(t *testing.T, c *jsonschema.Compiler, path, method string, status int, body []byte) {
	t.Helper()
	escape := strings.NewReplacer("~", "~0", "/", "~1", "{", "%7B", "}", "%7D")
	s, err := c.Compile("page.json#/paths/" + escape.Replace(path) + "/" + method + "/responses/" + strconv.Itoa(status) + "/content/application~1json/schema")
	if err != nil {
		t.Errorf("%s %s: %d is not in the page: %v", method, path, status, err)
		return
	}
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(body))
	if err != nil {
		t.Errorf("%s %s: %v", method, path, err)
		return
	}
	if err := s.Validate(v); err != nil {
		t.Errorf("%s %s: the answer is not as the page says: %v\n%s", method, path, err, body)
	}
}

// Every operation of the page is there, answers what the page says, and there
// is no other.
func TestOpenAPIWalk(t *testing.T) {
	p, c := readPage(t, start(t, nil))
	listed := 0
	for _, o := range operations() {
		method := strings.ToLower(o.method)
		d, ok := p.Paths[o.path][method]
		if !ok || d.OperationID != o.id {
			t.Errorf("%s %s is not in the page", o.method, o.path)
			continue
		}
		listed++
		var scopes []Scope
		for _, s := range d.Security {
			scopes = append(scopes, s["token"]...)
		}
		if o.scope != scopeOpen && !slices.Equal(scopes, []Scope{o.scope}) || o.scope == scopeOpen && scopes != nil {
			t.Errorf("%s: the page says scopes %v", o.id, scopes)
		}
		check := func(change func(*fake), secret string, status int, fields ...string) {
			t.Helper()
			st := start(t, func(o *Options) { o.Loopback = false })
			if change != nil {
				change(st.node)
			}
			w := st.do(sample(&o, secret, fields...))
			if w.Code != status {
				t.Errorf("%s: %d, want %d: %s", o.id, w.Code, status, w.Body)
				return
			}
			media := w.Header().Get("Content-Type")
			if media == mediaJSON {
				conforms(t, c, o.path, method, status, w.Body.Bytes())
			} else if _, ok := d.Responses[strconv.Itoa(status)].Content[media]; !ok && o.id != "metrics" {
				t.Errorf("%s: %d of type %s is not in the page", o.id, status, media)
			}
			st.Close()
		}
		check(nil, operatorSecret, 200)
		check(nil, operatorSecret, 403, "Origin: http://evil.example")
		if o.scope != scopeOpen {
			check(nil, "", 401)
			if o.scope != ScopeRead {
				check(nil, readSecret, 403)
			}
		}
		if o.busy != nil {
			check(func(f *fake) { f.unready = &Error{Code: Unavailable, Message: "draining"} }, operatorSecret, 503)
		}
	}
	inPage := 0
	for _, methods := range p.Paths {
		inPage += len(slices.Collect(maps.Keys(methods)))
	}
	if inPage != listed || listed != len(operations()) {
		t.Errorf("the page has %d operations, the table %d, of which %d are in the page", inPage, len(operations()), listed)
	}
}

// Whatever status TestAPI sees is one that the page names: the statuses are
// derived, so a handler could answer another.
func TestOpenAPIStatuses(t *testing.T) {
	st := start(t, nil)
	p, c := readPage(t, st)
	f := func(id, method, target, body string, status int, fields ...string) {
		t.Helper()
		w := start(t, nil).do(request(operatorSecret, method, target, body, fields...))
		if w.Code != status {
			t.Errorf("%s: %d, want %d: %s", id, w.Code, status, w.Body)
		}
		for path, methods := range p.Paths {
			if d, ok := methods[strings.ToLower(method)]; ok && d.OperationID == id {
				conforms(t, c, path, strings.ToLower(method), status, w.Body.Bytes())
				return
			}
		}
		t.Errorf("%s is not in the page", id)
	}
	f("function.show", "GET", "/v1/functions/nope", "", 404)
	f("function.deploy", "PUT", "/v1/functions/headers", "x", 409)
	f("function.deploy", "PUT", "/v1/functions/auth", "x", 422)
	f("function.deploy", "PUT", "/v1/functions/auth", strings.Repeat("x", 1<<11), 413)
	f("function.test", "POST", "/v1/functions/auth/test", `{"version":"99999999","cases":[]}`, 422, asJSON)
	f("function.test", "POST", "/v1/functions/auth/test", `{"version":"99999999","cases":[{"name":"../a","text":""}]}`, 422, asJSON)
	f("function.test", "POST", "/v1/functions/auth/test", `{"version":"99999999","cases":[{"name":"a","text":""},{"name":"a","text":""}]}`, 422, asJSON)
	f("function.activate", "POST", "/v1/functions/auth/activate", `{"version":"99999999"}`, 404, asJSON)
	f("function.activate", "POST", "/v1/functions/auth/activate", `{"version":"99999999"}`, 415)
	f("function.rollback", "POST", "/v1/functions/headers/rollback", "", 409)
	f("function.delete", "DELETE", "/v1/functions/nope", "", 404)
	f("function.disable", "POST", "/v1/functions/nope/disable", "", 404)
	f("function.enable", "POST", "/v1/functions/nope/enable", "", 404)
	f("function.logs", "GET", "/v1/functions/nope/logs", "", 404)
	f("cache.purge", "POST", "/v1/purge", "{}", 422, asJSON)
	f("record", "POST", "/v1/record", `{"count":5000}`, 422, asJSON)
	f("record", "POST", "/v1/record", `{"for":"25h"}`, 422, asJSON)
	f("record", "POST", "/v1/record", `{"site":"nowhere"}`, 404, asJSON)
	f("cache.debug", "POST", "/v1/cache/debug", `{"for":"25h"}`, 422, asJSON)
	f("cache.debug", "POST", "/v1/cache/debug?owner=nobody", `{}`, 404, asJSON)
	f("cache.warm", "POST", "/v1/cache/warm", `{"urls":[]}`, 422, asJSON)
	f("cache.push", "PUT", "/v1/cache/object?url=http://nobody.example/", "x", 404)
	f("cache.push", "PUT", "/v1/cache/object?url=http://shop.example/a&fields=cache-control:private", "x", 409)
	f("cache.show", "POST", "/v1/cache/show", `{"url":"http://nobody.example/"}`, 404, asJSON)
	f("kv.get", "GET", "/v1/kv/s/value?key=x", "", 404)
	f("kv.get", "GET", "/v1/kv/broken/value?key=x", "", 500)
	f("kv.put", "PUT", "/v1/kv/redirects/value?key=/old", "", 412, "If-None-Match: *")
	f("kv.delete", "DELETE", "/v1/kv/redirects/value?key=/old", "", 412, `If-Match: "1"`)
	f("kv.add", "POST", "/v1/kv/redirects/add?key=/old", `{"delta":1}`, 422, asJSON)
	f("kv.import", "POST", "/v1/kv/s/import", "no", 422)
	f("config.apply", "PUT", "/v1/config", "bad", 422)
	f("config.apply", "PUT", "/v1/config", "x", 412, `If-Match: "x"`)
}
