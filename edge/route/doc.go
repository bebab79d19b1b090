// Package route finds the site and route of a request: host and path in, an
// entry of an immutable [Table] out. It also puts request targets into the one
// normal form ([Target], [Authority]) that routes, functions, cache keys,
// purges and origins share.
//
// It knows nothing of what a route means: the entry is the caller's own type.
// The pipeline asks it once a request; the node builds a new table at each
// reload and swaps it whole.
package route
