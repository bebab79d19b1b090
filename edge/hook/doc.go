// Package hook calls the functions that are bound to a route at the points of
// a request's life where they may act, in their order, and turns what goes
// wrong in them (traps, spent budgets, no instance) into the binding's failure
// policy.
//
// It knows what a function can do (its hooks) but not how it is run: a
// [Function] is whatever the node puts behind that interface. It does not
// decide what happens to the request; it tells the pipeline, which calls it,
// by a [Result].
package hook
