package node_test

import (
	"fmt"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	. "github.com/wedgecdn/wedge/runtime/engine/enginetest"
)

// latencies are what requests of an open loop took, from when each was due.
type latencies []time.Duration

func (l latencies) quantile(q float64) time.Duration {
	slices.Sort(l)
	return l[min(int(q*float64(len(l))), len(l)-1)]
}

// openLoop makes a request every gap for as long as run, whether or not those before have been answered, and fails the
// test unless each has the status of the first.
func openLoop(t testing.TB, addr, request string, gap, run time.Duration) latencies {
	t.Helper()
	const clients = 32
	due := make(chan time.Time, int(run/gap)+1)
	took := make([]latencies, clients)
	var wg sync.WaitGroup
	for c := range clients {
		w := dial(t, addr, request)
		wg.Go(func() {
			for at := range due {
				w.ask()
				took[c] = append(took[c], time.Since(at))
			}
		})
	}
	begin := time.Now()
	for n := range int(run / gap) {
		at := begin.Add(time.Duration(n) * gap)
		if left := time.Until(at); left > 0 {
			<-time.After(left)
		}
		due <- at
	}
	close(due)
	wg.Wait()
	return slices.Concat(took...)
}

// A site whose function spins, in 32 requests at once, is hardly felt at its neighbour: an open loop of 500 requests a
// second, beside the spinners and without them in turn.
//
// The figures that the node is measured by are those of a quiet machine, and are asked for in the long form. The short one
// asks only what a node without turns misses by far: there the neighbour's half of 500 requests a second took 378 ms. What
// else a machine is busy with only adds to these times, so one round of a few that is as it should be is enough.
//
// How long a spinner runs without coming back to the node is asked twice, in both cases as the median of the rounds. By the clock
// of the thread, where a round's figure is the longest of some 100 000 stretches. That clock does not stand while interrupts
// are served and while the host of a virtual machine runs another one: so each long round measures in the same way, and for as long, what
// goroutines show that work in turns of the same length and run no guest. And by fuel: this guest's
// instructions are all the same and touch no memory, so its longest stretch is the one with the most fuel, at the guest's mean pace.
// That is asked on every machine at every hour.
func TestNeighbourOfSpinners(t *testing.T) {
	const spinners = 32
	long := os.Getenv("WEDGE_PROOF") != ""
	rounds, run := proof(8, 9), time.Duration(proof(300, 2000))*time.Millisecond
	a, b := newUpstream(t, "a"), newUpstream(t, "b")
	w := newWorld(t, fmt.Sprintf(`
functions:
  - {name: f, limits: {wall: 20s}, instances: 64}
  - {name: g, owner: bee}
origins:
  - {name: a, servers: [{url: %q}]}
  - {name: b, owner: bee, servers: [{url: %q}]}
sites:
  - {hosts: [a.example], origin: a, functions: [f]}
  - {hosts: [b.example], origin: b, owner: bee, functions: [g]}
`, a.url(), b.url()), nil)
	w.did("PUT", "/v1/functions/g?owner=bee", harmless())
	w.wantOutcome("http://b.example/", 200, "b /", "fwd=uri-miss")
	const good = "GET / HTTP/1.1\r\nHost: b.example\r\n\r\n"

	// beside measures while requests spin; it returns when all of them are over.
	beside := func() (l latencies, ended int64) {
		var n atomic.Int64
		var wg sync.WaitGroup
		over := make(chan struct{})
		for range spinners {
			wg.Go(func() {
				for {
					select {
					case <-over:
						return
					default:
					}
					if r := w.get("http://a.example/"); r.err != nil || r.status != 500 {
						t.Errorf("a spinning request was answered %d (%v)", r.status, r.err)
						return
					}
					n.Add(1)
				}
			})
		}
		l = openLoop(t, w.node.Addr(), good, 2*time.Millisecond, run)
		close(over)
		wg.Wait()
		return l, n.Load()
	}
	var quiet50, quiet99, beside50, beside99, stretches, own, machine latencies
	enough := false
	for n := 0; n < rounds && !enough; n++ {
		// Another version each time, whose longest stretch begins at nothing.
		w.deploy("f", newGuest().hook("on_request", Code(I32(int32(n)), Drop, Forever())).bytes())
		quiet := openLoop(t, w.node.Addr(), good, 2*time.Millisecond, run)
		loaded, ended := beside()
		if ended < spinners {
			t.Errorf("only %d requests spun", ended)
		}
		quiet50, quiet99 = append(quiet50, quiet.quantile(0.5)), append(quiet99, quiet.quantile(0.99))
		beside50, beside99 = append(beside50, loaded.quantile(0.5)), append(beside99, loaded.quantile(0.99))
		stretch := time.Duration(1e9 * w.metric("wedge_function_stretch_seconds_max", `function="f"`))
		most := w.metric("wedge_function_stretch_fuel_max", `function="f"`)
		pace := w.metric("wedge_function_version_cpu_seconds_total", `function="f"`) / w.metric("wedge_function_version_fuel_total", `function="f"`)
		stretches, own = append(stretches, stretch), append(own, time.Duration(1e9*most*pace))
		alone := "–"
		if long {
			// Beside the same traffic, for as much processor time.
			measured := make(chan time.Duration)
			go func() { measured <- ruler(spinners, time.Duration(ended)*50*time.Millisecond/spinners) }()
			openLoop(t, w.node.Addr(), good, 2*time.Millisecond, run)
			machine = append(machine, <-measured)
			alone = machine[n].String()
		}
		t.Logf("round %d: quiet p50 %s, p99 %s; beside %d spinners p50 %s, p99 %s; %d of their requests ended; longest stretch %s, of the machine without a guest %s; most fuel %.0f, at the mean pace %s",
			n, quiet50[n], quiet99[n], spinners, beside50[n], beside99[n], ended, stretch, alone, most, own[n])
		enough = !long && beside50[n] <= 3*quiet50[n]+20*time.Millisecond && beside99[n] <= quiet99[n]+250*time.Millisecond && stretch > 0 && stretch <= 20*time.Millisecond && own[n] > 0 && own[n] <= 10*time.Millisecond
	}
	if s := w.metric("wedge_function_failures_total", `function="f"`, `kind="function-budget"`); s < float64(spinners*len(stretches)) {
		t.Errorf("%v requests of the spinning function have spent their budget", s)
	}
	if !long {
		if !enough {
			t.Errorf("beside %d spinners no round of %d is as it should be: p50 %s, p99 %s, longest stretches %s, by fuel %s", spinners, rounds, beside50, beside99, stretches, own)
		}
		return
	}
	q50, q99, b50, b99 := quiet50.quantile(0.5), quiet99.quantile(0.5), beside50.quantile(0.5), beside99.quantile(0.5)
	t.Logf("medians: quiet p50 %s, p99 %s; beside p50 %s (× %.2f), p99 %s (+ %s)", q50, q99, b50, float64(b50)/float64(q50), b99, b99-q99)
	if most50, most99 := q50*3/2, q99+10*time.Millisecond; b50 > most50 || b99 > most99 {
		t.Errorf("beside %d spinners p50 is %s and p99 %s, want at most %s and %s", spinners, b50, b99, most50, most99)
	}
	longest, byFuel, alone := stretches.quantile(0.5), own.quantile(0.5), machine.quantile(0.5)
	const mostStretch, mostOwn = 200 * time.Microsecond, 150 * time.Microsecond
	t.Logf("longest stretch of the spinners, median: %s by the clock, %s by fuel; of the machine without a guest %s", longest, byFuel, alone)
	if byFuel > mostOwn || byFuel == 0 {
		t.Errorf("the longest stretch of a spinner is %s by its fuel, want at most %s", byFuel, mostOwn)
	}
	if longest == 0 || longest > mostStretch && longest > alone*3/2 {
		t.Errorf("the longest stretch of a spinner is %s, want at most %s, or half more than the machine takes without a guest: %s", longest, mostStretch, alone)
	}
}
