package random

import (
	"math/rand/v2"

	wedge "github.com/wedgecdn/wedge/sdk/go"
	"github.com/wedgecdn/wedge/sdk/go/internal/restore"
)

// Source is a rand.Source that begins anew, at an unpredictable place, when it is first used and after each reset. The zero value is ready, also
// in a package variable:
//
//	var dice = rand.New(new(random.Source))
type Source struct {
	seeded bool
	era    uint64
	chacha rand.ChaCha8
}

// Uint64 is the next number.
func (s *Source) Uint64() uint64 {
	if !s.seeded || s.era != restore.Era() {
		var seed [32]byte
		if err := wedge.Random(seed[:]); err != nil {
			panic("random: the node gives no seed: " + err.Error())
		}
		s.chacha.Seed(seed)
		s.seeded, s.era = true, restore.Era()
	}
	return s.chacha.Uint64()
}
