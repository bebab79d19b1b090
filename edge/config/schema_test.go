package config

import (
	"bytes"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

func compileSchema(t testing.TB) *jsonschema.Schema {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(Schema()))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("wedge.json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("wedge.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// validate asks the schema about a YAML text.
func validate(t testing.TB, s *jsonschema.Schema, text []byte) error {
	t.Helper()
	var v any
	if err := yaml.Unmarshal(text, &v); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	if v == nil {
		v = map[string]any{}
	}
	return s.Validate(v)
}

func TestSchema(t *testing.T) {
	s := compileSchema(t)
	good := func(text string) {
		t.Helper()
		mustParse(t, text)
		if err := validate(t, s, []byte(text)); err != nil {
			t.Errorf("%s\n%v", text, err)
		}
	}
	bad := func(text string) {
		t.Helper()
		if _, err := Parse("w", []byte(text)); err == nil {
			t.Errorf("Parse takes %s", text)
		}
		if err := validate(t, s, []byte(text)); err == nil {
			t.Errorf("the schema takes %s", text)
		}
	}
	good("")
	good("memory: 1073741824")
	good("http: {body_size: none}")
	good("access_log: {file: off}")
	good("functions: [{name: a, limits: {cpu: none, memory: 1MiB, fuel: 5}, config: {a: 1, b: true, c: 1.5, d: x}, secrets: {k: {env: E}}}]")
	good("functions: [{name: a, limits: {fuel: none, memory: 1048576}}]")
	good(site("functions: [auth, {name: ab, config: {weight: 20}}], routes: [{path: /*}]"))
	good(host("'*', '*.a', '[::1]', Bücher.example"))
	if err := validate(t, s, Show(full(t))); err != nil {
		t.Error(err)
	}

	bad("listn: {}")
	bad("listen: {http: 8080}")
	bad("listen: {http: a}")
	bad("memory: 0")
	bad("memory: -1")
	bad("memory: 1GB")
	good("functions: [{name: a, limits: {memory: auto}}]")
	bad("memory: none")
	bad("memory: auto")
	bad("memory: 1.5")
	bad("drain: 10")
	bad("drain: 1d")
	bad("drain: none")
	bad("http: {connections: 0}")
	bad("http: {header_count: 10001}")
	bad("http: []")
	bad("sites: {}")
	bad("sites: [{hosts: [a]}]")
	bad(host(""))
	bad(host("a/b"))
	bad("functions: [{}]")
	bad("functions: [{name: A}]")
	bad(function("isolation: none"))
	bad(function("instances: 0"))
	bad(function("config: {a: []}"))
	bad(function("secrets: {k: hunter2}"))
	bad(function("secrets: {k: {}}"))
	bad(function("secrets: {k: {file: a, env: B}}"))
	bad(function("limits: {disk: 1}"))
	bad(function("fetch: ['https://a/b']"))
	bad("origins: [{name: o, servers: []}]")
	bad(server("ftp://a"))
	bad(server("http://u@a"))
	bad(site("functions: [{}]"))
	bad(site("functions: [{name: auth, owner: acme}]"))
	bad(site("routes: [{path: a}]"))
	bad(site("cache: {mode: store}"))
	bad("trusted_proxies: [all]")
	bad("admin: {tokens: [{name: a, file: a, scopes: [write]}]}")
}
