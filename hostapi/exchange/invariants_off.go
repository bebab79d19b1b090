//go:build !invariants

package exchange

// Invariants tells that released memory is overwritten.
const Invariants = false

func poison([]byte) {}

// Poison does nothing without the build tag "invariants".
func Poison([]byte) {}
