package sandbox

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"

	"github.com/wedgecdn/wedge/runtime/engine"
	"github.com/wedgecdn/wedge/runtime/hostcall"
	"github.com/wedgecdn/wedge/runtime/limit"
	"github.com/wedgecdn/wedge/runtime/meter"
)

// Names of exports that the sandbox calls itself.
const (
	// Initialize prepares a reactor, once, before anything else is called.
	// https://github.com/WebAssembly/WASI/blob/main/legacy/application-abi.md
	Initialize = "_initialize"
	// Restored is called before an instance that served an exchange serves the next, so that the guest can take fresh
	// seeds and drop what it learned.
	Restored = "wedge_restored"
)

// Errors of calls that did not reach the guest.
var (
	ErrDead     = errors.New("sandbox: the instance is dead")
	ErrNoExport = errors.New("sandbox: no such export")
)

// Instance is one live instance. It is for one goroutine at a time: the one that got it from Pool.Acquire, until it gives
// it back. A host function may call into its instance again, but not the export that is running.
//
// States: fit; dead, after a call that ended with a trap. A dead one only serves to be released. If it is dead because its
// program came to its end, it has ended: its state is whole, and it is put back as others are.
type Instance struct {
	run     run
	code    *engine.Module
	module  api.Module
	release func()
	exports map[string]*export // those that were called; each has a call stack of 10 KiB and more
	latest  *export            // of them; nil if it was dropped
	outside any                // the state while no exchange is bound
	limits  limit.Limits
	own     limit.Budget // for calls without an exchange
	memory  linear
	globals []api.MutableGlobal // all of the guest, in the order of meter.Module.Globals; nil unless there is an image
	image   *image              // what it is put back to; nil if it is never put back
	initial int                 // size of the memory once it was initialised
	depth   int
	resets  uint // how often it was put back
	// resetTook is how long that took when it was measured last, see timedResets.
	resetTook time.Duration

	deepest  int  // bytes of the largest call stack that a call had
	restored bool // it exports Restored
	called   bool // since it was idle
	served   bool // it has been bound to an exchange
	dead     bool
	ended    bool // with exit code 0; then it is dead as well
}

type export struct {
	name            string
	fn              api.Function
	calls           callStack
	stack           []uint64 // parameters in, results out
	params, results int
	running         bool
}

// newInstance makes one, within limits. Only the module's start section has run.
func newInstance(ctx context.Context, o *Options) (*Instance, error) {
	i := &Instance{code: o.Module, limits: o.Limits, exports: map[string]*export{}, memory: newLinear(o.Limits.Memory)}
	i.memory.account = o.account
	i.memory.beside = o.beside()
	epoch := o.epoch
	if epoch.IsZero() {
		epoch = time.Now()
	}
	i.run = run{memory: &i.memory, pace: newPace(o.Slice), turns: o.line, noted: o.stretches, budget: &i.own, epoch: epoch}
	i.run.call = hostcall.NewCall(&i.run)
	i.memory.grown = i.run.grew
	i.restored = i.Has(Restored)
	if o.Outside != nil {
		i.outside = o.Outside()
	}
	i.Unbind()
	if err := i.instantiate(ctx); err != nil {
		return nil, err
	}
	i.initial = len(i.memory.bytes)
	i.run.careful()
	return i, nil
}

// initialise runs what a reactor runs once. An instance for which that fails is closed.
func (i *Instance) initialise(ctx context.Context, prepare func(context.Context, *Instance, any) error) (err error) {
	if i.Has(Initialize) {
		_, err = i.Call(ctx, Initialize)
		i.drop(Initialize) // with its call stack
	}
	if err == nil && prepare != nil {
		i.Unbind() // with a full budget again
		if err = prepare(ctx, i, i.outside); err == nil && i.dead && !i.ended {
			err = ErrDead
		}
	}
	if err != nil {
		if i.memory.short { // it is not the guest's fault
			err = errors.Join(i.memory.account.noRoom(i.limits.Memory), err)
		}
		i.close()
		return fmt.Errorf("sandbox: initialise: %w", err)
	}
	i.initial = len(i.memory.bytes)
	i.Unbind() // with a full budget again
	return nil
}

// reseed tells the guest that it is in the state of its image, as every exchange before was.
func (i *Instance) reseed(ctx context.Context) error {
	if !i.restored {
		return nil
	}
	_, err := i.Call(ctx, Restored)
	i.Unbind() // with a full budget again
	return err
}

func (i *Instance) instantiate(ctx context.Context) (err error) {
	if err := i.run.begin(ctx); err != nil {
		return err
	}
	begin, _ := i.code.Memory()
	if !i.memory.pay(begin) {
		i.run.end()
		return i.memory.account.noRoom(begin + i.memory.beside)
	}
	defer func() {
		i.run.end()
		if v := recover(); v != nil {
			// The engine panics if the system has no memory for it.
			if i.memory.bytes != nil || i.memory.refused == 0 {
				panic(v)
			}
			err = fmt.Errorf("sandbox: the system has no %d bytes of address space for a guest", i.limits.Memory)
		}
		if err != nil {
			i.memory.Free() // the engine does so only for instances that it has finished
		}
	}()
	i.module, i.release, err = i.code.Instantiate(experimental.WithMemoryAllocator(&i.run, &i.memory))
	if err != nil {
		if errors.Is(err, engine.ErrClosed) {
			return err
		}
		return fmt.Errorf("sandbox: make an instance: %w", trapOf(err, i.run.last, len(i.code.Imports())))
	}
	i.run.counter = i.module.ExportedGlobal(meter.FuelGlobal).(api.MutableGlobal)
	i.run.notes.begin(i.module, i.code.Metered())
	return nil
}

// close frees the instance. No view of its memory may be used afterwards.
func (i *Instance) close() {
	i.dead = true
	if i.module == nil {
		return
	}
	_ = i.module.Close(context.Background()) // frees the memory; an instance without files has nothing that could fail
	i.memory.settle()                        // if it has none
	i.release()
	i.module = nil
	if i.image != nil {
		i.image.release()
		i.image = nil
	}
}

// Has tells whether the module exports a function of that name.
func (i *Instance) Has(name string) bool {
	_, ok := i.code.Export(name)
	return ok
}

// export looks a function up, once: the engine makes a new call stack each time.
func (i *Instance) export(name string) (*export, error) {
	if e := i.latest; e != nil && e.name == name { // Fast path: most exchanges call one
		return e, nil
	}
	if e := i.exports[name]; e != nil {
		i.latest = e
		return e, nil
	}
	sig, ok := i.code.Export(name)
	if !ok {
		return nil, fmt.Errorf("%w: %q", ErrNoExport, name)
	}
	return i.look(name, slots(sig.Params), slots(sig.Results)), nil
}

// drop forgets an export that was called.
func (i *Instance) drop(name string) {
	delete(i.exports, name)
	i.latest = nil
}

func (i *Instance) look(name string, params, results int) *export {
	e := &export{name: name, fn: i.module.ExportedFunction(name), params: params, results: results}
	e.calls, e.stack = callStackOf(e.fn), make([]uint64, max(params, results))
	i.exports[name], i.latest = e, e
	return e
}

const v128 = 0x7b

// slots counts the 64-bit words that values of these types take.
func slots(types []hostcall.ValueType) int {
	n := len(types)
	for _, t := range types {
		if t == v128 {
			n++
		}
	}
	return n
}

// Bind puts an exchange before the instance: host functions see state, and calls are booked on budget. A nil budget is a
// full one with the pool's limits. The memory limit is the pool's in either case.
func (i *Instance) Bind(state any, budget *limit.Budget) {
	i.served = true
	i.run.state, i.run.bound = state, true
	if i.run.budget = budget; budget == nil {
		i.own.Reset(i.limits)
		i.run.budget = &i.own
	}
}

// Switch books what the call under way has used on the budget that is bound, and has it go on with budget as if it had just
// begun: a guest may serve one exchange after another in one call. A host function of that call calls it, one that does not
// wait.
func (i *Instance) Switch(budget *limit.Budget) { i.run.turnTo(budget) }

// Unbind takes the exchange away: host functions see what they see outside of one. Release does it too.
func (i *Instance) Unbind() {
	i.run.state, i.run.bound = i.outside, false
	if i.run.budget == &i.own { // else nothing was booked on it
		i.own.Reset(i.limits)
	}
	i.run.budget = &i.own
}

// Memory returns the linear memory, for holders that exchange data with the guest between calls.
func (i *Instance) Memory() hostcall.Memory { return i.run.Memory() }

// Used returns what was spent from the budget that is bound.
func (i *Instance) Used() limit.Used { return i.run.budget.Used() }

// GrowthRefused counts how often memory.grow would have gone beyond the limit.
func (i *Instance) GrowthRefused() int64 { return i.memory.refused }

// Dead tells whether the instance can only be released.
func (i *Instance) Dead() bool { return i.dead }

// Call calls an exported function. The results are valid until the next call. It ends at the latest when the budget is
// spent or ctx ends, and one slice; then, and for every trap, the error is a *Trap and the instance is dead. If the budget
// was spent before, the error is a *Trap as well, and the guest did not run.
//
// i32 and floats are encoded as in wazero's api package: an i32 in the lower half.
func (i *Instance) Call(ctx context.Context, name string, args ...uint64) ([]uint64, error) {
	if i.dead {
		return nil, ErrDead
	}
	e, err := i.export(name)
	switch {
	case err != nil:
		return nil, err
	case len(args) != e.params:
		return nil, fmt.Errorf("sandbox: export %q takes %d parameters, called with %d", name, e.params, len(args))
	case e.running:
		return nil, fmt.Errorf("sandbox: export %q is running", name)
	}
	return i.call(ctx, e, args...)
}

func (i *Instance) call(ctx context.Context, e *export, args ...uint64) ([]uint64, error) {
	if i.depth == 0 {
		if err := i.run.begin(ctx); err != nil {
			return nil, err
		}
		if i.run.mayBurst() {
			i.run.ready()
		}
	}
	copy(e.stack, args)
	i.called = true
	i.depth++
	e.running = true
	outer := i.run.stack
	i.run.stack = e.calls
	err := e.fn.CallWithStack(&i.run, e.stack)
	i.run.stack = outer
	e.running = false
	if i.depth--; i.depth == 0 {
		i.run.end()
	}
	if size := e.calls.size(); size > i.deepest {
		i.deepest = size
		i.run.noted.stack(int64(size))
	}
	if e.calls.size() > keptStack {
		i.drop(e.name) // and with it the stack; the results are in a slice of their own
	}
	if err != nil {
		trap := trapOf(err, i.run.last, len(i.code.Imports()))
		i.dead = true
		i.ended = i.depth == 0 && trap.exitedWell()
		return nil, trap
	}
	return e.stack[:e.results], nil
}
