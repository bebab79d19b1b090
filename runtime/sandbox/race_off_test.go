//go:build !race

package sandbox_test

// raced is whether the race detector looks on.
const raced = false
