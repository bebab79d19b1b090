package main

import (
	"strings"
	"testing"

	"github.com/wedgecdn/wedge/edge/admin"
)

func TestPrintUsage(t *testing.T) {
	var b strings.Builder
	one, two := strings.Repeat("1", 64), strings.Repeat("2", 64)
	err := printUsage(&b, admin.Function{Active: one, Canary: &admin.Canary{Version: two}, Usage: []admin.FunctionUsage{{Version: strings.Repeat("3", 64)}, {Version: two, Hooks: []admin.HookUsage{{Hook: "on_request"}}}, {
		Version: one,
		Hooks:   []admin.HookUsage{{Hook: "on_request", Calls: 12, Failed: 1, FuelLast: 340, FuelMean: 350, FuelMax: 1200, CPUMeanMicros: 12.34, CPUMaxMicros: 2345.6, WallMeanMicros: 1500, WaitMeanMicros: 900}},
		Memory:  3 << 20, MemoryLimit: 32 << 20, Stack: 20 << 10, Taken: 6 << 20, Instances: 2, Idle: 1, Queued: 3, Made: admin.Counted{Count: 2, MeanMicros: 4100},
		Waits:  admin.Counted{Count: 5, MeanMicros: 100, MaxMicros: 250},
		Resets: []admin.Counted{{Name: "copy", Count: 3, MeanMicros: 4}, {Name: "scan", Count: 9, MeanMicros: 11.26}},
		Gone:   []admin.Counted{{Name: "trapped", Count: 1}}, CompileMicros: 1_234_567, StretchMicros: 180, StretchFuel: 100_000,
	}}})
	if err != nil {
		t.Fatal(err)
	}
	want := `
version 111111111111, which runs
HOOK        CALLS  FAILED  FUEL LAST  MEAN  MAX   CPU MEAN  MAX     TIME   WAITING
on_request  12     1       340        350   1200  12.3µs    2.35ms  1.5ms  900µs
memory           3 MiB of 32 MiB
call stack       20 KiB
instances        2, 1 idle; 2 made in 4.1ms each; 6 MiB of the node's memory
waited for       5 times, 3 now; 100µs on average, 250µs at most
put back         copy 3 (4µs each), scan 9 (11.3µs each)
closed           trapped 1
compiled in      1.23s
longest stretch  180µs; most fuel in one 100000

version 222222222222, the canary
HOOK        CALLS  FAILED  FUEL LAST  MEAN  MAX  CPU MEAN  MAX  TIME  WAITING
on_request  0      0       0          0     0    0s        0s   0s    0s
memory           0 B of 0 B
call stack       0 B
instances        0, 0 idle; 0 made; 0 B of the node's memory
waited for       0 times, 0 now; 0s on average, 0s at most
put back         never
closed           never
compiled in      0s
longest stretch  0s; most fuel in one 0

version 333333333333
HOOK  CALLS  FAILED  FUEL LAST  MEAN  MAX  CPU MEAN  MAX  TIME  WAITING
memory           0 B of 0 B
call stack       0 B
instances        0, 0 idle; 0 made; 0 B of the node's memory
waited for       0 times, 0 now; 0s on average, 0s at most
put back         never
closed           never
compiled in      0s
longest stretch  0s; most fuel in one 0
`
	if b.String() != want {
		t.Errorf("got\n%s\nwant\n%s", b.String(), want)
	}
}
