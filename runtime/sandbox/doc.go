// Package sandbox holds live instances of compiled modules and calls into them within limits.
//
// Between two exchanges an instance is put back to what it was after its initialisation, to the bit: the pool's first
// instance initialises itself and becomes the image, all others are made from it, and each is reset to it when it comes back
// (see image, Way).
//
// A Pool makes, lends, takes back and discards the instances of one module under one set of limits. An Instance is bound to
// an exchange and its budget, and called; whatever the guest does, the call ends: with results, or with a *Trap that says
// what happened, where, and which budget was spent. A guest that trapped or spent a budget is discarded, it alone, at once.
//
// The meter makes a guest come back to Go after each slice of fuel. There the garbage collector, other goroutines and the
// deadlines get their turn: no guest can hold up the process for longer than one slice takes.
//
// What host functions do is not known here: they are hostcall.Func, and see the state that the holder of the instance
// bound. edge/hook is the holder.
package sandbox
