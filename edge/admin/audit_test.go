package admin

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var requestID = regexp.MustCompile(`"request":"[0-9a-f]{16}"`)

// The lines of the log, as they are: who did what to which thing.
func TestAuditLines(t *testing.T) {
	st := start(t, nil)
	f := func(secret, method, target, body, want string, fields ...string) {
		t.Helper()
		path := filepath.Join(st.dir, "audit.log")
		os.Truncate(path, 0)
		st.do(request(secret, method, target, body, fields...))
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if want != "" {
			want = `{"time":"2031-05-06T07:08:09Z","request":"X",` + want + "}\n"
		}
		if got := requestID.ReplaceAllString(string(b), `"request":"X"`); got != want {
			t.Errorf("%s %s:\n got %s want %s", method, target, got, want)
		}
	}
	wasm := "\x00asm\x01\x00\x00\x00"
	f(deploySecret, "PUT", "/v1/functions/new?message=hush", wasm, `"token":"ci","peer":"127.0.0.1","action":"function.deploy","owner":"default","object":"new","detail":"version 93a44bbb96c751218e4c00d479e4c14358122a389acca16205b1e4d0dc5f9476","status":200,"result":"ok"`)
	f(deploySecret, "PUT", "/v1/functions/headers", wasm, `"token":"ci","peer":"127.0.0.1","action":"function.deploy","owner":"default","object":"headers","status":409,"result":"conflict"`)
	f(deploySecret, "PUT", "/v1/functions/NO", wasm, `"token":"ci","peer":"127.0.0.1","action":"function.deploy","object":"NO","status":400,"result":"bad_request"`)
	f(readSecret, "DELETE", "/v1/functions/auth", "", `"token":"graph","peer":"127.0.0.1","action":"function.delete","status":403,"result":"forbidden"`)
	f(strangeSecret, "DELETE", "/v1/functions/auth?owner=default", "", `"token":"guest","peer":"127.0.0.1","action":"function.delete","object":"auth","status":403,"result":"forbidden"`)
	f(deploySecret, "PUT", "/v1/kv/s/value?key=hush", "hush", `"token":"ci","peer":"127.0.0.1","action":"kv.put","owner":"default","object":"s","detail":"key sha256:dc8331bcb2283e89","status":200,"result":"ok"`)
	f(deploySecret, "DELETE", "/v1/kv/s", "", `"token":"ci","peer":"127.0.0.1","action":"kv.drop","owner":"default","object":"s","detail":"1 entries","status":200,"result":"ok"`)
	f(purgeSecret, "POST", "/v1/purge", `{"url":"https://me:hush@shop.example/a?token=hush","soft":true}`, `"token":"cms","peer":"127.0.0.1","action":"cache.purge","owner":"default","object":"url https://shop.example/a?…","detail":"soft","status":200,"result":"ok"`, asJSON)
	f(operatorSecret, "POST", "/v1/purge?owner=another", `{"tag":"a\nb"}`, `"token":"operator","peer":"127.0.0.1","action":"cache.purge","owner":"another","object":"tag a\nb","status":200,"result":"ok"`, asJSON)
	f(operatorSecret, "PUT", "/v1/config?dry_run=true", "drain: 2s\n", "")
	f(readSecret, "GET", "/v1/functions", "", "")
	f("", "DELETE", "/v1/functions/auth", "", "")
}

// Rotation keeps every line but those of files that are too many.
func TestAuditRotates(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.log")
	l, err := openAudit(path, 100, 2)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 10 {
		if err := l.append(fmt.Appendf(nil, "line %02d %s\n", i, strings.Repeat("x", 31))); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.close(); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"": "08 09", ".1": "06 07", ".2": "04 05", ".3": "none"} {
		b, err := os.ReadFile(path + name)
		got := "none"
		if err == nil {
			lines := strings.SplitAfter(string(b), "\n")
			got = lines[0][5:7] + " " + lines[1][5:7]
		}
		if got != want {
			t.Errorf("audit.log%s holds lines %s, want %s", name, got, want)
		}
	}
}

// A line that the end of a process cut does not spoil the next.
func TestAuditMends(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.log")
	if err := os.WriteFile(path, []byte("{\"whole\":1}\n{\"cut"), 0o600); err != nil {
		t.Fatal(err)
	}
	l, err := openAudit(path, 1<<20, 2)
	if err != nil {
		t.Fatal(err)
	}
	defer l.close()
	if err := l.append([]byte("{\"next\":1}\n")); err != nil {
		t.Fatal(err)
	}
	b, _ := os.ReadFile(path)
	if string(b) != "{\"whole\":1}\n{\"cut\n{\"next\":1}\n" {
		t.Errorf("%q", b)
	}
}

// What cannot be recorded is not done, and is done again once it can.
func TestAuditFails(t *testing.T) {
	st := start(t, nil)
	// The disk refuses: the file is closed below the log's feet, and its place is taken.
	st.audit.file.Close()
	path := filepath.Join(st.dir, "audit.log")
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(path, 0o700); err != nil {
		t.Fatal(err)
	}
	st.do(request(operatorSecret, "POST", "/v1/functions/auth/disable", "")) // nobody could know yet
	if len(st.audits) != 1 {
		t.Errorf("told %v", st.audits)
	}
	w := st.do(request(operatorSecret, "DELETE", "/v1/functions/auth", ""))
	if w.Code != 503 || !strings.Contains(w.Body.String(), "audit log") || w.Header().Get("Retry-After") == "" {
		t.Errorf("%d: %s", w.Code, w.Body)
	}
	if _, ok := st.node.Named("default", "auth"); !ok {
		t.Error("it was done without a record")
	}
	if w := st.do(request(operatorSecret, "GET", "/v1/functions/auth", "")); w.Code != 200 {
		t.Errorf("reading: %d", w.Code)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if w := st.do(request(operatorSecret, "DELETE", "/v1/functions/auth", "")); w.Code != 200 {
		t.Errorf("after the disk was mended: %d: %s", w.Code, w.Body)
	}
	if r := st.records(t); len(r) != 1 || r[0].Action != "function.delete" || r[0].Result != "ok" {
		t.Errorf("audit %+v", r)
	}
}

// A panic in the middle of a write is recorded too.
func TestAuditPanic(t *testing.T) {
	st := start(t, nil)
	st.node.hook = func() { panic("a bug") }
	if w := st.do(request(operatorSecret, "PUT", "/v1/config", "drain: 2s\n")); w.Code != 500 {
		t.Errorf("%d: %s", w.Code, w.Body)
	}
	if r := st.records(t); len(r) != 1 || r[0].Action != "config.apply" || r[0].Result != "internal" {
		t.Errorf("audit %+v", r)
	}
}

func TestAuditClosed(t *testing.T) {
	st := start(t, nil)
	st.Close()
	if err := st.audit.append([]byte("x\n")); !errors.Is(err, errClosed) {
		t.Errorf("append after close: %v", err)
	}
	if w := st.do(request(operatorSecret, "DELETE", "/v1/functions/auth", "")); w.Code != 503 {
		t.Errorf("write after close: %d", w.Code)
	}
}
