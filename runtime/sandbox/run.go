package sandbox

import (
	"context"
	"errors"
	"math"
	"runtime"
	"time"

	"github.com/tetratelabs/wazero/api"

	"github.com/wedgecdn/wedge/runtime/engine"
	"github.com/wedgecdn/wedge/runtime/hostcall"
	"github.com/wedgecdn/wedge/runtime/limit"
	"github.com/wedgecdn/wedge/runtime/meter"
)

// run is the call that an instance is in, seen from below: by the engine as engine.Caller, by host functions as
// hostcall.Host, and as the context that the engine carries from one to the other. It is made once an instance, so a call
// allocates nothing.
//
// It belongs to the goroutine that runs the guest. Between begin and end a call is on; outside of them only state and
// memory are looked at.
type run struct {
	call    *hostcall.Call
	memory  *linear
	notes   noter
	counter api.MutableGlobal // the guest's fuel counter; nil while its start section runs
	pace    pace
	turns   *line
	claim   *claim // on a turn; made when the first has to be waited for
	noted   *stretches

	state  any
	bound  bool // to an exchange
	budget *limit.Budget

	caller context.Context // of this call
	stack  callStack       // of the innermost call
	host   *hostContext    // what host functions see: caller with the deadline; made when one asks

	// Times are since epoch, when the instance was made: that reads one clock, where time.Now reads two.
	epoch    time.Time
	deadline time.Duration
	mark     time.Duration // up to which wall time is booked
	entered  time.Duration // when the host function that waits was called
	paused   time.Duration // when the outermost pause began
	pauses   int

	cpu      cpuClock
	granted  int64 // fuel given to the guest and not booked yet; counter, less owed, says what is left of it
	owed     int64 // what host functions charged and nobody took off the counter yet
	credit   int64 // how much may be owed; nothing if fuel is limited, as that limit is met exactly
	burnt    int64 // fuel booked since the last lap
	hostLeft int64 // host calls until the budget is spent
	calls    int64 // host calls that are not booked yet
	last     *hostcall.Func
	hasTurn  bool
	free     bool          // in the first stretch of the call, which needs no turn
	since    time.Duration // when the call began, or got its turn
	lap      time.Duration // processor time since the last booking
	curbed   bool          // slices are carefulSlice at most; see touched
}

var (
	_ engine.Caller   = (*run)(nil)
	_ hostcall.Host   = (*run)(nil)
	_ context.Context = (*run)(nil)
)

func (r *run) now() time.Duration { return time.Since(r.epoch) }

// begin starts the clocks and grants the first slice, unless a budget is spent already.
func (r *run) begin(ctx context.Context) error {
	if spent := r.budget.Check(); spent != nil {
		return refusal(spent)
	}
	if err := ctx.Err(); err != nil {
		return refusal(err)
	}
	now := r.now()
	r.caller, r.mark, r.last, r.pauses = ctx, now, nil, 0
	r.deadline = now + min(r.budget.WallLeft(), 365*24*time.Hour)
	r.free, r.since, r.curbed = true, now, false
	r.cpu.start(now)
	r.lend()
	r.hostLeft = r.budget.HostCallsLeft()
	if r.counter != nil {
		r.counter.Set(uint64(r.grant()))
	}
	return nil
}

// refusal is why a guest does not run, as a trap.
func refusal(err error) *Trap {
	t := &Trap{Kind: Cancelled, Message: err.Error(), Err: err}
	if errors.As(err, new(*limit.Exceeded)) {
		t.Kind = Budget
	}
	return t
}

// end stops the clocks and books what is left to book.
func (r *run) end() {
	if r.counter != nil {
		r.bookFuel(r.left())
	}
	r.cpu.pauses = 0
	if r.pauses > 0 {
		panic("BUG: sandbox: a guest's call ends in a pause")
	}
	r.book(r.now())
	r.cpu.unlock()
	r.yieldTurn()
	if r.host != nil {
		r.host.end()
		r.host = nil
	}
	r.caller = nil
}

// turnTo books what the call has used on its budget, and goes on with b, as a new call would.
//
// Preconditions: the guest is in a host function that does not wait, and not in a pause.
func (r *run) turnTo(b *limit.Budget) {
	if r.caller == nil || r.pauses > 0 || r.cpu.pauses > 0 {
		panic("BUG: sandbox: a budget is changed outside of a call, or in a pause")
	}
	if r.counter != nil {
		r.bookFuel(r.left())
	}
	now := r.now()
	r.book(now)
	if r.host != nil {
		r.host.end() // its deadline was the other budget's
		r.host = nil
	}
	r.cpu.unlock()
	r.yieldTurn()
	r.free, r.since = true, now
	r.budget = b
	r.lend()
	r.deadline = now + min(b.WallLeft(), 365*24*time.Hour)
	r.hostLeft = b.HostCallsLeft()
	if r.counter != nil {
		r.counter.Set(uint64(r.grant()))
	}
}

// grant returns the next slice: never more than the budget has, so that the fuel limit is met exactly.
func (r *run) grant() int64 {
	next := r.noted.bound.of(r.pace.next)
	if r.curbed {
		next = min(next, carefulSlice)
	}
	r.granted = max(min(next, r.budget.FuelLeft()), 0)
	return r.granted
}

// mostOwed is what host functions may have charged before the counter is looked at: reading and setting it costs as much as what most of
// them do.
const mostOwed = 1000

// lend says how much may be owed.
func (r *run) lend() {
	if r.credit = 0; r.budget.FuelLeft() == math.MaxInt64 {
		r.credit = mostOwed
	}
}

// left is what is left of the slice. What was owed is forgotten: the caller books it, and sets the counter if the guest goes on.
func (r *run) left() int64 {
	left := int64(r.counter.Get()) - r.owed
	r.owed = 0
	return left
}

// bookFuel books what the guest used of its grant, given what its counter shows.
func (r *run) bookFuel(counter int64) {
	r.burnt += r.granted - counter
	r.budget.AddFuel(r.granted - counter)
	r.granted = counter
}

// book books the time since the last booking, and the rest.
func (r *run) book(now time.Duration) {
	wall := now - r.mark
	if r.pauses > 0 {
		wall = 0
	}
	r.lap = r.cpu.lap(now)
	if r.cpu.locked {
		r.noted.note(r.lap, r.burnt)
	}
	r.burnt = 0
	r.budget.Add(limit.Used{
		CPU: r.lap, Wall: wall, HostCalls: r.calls, Memory: int64(len(r.memory.bytes)),
	})
	r.mark, r.calls = now, 0
}

// look ends the guest if a budget is spent or the caller is gone.
func (r *run) look() {
	r.book(r.now())
	if spent := r.budget.Check(); spent != nil {
		r.unwind(spent)
	}
	if err := r.caller.Err(); err != nil {
		r.unwind(err)
	}
}

func (r *run) unwind(err error) { panic(&hostcall.Unwind{Func: r.call.Func(), Err: err}) }

// errStack ends a guest whose calls within calls took all the stack that it may have. It has the engine's words, which says the
// same of modules that it runs without a meter.
var errStack = errors.New("stack overflow")

// Tick satisfies engine.Caller. It is where a guest comes back to Go after each slice.
func (r *run) Tick(counter int64) int64 {
	if counter == meter.StackSpent {
		r.unwind(errStack) // what the guest used is booked when the call ends
	}
	if at, n, ok := meter.Announced(counter); ok {
		r.announced(at, n)
		return 0 // which the guest drops
	}
	return r.tick(counter)
}

// tick ends a slice and begins the next.
func (r *run) tick(counter int64) int64 {
	counter -= r.owed
	r.owed = 0
	r.slice(counter)
	return r.grant()
}

// slice ends a slice.
func (r *run) slice(counter int64) {
	used := r.granted - counter
	r.bookFuel(counter)
	r.granted = 0
	if r.counter != nil {
		r.counter.Set(0) // nothing is left to book, should the guest be unwound now
	}
	r.look()
	if r.stack.size() > mostStack {
		r.unwind(errDeepStack)
	}
	if r.cpu.pauses > 0 { // it is a host function that waits which has charged: it needs no processor
		return
	}
	r.pace.after(used, r.lap)
	r.cpu.watch = false
	if r.mayBurst() && r.watch() {
		r.curb()
	} else if r.cpu.locked {
		r.noted.bound.after(used, r.lap, r.pace.most)
	}
	r.giveWay()
}

// giveWay lets others run, if the guest had its share: the garbage collector, waiting goroutines, other guests.
//
// Fast path: a stretch that is not over yet. To have come back to Go is enough for whoever wants to stop the world.
func (r *run) giveWay() {
	if (r.free || r.hasTurn) && r.mark-r.since < share {
		return
	}
	r.free = false
	r.cpu.unlock()
	runtime.Gosched()
	left, gone := r.deadline-r.now(), r.caller.Done()
	if r.hasTurn {
		r.hasTurn = r.turns.pass(&r.claim, left, gone)
	} else {
		r.hasTurn = r.turns.take(&r.claim, left, gone)
	}
	if !r.hasTurn {
		r.look() // unwinds: the deadline is over, or the caller has gone
		return
	}
	r.since = r.now()
	r.cpu.lock(r.since)
}

// endSlice has the guest come back at its next check, to take the turn again that it gave up when it began to wait: one
// that waits often would else run without turns.
func (r *run) endSlice() {
	if r.counter == nil || r.free || r.turns == nil {
		return
	}
	r.bookFuel(r.left())
	r.granted = 0
	r.counter.Set(0)
}

// yieldTurn gives the turn up, for as long as the guest waits.
func (r *run) yieldTurn() {
	if r.hasTurn {
		r.hasTurn = false
		r.turns.give()
	}
}

// HostCall satisfies engine.Caller.
func (r *run) HostCall(f *hostcall.Func, stack []uint64) { r.call.Invoke(f, stack) }

// Enter satisfies hostcall.Host.
func (r *run) Enter(f *hostcall.Func) {
	r.last = f
	r.calls++
	if r.hostLeft--; r.hostLeft < 0 {
		r.look()
	}
	if f.Fuel != 0 {
		r.Charge(f.Fuel)
	}
	if f.Waits {
		r.entered = r.now()
		r.book(r.entered)
		r.cpu.pause()
		r.yieldTurn()
	}
}

// Leave satisfies hostcall.Host. A turn that was given up is taken again at the next tick.
func (r *run) Leave(f *hostcall.Func) {
	if f.Waits {
		now := r.now()
		r.book(now)
		r.budget.Add(limit.Used{Waited: now - r.entered})
		r.cpu.resume(now)
		r.endSlice()
	}
}

// Charge satisfies hostcall.Host. Host functions and the guest pay from the same slice.
func (r *run) Charge(fuel int64) {
	switch {
	case fuel == 0:
		r.look()
	case r.counter == nil: // in a start section: the engine does not show the counter yet
		r.budget.Add(limit.Used{Fuel: fuel})
		r.look()
	case fuel <= r.credit-r.owed: // Fast path
		r.owed += fuel
	default:
		left := r.left() - fuel
		if left < 0 {
			left = r.tick(left)
		}
		r.counter.Set(uint64(left))
	}
}

// State satisfies hostcall.Host.
func (r *run) State() any { return r.state }

// Memory satisfies hostcall.Host.
func (r *run) Memory() hostcall.Memory { return hostcall.NotedMemoryOf(r.memory.bytes, &r.notes.host) }

// Context satisfies hostcall.Host. Most calls never ask for it.
func (r *run) Context() context.Context {
	if r.host == nil {
		r.host = newHostContext(r.caller, r.deadline-r.now())
		if r.pauses > 0 {
			r.host.stop()
		}
	}
	return r.host
}

// Pause satisfies hostcall.Host. What was used until now is booked; a spent budget shows when the guest is to go on.
func (r *run) Pause() {
	if r.pauses > 0 {
		r.pauses++
		return
	}
	r.paused = r.now()
	r.book(r.paused)
	r.pauses++
	r.cpu.pause()
	r.yieldTurn()
	if r.host != nil {
		r.host.stop()
	}
}

// Resume satisfies hostcall.Host. A turn that was given up is taken again at the next tick.
func (r *run) Resume() {
	if r.pauses--; r.pauses > 0 {
		return
	}
	now := r.now()
	r.mark = now
	r.deadline += now - r.paused
	r.cpu.resume(now)
	r.endSlice()
	if r.host != nil {
		r.host.goOn(r.deadline - now)
	}
}

// Value satisfies context.Context, for the engine, which looks for keys of its own and for the caller.
func (r *run) Value(key any) any {
	if key == (engine.CallerKey{}) {
		return r
	}
	return nil
}

// Deadline satisfies context.Context.
func (r *run) Deadline() (time.Time, bool) { return r.epoch.Add(r.deadline), true }

// Done satisfies context.Context. The engine does not wait for it: the tick does.
func (r *run) Done() <-chan struct{} { return nil }

// Err satisfies context.Context.
func (r *run) Err() error { return nil }
