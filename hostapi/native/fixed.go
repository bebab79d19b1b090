package native

import (
	"crypto/rand"
	"time"
)

// fixedTime is when everything outside of an exchange happens to a guest with Options.Fixed.
var fixedTime = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// random fills b for a guest.
func (b *Binding) random(buf []byte) {
	switch {
	case b.o.Fixed:
		fixedBytes(buf)
		return
	case b.o.World != nil:
		b.o.World.Random(buf)
		return
	}
	rand.Read(buf) // never fails (crypto/rand)
}

// fixedBytes are the random bytes of a guest with Options.Fixed: the same each time, and no two neighbours equal.
func fixedBytes(b []byte) {
	for i := range b {
		b[i] = byte(i*73 + 41)
	}
}
