package conform

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	. "github.com/wedgecdn/wedge/runtime/engine/enginetest"
)

// store is a record of how a response is to be kept: max age, Vary, initial age, stale while revalidate, surrogate keys, length,
// stale if error.
func (p *compute) store(maxAge, initial, stale, ifError time.Duration, vary, keys string) cell {
	return p.record(int64(maxAge), vary, int64(initial), int64(stale), keys, int64(8), int64(ifError))
}

// The bits of what is given in it.
const (
	storeVary      = 2
	storeAge       = 4
	storeStale     = 8
	storeKeys      = 16
	storeLength    = 32
	storeSensitive = 64
	storeIfError   = 128
)

// ask begins a transaction for a GET, with a field if there is one, and shows its state: 1 found, 2 usable, 4 stale, 8 must
// insert or update, 16 usable if error.
func (p *compute) ask(path string, field ...any) handle {
	r := p.request("GET", "http://shop.example"+path)
	if len(field) > 0 {
		p.must("http_req.header_insert", append([]any{r}, field...)...)
	}
	e := p.open("http_cache.transaction_lookup", r, 0, 0)
	p.show(p.open("http_cache.get_state", e))
	return e
}

// fetch sends what the transaction wants to ask the backend, and its answer.
func (p *compute) fetch(e handle) (response, body handle) {
	r, b := p.out(), p.out()
	p.must("http_req.send_v3", p.open("http_cache.get_suggested_backend_request", e), p.open("http_body.new"), "shop", p.out(), r, b)
	return handle(r), handle(b)
}

// response makes one with a field.
func (p *compute) response(status int, field ...any) handle {
	r := p.open("http_resp.new")
	p.must("http_resp.status_set", r, status)
	if len(field) > 0 {
		p.must("http_resp.header_insert", append([]any{r}, field...)...)
	}
	return r
}

// foundResponse shows what was found, as it is for the client or as it is kept.
func (p *compute) foundResponse(e handle, client int) (response handle) {
	r, b, status := p.out(), p.out(), p.out()
	p.must("http_cache.get_found_response", e, client, r, b)
	p.must("http_resp.status_get", handle(r), status)
	p.show(" ", short(status), " ")
	p.read(handle(b))
	p.must("http_body.close", handle(b))
	p.show(";")
	return handle(r)
}

func (p *compute) notFound(e handle) {
	p.want(stNone, "http_cache.get_found_response", e, 0, p.out(), p.out())
	p.show(";")
}

// putResponse keeps a response with that content for the transaction.
func (p *compute) putResponse(e, response handle, mask int, options cell, content string) {
	p.fill(p.open("http_cache.transaction_insert", e, response, mask, options), content)
}

func (p *compute) field(response handle, name string) got {
	return p.text("http_resp.header_value_get", response, name)
}

// The HTTP cache.
var computeHTTPCases = []computeCase{
	{name: "fastly_http_cache.is_request_cacheable fastly_http_cache.get_suggested_cache_key fastly_http_cache.lookup", build: func(p *compute) {
		get := p.request("GET", "http://shop.example/a")
		p.show(p.open("http_cache.is_request_cacheable", get), p.open("http_cache.is_request_cacheable", p.request("POST", "http://shop.example/a")))
		key := p.text("http_cache.get_suggested_cache_key", get)
		p.show(" ", handle(key.n), " ")
		n := p.out()
		p.want(stBufferLength, "http_cache.get_suggested_cache_key", get, p.area(31), n)
		p.show(handle(n), " ")
		p.putResponse(p.ask("/a"), p.response(200), 0, p.store(time.Hour, 0, 0, 0, "", ""), "contents")
		p.show(" ")
		// Under the key that is suggested for one stands the other.
		e := p.open("http_cache.lookup", p.request("GET", "http://shop.example/other"), 2, p.record(area{key.at, 32}, 0, 0))
		p.show(p.open("http_cache.get_state", e))
		p.foundResponse(e, 0)
		e = p.open("http_cache.lookup", p.request("GET", "http://shop.example/other"), 0, 0)
		p.show(p.open("http_cache.get_state", e))
		p.notFound(e)
		p.want(stInvalid, "http_cache.lookup", get, 2, p.record("short", 0, 0), p.out())
		p.want(stInvalid, "http_cache.lookup", get, 1, 0, p.out())
		p.want(stBadHandle, "http_cache.lookup", e, 0, 0, p.out())
		p.reply()
	}, sees: []string{"10 32 32 8 3 200 contents;0;"}},
	{name: "fastly_http_cache.transaction_lookup fastly_http_cache.transaction_insert fastly_http_cache.get_state fastly_http_cache.get_found_response fastly_http_cache.get_length fastly_http_cache.get_max_age_ns" +
		" fastly_http_cache.get_stale_while_revalidate_ns fastly_http_cache.get_stale_if_error_ns fastly_http_cache.get_age_ns fastly_http_cache.get_hits fastly_http_cache.get_sensitive_data fastly_http_cache.get_surrogate_keys" +
		" fastly_http_cache.get_vary_rule", build: func(p *compute) {
		e := p.ask("/a", "Lang", "nl")
		p.notFound(e)
		for _, name := range []string{"length", "max_age_ns", "stale_while_revalidate_ns", "stale_if_error_ns", "age_ns", "hits", "sensitive_data"} {
			p.want(stNone, "http_cache.get_"+name, e, p.out())
		}
		p.want(stNone, "http_cache.get_surrogate_keys", e, p.area(8), p.out())
		p.want(stNone, "http_cache.get_vary_rule", e, p.area(8), p.out())
		r := p.response(203, "X-Kind", "odd")
		p.putResponse(e, r, storeVary|storeAge|storeStale|storeKeys|storeLength|storeSensitive|storeIfError, p.store(time.Hour, time.Minute, 2*time.Minute, 3*time.Minute, "Lang", "red blue"), "contents")
		p.must("http_resp.status_get", r, p.out()) // its head is there still
		p.want(stBadHandle, "http_cache.transaction_insert", e, p.response(200), 0, p.store(time.Hour, 0, 0, 0, "", ""), p.out())
		e = p.ask("/a", "Lang", "nl")
		p.show(p.field(p.foundResponse(e, 0), "X-Kind"), " ", p.wide("http_cache.get_length", e), " ", p.wide("http_cache.get_max_age_ns", e), " ", p.wide("http_cache.get_stale_while_revalidate_ns", e), " ",
			p.wide("http_cache.get_stale_if_error_ns", e), " ", p.wide("http_cache.get_hits", e), " ", p.open("http_cache.get_sensitive_data", e), " ", p.text("http_cache.get_surrogate_keys", e), " ", p.text("http_cache.get_vary_rule", e), " ")
		age := p.wide("http_cache.get_age_ns", e)
		p.emit(I32(int32(age)), I32(int32(age)), Op(0x29, 3, 0), I64(int64(time.Minute)), Op(0x80, 0x37, 3, 0)) // in minutes
		p.show(age, " ")
		p.ask("/a", "Lang", "de") // another variant
		p.reply()
	}, sees: []string{"8;3 203 contents;odd 8 3600000000000 120000000000 180000000000 1 1 red blue Lang 1 8", `@insert http://shop.example/a ["red" "blue"]`}},
	{name: "fastly_http_cache.transaction_insert_and_stream_back", build: func(p *compute) {
		e := p.ask("/a")
		b, back := p.out(), p.out()
		p.must("http_cache.transaction_insert_and_stream_back", e, p.response(200), 0, p.store(time.Hour, 0, 0, 0, "", ""), b, back)
		p.write(handle(b), "one, ")
		p.show(p.open("http_cache.get_state", handle(back)), " ")
		r, content := p.out(), p.out()
		p.must("http_cache.get_found_response", handle(back), 0, r, content)
		part, n := p.area(5), p.out()
		p.must("http_body.read", handle(content), part, n) // before the end is written
		p.show(got{part.at, n})
		r2, content2 := p.out(), p.out()
		p.must("http_cache.get_found_response", p.ask("/a"), 0, r2, content2) // the program that inserts it finds it at once
		p.fill(handle(b), "two")
		p.read(handle(content))
		p.show(";")
		p.read(handle(content2))
		p.show(";")
		p.reply()
	}, sees: []string{"83 one, 3two;one, two;"}},
	{name: "who asks for another variant does not wait for the one that comes", build: func(p *compute) {
		options := p.store(time.Hour, 0, 0, 0, "Tone,Lang", "")
		first := p.open("http_cache.transaction_insert", p.ask("/a", "Lang", "nl"), p.response(200), storeVary, options)
		p.write(first, "in ")
		p.ask("/a", "Lang", "nl")
		p.putResponse(p.ask("/a", "Lang", "de"), p.response(200), storeVary, options, "in de")
		p.fill(first, "nl")
		p.show(" ")
		for _, lang := range []string{"nl", "de"} {
			p.foundResponse(p.ask("/a", "Lang", lang), 0)
		}
		p.ask("/a", "Lang", "fr")
		p.reply()
	}, sees: []string{"838 3 200 in nl;3 200 in de;8"}},
	{name: "a backend's response streams back, and is kept", build: func(p *compute) {
		e := p.ask("/x")
		given, content := p.fetch(e)
		b, back := p.out(), p.out()
		p.must("http_cache.transaction_insert_and_stream_back", e, given, 0, p.store(time.Hour, 0, 0, 0, "", ""), b, back)
		p.must("http_body.append", handle(b), content)
		p.must("http_body.close", handle(b))
		p.foundResponse(handle(back), 0)
		p.foundResponse(p.ask("/x"), 0)
		p.reply()
	}, sees: []string{"8 203 from /x;3 203 from /x;", "@past the cache"}},
	{name: "a response that is too long to be kept passes through", build: func(p *compute) {
		e := p.ask("/large")
		given, content := p.fetch(e)
		b, back := p.out(), p.out()
		p.must("http_cache.transaction_insert_and_stream_back", e, given, 0, p.store(time.Hour, 0, 0, 0, "", ""), b, back)
		p.must("http_body.append", handle(b), content)
		p.must("http_body.close", handle(b))
		r, whole := p.out(), p.out()
		p.must("http_cache.get_found_response", handle(back), 0, r, whole)
		p.must("http_resp.send_downstream", handle(r), handle(whole), 0)
	}, sees: []string{strings.Repeat("0123456789abcdef", 9<<20/16)}},
	{name: "fastly_http_cache.get_suggested_backend_request fastly_http_cache.prepare_response_for_storage fastly_http_cache.transaction_update", build: func(p *compute) {
		p.putResponse(p.ask("/tagged"), p.response(200, "ETag", `"one"`), storeAge, p.store(time.Minute, 2*time.Minute, 0, 0, "", ""), "contents")
		e := p.ask("/tagged", "Range", "bytes=1-2")
		p.notFound(e)
		given, _ := p.fetch(e)
		action, out := p.out(), p.out()
		p.must("http_cache.prepare_response_for_storage", e, given, action, out)
		status := p.out()
		p.must("http_resp.status_get", handle(out), status)
		p.show(handle(action), " ", short(status), " ", p.field(handle(out), "X-Confirmed"), ";")
		p.must("http_cache.transaction_update", e, handle(out), 0, p.store(time.Hour, 0, 0, 0, "", ""))
		p.want(stBadHandle, "http_cache.transaction_update", e, p.response(200), 0, p.store(time.Hour, 0, 0, 0, "", ""))
		r := p.foundResponse(p.ask("/tagged"), 0)
		p.show(p.field(r, "X-Confirmed"))
		p.reply()
	}, sees: []string{"8" + "13;1 200 yes;3 200 contents;yes", `@field if-none-match: "one"`, "!@field range: bytes=1-2"}},
	{name: "fastly_http_cache.transaction_update_and_return_fresh", build: func(p *compute) {
		p.putResponse(p.ask("/tagged"), p.response(200, "ETag", `"one"`), storeAge, p.store(time.Minute, 2*time.Minute, 0, 0, "", ""), "contents")
		e := p.ask("/tagged")
		given, _ := p.fetch(e)
		fresh := p.open("http_cache.transaction_update_and_return_fresh", e, given, 0, p.store(time.Hour, 0, 0, 0, "", "")) // the 304 itself
		p.show(";", p.open("http_cache.get_state", fresh))
		p.show(p.field(p.foundResponse(fresh, 1), "X-Confirmed"), " ", p.wide("http_cache.get_max_age_ns", fresh), " ")
		p.ask("/tagged")
		p.reply()
	}, sees: []string{"813;3 200 contents;yes 3600000000000 3"}},
	{name: "what a backend says decides what is suggested", build: func(p *compute) {
		suggest := func(method, path string) {
			e := p.open("http_cache.transaction_lookup", p.request(method, "http://shop.example"+path), 0, 0)
			given, _ := p.fetch(e)
			action := p.out()
			p.must("http_cache.prepare_response_for_storage", e, given, action, p.out())
			p.show(handle(action))
		}
		suggest("GET", "/tagged")  // insert
		suggest("GET", "/private") // record that it is not cacheable
		suggest("HEAD", "/x")      // do not store
		p.reply()
	}, sees: []string{"032"}},
	{name: "fastly_http_cache.get_suggested_cache_options", build: func(p *compute) {
		e := p.ask("/a")
		r := p.response(200, "Cache-Control", "max-age=60, stale-while-revalidate=5, stale-if-error=7")
		p.must("http_resp.header_insert", r, "Vary", "Lang")
		p.must("http_resp.header_insert", r, "Surrogate-Key", "red blue")
		p.must("http_resp.header_insert", r, "Content-Length", "8")
		vary, keys := p.area(16), p.area(128)
		in := p.record(int64(0), vary, int64(0), int64(0), keys, int64(0), int64(0))
		mask, out := p.out(), p.take(56)
		all := storeVary | storeAge | storeStale | storeKeys | storeLength | storeSensitive | storeIfError
		p.must("http_cache.get_suggested_cache_options", e, r, all, in, mask, int(out))
		at := func(off int32) long { return long(out + off) }
		word := func(off int32) handle { return handle(out + off) }
		p.show(" ", handle(mask), " ", at(0), " ", at(16), " ", at(24), " ", at(40), " ", at(48), " ", got{vary.at, cell(out + 12)}, " ", word(36), " ")
		p.show(area{keys.at + 64, 9}) // behind the key of the URL
		// Too little room, and less that is asked for.
		short := p.record(int64(0), area{vary.at, 1}, int64(0), int64(0), area{keys.at, 1}, int64(0), int64(0))
		p.want(stBufferLength, "http_cache.get_suggested_cache_options", e, r, storeVary, short, mask, int(out))
		p.show(" ", handle(mask), " ", word(12))
		p.must("http_cache.get_suggested_cache_options", e, p.response(200), 1|storeVary|storeStale, in, mask, int(out))
		p.show(" ", handle(mask), " ", at(0))
		p.reply()
	}, sees: []string{"8 190 60000000000 0 5000000000 8 7000000000 lang 73  red blue 2 4 8 3600000000000"}},
	{name: "fastly_http_cache.transaction_choose_stale", build: func(p *compute) {
		p.putResponse(p.ask("/a"), p.response(200), storeAge|storeIfError, p.store(time.Minute, 2*time.Minute, 0, time.Hour, "", ""), "contents")
		e := p.ask("/a")
		p.notFound(e)
		p.must("http_cache.transaction_choose_stale", e)
		p.show(p.open("http_cache.get_state", e))
		p.foundResponse(e, 0)
		p.want(stBadHandle, "http_cache.transaction_choose_stale", e)
		p.ask("/a") // nothing has changed for the next one
		p.reply()
	}, sees: []string{"829;23 200 contents;29"}},
	{name: "what is stale is used while one refreshes it", build: func(p *compute) {
		p.putResponse(p.ask("/a"), p.response(200), storeAge|storeStale, p.store(time.Minute, 2*time.Minute, time.Hour, 0, "", ""), "contents")
		e := p.ask("/a")
		p.foundResponse(e, 0)
		p.foundResponse(p.ask("/a"), 0) // it is being refreshed
		p.putResponse(e, p.response(200), 0, p.store(time.Hour, 0, 0, 0, "", ""), "newer")
		p.foundResponse(p.ask("/a"), 0)
		p.reply()
	}, sees: []string{"815 200 contents;7 200 contents;3 200 newer;"}},
	{name: "fastly_http_cache.transaction_record_not_cacheable", build: func(p *compute) {
		e := p.ask("/a")
		p.must("http_cache.transaction_record_not_cacheable", e, 0, p.store(time.Hour, 0, 0, 0, "", ""))
		p.want(stBadHandle, "http_cache.transaction_record_not_cacheable", e, 0, p.store(time.Hour, 0, 0, 0, "", ""))
		p.want(stBadHandle, "http_cache.transaction_insert", e, p.response(200), 0, p.store(time.Hour, 0, 0, 0, "", ""), p.out())
		p.notFound(p.ask("/a")) // each of those who come may insert, and none waits for another
		p.notFound(p.ask("/a"))
		p.reply()
	}, sees: []string{"88;8;"}},
	{name: "fastly_http_cache.transaction_abandon fastly_http_cache.close", build: func(p *compute) {
		e := p.ask("/a")
		p.ask("/a") // who would wait for itself goes past the cache
		p.must("http_cache.transaction_abandon", e)
		p.want(stBadHandle, "http_cache.transaction_abandon", e)
		e = p.ask("/a")
		p.must("http_cache.close", e)
		p.want(stBadHandle, "http_cache.close", e)
		p.want(stBadHandle, "http_cache.get_state", e, p.out())
		p.reply()
	}, sees: []string{"808"}},
	{name: "what is found is what the client's conditions and range have it", build: func(p *compute) {
		p.putResponse(p.ask("/a"), p.response(200, "ETag", `"one"`), 0, p.store(time.Hour, 0, 0, 0, "", ""), "contents")
		p.show(" ")
		r := p.foundResponse(p.ask("/a", "Range", "bytes=1-3"), 1)
		p.show(p.field(r, "Content-Range"), " ", p.field(r, "Content-Length"), " ")
		p.foundResponse(p.ask("/a", "Range", "bytes=1-3"), 0)
		p.show(p.field(p.foundResponse(p.ask("/a", "Range", "bytes=8-9"), 1), "Content-Range"), " ")
		p.foundResponse(p.ask("/a", "If-None-Match", `"one"`), 1)
		e := p.open("http_cache.transaction_lookup", p.request("HEAD", "http://shop.example/a"), 0, 0)
		p.show(p.field(p.foundResponse(e, 1), "Content-Length"))
		p.show(" ", p.field(p.foundResponse(e, 0), "Age"))
		p.reply()
	}, sees: []string{"8 3 206 ont;bytes 1-3/8 3 3 200 contents;3 416 ;bytes */8 3 304 ; 200 ;8 200 contents; 0"}},
	{name: "who has credentials is given only what is for them, and nobody waits for them", build: func(p *compute) {
		for i, says := range []string{"max-age=60", "public, max-age=60"} {
			path := fmt.Sprint("/", i)
			p.putResponse(p.ask(path), p.response(200, "Cache-Control", says), 0, p.store(time.Hour, 0, 0, 0, "", ""), "contents")
			p.ask(path, "Authorization", "Basic YQ==")
			p.ask(path, "Authorization", "Basic YQ==")
			p.show(";")
		}
		p.reply()
	}, sees: []string{"888;833;"}},
	{name: "what is kept goes with a purge of its surrogate key, also one between the lookup and the insert", build: func(p *compute) {
		keep := func(e handle) {
			p.putResponse(e, p.response(200), storeKeys, p.store(time.Hour, 0, 0, 0, "", "red blue"), "contents")
		}
		keep(p.ask("/a"))
		p.ask("/a")
		p.must("purge.purge_surrogate_key", "blue", 0, 0)
		e := p.ask("/a")
		p.must("purge.purge_surrogate_key", "red", 0, 0)
		keep(e)
		e = p.ask("/a")
		keep(e)
		p.ask("/a")
		p.reply()
	}, sees: []string{"83883"}},
	{name: "a run holds no more of what it found than it may", build: func(p *compute) {
		e := p.ask("/large", "X-Size", "small") // 8 MiB less its head are kept
		given, content := p.fetch(e)
		b := p.open("http_cache.transaction_insert", e, given, 0, p.store(time.Hour, 0, 0, 0, "", ""))
		p.must("http_body.append", b, content)
		p.must("http_body.close", b)
		var all []handle
		for range 4 {
			all = append(all, p.ask("/large"))
		}
		fifth := p.open("http_cache.transaction_lookup", p.request("GET", "http://shop.example/large"), 0, 0)
		p.want(stLimit, "http_cache.get_state", fifth, p.out())
		p.must("http_cache.close", all[0])
		p.reply()
	}, sees: []string{"83333"}},
	{name: "parts and confirmations are not kept for responses", build: func(p *compute) {
		e := p.ask("/a")
		for _, status := range []int{206, 304} {
			p.want(stInvalid, "http_cache.transaction_insert", e, p.response(status), 0, p.store(time.Hour, 0, 0, 0, "", ""), p.out())
		}
		p.want(stInvalid, "http_cache.transaction_insert", e, p.response(200), 1, p.store(time.Hour, 0, 0, 0, "", ""), p.out())
		p.want(stBadHandle, "http_cache.transaction_update", e, p.response(200), 0, p.store(time.Hour, 0, 0, 0, "", ""))
		p.putResponse(e, p.response(200), 0, p.store(time.Hour, 0, 0, 0, "", ""), "contents") // it is still owed
		p.reply()
	}, sees: []string{"8"}},
	{name: "an insert that is abandoned is found by nobody", build: func(p *compute) {
		p.must("http_body.abandon", p.open("http_cache.transaction_insert", p.ask("/a"), p.response(200), 0, p.store(time.Hour, 0, 0, 0, "", "")))
		p.ask("/a")
		p.reply()
	}, sees: []string{"88"}},
}

// Many ask for the same at once: one of them asks the backend, all get its answer.
func TestHammerComputeHTTPCache(t *testing.T) {
	hammerHTTPCache(t, 0, "", 1, func(round, i int) (request, sees string) {
		path := fmt.Sprint("/x", round)
		return "GET " + path, " 203 from " + path + ";"
	})
}

// Many ask for two variants of the same at once: one of each asks the backend, although nobody knows what the response varies
// by before it is there, and all get the one that they ask for.
func TestHammerComputeHTTPVariants(t *testing.T) {
	hammerHTTPCache(t, storeVary, "Lang", 2, func(round, i int) (request, sees string) {
		lang := []string{"nl", "de"}[i%2]
		return fmt.Sprintf("GET /lang?%d\nLang: %s", round, lang), " 203 in " + lang + ";"
	})
}

// hammerHTTPCache runs rounds of 8 requests at once by a program that keeps what varies by vary. In each round the backend is
// to be asked so many times.
func hammerHTTPCache(t *testing.T, mask int, vary string, fetches int, ask func(round, i int) (request, sees string)) {
	t.Helper()
	c := newCity(t)
	p := newCompute()
	r, _ := p.downstream()
	e := p.open("http_cache.transaction_lookup", r, 0, 0)
	state := p.open("http_cache.get_state", e)
	p.emit(load(int32(state)), I32(8), Op(0x71, 0x04, 0x40)) // who must insert
	given, content := p.fetch(e)
	b, back := p.out(), p.out()
	p.must("http_cache.transaction_insert_and_stream_back", e, given, mask, p.store(time.Hour, 0, 0, 0, vary, ""), b, back)
	p.must("http_body.append", handle(b), content)
	p.must("http_body.close", handle(b))
	p.foundResponse(handle(back), 1)
	p.emit(Op(0x05)) // else
	p.foundResponse(e, 1)
	p.emit(Op(0x0b))
	p.reply()
	f, err := c.host.Load(t.Context(), p.bytes(), c.spec(nil))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for round := range 10 {
		c.forget()
		var all sync.WaitGroup
		for i := range 8 {
			all.Go(func() {
				request, want := ask(round, i)
				seen, err := c.answer(t, f, request, nil)
				if err != nil || !strings.Contains(seen, want) {
					t.Errorf("%v, %q lacks %q", err, seen, want)
				}
			})
		}
		all.Wait()
		c.node.mu.Lock()
		n := 0
		for _, l := range c.lines {
			if strings.HasPrefix(l, "fetch ") {
				n++
			}
			if strings.Contains(l, "want status") {
				t.Error(l)
			}
		}
		c.node.mu.Unlock()
		if n != fetches {
			t.Errorf("round %d: the backend was asked %d times, not %d", round, n, fetches)
		}
	}
}
