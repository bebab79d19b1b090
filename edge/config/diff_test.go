package config

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestDiff(t *testing.T) {
	f := func(before, after string, want ...string) {
		t.Helper()
		var got []string
		for _, c := range Diff(mustParse(t, before), mustParse(t, after)) {
			when := "reload"
			if c.Restart {
				when = "restart"
			}
			got = append(got, fmt.Sprintf("%s %s %q %q %s", c.Kind, c.Path, c.Old, c.New, when))
		}
		if strings.Join(got, "\n") != strings.Join(want, "\n") {
			t.Errorf("from %s\nto %s:\n got %s\nwant %s", before, after, strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	}
	f("", "")
	f("", "memory: 2GiB", `changed memory "1GiB" "2GiB" restart`)
	f("", "data: x", `changed data "/etc/wedge/wedge-data" "/etc/wedge/x" restart`)
	f("", "listen: {http: ':1'}", `changed listen.http "\":8080\"" "\":1\"" restart`)
	f("", "admin: {listen: 'localhost:1'}", `changed admin.listen "\"127.0.0.1:9070\"" "\"localhost:1\"" restart`)
	f("", "cache: {memory: 128MiB, object_size: 1MiB}",
		`changed cache.memory "256MiB" "128MiB" restart`,
		`changed cache.object_size "64MiB" "1MiB" reload`)
	f("", "http: {connections: 5}", `changed http.connections "20000" "5" reload`)
	f("", "drain: 5s", `changed drain "30s" "5s" reload`)
	f("", "trusted_proxies: [10.0.0.0/8]", `added trusted_proxies "" "[\"10.0.0.0/8\"]" reload`)
	f("trusted_proxies: [10.0.0.0/8]", "", `removed trusted_proxies "[\"10.0.0.0/8\"]" "" reload`)
	f("", "functions: [{name: f}]", `added functions "" "" reload`)
	f("functions: [{name: f}]", "functions: [{name: g}, {name: f, owner: acme}]",
		`added functions.g "" "" reload`,
		`added functions.acme/f "" "" reload`,
		`removed functions.f "" "" reload`)
	// What a function gains, its bindings gain as well.
	f(site("functions: [auth]"), strings.Replace(site("functions: [auth]"), "{name: auth}", "{name: auth, config: {a: b}}", 1),
		`added functions.auth.config "" "" reload`,
		`added sites.a.example.functions.auth.config "" "" reload`)
	f(site("functions: [auth, ab]"), site("functions: [ab, auth]"), `changed sites.a.example.functions "[auth, ab]" "[ab, auth]" reload`)
	f(site("routes: [{path: /a}]"), site("routes: [{path: /a, cache: {mode: pass}}, {path: /b}]"),
		`changed sites.a.example.routes./a.cache.mode "honour" "pass" reload`,
		`added sites.a.example.routes./b "" "" reload`)
	f(function("secrets: {k: {file: a}}"), function("secrets: {k: {env: A}}"),
		`added functions.a.secrets.k.env "" "A" reload`,
		`removed functions.a.secrets.k.file "/etc/wedge/a" "" reload`)
}

func TestDiffSeesSecretsWithoutShowingThem(t *testing.T) {
	dir := t.TempDir()
	load := func(value string) *Config {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, "key"), []byte(value), 0o600); err != nil {
			t.Fatal(err)
		}
		c, err := Parse(filepath.Join(dir, "wedge.yaml"), []byte("admin: {token_file: key, tokens: [{name: ci, file: key, scopes: [read]}]}\n"+function("secrets: {k: {file: key}}")))
		if err != nil {
			t.Fatal(err)
		}
		if err := LoadSecrets(c); err != nil {
			t.Fatal(err)
		}
		return c
	}
	one, same, other := load("hunter2"), load("hunter2\n"), load("hunter3")
	if changes := Diff(one, same); len(changes) != 0 {
		t.Errorf("equal secrets: %v", changes)
	}
	var paths []string
	for _, c := range Diff(one, other) {
		paths = append(paths, c.Path)
		if c.Old != redacted || c.New != redacted || c.Kind != Changed {
			t.Errorf("got %+v", c)
		}
	}
	if got := strings.Join(paths, " "); got != "admin.token_file admin.tokens.ci.file functions.a.secrets.k" {
		t.Errorf("changed: %s", got)
	}
}
