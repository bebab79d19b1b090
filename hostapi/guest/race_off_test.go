//go:build !race

package guest

// race tells that the race detector is on: its sync.Pool forgets at random, so allocations say nothing.
const race = false
