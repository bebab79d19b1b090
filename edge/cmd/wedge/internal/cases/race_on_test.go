//go:build race

package cases_test

// raced is whether the race detector looks on: it finds in guests of one language what it finds in those of all.
const raced = true
