package httpwasm

import (
	"errors"
	"fmt"

	"github.com/wedgecdn/wedge/runtime/hostcall"
)

const (
	i32 = hostcall.I32
	i64 = hostcall.I64
	// callFuel is the fixed price of a call.
	callFuel = 40
)

// A function is one that guests may import. do reads its parameters by slot and returns the result, if it has one.
type function struct {
	name    string
	params  []hostcall.ValueType
	results []hostcall.ValueType
	// outside tells that it answers while the guest is in no exchange.
	outside bool
	waits   bool
	do      func(s *session, a []uint64) uint64
	// status is for the page of what works here.
	status string
}

func types(t ...hostcall.ValueType) []hostcall.ValueType { return t }

// functions are all that the specification has, in its order.
var functions = []function{
	{name: "get_config", params: types(i32, i32), results: types(i32), outside: true, do: getConfig},
	{name: "enable_features", params: types(i32), results: types(i32), outside: true, do: enableFeatures, status: "all three: buffer_request, buffer_response, trailers"},
	{name: "log", params: types(i32, i32, i32), outside: true, do: log},
	{name: "log_enabled", params: types(i32), results: types(i32), outside: true, do: logEnabled, status: "every level but debug and none"},
	{name: "get_header_names", params: types(i32, i32, i32), results: types(i64), do: getHeaderNames},
	{name: "get_header_values", params: types(i32, i32, i32, i32, i32), results: types(i64), do: getHeaderValues},
	{name: "set_header_value", params: types(i32, i32, i32, i32, i32), do: setHeaderValue, status: "but for fields that frame a message or belong to one connection: the guest traps"},
	{name: "add_header_value", params: types(i32, i32, i32, i32, i32), do: addHeaderValue, status: "as set_header_value"},
	{name: "remove_header", params: types(i32, i32, i32), do: removeHeader, status: "as set_header_value"},
	{name: "read_body", params: types(i32, i32, i32), results: types(i64), waits: true, do: readBody, status: "up to max_body; what was read is always sent on; responses are decoded"},
	{name: "write_body", params: types(i32, i32, i32), do: writeBody, status: "up to max_body"},
	{name: "get_method", params: types(i32, i32), results: types(i32), do: getMethod},
	{name: "set_method", params: types(i32, i32), do: setMethod, status: "but for CONNECT and TRACE"},
	{name: "get_uri", params: types(i32, i32), results: types(i32), do: getURI, status: "in normal form"},
	{name: "set_uri", params: types(i32, i32), do: setURI},
	{name: "get_protocol_version", params: types(i32, i32), results: types(i32), do: getProtocolVersion},
	{name: "get_source_addr", params: types(i32, i32), results: types(i32), do: getSourceAddr},
	{name: "get_status_code", params: types(), results: types(i32), do: getStatusCode},
	{name: "set_status_code", params: types(i32), do: setStatusCode},
}

// errOutside is why a guest is ended that asks for an exchange while it is in none.
var errOutside = errors.New("there is no request yet: only get_config, enable_features, log and log_enabled work while the module starts")

// link makes a host function: every failure ends the guest.
//
// "A host who fails to … will trap (aka panic, "unreachable" instruction)."
// https://http-wasm.io/http-handler-abi/
func link(f *function) hostcall.Func {
	return hostcall.Func{
		Module: Module, Name: f.name, Params: f.params, Results: f.results, Fuel: callFuel, Waits: f.waits,
		Body: func(c *hostcall.Call, stack []uint64) {
			s, ok := c.State().(*session)
			if !ok || !s.in && !f.outside {
				c.Trap(fmt.Errorf("%s: %w", f.name, errOutside))
			}
			s.call = c
			r := f.do(s, stack)
			if len(f.results) > 0 {
				stack[0] = r
			}
		},
	}
}

// trap ends the guest.
func (s *session) trap(format string, args ...any) {
	s.call.Trap(fmt.Errorf(s.call.Func().Name+": "+format, args...))
}

// must ends the guest if there is an error.
func (s *session) must(err error) {
	if err != nil {
		s.trap("%w", err)
	}
}

// view is the guest's bytes whose pointer and length stand in slots i and i+1. It is valid until the guest runs again, and nobody
// writes to it.
func (s *session) view(a []uint64, i int) []byte {
	ptr, n := uint32(a[i]), uint32(a[i+1])
	if n == 0 {
		return nil
	}
	b, ok := s.call.Memory().Look(ptr, n)
	if !ok {
		s.trap("%d bytes at address %d are outside of the memory of %d bytes", n, ptr, s.call.Memory().Size())
	}
	s.call.ChargeMoved(int(n))
	return b
}

// give writes a value to the buffer whose pointer and capacity stand in slots i and i+1, and returns its length; of a
// value that does not fit nothing is written.
//
//	give("GET") with buf=16, buf_limit=8
//
//	memory  ? … ? G E T ? …
//	            16    19
//	result  3
func (s *session) give(a []uint64, i int, v string) uint64 {
	ptr, limit := uint32(a[i]), uint32(a[i+1])
	if len(v) <= int(limit) && v != "" {
		s.call.ChargeMoved(len(v))
		if !s.call.Memory().WriteString(ptr, v) {
			s.trap("%d bytes at address %d are outside of the memory of %d bytes", len(v), ptr, s.call.Memory().Size())
		}
	}
	return uint64(len(v))
}
