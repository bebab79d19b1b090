package node_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/wedgecdn/wedge/edge/config"
	"github.com/wedgecdn/wedge/edge/node"
)

// A world is a node on loopback sockets, with everything around it.
type world struct {
	t      testing.TB
	dir    string
	node   *node.Node
	client *http.Client
	stderr lockedBuffer
}

// lockedBuffer is a buffer for many writers.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

// forget gives back what was written, but for its end.
func (l *lockedBuffer) forget() {
	l.mu.Lock()
	defer l.mu.Unlock()
	b := l.b.Bytes()
	l.b = *bytes.NewBuffer(bytes.Clone(b[max(0, len(b)-1000):]))
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// proof is the long form of a count, when it is asked for, else the short one.
func proof(short, long int) int {
	if os.Getenv("WEDGE_PROOF") != "" {
		return long
	}
	return short
}

// heading is the part of the configuration that all tests share.
const heading = `listen: {http: "127.0.0.1:0"}
admin: {listen: "127.0.0.1:0"}
data: data
memory: 512MiB
cache: {memory: 32MiB}
drain: 5s
access_log: {file: access.log}
`

// patience is how long a test waits for what must come. A machine that is busy with other tests takes its time, and who
// waits for what has come waits no longer.
const patience = time.Minute

// newWorld starts a node; files go beside its configuration.
//
// replace are pairs of what is to be replaced in the heading.
func newWorld(t testing.TB, yaml string, files map[string][]byte, replace ...string) *world {
	t.Helper()
	return newWorldIn(t, t.TempDir(), nil, yaml, files, replace...)
}

// newWorldIn is newWorld in a folder that may have been another's, with a compiler.
func newWorldIn(t testing.TB, dir string, compiler func(context.Context, string, string) error, yaml string, files map[string][]byte, replace ...string) *world {
	t.Helper()
	w := &world{t: t, dir: dir}
	for name, content := range files {
		w.write(name, content)
	}
	text := strings.NewReplacer(replace...).Replace(heading) + yaml
	if strings.Contains(yaml, "\ncache: ") || strings.HasPrefix(yaml, "cache: ") {
		text = strings.Replace(text, "cache: {memory: 32MiB}\n", "", 1) // it brings its own
	}
	w.write("wedge.yaml", []byte(text))
	c, err := config.Load(w.path("wedge.yaml"))
	if err != nil {
		t.Fatal(problems(err))
	}
	if w.node, err = node.New(c, node.Options{Version: "test", ConfigFile: w.path("wedge.yaml"), Stderr: &w.stderr, Compiler: compiler}); err != nil {
		t.Fatal(problems(err))
	}
	if err := w.node.Start(); err != nil {
		t.Fatal(err)
	}
	dialer := net.Dialer{}
	w.client = &http.Client{
		Timeout: patience,
		Transport: &http.Transport{
			DisableCompression: true, MaxIdleConnsPerHost: 64,
			DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
				return dialer.DialContext(ctx, network, w.node.Addr())
			},
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	t.Cleanup(w.stop)
	return w
}

// stop ends the node, once.
func (w *world) stop() {
	if w.client == nil {
		return
	}
	w.client.CloseIdleConnections()
	w.client = nil
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := w.node.Shutdown(ctx); err != nil {
		w.t.Errorf("shut down: %v", err)
	}
	if s := w.stderr.String(); strings.Contains(s, "a bug in wedge") {
		w.t.Errorf("a bug was caught:\n%s", s)
	}
}

func problems(err error) error {
	if p, ok := err.(config.Errors); ok {
		return fmt.Errorf("%s", p.Text())
	}
	return err
}

func (w *world) path(name string) string { return filepath.Join(w.dir, name) }

func (w *world) write(name string, content []byte) {
	w.t.Helper()
	if err := os.WriteFile(w.path(name), content, 0o600); err != nil {
		w.t.Fatal(err)
	}
}

// A reply is a response that was read whole, or as far as it came.
type reply struct {
	status int
	header http.Header
	body   string
	err    error // of the connection or the body
	took   time.Duration
}

// get asks for a URL; fields are names and values in turn.
func (w *world) get(url string, fields ...string) reply { return w.send("GET", url, "", fields...) }

func (w *world) send(method, url, body string, fields ...string) (r reply) {
	req, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		return reply{err: err}
	}
	if body == "" {
		req.Body = http.NoBody
	}
	for i := 0; i+1 < len(fields); i += 2 {
		req.Header.Add(fields[i], fields[i+1])
	}
	return roundTrip(w.client, req)
}

func roundTrip(client *http.Client, req *http.Request) (r reply) {
	begin := time.Now()
	defer func() { r.took = time.Since(begin) }()
	resp, err := client.Do(req)
	if err != nil {
		return reply{err: err}
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return reply{status: resp.StatusCode, header: resp.Header, body: string(b), err: err}
}

// want asks for a URL and checks status and body.
func (w *world) want(url string, status int, body string, fields ...string) reply {
	w.t.Helper()
	r := w.get(url, fields...)
	if r.err != nil || r.status != status || body != "" && r.body != body {
		w.t.Errorf("%s: %d %q (%v), want %d %q", url, r.status, r.body, r.err, status, body)
	}
	return r
}

// wantOutcome asks as want does, and checks what Cache-Status says.
func (w *world) wantOutcome(url string, status int, body, cacheStatus string, fields ...string) reply {
	w.t.Helper()
	r := w.want(url, status, body, fields...)
	if r.header != nil && !strings.Contains(r.header.Get("Cache-Status"), cacheStatus) {
		w.t.Errorf("%s: Cache-Status %q, want %q in it", url, r.header.Get("Cache-Status"), cacheStatus)
	}
	return r
}

// api calls the operators' API and returns the answer's body.
func (w *world) api(method, path string, body []byte, fields ...string) reply {
	req, err := http.NewRequest(method, "http://"+w.node.AdminAddr()+path, bytes.NewReader(body))
	if err != nil {
		return reply{err: err}
	}
	switch {
	case strings.HasPrefix(path, "/v1/config"):
		req.Header.Set("Content-Type", "application/yaml")
	case method == "PUT" && strings.HasPrefix(path, "/v1/functions"):
		req.Header.Set("Content-Type", "application/wasm")
	case strings.HasPrefix(path, "/v1/kv"):
		req.Header.Set("Content-Type", "application/octet-stream")
	case len(body) > 0:
		req.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(fields); i += 2 {
		req.Header.Set(fields[i], fields[i+1])
	}
	return roundTrip(http.DefaultClient, req)
}

// did calls the API and wants it to do what it was asked.
func (w *world) did(method, path string, body []byte, fields ...string) reply {
	w.t.Helper()
	r := w.api(method, path, body, fields...)
	if r.err != nil || r.status != 200 {
		w.t.Fatalf("%s %s: %d %s (%v)", method, path, r.status, r.body, r.err)
	}
	return r
}

func (w *world) deploy(name string, module []byte) {
	w.t.Helper()
	w.did("PUT", "/v1/functions/"+name, module)
}

// metric is the sum of a metric over all series that carry the labels, as name="value".
func (w *world) metric(name string, labels ...string) (sum float64) {
	w.t.Helper()
	r := w.did("GET", "/metrics", nil)
series:
	for line := range strings.Lines(r.body) {
		series, value, ok := strings.Cut(strings.TrimSuffix(line, "\n"), "} ")
		if !ok || !strings.HasPrefix(series, name+"{") {
			continue
		}
		for _, l := range labels {
			if !strings.Contains(series+",", l) {
				continue series
			}
		}
		var v float64
		if _, err := fmt.Sscan(value, &v); err != nil {
			w.t.Fatalf("%s: %v", line, err)
		}
		sum += v
	}
	return sum
}

// metricAlone is a metric without labels.
func (w *world) metricAlone(name string) (v float64) {
	w.t.Helper()
	r := w.did("GET", "/metrics", nil)
	for line := range strings.Lines(r.body) {
		if value, ok := strings.CutPrefix(line, name+" "); ok {
			if _, err := fmt.Sscan(value, &v); err != nil {
				w.t.Fatalf("%s: %v", line, err)
			}
			return v
		}
	}
	w.t.Errorf("no metric %s", name)
	return 0
}

// wantMetric wants a metric to come to a value, see metric, and not beyond it.
func (w *world) wantMetric(want float64, name string, labels ...string) {
	w.t.Helper()
	var got float64
	eventually(w.t, fmt.Sprintf("%s%q is %v", name, labels, want), func() bool { got = w.metric(name, labels...); return got >= want })
	if got != want {
		w.t.Errorf("%s%q is %v, want %v", name, labels, got, want)
	}
}

// A logLine is what tests look at of a line of the access log.
type logLine struct {
	ID, Host, Path, Outcome, Reason, Error string
	Status                                 int
	Bytes                                  int64
	Functions                              []struct {
		Name, Hook, Failed string
		Answered           bool
		Fuel               int64
	}
}

// logged returns the lines of the access log, once there are those that enough asks for.
func (w *world) logged(enough func([]logLine) bool) (lines []logLine) {
	w.t.Helper()
	for end := time.Now().Add(patience); ; {
		// It is written behind the requests' backs; opening it again waits for the writer.
		if err := w.node.ReopenLogs(); err != nil {
			w.t.Fatal(err)
		}
		lines = lines[:0]
		f, err := os.Open(w.path("access.log"))
		if err != nil {
			w.t.Fatal(err)
		}
		for s := bufio.NewScanner(f); s.Scan(); {
			var l logLine
			if err := json.Unmarshal(s.Bytes(), &l); err != nil {
				w.t.Fatalf("a line of the access log is no JSON: %v: %s", err, s.Bytes())
			}
			lines = append(lines, l)
		}
		f.Close()
		if enough(lines) || time.Now().After(end) {
			return lines
		}
		<-time.After(10 * time.Millisecond)
	}
}

// eventually waits until a condition holds that the node brings about by itself: what it counts, logs and gives back when
// a request has been answered.
func eventually(t testing.TB, what string, f func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !f(); <-time.After(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("still not so: %s", what)
		}
	}
}

// An upstream is an origin that can be broken and mended.
type upstream struct {
	t        testing.TB
	addr     string
	handler  atomic.Pointer[http.HandlerFunc]
	requests atomic.Int64
	mu       sync.Mutex
	server   *http.Server // nil while it is killed
	silent   chan struct{}
}

// newUpstream starts an origin that answers with its name and the path, and lets caches keep it for a minute.
func newUpstream(t testing.TB, name string) *upstream {
	t.Helper()
	u := &upstream{t: t, silent: make(chan struct{})}
	u.serve(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "max-age=60")
		fmt.Fprintf(w, "%s %s", name, r.URL.Path)
	})
	u.listen("127.0.0.1:0")
	t.Cleanup(func() { close(u.silent); u.kill() })
	return u
}

func (u *upstream) url() string { return "http://" + u.addr }

// serve answers in another way from now on.
func (u *upstream) serve(h http.HandlerFunc) (before http.HandlerFunc) {
	if old := u.handler.Swap(&h); old != nil {
		return *old
	}
	return nil
}

func (u *upstream) listen(addr string) {
	u.t.Helper()
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		u.t.Fatal(err)
	}
	u.addr = ln.Addr().String()
	u.mu.Lock()
	defer u.mu.Unlock()
	s := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		u.requests.Add(1)
		(*u.handler.Load())(w, r)
	})}
	u.server = s
	go s.Serve(ln)
}

// kill ends the origin: connections are cut, new ones refused.
func (u *upstream) kill() {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.server != nil {
		u.server.Close()
		u.server = nil
	}
}

// revive starts it again at its old address, which another process may have been given for a moment.
func (u *upstream) revive() {
	u.t.Helper()
	eventually(u.t, "the address is free", func() bool {
		ln, err := net.Listen("tcp", u.addr)
		if err == nil {
			ln.Close()
		}
		return err == nil
	})
	u.listen(u.addr)
}

// slow answers once: it says that it was asked, and waits until it may answer.
func slow(asked, answer chan struct{}) http.HandlerFunc {
	var once sync.Once
	return func(w http.ResponseWriter, _ *http.Request) {
		once.Do(func() { close(asked) })
		<-answer
		w.Header().Set("Cache-Control", "max-age=60")
		io.WriteString(w, "slow")
	}
}

// residentBytes is how much memory the process has.
func residentBytes(t testing.TB) int64 {
	t.Helper()
	b, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		t.Skip("no /proc:", err)
	}
	var size, resident int64
	if _, err := fmt.Sscan(string(b), &size, &resident); err != nil {
		t.Fatal(err)
	}
	return resident * int64(os.Getpagesize())
}
