package main

import (
	"bufio"
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
	"testing"
	"time"
)

// A process is a running wedge serve.
type process struct {
	t           testing.TB
	dir         string
	cmd         *exec.Cmd
	addr, admin string
	exited      chan struct{} // closed when it has ended and said knows all that it said
	serving     chan []string // gets the addresses

	mu     sync.Mutex
	stderr strings.Builder
}

// slowMachine is how long a test waits for what must come, on a machine that is busy with other tests.
const slowMachine = time.Minute

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
	p := launch(t, dir, yaml)
	p.wantServing()
	return p
}

// launch runs wedge serve in a folder, and does not wait for it.
func launch(t testing.TB, dir, yaml string) *process {
	t.Helper()
	p := &process{t: t, dir: dir, exited: make(chan struct{}), serving: make(chan []string, 1)}
	p.write("wedge.yaml", serveHeading+yaml)
	p.cmd = exec.Command("wedge", "serve", "-c", filepath.Join(dir, "wedge.yaml"))
	p.cmd.Dir = dir
	r, w := io.Pipe()
	p.cmd.Stderr = w
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	heard := make(chan struct{})
	go func() {
		defer close(heard)
		form := regexp.MustCompile(`msg=serving http=(\S+) admin=(\S+)`)
		for s := bufio.NewScanner(r); s.Scan(); {
			p.mu.Lock()
			p.stderr.WriteString(s.Text() + "\n")
			p.mu.Unlock()
			if m := form.FindStringSubmatch(s.Text()); m != nil {
				p.serving <- m
			}
		}
	}()
	go func() { p.cmd.Wait(); w.Close(); <-heard; close(p.exited) }()
	t.Cleanup(func() { p.cmd.Process.Kill(); <-p.exited })
	return p
}

// wantServing waits until the process serves.
func (p *process) wantServing() {
	p.t.Helper()
	select {
	case m := <-p.serving:
		p.addr, p.admin = m[1], m[2]
	case <-p.exited:
		p.t.Fatalf("wedge serve has ended: %s", p.said())
	case <-time.After(slowMachine):
		p.t.Fatalf("wedge serve does not serve: %s", p.said())
	}
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
	for end := time.Now().Add(slowMachine); !f(); <-time.After(2 * time.Millisecond) {
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
	conn, err := net.DialTimeout("tcp", p.addr, slowMachine)
	if err != nil {
		return nil, err
	}
	conn.SetDeadline(time.Now().Add(2 * slowMachine))
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
