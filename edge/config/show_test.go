package config

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/google/go-cmp/cmp"

	"github.com/wedgecdn/wedge/edge/config/internal/field"
)

// sameAgain checks that what Show writes means what was shown, and that it is written in one way only.
func sameAgain(t testing.TB, c *Config) {
	t.Helper()
	shown := Show(c)
	if len(shown) > MaxFile {
		return
	}
	again, err := Parse("/elsewhere/wedge.yaml", shown)
	if err != nil {
		t.Fatalf("%s\n%s", shown, err.(Errors).Text())
	}
	if !reflect.DeepEqual(c, again) {
		t.Fatalf("%s\n%s", shown, cmp.Diff(c, again, cmp.Comparer(SecretValue.Equal), cmp.Exporter(func(reflect.Type) bool { return true })))
	}
	if second := Show(again); string(second) != string(shown) {
		t.Fatalf("Show writes\n%s\nand then\n%s", shown, second)
	}
	if changes := Diff(c, again); len(changes) > 0 {
		t.Fatalf("Diff sees %v", changes)
	}
}

func TestShowIsReadBack(t *testing.T) {
	f := func(text string) { t.Helper(); sameAgain(t, mustParse(t, text)) }
	f("")
	f("access_log: {file: off}")
	f("access_log: {file: ./off}")
	f("http: {body_size: none, header_size: 1000}")
	f(`functions: [{name: f, config: {a: "", b: "1", "c d": "x\n\ty", e: "\x00\x1b\x85\ufeff\u2028\U0001f600\"\\", f: "é ü", g: "- a", h: "#", i: " x ", j: "null", k: ~x, l: "0x1", m: "=", n: "<<", "<<x": y, "? z": "|", "true": "1e5"}}]`)
	f("functions: [{name: f, kv: [], limits: {memory: none, fuel: 5}}]")
	f("limits: {cpu: 1s, wall: 10m, memory: 100MiB, fuel: 5, host_calls: 7}\nfunctions: [{name: f, limits: {cpu: none, memory: none, host_calls: none}}]")
	f(site("functions: [auth, {name: ab, limits: {memory: auto}}]"))
	f("functions: [{name: f, limits: {memory: 32MiB}}]")
	f(site("functions: [auth, {name: ab, limits: {memory: 32MiB}, fetch: [o], kv: [], reads: [cookie]}]"))
	f(site("functions: [{name: auth}], routes: [{path: /, functions: [{name: ab, isolation: instance}]}]"))
	f(site("cache: {mode: force, key_cookies: [a]}, routes: [{path: /, cache: {mode: honour}}, {path: /a, cache: {key_cookies: []}}]"))
	f(site("routes: [{path: /a/*, origin: o, cache: {mode: force, ttl: 60s}}]"))
	f("functions: [{name: f, fetch: [o], reads: [cookie], secrets: {a: {file: x}}}]\norigins: [{name: o, servers: [{url: http://a}]}]\n" +
		"sites: [{hosts: [a], origin: o, functions: [{name: f, fetch: [], reads: [], secrets: {a: {env: X}}}]}]")
	sameAgain(t, full(t))
}

// TestFullIsFull holds testdata/full.yaml, which people copy from, to naming every field.
func TestFullIsFull(t *testing.T) {
	var tree any
	data := Show(full(t))
	if err := yaml.Unmarshal(data, &tree); err != nil {
		t.Fatal(err)
	}
	var missing func(t reflect.Type, path string, in []any) []string
	missing = func(typ reflect.Type, path string, in []any) []string {
		var none []string
		for typ.Kind() == reflect.Slice || typ.Kind() == reflect.Pointer || typ.Kind() == reflect.Map {
			var inner []any
			for _, v := range in {
				switch v := v.(type) {
				case []any:
					inner = append(inner, v...)
				case map[string]any:
					if typ.Kind() == reflect.Pointer {
						inner = append(inner, v)
						continue
					}
					for _, x := range v {
						inner = append(inner, x)
					}
				}
			}
			in, typ = inner, typ.Elem()
		}
		if typ.Kind() != reflect.Struct || typ.PkgPath() != reflect.TypeFor[Config]().PkgPath() {
			return nil
		}
		for _, f := range field.Of(typ) {
			var values []any
			for _, v := range in {
				if m, ok := v.(map[string]any); ok && m[f.Name] != nil {
					values = append(values, m[f.Name])
				}
			}
			if len(values) == 0 {
				none = append(none, path+"."+f.Name)
				continue
			}
			none = append(none, missing(f.Type, path+"."+f.Name, values)...)
		}
		return none
	}
	// The route's policy names what differs from the site's, a handler what differs from its function.
	for _, path := range missing(reflect.TypeFor[Config](), "", []any{tree}) {
		if !strings.HasPrefix(path, ".sites.routes.cache.") && !strings.HasPrefix(path, ".sites.functions.") && !strings.HasPrefix(path, ".sites.routes.functions.") && !strings.HasPrefix(path, ".sites.handler.") && !strings.HasPrefix(path, ".sites.routes.handler.") {
			t.Errorf("testdata/full.yaml does not name %s", path)
		}
	}
}

func TestQuoteYAML(t *testing.T) {
	f := func(text, want string) {
		t.Helper()
		if got := quoteYAML(text); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	f("shop", "shop")
	f("shop-1.example", "shop-1.example")
	f("/a/b", "/a/b")
	f("1", `"1"`)
	f("true", `"true"`)
	f("off", `"off"`)
	f("NULL", `"NULL"`)
	f("", `""`)
	f("a b", `"a b"`)
	f("*", `"*"`)
	f("a\"\\\n\t\x01\u00a0\u2028\U000e0001", `"a\"\\\n\t\x01\xa0\u2028\U000e0001"`)
}

// The configurations that people copy are read without a complaint.
func TestExamples(t *testing.T) {
	files, err := filepath.Glob("../../examples/*/wedge.yaml")
	if err != nil || len(files) == 0 {
		t.Fatal("no examples: ", err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := Parse(file, text); err != nil {
			t.Error(err)
		}
	}
}
