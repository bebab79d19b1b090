package guest

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/wedgecdn/wedge/hostapi/adapter"
	"github.com/wedgecdn/wedge/hostapi/exchange"
	"github.com/wedgecdn/wedge/hostapi/services"
	"github.com/wedgecdn/wedge/runtime/engine"
	"github.com/wedgecdn/wedge/runtime/limit"
	"github.com/wedgecdn/wedge/runtime/sandbox"
)

// Secret is a value that is never printed.
type Secret = adapter.Secret

// Reads are the fields that a function may read on the origin's side.
type Reads = adapter.Reads

// Spec is what the operator says of a function.
type Spec struct {
	Owner   services.Owner
	Name    string
	Version string // the SHA-256 of the version, in hexadecimal digits
	Limits  limit.Limits
	// MostMemory bounds the memory limit that is usual for the module's kind, where Limits has none; 0 does not.
	MostMemory int64
	// Isolation says what may outlive an exchange; nil is what the module's ABI says, which is a pristine instance for each
	// but for proxy-wasm.
	Isolation *sandbox.Isolation
	// Instances is how many there may be at once; 0 is the sandbox's default.
	Instances int
	Config    map[string]string
	Env       map[string]string
	Secrets   map[string]Secret
	// Fetch lists origins and hosts that its own requests may reach, KV the stores
	// it may open.
	Fetch, KV []string
	// AllKV lets it open every store of its owner.
	AllKV bool
	// MaxBody is how much of a body it may hold at once; 0 is 1 MiB.
	MaxBody int64
	Reads   Reads
	// Fixed gives it the same random bytes and times in each exchange, to measure what it costs. No node sets it.
	Fixed bool
}

// Function is a loaded function, ready to be called in many exchanges at once.
type Function struct {
	spec    Spec
	info    Info
	abi     adapter.ABI
	host    *Host
	module  *engine.Module
	pool    *sandbox.Pool
	binding adapter.Binding
	limits  limit.Limits
	// isolation is that of the pool, twin that the module is another's.
	isolation sandbox.Isolation
	twin      bool
	runs      sync.Pool // of *Run
	closed    atomic.Bool
	parked    parked
	resting   resting
	places    places
	most      int  // instances
	reuses    bool // programs may serve more than one exchange
	numbers   numbers
}

// ready is how many instances wait for an exchange: when one is taken, the next
// is made, so that few exchanges meet the time that this takes.
const ready = 2

// Load compiles a module and makes one instance of it, so that a module that
// fails to initialise is refused here. Errors that are the module's fault are
// *Refused, *engine.Refused or *InitError.
func (h *Host) Load(ctx context.Context, module []byte, spec Spec) (_ *Function, err error) {
	begin := time.Now()
	m, err := h.o.Engine.Compile(ctx, module)
	if err != nil {
		return nil, err
	}
	took := time.Since(begin)
	f := &Function{spec: spec, host: h, module: m}
	f.numbers.compile = took
	defer func() {
		if err != nil {
			f.Close()
		}
	}()
	if f.info, f.abi, err = h.inspect(m); err != nil {
		return nil, err
	}
	if spec.Limits.Memory == 0 {
		spec.Limits.Memory = f.info.MemoryLimit
		if spec.MostMemory > 0 {
			spec.Limits.Memory = min(spec.Limits.Memory, spec.MostMemory)
		}
	}
	f.limits = spec.Limits.Within(h.o.Limits)
	f.isolation = f.info.Isolation
	if spec.Isolation != nil {
		if f.info.Handler { // each run of a program begins anew, but it may serve one exchange after another
			f.reuses = *spec.Isolation == sandbox.PerInstance
		} else {
			f.isolation = *spec.Isolation
		}
	}
	if err := f.bind(nil, h.o.Services); err != nil {
		return nil, err
	}
	const most = 64
	if f.most = spec.Instances; f.most == 0 {
		f.most = most
	}
	f.pool, err = sandbox.NewPool(f.poolOptions())
	if err != nil {
		return nil, fmt.Errorf("function %q: %w", spec.Name, err)
	}
	i, err := f.pool.Acquire(ctx)
	if err != nil {
		return nil, &InitError{Function: spec.Name, Err: err}
	}
	f.pool.Release(i)
	return f, nil
}

// InitError says that a module does not come to life.
type InitError struct {
	Function string
	Err      error
}

// Error names the function and what happened.
func (e *InitError) Error() string {
	return fmt.Sprintf("function %q cannot be initialised: %v", e.Function, e.Err)
}

// Unwrap is what happened, usually a *sandbox.Trap.
func (e *InitError) Unwrap() error { return e.Err }

func (f *Function) events() sandbox.Events {
	o := &f.host.o.Events
	e := sandbox.Events{
		Made: func(took time.Duration, err error) {
			f.numbers.made.add(took)
			if o.Made != nil {
				o.Made(f, took, err)
			}
		},
		Gone: func(why sandbox.Reason) {
			f.numbers.gone[indexOf(reasons[:], why)].Add(1)
			if o.Gone != nil {
				o.Gone(f, why)
			}
		},
		Reset: func(way sandbox.Way, took time.Duration, err error) {
			if err == nil { // else the instance goes, as unclean
				f.numbers.resets[indexOf(ways[:], way)].add(took)
			}
		},
		Queued: func(took time.Duration, _ bool) { f.numbers.queued.add(took) },
	}
	if opened := o.Opened; opened != nil {
		e.Opened = func(pause time.Duration, err error) { opened(f, pause, err) }
	}
	return e
}

// Owner is the tenant's name.
func (f *Function) Owner() services.Owner { return f.spec.Owner }

// Name is the function's name.
func (f *Function) Name() string { return f.spec.Name }

// Version is the version's name.
func (f *Function) Version() string { return f.spec.Version }

// Hooks are the hooks that the module exports.
func (f *Function) Hooks() exchange.HookSet { return f.info.Hooks }

// Info is what the module says of itself.
func (f *Function) Info() Info { return f.info }

// Close gives the instances back. Runs that are under way end as they would
// have; programs that wait for another exchange are told that none comes, and
// have a short time to end. A second Close does nothing.
func (f *Function) Close() {
	if !f.closed.CompareAndSwap(false, true) {
		return
	}
	f.resting.close()
	if f.pool != nil {
		f.pool.Close()
	}
	if f.binding != nil {
		f.binding.Close()
	}
	if !f.twin {
		f.module.Close()
	}
}
