package sandbox_test

import (
	"context"
	"os"
	"runtime/debug"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/wedgecdn/wedge/runtime/engine"
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

// What Prepare leaves behind is what each exchange begins with, whether or not its instance was prepared itself.
func TestPrepare(t *testing.T) {
	e := newEngine(t)
	var m Module
	m.Memory(1, 0)
	m.Func("_initialize", "", "", "", Code(I32(0), I32(1), Store32)...)
	m.Func("set", "i", "", "", Code(I32(0), Get(0), Store32)...)
	m.Func("trap", "", "", "", Op(0x00)...)
	m.Func("at", "", "i", "", Code(I32(0), Load32)...)
	module := compile(t, e, m.Bytes())
	ctx := context.Background()
	for _, isolation := range []sandbox.Isolation{sandbox.PerExchange, sandbox.PerInstance} {
		prepared := 0
		p := newPool(t, sandbox.Options{Module: module, Limits: generous, Isolation: isolation, Outside: func() any { return "outside" },
			Prepare: func(ctx context.Context, i *sandbox.Instance, outside any) error {
				prepared++
				if outside != "outside" {
					t.Errorf("the state is %v", outside)
				}
				_, err := i.Call(ctx, "set", 7)
				return err
			}})
		for n := range 2 { // two at once, so that one is made from the image
			i, err := p.Acquire(ctx)
			if err != nil {
				t.Fatal(err)
			}
			defer p.Release(i)
			i.Bind(nil, nil)
			if out, err := i.Call(ctx, "at"); err != nil || out[0] != 7 {
				t.Errorf("%s, instance %d: %v, %v; want 7", isolation, n, out, err)
			}
		}
		if want := map[sandbox.Isolation]int{sandbox.PerExchange: 1, sandbox.PerInstance: 2}[isolation]; prepared != want {
			t.Errorf("%s: %d instances were prepared, want %d", isolation, prepared, want)
		}
	}
	p := newPool(t, sandbox.Options{Module: module, Limits: generous, Prepare: func(ctx context.Context, i *sandbox.Instance, _ any) error {
		i.Call(ctx, "trap")
		return nil
	}})
	if _, err := p.Acquire(ctx); err == nil {
		t.Error("a guest that trapped while it was prepared serves")
	}
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
	wantCheap(t, "64 KiB", compile(t, e, toucher(1)), "touch", 4)
	wantCheap(t, "256 KiB", compile(t, e, toucher(4)), "touch", 16)
	wantCheap(t, "4 MiB", compile(t, e, toucher(64)), "touch", 32)
}

func wantCheap(t *testing.T, name string, m *engine.Module, export string, args ...uint64) {
	t.Helper()
	sandbox.OnOneThread(func() {
		for tries := 5; ; tries-- { // the three are measured one after the other, and a busy machine is not alike for all
			fresh := cpuPerExchange(t, 5, sandbox.Options{Module: m, Fresh: true}, export, args...)
			reset := cpuPerExchange(t, 200, sandbox.Options{Module: m}, export, args...)
			kept := cpuPerExchange(t, 200, sandbox.Options{Module: m, Isolation: sandbox.PerInstance}, export, args...)
			t.Logf("%s: an exchange takes %s with a new instance, %s with a reset, %s with neither", name, fresh, reset, kept)
			if reset-kept <= (fresh-kept)/20 {
				return
			}
			if tries == 1 {
				t.Errorf("%s: a reset takes %s, a new instance %s", name, reset-kept, fresh-kept)
				return
			}
		}
	})
}

// A guest that grows does not grow across exchanges: neither what it sees, nor what it costs.
func TestGrowthIsTakenBack(t *testing.T) {
	e := newEngine(t)
	module := compile(t, e, toucher(2))
	for _, way := range sandbox.Ways() {
		p := newPool(t, sandbox.Options{Module: module, Limits: generous, Reset: way})
		before := resident(t)
		for n := range 8 {
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
		// The last exchanges had 20 MiB.
		if grown := resident(t) - before; grown > 8<<20 {
			t.Errorf("%s: %d bytes more are resident after the exchanges", way, grown)
		}
		if s := p.Stats(); s.Made != 1 {
			t.Errorf("%s: %d instances", way, s.Made)
		}
	}
}

// resident is the memory that is the process's own, in bytes: without pages of files, which instances share and the system
// would count for each. It is 0 where the system does not tell.
func resident(t *testing.T) int {
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(text)) {
		if kB, ok := strings.CutPrefix(line, "RssAnon:"); ok {
			n, err := strconv.Atoi(strings.Fields(kB)[0])
			if err != nil {
				t.Fatal(err)
			}
			return n << 10
		}
	}
	return 0
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

// A program (a command, in WASI's words) is put back to where it was before it began, whether it returns or exits; one that
// fails is gone.
func TestCommand(t *testing.T) {
	e := newEngine(t)
	var m Module
	exit := m.Import("wasi_snapshot_preview1", "proc_exit", "i", "")
	m.Memory(1, 0)
	count := Code(I32(64), I32(64), Load32, I32(1), Add32, Store32)
	m.Func("_start", "", "", "", count...)
	m.Func("exit", "i", "", "", Code(count, Get(0), Call(exit))...)
	m.Func("count", "", "i", "", Code(I32(64), Load32)...)
	var w watch
	p := newPool(t, sandbox.Options{Module: compile(t, e, m.Bytes()), Limits: generous, Events: w.events()})
	f := func(name string, well bool, args ...uint64) {
		t.Helper()
		i := acquire(t, p)
		i.Bind(&exchange{s: &wasi.State{}}, nil)
		if n := call(t, i, "count")[0]; n != 0 {
			t.Errorf("before %s %d: it ran %d times", name, args, n)
		}
		_, err := i.Call(context.Background(), name, args...)
		if (err == nil) != (name == "_start") {
			t.Errorf("%s %d: %v", name, args, err)
		}
		if _, err := i.Call(context.Background(), "count"); (err == nil) != (name == "_start") {
			t.Errorf("a call after %s %d: %v", name, args, err)
		}
		made := p.Stats().Made
		p.Release(i)
		p.Release(acquire(t, p))
		if again := p.Stats().Made != made; again == well {
			t.Errorf("after %s %d a new instance was made: %v", name, args, again)
		}
	}
	f("_start", true)
	f("exit", true, 0)
	f("exit", true, 0)
	f("exit", false, 1)
	f("_start", true)
	w.want(t, map[sandbox.Reason]int{sandbox.Trapped: 1})
}

// goGuestCosts: a reset of a Go guest is cheap, and an idle instance of one takes a small part of its 3 MiB of memory: what
// it wrote to, call stacks, and the engine's own.
func goGuestCosts(t *testing.T, module *engine.Module) {
	t.Helper()
	if Race || !sandbox.HaveThreadTime || len(sandbox.Ways()) < 3 || resident(t) == 0 {
		return
	}
	wantCheap(t, "Go", module, "empty")
	p := newPool(t, sandbox.Options{Module: module, Limits: generous, Outside: func() any { return &exchange{s: &wasi.State{}} }})
	const n = 50
	serve := func(n int) {
		var all []*sandbox.Instance
		for range n {
			i := acquire(t, p)
			i.Bind(&exchange{s: &wasi.State{}}, nil)
			call(t, i, "work", 20)
			all = append(all, i)
		}
		for _, i := range all {
			p.Release(i)
		}
		debug.FreeOSMemory()
	}
	serve(2)
	before := resident(t)
	serve(n)
	each := (resident(t) - before) / (n - 2)
	t.Logf("an idle instance takes %d KiB", each>>10)
	if s := p.Stats(); s.Idle != n || each > 500<<10 {
		t.Errorf("%+v: an idle instance takes %d bytes", s, each)
	}
}
