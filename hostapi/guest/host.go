package guest

import (
	"context"
	"time"

	"github.com/wedgecdn/wedge/hostapi/adapter"
	"github.com/wedgecdn/wedge/hostapi/exchange"
	"github.com/wedgecdn/wedge/hostapi/services"
	"github.com/wedgecdn/wedge/runtime/engine"
	"github.com/wedgecdn/wedge/runtime/limit"
	"github.com/wedgecdn/wedge/runtime/sandbox"
)

// Options configure a Host.
type Options struct {
	// Engine compiles modules; its host functions are those of HostFuncs. It stays
	// the caller's, who closes it after all functions.
	Engine *engine.Engine
	// Services are what the node offers.
	Services *services.Services
	// Limits are what no function may exceed; zero fields are the node's defaults
	// (limit.Maximum).
	Limits limit.Limits
	// Turns shares the processors among long calls. Nil makes a set of its own.
	Turns *sandbox.Turns
	// Room is the memory that the instances of all functions share. Nil has no end.
	Room *sandbox.Room
	// Wait is how long an exchange waits for an instance; 0 is the sandbox's default.
	Wait time.Duration
	// Args are arguments that programs get, behind their name. Nil is none.
	Args []string
	// AnyHost lets programs make backends for hosts that no binding lists.
	AnyHost bool
	Events  Events
	// Original returns the bytes that a version was loaded from, so that traps can be led back to lines of it. Nil, and an error, is
	// that they are not to be had.
	Original func(owner services.Owner, name, version string) ([]byte, error)
}

// Events are told what functions do; nil fields are not called. They are
// called by the goroutine that caused the event and should return soon.
type Events struct {
	// Called tells of each call of a hook in the exchange of that id; err is nil if it returned.
	Called func(f *Function, c *exchange.Call, id exchange.ID, err error)
	// Failed tells of a guest that trapped or spent a budget, in a hook or while it was made.
	Failed func(r *Report)
	// Made tells of a new instance, or why there is none; Gone why one was closed.
	Made func(f *Function, took time.Duration, err error)
	Gone func(f *Function, why sandbox.Reason)
	// Opened tells that no instances are made for so long, because several in a row could not be.
	Opened func(f *Function, pause time.Duration, err error)
}

// Host loads functions. Its methods may be called by many goroutines at once.
type Host struct {
	o    Options
	abis []adapter.ABI
}

// New makes a host.
func New(o Options) *Host {
	if o.Services == nil {
		o.Services = new(services.Services)
	}
	if o.Limits == (limit.Limits{}) {
		o.Limits = limit.Maximum()
	}
	if o.Turns == nil {
		o.Turns = sandbox.NewTurns(0)
	}
	return &Host{o: o, abis: abis()}
}

// Services are what the node offers.
func (h *Host) Services() *services.Services { return h.o.Services }

// Inspect tells what a module is, or, with a *Refused or the engine's
// *engine.Refused, why it cannot be a function.
func (h *Host) Inspect(ctx context.Context, module []byte) (Info, error) {
	m, err := h.o.Engine.Compile(ctx, module)
	if err != nil {
		return Info{}, err
	}
	defer m.Close()
	i, _, err := h.inspect(m)
	return i, err
}

// Describe is Inspect without compiling: a module that it accepts may still be refused by Load.
func (h *Host) Describe(module []byte) (Info, error) {
	d, err := h.o.Engine.Describe(module)
	if err != nil {
		return Info{}, err
	}
	i, _, err := h.inspect(d)
	return i, err
}
