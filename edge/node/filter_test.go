package node_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/wedgecdn/wedge/edge/admin"
	. "github.com/wedgecdn/wedge/runtime/engine/enginetest"
)

// proxy calls a function of proxy-wasm, all of whose parameters are i32 unless params says otherwise, and drops its status.
func (g *guest) proxy(name, params string, args ...[]byte) []byte {
	index, known := g.imports[name]
	if !known {
		index = g.module.Import("env", name, params, "i")
		g.imports[name] = index
	}
	return Code(Code(args...), Call(index), Drop)
}

// property sets a property of the stream.
func (g *guest) property(path, value string) []byte {
	return g.proxy("proxy_set_property", "iiii", g.text(path), g.text(value))
}

// filter is a proxy-wasm filter that runs code for the head of each request, and goes on.
func filter(code func(g *guest) []byte) []byte {
	g := newGuest()
	body := code(g)
	g.module.Func("_initialize", "", "", "", g.init...)
	g.module.Func("proxy_abi_version_0_2_1", "", "", "")
	g.module.Func("malloc", "i", "i", "", I32(scratch)...)
	g.module.Func("proxy_on_request_headers", "iii", "i", "", Code(body, I32(0))...)
	return g.module.Bytes()
}

// What a filter says of the cache holds for the stored response: its key, its time to live, and the tags to purge it by.
func TestFilterCache(t *testing.T) {
	u := newUpstream(t, "shop")
	w := newWorld(t, fmt.Sprintf(`
functions:
  - {name: key, module: key.wasm}
  - {name: ttl, module: ttl.wasm}
  - {name: tags, module: tags.wasm}
origins: [{name: shop, servers: [{url: %q}]}]
sites:
  - hosts: [shop.example]
    origin: shop
    routes:
      - {path: /key/*, functions: [key]}
      - {path: /ttl/*, functions: [ttl]}
      - {path: /tags/*, functions: [tags]}
`, u.url()), map[string][]byte{
		"key.wasm":  filter(func(g *guest) []byte { return g.property("wedge.cache_key", "/one") }),
		"ttl.wasm":  filter(func(g *guest) []byte { return g.property("wedge.cache_ttl", "3600") }),
		"tags.wasm": filter(func(g *guest) []byte { return g.property("wedge\x00cache_tags", "red, blue") }),
	})
	const site = "http://shop.example"

	// Without the filter paths have objects of their own.
	w.wantOutcome(site+"/plain/a", 200, "shop /plain/a", "; stored; ttl=60")
	w.wantOutcome(site+"/plain/b", 200, "shop /plain/b", "; stored; ttl=60")
	w.wantOutcome(site+"/key/a", 200, "shop /key/a", "; stored; ttl=60")
	w.wantOutcome(site+"/key/b?c", 200, "shop /key/a", "; hit")

	w.wantOutcome(site+"/ttl/a", 200, "shop /ttl/a", "; stored; ttl=3600")
	if r := w.wantOutcome(site+"/ttl/a", 200, "shop /ttl/a", "; hit; ttl=3"); strings.Contains(r.header.Get("Cache-Status"), "ttl=3;") {
		t.Errorf("Cache-Status %q", r.header.Get("Cache-Status"))
	}

	w.wantOutcome(site+"/tags/a", 200, "shop /tags/a", "; stored")
	w.wantOutcome(site+"/tags/a", 200, "shop /tags/a", "; hit")
	w.did("POST", "/v1/purge", []byte(`{"tag":"green"}`))
	w.wantOutcome(site+"/tags/a", 200, "shop /tags/a", "; hit")
	for _, tag := range []string{"red", "blue"} {
		w.did("POST", "/v1/purge", fmt.Appendf(nil, `{"tag":%q}`, tag))
		w.wantOutcome(site+"/tags/a", 200, "shop /tags/a", "; stored")
		w.wantOutcome(site+"/tags/a", 200, "shop /tags/a", "; hit")
	}
	w.wantOutcome(site+"/plain/a", 200, "shop /plain/a", "; hit")
	w.wantOutcome(site+"/key/a", 200, "shop /key/a", "; hit")
	if n := u.requests.Load(); n != 7 {
		t.Errorf("the origin was asked %d times, want 7", n)
	}
}

// A filter has the memory that its configuration says, and 128MiB if it says nothing or auto; never more than the node gives.
func TestFilterMemory(t *testing.T) {
	u := newUpstream(t, "shop")
	f := func(node, limits string, want int64) {
		t.Helper()
		w := newWorld(t, fmt.Sprintf("%s\nfunctions: [{name: f, module: f.wasm%s}]\norigins: [{name: shop, servers: [{url: %q}]}]\nsites: [{hosts: [shop.example], origin: shop, functions: [f]}]\n",
			node, limits, u.url()), map[string][]byte{"f.wasm": filter(func(*guest) []byte { return nil })})
		defer w.stop()
		w.want("http://shop.example/", 200, "shop /")
		var f admin.Function
		if err := json.Unmarshal([]byte(w.did("GET", "/v1/functions/f", nil).body), &f); err != nil {
			t.Fatal(err)
		}
		if len(f.Usage) != 1 || f.Usage[0].MemoryLimit != want<<20 {
			t.Errorf("%s %s: usage %+v, want a limit of %d MiB", node, limits, f.Usage, want)
		}
	}
	f("", "", 128)
	f("", ", limits: {memory: auto}", 128)
	f("", ", limits: {memory: 32MiB}", 32)
	f("", ", limits: {memory: 48MiB}", 48)
	f("limits: {memory: 64MiB}", "", 64)
	f("limits: {memory: 16MiB}", "", 16)
}

// Counters, gauges and histograms of a filter stand on the node's /metrics.
func TestFilterMetrics(t *testing.T) {
	u := newUpstream(t, "shop")
	const id = 32
	w := newWorld(t, fmt.Sprintf("functions: [{name: f, module: f.wasm}]\norigins: [{name: shop, servers: [{url: %q}]}]\nsites: [{hosts: [shop.example], origin: shop, functions: [f]}]\n", u.url()),
		map[string][]byte{"f.wasm": filter(func(g *guest) []byte {
			define := func(kind int32, name string) []byte {
				return g.proxy("proxy_define_metric", "iiii", I32(kind), g.text(name), I32(id))
			}
			change := func(how string, by int64) []byte { return g.proxy(how, "iI", Code(I32(id), Load32), I64(by)) }
			return Code(define(0, "seen"), change("proxy_increment_metric", 2),
				define(1, "my-gauge"), change("proxy_record_metric", 7), change("proxy_increment_metric", -3),
				define(2, "took"), change("proxy_record_metric", 5))
		})})
	for range 3 {
		w.want("http://shop.example/", 200, "shop /")
	}
	is := func(want float64, series, name string) {
		t.Helper()
		w.wantMetric(want, series, `owner="default"`, `function="f"`, fmt.Sprintf("name=%q", name))
	}
	is(6, "wedge_function_counter_total", "seen")
	is(4, "wedge_function_gauge", "my_gauge")
	is(15, "wedge_function_value_sum", "took")
	is(3, "wedge_function_value_count", "took")
}
