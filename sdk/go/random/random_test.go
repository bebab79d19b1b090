//go:build !wasip1

package random

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/wedgecdn/wedge/sdk/go/internal/restore"
	"github.com/wedgecdn/wedge/sdk/go/wedgetest"
)

// A reset puts the memory back to what it was after initialisation. This test does the same with all the memory that the package has.
func TestReset(t *testing.T) {
	n := wedgetest.New(t)
	ten := func(s *Source) []uint64 {
		r := rand.New(s)
		v := make([]uint64, 10)
		for i := range v {
			v[i] = r.Uint64()
		}
		return v
	}
	for _, used := range []bool{false, true} {
		var s Source
		if used {
			n.Init(func() { s.Uint64() }) // it is right even if the snapshot holds a generator that is seeded
		}
		snapshot := s
		seen := [][]uint64{ten(&s)}
		for range 100 {
			s = snapshot
			n.Reset()
			v := ten(&s)
			if slices.ContainsFunc(seen, func(w []uint64) bool { return slices.Equal(v, w) }) {
				t.Fatalf("used before: %v: after a reset the numbers of another exchange: %v", used, v)
			}
			seen = append(seen, v)
		}
		if used {
			// That is what the package is for: without restored, the numbers are those of the first exchange.
			s = snapshot
			s.era = restore.Era()
			if !slices.Equal(ten(&s), seen[0]) {
				t.Error("the test does not put back what the generator consists of")
			}
		}
	}
}

func TestContinues(t *testing.T) {
	wedgetest.New(t)
	var s Source
	if a, b := s.Uint64(), s.Uint64(); a == b {
		t.Errorf("twice %d", a)
	}
}
