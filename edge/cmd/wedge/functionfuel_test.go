package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	. "github.com/wedgecdn/wedge/runtime/engine/enginetest"
)

// What a function costs is measured without a node, and a bound on it is an exit code.
func TestFunctionFuel(t *testing.T) {
	m := &Module{}
	m.Func("on_request", "", "i", "i", Code(I32(100), Set(0), Op(0x03, 0x40), Get(0), I32(1), Op(0x6b), Op(0x22, 0), Op(0x0d, 0), Op(0x0b), I32(0))...)
	m.Func("on_response", "", "i", "", I32(0)...)
	m.Func("wedge_abi_v1", "", "", "")
	file := filepath.Join(t.TempDir(), "f.wasm")
	if err := os.WriteFile(file, m.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	f := func(code int, stdout, stderr string, args ...string) {
		t.Helper()
		var out, errs bytes.Buffer
		if got := run(append([]string{"function", "fuel", file}, args...), strings.NewReader(""), &out, &errs); got != code {
			t.Errorf("%q: exit code %d, want %d", args, got, code)
		}
		if !strings.Contains(out.String(), stdout) || !strings.Contains(errs.String(), stderr) {
			t.Errorf("%q: %s%s", args, out.String(), errs.String())
		}
	}
	var r fuelReport
	var out bytes.Buffer
	if code := run([]string{"function", "fuel", file, "--json"}, strings.NewReader(""), &out, &out); code != 0 || json.Unmarshal(out.Bytes(), &r) != nil {
		t.Fatalf("%d: %s", code, out.String())
	}
	if r.Rounds != 10 || len(r.Hooks) != 2 || r.Hooks[0].Hook != "on_request" || r.Hooks[0].Fuel < 300 || r.Hooks[1].Fuel > 20 {
		t.Errorf("%+v", r)
	}
	f(0, "on_response", "", "--most", "100000", "-H", "Accept: text/html", "--rounds", "2")
	f(1, "on_request", "wedge: error: on_request costs ", "--most", "100")
	f(2, "", "write it as name:value", "-H", "Accept")
	f(1, "", "is no URL", "--url", "shop")
}
