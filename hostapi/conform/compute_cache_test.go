package conform

import "time"

// keep is a record of how something is to be kept: max age, headers, Vary, initial age, stale while revalidate, surrogate keys,
// length, metadata, edge's max age, service.
func (p *compute) keep(maxAge, initial, stale time.Duration, vary, keys, metadata string, headers any) cell {
	return p.record(int64(maxAge), headers, vary, 0, int64(initial), int64(stale), keys, int64(8), metadata, int64(0), 0, 0)
}

// The bits of what is given in it.
const (
	withHeaders  = 2
	withVary     = 4
	withAge      = 8
	withStale    = 16
	withKeys     = 32
	withLength   = 64
	withMetadata = 128
)

// state shows the state of a lookup, and what was found: 1 found, 2 usable, 4 stale, 8 must insert.
func (p *compute) state(e handle, found bool) {
	p.show(p.open("cache.get_state", e))
	if found {
		b := p.open("cache.get_body", e, 0, 0)
		p.show(" ")
		p.read(b)
		p.must("http_body.close", b)
	} else {
		p.want(stNone, "cache.get_body", e, 0, 0, p.out())
	}
	p.show(";")
}

func (p *compute) fill(body handle, text string) {
	p.write(body, text)
	p.must("http_body.close", body)
}

// The core cache.
var computeCacheCases = []computeCase{
	{name: "fastly_cache.lookup fastly_cache.insert fastly_cache.get_state fastly_cache.get_body fastly_cache.get_length fastly_cache.get_max_age_ns fastly_cache.get_stale_while_revalidate_ns fastly_cache.get_user_metadata fastly_cache.get_age_ns fastly_cache.close",
		build: func(p *compute) {
			e := p.open("cache.lookup", "key", 0, 0)
			p.state(e, false)
			for _, name := range []string{"get_length", "get_max_age_ns", "get_stale_while_revalidate_ns", "get_age_ns"} {
				p.want(stNone, "cache."+name, e, p.out())
			}
			p.want(stNone, "cache.get_user_metadata", e, p.area(8), p.out())
			p.must("cache.close", e)
			p.want(stBadHandle, "cache.close", e)
			p.want(stBadHandle, "cache.get_state", e, p.out())
			p.fill(p.open("cache.insert", "key", withAge|withStale|withLength|withMetadata, p.keep(time.Hour, 0, time.Minute, "", "", "meta", 0)), "contents")
			e = p.open("cache.lookup", "key", 0, 0)
			p.state(e, true)
			p.show(p.wide("cache.get_length", e), " ", p.wide("cache.get_max_age_ns", e), " ", p.wide("cache.get_stale_while_revalidate_ns", e), " ", p.text("cache.get_user_metadata", e))
			p.must("cache.get_age_ns", e, p.out())
			p.want(stInvalid, "cache.lookup", "", 0, 0, p.out())
			p.want(stInvalid, "cache.insert", "key", 1, p.keep(time.Hour, 0, 0, "", "", "", 0), p.out())
			p.reply()
		}, sees: []string{"0;3 contents;8 3600000000000 60000000000 meta"}},
	{name: "a range of what is kept", build: func(p *compute) {
		p.fill(p.open("cache.insert", "key", 0, p.keep(time.Hour, 0, 0, "", "", "", 0)), "contents")
		e := p.open("cache.lookup", "key", 0, 0)
		part := func(mask int, from, to int64) {
			b := p.open("cache.get_body", e, mask, p.record(from, to))
			p.want(stInvalid, "cache.get_body", e, 0, 0, p.out()) // one at a time
			p.read(b)
			p.show(";")
			p.must("http_body.close", b)
		}
		part(2|4, 1, 3)
		part(2, 5, 0)
		part(4, 0, 2)
		p.want(stInvalid, "cache.get_body", e, 2|4, p.record(int64(3), int64(1)), p.out())
		p.reply()
	}, sees: []string{"ont;nts;con;"}},
	{name: "fastly_cache.insert that is abandoned, or of another length", build: func(p *compute) {
		p.must("http_body.abandon", p.open("cache.insert", "half", 0, p.keep(time.Hour, 0, 0, "", "", "", 0)))
		p.fill(p.open("cache.insert", "short", withLength, p.keep(time.Hour, 0, 0, "", "", "", 0)), "short")
		p.state(p.open("cache.lookup", "half", 0, 0), false)
		p.state(p.open("cache.lookup", "short", 0, 0), false)
		p.reply()
	}, sees: []string{"0;0;"}},
	{name: "a response's content is kept", build: func(p *compute) {
		_, given := p.send(p.request("GET", "http://shop.example/x"))
		b := p.open("cache.insert", "key", withLength, p.record(int64(time.Hour), 0, 0, 0, 0, int64(0), int64(0), 0, 0, int64(7), 0, 0, int64(0), 0, 0))
		p.must("http_body.append", b, given)
		p.must("http_body.close", b)
		p.state(p.open("cache.lookup", "key", 0, 0), true)
		p.reply()
	}, sees: []string{"3 from /x;"}},
	{name: "what is being inserted is found, and is whole with as much as was announced", build: func(p *compute) {
		record := func(length int64) cell {
			return p.record(int64(time.Hour), 0, 0, 0, 0, int64(0), int64(0), 0, 0, length, 0, 0, int64(0), 0, 0)
		}
		b := p.open("cache.insert", "key", withLength, record(7))
		p.write(b, "from ")
		content := p.open("cache.get_body", p.open("cache.lookup", "key", 0, 0), 0, 0)
		part, n := p.area(5), p.out()
		p.must("http_body.read", content, part, n)
		p.show(got{part.at, n})
		_, given := p.send(p.request("GET", "http://shop.example/x"))
		p.must("http_body.read", given, part, n)
		p.must("http_body.append", b, given) // and it is never closed
		p.read(content)
		p.show(";")
		p.read(p.open("cache.get_body", p.open("cache.transaction_lookup", "key", 0, 0), 0, 0))
		p.want(stOK, "http_body.close", b)
		p.reply()
	}, sees: []string{"from /x;from /x"}},
	{name: "variants", build: func(p *compute) {
		with := func(lang string) handle {
			r := p.request("GET", "http://shop.example/")
			p.must("http_req.header_insert", r, "Lang", lang)
			return r
		}
		for _, lang := range []string{"nl", "de"} {
			p.fill(p.open("cache.insert", "key", withHeaders|withVary, p.keep(time.Hour, 0, 0, "lang", "", "", with(lang))), "in "+lang)
		}
		p.state(p.open("cache.lookup", "key", withHeaders, p.record(with("nl"), 0, 0)), true)
		p.state(p.open("cache.lookup", "key", withHeaders, p.record(with("de"), 0, 0)), true)
		p.state(p.open("cache.lookup", "key", withHeaders, p.record(with("fr"), 0, 0)), false)
		p.reply()
	}, sees: []string{"3 in nl;3 in de;0;"}},
	{name: "who looks for another variant does not wait for the one that comes", build: func(p *compute) {
		look := func(lang string) handle {
			r := p.request("GET", "http://shop.example/")
			p.must("http_req.header_insert", r, "Lang", lang)
			e := p.open("cache.transaction_lookup", "key", withHeaders, p.record(r, 0, 0))
			p.show(p.open("cache.get_state", e))
			return e
		}
		first := p.open("cache.transaction_insert", look("nl"), withVary, p.keep(time.Hour, 0, 0, "lang", "", "", 0))
		p.write(first, "in ")
		look("nl")
		p.fill(p.open("cache.transaction_insert", look("de"), withVary, p.keep(time.Hour, 0, 0, "lang", "", "", 0)), "in de")
		p.fill(first, "nl")
		p.show(" ")
		p.state(look("nl"), true)
		p.state(look("de"), true)
		p.reply()
	}, sees: []string{"838 33 in nl;33 in de;"}},
	{name: "what is kept goes when its surrogate key is purged", build: func(p *compute) {
		p.fill(p.open("cache.insert", "key", withKeys, p.keep(time.Hour, 0, 0, "", "red blue", "", 0)), "contents")
		p.state(p.open("cache.lookup", "key", 0, 0), true)
		p.must("purge.purge_surrogate_key", "blue", 0, 0)
		p.state(p.open("cache.lookup", "key", 0, 0), false)
		p.reply()
	}, sees: []string{"3 contents;0;"}},
	{name: "a purge between the lookup and the insert takes it", build: func(p *compute) {
		e := p.open("cache.transaction_lookup", "key", 0, 0)
		p.must("purge.purge_surrogate_key", "blue", 0, 0)
		p.fill(p.open("cache.transaction_insert", e, withKeys, p.keep(time.Hour, 0, 0, "", "red blue", "", 0)), "contents")
		p.state(p.open("cache.lookup", "key", 0, 0), false)
		e = p.open("cache.replace", "key", 0, 0)
		p.must("purge.purge_surrogate_key", "red", 0, 0)
		p.fill(p.open("cache.replace_insert", e, withKeys, p.keep(time.Hour, 0, 0, "", "red", "", 0)), "contents")
		p.state(p.open("cache.lookup", "key", 0, 0), false)
		p.fill(p.open("cache.insert", "key", withKeys, p.keep(time.Hour, 0, 0, "", "red", "", 0)), "contents") // it is younger
		p.state(p.open("cache.lookup", "key", 0, 0), true)
		p.reply()
	}, sees: []string{"0;0;3 contents;"}},
	{name: "fastly_cache.get_hits fastly_cache.replace_get_hits", build: func(p *compute) {
		e := p.open("cache.lookup", "key", 0, 0)
		p.want(stNone, "cache.get_hits", e, p.out())
		p.fill(p.open("cache.insert", "key", 0, p.keep(time.Hour, 0, 0, "", "", "", 0)), "contents")
		p.show(p.wide("cache.get_hits", p.open("cache.lookup", "key", 0, 0)), p.wide("cache.get_hits", p.open("cache.transaction_lookup", "key", 0, 0)))
		p.show(p.wide("cache.replace_get_hits", p.open("cache.replace", "key", 0, 0)))
		p.want(stNone, "cache.replace_get_hits", p.open("cache.replace", "none", 0, 0), p.out())
		p.reply()
	}, sees: []string{"123"}},
	{name: "fastly_cache.transaction_lookup fastly_cache.transaction_insert", build: func(p *compute) {
		e := p.open("cache.transaction_lookup", "key", 0, 0)
		p.state(e, false)
		p.want(stBadHandle, "cache.transaction_update", e, 0, p.keep(time.Hour, 0, 0, "", "", "", 0)) // there is nothing to update
		p.fill(p.open("cache.transaction_insert", e, 0, p.keep(time.Hour, 0, 0, "", "", "", 0)), "contents")
		p.want(stBadHandle, "cache.transaction_insert", e, 0, p.keep(time.Hour, 0, 0, "", "", "", 0), p.out()) // it is owed no more
		e = p.open("cache.transaction_lookup", "key", 0, 0)
		p.state(e, true)
		p.want(stBadHandle, "cache.transaction_insert", e, 0, p.keep(time.Hour, 0, 0, "", "", "", 0), p.out())
		p.reply()
	}, sees: []string{"8;3 contents;"}},
	{name: "fastly_cache.transaction_insert_and_stream_back", build: func(p *compute) {
		e := p.open("cache.transaction_lookup", "key", 0, 0)
		b, back := p.out(), p.out()
		p.must("cache.transaction_insert_and_stream_back", e, 0, p.keep(time.Hour, 0, 0, "", "", "", 0), b, back)
		p.write(handle(b), "one, ")
		content := p.open("cache.get_body", handle(back), 0, 0)
		part, n := p.area(5), p.out()
		p.must("http_body.read", content, part, n) // before the end is written
		p.show(got{part.at, n})
		p.fill(handle(b), "two")
		p.read(content)
		p.show(";")
		p.state(p.open("cache.lookup", "key", 0, 0), true)
		p.reply()
	}, sees: []string{"one, two;3 one, two;"}},
	{name: "fastly_cache.transaction_update", build: func(p *compute) {
		p.fill(p.open("cache.insert", "key", withAge|withStale|withMetadata, p.keep(time.Minute, 2*time.Minute, time.Hour, "", "", "old", 0)), "contents")
		e := p.open("cache.transaction_lookup", "key", 0, 0)
		p.state(e, true)
		p.must("cache.transaction_update", e, withMetadata, p.keep(time.Hour, 0, 0, "", "", "new", 0))
		p.want(stBadHandle, "cache.transaction_update", e, 0, p.keep(time.Hour, 0, 0, "", "", "", 0))
		e = p.open("cache.transaction_lookup", "key", 0, 0)
		p.state(e, true)
		p.show(p.text("cache.get_user_metadata", e), " ", p.wide("cache.get_max_age_ns", e))
		p.reply()
	}, sees: []string{"15 contents;3 contents;new 3600000000000"}},
	{name: "fastly_cache.transaction_cancel", build: func(p *compute) {
		e := p.open("cache.transaction_lookup", "key", 0, 0)
		p.must("cache.transaction_cancel", e)
		p.want(stBadHandle, "cache.transaction_cancel", e)
		p.state(p.open("cache.transaction_lookup", "key", 0, 0), false) // the next one is to insert, and does not wait
		p.reply()
	}, sees: []string{"8;"}},
	{name: "fastly_cache.transaction_lookup_async fastly_cache.cache_busy_handle_wait fastly_cache.close_busy", build: func(p *compute) {
		leader := p.open("cache.transaction_lookup", "key", 0, 0)
		busy, other := p.open("cache.transaction_lookup_async", "key", 0, 0), p.open("cache.transaction_lookup_async", "key", 0, 0)
		p.show(p.open("async_io.is_ready", busy))
		p.must("cache.close_busy", other)
		p.want(stBadHandle, "cache.close_busy", other)
		p.fill(p.open("cache.transaction_insert", leader, 0, p.keep(time.Hour, 0, 0, "", "", "", 0)), "contents")
		e := p.open("cache.cache_busy_handle_wait", busy)
		p.want(stBadHandle, "cache.cache_busy_handle_wait", busy, p.out())
		p.show(" ")
		p.state(e, true)
		p.reply()
	}, sees: []string{"0 3 contents;"}},
	{name: "fastly_cache.replace fastly_cache.replace_insert fastly_cache.replace_get_state fastly_cache.replace_get_body fastly_cache.replace_get_length fastly_cache.replace_get_max_age_ns" +
		" fastly_cache.replace_get_stale_while_revalidate_ns fastly_cache.replace_get_user_metadata fastly_cache.replace_get_age_ns", build: func(p *compute) {
		p.fill(p.open("cache.insert", "key", withStale|withMetadata, p.keep(time.Hour, 0, time.Minute, "", "", "meta", 0)), "old")
		e := p.open("cache.replace", "key", 0, 0)
		p.show(p.open("cache.replace_get_state", e), " ", p.wide("cache.replace_get_length", e), " ", p.wide("cache.replace_get_max_age_ns", e), " ", p.wide("cache.replace_get_stale_while_revalidate_ns", e), " ",
			p.text("cache.replace_get_user_metadata", e), " ")
		p.must("cache.replace_get_age_ns", e, p.out())
		b := p.open("cache.replace_get_body", e, 0, 0)
		p.read(b)
		p.must("http_body.close", b)
		p.fill(p.open("cache.replace_insert", e, 0, p.keep(time.Hour, 0, 0, "", "", "", 0)), "new")
		p.want(stBadHandle, "cache.replace_insert", e, 0, p.keep(time.Hour, 0, 0, "", "", "", 0), p.out())
		p.show(";")
		p.state(p.open("cache.lookup", "key", 0, 0), true)
		e = p.open("cache.replace", "nothing", 0, 0)
		p.want(stNone, "cache.replace_get_body", e, 0, 0, p.out())
		p.want(stNone, "cache.replace_get_length", e, p.out())
		p.want(stNone, "cache.replace_get_max_age_ns", e, p.out())
		p.want(stNone, "cache.replace_get_stale_while_revalidate_ns", e, p.out())
		p.want(stNone, "cache.replace_get_age_ns", e, p.out())
		p.want(stNone, "cache.replace_get_user_metadata", e, p.area(8), p.out())
		p.reply()
	}, sees: []string{"3 3 3600000000000 60000000000 meta old;3 new;"}},
}
