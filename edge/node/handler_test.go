package node_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/wedgecdn/wedge/edge/config"
	"github.com/wedgecdn/wedge/edge/node"
)

// javaScript builds the programs of testdata/js into the engine of js-compute, as its own command line does: wizer runs
// the engine up to the point where it has read them. It skips the test where these are not installed.
func javaScript(t *testing.T) []byte {
	t.Helper()
	const dir = "testdata/js"
	wizer := filepath.Join("node_modules", "@bytecodealliance", "wizer", "wizer.js")
	if _, err := exec.LookPath("node"); err != nil {
		t.Skip("JavaScript needs node: run .ci/tools")
	}
	if _, err := os.Stat(filepath.Join(dir, wizer)); err != nil {
		t.Skip("JavaScript needs @fastly/js-compute: run .ci/tools")
	}
	out := filepath.Join("node_modules", fmt.Sprintf("test-%d.wasm", os.Getpid()))
	defer os.Remove(filepath.Join(dir, out))
	cmd := exec.Command("node", wizer, "--inherit-env=true", "--allow-wasi", "--dir=.", "-r", "_start=wizer.resume", "--wasm-bulk-memory=true",
		"-o="+out, filepath.Join("node_modules", "@fastly", "js-compute", "fastly.wasm"))
	cmd.Dir, cmd.Stdin = dir, strings.NewReader("main.js")
	if text, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("wizer: %v\n%s", err, text)
	}
	b, err := os.ReadFile(filepath.Join(dir, out))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// Programs that were written for Fastly Compute's JavaScript answer on a node: what the client and the origin see.
func TestJavaScript(t *testing.T) {
	if raceDetector {
		t.Skip("the engine has 11 MiB: compiled by a node with the race detector it takes minutes")
	}
	module := javaScript(t)
	var mu sync.Mutex
	var asked []string
	origin := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		mu.Lock()
		asked = append(asked, strings.TrimSpace(r.Method+" "+r.Host+r.URL.String()+" "+r.Header.Get("X-Relayed-By")+" "+string(b)))
		mu.Unlock()
		switch r.URL.Path {
		case "/prices":
			rw.Header().Set("Content-Type", "application/json")
			io.WriteString(rw, `{"tea":3}`)
		case "/stock":
			rw.WriteHeader(404)
		case "/ill":
			rw.WriteHeader(500)
		case "/text":
			rw.Header().Set("Content-Type", "text/plain")
			for range 3 {
				io.WriteString(rw, "some text; ")
				rw.(http.Flusher).Flush()
			}
		default:
			rw.Header().Set("Content-Type", "text/html")
			io.WriteString(rw, "page "+r.URL.Path)
		}
	}))
	defer origin.Close()
	w := newWorld(t, `
functions:
  - name: again
    isolation: instance
    limits: {memory: 128MiB, cpu: 1s, wall: 20s}
    fetch: [shop]
  - name: app
    limits: {memory: 128MiB, cpu: 5s, wall: 20s}
    fetch: [shop]
    config: {experiment.share: 100}
    secrets: {keys.pepper: {file: pepper}}
origins: [{name: shop, servers: [{url: "`+origin.URL+`"}]}]
sites:
  - hosts: [gate.example, pages.example, relay.example]
    origin: shop
    handler: app
    routes:
      - path: /forever
        handler: {name: app, limits: {cpu: 100ms}}
  - hosts: [again.example]
    origin: shop
    handler: again
`, map[string][]byte{"pepper": []byte("salt")})

	// The deploy compiles, and leaves an instance that waits: the first request meets both. As it takes the instance, another may be made for who comes next.
	w.deploy("app", module)
	compile := w.metric("wedge_function_compile_seconds", `function="app"`)
	made := w.metric("wedge_function_instances_made_total", `function="app"`)
	if compile == 0 || made == 0 || w.metric("wedge_function_instances", `function="app"`, `state="idle"`) == 0 {
		t.Errorf("when the deploy is done it has compiled for %v s and made %v instances", compile, made)
	}
	w.want("http://gate.example/a", 401, `{"login":"/login"}`)
	if n := w.metric("wedge_function_queued_total", `function="app"`); n != 0 {
		t.Errorf("the first request waited for an instance")
	}
	// What it took is booked when the program has ended, which may be after its answer has come.
	cpu := 0.0
	eventually(t, "the first request is booked", func() bool {
		cpu = w.metric("wedge_function_version_cpu_seconds_total", `function="app"`)
		return cpu > 0
	})
	if cpu > compile/10 {
		t.Errorf("the first request took %v s, compiling %v s", cpu, compile)
	}
	w.deploy("again", module)
	seen := func(want ...string) {
		t.Helper()
		mu.Lock()
		defer mu.Unlock()
		if strings.Join(asked, "\n") != strings.Join(want, "\n") {
			t.Errorf("the origin was asked %q, want %q", asked, want)
		}
		asked = nil
	}

	// gate: stores, secrets, cryptography, a fetch through the cache.
	w.want("http://gate.example/a", 401, `{"login":"/login"}`)
	r := w.send("POST", "http://gate.example/login", `{"user":"ann"}`)
	cookie, _, _ := strings.Cut(r.header.Get("Set-Cookie"), ";")
	if r.status != 201 || len(cookie) != len("session=")+64 {
		t.Fatalf("login: %d %q %v", r.status, r.body, r.header)
	}
	seen()
	for range 2 {
		r = w.want("http://gate.example/a", 200, "page /new/a", "Cookie", cookie)
		if r.header.Get("X-User") != "ann" || r.header.Get("X-Design") != "new" {
			t.Errorf("fields %v", r.header)
		}
	}
	seen("GET shop.example/new/a")
	w.did("POST", "/v1/purge", []byte(`{"tag":"pages"}`))
	w.want("http://gate.example/a", 200, "page /new/a", "Cookie", cookie)
	seen("GET shop.example/new/a")

	// pages: bodies, requests beside each other, a stream; each request meets a program that is as new.
	if r = w.send("POST", "http://pages.example/table", "a=1&b=2"); r.body != "<table><tr><td>a</td><td>1</td></tr><tr><td>b</td><td>2</td></tr></table>" {
		t.Errorf("table: %d %q", r.status, r.body)
	}
	w.want("http://pages.example/summary", 200, `{"prices":{"tea":3},"stock":"status 404"}`)
	mu.Lock()
	if len(asked) != 2 {
		t.Errorf("asked %q", asked)
	}
	asked = nil
	mu.Unlock()
	w.want("http://pages.example/ticker?n=2", 200, "tick 2\ntick 1\n")
	for range 3 {
		w.want("http://pages.example/visits", 200, "visit 1")
	}
	// What is random is so in each of them, and the time goes on.
	var last []any
	for range 3 {
		var now []any
		before := time.Now().UnixMilli()
		r := w.want("http://pages.example/random", 200, "")
		if err := json.Unmarshal([]byte(r.body), &now); err != nil || len(now) != 4 {
			t.Fatalf("%q: %v", r.body, err)
		}
		for i := range min(len(last), 3) {
			if now[i] == last[i] {
				t.Errorf("two requests met the same: %v, then %v", last, now)
			}
		}
		if date := int64(now[3].(float64)); date < before-1000 || date > time.Now().UnixMilli() {
			t.Errorf("the date is %d, in a request that began at %d", date, before)
		}
		last = now
	}
	w.want("http://pages.example/throw", 500, "")
	w.want("http://pages.example/nobody", 500, "")
	if r = w.want("http://pages.example/forever", 500, ""); !strings.Contains(r.header.Get("Cache-Status"), "detail=function-budget") {
		t.Errorf("forever: %v", r.header)
	}
	w.want("http://pages.example/visits", 200, "visit 1")

	// relay: content that passes both ways, of more than max_body and more than a program may hold.
	large := strings.Repeat("0123456789", 3_600_000)
	if r = w.send("POST", "http://relay.example/echo", large); r.status != 202 || r.body != large || r.header.Get("X-Method") != "POST" {
		t.Errorf("echo: %d, %d bytes (%v)", r.status, len(r.body), r.err)
	}
	seen()
	w.want("http://relay.example/text", 200, "SOME TEXT; SOME TEXT; SOME TEXT; ")
	w.want("http://relay.example/ill", 503, "the origin is not well")
	r = w.send("PUT", "http://relay.example/b?c=d", "what is put")
	if r.body != "page /b" || r.header.Get("X-Relayed") != "200" {
		t.Errorf("relayed: %q %v", r.body, r.header)
	}
	seen("GET shop.example/text relay", "GET shop.example/ill relay", "PUT shop.example/b?c=d relay what is put")
	w.want("http://relay.example/who", 200, `{"address":"127.0.0.1","agent":"Go-http-client/1.1"}`)

	// again: one program for one request after another, until something ends it. What a handler throws does not.
	for i := range 3 {
		w.want("http://again.example/visits", 200, fmt.Sprint("visit ", i+1))
	}
	w.want("http://again.example/throw", 500, "")
	w.want("http://again.example/visits", 200, "visit 4")
	w.want("http://again.example/summary", 200, `{"prices":{"tea":3},"stock":"status 404"}`)
	w.want("http://again.example/ticker?n=2", 200, "tick 2\ntick 1\n")
	if r = w.want("http://again.example/forever", 500, ""); !strings.Contains(r.header.Get("Cache-Status"), "detail=function-budget") {
		t.Errorf("forever: %v", r.header)
	}
	w.want("http://again.example/visits", 200, "visit 1")
	var clients sync.WaitGroup
	for range 4 {
		clients.Go(func() {
			for range 5 {
				if r := w.send("POST", "http://again.example/table", "a=1"); r.body != "<table><tr><td>a</td><td>1</td></tr></table>" {
					t.Errorf("table: %d %q", r.status, r.body)
				}
			}
		})
	}
	clients.Wait()
	w.want("http://pages.example/visits", 200, "visit 1")
}

// A module is bound as what it is: a program as a handler, one with hooks among functions.
func TestHandlerKinds(t *testing.T) {
	f := func(what, module, bind, want string) {
		t.Helper()
		w := &world{t: t, dir: t.TempDir()}
		text := heading + "\norigins: [{name: o, servers: [{url: \"http://127.0.0.1:9\"}]}]\nfunctions: [{name: f, module: m.wasm}]\nsites: [{hosts: [\"*\"], origin: o, " + bind + "}]\n"
		w.write("m.wasm", []byte(module))
		w.write("wedge.yaml", []byte(text))
		err := w.starts()
		if a, ok := errors.AsType[*node.Advice](err); !ok || !strings.Contains(a.Error(), "function f: ") || !strings.Contains(a.Hint, want) {
			t.Errorf("%s: %v, want the advice %q", what, err, want)
		}
	}
	const (
		types   = "\x01\x08\x02\x60\x00\x00\x60\x00\x01\x7f"
		start   = "\x00asm\x01\x00\x00\x00" + "\x01\x09\x02\x60\x00\x00\x60\x01\x7e\x01\x7f" + "\x02\x13\x01\x0afastly_abi\x04init\x00\x01" + "\x03\x02\x01\x00" + "\x07\x0a\x01\x06_start\x00\x01" + "\x0a\x04\x01\x02\x00\x0b"
		request = "\x00asm\x01\x00\x00\x00" + types + "\x03\x03\x02\x00\x01" + "\x07\x1d\x02\x0cwedge_abi_v1\x00\x00\x0aon_request\x00\x01" + "\x0a\x09\x02\x02\x00\x0b\x04\x00\x41\x00\x0b"
	)
	f("a program among functions", start, "functions: [f]", "write handler: f")
	f("hooks as a handler", request, "handler: f", "put f under functions:")
}

// starts makes a node of the folder and ends it; the error is why there is none.
func (w *world) starts() error {
	c, err := config.Load(w.path("wedge.yaml"))
	if err != nil {
		return err
	}
	n, err := node.New(c, node.Options{Version: "test", ConfigFile: w.path("wedge.yaml"), Stderr: &bytes.Buffer{}})
	if err != nil {
		return err
	}
	return n.Shutdown(context.Background())
}
