// Package meter rewrites a module so that it can be limited, interrupted and reset.
//
// The rewritten module counts down a global of its own, the counter, by the cost of what it executes (see cost.go for the
// table), and looks at it at function entries and loop headers. When it is below zero the module calls one imported
// function, [TickModule].[TickName], of type (i64) -> (i64): the host gets the counter as it is, and returns the one to go
// on with, or panics to unwind. So
//
//	used = all that was granted − the counter
//
// holds at every moment, and for equal input is an equal number on every machine and engine, whatever the slices. It is never
// less than what was executed. It may be more, as code is paid for in advance, at once: straight-line code when it is
// entered, code after a block that nothing jumps out of together with the code before it, a branch of few instructions
// together with what comes before the branch (see fold), rounds of a short loop together (see shape), a tiny function by who calls
// it (see callees). A call of a tiny function by the host costs nothing.
//
// The counter starts at zero, which is spent: a module whose host grants nothing ticks at its first check, its start
// function included.
//
// # What passes a check
//
// Everything that can go on without bound: loop headers, entries of functions that are not tiny and do not run into a loop
// at once, operations on a length that the module does not state as a small constant. Between two checks at most [Stretch] units of straight-line code run, plus
// what [Tail] says about returns.
//
// # The call stack
//
// Functions that can be in a recursion take an estimate of their frame off a second global and give it back; when it is
// spent the host is called with [StackSpent]. See recursion for who counts, and what an estimate is worth.
//
// # What a reset needs
//
// See [State]: which exported globals to save and put back, two functions that do the rest, what holds for one instance
// only, and how a memory that grew becomes smaller again. Dropping a segment is a flag in a global here, so it can be undone.
//
// A module that does not name its data segments and whose segments are sure to fit gets them merged: a standard Go guest
// brings 38 757 and keeps 3, and an instance of it takes a third of the time and a seventh of the allocations.
//
// # What is written
//
// Small guests note the pages that they write to: see [WrittenGlobal].
//
// # What the host must do
//
// Call [Rewrite] first: it refuses what would stop the process when it is merely read or compiled. (The engine's reader
// believes counts, and allocates by them.) Then validate the original with the engine, and only then compile what Rewrite
// returned: the rewriter checks the indices that it moves, and no types, so an invalid module may come out valid, with a
// meaning that nobody checked. [Version] and the [Caps] are part of the key of whatever is kept of the result.
//
// Package engine calls this package; package sandbox uses the names that it exports. It knows wasm and no engine, except in
// tests.
package meter
