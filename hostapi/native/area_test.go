package native

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"math"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/wedgecdn/wedge/hostapi/abi"
	"github.com/wedgecdn/wedge/hostapi/exchange"
	"github.com/wedgecdn/wedge/hostapi/services"
	"github.com/wedgecdn/wedge/runtime/hostcall/hostcalltest"
)

func TestClient(t *testing.T) {
	h := start(t, exchange.OnRequest, Options{})
	f := func(fact abi.Fact, want string) {
		t.Helper()
		h.wantRead(want, "client", int(fact))
	}
	f(abi.FactAddress, "192.0.2.1")
	f(abi.FactPort, "4711")
	f(abi.FactTLSVersion, "absent")
	f(abi.FactTLSServerName, "absent")
	f(abi.FactTLSCertificate, "absent")
	f(abi.FactCountry, "CH")
	f(abi.FactRegion, "absent")
	f(abi.FactCity, "Bern")
	f(abi.FactASN, "64500")
	f(abi.FactDevice, "absent")
	f(99, "invalid")
	f(abi.FactNetwork, "192.0.2.1")
	for address, want := range map[string]string{
		"2001:db8::1":         "2001:db8::/64",
		"2001:db8:0:1:ffff::": "2001:db8:0:1::/64",
		"1:2:3:4:5:6:7:8":     "1:2:3:4::/64",
		"::1":                 "::/64",
		"fe80::1%eth0":        "fe80::/64",
		"::ffff:192.0.2.9":    "192.0.2.9",
	} {
		h.x.Client.Addr = netip.MustParseAddr(address)
		f(abi.FactNetwork, want)
	}
	h.x.Client.Addr = netip.Addr{}
	f(abi.FactNetwork, "absent")
	f(abi.FactAddress, "absent")
	h.x.Client.Addr = netip.MustParseAddr("192.0.2.1")
	h.x.Client.TLS = &exchange.TLS{Version: 0x0304, ServerName: "shop.example", ClientCertificate: []byte("der")}
	h.x.Request.Header.Add("User-Agent", "phone")
	f(abi.FactTLSVersion, "1.3")
	f(abi.FactTLSServerName, "shop.example")
	f(abi.FactTLSCertificate, "der")
	f(abi.FactDevice, "mobile")
	h.want(9, "client", int(abi.FactAddress), room(8)) // does not fit
}

func TestExchange(t *testing.T) {
	h := start(t, exchange.OnRequest, Options{})
	h.wantRead("abcd0000000000000000000000000000", "exchange_id")
	h.wantRead("absent", "var_get", "a")
	h.want(0, "var_set", "a", "x\x00y")
	h.want(0, "var_set", "b", "")
	h.wantRead("x\x00y", "var_get", "a")
	h.wantRead("", "var_get", "b")
	h.want(0, "var_remove", "a")
	h.wantStatus(abi.StatusAbsent, "var_remove", "a")
	h.wantStatus(abi.StatusInvalid, "var_set", "", "x")
	for i := range 5 {
		want := abi.StatusOK
		if i == 4 {
			want = abi.StatusLimit
		}
		h.wantStatus(want, "var_set", fmt.Sprint(i), strings.Repeat("v", 950))
	}
	h.want(0, "origin_set", "shop-eu")
	h.wantStatus(abi.StatusInvalid, "origin_set", "")
	if h.x.Choices.Origin != "shop-eu" {
		t.Errorf("origin %q", h.x.Choices.Origin)
	}
	h.s.Rollback()
	if _, ok := h.x.Vars.Value("b"); ok || h.x.Choices.Origin != "" {
		t.Error("Rollback kept a variable or the origin")
	}
}

func TestCacheOfExchange(t *testing.T) {
	h := start(t, exchange.OnRequest, Options{})
	h.want(0, "cache_key_add", "cohort", "b")
	h.want(0, "cache_key_set", "/k")
	h.want(0, "cache_key_ignore", "utm_*")
	h.want(0, "cache_key_option", int(abi.KeyOptionSortQuery))
	h.want(0, "cache_key_option", int(abi.KeyOptionLowerCase))
	h.want(0, "cache_key_option", int(abi.KeyOptionIgnoreQuery))
	h.wantStatus(abi.StatusInvalid, "cache_key_option", 3)
	h.wantStatus(abi.StatusInvalid, "cache_key_add", "", "b")
	h.wantStatus(abi.StatusInvalid, "cache_key_ignore", "")
	h.want(0, "cache_bypass")
	h.want(0, "cache_revalidate")
	got := fmt.Sprintf("%+v", h.x.Choices)
	want := fmt.Sprintf("%+v", exchange.Choices{Bypass: true, Revalidate: true, Key: exchange.KeyChoice{Parts: []exchange.Field{h.x.Choices.Key.Parts[0]},
		Replace: "/k", HasReplace: true, IgnoreQuery: []string{"utm_*"}, IgnoreAllQuery: true, SortQuery: true, LowerCase: true}, Tags: h.x.Choices.Tags})
	if p := h.x.Choices.Key.Parts[0]; got != want || p.Name != "cohort" || p.Value != "b" {
		t.Errorf("choices %s\nwant    %s", got, want)
	}
	for range maxKeyParts - 1 {
		h.want(0, "cache_key_add", "a", "b")
	}
	h.wantStatus(abi.StatusLimit, "cache_key_add", "a", "b")
	for range maxIgnored - 1 {
		h.want(0, "cache_key_ignore", "a")
	}
	h.wantStatus(abi.StatusLimit, "cache_key_ignore", "a")
	h.s.Rollback()
	if c := &h.x.Choices; c.Bypass || c.Revalidate || len(c.Key.Parts) != 0 || c.Key.HasReplace || c.Key.SortQuery {
		t.Errorf("after Rollback: %+v", c)
	}
}

func TestCacheKeeps(t *testing.T) {
	h := start(t, exchange.OnFetched, Options{})
	h.want(0, "cache_ttl_set", 60000)
	h.want(0, "cache_grace_set", 0)
	h.wantStatus(abi.StatusInvalid, "cache_ttl_set", uint64(1<<63))
	h.wantStatus(abi.StatusInvalid, "cache_ttl_set", uint64(math.MaxInt64))
	h.want(0, "cache_tag_add", "product-1")
	for _, bad := range []string{"", "a b", "a,b", "a\n", "ü", strings.Repeat("a", 257)} {
		h.wantStatus(abi.StatusInvalid, "cache_tag_add", bad)
	}
	h.want(0, "cache_no_store")
	c := &h.x.Choices
	if c.TTL != (exchange.Duration{Value: time.Minute, Set: true}) || c.Grace != (exchange.Duration{Set: true}) || len(c.Tags) != 1 || c.Tags[0] != "product-1" || !c.NoStore {
		t.Errorf("%+v", c)
	}
	for range maxTags - 1 {
		h.want(0, "cache_tag_add", "a")
	}
	h.wantStatus(abi.StatusLimit, "cache_tag_add", "a")

	h = start(t, exchange.OnResponse, Options{})
	h.wantRead("absent", "cache_outcome")
	h.wantRead("absent", "cache_key")
	h.x.Outcome, h.x.Cache.Key = exchange.Hit, [16]byte{1, 0xff}
	h.wantRead("hit", "cache_outcome")
	h.wantRead("01ff0000000000000000000000000000", "cache_key")
}

func TestStore(t *testing.T) {
	h := start(t, exchange.OnRequest, Options{})
	h.wantStatus(abi.StatusAbsent, "store_get", "k", room(9))
	h.want(0, "store_put", "k", "value", 1500, "a  b")
	h.wantStatus(abi.StatusInvalid, "store_put", "k", "value", 0, "")
	h.wantStatus(abi.StatusInvalid, "store_put", "", "value", 1, "")
	h.wantStatus(abi.StatusInvalid, "store_put", "k", "value", 1, "a,b")
	h.n.wantLog(t, `cache get acme "k"`, `cache put acme "k" "value" 1.5s ["a" "b"]`)

	// The second try returns what the first one found, although it has changed meanwhile; the third looks again.
	h.clean()
	h.want(5, "store_get", "k", room(4))
	h.wantMemory(2, "????")
	h.n.values["cache:k"] = services.Entry{Value: []byte("other!")}
	h.wantRead("value", "store_get", "k")
	h.wantRead("other!", "store_get", "k")
	h.n.wantLog(t, `cache get acme "k"`, `cache get acme "k"`)

	h.want(0, "store_delete", "k")
	h.wantStatus(abi.StatusAbsent, "store_delete", "k")
	h.want(7, "purge_tag", "a", 1)
	h.wantStatus(abi.StatusInvalid, "purge_tag", "a", 2)
	h.wantStatus(abi.StatusInvalid, "purge_tag", "a b", 0)
	h.n.wantLog(t, `purge acme a true`)
}

func TestKV(t *testing.T) {
	h := start(t, exchange.OnRequest, Options{KV: []string{"s", "t"}})
	h.want(1, "kv_open", "s")
	h.want(1, "kv_open", "s") // the same handle
	h.want(2, "kv_open", "t")
	h.wantStatus(abi.StatusNotAllowed, "kv_open", "u")
	h.n.wantLog(t, "open acme s", "open acme t")

	h.wantStatus(abi.StatusAbsent, "kv_get", 1, "k", room(9), out(16))
	h.want(0, "kv_put", 1, "k", "value", "meta", 1000, int(abi.ConditionIfAbsent), 0, out(8))
	h.wantMemory(2+6+5, "\x01\x00\x00\x00\x00\x00\x00\x00?")
	h.wantStatus(abi.StatusConflict, "kv_put", 1, "k", "x", "", 0, int(abi.ConditionIfAbsent), 0, out(8))
	h.wantStatus(abi.StatusConflict, "kv_put", 1, "k", "x", "", 0, int(abi.ConditionIfVersion), 7, out(8))
	h.wantMemory(2+2+1, "\x01\x00\x00\x00\x00\x00\x00\x00")
	h.want(0, "kv_put", 1, "k", "value2", "meta", 0, int(abi.ConditionIfVersion), 1, out(8))
	h.wantStatus(abi.StatusInvalid, "kv_put", 1, "k", "x", "", 0, int(abi.ConditionIfVersion), 0, out(8))
	h.wantStatus(abi.StatusInvalid, "kv_put", 1, "k", "x", "", 0, 3, 0, out(8))
	h.wantStatus(abi.StatusInvalid, "kv_put", 1, "k", "x", "", uint64(1<<63), 0, 0, out(8))
	h.n.wantLog(t, `get "k"`, `put "k" "value" "meta" ttl=1s version=0 absent=true`, `put "k" "x" "" ttl=0s version=0 absent=true`,
		`put "k" "x" "" ttl=0s version=7 absent=false`, `put "k" "value2" "meta" ttl=0s version=1 absent=false`)

	// What is known about the value is written also if it does not fit; the second try finds the same.
	h.clean()
	h.want(6, "kv_get", 1, "k", room(5), out(16))
	h.wantMemory(2, "?????")
	h.wantMemory(2+6, "\x02\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00?")
	v := h.n.values["k"]
	v.Value, v.Version, v.Expires = []byte("changed"), 9, time.UnixMilli(77)
	h.n.values["k"] = v
	h.want(6, "kv_get", 1, "k", room(10), out(16))
	h.wantMemory(2, "value2")
	h.want(7, "kv_get", 1, "k", room(10), out(16))
	h.wantMemory(2, "changed")
	h.wantMemory(2+11, "\x09\x00\x00\x00\x00\x00\x00\x00\x4d\x00\x00\x00\x00\x00\x00\x00?")
	h.wantRead("meta", "kv_metadata", 1)
	h.wantRead("", "kv_metadata", 2)

	h.wantStatus(abi.StatusConflict, "kv_delete", 1, "k", int(abi.ConditionIfVersion), 3)
	h.wantStatus(abi.StatusInvalid, "kv_delete", 1, "k", int(abi.ConditionIfAbsent), 3)
	h.wantStatus(abi.StatusInvalid, "kv_delete", 1, "k", int(abi.ConditionIfVersion), 0)
	h.want(0, "kv_delete", 1, "k", int(abi.ConditionAlways), 3)
	h.wantStatus(abi.StatusAbsent, "kv_delete", 1, "k", int(abi.ConditionAlways), 0)

	h.clean()
	h.want(0, "kv_add", 1, "n", uint64(math.MaxUint64), 2000, out(8)) // −1
	h.wantMemory(2, "\x27\x00\x00\x00\x00\x00\x00\x00?")
	h.wantStatus(abi.StatusNotNumber, "kv_add", 1, "text", 1, 0, out(8))
	h.n.log = h.n.log[len(h.n.log)-2:]
	h.n.wantLog(t, `add "n" -1 2s`, `add "text" 1 0s`)
}

func TestKVList(t *testing.T) {
	h := start(t, exchange.OnRequest, Options{KV: []string{"s"}})
	h.want(1, "kv_open", "s")
	h.n.log = nil
	page := "\x02\x00\x00\x00\x01\x00\x00\x00\x03\x00\x00\x00\x00\x00\x00\x00\x05\x00\x00\x00\x00\x00\x00\x00k1m" +
		"\x02\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00k2"
	h.want(int64(len(page)), "kv_list", 1, "k", "", 10, room(20))
	h.wantRead(page, "kv_list", 1, "k", "", 10)
	h.wantRead("next", "kv_list_cursor", 1)
	h.wantRead("", "kv_list", 1, "k", "next", 10)
	h.wantRead("", "kv_list_cursor", 1)
	h.n.wantLog(t, `list "k" "" 10`, `list "k" "next" 10`)
	h.wantStatus(abi.StatusInvalid, "kv_list", 1, "k", "", 0, room(9))
	h.wantStatus(abi.StatusInvalid, "kv_list", 1, "k", "", 1001, room(9))
	h.wantStatus(abi.StatusInvalid, "kv_list", 1, "k", "", uint64(0xffffffff), room(9))
}

// Handles that were never given, or belong to another exchange, open nothing.
func TestHandles(t *testing.T) {
	h := start(t, exchange.OnRequest, Options{KV: []string{"s"}})
	bad := func() {
		t.Helper()
		for _, handle := range []uint64{0, 1, 2, 0x7fffffff, 0x80000000, 0xffffffff} {
			h.wantStatus(abi.StatusBadHandle, "kv_get", handle, "k", room(9), out(16))
			h.wantStatus(abi.StatusBadHandle, "kv_metadata", handle, room(9))
			h.wantStatus(abi.StatusBadHandle, "kv_put", handle, "k", "v", "", 0, 0, 0, out(8))
			h.wantStatus(abi.StatusBadHandle, "kv_delete", handle, "k", 0, 0)
			h.wantStatus(abi.StatusBadHandle, "kv_add", handle, "k", 1, 0, out(8))
			h.wantStatus(abi.StatusBadHandle, "kv_list", handle, "", "", 1, room(9))
			h.wantStatus(abi.StatusBadHandle, "kv_list_cursor", handle, room(9))
			h.wantStatus(abi.StatusBadHandle, "fetch_send", handle)
			h.wantStatus(abi.StatusBadHandle, "fetch_status", handle)
			h.wantStatus(abi.StatusBadHandle, "fetch_body_read", handle, room(9))
			h.wantStatus(abi.StatusBadHandle, "fetch_close", handle)
			h.wantStatus(abi.StatusBadHandle, "span_end", handle)
			h.wantStatus(abi.StatusBadHandle, "span_set", handle, "a", "b")
		}
	}
	bad()
	h.want(1, "kv_open", "s")
	h.want(1, "span_begin", "a")
	h.s.Commit(0)
	h.s.Close()
	h.s.Attach(h.x)
	h.s.Begin(exchange.OnRequest)
	bad()
}

// What the node does not have is unavailable, and nothing breaks.
func TestNoServices(t *testing.T) {
	h := start(t, exchange.OnRequest, Options{Services: &services.Services{}, KV: []string{"s"}})
	u := abi.StatusUnavailable
	h.wantStatus(u, "kv_open", "s")
	h.wantStatus(u, "store_get", "k", room(9))
	h.wantStatus(u, "store_put", "k", "v", 1, "")
	h.wantStatus(u, "store_delete", "k")
	h.wantStatus(u, "purge_tag", "t", 0)
	h.wantStatus(u, "counter_add", "k", 1000, 1, out(8))
	h.wantStatus(u, "counter_read", "k", 1000, out(8))
	h.wantStatus(u, "penalty_set", "k", 1)
	h.wantStatus(u, "penalty", "k", out(8))
	h.wantStatus(u, "fetch_new", "GET", "", "https://x/")
	h.wantStatus(u, "metric_add", "n", 1)
	h.wantStatus(u, "metric_observe", "n", 1)
	h.wantStatus(u, "span_begin", "n")
	h.wantStatus(abi.StatusAbsent, "client", int(abi.FactCountry), room(9))
	h.wantStatus(abi.StatusAbsent, "client", int(abi.FactDevice), room(9))
	h.want(0, "log", 1, "line", "")
}

func TestCounters(t *testing.T) {
	h := start(t, exchange.OnRequest, Options{})
	h.want(0, "counter_add", "k", 60000, 3, out(8))
	h.wantMemory(2, "\x09\x00\x00\x00\x00\x00\x00\x00?")
	h.want(0, "counter_read", "k", 60000, out(8))
	h.wantMemory(2, "\x08\x00\x00\x00\x00\x00\x00\x00?")
	h.want(0, "penalty_set", "k", 5000)
	h.want(0, "penalty", "k", out(8))
	h.wantMemory(2, "\x02\x00\x00\x00\x00\x00\x00\x00?")
	h.wantStatus(abi.StatusInvalid, "counter_add", "k", 999, 1, out(8))
	h.wantStatus(abi.StatusInvalid, "counter_add", "k", 86400001, 1, out(8))
	h.wantStatus(abi.StatusInvalid, "counter_add", "", 1000, 1, out(8))
	h.wantStatus(abi.StatusInvalid, "counter_read", strings.Repeat("k", 513), 1000, out(8))
	h.n.wantLog(t, `count acme "k" 1m0s 3`, `penalise acme "k" 5s`)
}

func TestConfigAndSecrets(t *testing.T) {
	o := Options{Config: map[string]string{"b": "2", "a": "1"}, Secrets: map[string]Secret{"key": []byte("hush")}}
	h := start(t, exchange.OnRequest, o)
	h.wantRead("1", "config", "a")
	h.wantRead("absent", "config", "key")
	h.wantRead("\x01\x00\x00\x00\x01\x00\x00\x00a1\x01\x00\x00\x00\x01\x00\x00\x00b2", "config_list")
	h.wantRead("hush", "secret", "key")
	h.wantRead("absent", "secret", "a")
	for _, text := range []string{fmt.Sprint(o), fmt.Sprintf("%+v", o), fmt.Sprintf("%#v", o), fmt.Sprintf("%s %v %q %x %d", o.Secrets["key"], o.Secrets["key"], o.Secrets["key"], o.Secrets["key"], o.Secrets["key"]),
		slog.AnyValue(o.Secrets["key"]).String(), string(must(json.Marshal(o.Secrets)))} {
		for _, leak := range []string{"hush", "68757368", "104 117", "aHVzaA", "0x68"} {
			if strings.Contains(text, leak) {
				t.Errorf("the secret shows in %s", text)
			}
		}
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func TestLogAndMetrics(t *testing.T) {
	h := start(t, exchange.OnFetch, Options{})
	h.want(0, "log", int(abi.LevelWarn), "careful", "\x01\x00\x00\x00\x02\x00\x00\x00axy")
	h.want(0, "log", int(abi.LevelDebug), "", "")
	h.wantStatus(abi.StatusInvalid, "log", 4, "x", "")
	h.wantStatus(abi.StatusInvalid, "log", 1, "x", "\x01")
	h.wantStatus(abi.StatusInvalid, "log", 1, "x", "\xff\xff\xff\xff\xff\xff\xff\xff")
	h.wantStatus(abi.StatusInvalid, "log", 1, "x", "\x01\x00\x00\x00\x02\x00\x00\x00ax")
	h.wantStatus(abi.StatusInvalid, "log", 1, "x", strings.Repeat("\x00\x00\x00\x00\x00\x00\x00\x00", maxLogFields+1))
	h.s.line(2, []byte("panic: no"))
	h.n.wantLog(t, `log fn on_fetch warn "careful" [a=xy] stream=0`, `log fn on_fetch debug "" [] stream=0`, `log fn on_fetch warn "panic: no" [] stream=2`)

	h.want(0, "metric_add", "hits_2", 3)
	h.want(0, "metric_observe", "size", math.Float64bits(1.5))
	h.wantStatus(abi.StatusInvalid, "metric_add", "hits", uint64(math.MaxUint64))
	h.wantStatus(abi.StatusInvalid, "metric_observe", "size", math.Float64bits(math.NaN()))
	h.wantStatus(abi.StatusInvalid, "metric_observe", "size", math.Float64bits(math.Inf(1)))
	for _, bad := range []string{"", "2x", "_x", "Hits", "a-b", strings.Repeat("a", 65)} {
		h.wantStatus(abi.StatusInvalid, "metric_add", bad, 1)
	}
	h.n.wantLog(t, "metric acme fn hits_2 3", "metric acme fn size 1.5")
	for i := range maxMetrics - 2 {
		h.want(0, "metric_add", fmt.Sprintf("m%d", i), 1)
	}
	h.wantStatus(abi.StatusLimit, "metric_add", "another", 1)
	h.want(0, "metric_add", "hits_2", 1)
}

// What fields hold beyond a line's bytes is dropped, with those behind it: a
// guest would have the node copy its whole memory for each line.
func TestLogFieldsAreBounded(t *testing.T) {
	f := func(want int, fields ...exchange.Field) {
		t.Helper()
		if got := len(within(fields, 10)); got != want {
			t.Errorf("%d of %d fields are kept, want %d", got, len(fields), want)
		}
	}
	f(0)
	f(2, exchange.Field{Name: "ab", Value: "cde"}, exchange.Field{Name: "fghij"})
	f(1, exchange.Field{Name: "ab", Value: "cde"}, exchange.Field{Name: "fghij", Value: "k"})
	f(0, exchange.Field{Value: strings.Repeat("x", 11)}, exchange.Field{Name: "a"})
}

func TestSpans(t *testing.T) {
	h := start(t, exchange.OnRequest, Options{})
	h.want(1, "span_begin", "a")
	h.want(2, "span_begin", "b")
	h.want(0, "span_set", 2, "k", "v")
	h.want(0, "span_end", 2)
	h.wantStatus(abi.StatusBadHandle, "span_end", 2)
	h.want(3, "span_begin", "c")
	h.want(4, "span_begin", "d")
	h.want(0, "span_end", 3) // before the one inside it
	h.want(5, "span_begin", "e")
	h.s.Commit(0) // ends the rest
	h.n.wantLog(t, "span 2<1 b [k=v]", "span 3<1 c []", "span 5<4 e []", "span 4<3 d []", "span 1<0 a []")
	h.s.Begin(exchange.OnRequest)
	for i := range maxSpans {
		h.want(int64(i+1), "span_begin", "x")
	}
	h.wantStatus(abi.StatusLimit, "span_begin", "x")
	h.wantStatus(abi.StatusInvalid, "span_set", 1, "", "v")
}

func TestTimeAndRandom(t *testing.T) {
	h := start(t, exchange.OnRequest, Options{})
	h.want(1700000000e9, "now")
	one := h.call("seed")
	h.want(one, "seed")
	h.s.Commit(0)
	h.s.Close()
	h.s.Attach(h.x)
	h.s.Begin(exchange.OnRequest)
	if h.call("seed") == one {
		t.Error("two exchanges have one seed")
	}
	none := hostcalltest.New(memory, NewSession(h.b))
	f := hostcalltest.Find(h.f, "seed")
	if a, b := must(none.Call(f))[0], must(none.Call(f))[0]; a == b {
		t.Error("outside of an exchange the seed is the same twice")
	}
	h.want(32, "random", room(32))
	if b := h.g.Bytes[:32]; strings.Count(string(b), "?") > 8 || h.g.Bytes[32] != '?' {
		t.Errorf("random bytes % x", b)
	}
}

func TestHammerMetricNames(t *testing.T) {
	var n names
	var wg sync.WaitGroup
	end := time.Now().Add(100 * time.Millisecond)
	for p := range 8 {
		wg.Go(func() {
			for i := 0; time.Now().Before(end); i++ {
				name := fmt.Sprintf("m%d", (i*7+p)%100)
				if st := n.admit(name); st == abi.StatusOK && n.admit(name) != abi.StatusOK {
					t.Error("a name that was admitted is refused")
				}
			}
		})
	}
	wg.Wait()
	if len(n.set) != maxMetrics {
		t.Errorf("%d names", len(n.set))
	}
}
