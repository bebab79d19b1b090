package proxywasm

import (
	"slices"
	"strings"

	"github.com/wedgecdn/wedge/hostapi/adapter"
	"github.com/wedgecdn/wedge/hostapi/exchange"
	"github.com/wedgecdn/wedge/runtime/hostcall"
	"github.com/wedgecdn/wedge/runtime/sandbox"
)

// Module is the name from which guests import the functions.
const Module = "env"

const markerPrefix = "proxy_abi_version_"

// oldest is the version whose callbacks know no end of a stream, and in which a missing field is an empty one.
const oldest = "0.1.0"

// versions of the ABI by the marker that a module exports, oldest first. The last is Higress' name for 0.2.1 and functions for
// Redis, of which a module imports those that it uses.
var versions = [...]string{"0_1_0", "0_2_0", "0_2_1", "0_2_100"}

// ABI is this contract as hostapi/guest sees it. It holds what the functions of a node share.
type ABI struct{ shared *shared }

// New makes the ABI of one host of functions.
func New() *ABI { return &ABI{newShared()} }

// Name satisfies adapter.ABI.
func (*ABI) Name() string { return "proxy-wasm" }

// Sought satisfies adapter.ABI.
func (*ABI) Sought() string {
	return "imports of env.proxy_… or an export " + markerPrefix + "… (proxy-wasm)"
}

// Detect satisfies adapter.ABI.
func (*ABI) Detect(m adapter.Module) (adapter.Facts, bool, error) {
	f := adapter.Facts{
		ABI: "proxy-wasm/0.1.0", Isolation: sandbox.PerInstance, MemoryLimit: adapter.Foreign, Streams: true,
		Hooks: exchange.HookSet(0).With(exchange.OnRequest).With(exchange.OnResponse),
	}
	names := m.Exports()
	mine := slices.ContainsFunc(names, func(n string) bool { return strings.HasPrefix(n, "proxy_on_") }) ||
		slices.ContainsFunc(m.Imports(), func(i adapter.Import) bool {
			return i.Module == Module && strings.HasPrefix(i.Name, "proxy_")
		})
	known, other := false, ""
	for _, n := range names {
		v, ok := strings.CutPrefix(n, markerPrefix)
		if !ok {
			continue
		}
		mine = true
		if slices.Contains(versions[:], v) {
			known, f.ABI = true, "proxy-wasm/"+strings.ReplaceAll(v, "_", ".")
		} else {
			other = v
		}
	}
	switch {
	case !mine:
		return f, false, nil
	case !known && other != "":
		return f, true, &adapter.Refused{Reason: "it speaks version " + strings.ReplaceAll(other, "_", ".") + " of the proxy-wasm ABI, and this node 0.1.0, 0.2.0 and 0.2.1", Hint: "build it with an SDK for one of these"}
	}
	two := false // parameters of the callbacks for headers
	for _, c := range callbacks {
		s, ok := m.Export(c.name)
		if ok && s.String() != c.want && s.String() != c.old {
			return f, true, &adapter.Refused{Reason: "it exports " + c.name + " as " + s.String() + ", and that is " + c.want, Hint: "build it with a proxy-wasm SDK"}
		}
		two = two || ok && s.String() == c.old
	}
	switch {
	case two:
		f.ABI = "proxy-wasm/" + oldest
	case f.ABI == "proxy-wasm/"+oldest:
		f.ABI = "proxy-wasm/0.2.0" // it is one but for its name
	}
	if _, ok := m.Export(memoryAllocate); ok {
		return f, true, nil
	}
	if _, ok := m.Export(malloc); !ok {
		return f, true, &adapter.Refused{Reason: "it exports neither " + memoryAllocate + " nor " + malloc, Hint: "the node gives data to a filter in memory that the filter allocates: export one of them as (i32) i32"}
	}
	return f, true, nil
}

// Names of exports.
const (
	memoryAllocate = "proxy_on_memory_allocate"
	malloc         = "malloc"
	contextCreate  = "proxy_on_context_create"
	onVMStart      = "proxy_on_vm_start"
	onConfigure    = "proxy_on_configure"
	onTick         = "proxy_on_tick"
	onQueueReady   = "proxy_on_queue_ready"
	onDone         = "proxy_on_done"
	onLog          = "proxy_on_log"
	onDelete       = "proxy_on_delete"
	onCallResponse = "proxy_on_http_call_response"
)

// callbacks are the exports that are called, with their types; old is another type that is called as well.
var callbacks = [...]struct{ name, want, old string }{
	{memoryAllocate, "(i32) i32", ""}, {malloc, "(i32) i32", ""},
	{contextCreate, "(i32, i32)", ""}, {onVMStart, "(i32, i32) i32", ""}, {onConfigure, "(i32, i32) i32", ""},
	{onTick, "(i32)", ""}, {onQueueReady, "(i32, i32)", ""}, {onDone, "(i32) i32", ""}, {onLog, "(i32)", ""}, {onDelete, "(i32)", ""},
	// "0.1.0 … num_headers … returns action": it knows no end_of_stream.
	{streams[0].headers, "(i32, i32, i32) i32", "(i32, i32) i32"}, {streams[1].headers, "(i32, i32, i32) i32", "(i32, i32) i32"},
	{streams[0].body, "(i32, i32, i32) i32", ""}, {streams[1].body, "(i32, i32, i32) i32", ""},
	{streams[0].trailers, "(i32, i32) i32", ""}, {streams[1].trailers, "(i32, i32) i32", ""},
	{onCallResponse, "(i32, i32, i32, i32, i32)", ""},
}

// streams are the callbacks of the request's and of the response's stream.
var streams = [2]struct{ headers, body, trailers string }{
	{"proxy_on_request_headers", "proxy_on_request_body", "proxy_on_request_trailers"},
	{"proxy_on_response_headers", "proxy_on_response_body", "proxy_on_response_trailers"},
}

// Funcs satisfies adapter.ABI.
func (*ABI) Funcs() []hostcall.Func {
	all := make([]hostcall.Func, 0, len(functions)+2)
	for i := range functions {
		all = append(all, link(&functions[i]))
	}
	// Emscripten's: a notice that needs no answer, and a comparison.
	nothing := func(*hostcall.Call, []uint64) {}
	equal := func(_ *hostcall.Call, a []uint64) {
		if uint32(a[0]) == uint32(a[1]) {
			a[0] = 1
		} else {
			a[0] = 0
		}
	}
	return append(all,
		hostcall.Func{Module: Module, Name: "emscripten_notify_memory_growth", Params: types("i"), Fuel: callFuel, Body: nothing},
		hostcall.Func{Module: Module, Name: "pthread_equal", Params: types("ii"), Results: types("i"), Fuel: callFuel, Body: equal},
	)
}

// Functions are the functions with what works of them.
func Functions() (list []adapter.Function) {
	for i := range functions {
		list = append(list, adapter.Function{Name: functions[i].name, Note: functions[i].note})
	}
	return list
}
