package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// localProject copies testdata/local to a folder, with its backend at origin, and builds the program there.
func localProject(t *testing.T, origin string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	if err := os.CopyFS(dir, os.DirFS("testdata/local")); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "fastly.toml")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, bytes.ReplaceAll(text, []byte("ORIGIN"), []byte(origin)), 0o600); err != nil {
		t.Fatal(err)
	}
	build := exec.Command("go", "build", "-o", filepath.Join(dir, "p.wasm"), "./testdata/local/main.go")
	build.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	return dir
}

const localWorld = `config Inline hello
config filed from a file
config Old good day
secret KEYS "salt\n"
secret more "black"
kv hello "world"
kv page "a page"
geo {"as_number":64500,"city":"Basel","latitude":47.5}
device {"device":{"is_desktop":true,"name":"X"}}
backends 1
`

// A program finds in its world what fastly.toml says, is run once with arguments as "go test -exec" gives them, and as a
// server without.
func TestFunctionRun(t *testing.T) {
	if raced {
		t.Skip("a node with the race detector compiles a program in Go for half a minute")
	}
	asked := make(chan string, 10)
	origin := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		asked <- r.Host + r.URL.String()
		io.WriteString(rw, "from the backend")
	}))
	defer origin.Close()
	dir := localProject(t, strings.TrimPrefix(origin.URL, "http://"))

	once := func(code int, stdout, stderr string, args ...string) {
		t.Helper()
		cmd := exec.Command("wedge", append([]string{"function", "run"}, args...)...)
		cmd.Dir = dir
		var out, errs bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &errs
		err := cmd.Run()
		if exit, failed := errors.AsType[*exec.ExitError](err); err != nil && !failed || cmd.ProcessState.ExitCode() != code {
			t.Errorf("%q: %v (%v), want code %d\n%s", args, err, exit, code, &errs)
		}
		if out.String() != stdout || !strings.Contains(errs.String(), stderr) {
			t.Errorf("%q: stdout\n%swant\n%sstderr\n%swant %q in it", args, &out, stdout, &errs, stderr)
		}
	}
	once(3, "args [3 -test.v=true --x] host localhost\n"+localWorld, "to stderr", "-C", "fastly.toml", "p.wasm", "3", "-test.v=true", "--x")
	once(0, "args [0] host localhost\n"+localWorld, "fastly.toml:50: pushpin has no effect here", "--config", "fastly.toml", "p.wasm", "--", "0")
	once(2, "args [trap] host localhost\n"+localWorld, "panic: runtime error", "-C", "fastly.toml", "p.wasm", "trap")
	once(99, "args [5] host localhost\nInline status 10\n", "", "p.wasm", "5")
	once(1, "", "names no.json, which cannot be read", "-C", "bad.toml", "p.wasm", "5")
	once(1, "", "read the module", "-C", "fastly.toml", "none.wasm")

	addr := freeAddr(t)
	cmd := exec.Command("wedge", "function", "run", "-C", "fastly.toml", "--addr", addr, "p.wasm")
	cmd.Dir = dir
	said, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Process.Kill()
	told := make(chan string, 1)
	go func() {
		var b strings.Builder
		buf := make([]byte, 4096)
		for sent := false; ; {
			n, err := said.Read(buf)
			b.Write(buf[:n])
			if done := strings.Contains(b.String(), "answers on"); !sent && (done || err != nil) {
				told <- b.String()
				sent = true
			}
			if err != nil {
				return
			}
		}
	}()
	if text := <-told; !strings.Contains(text, "p.wasm answers on http://"+addr) {
		t.Fatalf("it says %q", text)
	}
	client := http.Client{Timeout: time.Minute}
	r, err := client.Get("http://" + addr + "/a?b=c")
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		t.Error(err)
	}
	r.Body.Close()
	if got := fmt.Sprintf("%d %s, asked %s", r.StatusCode, body, <-asked); got != "200 from the backend, asked shop.example/base/a?b=c" {
		t.Errorf("got %s", got)
	}
	cmd.Process.Signal(syscall.SIGTERM)
	if err := cmd.Wait(); err != nil {
		t.Errorf("it ended with %v", err)
	}
}

// A program that trapped has failed, one that ended has its code.
func TestEnding(t *testing.T) {
	f := func(e ending, code int, said string) {
		t.Helper()
		var out, errs bytes.Buffer
		c := newCommand(nil, &out, &errs)
		if got := c.report(e.exit()); got != code || !strings.Contains(errs.String(), said) || said == "" && errs.Len() > 0 {
			t.Errorf("%+v: code %d, want %d; it said %q", e, got, code, &errs)
		}
	}
	f(ending{}, 0, "")
	f(ending{code: 7}, 7, "")
	f(ending{err: errors.New("unreachable")}, 1, "the program failed: unreachable")
}

// Names that the vendor allows become names that a node accepts, no two the same.
func TestLocalNames(t *testing.T) {
	n := newNames("nowhere")
	f := func(theirs, want string) {
		t.Helper()
		if got := n.of(theirs); got != want {
			t.Errorf("%q is %q, want %q", theirs, got, want)
		}
	}
	f("api", "api")
	f("API", "api-2")
	f("api", "api")
	f("nowhere", "nowhere-2")
	f("My Store", "my-store")
	f("__", "x")
	f("é", "x-2")
	f(strings.Repeat("a", 80), strings.Repeat("a", 50))
}
