package config

import (
	"maps"
	"reflect"
	"strings"
	"testing"
	"time"
)

func TestBindingOverridesFunction(t *testing.T) {
	c := full(t)
	shop := &c.Sites[0]
	if got := []Name{shop.Functions[0].Name, shop.Functions[1].Name}; got[0] != "auth" || got[1] != "ab" {
		t.Fatalf("the site has %v", got)
	}
	if !reflect.DeepEqual(shop.Functions[0].Settings, c.Function("default", "auth").Settings) {
		t.Error("a binding by name has other settings than its function")
	}
	ab := shop.Functions[1]
	if ab.Limits.CPU != Duration(10*time.Millisecond) || ab.Limits.Wall != c.Limits.Wall || ab.OnFailure != FailOpen {
		t.Errorf("a limit of its own, the others of the function: %+v", ab.Settings)
	}
	if c.Function("default", "ab").Limits.CPU != Duration(10*time.Second) {
		t.Error("the override changed the function")
	}
	for i, r := range shop.Routes {
		if len(r.Functions) != 2 || r.Functions[0] != shop.Functions[0] {
			t.Errorf("route %d does not begin with the site's functions", i)
		}
	}
	if api := shop.Routes[0]; api.Origin != "api" || api.Cache.Mode != CachePass || !api.Cache.StripSetCookie || shop.Routes[1].Origin != "shop" {
		t.Errorf("a route inherits what it does not name: %+v", api)
	}
	if root := shop.Routes[1].Cache; root.KeyCookies != nil || root.TTL != Duration(10*time.Second) || len(shop.Cache.KeyCookies) != 1 {
		t.Errorf("an empty list replaces the site's: %+v", root)
	}
	if login := c.Sites[1].Routes[0].Functions[0]; login.Instances != 4 || login.Limits.Memory != Auto || login.Secrets["key"].File != "/etc/wedge/acme/auth.key" {
		t.Errorf("the other owner's function: %+v", login)
	}
}

func TestMapsMergeKeyByKey(t *testing.T) {
	c := mustParse(t, `
origins: [{name: o, servers: [{url: http://a}]}]
functions:
  - name: f
    config: {a: 1, b: 2}
    env: {A: x}
    secrets: {s: {file: one}, t: {env: T}}
sites:
  - hosts: [a]
    origin: o
    functions:
      - {name: f, config: {b: 3, c: 4}, secrets: {s: {env: S}}}
`)
	b, f := c.Sites[0].Functions[0], c.Functions[0]
	if want := map[string]string{"a": "1", "b": "3", "c": "4"}; !maps.Equal(b.Config, want) {
		t.Errorf("config is %v, want %v", b.Config, want)
	}
	if want := map[string]string{"a": "1", "b": "2"}; !maps.Equal(f.Config, want) {
		t.Errorf("the function's config became %v", f.Config)
	}
	if want := map[string]string{"A": "x"}; !maps.Equal(b.Env, want) {
		t.Errorf("env is %v, want %v", b.Env, want)
	}
	if b.Secrets["s"].Env != "S" || b.Secrets["s"].File != "" || b.Secrets["t"].Env != "T" || f.Secrets["s"].File != "/etc/wedge/one" {
		t.Errorf("secrets are %v, the function's %v", b.Secrets, f.Secrets)
	}
}

func TestDefaults(t *testing.T) {
	c := mustParse(t, "origins: [{name: o, servers: [{url: http://a}]}]\nfunctions: [{name: f}]\nsites: [{hosts: ['*.a.example'], origin: o}, {hosts: ['*'], origin: o}]\n")
	f := func(what string, got, want any) {
		t.Helper()
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s is %v, want %v", what, got, want)
		}
	}
	f("listen", c.Listen.HTTP, Address(":8080"))
	f("http", c.HTTP, HTTP{32 << 10, 100, 100 << 20, Duration(10 * time.Second), Duration(30 * time.Second), Duration(30 * time.Second), Duration(time.Minute), 20000})
	f("memory", c.Memory, Size(1<<30))
	f("cache", c.Cache, Cache{256 << 20, 0, 64 << 20})
	f("data", c.Data, "/etc/wedge/wedge-data")
	f("log", c.AccessLog.File, LogStdout)
	f("function", c.Functions[0], Function{Name: "f", Owner: "default", Settings: Settings{
		Limits:    Limits{Duration(50 * time.Millisecond), Duration(2 * time.Second), Auto, Unlimited, 1_000_000},
		Isolation: IsolateAuto, Instances: 64, OnFailure: FailClosed, MaxBody: 1 << 20,
	}})
	f("origin", c.Origins[0], Origin{"o", "default", []Server{{"http://a", 1}}, KeepHost, Duration(5 * time.Second), Duration(30 * time.Second), Duration(30 * time.Second), 1, 512})
	f("site's policy", c.Sites[0].Cache, CachePolicy{Mode: CacheHonour, TTL: Duration(time.Minute), Cookies: CookiesKeep, Collapse: true, Ranges: RangesWhole})
	f("site's name", c.Sites[0].Name, Name("a.example"))
	f("other site's name", c.Sites[1].Name, Name("default"))
	f("cache on disk", mustParse(t, "cache: {disk: 10GiB}").Cache, Cache{256 << 20, 10 << 30, 5 << 30})
	f("small object on disk", mustParse(t, "cache: {disk: 10GiB, object_size: 1MiB}").Cache.ObjectSize, Size(1<<20))
	f("small cache", mustParse(t, "cache: {memory: 1MiB}").Cache.ObjectSize, Size(256<<10))
	f("none", mustParse(t, "http: {body_size: none}").HTTP.BodySize, Size(Unlimited))
	f("log off", mustParse(t, "access_log: {file: off}").AccessLog.File, LogOff)
	f("memory of a function", mustParse(t, "functions: [{name: f, limits: {memory: none}}]").Functions[0].Limits.Memory, Size(768<<20))
	f("memory of a function on a large node", mustParse(t, "memory: 64GiB\nfunctions: [{name: f, limits: {memory: none}}]").Functions[0].Limits.Memory, MaxMemory)
	f("memory as it is usual", mustParse(t, "functions: [{name: f, limits: {memory: auto}}]").Functions[0].Limits.Memory, Size(Auto))
	f("memory of exactly the usual", mustParse(t, "functions: [{name: f, limits: {memory: 32MiB}}]").Functions[0].Limits.Memory, Size(32<<20))
	f("memory as it is usual, of a binding", mustParse(t, "functions: [{name: f, limits: {memory: 32MiB}}]\norigins: [{name: o, servers: [{url: http://a}]}]\nsites: [{hosts: [a], origin: o, functions: [{name: f, limits: {memory: auto}}]}]").Sites[0].Functions[0].Limits.Memory, Size(Auto))
	f("memory as it is usual on a node that has less", mustParse(t, "limits: {memory: 16MiB}\nfunctions: [{name: f, limits: {memory: auto}}]").Functions[0].Limits.Memory, Size(16<<20))
	f("memory as it is usual on a node that has some more", mustParse(t, "limits: {memory: 64MiB}\nfunctions: [{name: f}]").Functions[0].Limits.Memory, Size(Auto))
	f("most memory", mustParse(t, "limits: {memory: 64MiB}").MostMemory(), Size(64<<20))
	f("most memory without a limit", mustParse(t, "").MostMemory(), Size(768<<20))
	f("the node's limits", c.Limits, NodeLimits{Duration(10 * time.Second), Duration(5 * time.Minute), Unlimited, Unlimited, 100_000_000})
	const none = "functions: [{name: f, limits: {cpu: none, wall: none, memory: none, fuel: none, host_calls: none}}]\n"
	f("none", mustParse(t, none).Functions[0].Limits, Limits{Duration(10 * time.Second), Duration(5 * time.Minute), 768 << 20, Unlimited, 100_000_000})
	const node = "limits: {cpu: 20ms, wall: 1s, memory: 16MiB, fuel: 5000, host_calls: 70}\n"
	low := Limits{Duration(20 * time.Millisecond), Duration(time.Second), 16 << 20, 5000, 70}
	f("none on a node with limits", mustParse(t, node+none).Functions[0].Limits, low)
	f("defaults on a node with limits", mustParse(t, node+"functions: [{name: f}]").Functions[0].Limits, low)
	f("a binding on a node with limits", mustParse(t, node+"functions: [{name: f, limits: {fuel: 10}}]\norigins: [{name: o, servers: [{url: http://a}]}]\nsites: [{hosts: [a], origin: o, functions: [{name: f, limits: {wall: none, fuel: none}}]}]").Sites[0].Functions[0].Limits, low)
	f("more than the usual maximum", mustParse(t, "limits: {cpu: 1m}\nfunctions: [{name: f, limits: {cpu: 50s}}]").Functions[0].Limits.CPU, Duration(50*time.Second))
	f("stores", mustParse(t, "functions: [{name: f, kv: []}]").Functions[0].KV, []Name{})
	f("all stores", mustParse(t, "functions: [{name: f}]").Functions[0].KV, []Name(nil))
	f("Default", Default().HTTP, c.HTTP)
}

func TestAliases(t *testing.T) {
	c := mustParse(t, `
origins:
  - &shop {name: shop, servers: [{url: http://a}], connect_timeout: 1s}
  - {<<: *shop, name: api}
  - {name: third, <<: [{retries: 3}, *shop]}
sites:
  - hosts: [a]
    origin: shop
    cache: &policy {mode: pass}
  - hosts: [b]
    origin: shop
    cache: *policy
`)
	if o := c.Origins[1]; o.Name != "api" || o.ConnectTimeout != Duration(time.Second) || len(o.Servers) != 1 {
		t.Errorf("a merged origin: %+v", o)
	}
	if o := c.Origins[2]; o.Name != "third" || o.Retries != 3 || o.ConnectTimeout != Duration(time.Second) {
		t.Errorf("an origin merged from two: %+v", o)
	}
	if c.Sites[1].Cache.Mode != CachePass {
		t.Error("the alias was not followed")
	}
}

func TestLineEndingsAndByteOrderMark(t *testing.T) {
	c := mustParse(t, "\ufeffmemory: 2GiB\r\ndrain: 5s\r\n")
	if c.Memory != 2<<30 || c.Drain != Duration(5*time.Second) {
		t.Errorf("got %v, %v", c.Memory, c.Drain)
	}
	_, err := Parse("w", []byte("\ufeffmemory: 2GiB\r\n  \r\nx: 5\r\n"))
	if p := err.(Errors)[0]; p.Line != 3 || p.Column != 1 || strings.Contains(p.Snippet, "\r") {
		t.Errorf("got %+v", p)
	}
}
