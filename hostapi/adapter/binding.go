package adapter

import (
	"context"
	"errors"

	"github.com/wedgecdn/wedge/hostapi/exchange"
	"github.com/wedgecdn/wedge/hostapi/services"
	"github.com/wedgecdn/wedge/runtime/hostcall"
	"github.com/wedgecdn/wedge/runtime/limit"
)

// Settings are what the operator gave a function, and what the node offers it.
type Settings struct {
	Facts         Facts // of its module
	Owner         services.Owner
	Name, Version string
	Config        map[string]string
	Secrets       map[string]Secret
	// Environ are "KEY=value" pairs for WASI.
	Environ []string
	// Args are arguments for WASI, behind the name. No node but one that runs a single program has any.
	Args []string
	// AnyHost lets a program make backends for hosts that Fetch does not list. No node but one that runs a single program does.
	AnyHost bool
	// Fetch lists what the guest's own requests may reach: names of origins, and hosts as "https://id.example", with a port
	// if it is not the scheme's own.
	Fetch []string
	// KV lists the stores it may open; AllKV lets it open every store of its owner.
	KV    []string
	AllKV bool
	// MaxBody is the most of a body held at once; 0 is DefaultMaxBody.
	MaxBody int64
	Reads   Reads
	// Fixed gives the guest the same random bytes and the same times in each exchange, to measure what it costs. No node
	// sets it.
	Fixed bool
	// World takes the place of randomness and time, to write them down, or to have them again as they were; nil is the world
	// as it is.
	World *World
	// Limits are those of one exchange, the node's defaults filled in.
	Limits   limit.Limits
	Services *services.Services
	// Spawn makes an instance beside those that serve exchanges, for what a guest does on its own account, with state as
	// what it is bound to; each call of it has a full budget. The caller calls release, once, from the goroutine that used
	// the instance. Nil where functions are only measured.
	Spawn func(ctx context.Context, state any) (i Instance, release func(), err error)
}

// A World is what a guest gets of randomness and time. Its functions are called by one goroutine at a time.
type World struct {
	// Random fills b.
	Random func(b []byte)
	// Look is given what a clock is about to show, in nanoseconds, and says what it shows.
	Look func(now int64) int64
	// Keyed is given the name of a secret, data, and how to make a code of both, and says what the code is.
	Keyed func(secret string, data []byte, code func() []byte) []byte
	// Verified is given what a signature is verified by, and how to do that, and says what came of it.
	Verified func(kind uint32, key, data, signature []byte, verify func() (right, ok bool)) (right, ok bool)
}

// DefaultMaxBody is how much of a body a guest can hold as a whole, unless its binding says otherwise.
const DefaultMaxBody = 1 << 20

// Reads are the fields that a binding may read on the origin's side, where they are hidden by default because what is
// fetched may be shared.
type Reads struct{ Authorization, Cookie bool }

// A Binding is a function with its settings, made once and used by all exchanges. Its methods may be called by many
// goroutines at once.
type Binding interface {
	// Outside makes the state of a new instance while it is in no exchange, one an instance.
	Outside() any
	// Prepare readies a new instance that has run its _initialize, if it has one; outside is its state. What it leaves in
	// the guest is what each exchange begins with.
	Prepare(ctx context.Context, i Instance, outside any) error
	// NewSession makes a session that serves exchanges, one after another.
	NewSession() Session
	// Denied is how many calls the permissions refused so far.
	Denied() int64
	// Close ends what the binding does by itself. Exchanges may still be under way.
	Close()
}

// An Instance is a guest, as a session sees it: a *sandbox.Instance. Calls nest: a host function may call it.
type Instance interface {
	Has(export string) bool
	Call(ctx context.Context, export string, args ...uint64) (results []uint64, err error)
	Memory() hostcall.Memory
}

// A Session is a function in one exchange, and the state that its instance is bound to: host functions find it by
// hostcall.Call.State. It belongs to the goroutine that has the exchange.
//
// A hook goes Begin, Run, then Commit or, if Run failed, Rollback. If Run says that it streams, whoever reads the
// response's body runs the guest on; when that is over the session calls ended, once, and Commit or Rollback come from
// there.
type Session interface {
	// Attach ties the session to an exchange, an instance and the exchange's budget.
	Attach(x *exchange.Exchange, i Instance, b *limit.Budget)
	// Begin opens a hook.
	Begin(h exchange.Hook)
	// Run calls the guest until the hook is over, or, at hooks that see a response, until its head is settled.
	Run(ended Ended) (result int32, streaming bool, err error)
	// Commit ends a hook that returned result and tells whether it answered. An error means that the hook failed; then
	// everything is as after Rollback.
	Commit(result int32) (answered bool, err error)
	// Rollback ends a hook that failed: the exchange is as it was at Begin, and what was read of bodies is still sent on.
	Rollback()
	// Overflowed tells whether the last hook met a body larger than max_body: if it failed then, that is why.
	Overflowed() bool
	// Finish is called after the last hook, by the goroutine of the exchange, before Close: the guest may be told. It is not
	// called if the instance was taken away in between.
	Finish()
	// Close ends the session's part in its exchange and keeps nothing of it. It may be called by another goroutine than
	// that of the exchange, which then does not touch the session any more. The instance is still lent: the guest may be
	// told. After an error of any call the guest is not to be called.
	Close()
}

// A Lease is an Instance whose guest may serve one exchange after another within one call of it. The session of a handler
// finds it in what Attach gives, if the operator lets the function's instances live longer than an exchange. Host functions
// call it, but for Offer and Withdraw, which anybody may call while the guest rests.
type Lease interface {
	Instance
	// Rest ends the guest's part in its exchange, which is settled from then on without it; what it uses up until Resume is
	// booked on an account of its own. It is false if no other exchange will come: the guest has served long enough, or is
	// too large, or the function goes.
	Rest() bool
	// Offer lets an exchange come: the goroutine of one calls Attach, Begin and Run; or else somebody calls Dismiss. It is
	// false if none comes. Preconditions: Rest was called.
	Offer() bool
	// Withdraw takes the offer back. It is false if it is too late for that.
	Withdraw() bool
	// Resume has the guest in the exchange that has come.
	Resume()
	// Gone takes the instance back whose guest has ended, or failed with err, while it rested. Nobody calls the session any
	// more but for an exchange that was about to come.
	Gone(err error)
}

// A Server is a Session whose program can be under a Lease.
type Server interface {
	Session
	// Dismiss says to a program that rests that no exchange will come any more.
	Dismiss()
}

// ErrUntaken is what Run returns for an exchange that came to a program which did not want it any more, or did not live to
// take it up. Nothing of the exchange was touched.
var ErrUntaken = errors.New("the program has ended, and has not seen the request")

// Ended is told the result of a hook that streamed, or how it failed, by whoever reads or closes the body. What it
// returns is the error of that body.
type Ended func(result int32, err error) error

// ErrStopped is why a guest was ended whose stream nobody wants any more. It is no failure of the function.
var ErrStopped = errors.New("whoever was to get the body has gone")
