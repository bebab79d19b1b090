package sandbox_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/wedgecdn/wedge/runtime/engine"
	. "github.com/wedgecdn/wedge/runtime/engine/enginetest"
	"github.com/wedgecdn/wedge/runtime/limit"
	"github.com/wedgecdn/wedge/runtime/sandbox"
	"github.com/wedgecdn/wedge/runtime/wasi"
)

// hostile is one module with an export for each way to misbehave.
func hostile() []byte {
	var m Module
	poll := m.Import(wasi.Preview1, "poll_oneoff", "iiii", "i")
	exit := m.Import(wasi.Preview1, "proc_exit", "i", "")
	nothing := m.Import("test", "nothing", "", "")
	pay := m.Import("test", "pay", "i", "")
	bug := m.Import("test", "bug", "", "")
	refuse := m.Import("test", "refuse", "", "")
	wait := m.Import("test", "wait", "", "")
	m.Memory(1, 0)
	m.Table(1, 0)
	m.Func("fine", "", "i", "", I32(42)...)
	m.Func("loop", "", "", "", Forever()...)
	m.Func("loop with calls", "", "", "", Forever(Call(nothing))...)
	m.Func("loop that pays", "", "", "", Forever(I32(1_000_000), Call(pay))...)
	self := m.Func("recursion", "", "", "", Call(13)...)
	if self != 7+4 {
		panic(fmt.Sprintf("BUG: recursion is function %d", self))
	}
	m.Func("", "", "", "") // 12
	m.Func("deep", "", "", "", Call(13)...)
	m.Func("exponential", "", "", "", Code(Call(15), Call(15))...)
	level := func(next uint32) []byte { return Code(Call(next), Call(next), Call(next)) }
	for n := uint32(0); n < 40; n++ { // 3^40 calls
		m.Func("", "", "", "", level(16+n)...)
	}
	m.Func("", "", "", "") // 55
	m.Func("memory bomb", "", "i", "", Code(Forever(I32(1), Grow, I32(-1), Op(0x46), Op(0x04, 0x40), I32(7), Op(0x0f), Op(0x0b)), I32(0))...)
	m.Func("memory leap", "", "i", "", Code(I32(60_000), Grow)...)
	m.Func("fill", "", "", "", Code(I32(511), Grow, Drop, Forever(I32(0), I32(1), I32(32<<20), Fill))...)
	m.Func("table bomb", "", "i", "", Code(Op(0xd0, 0x70), I32(100_000_000), Op(0xfc, 15, 0))...)
	// A subscription of 0xffff… ns at 0, events at 64, the number at 128.
	m.Func("sleep", "", "i", "", Code(I32(16), I32(1), Store32, I32(24), I64(-1), Op(0x37, 3, 0),
		I32(0), I32(64), I32(1), I32(128), Call(poll))...)
	m.Func("wait", "", "", "", Call(wait)...)
	m.Func("exit", "", "", "", Code(I32(3), Call(exit))...)
	m.Func("unreachable", "", "", "", Unreachable...)
	m.Func("divide", "", "i", "", Code(I32(1), I32(0), Div32)...)
	m.Func("outside", "", "i", "", Code(I32(-4), Load32)...)
	m.Func("indirect", "", "", "", Code(I32(0), Op(0x11, 2, 0))...)
	m.Func("bug", "", "", "", Call(bug)...)
	m.Func("refused", "", "", "", Call(refuse)...)
	return m.Bytes()
}

func TestHostileGuests(t *testing.T) {
	e := newEngine(t)
	m := compile(t, e, hostile())
	limits := limit.Limits{CPU: 20 * time.Millisecond, Wall: 100 * time.Millisecond, Memory: 32 << 20, HostCalls: 10_000}
	p := newPool(t, sandbox.Options{Module: m, Limits: limits, Isolation: sandbox.PerInstance})

	// f calls an export and says how it must end. The time is generous: other processes want the machine too.
	f := func(name string, l limit.Limits, kind sandbox.Kind, want string) {
		t.Helper()
		i := acquire(t, p)
		b := limit.New(l)
		i.Bind(&exchange{s: &wasi.State{}}, b)
		begin := time.Now()
		_, err := i.Call(context.Background(), name)
		took := time.Since(begin)
		var trap *sandbox.Trap
		if !errors.As(err, &trap) {
			t.Fatalf("%s: ended with %v", name, err)
		}
		if trap.Kind != kind || !strings.HasPrefix(trap.Message, want) {
			t.Errorf("%s: ended with %q %q, want %q %q", name, trap.Kind, trap.Message, kind, want)
		}
		var spent *limit.Exceeded
		if isBudget := errors.As(err, &spent); isBudget != (kind == sandbox.Budget) {
			t.Errorf("%s: spent budget %v", name, spent)
		}
		if took > 10*time.Second {
			t.Errorf("%s: died only after %s", name, took)
		}
		if isBudget := spent != nil && spent.Budget == limit.Fuel; isBudget && spent.Spent > spent.Limit+5_000_000 { // a growth of memory is charged as a whole
			t.Errorf("%s: %s", name, spent)
		}
		if !i.Dead() {
			t.Errorf("%s: the instance lives on", name)
		}
		if _, err := i.Call(context.Background(), "fine"); !errors.Is(err, sandbox.ErrDead) {
			t.Errorf("%s: a dead instance answered %v", name, err)
		}
		p.Release(i)

		next := acquire(t, p) // and the next is fine
		defer p.Release(next)
		next.Bind(&exchange{}, nil)
		if r := call(t, next, "fine"); r[0] != 42 {
			t.Errorf("after %s: %v", name, r)
		}
	}
	cpu := limits
	cpu.HostCalls, cpu.Wall = 0, time.Minute // on a busy machine 20 ms of processor time take their while
	wall := limit.Limits{Wall: 50 * time.Millisecond}
	fuel := limit.Limits{Fuel: 1_000_000, Wall: time.Minute}
	const budget = sandbox.Budget

	for _, name := range []string{"loop", "loop with calls", "loop that pays", "exponential", "fill"} {
		f(name, cpu, budget, "cpu budget spent: limit 20ms")
		f(name, wall, budget, "wall budget spent: limit 50ms")
		f(name, fuel, budget, "fuel budget spent: limit 1000000")
	}
	calls := limit.Limits{HostCalls: 10_000}
	patient := limits
	patient.Wall = time.Minute // so that it is what the guest does that ends it
	f("loop with calls", calls, budget, "host_calls budget spent: limit 10000, used 10001")
	f("sleep", limits, budget, "wall budget spent: limit 100ms")
	f("wait", limits, budget, "wall budget spent: limit 100ms")
	f("recursion", limit.Limits{Fuel: 20_000, Wall: time.Minute}, budget, "fuel budget spent: limit 20000")
	f("recursion", limit.Limits{Wall: time.Minute}, sandbox.StackOverflow, "stack overflow")
	f("exit", patient, sandbox.Exit, "guest called proc_exit(3)")
	f("unreachable", patient, sandbox.Unreachable, "unreachable")
	f("divide", patient, sandbox.Arithmetic, "integer divide by zero")
	f("outside", patient, sandbox.OutOfBounds, "out of bounds memory access")
	f("indirect", patient, sandbox.BadTable, "invalid table access")
	f("bug", patient, sandbox.HostBug, "runtime error: index out of range")
	f("refused", patient, sandbox.Refused, "the host refuses")
}

// What is refused by a result, and not by a trap.
func TestGrowthIsRefused(t *testing.T) {
	e := newEngine(t)
	l := limit.Limits{Memory: 4 << 20, CPU: 5 * time.Second, Wall: 20 * time.Second}
	p := newPool(t, sandbox.Options{Module: compile(t, e, hostile()), Limits: l})
	i := acquire(t, p)
	defer p.Release(i)
	i.Bind(&exchange{}, nil)
	minusOne := uint64(0xffff_ffff)
	if r := call(t, i, "memory leap"); r[0] != minusOne || i.GrowthRefused() != 1 {
		t.Errorf("60 000 pages: %d, refused %d", int32(r[0]), i.GrowthRefused())
	}
	if r := call(t, i, "memory bomb"); r[0] != 7 {
		t.Errorf("the bomb ended with %d", r[0])
	}
	if used := i.Used().Memory; used != 4<<20 || i.Memory().Size() != 4<<20 || i.GrowthRefused() != 2 {
		t.Errorf("used %d bytes, refused %d", used, i.GrowthRefused())
	}
	if r := call(t, i, "table bomb"); r[0] != minusOne {
		t.Errorf("a table of 100 million entries: %d", int32(r[0]))
	}
}

func TestTrapSaysWhere(t *testing.T) {
	e := newEngine(t)
	var m Module
	refuse := m.Import("test", "refuse", "", "")
	inner := m.Func("inner", "", "", "", Call(refuse)...)
	m.Func("outer", "i", "i", "", Code(Call(inner), I32(1))...)
	p := newPool(t, sandbox.Options{Module: compile(t, e, m.Bytes()), Limits: generous})
	i := acquire(t, p)
	defer p.Release(i)
	_, err := i.Call(context.Background(), "outer", 1)
	var trap *sandbox.Trap
	if !errors.As(err, &trap) || !errors.Is(err, errRefused) {
		t.Fatalf("ended with %v", err)
	}
	if got := trap.LastHostCall; got != "test.refuse" {
		t.Errorf("last host call %q", got)
	}
	if got := fmt.Sprint(trap.Stack); got != "[test.refuse $1 $2]" { // a module without names
		t.Errorf("stack %s", got)
	}
}

// A guest that loops while it is made, in its start function or in _initialize.
func TestHostileInitialisation(t *testing.T) {
	e := newEngine(t)
	f := func(name string, build func(m *Module), want string) {
		t.Helper()
		l := limit.Limits{CPU: 20 * time.Millisecond, Wall: time.Minute}
		if strings.HasPrefix(want, "wall") {
			l.Wall = 200 * time.Millisecond
		}
		var m Module
		build(&m)
		p := newPool(t, sandbox.Options{Module: compile(t, e, m.Bytes()), Limits: l, Most: 1})
		for range 2 { // the place is free again
			_, err := p.Acquire(context.Background())
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Fatalf("%s: %v, want %s", name, err, want)
			}
		}
		if s := p.Stats(); s.Live != 0 {
			t.Errorf("%s: %d instances are alive", name, s.Live)
		}
	}
	f("start loops", func(m *Module) { m.Start(m.Func("", "", "", "", Forever()...)) }, "cpu budget spent")
	f("start traps", func(m *Module) { m.Memory(1, 2); m.Start(m.Func("", "", "", "", Unreachable...)) }, "unreachable")
	f("start pays and loops", func(m *Module) {
		pay := m.Import("test", "pay", "i", "")
		m.Start(m.Func("", "", "", "", Forever(I32(1000), Call(pay))...))
	}, "cpu budget spent")
	f("_initialize loops", func(m *Module) { m.Func("_initialize", "", "", "", Forever()...) }, "cpu budget spent")
	f("_initialize waits", func(m *Module) {
		m.Func("_initialize", "", "", "", Call(m.Import("test", "wait", "", ""))...)
	}, "wall budget spent")
	f("_initialize exits", func(m *Module) {
		m.Func("_initialize", "", "", "", Code(I32(0), Call(m.Import(wasi.Preview1, "proc_exit", "i", "")))...)
	}, "proc_exit(0)")
}

func TestTooMuchMemoryAtTheStart(t *testing.T) {
	e := newEngine(t)
	var m Module
	m.Memory(17, 0)
	_, err := sandbox.NewPool(sandbox.Options{Module: compile(t, e, m.Bytes()), Limits: limit.Limits{Memory: 1 << 20}})
	var spent *limit.Exceeded
	if !errors.As(err, &spent) || spent.Budget != limit.Memory || spent.Spent != 17<<16 {
		t.Errorf("got %v", err)
	}
}

func TestCallerLeaves(t *testing.T) {
	e := newEngine(t)
	p := newPool(t, sandbox.Options{Module: compile(t, e, hostile()), Limits: generous})
	f := func(name string) {
		t.Helper()
		i := acquire(t, p)
		defer p.Release(i)
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
		defer cancel()
		_, err := i.Call(ctx, name)
		var trap *sandbox.Trap
		if !errors.As(err, &trap) || trap.Kind != sandbox.Cancelled || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s ended with %v", name, err)
		}
	}
	f("loop")
	f("wait")
}

// The budget belongs to the exchange: what on_request spent is missing in on_response.
func TestBudgetSpansCalls(t *testing.T) {
	e := newEngine(t)
	var m Module
	pay := m.Import("test", "pay", "i", "")
	m.Func("pay", "i", "", "", Code(Get(0), Call(pay))...)
	p := newPool(t, sandbox.Options{Module: compile(t, e, m.Bytes()), Limits: generous})
	i := acquire(t, p)
	defer p.Release(i)
	b := limit.New(limit.Limits{Fuel: 1000})
	i.Bind(nil, b)
	call(t, i, "pay", 600)
	first := b.Used().Fuel
	if first < 600 || first > 650 {
		t.Errorf("600 and a call cost %d", first)
	}
	_, err := i.Call(context.Background(), "pay", 600)
	var spent *limit.Exceeded
	if !errors.As(err, &spent) || spent.Budget != limit.Fuel || spent.Spent < 1200 || spent.Spent > 1300 {
		t.Errorf("600 of what is left of 1000: %v", err)
	}
	fresh := acquire(t, p)
	defer p.Release(fresh)
	fresh.Bind(nil, b)
	if _, err := fresh.Call(context.Background(), "pay", 0); !errors.As(err, &spent) || fresh.Dead() {
		t.Errorf("a budget that was spent before: %v, dead %v", err, fresh.Dead())
	}
}

// The same input costs the same fuel, whatever the slice, compiled or interpreted.
func TestFuelIsDeterministic(t *testing.T) {
	var m Module
	nothing := m.Import("test", "nothing", "", "")
	pay := m.Import("test", "pay", "i", "")
	m.Func("count", "i", "", "", Code(Op(0x03, 0x40), Call(nothing), I32(100), Call(pay),
		Get(0), I32(1), Op(0x6b), Op(0x22, 0), Op(0x0d, 0), Op(0x0b))...)
	interpreted, err := engine.New(engine.Options{Host: hostFuncs(), Interpreter: true})
	if err != nil {
		t.Fatal(err)
	}
	defer interpreted.Close()
	slow := compile(t, interpreted, m.Bytes())
	fast := compile(t, newEngine(t), m.Bytes())
	var want int64
	for _, slice := range []int64{1, 64, 1000, 100_000, 1 << 40, -100_000} {
		module := fast
		if slice < 0 {
			module, slice = slow, -slice
		}
		p := newPool(t, sandbox.Options{Module: module, Limits: generous, Slice: slice})
		for range 3 {
			i := acquire(t, p)
			b := limit.New(limit.Limits{Fuel: 10_000_000})
			i.Bind(nil, b)
			call(t, i, "count", 5000)
			if want == 0 {
				want = b.Used().Fuel
			}
			if got := b.Used().Fuel; got != want || got < 500_000 {
				t.Errorf("slice %d: fuel %d, want %d", slice, got, want)
			}
			p.Release(i)
		}
	}
}

// A guest whose slices are long, and which then touches pages only, does so once: the next ones of its pool have their memory
// populated before they run. A guest that touches as many with its time is left alone.
func TestTouchingMuchAtOnce(t *testing.T) {
	if !sandbox.HaveThreadTime {
		t.Skip("this system has no clock of threads")
	}
	e := newEngine(t)
	loop := func(local uint32, most int32) []byte { // local++ until it is most
		return Code(Op(0x03, 0x40), Get(local), I32(1), Add32, Op(0x22, byte(local)), I32(most), Op(0x48), Op(0x0d, 0), Op(0x0b))
	}
	var m Module
	m.Memory(64, 0) // 1024 pages
	touch := func(wait int32) []byte {
		return Code(Op(0x03, 0x40), I32(0), Set(1), loop(1, wait), Get(0), I32(12), Op(0x74), I32(1), Store32,
			Get(0), I32(1), Add32, Op(0x22, 0), I32(1024), Op(0x48), Op(0x0d, 0), Op(0x0b))
	}
	m.Func("slowly", "", "", "ii", touch(20_000)...)
	m.Func("at once", "", "", "ii", Code(loop(1, 3_000_000), touch(1), I32(0), Set(1), loop(1, 3_000_000))...) // and comes back afterwards
	m.Func("grow", "i", "", "i", Code(Get(0), Grow, Drop, loop(1, 1000))...)
	module := compile(t, e, m.Bytes())
	for _, way := range sandbox.Ways() {
		p := newPool(t, sandbox.Options{Module: module, Limits: generous, Reset: way, Most: 1})
		f := func(name string, bursts bool) {
			t.Helper()
			i := acquire(t, p)
			i.Bind(&exchange{}, nil)
			call(t, i, name)
			p.Release(i)
			if got := p.Bursts(); got != bursts {
				t.Errorf("%s, %s: touches too much at once: %v", way, name, got)
			}
		}
		f("slowly", false)
		f("slowly", false)
		if way == sandbox.Copy { // where each page is touched once the image has been copied
			f("at once", false)
			continue
		}
		p = newPool(t, sandbox.Options{Module: module, Limits: generous, Reset: way, Most: 1})
		f("at once", true)
		// It costs nobody anything from then on but the guest itself: nothing is populated, and a reset is as before.
		i := acquire(t, p)
		if cold := i.Untouched(); way == sandbox.Drop && cold != 1024 {
			t.Errorf("%s: after its reset %d pages are untouched, want 1024", way, cold)
		}
		i.Bind(&exchange{}, nil)
		before := i.Untouched()
		call(t, i, "grow", 64)
		if cold := i.Untouched(); cold < before+1024 {
			t.Errorf("%s: %d pages are untouched after the memory grew by 1024, %d before", way, cold, before)
		}
		p.Release(i)
	}
}
