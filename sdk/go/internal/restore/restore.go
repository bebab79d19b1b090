package restore

import "github.com/wedgecdn/wedge/sdk/go/internal/raw"

// seedBytes is what Go's generator is seeded with, and 8 more for the era.
const seedBytes = 40

var (
	era   uint64
	after []func()
)

// Era is a number that changes with each reset: what was seeded in another one has to be seeded again. It is not 0 once there was a reset.
func Era() uint64 { return era }

// After has f run after each reset.
func After(f func()) { after = append(after, f) }

// Restored is what wedge_restored does; tests call it themselves.
func Restored() {
	var b [seedBytes]byte
	if raw.Random(b[:]) == seedBytes {
		reseed([32]byte(b[:32]))
		era = 0
		for _, c := range b[32:] {
			era = era<<8 | uint64(c)
		}
	}
	era |= 1 // never that before the first reset
	for _, f := range after {
		f()
	}
}
