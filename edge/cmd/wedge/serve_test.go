package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/wedgecdn/wedge/runtime/engine/enginetest"
)

// TestDrain: SIGTERM under load loses no request.
//
// A request is accepted if its first byte was sent on a connection that was open and on which the node had not said that it
// will close it. Each such request is answered whole. A client that connects anew is refused by the kernel, or served.
func TestDrain(t *testing.T) {
	b := newBackend(t)
	p := start(t, t.TempDir(), shop(b, "drain: 20s"))
	var answered, refused, lost atomic.Int64
	var clients sync.WaitGroup
	complain := func(format string, args ...any) {
		lost.Add(1)
		t.Errorf(format, args...)
	}
	// Some ask without a pause on connections that they keep.
	for c := range 6 {
		l := p.mustDial()
		clients.Go(func() {
			for i := 0; ; i++ {
				path := fmt.Sprintf("/busy/%d/%d", c, i/2)
				if err := l.ask(path); err != nil {
					complain("request %s could not be sent: %v", path, err)
					return
				}
				status, body, last, err := l.answer()
				if err != nil || status != 200 || body != "page "+path {
					complain("request %s: %d %q, %v", path, status, body, err)
					return
				}
				if answered.Add(1); last {
					return
				}
			}
		})
	}
	// Some make a connection for each request.
	for c := range 6 {
		clients.Go(func() {
			for i := 0; ; i++ {
				l, err := p.dial()
				if err != nil {
					if !errors.Is(err, syscall.ECONNREFUSED) {
						complain("connect: %v", err)
					}
					refused.Add(1)
					return
				}
				path := fmt.Sprintf("/new/%d/%d", c, i)
				err = l.ask(path)
				if err == nil {
					var status int
					if status, _, _, err = l.answer(); status != 200 && err == nil {
						err = fmt.Errorf("status %d", status)
					}
				}
				l.conn.Close()
				if err != nil {
					complain("request %s on a connection that was accepted: %v", path, err)
					return
				}
				answered.Add(1)
			}
		})
	}
	// Some are in the middle of a slow body.
	for c := range 3 {
		l := p.mustDial()
		if err := l.ask(fmt.Sprint("/slow/", c)); err != nil {
			t.Fatal(err)
		}
		clients.Go(func() {
			if status, body, _, err := l.answer(); err != nil || status != 200 || body != "first half, second half" {
				complain("a slow body: %d %q, %v", status, body, err)
			}
		})
	}
	// Some are idle after a request.
	var idle []*link
	for range 3 {
		l := p.mustDial()
		l.ask("/idle")
		if status, _, _, err := l.answer(); status != 200 {
			t.Fatal(status, err)
		}
		idle = append(idle, l)
	}
	// One has sent half of a request's head.
	half := p.mustDial()
	io.WriteString(half.conn, "GET /half HTTP/1.1\r\nHost: shop")
	eventually(t, "everybody is busy", func() bool { return answered.Load() > 200 && b.halves.Load() == 3 })
	if got := p.ready(); got != 200 {
		t.Errorf("/readyz answers %d before the signal", got)
	}

	p.signal(syscall.SIGTERM)
	told := time.Now()
	eventually(t, "/readyz says 503", func() bool { return p.ready() == 503 })
	if d := time.Since(told); d > 10*time.Second { // and not at the end of the drain
		t.Errorf("/readyz said so after %s", d)
	}
	io.WriteString(half.conn, ".example\r\n\r\n")
	if status, body, _, err := half.answer(); err != nil || status != 200 || body != "page /half" {
		complain("a request whose head came in two parts: %d %q, %v", status, body, err)
	}
	for _, l := range idle {
		if n, err := l.r.Read(make([]byte, 1)); n != 0 || err != io.EOF {
			t.Errorf("an idle connection is not closed in order: %d bytes, %v", n, err)
		}
	}
	select {
	case <-p.exited:
		t.Error("the process has ended while bodies were under way")
	default:
	}
	if got := p.ready(); got != 503 {
		t.Errorf("/readyz answers %d while the node drains", got)
	}
	b.finish()
	clients.Wait()
	p.wantExit(0, slowMachine)
	t.Logf("%d requests answered, %d connections refused", answered.Load(), refused.Load())

	// What was answered is logged.
	log, err := os.ReadFile(filepath.Join(p.dir, "access.log"))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := int64(bytes.Count(log, []byte(`"status":200`))), answered.Load()+3+3+1; got != want && lost.Load() == 0 {
		t.Errorf("the access log has %d lines, want %d", got, want)
	}
}

// A second signal ends the process at once, and the exit code says that it did not end in order.
func TestSecondSignal(t *testing.T) {
	b := newBackend(t)
	p := start(t, t.TempDir(), shop(b, "drain: 60s"))
	l := p.mustDial()
	l.ask("/slow/1")
	eventually(t, "the body is under way", func() bool { return b.halves.Load() == 1 })
	p.signal(syscall.SIGTERM)
	eventually(t, "it drains", func() bool { return p.ready() == 503 })
	p.signal(syscall.SIGINT)
	p.wantExit(1, 20*time.Second)
	if _, body, _, err := l.answer(); err == nil {
		t.Errorf("a body that was cut arrived as a whole: %q", body)
	}
	if !strings.Contains(p.said(), "second signal") {
		t.Errorf("it said %s", p.said())
	}
}

// When the time to drain is over, what is left is cut, whatever it waits for, and whichever configuration it began with.
func TestDrainEnds(t *testing.T) {
	b := newBackend(t)
	p := start(t, t.TempDir(), shop(b, "drain: 200ms"))
	var links []*link
	ask := func(path string) {
		l := p.mustDial()
		l.ask(path)
		links = append(links, l)
	}
	ask("/slow/1")
	ask("/silent/1")
	eventually(t, "the requests are under way", func() bool { return b.halves.Load() == 2 })
	p.signal(syscall.SIGHUP)
	eventually(t, "it has reloaded", func() bool { return strings.Contains(p.said(), "reloaded") })
	ask("/slow/2")
	ask("/silent/2")
	eventually(t, "the requests are under way", func() bool { return b.halves.Load() == 4 })
	p.signal(syscall.SIGTERM)
	p.wantExit(1, 20*time.Second)
	for _, l := range links {
		if status, body, _, err := l.answer(); err == nil && status == 200 {
			t.Errorf("a response that was cut arrived as a whole: %q", body)
		}
	}
	if !strings.Contains(p.said(), "not every request has finished") || strings.Contains(p.said(), "panic") {
		t.Errorf("it said %s", p.said())
	}
}

// A signal that comes before the node listens waits for it: SIGHUP reloads then, and does not end the process.
func TestEarlySignals(t *testing.T) {
	f := func(s syscall.Signal, after func(p *process)) {
		t.Helper()
		dir := t.TempDir()
		if err := syscall.Mkfifo(filepath.Join(dir, "f.wasm"), 0o600); err != nil {
			t.Fatal(err)
		}
		p := launch(t, dir, "functions: [{name: f, module: f.wasm}]\norigins: [{name: o, servers: [{url: \"http://127.0.0.1:1\"}]}]\nsites: [{hosts: [a.example], origin: o, functions: [f]}]\n")
		go func() { // opening a pipe waits for the other side, and must not do so for ever
			<-p.exited
			if r, err := os.OpenFile(filepath.Join(dir, "f.wasm"), os.O_RDONLY|syscall.O_NONBLOCK, 0); err == nil {
				r.Close()
			}
		}()
		pipe, err := os.OpenFile(filepath.Join(dir, "f.wasm"), os.O_WRONLY, 0) // until the node reads its functions
		if err != nil {
			t.Fatal(err)
		}
		p.signal(s)
		p.write("f.wasm", lettered('A')) // what a reload reads
		if _, err := pipe.WriteString(lettered('A')); err != nil {
			t.Fatal(err)
		}
		pipe.Close()
		p.wantServing()
		after(p)
	}
	f(syscall.SIGHUP, func(p *process) {
		t.Helper()
		eventually(t, "it reloads", func() bool { return strings.Contains(p.said(), "wedge: reloaded") })
		p.signal(syscall.SIGTERM)
		p.wantExit(0, slowMachine)
	})
	f(syscall.SIGTERM, func(p *process) { t.Helper(); p.wantExit(0, slowMachine) })
}

// lettered is a function that gives each response the field V, with one letter.
func lettered(letter byte) string {
	m := &enginetest.Module{}
	set := m.Import("wedge", "field_set", "iiiii", "i")
	m.Memory(1, 0)
	m.Func("on_response", "", "i", "", enginetest.Code(
		enginetest.I32(8), enginetest.I32(int32('V')|int32(letter)<<8), enginetest.Store32,
		enginetest.I32(1), enginetest.I32(8), enginetest.I32(1), enginetest.I32(9), enginetest.I32(1), enginetest.Call(set))...)
	m.Func("wedge_abi_v1", "", "", "")
	return string(m.Bytes())
}

// TestReloadSignal: SIGHUP under load takes what the file says now, and no request fails; a wrong file changes nothing.
func TestReloadSignal(t *testing.T) {
	b := newBackend(t)
	dir := t.TempDir()
	yaml := fmt.Sprintf(`
functions: [{name: f, module: f.wasm}]
origins: [{name: shop, servers: [{url: %q}]}]
sites: [{hosts: [shop.example], origin: shop, functions: [f]}]
`, b.url)
	if err := os.WriteFile(filepath.Join(dir, "f.wasm"), []byte(lettered('A')), 0o600); err != nil {
		t.Fatal(err)
	}
	p := start(t, dir, yaml)
	var clients sync.WaitGroup
	over := make(chan struct{})
	var answered atomic.Int64
	var latest atomic.Int32
	latest.Store('A')
	for c := range 3 {
		l := p.mustDial()
		clients.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-over:
					return
				default:
				}
				least := byte(latest.Load()) // what the node has said that it runs
				l.conn.SetDeadline(time.Now().Add(slowMachine))
				if err := l.ask(fmt.Sprintf("/%d/%d", c, i/2)); err != nil {
					t.Error(err)
					return
				}
				resp, err := http.ReadResponse(l.r, nil)
				if err != nil {
					t.Error(err)
					return
				}
				_, err = io.Copy(io.Discard, resp.Body)
				if v := resp.Header.Get("V"); err != nil || resp.StatusCode != 200 || len(v) != 1 || v[0] < least || v[0] > least+1 {
					t.Errorf("status %d, version %q, want %c or the next: %v", resp.StatusCode, v, least, err)
				}
				answered.Add(1)
			}
		})
	}
	more := func() {
		t.Helper()
		from := answered.Load()
		eventually(t, "requests are answered", func() bool { return answered.Load() >= from+20 })
	}
	reloads := func(said string) {
		t.Helper()
		n := strings.Count(p.said(), said)
		p.signal(syscall.SIGHUP)
		eventually(t, "it says: "+said, func() bool { return strings.Count(p.said(), said) > n })
	}
	more()
	for v := byte('B'); v < 'B'+byte(proof(6, 24)); v += 2 {
		p.write("f.wasm", lettered(v))
		reloads("wedge: reloaded")
		latest.Store(int32(v))
		more()
		p.write("f.wasm", "no module")
		reloads("wedge: not reloaded")
		p.write("f.wasm", lettered(v+1))
		p.write("wedge.yaml", serveHeading+strings.Replace(yaml, "origin: shop", "orijin: shop", 1))
		reloads("wedge: not reloaded")
		p.write("wedge.yaml", serveHeading+yaml)
		reloads("wedge: reloaded")
		latest.Store(int32(v + 1))
		more()
	}
	close(over)
	clients.Wait()
	if !strings.Contains(p.said(), `unknown field "orijin"`) {
		t.Errorf("it does not say what is wrong: %s", p.said())
	}
	p.signal(syscall.SIGTERM)
	p.wantExit(0, slowMachine)
}
