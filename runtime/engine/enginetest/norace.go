//go:build !race

package enginetest

// Race tells whether this is a build with the race detector, under which compiling a Go guest takes half a minute. Tests of
// what a guest does, and not of locks, leave it out.
const Race = false
