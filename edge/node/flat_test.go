package node_test

import (
	"fmt"
	"runtime/debug"
	"testing"

	. "github.com/wedgecdn/wedge/runtime/engine/enginetest"
)

// grower is a function whose memory grows by some pages in each exchange. Each number is another module.
func grower(n int32) []byte {
	g := newGuest()
	return g.hook("on_request", I32(3+n%5), Grow, Drop, I32(n), Drop, I32(memory<<16), I32(n|1), Store32).
		hook("on_response", g.setField("X-Function", fmt.Sprint("g", n))).bytes()
}

// Deploys of distinct modules, and calls of functions that grow, leave memory flat: what they took is given back.
func TestDeploysAndCallsLeaveMemoryFlat(t *testing.T) {
	if raceDetector {
		t.Skip("the race detector has memory of its own for what a process touches: there is nothing to hold flat")
	}
	deploys, callsEach := proof(100, 10_000), 100
	u := newUpstream(t, "a")
	w := newWorld(t, fmt.Sprintf(`
functions: [{name: f, instances: 4}]
origins: [{name: a, servers: [{url: %q}]}]
sites: [{hosts: [a.example], origin: a, functions: [f]}]
`, u.url()), nil)
	var early int64
	rss := func() int64 {
		w.stderr.forget() // each deploy is a line there
		debug.FreeOSMemory()
		return residentBytes(t)
	}
	for n := range deploys {
		w.deploy("f", grower(int32(n)))
		for range callsEach {
			if r := w.get("http://a.example/"); r.err != nil || r.status != 200 || r.header.Get("X-Function") != fmt.Sprint("g", n) {
				t.Fatalf("deploy %d: %d %v (%v)", n, r.status, r.header, r.err)
			}
		}
		switch n + 1 {
		case deploys / 10:
			early = rss()
			t.Logf("after %d deploys and %d calls %d KiB are resident", n+1, (n+1)*callsEach, early>>10)
		case deploys:
			late := rss()
			t.Logf("after %d deploys and %d calls %d KiB are resident: %+.1f%%", n+1, (n+1)*callsEach, late>>10, float64(late-early)*100/float64(early))
			// A hundredth of the deploys is not enough for all buffers to have reached their size.
			if slack := int64(proof(8<<20, 0)); late > early+early/20+slack {
				t.Errorf("%d KiB more than after the first tenth", (late-early)>>10)
			}
		}
	}
}
