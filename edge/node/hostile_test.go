package node

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/wedgecdn/wedge/edge/config"
)

// A log is what the node told its operator.
type operatorLog struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *operatorLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *operatorLog) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// startNode runs a node on loopback with the configuration, in which
// ADDRESS stands for a free port.
func startNode(t testing.TB, yaml string) (*Node, *operatorLog) {
	dir := t.TempDir()
	file := filepath.Join(dir, "wedge.yaml")
	if err := os.WriteFile(file, []byte(yaml), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := config.Load(file)
	if err != nil {
		t.Fatal(err)
	}
	log := &operatorLog{}
	n, err := New(c, Options{Stderr: log})
	if err != nil {
		t.Fatal(err)
	}
	if err := n.Start(); err != nil {
		t.Fatal(err)
	}
	return n, log
}

// hostile makes requests and responses that are nearly right.
type hostile struct{ *rand.Rand }

func (h hostile) of(s ...string) string { return s[h.IntN(len(s))] }

// some is each with the probability 1/n, joined.
func (h hostile) some(n int, s ...string) string {
	var b strings.Builder
	for _, s := range s {
		if h.IntN(n) == 0 {
			b.WriteString(s)
		}
	}
	return b.String()
}

// spoil changes a few bytes, now and then.
func (h hostile) spoil(s string) []byte {
	b := []byte(s)
	if h.IntN(6) > 0 || len(b) == 0 {
		return b
	}
	for range 1 + h.IntN(3) {
		i := h.IntN(len(b))
		switch h.IntN(4) {
		case 0:
			b[i] = byte(h.Uint32())
		case 1:
			b = append(b[:i], b[i+1:]...)
			if len(b) == 0 {
				return b
			}
		case 2:
			b = append(b[:i:i], append([]byte(h.of("\r\n", "\n", " ", "\x00", "0", ":", ",")), b[i:]...)...)
		case 3:
			b = b[:i+1]
		}
	}
	return b
}

const users = 12

// secretOf is what only that user may see, of letters that nothing else has,
// so long that it is still known with a few bytes of it changed.
func secretOf(user int) string { return strings.Repeat(string(rune('Α'+user)), 4) }

func (h hostile) request(user int) string {
	body, length := "", ""
	switch h.IntN(8) {
	case 0:
		body, length = "hello", "Content-Length: 5\r\n"
	case 1:
		body, length = "3\r\nabc\r\n0\r\n\r\n", "Transfer-Encoding: chunked\r\n"
	case 2:
		body, length = "5;a=b\r\nhello\r\n0\r\nX-T: 1\r\n\r\n", "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n"
	}
	return h.of("GET", "GET", "GET", "GET", "HEAD", "POST", "OPTIONS", "PUT", "TRACE") + " " +
		h.of("/", "/a", "/b?x=1", "/c", "/d", "http://a.example/e", "/f/../g", "*", "/p", "/q") + " HTTP/1." + h.of("1", "1", "1", "0") + "\r\n" +
		h.of("Host: a.example\r\n", "Host: a.example\r\n", "Host: A.example:80\r\n", "Host: b.example\r\n", "") + length +
		h.some(8, "Accept-Encoding: gzip\r\n", "Range: bytes=1-3\r\n", "Range: bytes=-2\r\n", "If-None-Match: \"1\"\r\n", "If-Range: \"1\"\r\n",
			"If-Modified-Since: Sat, 21 Nov 2026 10:00:00 GMT\r\n", "Cache-Control: no-cache\r\n", "Cache-Control: only-if-cached\r\n", "Cache-Control: max-stale=1000\r\n", "Cache-Control: no-store\r\n",
			"Connection: close\r\n", "Connection: Upgrade\r\nUpgrade: websocket\r\n", "Expect: 100-continue\r\n", "Cookie: a=b\r\n", "X-V: "+h.of("1", "2", "3")+"\r\n",
			"TE: trailers\r\n", "If-Match: \"1\"\r\n", "Pragma: no-cache\r\n") +
		h.some(5, "Authorization: "+secretOf(user)+"\r\n") + "\r\n" + body
}

func (h hostile) response(secret string) string {
	body := h.of("", "hello", strings.Repeat("x", 1+h.IntN(100_000)))
	if secret != "" {
		body = "private " + secret
	}
	framing := fmt.Sprintf("Content-Length: %d\r\n", len(body))
	switch h.IntN(10) {
	case 0:
		framing = fmt.Sprintf("Content-Length: %d\r\n", len(body)+3)
	case 1, 2:
		framing, body = "Transfer-Encoding: chunked\r\n", fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(body), body)
		if strings.HasPrefix(body, "0\r\n") {
			body = "0\r\nX-T: 1\r\n\r\n"
		}
	case 3:
		framing, body = "Transfer-Encoding: chunked\r\n", fmt.Sprintf("%x\r\n%s\r\n", len(body), body)
	case 4:
		framing = ""
	}
	share := h.some(4, "Cache-Control: max-age=1\r\n", "Cache-Control: max-age=100\r\n", "Cache-Control: max-age=0, stale-while-revalidate=9\r\n", "Cache-Control: no-cache\r\n", "Cache-Control: must-revalidate, max-age=1\r\n", "Set-Cookie: a=b\r\n", "Cache-Control: private\r\n", "Cache-Control: no-store\r\n")
	if secret != "" {
		share = h.of("Cache-Control: max-age=100\r\n", "Cache-Control: private\r\n", "Cache-Control: private, max-age=5\r\nETag: \"1\"\r\n", "")
	}
	interim := h.some(20, "HTTP/1.1 100 Continue\r\n\r\n", "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n", strings.Repeat("HTTP/1.1 102 x\r\n\r\n", 30))
	return interim + "HTTP/1." + h.of("1", "1", "1", "0") + " " + h.of("200 OK", "200 OK", "200 OK", "200", "204 No Content", "304 Not Modified", "404 Not Found", "500 Oops", "206 Partial Content", "301 x", "101 Switching Protocols", "416 x") + "\r\n" +
		framing + share + h.some(6, "Vary: X-V\r\n", "Vary: Accept-Encoding, X-V\r\n", "Vary: *\r\n", "ETag: \"1\"\r\n", "ETag: W/\"2\"\r\n", "Last-Modified: Sat, 21 Nov 2026 09:00:00 GMT\r\n", "Age: 99999999999999\r\n", "Date: never\r\n", "Connection: close\r\n",
		"Connection: upgrade\r\nUpgrade: websocket\r\n", "Content-Range: bytes 0-1/5\r\n", "Cache-Tag: t1\r\n", "Surrogate-Key: t2 t3\r\n", "Expires: 0\r\n", "Content-Encoding: gzip\r\n", "Trailer: X-T\r\n", "Keep-Alive: timeout=1\r\n") + "\r\n" + body
}

// hostileOrigin answers whatever comes with something that is nearly right. A
// request with Authorization is answered with that user's secret, which no
// other user must get.
func hostileOrigin(t testing.TB, seed uint64) (addr string, requests *atomic.Int64) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	requests = new(atomic.Int64)
	go func() {
		for n := uint64(0); ; n++ {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				h := hostile{rand.New(rand.NewPCG(seed, n))}
				r := bufio.NewReader(c)
				for {
					c.SetDeadline(time.Now().Add(5 * time.Second))
					q, err := http.ReadRequest(r)
					if err != nil {
						return
					}
					requests.Add(1)
					io.Copy(io.Discard, q.Body)
					b := h.spoil(h.response(q.Header.Get("Authorization")))
					if q.Method == "HEAD" || h.IntN(30) == 0 {
						head, _, _ := bytes.Cut(b, []byte("\r\n\r\n"))
						b = append(head, "\r\n\r\n"...)
					}
					c.Write(b)
					if h.IntN(4) == 0 {
						return
					}
				}
			}()
		}
	}()
	return ln.Addr().String(), requests
}

// Whatever clients and origins send: no panic, no goroutine left, no one's
// private response to anybody else, and no message to a client that is cut
// without being marked as cut.
func TestHostileBothSides(t *testing.T) {
	before := runtime.NumGoroutine()
	seed := uint64(1)
	run := 700 * time.Millisecond
	if s := os.Getenv("WEDGE_HOSTILE"); s != "" { // how long, with other random numbers each time
		var err error
		if run, err = time.ParseDuration(s); err != nil {
			t.Fatal(err)
		}
		seed = rand.Uint64()
		t.Log("seed ", seed)
	}
	origin, asked := hostileOrigin(t, seed)
	n, log := startNode(t, fmt.Sprintf(`
listen: {http: "127.0.0.1:0"}
admin: {listen: "127.0.0.1:0"}
memory: 256MiB
data: ./data
cache: {memory: 8MiB}
origins: [{name: a, servers: [{url: "http://%s"}], first_byte_timeout: 500ms, idle_timeout: 500ms}]
sites: [{hosts: [a.example], origin: a, routes: [{path: /p, cache: {mode: pass}}, {path: /q, cache: {mode: force, ttl: 1s}}]}]
`, origin))
	deadline := time.Now().Add(run)
	var wg sync.WaitGroup
	var own atomic.Int64
	for user := range users {
		wg.Go(func() {
			h := hostile{rand.New(rand.NewPCG(seed, 1<<32+uint64(user)))}
			for time.Now().Before(deadline) {
				c, err := net.Dial("tcp", n.Addr())
				if err != nil {
					t.Error(err)
					return
				}
				c.SetDeadline(time.Now().Add(time.Second))
				whole := h.spoil(h.request(user) + h.request(user) + h.request(user))
				if h.IntN(10) == 0 {
					c.Write(whole)
					c.Close()
					continue
				}
				c.Write(whole)
				c.(*net.TCPConn).CloseWrite()
				b, _ := io.ReadAll(c)
				c.Close()
				for other := range users {
					switch {
					case !bytes.Contains(b, []byte(secretOf(other)[2:6])):
					case other == user:
						own.Add(1)
					default:
						t.Errorf("user %d got the response of user %d to\n%s\n--\n%s", user, other, whole, cutTo(b, 2000))
					}
				}
			}
		})
	}
	wg.Wait()
	if asked.Load() == 0 || own.Load() == 0 {
		t.Errorf("the origin was asked %d times, and %d private responses came to whom they belong", asked.Load(), own.Load())
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := n.Shutdown(ctx); err != nil {
		t.Error("shutdown: ", err)
	}
	if s := log.String(); strings.Contains(s, "BUG") || strings.Contains(s, "panic") || strings.Contains(s, "goroutine ") {
		t.Error(cutTo([]byte(s), 6000))
	}
	waitFor := time.Now().Add(time.Minute)
	for runtime.NumGoroutine() > before+20 && time.Now().Before(waitFor) {
		<-time.After(time.Millisecond)
	}
	if g := runtime.NumGoroutine(); g > before+20 {
		buf := make([]byte, 1<<20)
		t.Errorf("%d goroutines, %d before:\n%s", g, before, cutTo(buf[:runtime.Stack(buf, true)], 8000))
	}
}

func cutTo(b []byte, n int) []byte {
	if len(b) > n {
		return b[:n]
	}
	return b
}

// An origin that never ends its response does not keep the node from ending,
// also if the response was begun under a configuration that is no more.
func TestShutdownBesideAnEndlessOrigin(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	end := make(chan struct{})
	defer close(end)
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				http.ReadRequest(bufio.NewReader(c))
				io.WriteString(c, "HTTP/1.1 200 OK\r\nCache-Control: max-age=9\r\nContent-Length: 1000\r\n\r\nbegun")
				<-end
			}()
		}
	}()
	yaml := fmt.Sprintf(`
listen: {http: "127.0.0.1:0"}
admin: {listen: "127.0.0.1:0"}
data: ./data
cache: {memory: 8MiB}
origins: [{name: a, servers: [{url: "http://%s"}]}]
sites: [{hosts: [a.example], origin: a}]
`, ln.Addr())
	n, _ := startNode(t, yaml)
	c, err := net.Dial("tcp", n.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	io.WriteString(c, "GET / HTTP/1.1\r\nHost: a.example\r\n\r\n")
	if _, err := c.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	n.mu.Lock()
	again := *n.config
	n.mu.Unlock()
	if _, err := n.Reload(&again); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer cancel()
	over := make(chan error, 1)
	go func() { over <- n.Shutdown(ctx) }()
	select {
	case err := <-over:
		if err == nil || !strings.Contains(err.Error(), "not every request has finished") {
			t.Errorf("shutdown: %v", err)
		}
	case <-time.After(time.Minute):
		t.Error("the node did not end")
	}
}
