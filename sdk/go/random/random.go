package random

import (
	"math/rand/v2"

	wedge "github.com/wedgecdn/wedge/sdk/go"
)

// era changes with each reset: what was seeded in another one is seeded again. It cannot be part of a Source, because the node, which knows of the
// reset, knows of no Source.
var era uint64

// restored is called by the node after each reset, before the first hook.
//
//go:wasmexport wedge_restored
func restored() {
	var b [8]byte
	if wedge.Random(b[:]) == nil {
		era = 0
		for _, c := range b {
			era = era<<8 | uint64(c)
		}
	}
	era |= 1 // never that of a new Source
}

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
	if !s.seeded || s.era != era {
		var seed [32]byte
		if err := wedge.Random(seed[:]); err != nil {
			panic("random: the node gives no seed: " + err.Error())
		}
		s.chacha.Seed(seed)
		s.seeded, s.era = true, era
	}
	return s.chacha.Uint64()
}
