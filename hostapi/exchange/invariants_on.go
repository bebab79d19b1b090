//go:build invariants

package exchange

// Invariants tells that released memory is overwritten.
const Invariants = true

// poison overwrites memory that nobody may look at any more, so that a view
// that somebody kept shows itself.
func poison(b []byte) {
	b = b[:cap(b)]
	for i := range b {
		b[i] = 0xCC
	}
}

// Poison overwrites b: fronts call it on their request buffers, guests' doors
// on their own, when an exchange has ended.
func Poison(b []byte) { poison(b) }
