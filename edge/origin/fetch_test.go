package origin

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/wedgecdn/wedge/hostapi/exchange"
)

func fetchOf(target string) *Request { return &Request{Owner: "o", Target: target, Method: "GET"} }

// TestFetchRefuses: what a function cannot ask for. No address of these is ever connected to: the listener sees nothing.
func TestFetchRefuses(t *testing.T) {
	seen := 0
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { seen++ }))
	defer s.Close()
	_, port, _ := net.SplitHostPort(s.Listener.Addr().String())
	u := New(Options{Node: "node-a", OwnAddrs: []netip.AddrPort{netip.MustParseAddrPort("8.8.8.8:443")}})
	defer u.Close()
	f := func(r *Request, reasonWanted, text string) {
		t.Helper()
		resp, err := u.Fetch(t.Context(), r)
		if err == nil {
			resp.Body.Close()
			t.Errorf("%s: answered with %d", r.Target, resp.Status)
			return
		}
		if got := reason(err); got != reasonWanted || !strings.Contains(err.Error(), text) {
			t.Errorf("%s: %s: %v, want %s with %q", r.Target, got, err, reasonWanted, text)
		}
	}
	const connect = "function origin-connect"
	f(fetchOf("http://127.0.0.1:"+port), connect, "127.0.0.1 is loopback: a function reaches it only as an origin of the configuration, by its name")
	f(fetchOf("http://localhost:"+port), connect, "is loopback")
	f(fetchOf("http://[::1]:"+port), connect, "::1 is loopback")
	f(fetchOf("http://[::ffff:127.0.0.1]:"+port), connect, "is loopback")
	f(fetchOf("http://[64:ff9b::7f00:1]:"+port), connect, "is loopback")
	f(fetchOf("http://0.0.0.0:"+port), connect, "is of this host or unspecified")
	f(fetchOf("http://[::]:"+port), connect, "is unspecified")
	f(fetchOf("https://169.254.169.254/latest/meta-data"), connect, "is link-local")
	f(fetchOf("http://10.1.2.3"), connect, "is private")
	f(fetchOf("https://8.8.8.8"), connect, "is a listener of this node")
	const target = "function bad-target"
	f(fetchOf("ftp://a.example/"), target, "does not begin with http:// or https://")
	f(fetchOf("/path"), target, "does not begin with http:// or https://")
	f(fetchOf("http://user@127.0.0.1/"), target, "malformed")
	f(fetchOf("http://a.example/a b"), target, "cannot be sent")
	f(fetchOf("http://a.example/\r\nX: y"), target, "cannot be sent")
	f(&Request{Owner: "o", Target: "http://a.example/", Method: "G T"}, target, "cannot be sent")
	f(&Request{Owner: "o", Target: "http://a.example/", Method: "CONNECT"}, target, "cannot be sent")
	f(&Request{Owner: "o", Origin: "shop", Target: "/", Method: "GET"}, "function origin-unknown", `owner "o" has no origin "shop"`)
	loop := fetchOf("http://a.example/")
	loop.Loop = []string{"other, Node-A; x=y", "node-a,node-a"}
	f(loop, "function loop", "nested 3 deep")
	if seen > 0 {
		t.Errorf("%d requests reached a listener on loopback", seen)
	}
	u.Close()
	f(fetchOf("http://8.8.4.4/"), "function draining", "shutting down")
}

// TestFetchDialsNothingElse: a name is judged by the address that is dialled, and a kept connection is its owner's.
func TestFetchDialsNothingElse(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "hello") }))
	defer s.Close()
	addr := netip.MustParseAddrPort(s.Listener.Addr().String())
	u := New(Options{})
	defer u.Close()
	u.guard.permit = func(a netip.AddrPort) bool { return a == addr }
	r, err := u.Fetch(t.Context(), fetchOf("http://localhost:"+fmt.Sprint(addr.Port())+"/"))
	if err != nil {
		t.Fatal("with its address permitted:", err)
	}
	if b, err := io.ReadAll(r.Body); string(b) != "hello" || err != nil {
		t.Fatal(string(b), err)
	}
	r.Body.Close()
	// The connection is kept; another owner does not get it.
	u.guard.permit = nil
	q := fetchOf("http://localhost:" + fmt.Sprint(addr.Port()) + "/")
	if r, err := u.Fetch(t.Context(), q); err != nil {
		t.Error("its own connection is not kept:", err)
	} else {
		io.Copy(io.Discard, r.Body)
		r.Body.Close()
	}
	q.Owner = "p"
	if _, err := u.Fetch(t.Context(), q); err == nil {
		t.Error("an owner uses another's connection")
	}
}

// TestFetch: a function's request as the server of a URL sees it, and the response as the function does.
func TestFetch(t *testing.T) {
	var seen *http.Request
	var body []byte
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen = r
		body, _ = io.ReadAll(r.Body)
		w.Header().Set("Location", "/elsewhere")
		w.WriteHeader(302)
		io.WriteString(w, strings.Repeat("x", 100000))
	}))
	defer s.Close()
	u := New(Options{Node: "node-a"})
	defer u.Close()
	u.guard.permit = func(netip.AddrPort) bool { return true }
	q := fetchOf(s.URL + "?a=b#fragment")
	q.Method, q.Body, q.Loop = "POST", []byte("hello"), []string{"node-a", "b"}
	q.Header.Add("A", "b")
	q.Header.Add("Host", "other.example")
	q.Header.Add("CDN-Loop", "")
	q.Header.Add("Connection", "close")
	q.Header.Add("Upgrade", "x")
	for range 2 {
		r, err := u.Fetch(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(r.Body)
		if r.Status != 302 || len(got) != 100000 || err != nil || r.Header.Value(exchange.Location) != "/elsewhere" || r.Header.Has(exchange.TransferEncoding) {
			t.Errorf("%d, %d bytes, %v, %v", r.Status, len(got), err, r.Header)
		}
		r.Body.Close()
		r.Body.Close()
		if _, err := r.Body.Read(got); err == nil {
			t.Error("a closed body can be read")
		}
		want(t, "the server", fmt.Sprint(seen.Method, seen.RequestURI, " ", seen.Host, " ", string(body), " ", seen.Header),
			"POST/?a=b "+strings.TrimPrefix(s.URL, "http://")+" hello map[A:[b] Cdn-Loop:[node-a, b, node-a] Content-Length:[5]]")
	}
}

// TestFetchNamed: a named origin is reached through its pool, wherever it is, with the Host that the function or the settings say.
func TestFetchNamed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.close()
		seen := ""
		w.serve["shop.test:80"] = func(s *side) {
			for {
				h := s.head()
				if h == "" {
					return
				}
				seen = h
				s.say("HTTP/1.1 204 No Content\r\n\r\n")
			}
		}
		f := func(target, host, want string) {
			t.Helper()
			q := &Request{Owner: "o", Origin: "shop", Target: target, Method: "GET"}
			if host != "" {
				q.Header.Add("Host", host)
			}
			seen = ""
			r, err := w.u.Fetch(context.Background(), q)
			if err != nil {
				seen = reason(err)
			} else {
				if n, err := r.Body.Read(make([]byte, 1)); n != 0 || err != io.EOF || r.Status != 204 {
					t.Error(r.Status, n, err)
				}
				r.Body.Close()
			}
			if got := strings.ReplaceAll(seen, "\r\n", "~"); got != want {
				t.Errorf("%s %s: got %s, want %s", target, host, got, want)
			}
		}
		f("/a?b", "", "GET /a?b HTTP/1.1~Host: shop.test~CDN-Loop: node-a~~")
		f("/", "b.example", "GET / HTTP/1.1~Host: b.example~CDN-Loop: node-a~~")
		f("http://shop.test/", "", "function bad-target")
		f("", "", "function bad-target")
		f("/", "b/c", "function bad-target")
		w.wantDials("all of them", 1)
	})
}

// TestGuestPools: hosts that functions name cannot make the node grow.
func TestGuestPools(t *testing.T) {
	u := New(Options{})
	defer u.Close()
	pool := func(i int) *pool {
		e, _, err := parseEndpoint(fmt.Sprintf("http://h%d.example", i))
		if err != nil {
			t.Fatal(err)
		}
		return u.guestPool("o", e)
	}
	busy, used := pool(0), pool(1)
	busy.servers[0].open = 1
	for i := range 3 * guestPools {
		pool(2 + i)
		pool(1)
	}
	if len(u.guests.pools) != guestPools {
		t.Errorf("there are %d pools, want %d", len(u.guests.pools), guestPools)
	}
	if pool(0) != busy {
		t.Error("a pool with connections went before one without")
	}
	if pool(1) != used {
		t.Error("the pool that was used went before older ones")
	}
	for _, p := range u.guests.pools {
		p.servers[0].open = 1
	}
	pool(99999)
	if len(u.guests.pools) != guestPools {
		t.Errorf("with all of them busy there are %d pools", len(u.guests.pools))
	}
}
