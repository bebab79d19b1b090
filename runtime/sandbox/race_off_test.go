//go:build !race

package sandbox_test

// raced is whether the race detector looks on: what the host does then takes ten times as long.
const raced = false
