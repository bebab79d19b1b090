package origin

import (
	"context"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func servers(weights ...int) (s []Server) {
	for i, w := range weights {
		s = append(s, Server{URL: fmt.Sprintf("http://%c.test", 'a'+i), Weight: w})
	}
	return s
}

// TestPick: requests are shared by weight, and evenly in time.
func TestPick(t *testing.T) {
	f := func(want string, weights ...int) {
		t.Helper()
		u := New(Options{})
		p, err := u.newPool(&Pool{Owner: "o", Name: "shop", Servers: servers(weights...)})
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		for range len(want) {
			got += p.pick(time.Now(), nil).name[:1]
		}
		if got != want {
			t.Errorf("weights %v: got %s, want %s", weights, got, want)
		}
	}
	f("aaaa", 1)
	f("aaaa", 0)
	f("ababab", 1, 1)
	f("abcabc", 1, 1, 1)
	f("aabaaabaaaba", 3, 1)
	f("aabacaaaabacaa", 5, 1, 1)
	f("abab", 0, -7)
}

// TestConnectFailures: a server that cannot be reached costs no request, and is put last for a while.
func TestConnectFailures(t *testing.T) {
	f := func(script string, retries int, want string) {
		t.Helper()
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, Pool{Owner: "o", Name: "shop", Servers: servers(1, 1), Settings: Settings{Retries: retries, ConnectTimeout: 100 * time.Millisecond}})
			defer w.close()
			// Each connection carries one request, so that each request dials.
			answer := always("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")
			got := ""
			for word := range strings.FieldsSeq(script) {
				server, state, _ := strings.Cut(word, "=")
				switch {
				case state == "up":
					w.serve[server+".test:80"] = answer
				case state == "down":
					delete(w.serve, server+".test:80")
				case state == "mute":
					w.serve[server+".test:80"] = nil
				case word == "get":
					before := len(w.dials)
					outcome := w.get()
					for _, d := range w.dials[before:] {
						got += d[:1]
					}
					if strings.HasPrefix(outcome, "failed") {
						got += "!"
						if outcome != "failed: origin origin-connect" {
							t.Error(outcome)
						}
					}
					got += " "
				default:
					d, err := time.ParseDuration(word)
					if err != nil {
						t.Fatal(err)
					}
					time.Sleep(d)
				}
			}
			if got = strings.TrimSpace(got); got != want {
				t.Errorf("%s: dialled %s, want %s", script, got, want)
			}
		})
	}
	f("a=up b=up get get get get", 1, "a b a b")
	f("b=up get get get", 1, "ab b b")
	f("a=mute b=up get get get", 1, "ab b b")
	f("a=up get get get", 1, "a ba a")
	f("b=up get get 2s get get get", 1, "ab b b ab b")                                  // tried again after a second, in its turn
	f("b=up get 1100ms get get 1100ms get get get 1s get get", 1, "ab b ab b b b b ab") // two failures in a row: two seconds
	f("b=up get a=up get 2s get get get get", 1, "ab b b a b a")
	f("b=up get 2s a=up get get a=down get get 1100ms get get", 1, "ab b a b ab b ab") // a success in between: one second again
	f("get get 5s get", 1, "ab! ab! ba!")                                              // all down: each request tries all the same
	f("get", 0, "a!")
	f("get", 9, "ab!")
	f("b=up get", 0, "a!")
}

// TestConnections: no more than so many, a line for the others, and an end to the waiting.
func TestConnections(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Pool{Owner: "o", Name: "shop", Servers: servers(1, 1), Settings: Settings{Connections: 2, FirstByteTimeout: 10 * time.Second}})
		defer w.close()
		slow := func(s *side) {
			for s.head() != "" {
				time.Sleep(4 * time.Second)
				s.say(ok)
			}
		}
		w.serve["a.test:80"], w.serve["b.test:80"] = slow, slow
		var mu sync.Mutex
		got := map[string]int{}
		began := time.Now()
		var wg sync.WaitGroup
		for range 14 {
			wg.Go(func() {
				outcome := w.get()
				mu.Lock()
				defer mu.Unlock()
				got[fmt.Sprint(time.Since(began).Round(time.Second), " ", outcome)]++
			})
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		synctest.Wait()
		x := request("GET /")
		want(t, "one who gives up in the line", w.outcome(ctx, x, true), "failed: origin origin-timeout")
		x.Release()
		wg.Wait()
		fine := `200 "ok", length 2`
		want(t, "14 requests", fmt.Sprint(got), fmt.Sprint(map[string]int{"4s " + fine: 4, "8s " + fine: 4, "12s " + fine: 4, "10s failed: origin overload": 2}))
		w.wantDials("two servers with two each", 4)
	})
}

// TestBusyIsNoFailure: while the server that works is busy, nobody is sent to those that do not.
func TestBusyIsNoFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Pool{Owner: "o", Name: "shop", Servers: servers(1, 2, 1), Settings: Settings{Connections: 2, Retries: 2}})
		defer w.close()
		w.serve["b.test:80"] = func(s *side) {
			for s.head() != "" {
				time.Sleep(10 * time.Millisecond)
				s.say(ok)
			}
		}
		var wg sync.WaitGroup
		for range 20 {
			wg.Go(func() {
				for range 20 {
					want(t, "each", w.get(), `200 "ok", length 2`)
				}
			})
		}
		wg.Wait()
	})
}

// TestWaiterTakesPlace: one who waits gets the place of a connection that was closed.
func TestWaiterTakesPlace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Pool{Owner: "o", Name: "shop", Servers: servers(1), Settings: Settings{Connections: 1}})
		defer w.close()
		w.serve["a.test:80"] = func(s *side) { s.head(); time.Sleep(time.Second); s.say("HTTP/1.1 200 OK\r\n\r\n") }
		var wg sync.WaitGroup
		for range 5 {
			wg.Go(func() { want(t, "each", w.get(), `200 "", length -1`) })
		}
		within(t, 5*time.Second, wg.Wait)
		w.wantDials("5 requests, one after the other", 5)
	})
}

// TestLine: who gets a place that becomes free.
func TestLine(t *testing.T) {
	u := New(Options{})
	f := func(what string, backs string, tried string, free int, granted bool) {
		t.Helper()
		p, err := u.newPool(&Pool{Owner: "o", Name: "shop", Servers: servers(1, 1)})
		if err != nil {
			t.Fatal(err)
		}
		w := &waiter{granted: make(chan grant, 1)}
		for i, s := range p.servers {
			s.open = 1
			if strings.Contains(backs, s.name[:1]) {
				s.failed(time.Now())
			}
			if strings.Contains(tried, s.name[:1]) {
				w.tried = append(w.tried, p.servers[i])
			}
		}
		p.waiters = []*waiter{w}
		p.leave(p.servers[free])
		open := 0
		if granted {
			open = 1
		}
		if len(w.granted) != open || len(p.waiters) != 1-open || p.servers[free].open != open {
			t.Errorf("%s: %d granted, %d wait, %d open", what, len(w.granted), len(p.waiters), p.servers[free].open)
		}
	}
	f("a place", "", "", 0, true)
	f("a place at a server that backs off", "a", "", 0, false)
	f("a place at the other server", "a", "", 1, true)
	f("a place where all back off", "ab", "", 0, true)
	f("a place where the waiter has been", "", "a", 0, false)
	f("a place where the waiter has not been", "", "a", 1, true)
}

// TestBackoff: failures in a row double it, those that come together count once.
func TestBackoff(t *testing.T) {
	s, now := &server{}, time.Unix(0, 0)
	f := func(after, want time.Duration) {
		t.Helper()
		now = now.Add(after)
		s.failed(now)
		s.failed(now.Add(time.Millisecond))
		if got := s.until.Sub(now); got != want {
			t.Errorf("it backs off for %v, want %v", got, want)
		}
	}
	f(0, time.Second)
	f(time.Second, 2*time.Second)
	f(time.Hour, 4*time.Second)
	f(time.Hour, 8*time.Second)
	f(time.Hour, 16*time.Second)
	f(time.Hour, 30*time.Second)
	f(time.Hour, 30*time.Second)
	s.reached()
	f(0, time.Second)
}

// TestIdle: a connection without work is closed after a minute.
func TestIdle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.close()
		w.serve["shop.test:80"] = always(ok)
		w.get()
		time.Sleep(59 * time.Second)
		w.get()
		time.Sleep(59 * time.Second)
		w.get()
		w.wantDials("a request a minute", 1)
		time.Sleep(61 * time.Second)
		synctest.Wait()
		if w.open["shop.test"] != 0 {
			t.Error("the connection is still open")
		}
		w.get()
		w.wantDials("after the minute", 2)
	})
}

// TestReload: what has not changed keeps its connections; what has lets them
// go when nobody uses them; a wrong table changes nothing.
func TestReload(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		shop := Pool{Owner: "o", Name: "shop", Servers: []Server{{URL: "http://shop.test"}}}
		w := newWorld(t, shop)
		defer w.close()
		w.serve["shop.test:80"] = func(s *side) {
			for s.head() != "" {
				s.say("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\no")
				time.Sleep(time.Second)
				s.say("k")
			}
		}
		set := func(want string, pools ...Pool) {
			t.Helper()
			got := ""
			if err := w.u.SetPools(pools); err != nil {
				got = err.Error()
			}
			if got != want {
				t.Errorf("got %s, want %s", got, want)
			}
		}
		w.get()
		set("", shop, Pool{Owner: "o", Name: "other", Servers: servers(1)})
		w.get()
		w.wantDials("the same origin in a new table", 1)

		changed := shop
		changed.Settings.Retries = 3
		x := request("GET /")
		if err := w.u.Send(t.Context(), x, "shop"); err != nil {
			t.Fatal(err)
		}
		set("", changed)
		want(t, "a response under way", content(x, true), `"ok", length 2`)
		x.Release()
		synctest.Wait()
		if w.open["shop.test"] != 0 {
			t.Error("the old pool keeps a connection")
		}
		w.get()
		w.wantDials("a changed origin", 2)

		set(`origin "shop" of owner "o" is there twice: give one of them another name`, changed, changed)
		set(`origin "x" of owner "": it has no servers: add one`, Pool{Name: "x"})
		set(`origin "x" of owner "": server "shop.test" does not begin with http:// or https://`, Pool{Name: "x", Servers: []Server{{URL: "shop.test"}}})
		set(`origin "x" of owner "": server "http://a/b": a server's URL has no path: remove "/b"`, Pool{Name: "x", Servers: []Server{{URL: "http://a/b"}}})
		set(`origin "x" of owner "": "a b" cannot stand in a Host field`, Pool{Name: "x", Servers: servers(1), Settings: Settings{Host: "a b"}})
		w.get()
		w.wantDials("after tables that were wrong", 2)
		set("")
		want(t, "an origin that is gone", w.get(), "failed: origin origin-unknown")
		w.u.Close()
		set("origin: the upstreams are closed", shop)
	})
}

// TestReloadWithLine: who waits for a connection of a pool that is replaced gets it all the same.
func TestReloadWithLine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pool := Pool{Owner: "o", Name: "shop", Servers: servers(1), Settings: Settings{Connections: 1}}
		w := newWorld(t, pool)
		defer w.close()
		w.serve["a.test:80"] = func(s *side) {
			for s.head() != "" {
				time.Sleep(time.Second)
				s.say(ok)
			}
		}
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() { want(t, "each", w.get(), `200 "ok", length 2`) })
		}
		synctest.Wait()
		if err := w.u.SetPools(nil); err != nil {
			t.Fatal(err)
		}
		within(t, 4*time.Second, wg.Wait)
		w.wantDials("all of them", 1)
	})
}

// TestEndpoint: URLs of servers, and those of functions.
func TestEndpoint(t *testing.T) {
	f := func(url, want string) {
		t.Helper()
		e, rest, err := parseEndpoint(url)
		got := fmt.Sprintf("%v %s %s %s %s", e.secure, e.name, e.authority, e.address, rest)
		if err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("%s: got %s, want %s", url, got, want)
		}
	}
	f("http://a", "false a a a:80 ")
	f("HTTPS://A.Example:443/x?y#z", "true a.example a.example a.example:443 /x?y#z")
	f("https://a:80?x", "true a a:80 a:80 ?x")
	f("http://[2001:DB8::1]:8080/", "false 2001:db8::1 [2001:db8::1]:8080 [2001:db8::1]:8080 /")
	f("http://[::1]", "false ::1 [::1] [::1]:80 ")
	bad := func(url, want string) { t.Helper(); f(url, fmt.Sprintf("%q ", url)+want) }
	bad("ftp://a", "does not begin with http:// or https://")
	bad("a.example", "does not begin with http:// or https://")
	bad("", "does not begin with http:// or https://")
	bad("http://", "has no host, or one that is malformed")
	bad("http:///x", "has no host, or one that is malformed")
	bad("http://u:p@a", "has no host, or one that is malformed")
	bad("http://a:b", "has no host, or one that is malformed")
	bad("http://a:", "has no host, or one that is malformed")
	bad("http://a b", "has no host, or one that is malformed")
	bad("http://a\r\nb", "has no host, or one that is malformed")
	bad("http://b\u00fccher.example/x", "has a character that no host has: write an international name in its xn-- form")
	f("http://a:65536", `"http://a:65536": port 65536 is not within 1 and 65535`)
	f("http://a:0", `"http://a:0": port 0 is not within 1 and 65535`)
}

// TestHammer: many at once, with servers that misbehave, contexts that end,
// bodies that are left and tables that are swapped. At the end nothing is open.
func TestHammer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pools := func(n int) []Pool {
			return []Pool{{Owner: "o", Name: "shop", Servers: servers(1, 2, 1), Settings: Settings{Connections: 3, Retries: n % 3, FirstByteTimeout: 50 * time.Millisecond, ConnectTimeout: 20 * time.Millisecond}}}
		}
		w := newWorld(t, pools(0)...)
		defer w.close()
		w.serve["a.test:80"] = func(s *side) {
			for i := s.n; s.head() != ""; i++ {
				switch i % 7 {
				case 0:
					return
				case 1:
					s.say("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello")
					return
				case 2:
					time.Sleep(60 * time.Millisecond)
				}
				time.Sleep(time.Duration(i%5) * time.Millisecond)
				s.say("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n")
			}
		}
		w.serve["b.test:80"] = always(ok)
		var wg sync.WaitGroup
		fine := make([]int, 32)
		for g := range 32 {
			wg.Go(func() {
				for i := range 60 {
					x := request("GET /")
					if i%5 == 0 {
						x = with(request("PUT /"), strings.NewReader("hello"), -1)
					}
					ctx, cancel := context.WithTimeout(t.Context(), time.Duration(1+(g*i)%40)*time.Millisecond)
					if err := w.u.Send(ctx, x, "shop"); err == nil {
						if b := x.Response.Body; b != nil {
							switch i % 3 {
							case 0:
								b.Close()
							default:
								if _, err := b.WriteTo(io.Discard); err == nil {
									fine[g]++
								}
								b.Close()
							}
						}
					} else if strings.Contains(reason(err), "no exchange.Error") {
						t.Error(err)
					}
					x.Release()
					cancel()
				}
			})
		}
		wg.Go(func() {
			for n := range 20 {
				time.Sleep(7 * time.Millisecond)
				if err := w.u.SetPools(pools(n)); err != nil {
					t.Error(err)
				}
			}
		})
		wg.Wait()
		for g, n := range fine {
			if n == 0 {
				t.Errorf("goroutine %d had not one good response", g)
			}
		}
		p := (*w.u.table.Load())[id{"o", "shop"}]
		w.u.Close()
		synctest.Wait()
		p.mu.Lock()
		defer p.mu.Unlock()
		if len(p.waiters) > 0 {
			t.Error("somebody still waits")
		}
		for _, s := range p.servers {
			if s.open != 0 {
				t.Errorf("%s: %d connections are open", s.name, s.open)
			}
		}
	})
}
