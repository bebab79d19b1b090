package adapter

import (
	"github.com/wedgecdn/wedge/hostapi/exchange"
	"github.com/wedgecdn/wedge/runtime/engine"
	"github.com/wedgecdn/wedge/runtime/hostcall"
	"github.com/wedgecdn/wedge/runtime/sandbox"
)

// An ABI is one contract with guests. It belongs to one host of functions: what its functions share, such as queues, may
// live in it. Its methods may be called by many goroutines at once.
type ABI interface {
	// Name is the contract's name without a version: "wedge", "proxy-wasm".
	Name() string
	// Sought says in a few words by what Detect knows a module, for the author of one that nobody knows.
	Sought() string
	// Detect tells whether the module speaks this ABI. A module that does, and cannot be a function nevertheless, is a
	// *Refused.
	Detect(m Module) (f Facts, mine bool, err error)
	// Funcs are the functions that its guests may import. They find what they work on in the state that is bound to the
	// instance, so one list serves all.
	Funcs() []hostcall.Func
	// Bind makes a binding. The settings are the ABI's from then on. An error says what in them has no meaning.
	Bind(s Settings) (Binding, error)
}

// Module is what Detect reads of a module.
type Module interface {
	Export(name string) (engine.Signature, bool)
	Exports() []string
	Imports() []Import
}

// Import names a function that a module needs.
type Import = engine.Import

// Function is a host function as the page of what works has it: an empty note is that all of it works.
type Function struct{ Name, Note string }

// Facts is what an ABI says of a module of its own.
type Facts struct {
	// ABI is the contract with its version, as it stands in manifests: "wedge/1", "proxy-wasm/0.2.1".
	ABI string
	// Hooks are those at which the guest wants to be called.
	Hooks exchange.HookSet
	// Handler tells that it answers requests by itself: it has no hooks, and Run runs it once for a whole request.
	Handler bool
	// Remark is what its author may have overlooked; "" for nothing.
	Remark string
	// Streams tells that it may transform bodies while they are sent.
	Streams bool
	// Isolation is what holds if the operator does not say.
	Isolation sandbox.Isolation
	// MemoryLimit is what holds, in bytes, if the operator does not say; 0 is the default of all functions.
	MemoryLimit int64
}

// Foreign is Facts.MemoryLimit of modules that were built for other hosts: their toolchains count on more than ours.
const Foreign = 128 << 20

// Refused says that a module is valid but no function, and how to mend it.
type Refused struct{ Reason, Hint string }

// Error is the reason, without the hint.
func (r *Refused) Error() string { return "module refused: " + r.Reason }
