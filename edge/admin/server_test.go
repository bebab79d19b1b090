package admin

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// pipes is a listener in memory, so that time can be a test's own.
type pipes struct {
	conns chan net.Conn
	once  sync.Once
	done  chan struct{}
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.done:
		return nil, net.ErrClosed
	}
}
func (p *pipes) Close() error   { p.once.Do(func() { close(p.done) }); return nil }
func (p *pipes) Addr() net.Addr { return &net.UnixAddr{Name: "pipes"} }

func (p *pipes) dial() net.Conn {
	here, there := net.Pipe()
	p.conns <- there
	return here
}

// live is a server that serves, to be called in synctest.Test.
func live(t *testing.T) (*stage, *pipes) {
	t.Helper()
	st := start(t, func(o *Options) { o.Now = time.Now })
	p := &pipes{conns: make(chan net.Conn), done: make(chan struct{})}
	served := make(chan error, 1)
	go func() { served <- st.Serve(p) }()
	t.Cleanup(func() {
		st.Close()
		if err := <-served; err != nil {
			t.Errorf("Serve: %v", err)
		}
		synctest.Wait()
	})
	return st, p
}

// head writes a request's head for the operator.
func head(method, target string, fields ...string) string {
	fields = append(fields, "Host: localhost", "Authorization: Bearer "+operatorSecret)
	return method + " " + target + " HTTP/1.1\r\n" + strings.Join(fields, "\r\n") + "\r\n\r\n"
}

// answer reads an answer whole.
func answer(t *testing.T, c net.Conn) (status int, body string) {
	t.Helper()
	r, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Error(err)
		return 0, ""
	}
	b, err := io.ReadAll(r.Body)
	if err != nil {
		t.Error(err)
	}
	return r.StatusCode, string(b)
}

func TestSlowHead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, p := live(t)
		c, begin := p.dial(), time.Now()
		io.WriteString(c, "GET /v1/status HTTP/1.1\r\n")
		io.Copy(io.Discard, c)
		if took := time.Since(begin); took > headerTimeout+time.Second {
			t.Errorf("a head that does not come is waited for %v", took)
		}
	})
}

func TestSilentBody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st, p := live(t)
		c, begin := p.dial(), time.Now()
		go io.WriteString(c, head("PUT", "/v1/functions/auth", "Content-Length: 100")+"\x00asm")
		status, body := answer(t, c)
		if took := time.Since(begin); status != 400 || took > bodySilence+headerTimeout || !strings.Contains(body, "did not arrive whole") {
			t.Errorf("after %v: %d: %s", took, status, body)
		}
		if r := st.records(t); len(r) != 1 || r[0].Result != "bad_request" {
			t.Errorf("audit %+v", r)
		}
		c.Close()
	})
}

// A body may take long if it is not silent, and so may what is done with it.
func TestLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, p := live(t)
		c := p.dial()
		line := "{\"key\":\"a\",\"value\":\"b\"}\n"
		go func() {
			io.WriteString(c, head("POST", "/v1/kv/s/import", fmt.Sprint("Content-Length: ", len(line))))
			for i := range line {
				time.Sleep(20 * time.Second)
				io.WriteString(c, line[i:i+1])
			}
		}()
		if status, body := answer(t, c); status != 200 || !strings.Contains(body, `"written":1`) {
			t.Errorf("%d: %s", status, body)
		}
		c.Close()
	})
	synctest.Test(t, func(t *testing.T) {
		st, p := live(t)
		st.node.hook = func() { time.Sleep(3 * time.Minute) }
		c := p.dial()
		go io.WriteString(c, head("PUT", "/v1/config", "Content-Length: 3")+"a: ")
		if status, body := answer(t, c); status != 200 {
			t.Errorf("%d: %s", status, body)
		}
		c.Close()
	})
}

// A body that trickles comes to an end.
func TestTrickle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, p := live(t)
		c, begin := p.dial(), time.Now()
		var trickling sync.WaitGroup
		trickling.Go(func() {
			io.WriteString(c, head("POST", "/v1/kv/s/import", "Content-Length: 500"))
			for {
				time.Sleep(20 * time.Second)
				if _, err := io.WriteString(c, " "); err != nil {
					return
				}
			}
		})
		if status, body := answer(t, c); status != 400 || time.Since(begin) > bodyTimeout+time.Minute {
			t.Errorf("after %v: %d: %s", time.Since(begin), status, body)
		}
		c.Close()
		trickling.Wait()
	})
}

// What has begun is finished and recorded when its caller has gone.
func TestGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st, p := live(t)
		c := p.dial()
		st.node.hook = func() {
			c.Close()
			time.Sleep(time.Second)
		}
		io.WriteString(c, head("PUT", "/v1/config", "Content-Length: 3")+"a: ")
		time.Sleep(time.Minute)
		if r := st.records(t); len(r) != 1 || r[0].Result != "ok" {
			t.Errorf("audit %+v", r)
		}
	})
}

// Whoever does not take an answer does not hold the node up for long.
func TestSlowReader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st, p := live(t)
		c := p.dial()
		io.WriteString(c, head("GET", "/v1/kv/redirects/export"))
		time.Sleep(writeTimeout + time.Second)
		st.mu.Lock()
		defer st.mu.Unlock()
		if len(st.served) != 1 {
			t.Errorf("served %+v", st.served)
		}
		c.SetReadDeadline(time.Now().Add(time.Second))
		if b, err := io.ReadAll(c); err != nil || strings.Contains(string(b), "0\r\n\r\n") {
			t.Errorf("the connection is open: %q, %v", b, err)
		}
	})
}

// Bodies in memory are bounded in number.
func TestUploads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st, p := live(t)
		var held []net.Conn
		for range maxUploads {
			c := p.dial()
			io.WriteString(c, head("PUT", "/v1/functions/auth", "Content-Length: 100"))
			held = append(held, c)
		}
		synctest.Wait()
		c, begin := p.dial(), time.Now()
		io.WriteString(c, head("PUT", "/v1/functions/auth", "Content-Length: 4", "Expect: 100-continue"))
		if status, body := answer(t, c); status != 503 || time.Since(begin) != uploadWait {
			t.Errorf("after %v: %d: %s", time.Since(begin), status, body)
		}
		c.Close()
		for _, c := range held {
			c.Close()
		}
		synctest.Wait()
		if len(st.uploads.all) != 0 {
			t.Errorf("%d places are not given back", len(st.uploads.all))
		}
	})
}

// Tests take no places of uploads: whoever tests keeps nobody from deploying.
func TestTestsBesideUploads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st, p := live(t)
		var held []net.Conn
		for range maxUploads {
			c := p.dial()
			io.WriteString(c, head("POST", "/v1/functions/auth/test", "Content-Length: 100", "Content-Type: application/json"))
			held = append(held, c)
		}
		synctest.Wait()
		if n := len(st.uploads.all); n != 0 {
			t.Errorf("%d places of uploads are taken", n)
		}
		for _, c := range held {
			c.Close()
		}
		time.Sleep(uploadWait + time.Second)
		synctest.Wait()
		if n := len(st.trials.all); n != 0 {
			t.Errorf("%d places are not given back", n)
		}
	})
}

// Shutdown lets the request under way finish.
func TestShutdown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st, p := live(t)
		begun := make(chan struct{})
		st.node.hook = func() {
			close(begun)
			time.Sleep(time.Second)
		}
		c := p.dial()
		go func() {
			io.WriteString(c, head("PUT", "/v1/config", "Content-Length: 3", "Connection: close")+"a: ")
		}()
		var stopping sync.WaitGroup
		stopping.Go(func() {
			<-begun
			if err := st.Shutdown(t.Context()); err != nil {
				t.Error(err)
			}
		})
		if status, body := answer(t, c); status != 200 {
			t.Errorf("%d: %s", status, body)
		}
		stopping.Wait()
		if r := st.records(t); len(r) != 1 || r[0].Result != "ok" {
			t.Errorf("audit %+v", r)
		}
	})
}

func TestServeLoopback(t *testing.T) {
	ln, err := net.Listen("tcp", "0.0.0.0:0")
	if err != nil {
		t.Skip(err)
	}
	if err := start(t, nil).Serve(ln); err == nil || !strings.Contains(err.Error(), "not on loopback") {
		t.Errorf("Serve: %v", err)
	}
}

func TestOptions(t *testing.T) {
	_, err := New(Options{Loopback: true})
	for _, name := range []string{"Functions", "Cache", "KV", "Config", "Health", "Metrics", "AuditFile"} {
		if err == nil || !strings.Contains(err.Error(), name+" is not set") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
