package origin

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// listen serves connections on loopback with serve, which owns the connection.
func listen(t testing.TB, serve func(n int64, c *net.TCPConn, r *bufio.Reader)) (url string, conns *atomic.Int64) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	conns = new(atomic.Int64)
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			n := conns.Add(1)
			wg.Go(func() {
				defer c.Close()
				serve(n, c.(*net.TCPConn), bufio.NewReader(c))
			})
		}
	})
	t.Cleanup(func() { l.Close(); wg.Wait() })
	return "http://" + l.Addr().String(), conns
}

// of makes upstreams with one origin.
func of(t testing.TB, o Options, s Settings, urls ...string) *world {
	t.Helper()
	var list []Server
	for _, u := range urls {
		list = append(list, Server{URL: u})
	}
	w := &world{u: New(o)}
	w.t, _ = t.(*testing.T)
	if err := w.u.SetPools([]Pool{{Owner: "o", Name: "shop", Servers: list, Settings: s}}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.u.Close)
	return w
}

func headOf(r *bufio.Reader) bool {
	for {
		l, err := r.ReadString('\n')
		if err != nil {
			return false
		}
		if l == "\r\n" {
			return true
		}
	}
}

// TestReset: connections that end hard, and servers that are not there.
func TestReset(t *testing.T) {
	f := func(says string, want1 string) {
		t.Helper()
		url, _ := listen(t, func(_ int64, c *net.TCPConn, r *bufio.Reader) {
			headOf(r)
			if io.WriteString(c, strings.ReplaceAll(says, "~", "\r\n")); says != "" {
				r.ReadByte() // what was said has arrived when the client says so
			}
			c.SetLinger(0)
		})
		w := of(t, Options{}, Settings{}, url)
		x := request("GET /")
		defer x.Release()
		err := w.u.Send(t.Context(), x, "shop")
		if err != nil {
			want(t, "the reset", "failed: "+reason(err), want1)
			return
		}
		b := make([]byte, 5)
		io.ReadFull(x.Response.Body, b)
		x.Response.Body.(*transfer).c.Write([]byte("x")) // "it has arrived"
		_, err = x.Response.Body.Read(b)
		x.Response.Body.Close()
		if err == nil || err == io.EOF {
			t.Errorf("%s: a reset reads as %v", says, err)
			return
		}
		want(t, "the reset", reason(err), want1)
	}
	f("", "failed: origin origin-cut")
	f("HTTP/1.1 200 OK~Content-Length: 10~~hello", "origin origin-cut")
	f("HTTP/1.1 200 OK~Transfer-Encoding: chunked~~5~hello~", "origin origin-cut")
	f("HTTP/1.1 200 OK~~hello", "origin origin-cut")

	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	gone := "http://" + l.Addr().String()
	l.Close()
	w := of(t, Options{}, Settings{}, gone)
	want(t, "nobody listens", w.get(), "failed: origin origin-connect")
	url, _ := listen(t, func(_ int64, c *net.TCPConn, r *bufio.Reader) { headOf(r); io.WriteString(c, ok); headOf(r) })
	w = of(t, Options{}, Settings{Retries: 1}, gone, url)
	want(t, "one of two listens", w.get(), `200 "ok", length 2`)
}

// TestStale: what happens to an idle connection shows before a request goes
// out on it, so that even what may not be repeated need not fail.
func TestStale(t *testing.T) {
	f := func(then string) {
		t.Helper()
		said := make(chan struct{}, 1)
		url, conns := listen(t, func(n int64, c *net.TCPConn, r *bufio.Reader) {
			for headOf(r) {
				io.WriteString(c, ok)
				if n == 1 {
					if then == "reset" {
						c.SetLinger(0)
					} else {
						io.WriteString(c, then)
					}
					c.Close()
					said <- struct{}{}
					return
				}
			}
		})
		w := of(t, Options{}, Settings{}, url)
		want(t, "the first request", w.get(), `200 "ok", length 2`)
		<-said
		// The end has been sent on loopback, and is there when the kernel says so.
		p := (*w.u.table.Load())[id{"o", "shop"}]
		for idle := true; idle; runtime.Gosched() {
			p.mu.Lock()
			idle = len(p.servers[0].idle) > 0 && p.servers[0].idle[0].alive()
			p.mu.Unlock()
		}
		x := request("POST /")
		defer x.Release()
		want(t, "after "+then, w.outcome(t.Context(), x, true), `200 "ok", length 2`)
		if conns.Load() != 2 {
			t.Errorf("after %s: %d connections, want 2", then, conns.Load())
		}
	}
	f("")
	f("reset")
	f("HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
}

// TestTLS: certificates are verified against the name in the URL, sessions and connections are reused.
func TestTLS(t *testing.T) {
	names := make(chan string, 10)
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		names <- r.TLS.ServerName + " " + r.Host + " " + r.TLS.NegotiatedProtocol
		io.WriteString(w, "hello")
	}))
	conns := atomic.Int64{}
	s.EnableHTTP2 = true
	s.Config.ConnState = func(_ net.Conn, st http.ConnState) {
		if st == http.StateNew {
			conns.Add(1)
		}
	}
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.StartTLS()
	defer s.Close()
	roots := x509.NewCertPool()
	roots.AddCert(s.Certificate())
	_, port, _ := net.SplitHostPort(s.Listener.Addr().String())
	local := func(ctx context.Context, network, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, s.Listener.Addr().String())
	}
	w := of(t, Options{TLS: &tls.Config{RootCAs: roots}, Dial: local}, Settings{}, "https://example.com:"+port)
	for range 3 {
		want(t, "a good certificate", w.get(), `200 "hello", length 5`)
		want(t, "the server", <-names, "example.com shop.example ") // h2 was offered to us
	}
	if conns.Load() != 1 {
		t.Errorf("3 requests took %d connections", conns.Load())
	}
	w = of(t, Options{TLS: &tls.Config{RootCAs: roots}, Dial: local}, Settings{}, "https://other.test:"+port)
	want(t, "a certificate for another name", w.get(), "failed: origin origin-connect")
	w = of(t, Options{Dial: local}, Settings{}, "https://example.com:"+port)
	want(t, "a certificate of nobody known", w.get(), "failed: origin origin-connect")
	plain, _ := listen(t, func(_ int64, c *net.TCPConn, r *bufio.Reader) { io.WriteString(c, "what?\r\n") })
	w = of(t, Options{}, Settings{}, strings.Replace(plain, "http:", "https:", 1))
	want(t, "no TLS at all", w.get(), "failed: origin origin-connect")
}

// TestTLSCut: content that ends with its connection is whole only if TLS says so.
func TestTLSCut(t *testing.T) {
	s := httptest.NewTLSServer(nil)
	defer s.Close()
	roots := x509.NewCertPool()
	roots.AddCert(s.Certificate())
	f := func(says string, alert bool, want1 string) {
		t.Helper()
		url, _ := listen(t, func(_ int64, c *net.TCPConn, _ *bufio.Reader) {
			tc := tls.Server(c, s.TLS)
			headOf(bufio.NewReader(tc))
			io.WriteString(tc, strings.ReplaceAll(says, "~", "\r\n"))
			if alert {
				tc.CloseWrite()
			}
			c.CloseWrite()
			io.Copy(io.Discard, c)
		})
		w := of(t, Options{TLS: &tls.Config{RootCAs: roots}}, Settings{}, strings.Replace(url, "http:", "https:", 1))
		want(t, says, w.get(), want1)
	}
	f("HTTP/1.1 200 OK~~hello", true, `200 "hello", length -1`)
	f("HTTP/1.1 200 OK~~hello", false, `200 "hello", length -1, broken: origin origin-cut`)
	f("HTTP/1.1 200 OK~Content-Length: 5~~hello", false, `200 "hello", length 5`)
	f("HTTP/1.1 200 OK~Content-Length: 9~~hello", true, `200 "hello", length 9, broken: origin origin-cut`)
}

// TestAgainstNetHTTP: large bodies both ways through a server of another hand, and no goroutine is left.
func TestAgainstNetHTTP(t *testing.T) {
	before := runtime.NumGoroutine()
	func() {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			http.NewResponseController(w).EnableFullDuplex()
			if r.ContentLength >= 0 {
				w.Header().Set("Content-Length", r.Header.Get("Content-Length"))
			}
			w.Header().Set("Trailer", "Sum")
			io.Copy(w, r.Body)
			w.Header().Set("Sum", "1")
		}))
		defer s.Close()
		w := of(t, Options{}, Settings{}, s.URL)
		defer w.u.Close()
		f := func(size, length int64, want1 string) {
			t.Helper()
			x := with(request("POST /"), io.LimitReader(&counting{}, size), length)
			defer x.Release()
			want(t, "the echo", w.outcome(t.Context(), x, true), want1)
		}
		f(5<<20, 5<<20, `200 "`+strings.Repeat("\\x00", 8)+`... 5242880 bytes", length 5242880`)
		f(5<<20, -1, `200 "`+strings.Repeat("\\x00", 8)+`... 5242880 bytes", length -1 +Sum:1`)
	}()
	for deadline := time.Now().Add(time.Minute); runtime.NumGoroutine() > before && time.Now().Before(deadline); {
		runtime.Gosched()
	}
	if n := runtime.NumGoroutine(); n > before {
		buf := make([]byte, 1<<16)
		t.Errorf("%d goroutines are left:\n%s", n-before, buf[:runtime.Stack(buf, true)])
	}
}

// TestAllocations: what a request on a kept connection costs the collector:
// the transfer, and the response's head as one string.
func TestAllocations(t *testing.T) {
	dial := func(context.Context, string, string) (net.Conn, error) {
		return &parrot{says: "HTTP/1.1 200 OK\r\nDate: Sat, 21 Nov 2026 22:00:00 GMT\r\nX-A: b\r\nETag: \"e\"\r\nContent-Length: 2\r\n\r\nok"}, nil
	}
	w := of(t, Options{Dial: dial}, Settings{}, "http://shop.test")
	x := request("GET /?a=b", "Accept: */*", "X-Request-Id: 1")
	defer x.Release()
	n := testing.AllocsPerRun(200, func() {
		if err := w.u.Send(context.Background(), x, "shop"); err != nil {
			t.Fatal(err)
		}
		if _, err := x.Response.Body.WriteTo(io.Discard); err != nil {
			t.Fatal(err)
		}
		x.Response.Body.Close()
	})
	if n > 2 && !raceEnabled {
		t.Errorf("%v allocations a request, want 2", n)
	}
}

// A parrot is a connection whose server answers every write with the same.
type parrot struct {
	tape
	says string
	rest string
}

func (c *parrot) Write(p []byte) (int, error) { c.rest = c.says; return len(p), nil }
func (c *parrot) Read(p []byte) (int, error) {
	n := copy(p, c.rest)
	c.rest = c.rest[n:]
	if n == 0 {
		return 0, io.EOF
	}
	return n, nil
}
