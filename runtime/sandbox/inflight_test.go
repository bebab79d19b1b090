package sandbox_test

import (
	"os"
	"testing"
	"time"

	. "github.com/wedgecdn/wedge/runtime/engine/enginetest"
	"github.com/wedgecdn/wedge/runtime/limit"
	"github.com/wedgecdn/wedge/runtime/sandbox"
	"github.com/wedgecdn/wedge/runtime/wasi"
)

// What many exchanges in flight take, each with an instance that has been called: no more than they are booked with.
func TestInFlight(t *testing.T) {
	n := 200
	if os.Getenv("WEDGE_PROOF") != "" {
		n = 10_000
	}
	f := func(name string, module []byte, n int, export string) {
		t.Helper()
		room := sandbox.NewRoom(1 << 50)
		p := newPool(t, sandbox.Options{
			Module: compile(t, newEngine(t), module), Room: room, Most: n,
			Limits:  limit.Limits{Memory: 16 << 20, CPU: 10 * time.Second, Wall: 20 * time.Second},
			Outside: func() any { return &exchange{s: &wasi.State{Args: []string{"guest"}}} },
		})
		before := residue().resident
		var held []*sandbox.Instance
		for range n {
			i := acquire(t, p)
			i.Bind(&exchange{s: &wasi.State{Args: []string{"guest"}}}, nil)
			call(t, i, export)
			held = append(held, i)
		}
		resident, booked := residue().resident-before, room.Used()
		t.Logf("%d exchanges with %s: %d KiB resident, %d KiB each; %d KiB booked, %d KiB each",
			n, name, resident>>10, resident>>10/int64(n), booked>>10, booked>>10/int64(n))
		if resident > booked+32<<20 { // the engine, the compiler, the collector
			t.Errorf("%d exchanges with %s take %d KiB, and are booked with %d KiB", n, name, resident>>10, booked>>10)
		}
		for _, i := range held {
			p.Release(i)
		}
		p.Close()
	}
	f("one page", keeper(false), n, "get")
	f("a Go guest", Go(t, goGuest), n/10, "empty")
}
