//go:build race

package sandbox_test

// raced is whether the race detector looks on: what compiles Go programs for guests then takes minutes.
const raced = true
