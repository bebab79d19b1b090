package sandbox_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/wedgecdn/wedge/runtime/engine"
	. "github.com/wedgecdn/wedge/runtime/engine/enginetest"
	"github.com/wedgecdn/wedge/runtime/limit"
	"github.com/wedgecdn/wedge/runtime/sandbox"
	"github.com/wedgecdn/wedge/runtime/wasi"
)

const goGuest = `
package main

import (
	"fmt"
	"os"
	"sort"
	"strings"
	"time"
)

func main() {}

var served int

//go:wasmexport work
func work(n int32) int32 {
	served++
	m := map[string]int{}
	for i := int32(0); i < n; i++ {
		m[strings.Repeat("x", int(i%10))+fmt.Sprint(i)]++
	}
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return int32(len(keys))
}

//go:wasmexport empty
func empty() {}

//go:wasmexport count
func count() int32 { served++; return int32(served) }

//go:wasmexport hello
func hello() {
	fmt.Println("hello from", os.Args[0], os.Getenv("PLACE"))
	fmt.Fprint(os.Stderr, "no line feed")
}

//go:wasmexport now
func now() int64 { return time.Now().Unix() }

//go:wasmexport sleep
func sleep(ms int32) { time.Sleep(time.Duration(ms) * time.Millisecond) }

//go:wasmexport open
func open() int32 {
	if _, err := os.ReadFile("/etc/passwd"); err != nil {
		return 1
	}
	return 0
}

//go:wasmexport crash
func crash() { var m map[string]int; m["x"] = 1 }

//go:wasmexport exit
func exit() { os.Exit(7) }

//go:wasmexport spin
func spin() { for { } }

//go:wasmexport eat
func eat() int32 {
	var all [][]byte
	for { all = append(all, make([]byte, 1<<20)) }
	return int32(len(all))
}
`

func TestGoGuest(t *testing.T) {
	if Race {
		t.Skip("compiling takes too long with the race detector, and the test is about the guest")
	}
	e := newEngine(t)
	module := compile(t, e, Go(t, goGuest))
	if module.Command() {
		t.Error("a reactor is taken for a command")
	}
	var lines []string
	state := func() *exchange {
		return &exchange{s: &wasi.State{
			Args: []string{"guest"}, Environ: []string{"PLACE=edge"},
			Line: func(fd uint32, line []byte) { lines = append(lines, fmt.Sprintf("%d: %s", fd, line)) },
		}}
	}
	p := newPool(t, sandbox.Options{Module: module, Limits: generous, Isolation: sandbox.PerInstance, Outside: func() any { return state() }})
	x := state()
	bound := func() *sandbox.Instance {
		i := acquire(t, p)
		x.s.Begin(time.Unix(1_000_000, 0))
		i.Bind(x, nil)
		return i
	}
	i := bound()
	if got := call(t, i, "work", 1000)[0]; got != 1000 {
		t.Errorf("work: %d", got)
	}
	call(t, i, "hello")
	x.s.End()
	if got, want := strings.Join(lines, "|"), "1: hello from guest edge|2: no line feed"; got != want {
		t.Errorf("lines %q, want %q", got, want)
	}
	if got := call(t, i, "now")[0]; got != 1_000_000 {
		t.Errorf("the guest's clock shows %d", got)
	}
	begin := time.Now()
	call(t, i, "sleep", 20)
	if took := time.Since(begin); took < 20*time.Millisecond {
		t.Errorf("a sleep of 20 ms took %s", took)
	}
	if used := i.Used(); used.CPU > used.Wall-15*time.Millisecond {
		t.Errorf("the sleep was booked as processor time: %+v", used)
	}
	if call(t, i, "open")[0] != 1 {
		t.Error("the guest read a file")
	}
	p.Release(i)

	// Each of these ends one instance, and not the next.
	f := func(name string, l limit.Limits, kind sandbox.Kind, want string) {
		t.Helper()
		i := bound()
		i.Bind(x, limit.New(l))
		_, err := i.Call(context.Background(), name)
		var trap *sandbox.Trap
		if !errors.As(err, &trap) || trap.Kind != kind || !strings.Contains(err.Error(), want) {
			t.Errorf("%s ended with %v", name, err)
		}
		p.Release(i)
		next := bound()
		if got := call(t, next, "work", 10)[0]; got != 10 {
			t.Errorf("after %s: %d", name, got)
		}
		p.Release(next)
	}
	i = bound()
	_, err := i.Call(context.Background(), "crash")
	var trap *sandbox.Trap
	if !errors.As(err, &trap) || !slices.ContainsFunc(trap.Stack, func(f sandbox.Frame) bool { return f.Function == "main.crash" }) || !strings.HasPrefix(trap.LastHostCall, "wasi_snapshot_preview1.") {
		t.Errorf("crash: %v, stack %q, last host call %q", err, trap.Stack, trap.LastHostCall)
	}
	p.Release(i)
	lines = nil
	f("crash", limit.Limits{}, sandbox.Unreachable, "unreachable")
	x.s.End()
	if all := strings.Join(lines, "|"); !strings.Contains(all, "assignment to entry in nil map") {
		t.Errorf("the log of a crash: %q", all)
	}
	f("exit", limit.Limits{}, sandbox.Exit, "proc_exit(7)")
	f("spin", limit.Limits{CPU: 20 * time.Millisecond}, sandbox.Budget, "cpu budget spent")
	f("eat", limit.Limits{CPU: 5 * time.Second}, sandbox.Unreachable, "unreachable")

	goGuestFuel(t, module)
	goGuestCosts(t, module)
}

// goGuestFuel: the same call of a fresh instance costs the same fuel, with clock and randomness fixed.
func goGuestFuel(t *testing.T, module *engine.Module) {
	t.Helper()
	state := func() any {
		s := &wasi.State{Args: []string{"guest"}, Random: func(b []byte) { clear(b) }}
		return &exchange{s: s}
	}
	p := newPool(t, sandbox.Options{Module: module, Limits: generous, Outside: state})
	var want int64
	for range 5 {
		i := acquire(t, p)
		b := limit.New(generous)
		i.Bind(state(), b)
		call(t, i, "empty")
		call(t, i, "hello")
		if want == 0 {
			want = b.Used().Fuel
		}
		if got := b.Used().Fuel; got != want {
			t.Errorf("fuel %d, before %d", got, want)
		}
		p.Release(i)
	}
}
