package guest

import (
	"context"
	"errors"
	"io"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/wedgecdn/wedge/hostapi/exchange"
	"github.com/wedgecdn/wedge/hostapi/services"
	"github.com/wedgecdn/wedge/runtime/engine"
	. "github.com/wedgecdn/wedge/runtime/engine/enginetest"
	"github.com/wedgecdn/wedge/runtime/limit"
	"github.com/wedgecdn/wedge/runtime/sandbox"
)

func newHost(t testing.TB, o Options) *Host {
	t.Helper()
	e, err := engine.New(engine.Options{Host: HostFuncs()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	o.Engine = e
	return New(o)
}

func load(t testing.TB, h *Host, module []byte, spec Spec) *Function {
	t.Helper()
	if spec.Name == "" {
		spec.Owner, spec.Name, spec.Version = "acme", "fn", "0123456789abcdef"
	}
	f, err := h.Load(context.Background(), module, spec)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(f.Close)
	return f
}

// newModule has the marker and one page of memory.
func newModule() *Module {
	m := &Module{}
	m.Memory(1, 0)
	return m
}

func request(path string) *exchange.Exchange {
	x := exchange.New()
	x.Now = time.Unix(1700000000, 0)
	x.Client.Addr = netip.MustParseAddr("192.0.2.1")
	r := &x.Request
	r.Method, r.Scheme, r.Host, r.Path, r.Proto = "GET", "https", "shop.example", path, exchange.HTTP11
	return x
}

func withResponse(x *exchange.Exchange, body string) *exchange.Exchange {
	x.Response.Status = 200
	x.Response.Header.Add("ETag", `"v1"`)
	x.Response.Body, x.Response.ContentLength = exchange.ReaderBody(io.NopCloser(strings.NewReader(body))), int64(len(body))
	return x
}

func start(t testing.TB, f *Function, x *exchange.Exchange) *Run {
	t.Helper()
	r, err := f.Start(x, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// once calls one hook in an exchange of its own.
func once(t testing.TB, f *Function, x *exchange.Exchange, hook exchange.Hook) (bool, error) {
	t.Helper()
	r := start(t, f, x)
	defer r.End()
	return r.Call(hook)
}

func wantReason(t *testing.T, err error, source exchange.Source, reason exchange.Reason, text string) {
	t.Helper()
	e, ok := errors.AsType[*exchange.Error](err)
	if !ok || e.Source != source || e.Reason != reason || !strings.Contains(err.Error(), text) {
		t.Errorf("error %v, want one of %s, %s, with %q", err, source, reason, text)
	}
}

// A bad module is refused with a reason and a hint that helps.
func TestRefused(t *testing.T) {
	h := newHost(t, Options{})
	f := func(name string, build func(*Module), reason, hint string) {
		t.Helper()
		m := newModule()
		build(m)
		_, err := h.Inspect(context.Background(), m.Bytes())
		_, err2 := h.Load(context.Background(), m.Bytes(), Spec{Name: "fn"})
		if err == nil || err2 == nil || err.Error() != err2.Error() {
			t.Errorf("%s: Inspect says %v, Load %v", name, err, err2)
			return
		}
		got := ""
		if r, ok := errors.AsType[*Refused](err); ok {
			got = r.Hint
		} else if r, ok := errors.AsType[*engine.Refused](err); ok {
			got = r.Hint
		}
		if !strings.Contains(err.Error(), reason) || !strings.Contains(got, hint) {
			t.Errorf("%s: %v (hint: %s)\nwant %q (hint: %q)", name, err, got, reason, hint)
		}
	}
	ok := Code(I32(0))
	f("a program", func(m *Module) { m.Func("_start", "", "", "") }, "it exports _start", "-buildmode=c-shared")
	f("nobody's", func(m *Module) { m.Func("main", "", "", "") }, "it exports no hook: looked for ", "another ABI")
	f("nobody's", func(m *Module) { m.Func("main", "", "", "") }, "imports from wedge or an export on_request (Wedge)", "")
	f("nothing", func(m *Module) { m.Func("wedge_abi_v1", "", "", "") }, "it exports no hook", "on_request, on_fetch")
	f("nearly", func(m *Module) { m.Func("onRequest", "", "i", "", ok...) }, "it exports no hook", "onRequest is nearly a hook: export it as on_request")
	f("a slip", func(m *Module) { m.Func("on_requst", "", "i", "", ok...); m.Func("wedge_abi_v1", "", "", "") }, "it exports no hook", "on_requst is nearly a hook: export it as on_request")
	f("signature", func(m *Module) { m.Func("on_request", "", "", "") }, "exports on_request as (), and a hook is () i32", "return 0")
	f("parameter", func(m *Module) { m.Func("on_request", "i", "i", "", ok...) }, "exports on_request as (i32) i32", "take no parameters")
	f("no marker", func(m *Module) { m.Func("on_request", "", "i", "", ok...) }, "but not wedge_abi_v1", "build it with an SDK")
	f("another version", func(m *Module) { m.Func("on_request", "", "i", "", ok...); m.Func("wedge_abi_v7", "", "", "") }, "speaks version 7 of the ABI, and this node version 1", "SDK of this node")
	f("marker's signature", func(m *Module) { m.Func("on_request", "", "i", "", ok...); m.Func("wedge_abi_v1", "i", "", "") }, "exports wedge_abi_v1 as (i32)", "remove its parameters")
	f("restored's signature", func(m *Module) {
		m.Func("on_request", "", "i", "", ok...)
		m.Func("wedge_abi_v1", "", "", "")
		m.Func("wedge_restored", "", "i", "", ok...)
	}, "exports wedge_restored as () i32", "remove")
	f("unknown imports", func(m *Module) { m.Import("wedge", "teleport", "", ""); m.Import("env", "abort", "i", "") }, "wedge.teleport is unknown; env.abort is unknown", "symbols that the linker did not find")
	f("an import's type", func(m *Module) { m.Import("wedge", "now", "", "i") }, "wedge.now is imported as () i32, and is () i64", "SDK of this node")

	g := func(module, reason, hint string) {
		t.Helper()
		_, err := h.Inspect(context.Background(), []byte(module))
		r, ok := errors.AsType[*engine.Refused](err)
		if !ok || !strings.Contains(r.Error(), reason) || !strings.Contains(r.Hint, hint) {
			t.Errorf("%q: %v, want %q (hint: %q)", module, err, reason, hint)
		}
	}
	g("hello", "not WebAssembly", "GOOS=wasip1")
	g("", "empty", "GOOS=wasip1")
	g("\x00asm\x0d\x00\x01\x00", "component", "core module")
}

func TestInspect(t *testing.T) {
	h := newHost(t, Options{})
	m := newModule()
	m.Import("wedge", "body_stream_begin", "", "i")
	m.Func("on_request", "", "i", "", I32(0)...)
	m.Func("on_response", "", "i", "", I32(0)...)
	m.Func("wedge_abi_v1", "", "", "")
	i, err := h.Inspect(context.Background(), m.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	if want := exchange.HookSet(0).With(exchange.OnRequest).With(exchange.OnResponse); i.ABI != "wedge/1" || i.Hooks != want || !i.Streams || i.Memory != 64<<10 || len(i.Imports) != 1 || i.Imports[0] != "wedge.body_stream_begin" {
		t.Errorf("%+v", i)
	}
}

// A module that fails while it is initialised is refused when it is loaded.
func TestInitFails(t *testing.T) {
	h := newHost(t, Options{})
	m := newModule()
	m.Func("on_request", "", "i", "", I32(0)...)
	m.Func("wedge_abi_v1", "", "", "")
	m.Func("_initialize", "", "", "", 0x00) // unreachable
	_, err := h.Load(context.Background(), m.Bytes(), Spec{Name: "fn"})
	if e, ok := errors.AsType[*InitError](err); !ok || !strings.Contains(e.Error(), `function "fn" cannot be initialised`) {
		t.Errorf("error %v", err)
	}
	trap, ok := errors.AsType[*sandbox.Trap](err)
	if !ok || trap.Kind != sandbox.Unreachable {
		t.Errorf("trap %v", trap)
	}
}

// store4 writes four bytes to memory.
func store4(at int32, text string) []byte {
	v := uint32(text[0]) | uint32(text[1])<<8 | uint32(text[2])<<16 | uint32(text[3])<<24
	return Code(I32(at), I32(int32(v)), Op(0x36, 0x02, 0x00))
}

// headerModule sets "X-A: bcde" on the request at on_request, and on the response at on_response.
func headerModule(after ...byte) []byte {
	m := newModule()
	set := m.Import("wedge", "field_set", "iiiii", "i")
	body := func(message int32) []byte {
		return Code(store4(0, "X-A "), store4(4, "bcde"), I32(message), I32(0), I32(3), I32(4), I32(4), Call(set), after)
	}
	m.Func("on_request", "", "i", "", body(0)...)
	m.Func("on_response", "", "i", "", body(1)...)
	m.Func("wedge_abi_v1", "", "", "")
	return m.Bytes()
}

func TestHooksOfOneExchange(t *testing.T) {
	f := load(t, newHost(t, Options{}), headerModule(), Spec{})
	x := request("/")
	r := start(t, f, x)
	if answered, err := r.Call(exchange.OnRequest); answered || err != nil {
		t.Fatal(answered, err)
	}
	if answered, err := r.Call(exchange.OnFetch); answered || err != nil { // a hook that it lacks
		t.Fatal(answered, err)
	}
	withResponse(x, "hello")
	if answered, err := r.Call(exchange.OnResponse); answered || err != nil {
		t.Fatal(answered, err)
	}
	r.End()
	if a, _ := x.Request.Header.Named("x-a"); a != "bcde" {
		t.Errorf("request field %q", a)
	}
	if a, _ := x.Response.Header.Named("x-a"); a != "bcde" {
		t.Errorf("response field %q", a)
	}
	if len(x.Calls) != 2 || x.Calls[0].Hook != exchange.OnRequest || x.Calls[1].Hook != exchange.OnResponse || x.Calls[0].Function != "fn" || x.Calls[0].Fuel <= 0 || x.Calls[0].Wall <= 0 {
		t.Errorf("calls %+v", x.Calls)
	}
	if s := f.Stats(); s.Calls != 2 || s.Failed != 0 {
		t.Errorf("stats %+v", s)
	}
}

// What a hook changed is undone if it fails, whatever the way.
func TestFailureUndoes(t *testing.T) {
	h := newHost(t, Options{})
	g := func(name string, after []byte, reason exchange.Reason, text string) {
		t.Helper()
		f := load(t, h, headerModule(after...), Spec{Limits: limit.Limits{CPU: 20 * time.Millisecond}})
		x := request("/")
		_, err := once(t, f, x, exchange.OnRequest)
		wantReason(t, err, exchange.SourceFunction, reason, text)
		if x.Request.Header.Len() != 0 {
			t.Errorf("%s: a field was left behind", name)
		}
		if len(x.Calls) != 1 || x.Calls[0].Failed != reason || f.Stats().Failed != 1 {
			t.Errorf("%s: calls %+v", name, x.Calls)
		}
		// The next exchange is not harmed: it fails in its own right.
		if _, err := once(t, f, request("/"), exchange.OnRequest); exchange.ReasonOf(err, 0) != reason {
			t.Errorf("%s: the second exchange: %v", name, err)
		}
	}
	drop := Op(0x1a)
	g("trap", Code(drop, Op(0x00)), exchange.ReasonFunctionTrap, "on_request of fn: guest ended: unreachable")
	g("loop", Code(drop, Op(0x03, 0x40, 0x0c, 0x00, 0x0b), I32(0)), exchange.ReasonFunctionBudget, "cpu budget spent: limit 20ms")
	g("result", Code(drop, I32(7)), exchange.ReasonFunctionTrap, "the hook returned 7")
	g("no answer", Code(drop, I32(1)), exchange.ReasonFunctionTrap, "made no response: call respond before")
}

// A bad pointer ends the guest, not the node.
func TestBadPointer(t *testing.T) {
	m := newModule()
	set := m.Import("wedge", "var_set", "iiii", "i")
	m.Func("on_request", "", "i", "", Code(I32(0), I32(1), I32(65535), I32(2), Call(set))...)
	m.Func("wedge_abi_v1", "", "", "")
	_, err := once(t, load(t, newHost(t, Options{}), m.Bytes(), Spec{}), request("/"), exchange.OnRequest)
	wantReason(t, err, exchange.SourceFunction, exchange.ReasonFunctionTrap, "wedge.var_set was given 2 bytes at address 65535, outside of the memory of 65536 bytes")
}

// A guest that gives up because a body is too large is told apart from one that breaks.
func TestBodyTooLarge(t *testing.T) {
	m := newModule()
	body := m.Import("wedge", "body", "iii", "i")
	m.Func("on_response", "", "i", "", Code(I32(1), I32(0), I32(100), Call(body), Op(0x1a, 0x00), I32(0))...)
	m.Func("wedge_abi_v1", "", "", "")
	f := load(t, newHost(t, Options{}), m.Bytes(), Spec{MaxBody: 10})
	x := withResponse(request("/"), "hello, world")
	_, err := once(t, f, x, exchange.OnResponse)
	wantReason(t, err, exchange.SourceFunction, exchange.ReasonFunctionBody, "unreachable")
	if b, err := io.ReadAll(x.Response.Body); string(b) != "hello, world" || err != nil {
		t.Errorf("body %q, %v", b, err)
	}
	_, err = once(t, f, withResponse(request("/"), "hello"), exchange.OnResponse)
	wantReason(t, err, exchange.SourceFunction, exchange.ReasonFunctionTrap, "unreachable")
}

func TestNoInstance(t *testing.T) {
	h := newHost(t, Options{Wait: 200 * time.Millisecond}) // the first instance waits no longer either, on a busy machine
	f := load(t, h, headerModule(), Spec{Instances: 1})
	r := start(t, f, request("/"))
	_, err := f.Start(request("/"), time.Time{})
	wantReason(t, err, exchange.SourceNode, exchange.ReasonNoInstance, "all 1 are in use")
	r.End()
	f.Close()
	_, err = f.Start(request("/"), time.Time{})
	wantReason(t, err, exchange.SourceNode, exchange.ReasonFunctionUnavailable, "closed")
}

// The deadline of the exchange is one of its functions too.
func TestDeadline(t *testing.T) {
	m := newModule()
	m.Func("on_request", "", "i", "", Code(Op(0x03, 0x40, 0x0c, 0x00, 0x0b), I32(0))...)
	m.Func("wedge_abi_v1", "", "", "")
	f := load(t, newHost(t, Options{}), m.Bytes(), Spec{Limits: limit.Limits{CPU: limit.None, Wall: limit.None}})
	r, err := f.Start(request("/"), time.Now().Add(20*time.Millisecond))
	if err != nil {
		t.Fatal(err)
	}
	defer r.End()
	_, err = r.Call(exchange.OnRequest)
	wantReason(t, err, exchange.SourceFunction, exchange.ReasonFunctionBudget, "wall budget spent")
}

// A call on a pooled instance that sets a header allocates nothing.
func TestNoAllocations(t *testing.T) {
	f := load(t, newHost(t, Options{}), headerModule(), Spec{Isolation: new(sandbox.PerInstance), Limits: limit.Limits{HostCalls: limit.None}})
	x := request("/")
	call := func() {
		x.Request.Header.Reset()
		x.Calls = x.Calls[:0]
		r, err := f.Start(x, time.Time{})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := r.Call(exchange.OnRequest); err != nil {
			t.Fatal(err)
		}
		r.End()
	}
	call()
	// The exchange's arena grows as long as the exchange lives; here it lives for all runs.
	if n := testing.AllocsPerRun(200, call); n != 0 && !Race { // under the detector sync.Pool forgets at random
		t.Errorf("%g allocations", n)
	}
}

// An instance that serves again takes a fresh seed first: wedge_restored can ask for one, and nothing of an exchange.
func TestRestored(t *testing.T) {
	m := newModule()
	seed := m.Import("wedge", "seed", "", "I")
	set := m.Import("wedge", "var_set", "iiii", "i")
	m.Func("wedge_restored", "", "", "", Code(
		I32(0), Call(seed), Op(0x37, 0x03, 0x00), // i64.store
		I32(16), I32(16), I32(1), I32(0), I32(8), Call(set), Op(0x36, 0x02, 0x00))...)
	m.Func("on_request", "", "i", "", Code(store4(8, "s   "), I32(8), I32(1), I32(0), I32(20), Call(set))...)
	m.Func("wedge_abi_v1", "", "", "")
	f := load(t, newHost(t, Options{}), m.Bytes(), Spec{Isolation: new(sandbox.PerInstance), Instances: 1})
	seen := map[string]bool{}
	for range 4 {
		x := request("/")
		if _, err := once(t, f, x, exchange.OnRequest); err != nil {
			t.Fatal(err)
		}
		v, _ := x.Vars.Value("s")
		seen[v[:8]] = true
		if status := v[16:]; len(seen) > 1 && status != "\xfc\xff\xff\xff" { // not_in_exchange
			t.Errorf("var_set in wedge_restored: %q", status)
		}
	}
	if len(seen) != 4 { // none for the first, then one for each
		t.Errorf("seeds %v", seen)
	}
}

// Exchanges at once, streams among them, with and without failures.
func TestHammerRuns(t *testing.T) {
	h := newHost(t, Options{Services: &services.Services{}})
	header, stream := load(t, h, headerModule(), Spec{Instances: 4, Isolation: new(sandbox.PerInstance)}), load(t, h, echoModule(), Spec{Instances: 4})
	end := time.Now().Add(100 * time.Millisecond)
	var wg sync.WaitGroup
	for p := range 8 {
		wg.Go(func() {
			for n := 0; time.Now().Before(end); n++ {
				x := withResponse(request("/"), "hello, world")
				a, err := header.Start(x, time.Time{})
				if err != nil {
					t.Error(err)
					return
				}
				b, err := stream.Start(x, time.Time{})
				if err != nil {
					t.Error(err)
					return
				}
				a.Call(exchange.OnRequest)
				a.Call(exchange.OnResponse)
				b.Call(exchange.OnResponse)
				a.End()
				b.End()
				if (n+p)%3 != 0 {
					if s, err := io.ReadAll(x.Response.Body); string(s) != "hello, world" || err != nil {
						t.Errorf("%q %v", s, err)
					}
				}
				x.Response.Body.Close()
				x.Release()
			}
		})
	}
	wg.Wait()
}
