package proxywasm

import (
	"context"
	"fmt"
	"unsafe"

	"github.com/wedgecdn/wedge/runtime/hostcall"
)

const (
	// callFuel is the fixed price of a call.
	callFuel = 40
)

// A function is one that guests may import; all answer a status.
type function struct {
	name   string
	params string // each i, I or F
	do     func(s *session, a []uint64) status
	note   string // for the page of what works here
}

func types(s string) (t []hostcall.ValueType) {
	for _, c := range s {
		t = append(t, map[rune]hostcall.ValueType{'i': hostcall.I32, 'I': hostcall.I64, 'F': hostcall.F64}[c])
	}
	return t
}

// functions are all that the three versions have, then FastEdge's.
var functions = []function{
	{"proxy_log", "iii", proxyLog, ""},
	{"proxy_get_log_level", "i", getLogLevel, "always trace: the node keeps every line"},
	{"proxy_get_current_time_nanoseconds", "i", getTime, ""},
	{"proxy_set_tick_period_milliseconds", "i", setTick, "at least 10 ms; ticks run on the root instance, and on the instance of a paused stream"},
	{"proxy_done", "", done, ""},
	{"proxy_set_effective_context", "i", setEffectiveContext, "the plugin's context and the stream of this instance"},
	{"proxy_get_configuration", "ii", getConfiguration, "0.1.0"},
	{"proxy_get_buffer_bytes", "iiiii", getBufferBytes, ""},
	{"proxy_get_buffer_status", "iii", getBufferStatus, ""},
	{"proxy_set_buffer_bytes", "iiiii", setBufferBytes, "up to max_body"},
	{"proxy_get_header_map_size", "ii", getMapSize, ""},
	{"proxy_get_header_map_pairs", "iii", getMapPairs, ""},
	{"proxy_set_header_map_pairs", "iii", setMapPairs, ""},
	{"proxy_get_header_map_value", "iiiii", getMapValue, ""},
	{"proxy_add_header_map_value", "iiiii", addMapValue, "Content-Length is the node's: a change is accepted and says that the body will change"},
	{"proxy_replace_header_map_value", "iiiii", replaceMapValue, "as proxy_add_header_map_value"},
	{"proxy_remove_header_map_value", "iii", removeMapValue, "as proxy_add_header_map_value"},
	{"proxy_continue_stream", "i", continueStream, ""},
	{"proxy_continue_request", "", func(s *session, _ []uint64) status { return s.resume(0) }, "0.1.0"},
	{"proxy_continue_response", "", func(s *session, _ []uint64) status { return s.resume(1) }, "0.1.0"},
	{"proxy_close_stream", "i", closeStream, "the client gets 502, or a body that ends early"},
	{"proxy_clear_route_cache", "", func(*session, []uint64) status { return ok }, "the route stays: a changed path changes key and origin's request"},
	{"proxy_get_status", "iii", getStatus, "of callouts"},
	{"proxy_send_local_response", "iiiiiiii", sendLocalResponse, "until the response's head is on its way; what answers a request passes the filter's own response callbacks"},
	{"proxy_http_call", "iiiiiiiiii", httpCall, "to origins and hosts of the binding's fetch; trailers are not sent; one that outlives its stream goes on, unheard"},
	{"proxy_grpc_call", "iiiiiiiiiiii", refuse, unsupported},
	{"proxy_grpc_stream", "iiiiiiiii", refuse, unsupported},
	{"proxy_grpc_send", "iiii", refuse, unsupported},
	{"proxy_grpc_cancel", "i", refuse, unsupported},
	{"proxy_grpc_close", "i", refuse, unsupported},
	{"proxy_set_shared_data", "iiiii", setSharedData, ""},
	{"proxy_get_shared_data", "iiiii", getSharedData, ""},
	{"proxy_register_shared_queue", "iii", registerQueue, ""},
	{"proxy_resolve_shared_queue", "iiiii", resolveQueue, ""},
	{"proxy_enqueue_shared_queue", "iii", enqueue, ""},
	{"proxy_dequeue_shared_queue", "iii", dequeue, ""},
	{"proxy_define_metric", "iiii", defineMetric, "on /metrics as wedge_function_counter_total, wedge_function_gauge and wedge_function_value"},
	{"proxy_record_metric", "iI", recordMetric, ""},
	{"proxy_increment_metric", "iI", incrementMetric, ""},
	{"proxy_get_metric", "ii", getMetric, ""},
	{"proxy_get_property", "iiii", getProperty, ""},
	{"proxy_set_property", "iiii", setProperty, "wedge.cache_key, wedge.cache_ttl, wedge.cache_tags in the request's callbacks; parts of the request; anything else is kept for the stream"},
	{"proxy_call_foreign_function", "iiiiii", callForeign, "wedge_kv_get, wedge_kv_put, wedge_kv_delete, clear_route_cache, compress and uncompress (zlib, up to max_body)"},
	{"proxy_dictionary_get", "iiii", dictionaryGet, "FastEdge; the binding's config"},
	{"proxy_get_secret", "iiii", secretGet, "FastEdge"},
	{"proxy_secret_get", "iiii", secretGet, "FastEdge"},
	{"proxy_get_effective_at_secret", "iiiii", secretGetAt, "FastEdge; a secret has one value at all times"},
	{"proxy_kv_store_open", "iii", kvOpen, "FastEdge"},
	{"proxy_kv_store_get", "iiiii", kvGet, "FastEdge"},
	{"proxy_kv_store_scan", "iiiii", kvScan, "FastEdge; patterns that are a prefix and *"},
	{"proxy_kv_store_zrange_by_score", "iiiFFii", refuse, unsupported},
	{"proxy_kv_store_zscan", "iiiiiii", refuse, unsupported},
	{"proxy_kv_store_bf_exists", "iiiiii", refuse, unsupported},
}

const unsupported = "unsupported: answers UNIMPLEMENTED"

// refuse is what has no meaning here.
func refuse(*session, []uint64) status { return unimplemented }

func link(f *function) hostcall.Func {
	return hostcall.Func{
		Module: Module, Name: f.name, Params: types(f.params), Results: types("i"), Fuel: callFuel,
		Body: func(c *hostcall.Call, stack []uint64) {
			r := internalFailure
			if s, bound := c.State().(*session); bound {
				s.call = c
				r = f.do(s, stack)
			}
			stack[0] = uint64(r)
		},
	}
}

// view is the guest's bytes whose pointer and length stand in slots i and i+1. It is valid until the guest runs again.
func (s *session) view(a []uint64, i int) ([]byte, bool) {
	n := uint32(a[i+1])
	if n == 0 {
		return nil, true
	}
	b, valid := s.call.Memory().View(uint32(a[i]), n)
	if valid {
		s.call.ChargeMoved(int(n))
	}
	return b, valid
}

// text is as view, as a string over the guest's memory: it must not be kept.
func (s *session) text(a []uint64, i int) (string, bool) {
	b, valid := s.view(a, i)
	return alias(b), valid
}

func alias(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// give hands a value to the guest, in memory that the guest allocates: the pointer goes to where slot i points, the length
// to where slot i+1 does. The guest runs meanwhile, so no view of its memory is valid afterwards.
//
//	give("GET", i) with both slots pointing at 8 and 12, and an allocation at 64
//
//	memory  ? … 64 0 0 0  3 0 0 0 ? … G E T ? …
//	            8         12          64
func (s *session) give(a []uint64, i int, v string) status {
	to, size := uint32(a[i]), uint32(a[i+1])
	if m := s.call.Memory(); !within(m, to) || !within(m, size) {
		return invalidMemory
	}
	ptr := uint32(0)
	if v != "" {
		s.call.ChargeMoved(len(v))
		if s.i == nil {
			return internalFailure // in a start section, where nobody can be called
		}
		export := memoryAllocate
		if !s.i.Has(export) {
			export = malloc
		}
		call := s.call
		out, err := s.i.Call(context.Background(), export, uint64(len(v)))
		if s.call = call; err != nil {
			call.Trap(fmt.Errorf("%s: %w", export, err))
		}
		// "Returning `0` indicates failure."
		// https://github.com/proxy-wasm/spec/tree/main/abi-versions/v0.2.1#proxy_on_memory_allocate
		if ptr = uint32(out[0]); ptr == 0 {
			return internalFailure
		}
		if !s.call.Memory().WriteString(ptr, v) {
			return invalidMemory
		}
	}
	m := s.call.Memory()
	m.WriteUint32(to, ptr)
	m.WriteUint32(size, uint32(len(v)))
	return ok
}

func within(m hostcall.Memory, ptr uint32) bool {
	_, valid := m.View(ptr, 4)
	return valid
}

// put writes a number to where slot i points.
func (s *session) put(a []uint64, i int, v uint32) status {
	if !s.call.Memory().WriteUint32(uint32(a[i]), v) {
		return invalidMemory
	}
	return ok
}
