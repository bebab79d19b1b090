package sandbox_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/wedgecdn/wedge/runtime/engine"
	. "github.com/wedgecdn/wedge/runtime/engine/enginetest"
	"github.com/wedgecdn/wedge/runtime/limit"
	"github.com/wedgecdn/wedge/runtime/sandbox"
	"github.com/wedgecdn/wedge/runtime/wasi"
)

// A villain is a guest that does harm, and how it has to end.
type villain struct {
	name string
	does string // for the table
	ends string // the budget or the trap, or one " or " another, or "refused: " and why it is not let in, or "start: " and how its start ends
	make func(m *Module)
}

// Pieces of code that the table needs beside those of enginetest.
var (
	block   = Op(0x02, 0x40)
	loop    = Op(0x03, 0x40)
	ifThen  = Op(0x04, 0x40)
	end     = Op(0x0b)
	brIf0   = Op(0x0d, 0)
	nullRef = Op(0xd0, 0x70)
)

func br(depth byte) []byte { return Op(0x0c, depth) }

// add adds to a local and leaves the sum.
func add(local byte, n int32) []byte { return Code(Get(uint32(local)), I32(n), Add32, Op(0x22, local)) }

func run(m *Module, locals string, code ...[]byte) { m.Func("run", "", "", locals, Code(code...)...) }

// villains is the table. Each module has an export "run".
func villains() []villain {
	const (
		cpu    = "cpu budget spent"
		wall   = "wall budget spent"
		stack  = "stack overflow"
		bounds = "out of bounds memory access"
		or     = " or "
	)
	tree := func(m *Module, code func(next uint32) []byte) { // each level calls the next, 40 deep
		for n := range uint32(40) {
			name := ""
			if n == 0 {
				name = "run"
			}
			m.Func(name, "", "", "", code(n+1)...)
		}
		m.Func("", "", "", "")
	}
	bomb := func(locals, loops int) func(m *Module) {
		return func(m *Module) {
			run(m, strings.Repeat("i", locals), []byte(strings.Repeat(string(loop), loops)), []byte(strings.Repeat(string(end), loops)))
		}
	}
	return []villain{
		{"loop", "`loop br 0`", cpu, func(m *Module) { run(m, "", Forever()) }},
		{"loop, conditional", "`loop … br_if 0`, always true", cpu, func(m *Module) { run(m, "i", loop, I32(1), brIf0, end) }},
		{"loop by br_table", "`loop … br_table`", cpu, func(m *Module) { run(m, "i", loop, Get(0), Op(0x0e, 1, 0, 0), end) }},
		{"loop out of a block", "a branch from within `block` and `if`", cpu, func(m *Module) {
			run(m, "i", loop, block, I32(1), ifThen, br(2), end, end, end)
		}},
		{"loop with a value", "a loop with a parameter on its stack", cpu, func(m *Module) {
			t := m.Type("i", "i")
			run(m, "", I32(7), Op(0x03, byte(t)), I32(1), Add32, br(0), end, Drop)
		}},
		{"loops, nested", "three loops, each going on", cpu, func(m *Module) {
			run(m, "i", loop, loop, loop, add(0, 1), I32(1023), Op(0x71), brIf0, end, add(0, 1), Op(0x0d, 0), end, br(0), end)
		}},
		{"loop of divisions", "`i64.div_s`, the slowest of integer instructions", cpu, func(m *Module) {
			run(m, "I", Forever(Get(0), I64(1), Op(0x84), I64(-3), Op(0x7f), Set(0)))
		}},
		{"loop of square roots", "a chain of `f64.sqrt`", cpu, func(m *Module) {
			run(m, "F", Forever(Get(0), Op(0x9f), Op(0x9f), Op(0x9f), Op(0x9f), Set(0)))
		}},
		{"loop of cache misses", "loads all over 31 MiB, each at an address that the last one gave", cpu, func(m *Module) {
			m.Memory(496, 0)
			run(m, "i", Forever(Get(0), I32(1664525), Op(0x6c), I32(1013904223), Add32, Op(0x22, 0), I32(0x1ffffff-(1<<20)), Op(0x71), Load32, Get(0), Add32, Set(0)))
		}},
		{"cache misses, late", "the same, after a loop that made the slices long", cpu, func(m *Module) {
			m.Memory(496, 0)
			run(m, "i", loop, add(0, 1), I32(3_000_000), Op(0x48), brIf0, end, I32(0), Set(0),
				Forever(Get(0), I32(1664525), Op(0x6c), I32(1013904223), Add32, Op(0x22, 0), I32(0x1ffffff-(1<<20)), Op(0x71), Load32, Get(0), Add32, Set(0)))
		}},
		{"first touches", "one store to each page of 31 MiB", cpu, func(m *Module) {
			m.Memory(496, 0)
			run(m, "i", Forever(Get(0), I32(1), Store32, add(0, 4096), I32(496<<16), Op(0x4f), ifThen, I32(0), Set(0), end))
		}},
		{"first touches, late", "the same, after a loop that made the slices long", cpu, func(m *Module) {
			m.Memory(496, 0)
			run(m, "i", loop, add(0, 1), I32(3_000_000), Op(0x48), brIf0, end, I32(0), Set(0),
				Forever(Get(0), I32(1), Store32, add(0, 4096), I32(496<<16), Op(0x4f), ifThen, I32(0), Set(0), end))
		}},
		{"calls", "a loop that calls a function that does nothing", cpu, func(m *Module) {
			nop := m.Func("", "", "", "")
			run(m, "", Forever(Call(nop)))
		}},
		{"indirect calls", "a loop of `call_indirect`", cpu, func(m *Module) {
			m.Table(1, 0)
			m.Elements = [][]uint32{{0}}
			t := byte(m.Type("", ""))
			m.Func("", "", "", "")
			run(m, "", Forever(I32(0), Op(0x11, t, 0)))
		}},
		{"exponential calls", "40 functions, each calling the next three times", cpu, func(m *Module) {
			tree(m, func(next uint32) []byte { return Code(Call(next), Call(next), Call(next)) })
		}},
		{"recursion", "a function that calls itself", stack + or + cpu, func(m *Module) { run(m, "", Call(0)) }},
		{"recursion, wide frames", "the same with 200 locals in each call", stack + or + cpu, func(m *Module) {
			run(m, strings.Repeat("I", 200), Call(0), Get(0), Drop)
		}},
		{"recursion, mutual", "two functions that call each other", stack + or + cpu, func(m *Module) {
			run(m, "", Call(1))
			m.Func("", "", "", "", Call(0)...)
		}},
		{"tail calls", "`return_call` to itself", cpu, func(m *Module) { run(m, "", Op(0x12, 0)) }},
		{"tail calls in turn", "two functions that `return_call` each other", cpu, func(m *Module) {
			run(m, "", Op(0x12, 1))
			m.Func("", "", "", "", 0x12, 0)
		}},
		{"tail calls by table", "`return_call_indirect` to itself", cpu, func(m *Module) {
			m.Table(1, 0)
			m.Elements = [][]uint32{{0}}
			t := byte(m.Type("", ""))
			run(m, "", I32(0), Op(0x13, t, 0))
		}},
		{"memory.fill", "31 MiB, again and again", cpu, func(m *Module) {
			m.Memory(496, 0)
			run(m, "", Forever(I32(0), I32(1), I32(496<<16), Fill))
		}},
		{"memory.copy", "30 MiB upon itself, a byte further", cpu, func(m *Module) {
			m.Memory(496, 0)
			run(m, "", Forever(I32(1), I32(0), I32(480<<16), Op(0xfc, 10, 0, 0)))
		}},
		{"memory.init", "1 MiB of data, again and again", cpu, func(m *Module) {
			m.Memory(496, 0)
			m.Data = [][]byte{make([]byte, 1<<20)}
			run(m, "", Forever(I32(0), I32(0), I32(1<<20), Op(0xfc, 8, 0, 0)))
		}},
		{"memory.fill, small", "4 KiB at a time, a length that the module states", cpu, func(m *Module) {
			m.Memory(1, 0)
			run(m, "", Forever(I32(0), I32(1), I32(4096), Fill))
		}},
		{"table.fill", "60 000 entries, again and again", cpu, func(m *Module) {
			m.Table(60_000, 0)
			run(m, "", Forever(I32(0), nullRef, I32(60_000), Op(0xfc, 17, 0)))
		}},
		{"table.copy", "60 000 entries, again and again", cpu, func(m *Module) {
			m.Table(60_000, 0)
			run(m, "", Forever(I32(0), I32(0), I32(60_000), Op(0xfc, 14, 0, 0)))
		}},
		{"table.grow", "an entry at a time, until and beyond the cap", cpu, func(m *Module) {
			m.Table(0, 0)
			run(m, "", Forever(nullRef, I32(1), Op(0xfc, 15, 0), Drop))
		}},
		{"memory.grow", "a page at a time, until and beyond the limit", cpu, func(m *Module) {
			m.Memory(0, 0)
			run(m, "", Forever(I32(1), Grow, Drop))
		}},
		{"memory.grow and touch", "a page at a time, each one written, then stores beyond the end", bounds + or + cpu, func(m *Module) {
			m.Memory(0, 0)
			run(m, "i", Forever(I32(1), Grow, Drop, Get(0), I32(0), I32(65536), Fill, add(0, 65536), Drop))
		}},
		{"host calls", "a host function that does nothing", "host_calls budget spent" + or + cpu, func(m *Module) {
			f := m.Import("test", "nothing", "", "")
			run(m, "", Forever(Call(f)))
		}},
		{"costly host calls", "a host function that charges 1 000 000 units", cpu, func(m *Module) {
			f := m.Import("test", "pay", "i", "")
			run(m, "", Forever(I32(1_000_000), Call(f)))
		}},
		{"huge log", "lines of 4 KiB to standard error, without end", cpu, func(m *Module) {
			write := m.Import(wasi.Preview1, "fd_write", "iiii", "i")
			m.Memory(2, 0)
			run(m, "", I32(8), I32(65536), Store32, I32(12), I32(4096), Store32,
				I32(65536), I32('x'), I32(4095), Fill, I32(65536+4095), I32('\n'), Op(0x3a, 0, 0),
				Forever(I32(2), I32(8), I32(1), I32(16), Call(write), Drop))
		}},
		{"sleep", "`poll_oneoff` for 584 years", wall, func(m *Module) {
			poll := m.Import(wasi.Preview1, "poll_oneoff", "iiii", "i")
			m.Memory(1, 0)
			run(m, "", I32(16), I32(1), Store32, I32(24), I64(-1), Op(0x37, 3, 0), I32(0), I32(64), I32(1), I32(128), Call(poll), Drop)
		}},
		{"short sleeps", "`poll_oneoff` for a microsecond, without end", wall + or + cpu, func(m *Module) {
			poll := m.Import(wasi.Preview1, "poll_oneoff", "iiii", "i")
			m.Memory(1, 0)
			run(m, "", I32(16), I32(1), Store32, I32(24), I64(1000), Op(0x37, 3, 0), Forever(I32(0), I32(64), I32(1), I32(128), Call(poll), Drop))
		}},
		{"a host function that waits", "for the context, which ends at the deadline", wall, func(m *Module) {
			f := m.Import("test", "wait", "", "")
			run(m, "", Call(f))
		}},
		{"atomic.wait", "`memory.atomic.wait32` for ever", "refused: atomic instruction 0xfe 0x01", func(m *Module) {
			m.Memory(1, 1)
			run(m, "", I32(0), I32(0), I64(-1), Op(0xfe, 0x01, 2, 0), Drop)
		}},
		{"start function", "a start function that never returns", "start: " + cpu, func(m *Module) {
			m.Start(m.Func("", "", "", "", Forever()...))
			run(m, "")
		}},
		{"_initialize", "an initialisation that never returns", "start: " + cpu, func(m *Module) {
			m.Func("_initialize", "", "", "", Forever()...)
			run(m, "")
		}},
		{"compile bomb", "1 000 locals in 1 000 nested loops", "refused: function with 1000 locals and 1000 loops, up to 1000 deep: too costly to compile", bomb(1000, 1000)},
		{"compile bomb, small", "400 locals in 400 nested loops, which take the engine most of a minute", "refused: function with 400 locals and 400 loops, up to 400 deep: too costly to compile", bomb(400, 400)},
		{"table bomb", "134 000 000 entries (1 GiB) in 42 bytes", "refused: 134000000 table entries, at most 65536 are allowed", func(m *Module) {
			m.Table(134_000_000, 0)
			run(m, "")
		}},
		{"memory bomb", "4 GiB from the start", "refused: 65536 pages of memory at the start, at most 2048 are allowed", func(m *Module) {
			m.Memory(65536, 0)
			run(m, "")
		}},
		{"memory beyond the limit", "64 MiB from the start", "start: sandbox: the module begins with more memory than its limit: memory budget spent: limit 33554432 bytes, wanted 67108864", func(m *Module) {
			m.Memory(1024, 0)
			run(m, "")
		}},
	}
}

var rewrite = flag.Bool("rewrite", false, "write the table of hostile guests into README.md")

// died is how a villain ended.
type died struct {
	how     string
	used    limit.Used
	took    time.Duration
	stretch time.Duration // the longest
	later   time.Duration // the longest of a later exchange in the same pool: the median of some, or 0
	least   time.Duration // the least of them, which the machine has disturbed least
}

// TestTableOfHostileGuests runs each villain under the default limits, so far as they are not about wall time, and looks
// that it ends as the table says, within its budget and one slice, and that nothing is left of it.
//
// With -rewrite the figures are written into README.md; without it the table there must have the same guests and ends.
func TestTableOfHostileGuests(t *testing.T) {
	turns := sandbox.NewTurns(0)
	limits := limit.Default()
	if os.Getenv("WEDGE_PROOF") == "" && !*rewrite { // the defaults would only make the test slow
		limits.CPU, limits.Wall = 15*time.Millisecond, 100*time.Millisecond
	}
	busy := limits
	busy.Wall = time.Minute // on a busy machine 50 ms of processor time take their while
	// What the machine takes, such as the host of a virtual one, it does not take in each exchange.
	mostStretch, mostOwn := 4*time.Millisecond, 2*time.Millisecond
	switch {
	case *rewrite:
		mostStretch, mostOwn = 250*time.Microsecond, 250*time.Microsecond
	case raced: // what the host does for a guest takes ten times as long
		mostStretch, mostOwn = 10*mostStretch, 10*mostOwn
	}
	before := residue()
	var made, gone atomic.Int64
	events := sandbox.Events{
		Made: func(_ time.Duration, err error) {
			if err == nil {
				made.Add(1)
			}
		},
		Gone: func(sandbox.Reason) { gone.Add(1) },
	}
	var table strings.Builder
	table.WriteString("| guest | what it does | how it ends | CPU | wall | fuel | longest stretch | later |\n|---|---|---|---|---|---|---|---|\n")
	func() {
		e := newEngineFor(t)
		defer e.Close()
		for _, v := range villains() {
			end := v.meet(t, e, limits, busy, turns, events)
			if !v.right(end.how) {
				t.Errorf("%s: %s, want %s", v.name, end.how, v.ends)
			}
			// A stretch may be cut by other processes, and thread time is not: what a guest spends beyond its budget is what it
			// ran after the last look.
			if over := end.used.CPU - busy.CPU; over > max(end.stretch, time.Millisecond)+patience {
				t.Errorf("%s: used %s of processor time, %s is its budget", v.name, end.used.CPU, busy.CPU)
			}
			if sandbox.HaveThreadTime && end.later > mostStretch {
				t.Errorf("%s: ran for %s without coming back, in an exchange that was not its pool's first", v.name, end.later)
			}
			if sandbox.HaveThreadTime && end.least > mostOwn {
				t.Errorf("%s: ran for %s at least without coming back, in each exchange that was not its pool's first", v.name, end.least)
			}
			fmt.Fprintf(&table, "| %s | %s | %s | %s | %s | %s | %s | %s |\n", v.name, v.does, v.ends, in(end.used.CPU), in(end.took), count(end.used.Fuel), in(end.stretch), in(end.later))
		}
	}()
	if made.Load() != gone.Load() || made.Load() == 0 {
		t.Errorf("%d instances were made and %d closed", made.Load(), gone.Load())
	}
	after := residue()
	for end := time.Now().Add(10 * time.Second); after.goroutines > before.goroutines && time.Now().Before(end); after = residue() {
		runtime.Gosched()
	}
	if after.goroutines > before.goroutines || after.mappings > before.mappings+64 || after.resident > before.resident+64<<20 {
		t.Errorf("left behind: %+v, before %+v", after, before)
	}
	t.Logf("before %+v, after %+v\n%s", before, after, table.String())
	checkReadme(t, table.String())
}

// laterExchanges is how many exchanges a villain has behind its first.
func laterExchanges() int {
	if *rewrite || os.Getenv("WEDGE_PROOF") != "" {
		return 5
	}
	return 3
}

// patience is what the test grants a slow machine beyond what is right.
const patience = 20 * time.Millisecond

// meet lets a villain in, if it is let in, and runs it until it ends.
func (v *villain) meet(t *testing.T, e *engine.Engine, waits, busy limit.Limits, turns *sandbox.Turns, events sandbox.Events) (d died) {
	t.Helper()
	var b Module
	v.make(&b)
	begin := time.Now()
	m, err := e.Compile(context.Background(), b.Bytes())
	var refused *engine.Refused
	switch {
	case errors.As(err, &refused):
		if took := time.Since(begin); took > 5*time.Second {
			t.Errorf("%s: was refused only after %s", v.name, took)
		}
		return died{how: "refused: " + refused.Reason}
	case err != nil:
		t.Fatalf("%s: %v", v.name, err)
	}
	defer m.Close()
	limits := busy
	if strings.HasPrefix(v.ends, "wall") {
		limits = waits
	}
	limits = limits.Within(limit.Maximum())
	p, err := sandbox.NewPool(sandbox.Options{Module: m, Limits: limits, Turns: turns, Events: events, Most: 1})
	if err != nil {
		return died{how: "start: " + err.Error()}
	}
	defer func() {
		p.Close()
		if s := p.Stats(); s.Live != 0 || s.Idle != 0 {
			t.Errorf("%s: its pool has %+v", v.name, s)
		}
	}()
	d = v.serve(t, p, limits)
	if strings.HasPrefix(d.how, "start") || limits == waits {
		return d
	}
	var later []time.Duration
	for range laterExchanges() {
		later = append(later, v.serve(t, p, limits).stretch)
	}
	slices.Sort(later)
	d.later, d.least = later[len(later)/2], later[0]
	return d
}

// serve is one exchange.
func (v *villain) serve(t *testing.T, p *sandbox.Pool, limits limit.Limits) (d died) {
	t.Helper()
	p.ForgetStretch()
	i, err := p.Acquire(context.Background())
	if err != nil {
		var trap *sandbox.Trap
		if !errors.As(err, &trap) {
			t.Fatalf("%s: %v", v.name, err)
		}
		return died{how: "start: " + withoutFigures(trap.Message), stretch: p.Stats().LongestStretch}
	}
	budget := limit.New(limits)
	i.Bind(&exchange{s: &wasi.State{Line: func(uint32, []byte) {}}}, budget)
	begin := time.Now()
	_, err = i.Call(context.Background(), "run")
	d = died{used: budget.Used(), took: time.Since(begin), stretch: p.Stats().LongestStretch}
	var trap *sandbox.Trap
	if !errors.As(err, &trap) {
		t.Fatalf("%s: ended with %v", v.name, err)
	}
	d.how = withoutFigures(trap.Message)
	if !i.Dead() {
		t.Errorf("%s: its instance lives on", v.name)
	}
	p.Release(i)
	if left := limits.Wall + 10*time.Second; d.took > left {
		t.Errorf("%s: died only after %s", v.name, d.took)
	}
	return d
}

// right tells whether the villain may end like this.
func (v *villain) right(how string) bool {
	for want := range strings.SplitSeq(v.ends, " or ") {
		if strings.HasPrefix(how, want) {
			return true
		}
	}
	return false
}

// withoutFigures leaves out of a message what is another number each time.
func withoutFigures(message string) string {
	message, _, _ = strings.Cut(message, ": limit")
	return message
}

func newEngineFor(t *testing.T) *engine.Engine {
	t.Helper()
	e, err := engine.New(engine.Options{Host: hostFuncs()})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// in is a duration for the table, count a number.
func in(d time.Duration) string {
	switch {
	case d == 0:
		return "–"
	case d < time.Millisecond:
		return fmt.Sprintf("%d µs", d.Microseconds())
	}
	return fmt.Sprintf("%.1f ms", float64(d)/1e6)
}

func count(n int64) string {
	switch {
	case n == 0:
		return "–"
	case n < 1_000_000:
		return fmt.Sprintf("%d 000", (n+999)/1000)
	}
	return fmt.Sprintf("%.1f M", float64(n)/1e6)
}

// left is what a guest could leave behind in this process.
type left struct {
	goroutines int
	mappings   int
	resident   int64
}

func residue() (l left) {
	runtime.GC() // compiled code is freed by finalizers
	debug.FreeOSMemory()
	l.goroutines = runtime.NumGoroutine()
	if b, err := os.ReadFile("/proc/self/maps"); err == nil {
		l.mappings = strings.Count(string(b), "\n")
	}
	if b, err := os.ReadFile("/proc/self/statm"); err == nil {
		var size, resident int64
		if _, err := fmt.Sscan(string(b), &size, &resident); err == nil {
			l.resident = resident * int64(os.Getpagesize())
		}
	}
	return l
}

// Marks of the table in README.md.
const tableBegins, tableEnds = "<!-- table of hostile guests -->\n", "<!-- end of the table -->\n"

// checkReadme compares the table in README.md with the guests of this test, without figures, or writes it.
func checkReadme(t *testing.T, table string) {
	t.Helper()
	b, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	head, rest, ok := strings.Cut(string(b), tableBegins)
	was, tail, ok2 := strings.Cut(rest, tableEnds)
	if !ok || !ok2 {
		t.Fatal("README.md has no place for the table of hostile guests")
	}
	if *rewrite {
		if err := os.WriteFile("README.md", []byte(head+tableBegins+table+tableEnds+tail), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	words := func(table string) (s string) {
		for line := range strings.Lines(table) {
			cells := strings.Split(line, "|")
			s += strings.Join(cells[:min(4, len(cells))], "|") + "\n"
		}
		return s
	}
	if words(was) != words(table) {
		t.Errorf("README.md has another table; run go test ./runtime/sandbox -run TestTableOfHostileGuests -rewrite\nREADME:\n%s\nhere:\n%s", words(was), words(table))
	}
}
