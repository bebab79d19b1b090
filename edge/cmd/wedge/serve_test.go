package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/wedgecdn/wedge/runtime/engine/enginetest"
)

// A process is a running wedge serve.
type process struct {
	t           testing.TB
	dir         string
	cmd         *exec.Cmd
	addr, admin string
	exited      chan struct{}

	mu     sync.Mutex
	stderr strings.Builder
}

// proof is the long form of a count, when it is asked for, else the short one.
func proof(short, long int) int {
	if os.Getenv("WEDGE_PROOF") != "" {
		return long
	}
	return short
}

const serveHeading = `listen: {http: "127.0.0.1:0"}
admin: {listen: "127.0.0.1:0"}
data: data
memory: 512MiB
cache: {memory: 32MiB}
access_log: {file: access.log}
`

// start runs wedge serve in a folder, and returns once it serves.
func start(t testing.TB, dir, yaml string) *process {
	t.Helper()
	p := &process{t: t, dir: dir, exited: make(chan struct{})}
	p.write("wedge.yaml", serveHeading+yaml)
	p.cmd = exec.Command("wedge", "serve", "-c", filepath.Join(dir, "wedge.yaml"))
	p.cmd.Dir = dir
	r, w := io.Pipe()
	p.cmd.Stderr = w
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	serving := make(chan []string, 1)
	go func() {
		form := regexp.MustCompile(`msg=serving http=(\S+) admin=(\S+)`)
		for s := bufio.NewScanner(r); s.Scan(); {
			p.mu.Lock()
			p.stderr.WriteString(s.Text() + "\n")
			p.mu.Unlock()
			if m := form.FindStringSubmatch(s.Text()); m != nil {
				serving <- m
			}
		}
	}()
	go func() { p.cmd.Wait(); w.Close(); close(p.exited) }()
	t.Cleanup(func() { p.cmd.Process.Kill(); <-p.exited })
	select {
	case m := <-serving:
		p.addr, p.admin = m[1], m[2]
	case <-p.exited:
		t.Fatalf("wedge serve has ended: %s", p.said())
	case <-time.After(30 * time.Second):
		t.Fatalf("wedge serve does not serve: %s", p.said())
	}
	return p
}

func (p *process) write(name, text string) {
	p.t.Helper()
	tmp := filepath.Join(p.dir, ".tmp-"+name)
	if err := os.WriteFile(tmp, []byte(text), 0o600); err != nil {
		p.t.Fatal(err)
	}
	if err := os.Rename(tmp, filepath.Join(p.dir, name)); err != nil {
		p.t.Fatal(err)
	}
}

func (p *process) said() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.stderr.String()
}

func (p *process) signal(s os.Signal) {
	p.t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil {
		p.t.Fatal(err)
	}
}

// wantExit waits for the end of the process.
func (p *process) wantExit(code int, within time.Duration) {
	p.t.Helper()
	select {
	case <-p.exited:
		if got := p.cmd.ProcessState.ExitCode(); got != code {
			p.t.Errorf("exit code %d, want %d: %s", got, code, p.said())
		}
	case <-time.After(within):
		p.t.Fatalf("still running after %s: %s", within, p.said())
	}
}

// ready is the status of /readyz; 0 if there is no answer.
func (p *process) ready() int {
	resp, err := http.Get("http://" + p.admin + "/readyz")
	if err != nil {
		return 0
	}
	resp.Body.Close()
	return resp.StatusCode
}

// eventually waits for what another process has to bring about.
func eventually(t testing.TB, what string, f func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !f(); <-time.After(2 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("still not so: %s", what)
		}
	}
}

// A link is one connection of a client.
type link struct {
	conn net.Conn
	r    *bufio.Reader
}

func (p *process) dial() (*link, error) {
	conn, err := net.DialTimeout("tcp", p.addr, 10*time.Second)
	if err != nil {
		return nil, err
	}
	conn.SetDeadline(time.Now().Add(30 * time.Second))
	return &link{conn, bufio.NewReader(conn)}, nil
}

func (p *process) mustDial() *link {
	p.t.Helper()
	l, err := p.dial()
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { l.conn.Close() })
	return l
}

func (l *link) ask(path string) error {
	_, err := io.WriteString(l.conn, "GET "+path+" HTTP/1.1\r\nHost: shop.example\r\n\r\n")
	return err
}

// answer reads a response whole; last tells that the node closes the connection behind it.
func (l *link) answer() (status int, body string, last bool, err error) {
	resp, err := http.ReadResponse(l.r, nil)
	if err != nil {
		return 0, "", false, err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(b), resp.Close, err
}

// backend is an origin: /slow/... sends half of its body and waits with the rest, /silent/... answers nothing at all,
// everything else is answered at once.
type backend struct {
	url     string
	halves  atomic.Int64 // slow bodies under way
	release chan struct{}
	mu      sync.Once
}

func newBackend(t testing.TB) *backend {
	t.Helper()
	b := &backend{release: make(chan struct{})}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	b.url = "http://" + ln.Addr().String()
	s := &http.Server{Handler: b}
	go s.Serve(ln)
	t.Cleanup(func() { b.finish(); s.Close() })
	return b
}

func (b *backend) finish() { b.mu.Do(func() { close(b.release) }) }

func (b *backend) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case strings.HasPrefix(r.URL.Path, "/slow/"):
		io.WriteString(w, "first half, ")
		w.(http.Flusher).Flush()
		b.halves.Add(1)
		<-b.release
		io.WriteString(w, "second half")
	case strings.HasPrefix(r.URL.Path, "/silent/"):
		b.halves.Add(1)
		<-b.release
	default:
		w.Header().Set("Cache-Control", "max-age=1")
		io.WriteString(w, "page "+r.URL.Path)
	}
}

// shop is one site before an origin.
func shop(b *backend, more string) string {
	return fmt.Sprintf("%s\norigins: [{name: shop, servers: [{url: %q}]}]\nsites: [{hosts: [shop.example], origin: shop}]\n", more, b.url)
}

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
	if d := time.Since(told); d > time.Second {
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
	p.wantExit(0, 10*time.Second)
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
	p.wantExit(1, 5*time.Second)
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
	p.wantExit(1, 4*time.Second)
	for _, l := range links {
		if status, body, _, err := l.answer(); err == nil && status == 200 {
			t.Errorf("a response that was cut arrived as a whole: %q", body)
		}
	}
	if !strings.Contains(p.said(), "not every request has finished") || strings.Contains(p.said(), "panic") {
		t.Errorf("it said %s", p.said())
	}
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
				l.conn.SetDeadline(time.Now().Add(30 * time.Second))
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
	p.wantExit(0, 10*time.Second)
}

// stored is what the export of a store says, key by key.
func (p *process) stored(store string) map[string]string {
	p.t.Helper()
	resp, err := http.Get("http://" + p.admin + "/v1/kv/" + store + "/export")
	if err != nil {
		p.t.Fatal(err)
	}
	defer resp.Body.Close()
	all := map[string]string{}
	for d := json.NewDecoder(resp.Body); ; {
		var line struct{ Key, Value string }
		if err := d.Decode(&line); err == io.EOF {
			return all
		} else if err != nil {
			p.t.Fatal(err)
		}
		all[line.Key] = line.Value
	}
}

// TestKill: a write that the operators' API has acknowledged outlives kill -9.
func TestKill(t *testing.T) {
	b := newBackend(t)
	dir := t.TempDir()
	const writers = 4
	var mu sync.Mutex
	acknowledged := map[string]string{} // and not written again since
	check := func(p *process, kills int) {
		t.Helper()
		all := p.stored("orders")
		for key, want := range acknowledged {
			if got, ok := all[key]; !ok || got != want {
				t.Errorf("after %d kills %s is %q, want %q", kills, key, got, want)
			}
		}
	}
	kills := proof(5, 100)
	for round := range kills {
		p := start(t, dir, shop(b, ""))
		check(p, round)
		// write puts a value and says whether that was acknowledged.
		write := func(key, value string) bool {
			mu.Lock()
			delete(acknowledged, key) // until then the old value may be there, or the new one
			mu.Unlock()
			req, err := http.NewRequest("PUT", "http://"+p.admin+"/v1/kv/orders/value?key="+key, strings.NewReader(value))
			if err != nil {
				t.Error(err)
				return false
			}
			req.Header.Set("Content-Type", "application/octet-stream")
			resp, err := http.DefaultClient.Do(req)
			if err != nil {
				return false // the process is gone
			}
			resp.Body.Close()
			if resp.StatusCode != 200 {
				t.Errorf("a write was refused: %d", resp.StatusCode)
				return false
			}
			// The status is the acknowledgement, whether the rest arrives or not.
			mu.Lock()
			acknowledged[key] = value
			mu.Unlock()
			return true
		}
		var clients sync.WaitGroup
		var done atomic.Int64
		for c := range writers {
			clients.Go(func() {
				for i := 0; ; i++ {
					// A key of its own each time, and one that each round writes anew.
					if !write(fmt.Sprintf("%d-%d-%d", round, c, i), fmt.Sprint("value ", i)) || !write(fmt.Sprintf("again-%d-%d", c, i%10), fmt.Sprintf("value %d of round %d", i, round)) {
						return
					}
					done.Add(2)
				}
			})
		}
		n := int64(20 + 13*round%50)
		eventually(t, "writes are acknowledged", func() bool { return done.Load() >= n })
		p.signal(syscall.SIGKILL)
		clients.Wait()
		<-p.exited
	}
	check(start(t, dir, shop(b, "")), kills)
	t.Logf("%d values acknowledged", len(acknowledged))
}

// TestKillAfterDeploy: a deploy that was acknowledged outlives kill -9, whatever that did to caches of compiled code.
func TestKillAfterDeploy(t *testing.T) {
	b := newBackend(t)
	dir := t.TempDir()
	yaml := shop(b, "functions: [{name: f}]")
	yaml = strings.Replace(yaml, "origin: shop}", "origin: shop, functions: [f]}", 1)
	wantVersion := func(p *process, letter byte) {
		t.Helper()
		l := p.mustDial()
		l.ask("/")
		resp, err := http.ReadResponse(l.r, nil)
		if err != nil || resp.Header.Get("V") != string(letter) {
			t.Fatalf("%v, %v, want version %c", resp, err, letter)
		}
		l.conn.Close()
	}
	p := start(t, dir, yaml)
	for letter := byte('A'); letter < 'A'+byte(proof(3, 26)); letter++ {
		req, err := http.NewRequest("PUT", "http://"+p.admin+"/v1/functions/f", strings.NewReader(lettered(letter)))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/wasm")
		resp, err := http.DefaultClient.Do(req)
		if err != nil || resp.StatusCode != 200 {
			t.Fatal(resp, err)
		}
		p.signal(syscall.SIGKILL)
		resp.Body.Close()
		<-p.exited
		p = start(t, dir, yaml)
		wantVersion(p, letter)
	}
}
