package sandbox

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/wedgecdn/wedge/runtime/engine"
	"github.com/wedgecdn/wedge/runtime/limit"
)

// Isolation says what of a guest may outlive an exchange.
type Isolation byte

const (
	// PerExchange gives each exchange an instance that is as it was after its initialisation.
	PerExchange Isolation = iota
	// PerInstance lets an instance serve one exchange after the other, with whatever it keeps in its memory.
	PerInstance
)

// String returns the word that the configuration uses.
func (i Isolation) String() string {
	switch i {
	case PerExchange:
		return "request"
	case PerInstance:
		return "instance"
	}
	return fmt.Sprintf("isolation(%d)", byte(i))
}

// Options configure a Pool. Module is needed; the rest has defaults.
type Options struct {
	Module    *engine.Module // stays the caller's; the pool is closed before it
	Limits    limit.Limits   // 0 fields are defaults, see limit.Limits.Within; the memory limit bounds each instance
	Isolation Isolation

	// Most is how many instances there may be at once, in use and idle together. Default 64.
	Most int
	// Wait is how long Acquire waits for one of them. Default 1 s.
	Wait time.Duration
	// Ready is how many idle instances are made in advance. Default 0.
	Ready int
	// Idle is the time after which an idle instance beyond Ready is closed. Default 1 min.
	Idle time.Duration
	// Retire is the size of memory, in bytes, above which an instance that has grown is not used again under PerInstance,
	// where memory never shrinks. Default half the memory limit.
	Retire int64

	// Reset is how memories are put back after an exchange. Empty is the cheapest, which is measured; another one is for
	// tests and benchmarks, and one of Ways.
	Reset Way

	// Fresh gives each exchange a new instance instead, which runs its initialisation: what Reset is compared with.
	Fresh bool

	// Slice is the most fuel after which a guest comes back to Go; where that takes more than some 50 µs it is less.
	// Default 100 000.
	Slice int64
	// Turns shares processors among long calls of all pools. Nil lets each run.
	Turns *Turns

	// Room is the memory that the instances of all pools share. Nil has no end.
	Room *Room

	// Outside makes what host functions see of an instance outside of an exchange: while it initialises itself, and in
	// wedge_restored. It is called once an instance. Nil is nil.
	Outside func() any
	// Prepare readies an instance that has run its initialisation, with the state that Outside made for it. What it leaves
	// behind is part of what exchanges begin with, and of the image. Nil does nothing.
	Prepare func(ctx context.Context, i *Instance, outside any) error

	Events Events

	line      *line     // of this pool
	epoch     time.Time // what its clock counts from; zero is now
	account   *account
	stretches *stretches
}

// Events are told what happens in a pool. Nil fields are not called. They are called by the goroutine that caused the
// event, without a lock, and should return soon.
type Events struct {
	// Made tells of a new instance, how long it took, and the error if there is none.
	Made func(took time.Duration, err error)
	// Gone tells that an instance was closed, and why.
	Gone func(why Reason)
	// Queued tells that somebody had to wait for an instance, how long, and whether there was one in time.
	Queued func(took time.Duration, got bool)
	// Reset tells that an instance was put back to what it was before its exchange, by which way and in what time, or why it
	// could not. The time of one in timedResets is measured, and stands for those that follow.
	Reset func(way Way, took time.Duration, err error)
	// Opened tells that no instances are made for so long, because several in a row could not be, the last with err.
	Opened func(pause time.Duration, err error)
	// Stretch tells that a guest ran for that long without coming back to Go, when it is longer than any before in this
	// pool. For as long nobody could stop it: neither a deadline nor the garbage collector.
	Stretch func(longest time.Duration)
}

// Reason says why an instance was closed.
type Reason string

const (
	Served   Reason = "served"   // its exchange is over, isolation is PerExchange, and its module cannot be put back
	Unclean  Reason = "unclean"  // it could not be put back after its exchange
	Trapped  Reason = "trapped"  // its last call ended with a trap
	Grown    Reason = "grown"    // its memory is above Options.Retire
	Unused   Reason = "unused"   // it was idle for Options.Idle
	Evicted  Reason = "evicted"  // it was idle, and its memory was needed elsewhere: see Room
	Shutdown Reason = "shutdown" // its pool was closed
)

func (o *Options) setDefaults() {
	o.Limits = o.Limits.Within(limit.Limits{})
	set(&o.Most, 64)
	set(&o.Wait, time.Second)
	set(&o.Idle, time.Minute)
	set(&o.Slice, 100_000)
	set(&o.Retire, o.Limits.Memory/2)
	o.Ready = min(o.Ready, o.Most)
	o.line = o.Turns.line()
	o.account = &account{room: o.Room}
	o.stretches = &stretches{longer: o.Events.Stretch}
}

func set[T int | int64 | time.Duration](p *T, v T) {
	if *p == 0 {
		*p = v
	}
}

// validate names everything that is wrong.
func (o *Options) validate() error {
	var errs []error
	if o.Module == nil {
		return errors.New("sandbox: a pool needs a module")
	}
	if begin, _ := o.Module.Memory(); begin > o.Limits.Memory {
		errs = append(errs, fmt.Errorf("sandbox: the module begins with more memory than its limit: %w",
			&limit.Exceeded{Budget: limit.Memory, Limit: o.Limits.Memory, Spent: begin}))
	}
	if o.Most < 0 || o.Wait < 0 || o.Idle < 0 || o.Slice < 0 || o.Ready < 0 {
		errs = append(errs, errors.New("sandbox: a negative option"))
	}
	if o.Reset != "" && !has(o.Reset) {
		errs = append(errs, fmt.Errorf("sandbox: no reset by %q on this system, which has %q", o.Reset, Ways()))
	}
	return errors.Join(errs...)
}
