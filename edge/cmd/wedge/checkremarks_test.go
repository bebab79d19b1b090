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

// A segment that has no effect is told of, with its line and what to do; the file is right all the same.
func TestCheckUnsegmented(t *testing.T) {
	dir := t.TempDir()
	for name, hook := range map[string]string{"fetched.wasm": "on_fetched", "response.wasm": "on_response"} {
		m := &Module{}
		m.Func(hook, "", "i", "", I32(0)...)
		m.Func("wedge_abi_v1", "", "", "")
		if err := os.WriteFile(filepath.Join(dir, name), m.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	file := filepath.Join(dir, "wedge.yaml")
	check := func(site string, args ...string) (stdout, stderr string) {
		t.Helper()
		text := "origins: [{name: o, servers: [{url: http://a}]}]\n" +
			"functions: [{name: marks, module: fetched.wasm}, {name: sends, module: response.wasm}, {name: later}, {name: lost, module: lost.wasm}]\n" +
			"sites:\n- {hosts: [a.example], origin: o, " + site + "}\n"
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		var out, errs bytes.Buffer
		if code := run(append([]string{"check", "--config", file}, args...), strings.NewReader(""), &out, &errs); code != 0 {
			t.Errorf("%s: exit code %d: %s", site, code, errs.String())
		}
		return out.String(), errs.String()
	}
	f := func(site string, want ...string) {
		t.Helper()
		stdout, stderr := check(site)
		if !strings.Contains(stdout, ": ok, 1 site") || strings.Count(stderr, "wedge: warning: ") != len(want)/2 || strings.Count(stderr, "wedge: hint: ") != len(want)/2 {
			t.Errorf("%s: %s%s", site, stdout, stderr)
		}
		for _, w := range want {
			if !strings.Contains(stderr, w) {
				t.Errorf("%s: it says\n%s\nwithout %q", site, stderr, w)
			}
		}
	}
	const sees = "has no effect: the function marks sees responses before they are stored (on_fetched), so they are fetched whole\n    4 | - {hosts:"
	f("cache: {segment: 1MiB}, functions: [sends, marks]", "wedge.yaml:4:52: sites[0].cache.segment "+sees, "remove segment, or take marks from the site")
	f("cache: {segment: 1MiB}, functions: [marks], routes: [{path: /a}]", ":4:52: sites[0].cache.segment "+sees, "remove segment")
	f("cache: {segment: 1MiB}, routes: [{path: /a, functions: [marks]}, {path: /b}]", ":4:68: sites[0].routes[0].cache.segment "+sees, "write cache: {segment: 0} in the route")
	f("functions: [marks], routes: [{path: /a, cache: {segment: 1MiB}}]", ":4:92: sites[0].routes[0].cache.segment has no effect", "take marks from what runs there")
	f("cache: {segment: 1MiB}, functions: [sends, later, lost]")
	f("functions: [marks]")
	f("cache: {segment: 1MiB, mode: pass}, functions: [marks]")
	f("cache: {segment: 1MiB}, routes: [{path: /a, cache: {segment: 0}, functions: [marks]}]")

	stdout, stderr := check("cache: {segment: 1MiB}, functions: [marks]", "--json")
	var a checkAnswer
	if err := json.Unmarshal([]byte(stdout), &a); err != nil || !a.OK || stderr != "" || len(a.Warnings) != 1 || a.Warnings[0].Line != 4 || a.Warnings[0].Hint == "" {
		t.Errorf("%v: %s%s", err, stdout, stderr)
	}
}
