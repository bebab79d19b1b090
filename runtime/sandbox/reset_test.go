package sandbox_test

import (
	"context"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	. "github.com/wedgecdn/wedge/runtime/engine/enginetest"
	"github.com/wedgecdn/wedge/runtime/limit"
	"github.com/wedgecdn/wedge/runtime/sandbox"
	"github.com/wedgecdn/wedge/runtime/wasi"
)

// toucher is a guest with that much memory, all of it written to when it is initialised. touch writes to n pages of it.
func toucher(wasmPages uint32) []byte {
	var m Module
	m.Memory(wasmPages, 0)
	m.Func("_initialize", "", "", "", Code(I32(0), I32(7), I32(int32(wasmPages<<16)), Fill)...)
	m.Func("empty", "", "", "")
	// for n > 0 { n--; memory[n<<12] = n }
	m.Func("touch", "i", "", "", Code(Op(0x02, 0x40, 0x03, 0x40), Get(0), Op(0x45, 0x0d, 1),
		Get(0), I32(1), Op(0x6b), Set(0), Get(0), I32(12), Op(0x74), Get(0), Store32, Op(0x0c, 0, 0x0b, 0x0b))...)
	m.Func("grow", "i", "i", "", Code(Get(0), Grow)...)
	m.Func("fill", "i", "", "", Code(I32(0), I32(9), Get(0), Fill)...)
	m.Func("size", "", "i", "", Size...)
	return m.Bytes()
}

// Taking, calling, resetting and giving back allocates nothing, in every way.
func TestResetDoesNotAllocate(t *testing.T) {
	e := newEngine(t)
	module := compile(t, e, toucher(8))
	ctx := context.Background()
	var b limit.Budget
	for _, way := range append(sandbox.Ways(), "") {
		p := newPool(t, sandbox.Options{Module: module, Limits: generous, Reset: way})
		f := func(name string, args ...uint64) {
			t.Helper()
			if n := testing.AllocsPerRun(100, func() {
				i, err := p.Acquire(ctx)
				if err != nil {
					t.Fatal(err)
				}
				b.Reset(generous)
				i.Bind(nil, &b)
				if _, err := i.Call(ctx, name, args...); err != nil {
					t.Fatal(err)
				}
				p.Release(i)
			}); n != 0 {
				t.Errorf("%s by %q: %v allocations", name, way, n)
			}
		}
		f("touch", 100)
		f("grow", 1)
		f("grow", 100)
	}
}

// cpuPerExchange is the processor time of n exchanges, divided by n: the least of a few rounds, as others use the machine.
func cpuPerExchange(t *testing.T, n int, o sandbox.Options, name string, args ...uint64) time.Duration {
	t.Helper()
	o.Limits = generous
	o.Outside = func() any { return &exchange{s: &wasi.State{Args: []string{"guest"}}} }
	p := newPool(t, o)
	x := &exchange{s: &wasi.State{}}
	once := func() {
		i := acquire(t, p)
		i.Bind(x, nil)
		call(t, i, name, args...)
		p.Release(i)
	}
	once()
	least := time.Duration(1 << 62)
	for range 5 {
		begin := sandbox.ThreadTime()
		for range n {
			once()
		}
		least = min(least, (sandbox.ThreadTime()-begin)/time.Duration(n))
	}
	return least
}

// A reset costs at most a twentieth of a new instance.
func TestResetIsCheap(t *testing.T) {
	if Race || !sandbox.HaveThreadTime || len(sandbox.Ways()) < 3 {
		return // the detector's time would be measured, or the system has no way that is cheap for large memories
	}
	e := newEngine(t)
	f := func(name string, module []byte, export string, args ...uint64) {
		t.Helper()
		m := compile(t, e, module)
		sandbox.OnOneThread(func() {
			fresh := cpuPerExchange(t, 5, sandbox.Options{Module: m, Fresh: true}, export, args...)
			reset := cpuPerExchange(t, 200, sandbox.Options{Module: m}, export, args...)
			kept := cpuPerExchange(t, 200, sandbox.Options{Module: m, Isolation: sandbox.PerInstance}, export, args...)
			t.Logf("%s: an exchange takes %s with a new instance, %s with a reset, %s with neither", name, fresh, reset, kept)
			if reset-kept > (fresh-kept)/20 {
				t.Errorf("%s: a reset takes %s, a new instance %s", name, reset-kept, fresh-kept)
			}
		})
	}
	f("64 KiB", toucher(1), "touch", 4)
	f("256 KiB", toucher(4), "touch", 16)
	f("4 MiB", toucher(64), "touch", 32)
	f("Go", Go(t, goGuest), "empty")
}

// A guest that grows does not grow across exchanges: neither what it sees, nor what it costs.
func TestGrowthIsTakenBack(t *testing.T) {
	e := newEngine(t)
	module := compile(t, e, toucher(2))
	for _, way := range sandbox.Ways() {
		p := newPool(t, sandbox.Options{Module: module, Limits: generous, Reset: way})
		before := resident(t)
		for n := range 20 {
			i := acquire(t, p)
			i.Bind(nil, nil)
			if got := call(t, i, "size")[0]; got != 2 {
				t.Fatalf("%s: exchange %d begins with %d pages", way, n, got)
			}
			if got := uint32(call(t, i, "grow", uint64(10+48*n))[0]); got != 2 {
				t.Fatalf("%s: memory.grow is %d", way, got)
			}
			m := i.Memory()
			all, _ := m.View(2<<16, m.Size()-2<<16)
			for at := 0; at < len(all); at += 1 << 12 {
				if all[at] != 0 {
					t.Fatalf("%s: exchange %d: byte %d of what it grew by is %d", way, n, at, all[at])
				}
			}
			call(t, i, "fill", uint64(m.Size()))
			p.Release(i)
		}
		// The last exchanges had 58 MiB.
		if grown := resident(t) - before; grown > 20<<20 {
			t.Errorf("%s: %d bytes more are resident after the exchanges", way, grown)
		}
		if s := p.Stats(); s.Made != 1 {
			t.Errorf("%s: %d instances", way, s.Made)
		}
	}
}

// resident is the memory of the process, in bytes; 0 where the system does not tell.
func resident(t *testing.T) int {
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0
	}
	n, err := strconv.Atoi(strings.Fields(string(text))[1])
	if err != nil {
		t.Fatal(err)
	}
	return n * os.Getpagesize()
}

// What cannot be put back costs the instance, and nobody else notices.
func TestUnclean(t *testing.T) {
	e := newEngine(t)
	f := func(name string, module *Module, export string, want string) {
		t.Helper()
		module.Func("fine", "", "i", "", I32(1)...)
		var w watch
		var failed []string
		events := w.events()
		events.Reset = func(_ sandbox.Way, _ time.Duration, err error) {
			if err != nil {
				failed = append(failed, err.Error())
			}
		}
		p := newPool(t, sandbox.Options{Module: compile(t, e, module.Bytes()), Limits: generous, Events: events})
		for range 3 {
			for _, export := range []string{export, "fine"} {
				i := acquire(t, p)
				i.Bind(nil, nil)
				call(t, i, export)
				p.Release(i)
			}
		}
		w.want(t, map[sandbox.Reason]int{sandbox.Unclean: 3})
		if len(failed) != 3 || !strings.Contains(failed[0], want) {
			t.Errorf("%s: %q, want three times %q", name, failed, want)
		}
	}
	var m Module
	m.Memory(1, 3)
	m.Func("grow", "", "", "", Code(I32(2), Grow, Drop)...)
	f("to the declared maximum", &m, "grow", "declared maximum")
	var n Module
	n.Table(1, 5)
	n.Func("grow", "", "", "", Code(Op(0xd0, 0x70), I32(1), Op(0xfc, 15, 0), Drop)...)
	f("a table", &n, "grow", "a table has grown")
}

// An image belongs to its pool and goes with the last who needs it: an instance that is in use while the pool is closed
// still works.
func TestImageOutlivesPool(t *testing.T) {
	e := newEngine(t)
	module := compile(t, e, toucher(8))
	for _, way := range sandbox.Ways() {
		p := newPool(t, sandbox.Options{Module: module, Limits: generous, Reset: way})
		i, j := acquire(t, p), acquire(t, p)
		p.Close()
		i.Bind(nil, nil)
		call(t, i, "touch", 100)
		p.Release(i)
		p.Release(j)
		if s := p.Stats(); s.Live != 0 {
			t.Errorf("%s: %d instances are alive", way, s.Live)
		}
	}
}

func TestUnknownWay(t *testing.T) {
	e := newEngine(t)
	_, err := sandbox.NewPool(sandbox.Options{Module: compile(t, e, toucher(1)), Reset: "prayer"})
	if err == nil || !strings.HasPrefix(err.Error(), `sandbox: no reset by "prayer" on this system, which has ["copy"`) {
		t.Errorf("got %v", err)
	}
}
