package node_test

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/wedgecdn/wedge/hostapi/abi"
	. "github.com/wedgecdn/wedge/runtime/engine/enginetest"
)

// answers a request with 200 and what stands in the scratch buffer if n, a result of a call, is a length, and with 404
// if it is a failure.
func answer(g *guest, n []byte) []byte {
	return Code(n, Set(0),
		when(Code(Get(0), I32(0), Op(0x48)), g.do("respond", I32(404), g.text("nothing")), Code(I32(1), Op(0x0f))),
		g.do("respond", I32(200), Code(I32(scratch), Get(0))))
}

// Functions keep values in the node's cache: by owner, and purged together with the responses of the same tag.
func TestFunctionCache(t *testing.T) {
	u := newUpstream(t, "shop")
	files := map[string][]byte{}
	add := func(name string, code func(g *guest) []byte) {
		g := newGuest()
		files[name+".wasm"] = g.answer("on_request", 1, code(g)).bytes()
	}
	add("put", func(g *guest) []byte {
		return Code(g.call("store_put", g.text("k"), g.text("a value"), I64(60_000), g.text("red blue")), Set(0), answer(g, Code(Get(0))))
	})
	add("get", func(g *guest) []byte { return answer(g, g.call("store_get", g.text("k"), buffer())) })
	add("delete", func(g *guest) []byte { return answer(g, g.call("store_delete", g.text("k"))) })
	add("purge", func(g *guest) []byte { return answer(g, g.call("purge_tag", g.text("red"), I32(0))) })
	tags := newGuest()
	files["tags.wasm"] = tags.hook("on_fetched", tags.do("cache_tag_add", tags.text("red")), tags.do("cache_ttl_set", I64(60_000))).bytes()
	yaml := "functions:\n"
	for _, owner := range []string{"one", "two"} {
		for _, f := range []string{"put", "get", "delete", "purge", "tags"} {
			yaml += fmt.Sprintf("  - {name: %s, owner: %s, module: %s.wasm}\n", f, owner, f)
		}
	}
	yaml += fmt.Sprintf("origins:\n  - {name: shop, owner: one, servers: [{url: %q}]}\n  - {name: shop, owner: two, servers: [{url: %q}]}\nsites:\n", u.url(), u.url())
	for _, owner := range []string{"one", "two"} {
		yaml += fmt.Sprintf("  - hosts: [%s.example]\n    owner: %s\n    origin: shop\n    functions: [tags]\n    routes:\n", owner, owner)
		for _, f := range []string{"put", "get", "delete", "purge"} {
			yaml += fmt.Sprintf("      - {path: /%s, functions: [%s]}\n", f, f)
		}
	}
	w := newWorld(t, yaml, files)
	const one, two = "http://one.example", "http://two.example"

	w.want(one+"/get", 404, "nothing")
	w.want(one+"/put", 200, "")
	w.want(one+"/get", 200, "a value")
	w.want(two+"/get", 404, "nothing")
	w.want(two+"/delete", 404, "nothing")
	w.want(two+"/put", 200, "")
	w.wantOutcome(one+"/page", 200, "shop /page", "; stored")
	w.wantOutcome(two+"/page", 200, "shop /page", "; stored")

	w.want(one+"/purge", 200, "")
	w.want(one+"/get", 404, "nothing")
	w.wantOutcome(one+"/page", 200, "shop /page", "; stored")
	w.want(two+"/get", 200, "a value")
	w.wantOutcome(two+"/page", 200, "shop /page", "; hit")

	w.want(two+"/delete", 200, "")
	w.want(two+"/get", 404, "nothing")
}

// A function whose binding lists no stores opens every one of its owner, and none of another's.
func TestFunctionOpensAllStores(t *testing.T) {
	u := newUpstream(t, "shop")
	writes, reads := newGuest(), newGuest()
	files := map[string][]byte{
		"writes.wasm": writes.answer("on_request", 1, answer(writes, writes.call("kv_put", writes.call("kv_open", writes.text("any")),
			writes.text("k"), writes.text("a value"), Code(I32(0), I32(0)), I64(0), I32(0), I64(0), I32(64)))).bytes(),
		"reads.wasm": reads.answer("on_request", 1, answer(reads, reads.call("kv_get", reads.call("kv_open", reads.text("any")),
			reads.text("k"), buffer(), I32(64)))).bytes(),
	}
	w := newWorld(t, fmt.Sprintf(`
functions:
  - {name: writes, owner: one, module: writes.wasm}
  - {name: reads, owner: one, module: reads.wasm}
  - {name: listed, owner: one, module: reads.wasm, kv: [other]}
  - {name: reads, owner: two, module: reads.wasm}
origins:
  - {name: shop, owner: one, servers: [{url: %q}]}
  - {name: shop, owner: two, servers: [{url: %q}]}
sites:
  - hosts: [one.example]
    owner: one
    origin: shop
    routes:
      - {path: /write, functions: [writes]}
      - {path: /read, functions: [reads]}
      - {path: /listed, functions: [listed]}
  - {hosts: [two.example], owner: two, origin: shop, functions: [reads]}
`, u.url(), u.url()), files)
	w.want("http://one.example/read", 404, "nothing")
	w.want("http://one.example/write", 200, "")
	w.want("http://one.example/read", 200, "a value")
	w.want("http://one.example/listed", 404, "nothing")
	w.want("http://two.example/read", 404, "nothing")
}

// A counter takes the longest key that the ABI takes.
func TestFunctionCounts(t *testing.T) {
	u := newUpstream(t, "shop")
	count := func(length int32) []byte {
		g := newGuest()
		g.hook("on_response",
			g.call("counter_add", Code(I32(0), I32(length)), I64(60_000), I64(1), I32(2048)), Set(0),
			when(Code(Get(0), I32(int32(abi.StatusOK)), Op(0x46)), g.setField("X-Count", "ok")),
			when(Code(Get(0), I32(int32(abi.StatusInvalid)), Op(0x46)), g.setField("X-Count", "invalid")))
		return g.bytes()
	}
	w := one(t, u, map[string][]byte{"longest": count(512), "longer": count(513)}, "- name: longest\n- name: longer",
		"- {path: /longest, functions: [longest]}\n- {path: /longer, functions: [longer]}")
	for path, want := range map[string]string{"/longest": "ok", "/longer": "invalid"} {
		if r := w.want("http://shop.example"+path, 200, ""); r.header.Get("X-Count") != want {
			t.Errorf("%s: %q, want %q", path, r.header.Get("X-Count"), want)
		}
	}
}

// A function's own request goes through the cache if it wants that: it asks the origin once, and finds nothing that a
// client has asked for. By URL that is not allowed.
func TestFunctionFetchesThroughCache(t *testing.T) {
	u := newUpstream(t, "shop")
	u.serve(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "max-age=60")
		fmt.Fprintf(w, "%s of %s", r.URL.Path, r.Header.Get("CDN-Loop")[:len("wedge-")])
	})
	fetches := func(origin, target string) []byte {
		g := newGuest()
		g.answer("on_request", 1,
			g.call("fetch_new", g.text("GET"), g.text(origin), g.text(target)), Set(0),
			g.do("fetch_option_set", Get(0), I32(int32(abi.FetchOptionUseCache)), I64(1)),
			g.do("fetch_send", Get(0)),
			g.call("fetch_status", Get(0)), Set(1),
			when(Code(Get(1), I32(int32(abi.StatusNotAllowed)), Op(0x46)), g.do("respond", I32(403), g.text("not allowed")), Code(I32(1), Op(0x0f))),
			g.call("fetch_body_read", Get(0), buffer()), Set(2),
			g.do("respond", Get(1), Code(I32(scratch), Get(2))))
		return g.bytes()
	}
	w := newWorld(t, fmt.Sprintf(`
functions: [{name: named, fetch: [shop]}, {name: listed, fetch: [%q]}]
origins: [{name: shop, servers: [{url: %q}]}]
sites:
  - hosts: [shop.example]
    origin: shop
    routes:
      - {path: /named, functions: [named]}
      - {path: /listed, functions: [listed]}
`, u.url(), u.url()), nil)
	w.deploy("named", fetches("shop", "/data"))
	w.deploy("listed", fetches("", u.url()+"/data"))
	for range 3 {
		w.want("http://shop.example/named", 200, "/data of wedge-")
	}
	if n := u.requests.Load(); n != 1 {
		t.Errorf("the origin was asked %d times, want 1", n)
	}
	w.wantOutcome("http://shop.example/data", 200, "/data of wedge-", "fwd=uri-miss")
	w.want("http://shop.example/listed", 403, "not allowed")
	if n := u.requests.Load(); n != 2 {
		t.Errorf("the origin was asked %d times, want 2", n)
	}
}
