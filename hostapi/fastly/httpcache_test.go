package fastly

import (
	"context"
	"encoding/binary"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wedgecdn/wedge/hostapi/exchange"
)

// responseOptions are those of a response that is fresh for a while.
func (p *program) responseOptions(maxAge uint64, vary string) pointer {
	w := make([]uint32, 14)
	w[0], w[1] = uint32(maxAge), uint32(maxAge>>32)
	if vary != "" {
		w[2], w[3] = p.bytesAt(vary), uint32(len(vary))
	}
	return p.record(w...)
}

func (p *program) response(code int) uint32 {
	r := p.handle("http_resp.new")
	p.must("http_resp.status_set", r, code)
	return r
}

func (p *program) asked(method, uri string) (e, state uint32) {
	e = p.handle("http_cache.transaction_lookup", p.request(method, uri), 0, 0)
	return e, p.handle("http_cache.get_state", e)
}

// lookupOf is a lookup of a turn's for a GET.
func lookupOf(b *Binding) *httpEntry {
	e := &httpEntry{request: request{method: "GET"}, by: newTurn(b), done: make(chan struct{})}
	e.shelf = shelf{space: "fastly.http", key: strings.Repeat("k", 32), header: &e.request.header, variant: b.o.Services.Caching.Variant}
	return e
}

// Who waits for somebody to refresh what is stale has none of it in memory, and gets it where that one can do no better.
func TestWaitingHoldsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newWorld(t).binding
		leader, others := lookupOf(b), []*httpEntry{lookupOf(b), lookupOf(b)}
		o := b.begin(meta{Inserted: time.Now(), Length: -1, HTTP: &kept{Status: 200}}, wholeOf([]byte("stale")), nil, "")
		if err := b.keep(&leader.shelf, o, time.Hour); err != nil {
			t.Fatal(err)
		}
		b.httpTransaction(context.Background(), leader)
		if !leader.owed || leader.object == nil {
			t.Fatalf("the first is %+v", leader)
		}
		for _, e := range others {
			go b.httpTransaction(context.Background(), e)
		}
		synctest.Wait()
		for _, e := range others {
			if e.object != nil {
				t.Error("who waits holds what he has not been given")
			}
		}
		leader.flight.stale = true
		leader.land()
		synctest.Wait()
		for _, e := range others {
			if !e.chosen || e.object == nil || string(e.object.content.bytes()) != "stale" || e.by.held.n.Load() != 5 {
				t.Errorf("who has waited has %+v", e)
			}
			e.abandon(nil)
			if n := e.by.held.n.Load(); n != 0 {
				t.Errorf("%d bytes are held at the end", n)
			}
		}
	})
}

// A program that begins lookups and closes them does not have more of them wait than it may have.
func TestMostLookups(t *testing.T) {
	w := newWorld(t)
	leader := newTurn(w.binding)
	f, _, _ := w.binding.flights.join((&shelf{space: "fastly.core", key: "k"}).flightKey(""), leader)
	w.program("lookups", "all of them", func(p *program) string {
		for range maxPending {
			p.must("cache.close", p.handle("cache.transaction_lookup_async", "k", 0, 0))
		}
		p.want(limitExceeded, "cache.transaction_lookup_async", "k", 0, 0, p.out())
		p.want(limitExceeded, "http_cache.transaction_lookup", p.request("GET", "http://a.example/"), 0, 0, p.out())
		return "all of them"
	})
	f.land()
}

// What a program has from a cache stands on its account for as long as it has any handle of it.
func TestEntriesAreHeld(t *testing.T) {
	f := func(what string, want int64, keep func(p *program) (last uint32)) {
		t.Helper()
		w := newWorld(t)
		s := w.binding.NewSession().(*Session)
		defer s.Close()
		w.answered(s, instance{w.newProgram(s), func(p *program) {
			e := keep(p)
			if got := s.held.n.Load(); got != want {
				t.Errorf("%s: %d bytes are held, not %d", what, got, want)
			}
			if name := "http_cache.close"; p.call(name, e) != ok {
				p.must("cache.close", e)
			}
			if got := s.held.n.Load(); got != 0 {
				t.Errorf("%s: %d bytes are held at the end", what, got)
			}
			p.reply(200, "")
		}}, exchangeOf("GET /"))
	}
	content := strings.Repeat("x", 1000)
	put := func(p *program, maxAge uint64) {
		e, _ := p.asked("GET", "http://a.example/")
		b := p.handle("http_cache.transaction_insert", e, p.response(200), 0, p.responseOptions(maxAge, ""))
		p.write(b, content)
		p.must("http_body.close", b)
		p.must("http_cache.close", e)
	}
	f("kept and given back", 1000, func(p *program) uint32 {
		e := p.handle("cache.transaction_lookup", "k", 0, 0)
		mask, at := p.insertion(60*second, 0, "", "", "")
		b, back := p.out(), p.out()
		p.must("cache.transaction_insert_and_stream_back", e, mask, at, b, back)
		p.write(p.get(b), content)
		p.must("http_body.close", p.get(b))
		p.must("cache.close", e)
		return p.get(back)
	})
	f("confirmed", 1000, func(p *program) uint32 {
		put(p, 1)
		e, state := p.asked("GET", "http://a.example/")
		if state&8 == 0 {
			t.Errorf("state %d", state)
		}
		fresh := p.handle("http_cache.transaction_update_and_return_fresh", e, p.response(200), 0, p.responseOptions(60*second, ""))
		p.must("http_cache.close", e)
		return fresh
	})
}

// URLs of which an origin may make something else have keys of their own.
func TestDefaultKey(t *testing.T) {
	f := func(one, two string, same bool) {
		t.Helper()
		if got := defaultKey(&request{uri: one}) == defaultKey(&request{uri: two}); got != same {
			t.Errorf("%q and %q: %v", one, two, got)
		}
	}
	f("http://a.example/ü%2Fc", "http://a.example/%C3%BC/c", false)
	f(`http://a.example/a"b%2Fc`, "http://a.example/a%22b/c", false)
	f("http://a.example/a%2Fb", "http://a.example/a/b", false)
	f("http://a.example/a%2fb", "http://a.example/a%2Fb", false)
	f("http://a.example/?", "http://a.example/", false)
	f("http://a.example/a?b=ü", "http://a.example/a?b=%C3%BC", true)
	f("http://a.example/ü", "http://a.example/%C3%BC", true)
	f("http://A.example/", "http://a.example/", true)
	f("http://a.example", "http://a.example/", true)
	f("http://a.example/A", "http://a.example/a", false)
	f("https://a.example/", "http://a.example/", false)
	named := &request{uri: "http://backend/x"}
	named.header.Add("Host", "A.example")
	if defaultKey(named) != defaultKey(&request{uri: "http://a.example/x"}) {
		t.Error("the Host field does not count")
	}
}

// Nobody waits for the response to HEAD, and what a program keeps of it stands for no response to GET.
func TestHeadIsNoGet(t *testing.T) {
	w := newWorld(t)
	w.program("HEAD", "8 8 8", func(p *program) string {
		e, one := p.asked("HEAD", "http://a.example/")
		_, two := p.asked("HEAD", "http://a.example/")
		b := p.handle("http_cache.transaction_insert", e, p.response(200), 0, p.responseOptions(60*second, ""))
		p.must("http_body.close", b)
		_, get := p.asked("GET", "http://a.example/")
		return fmt.Sprint(one, " ", two, " ", get)
	})
}

// What varies by more fields than anybody compares is not kept.
func TestMostVary(t *testing.T) {
	w := newWorld(t)
	names := func(n int) string { return strings.Repeat("a ", n) }
	w.program("vary", "none of them", func(p *program) string {
		e, _ := p.asked("GET", "http://a.example/")
		p.want(invalid, "http_cache.transaction_insert", e, p.response(200), httpVary, p.responseOptions(second, names(mostVary+1)), p.out())
		p.must("http_cache.transaction_insert", e, p.response(200), httpVary, p.responseOptions(second, names(mostVary)), p.out())
		mask, at := p.insertion(second, 0, names(mostVary+1), "", "")
		p.want(invalid, "cache.insert", "k", mask, at, p.out())
		return "none of them"
	})
}

// A value that another contract's function has put under an object's key is none.
func TestUnsoundObjects(t *testing.T) {
	f := func(text string, want bool) {
		t.Helper()
		b := binary.LittleEndian.AppendUint32(nil, uint32(len(text)))
		if _, got := decode(append(b, text...)); got != want {
			t.Errorf("%s: %v", text, got)
		}
	}
	f(`{"Length":-1}`, true)
	f(`{"Length":-1,"HTTP":{"Status":200,"Fields":[{"Name":"a","Value":"Yg=="}]}}`, true)
	f(`{"Length":-1,"HTTP":{"Pass":true}}`, true)
	f(`{"Length":-1,"HTTP":{"Status":101}}`, false)
	f(`{"Length":-1,"HTTP":{"Status":-200}}`, false)
	f(`{"Length":-1,"HTTP":{"Status":200,"IfError":-1}}`, false)
	f(`{"Length":-1,"HTTP":{"Status":200,"Fields":[{"Name":"a","Value":"Yg0KYzogZA=="}]}}`, false)
	f(`{"Length":-1,"HTTP":{"Status":200,"Fields":[{"Name":"a b","Value":"Yg=="}]}}`, false)
	f(`{"Length":-2}`, false)
	f(`{"MaxAge":-1}`, false)
	f(`{"Stale":9223372036854775807}`, false)
	f(`{"Vary":["a b"]}`, false)
	f(`{"Vary":["a"`+strings.Repeat(`,"a"`, mostVary)+`]}`, false)

	var h exchange.Header
	h.Add("A", "b \xfc")
	o := &object{meta: meta{Length: 3, MaxAge: maxLife, Vary: []string{"a"}, HTTP: keptOf(999, &h)}, content: wholeOf([]byte("abc"))}
	if again, sound := decode(o.encode()); !sound || string(again.content.bytes()) != "abc" {
		t.Error("what is kept here is not found")
	} else if back := again.HTTP.header(); back.At(0).Value != "b \xfc" {
		t.Errorf("a field is kept as %q", back.At(0).Value)
	}
}
