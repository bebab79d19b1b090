package node_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/wedgecdn/wedge/edge/admin"
	. "github.com/wedgecdn/wedge/runtime/engine/enginetest"
)

// What a function costs stands in the operators' API, in the metrics and in the access log, with the same numbers.
func TestUsage(t *testing.T) {
	u := newUpstream(t, "shop")
	g := newGuest()
	g.hook("on_request", g.do("log", I32(1), g.text("x"), Code(I32(0), I32(0)))).hook("on_response")
	w := one(t, u, map[string][]byte{"f": g.bytes()}, "- name: f", "- {path: /*, functions: [f]}")
	const requests = 5
	for range requests {
		w.want("http://shop.example/", 200, "")
	}
	lines := w.logged(func(l []logLine) bool { return len(l) == requests })
	var f admin.Function
	if err := json.Unmarshal([]byte(w.did("GET", "/v1/functions/f", nil).body), &f); err != nil {
		t.Fatal(err)
	}
	if len(f.Usage) != 1 || len(f.Usage[0].Hooks) != 2 {
		t.Fatalf("usage %+v", f.Usage)
	}
	usage := f.Usage[0]
	h := usage.Hooks[0]
	if h.Hook != "on_request" || h.Calls != requests || h.Failed != 0 || h.FuelLast <= 0 || h.FuelLast != h.FuelMean || h.FuelLast != h.FuelMax || h.CPUMaxMicros < h.CPUMeanMicros {
		t.Errorf("%+v", h)
	}
	for _, l := range lines {
		if len(l.Functions) != 2 || l.Functions[0].Fuel != h.FuelLast {
			t.Errorf("the access log says %+v, want fuel %d", l.Functions, h.FuelLast)
		}
	}
	var reset int64
	for _, r := range usage.Resets {
		reset += r.Count
	}
	if reset < requests || usage.Memory != memory<<16 || usage.MemoryLimit != 32<<20 || usage.Instances == 0 || usage.Made.Count == 0 || usage.CompileMicros <= 0 {
		t.Errorf("%+v", usage)
	}
	is := func(want float64, name string, labels ...string) {
		t.Helper()
		if got := w.metric(name, append(labels, `function="f"`)...); got != want {
			t.Errorf("%s %q is %v, want %v", name, labels, got, want)
		}
	}
	is(float64(h.FuelLast*requests), "wedge_function_fuel_total", `hook="on_request"`)
	is(float64(h.FuelMax), "wedge_function_fuel_max", `hook="on_request"`)
	is(float64(reset), "wedge_function_resets_total")
	is(float64(usage.Memory), "wedge_function_memory_bytes_max")
	if usage.Stack < 10<<10 || usage.Stack > 1<<20 || usage.Taken < memory<<16 {
		t.Errorf("a call stack of %d bytes, instances of %d", usage.Stack, usage.Taken)
	}
	is(float64(usage.Stack), "wedge_function_stack_bytes_max")
	eventually(t, "both tell of the same memory", func() bool { // instances are made in advance, beside the requests
		if err := json.Unmarshal([]byte(w.did("GET", "/v1/functions/f", nil).body), &f); err != nil {
			t.Fatal(err)
		}
		return w.metric("wedge_function_room_bytes", `function="f"`) == float64(f.Usage[0].Taken)
	})
	if list := w.did("GET", "/v1/functions", nil).body; strings.Contains(list, "usage") {
		t.Error("the list of functions is full of numbers")
	}
}

// So does a handler's, which has no hooks: it is called once for a request.
func TestUsageOfHandler(t *testing.T) {
	u := newUpstream(t, "shop")
	var m Module
	newResponse, newBody := m.Import("fastly_http_resp", "new", "i", "i"), m.Import("fastly_http_body", "new", "i", "i")
	send := m.Import("fastly_http_resp", "send_downstream", "iii", "i")
	m.Memory(1, 0)
	m.Export("memory", 2, 0)
	at := func(cell int32) []byte { return Code(I32(cell), Load32) }
	m.Func("_start", "", "", "", Code(I32(0), Call(newResponse), Drop, I32(4), Call(newBody), Drop, at(0), at(4), I32(0), Call(send), Drop)...)
	w := one(t, u, map[string][]byte{"f": m.Bytes()}, "- name: f", "- {path: /*, handler: f}")
	const requests = 3
	for range requests {
		w.want("http://shop.example/", 200, "")
	}
	w.logged(func(l []logLine) bool { return len(l) == requests })
	var f admin.Function
	if err := json.Unmarshal([]byte(w.did("GET", "/v1/functions/f", nil).body), &f); err != nil {
		t.Fatal(err)
	}
	if len(f.Usage) != 1 || len(f.Usage[0].Hooks) != 1 {
		t.Fatalf("usage %+v", f.Usage)
	}
	if h := f.Usage[0].Hooks[0]; h.Hook != "on_request" || h.Calls != requests || h.Failed != 0 || h.FuelLast <= 0 {
		t.Errorf("%+v", h)
	}
}
