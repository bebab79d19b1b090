package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	. "github.com/wedgecdn/wedge/runtime/engine/enginetest"
)

// A version that comes with conversations runs once the node has held it against them, and not before.
func TestDeployWithCases(t *testing.T) {
	module := func(code ...[]byte) string {
		m := &Module{}
		m.Func("on_request", "", "i", "", Code(Code(code...), I32(0))...)
		m.Func("wedge_abi_v1", "", "", "")
		return string(m.Bytes())
	}
	dir := t.TempDir()
	p := start(t, dir, `
functions: [{name: f}]
origins: [{name: shop, servers: [{url: "http://127.0.0.1:9"}]}]
sites: [{hosts: [shop.example], origin: shop, functions: [f]}]
`)
	p.write("good.wasm", module())
	p.write("bad.wasm", module(Unreachable))
	p.write("f.cases", "-- request --\nGET http://a.example/\n")
	p.write("none.txt", "nothing\n")
	f := func(code int, stdout, stderr string, args ...string) {
		t.Helper()
		var out, errs bytes.Buffer
		if got := run(args, strings.NewReader(""), &out, &errs); got != code || !strings.Contains(out.String(), stdout) || !strings.Contains(errs.String(), stderr) {
			t.Errorf("%q: exit code %d, want %d:\n%s%s", args, got, code, out.String(), errs.String())
		}
	}
	at := func(name string) string { return filepath.Join(dir, name) }
	f(0, "recorded", "", "function", "test", dir, "--module", at("good.wasm"), "--record")
	text, err := os.ReadFile(at("f.cases"))
	if err != nil || !strings.Contains(string(text), "from the origin") {
		t.Fatalf("%v: %s", err, text)
	}
	f(0, "f runs version ", "wedge: f.cases: ok", "function", "deploy", "f", at("good.wasm"), "--node", p.admin)
	f(1, "", "+ HTTP/1.1 500", "function", "deploy", "f", at("bad.wasm"), "--node", p.admin)
	f(1, "", "kept and does not run", "function", "deploy", "f", at("bad.wasm"), "--canary", "5%", "--node", p.admin)
	f(1, "", "there is no section request", "function", "deploy", "f", at("bad.wasm"), "--cases", at("none.txt"), "--node", p.admin)
	f(0, "before ", "", "function", "deploy", "f", at("bad.wasm"), "--no-test", "--node", p.admin)
	f(0, "state  ", "", "function", "show", "f", "--node", p.admin)
}
