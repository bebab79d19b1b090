package httpwasm

import (
	"fmt"
	"slices"

	"github.com/wedgecdn/wedge/hostapi/adapter"
	"github.com/wedgecdn/wedge/hostapi/exchange"
	"github.com/wedgecdn/wedge/runtime/hostcall"
)

// Module is the name from which guests import the functions.
const Module = "http_handler"

// Exports of a guest, and the program entry of toolchains that have no other.
const (
	handleRequest  = "handle_request"
	handleResponse = "handle_response"
	start          = "_start"
	initialize     = "_initialize"
)

// ABI is this contract as hostapi/guest sees it.
type ABI struct{}

// Name satisfies adapter.ABI.
func (ABI) Name() string { return "http-wasm" }

// Sought satisfies adapter.ABI.
func (ABI) Sought() string {
	return "imports from " + Module + " or an export " + handleRequest + " (http-wasm)"
}

// Detect satisfies adapter.ABI.
func (ABI) Detect(m adapter.Module) (adapter.Facts, bool, error) {
	f := adapter.Facts{
		ABI: "http-wasm/1", Hooks: exchange.HookSet(0).With(exchange.OnRequest).With(exchange.OnResponse), MemoryLimit: adapter.Foreign,
	}
	_, exported := m.Export(handleRequest)
	if !exported && !slices.ContainsFunc(m.Imports(), func(i adapter.Import) bool { return i.Module == Module }) {
		return f, false, nil
	}
	for _, e := range [...]struct{ name, want string }{{handleRequest, "() i64"}, {handleResponse, "(i32, i32)"}} {
		s, ok := m.Export(e.name)
		if !ok {
			return f, true, &adapter.Refused{Reason: "it uses the http-wasm ABI, and does not export " + e.name, Hint: fmt.Sprintf("export %s as %s", e.name, e.want)}
		}
		if s.String() != e.want {
			return f, true, &adapter.Refused{Reason: fmt.Sprintf("it exports %s as %s, and that is %s", e.name, s, e.want), Hint: "build it with a guest library of http-wasm"}
		}
	}
	if s, ok := m.Export(start); ok && s.String() != "()" {
		return f, true, &adapter.Refused{Reason: fmt.Sprintf("it exports %s as %s, and that takes and returns nothing", start, s), Hint: "remove its parameters and results"}
	}
	return f, true, nil
}

// Funcs satisfies adapter.ABI.
func (ABI) Funcs() []hostcall.Func {
	all := make([]hostcall.Func, 0, len(functions))
	for i := range functions {
		all = append(all, link(&functions[i]))
	}
	return all
}

// Functions are the functions with what works of them.
func Functions() (list []adapter.Function) {
	for i := range functions {
		list = append(list, adapter.Function{Name: functions[i].name, Note: functions[i].status})
	}
	return list
}
