package node_test

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	. "github.com/wedgecdn/wedge/runtime/engine/enginetest"
)

// large is a function with so many pages, which waits a little.
func large(pages uint32) []byte {
	g := newGuest()
	g.module.Memory(pages, 0)
	poll := g.module.Import("wasi_snapshot_preview1", "poll_oneoff", "iiii", "i")
	g.imports["poll_oneoff"] = poll
	return g.hook("on_request",
		I32(64), I64(0), Op(0x37, 3, 0), I32(72), I32(0), Store32, I32(80), I32(1), Store32,
		I32(88), I64(100_000_000), Op(0x37, 3, 0), I32(96), I64(0), Op(0x37, 3, 0), I32(104), I32(0), Store32,
		I32(64), I32(128), I32(1), I32(192), Call(poll), Drop).bytes()
}

// All functions share the node's memory. Who finds none is answered 503 under every policy, the rest is served, idle
// instances make place for those that are wanted, and in the end everything is given back.
func TestNodeMemoryIsShared(t *testing.T) {
	u := newUpstream(t, "u")
	w := newWorld(t, fmt.Sprintf(`
functions:
  - {name: large, limits: {memory: 16MiB, wall: 20s}, on_failure: open}
  - {name: other, limits: {memory: 16MiB, wall: 20s}}
origins: [{name: u, servers: [{url: %q}]}]
sites:
  - {hosts: [a.example], origin: u, functions: [large]}
  - {hosts: [b.example], origin: u, functions: [other]}
`, u.url()), nil, "memory: 512MiB", "memory: 64MiB")
	w.deploy("large", large(64)) // 4 MiB, and as much for the image of all; the room is 28 MiB
	w.deploy("other", large(64))
	var served, refused atomic.Int64
	var wg sync.WaitGroup
	for n := range 24 {
		wg.Go(func() {
			switch r := w.get(fmt.Sprintf("http://a.example/%d", n)); {
			case r.status == 200:
				served.Add(1)
			case r.status == 503 && strings.Contains(r.header.Get("Cache-Status"), "detail=no-instance"):
				refused.Add(1)
			default:
				t.Errorf("answered %d, %s (%v)", r.status, r.header.Get("Cache-Status"), r.err)
			}
		})
	}
	wg.Wait()
	t.Logf("%d served, %d refused", served.Load(), refused.Load())
	if served.Load() < 3 || refused.Load() == 0 {
		t.Errorf("%d served, %d refused", served.Load(), refused.Load())
	}
	if r := w.metricAlone("wedge_room_refused_total"); r == 0 {
		t.Error("no metric tells of it")
	}
	if used, most := w.metricAlone("wedge_room_used_bytes"), w.metricAlone("wedge_room_bytes"); used > most || most != 28<<20 {
		t.Errorf("%v of %v bytes are in use", used, most)
	}
	// The instances of one function are idle now; those of the other take their place.
	for n := range 3 {
		wg.Go(func() {
			if r := w.get(fmt.Sprintf("http://b.example/%d", n)); r.status != 200 {
				t.Errorf("the other function: %d %s", r.status, r.header.Get("Cache-Status"))
			}
		})
	}
	wg.Wait()
	if n := w.metric("wedge_events_total", `event="function_instance_evicted"`); n == 0 {
		t.Error("nothing was closed for it")
	}
	if n := w.metric("wedge_events_total", `event="function_circuit_opened"`); n != 0 {
		t.Error("want of memory has opened a circuit")
	}
}
