package native

import (
	"bytes"
	"io"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/wedgecdn/wedge/hostapi/abi"
	"github.com/wedgecdn/wedge/hostapi/exchange"
	"github.com/wedgecdn/wedge/hostapi/services"
	"github.com/wedgecdn/wedge/runtime/hostcall"
	"github.com/wedgecdn/wedge/runtime/hostcall/hostcalltest"
)

// host is a guest's memory, a session and an exchange in which it runs.
type host struct {
	t *testing.T
	g *hostcalltest.Guest
	s *Session
	x *exchange.Exchange
	b *Binding
	n *node
	f []hostcall.Func
}

const memory = 1024

// start opens a hook on an exchange with a request and, where there is one, a response.
func start(t *testing.T, hook exchange.Hook, o Options) *host {
	t.Helper()
	h := &host{t: t, n: newNode(), x: exchange.New(), f: Funcs()}
	if o.Name == "" {
		o.Owner, o.Name, o.Version = "acme", "fn", "0123456789abcdef"
	}
	if o.Services == nil {
		o.Services = h.n.services()
	}
	h.b = NewBinding(o)
	h.s = NewSession(h.b)
	h.g = hostcalltest.New(memory, h.s)
	x := h.x
	x.Now = time.Unix(1700000000, 0)
	x.ID = exchange.ID{0xab, 0xcd}
	x.Client.Addr, x.Client.Port = netip.MustParseAddr("192.0.2.1"), 4711
	r := &x.Request
	r.Method, r.Scheme, r.Host, r.Path, r.Query, r.HasQuery, r.Proto = "GET", "https", "shop.example", "/a/b", "c=d", true, exchange.HTTP11
	r.Header.Add("Accept", "text/html")
	r.Header.Add("Cookie", "sid=1")
	r.Header.Add("Authorization", "Basic x")
	r.Header.Add("X-Two", "1")
	r.Header.Add("x-two", "2")
	if hook == exchange.OnFetched || hook == exchange.OnResponse {
		x.Response.Status = 200
		x.Response.Header.Add("Content-Type", "text/plain")
		x.Response.Header.Add("ETag", `"v1"`)
		h.response("hello")
	}
	h.s.Attach(x)
	h.s.Begin(hook)
	return h
}

func (h *host) response(body string) {
	h.x.Response.Body, h.x.Response.ContentLength = exchange.ReaderBody(io.NopCloser(strings.NewReader(body))), int64(len(body))
}

// put writes s into the guest's memory and returns pointer and length.
func (h *host) put(at int, s string) (ptr, n uint64) {
	copy(h.g.Bytes[at:], s)
	return uint64(at), uint64(len(s))
}

// clean fills the memory with the sentinel again.
func (h *host) clean() { h.g.Bytes = bytes.Repeat([]byte{hostcalltest.Sentinel}, len(h.g.Bytes)) }

// try calls a function with raw parameters.
func (h *host) try(name string, params ...uint64) (int64, error) {
	h.t.Helper()
	f := hostcalltest.Find(h.f, name)
	r, err := h.g.Call(f, params...)
	if err != nil {
		return 0, err
	}
	if f.Results[0] == hostcall.I64 {
		return int64(r[0]), nil
	}
	return int64(int32(r[0])), nil
}

// call calls a function with Go values in place of pointers and lengths: a string is put into memory from 0 on, room(n)
// is a buffer of n bytes after it, out(n) a pointer to n bytes.
func (h *host) call(name string, params ...any) int64 {
	h.t.Helper()
	var raw []uint64
	at := 0
	for _, p := range params {
		switch p := p.(type) {
		case string:
			ptr, n := h.put(at, p)
			raw = append(raw, ptr, n)
			at += len(p) + 1
		case room:
			raw = append(raw, uint64(at), uint64(p))
			at += int(p) + 1
		case out:
			raw = append(raw, uint64(at))
			at += int(p) + 1
		case int:
			raw = append(raw, uint64(p))
		case abi.Part:
			raw = append(raw, uint64(p))
		case abi.Message:
			raw = append(raw, uint64(p))
		default:
			raw = append(raw, uint64(p.(uint64)))
		}
	}
	r, err := h.try(name, raw...)
	if err != nil {
		h.t.Fatalf("%s: %v", name, err)
	}
	return r
}

type (
	room int
	out  int
)

// want calls a function and compares its result.
func (h *host) want(result int64, name string, params ...any) {
	h.t.Helper()
	if got := h.call(name, params...); got != result {
		h.t.Errorf("%s%v = %d (%s), want %d (%s)", name, params, got, abi.Status(got), result, abi.Status(result))
	}
}

// wantStatus is want for a failure.
func (h *host) wantStatus(st abi.Status, name string, params ...any) {
	h.t.Helper()
	h.want(int64(st), name, params...)
}

// wantMemory compares the guest's memory from an address on: what was written and the sentinel behind it.
func (h *host) wantMemory(at int, want string) {
	h.t.Helper()
	if got := string(h.g.Bytes[at : at+len(want)]); got != want {
		h.t.Errorf("memory at %d is %q, want %q", at, got, want)
	}
}

// read calls a function whose last parameter is a buffer and returns what it wrote there.
func (h *host) read(name string, params ...any) string {
	h.t.Helper()
	at := 0
	for _, p := range params {
		if s, ok := p.(string); ok {
			at += len(s) + 1
		}
	}
	n := h.call(name, append(params, room(512))...)
	if n < 0 {
		return abi.Status(n).String()
	}
	return string(h.g.Bytes[at : at+int(n)])
}

func (h *host) wantRead(want, name string, params ...any) {
	h.t.Helper()
	if got := h.read(name, params...); got != want {
		h.t.Errorf("%s%v = %q, want %q", name, params, got, want)
	}
}

// all reads a body and closes it.
func all(b exchange.Body) string {
	if b == nil {
		return ""
	}
	defer b.Close()
	text, err := io.ReadAll(b)
	if err != nil {
		return string(text) + " <" + err.Error() + ">"
	}
	return string(text)
}

// anyParams are parameters for a function that let it get past its pointers: buffers and texts are at the end of the
// memory, n bytes long, or, for the one with the index bad, exceed the maximum valid address by 1.
func anyParams(d *abi.Func, n uint64, bad int) (params []uint64, pointers int) {
	for _, p := range d.Params {
		width := map[abi.Kind]uint64{abi.Text: n, abi.Bytes: n, abi.Buffer: n, abi.Out8: 8, abi.Out16: 16}[p.Kind]
		switch p.Kind {
		case abi.Text, abi.Bytes, abi.Buffer, abi.Out8, abi.Out16:
			ptr := memory - width
			if pointers == bad {
				ptr++
			}
			pointers++
			if params = append(params, ptr); p.Kind <= abi.Buffer && p.Kind >= abi.Text {
				params = append(params, width)
			}
		case abi.Handle:
			params = append(params, 1)
		default:
			params = append(params, 0)
		}
	}
	return params, pointers
}

// Every pointer of every function has a row "exceeds the maximum valid address by 1": the guest is ended, and what it
// was given names the function. With all pointers just inside it is not.
func TestEveryPointerIsChecked(t *testing.T) {
	for i := range abi.Funcs {
		d := &abi.Funcs[i]
		hook, ok := firstHook(d)
		if !ok {
			t.Fatalf("%s is allowed at no hook", d.Name)
		}
		newHost := func() *host {
			h := start(t, hook, Options{})
			h.s.responded = true
			h.s.stores = append(h.s.stores, store{store: h.n, name: "s"})
			h.s.fetches = append(h.s.fetches, &fetch{r: &services.FetchRequest{}})
			return h
		}
		_, pointers := anyParams(d, 3, -1)
		for bad := range pointers {
			h := newHost()
			params, _ := anyParams(d, 3, bad)
			_, err := h.try(d.Name, params...)
			e, ok := err.(*PointerError)
			if !ok || e.Func != "wedge."+d.Name || e.Memory != memory {
				t.Errorf("%s: pointer %d exceeds the maximum valid address by 1: error %v", d.Name, bad, err)
			}
			if h.s.staged || len(h.n.log) > 0 {
				t.Errorf("%s: pointer %d is bad, but the call had an effect: %q", d.Name, bad, h.n.log)
			}
			h.s.Close()
		}
		if pointers > 0 {
			h := newHost()
			params, _ := anyParams(d, 3, -1)
			if _, err := h.try(d.Name, params...); err != nil {
				t.Errorf("%s: all pointers inside: %v", d.Name, err)
			}
			h.s.Close()
		}
	}
}

func firstHook(d *abi.Func) (exchange.Hook, bool) {
	for hook := range exchange.Hooks {
		if g := &abi.Grants[d.Needs[0]]; g.Hooks.Has(hook) {
			return hook, true
		}
	}
	return 0, false
}

// During initialisation only configuration, secrets, log, clock, random and what computes answer.
func TestOutsideOfExchange(t *testing.T) {
	outside := map[string]bool{}
	for _, n := range strings.Fields("config config_list secret hash hmac hmac_secret equal verify random seed log now") {
		outside[n] = true
	}
	h := start(t, exchange.OnRequest, Options{})
	none := hostcalltest.New(memory, nil)
	own := hostcalltest.New(memory, NewSession(h.b))
	for i := range abi.Funcs {
		d := &abi.Funcs[i]
		params, _ := anyParams(d, 3, -1)
		f := hostcalltest.Find(h.f, d.Name)
		if r, err := none.Call(f, params...); err != nil || len(r) != 1 || d.Result != abi.ResultI64 && int32(r[0]) != int32(abi.StatusNotInExchange) {
			t.Errorf("%s without a session: %v %v", d.Name, r, err)
		}
		r, err := own.Call(f, params...)
		if err != nil {
			t.Errorf("%s: %v", d.Name, err)
		} else if got := int32(r[0]) != int32(abi.StatusNotInExchange); got != outside[d.Name] {
			t.Errorf("%s outside of an exchange: %d", d.Name, int32(r[0]))
		}
	}
}

// The table of ARCHITECTURE §5, cell by cell. A cell is y (yes), - (no), or a (after respond).
func TestPermissions(t *testing.T) {
	f := func(function, cells string, params ...any) {
		t.Helper()
		for hook, cell := range strings.Fields(cells) {
			for _, answered := range []bool{false, true} {
				h := start(t, exchange.Hook(hook), Options{KV: []string{"s"}, MaxBody: 64})
				h.s.responded = answered
				got := abi.Status(h.call(function, params...)) != abi.StatusNotAllowed
				want := cell == "y" || cell == "a" && answered
				if got != want {
					t.Errorf("%s%v at %s, answered %v: allowed %v, want %v", function, params, exchange.Hook(hook), answered, got, want)
				}
				if denied := h.b.Denied(); (denied == 1) == want {
					t.Errorf("%s at %s: %d calls counted as refused", function, exchange.Hook(hook), denied)
				}
				h.s.Close()
			}
		}
	}
	const req, resp = abi.MessageRequest, abi.MessageResponse
	// on_request on_fetch on_fetched on_error on_response
	f("request_part", "y y y y y", abi.PartPath, room(8))
	f("field", "y y y y y", req, "accept", 0, room(8))
	f("field_count", "y y y y y", req, "accept")
	f("fields", "y y y y y", req, room(8))

	f("request_part_set", "y y - - -", abi.PartPath, "/x")
	f("field_set", "y y - - -", req, "a", "b")
	f("field_add", "y y - - -", req, "a", "b")
	f("field_remove", "y y - - -", req, "accept")

	f("response_status", "a a y a y")
	f("field", "a a y a y", resp, "a", 0, room(8))
	f("field_count", "a a y a y", resp, "a")
	f("fields", "a a y a y", resp, room(8))
	f("response_status_set", "a a y a y", 404)
	f("field_set", "a a y a y", resp, "a", "b")
	f("field_add", "a a y a y", resp, "a", "b")
	f("field_remove", "a a y a y", resp, "a")
	f("respond", "y y - y -", 403, "no")

	f("cache_key_add", "y - - - -", "a", "b")
	f("cache_key_set", "y - - - -", "a")
	f("cache_key_ignore", "y - - - -", "a")
	f("cache_key_option", "y - - - -", 0)
	f("cache_bypass", "y - - - -")
	f("cache_revalidate", "y - - - -")
	f("origin_set", "y y - y -", "shop")

	f("cache_ttl_set", "- - y a -", 1)
	f("cache_grace_set", "- - y a -", 1)
	f("cache_tag_add", "- - y a -", "t")
	f("cache_no_store", "- - y a -")

	f("body", "y y - - -", req, room(8))
	f("body_peek", "y y - - -", req, room(8))
	f("body_set", "y y - - -", req, "x")
	f("body_append", "y y - - -", req, "x")
	f("body", "a a y a y", resp, room(8))
	f("body_peek", "a a y a y", resp, room(8))
	f("body_set", "a a y a y", resp, "x")
	f("body_append", "a a y a y", resp, "x")
	f("body_stream_begin", "- - y - y")
	f("body_stream_read", "- - y - y", room(8))
	f("body_stream_write", "- - y - y", "x")

	for _, name := range strings.Fields("failure client exchange_id var_get var_set var_remove cache_outcome cache_key store_get store_put store_delete purge_tag" +
		" kv_get kv_metadata kv_put kv_delete kv_add kv_list kv_list_cursor counter_add counter_read penalty_set penalty" +
		" fetch_field_add fetch_body_append fetch_option_set fetch_send fetch_status fetch_field fetch_fields fetch_body_read fetch_close" +
		" config config_list secret hash hmac hmac_secret equal verify random seed log metric_add metric_observe now span_begin span_set span_end") {
		raw, _ := anyParams(find(name), 3, -1)
		params := make([]any, len(raw))
		for i := range raw {
			params[i] = raw[i]
		}
		f(name, "y y y y y", params...)
	}
	f("kv_open", "y y y y y", "s")
	f("fetch_new", "y y y y y", "", "", "x") // invalid, but not refused
}

func find(name string) *abi.Func {
	for i := range abi.Funcs {
		if abi.Funcs[i].Name == name {
			return &abi.Funcs[i]
		}
	}
	panic("BUG: no function " + name)
}

func TestEveryFunctionHasABody(t *testing.T) {
	for i, f := range Funcs() {
		if f.Body == nil || f.Name != abi.Funcs[i].Name || bodies()[i] == nil {
			t.Errorf("function %d, %s", i, f.Name)
		}
	}
}

// A guest may give any pointers and lengths: the call ends with a status, or the guest with a PointerError, exactly if
// one of them is outside; and not a byte outside of the buffers changes.
func FuzzPointers(f *testing.F) {
	f.Add(uint16(0), uint32(0), uint32(16), uint32(100), uint32(16), uint32(200), uint32(16))
	f.Add(uint16(4), uint32(0), uint32(1023), uint32(2), uint32(1020), uint32(8), uint32(0xffffffff))
	f.Add(uint16(45), uint32(1024), uint32(0), uint32(0xffffffff), uint32(1), uint32(0xfffffff8), uint32(16))
	funcs := Funcs()
	f.Fuzz(func(t *testing.T, which uint16, a, b, c, d, e, g uint32) {
		i := int(which) % len(abi.Funcs)
		decl := &abi.Funcs[i]
		if decl.Name == "fetch_send" {
			return // its effect is not over when the call is
		}
		hook, _ := firstHook(decl)
		h := start(t, hook, Options{Secrets: map[string]Secret{"": []byte("k")}})
		defer h.s.Close()
		h.s.stores = append(h.s.stores, store{store: h.n, name: "s"})
		values, next := []uint32{a, b, c, d, e, g}, 0
		take := func() uint64 { next++; return uint64(values[next%len(values)]) }
		var params []uint64
		outside := false
		writable := make([]bool, memory)
		span := func(ptr, n uint64, writes bool) {
			if ptr+n > memory {
				outside = true
				return
			}
			for j := ptr; writes && j < ptr+n; j++ {
				writable[j] = true
			}
		}
		for _, p := range decl.Params {
			ptr := take()
			params = append(params, ptr)
			switch p.Kind {
			case abi.Text, abi.Bytes, abi.Buffer:
				n := take()
				params = append(params, n)
				span(ptr, n, p.Kind == abi.Buffer)
			case abi.Out8:
				span(ptr, 8, true)
			case abi.Out16:
				span(ptr, 16, true)
			case abi.Enum:
				params[len(params)-1] %= 8
			}
		}
		if len(decl.Params) > 0 && decl.Params[0].Type == "message" && params[0] > 1 {
			outside = false // refused before its pointers are looked at
			for j := range writable {
				writable[j] = false
			}
		}
		permitted := !(len(decl.Params) > 0 && decl.Params[0].Type == "message" && params[0] < 2 && !abi.Grants[decl.Needs[params[0]]].Hooks.Has(hook))
		_, err := h.g.Call(&funcs[i], params...)
		_, bad := err.(*PointerError)
		if err != nil && !bad || bad != (outside && permitted) {
			t.Fatalf("%s%v: error %v, outside %v", decl.Name, params, err, outside)
		}
		for j, v := range h.g.Bytes {
			if v != hostcalltest.Sentinel && (!writable[j] || bad) {
				t.Fatalf("%s%v wrote to byte %d", decl.Name, params, j)
			}
		}
	})
}
