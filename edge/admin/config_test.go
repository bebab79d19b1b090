package admin

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestConfigApply(t *testing.T) {
	st := start(t, nil)
	path := filepath.Join(st.dir, "wedge.yaml")
	holds := func(file, want string) {
		t.Helper()
		if b, err := os.ReadFile(file); err != nil || string(b) != want {
			t.Errorf("%s holds %q (%v), want %q", filepath.Base(file), b, err, want)
		}
	}
	put := func(target, body string, status int, fields ...string) string {
		t.Helper()
		w := st.do(request(operatorSecret, "PUT", target, body, fields...))
		if w.Code != status {
			t.Errorf("%s %q: %d, want %d: %s", target, body, w.Code, status, w.Body)
		}
		return w.Body.String()
	}
	tag := func() string {
		t.Helper()
		return st.do(request(operatorSecret, "GET", "/v1/config", "")).Header().Get("ETag")
	}
	first := tag()

	put("/v1/config?dry_run=true", "drain: 2s\n", 200)
	put("/v1/config", "bad\n", 422)
	holds(path, "memory: 1GiB\n")
	if st.node.reloads != 0 || tag() != first {
		t.Error("checking changed something")
	}

	st.node.hook = func() { holds(path, "drain: 2s\n") } // the file is there before the reload reads it
	put("/v1/config", "drain: 2s\n", 200, "If-Match: "+first)
	holds(path, "drain: 2s\n")
	holds(path+".1", "memory: 1GiB\n")
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o640 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	put("/v1/config", "drain: 3s\n", 412, "If-Match: "+first)
	holds(path, "drain: 2s\n")

	// What cannot be put into effect is taken back.
	st.node.hook = nil
	st.node.refuse = &Error{Code: Conflict, Message: "the port is taken", Hint: "use another"}
	put("/v1/config", "drain: 4s\n", 409)
	holds(path, "drain: 2s\n")
	st.node.refuse = errors.New("disk of SECRET-PLACE on fire")
	if body := put("/v1/config", "drain: 4s\n", 500); strings.Contains(body, "SECRET") {
		t.Error(body)
	}
	holds(path, "drain: 2s\n")
	st.node.refuse = nil

	// A link stays one.
	link := filepath.Join(st.dir, "link.yaml")
	if err := os.Symlink("wedge.yaml", link); err != nil {
		t.Fatal(err)
	}
	st.opt.ConfigFile = link
	put("/v1/config", "drain: 5s\n", 200)
	holds(path, "drain: 5s\n")
	if info, err := os.Lstat(link); err != nil || info.Mode()&os.ModeSymlink == 0 {
		t.Errorf("the link is %v, %v", info.Mode(), err)
	}

	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	put("/v1/config", "drain: 6s\n", 409)
	if w := st.do(request(operatorSecret, "GET", "/v1/config", "")); w.Code != 200 || w.Header().Get("ETag") != "" {
		t.Errorf("show without the file: %d: %s", w.Code, w.Body)
	}
	st.opt.ConfigFile = ""
	put("/v1/config", "drain: 6s\n", 409)
	put("/v1/config?dry_run=true", "drain: 6s\n", 200)

	left, err := filepath.Glob(filepath.Join(st.dir, ".wedge-*"))
	if err != nil || len(left) != 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}
