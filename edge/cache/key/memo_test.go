package key

import (
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"
)

func sum(parts string) Key {
	s := sha256.Sum256([]byte(parts))
	return Key(s[:len(Key{})])
}

func (m *memo) entries() (n int) {
	for i := range m.cells {
		if m.cells[i].entry.Load() != nil {
			n++
		}
	}
	return n
}

// What comes twice is remembered, and what comes once, or is long, is not.
func TestMemo(t *testing.T) {
	m := &NewSeeded([SeedSize]byte{}).memo
	f := func(parts string, times, want int) {
		t.Helper()
		for range times {
			if got := m.key([]byte(parts)); got != sum(parts) {
				t.Errorf("%.20q: a wrong key", parts)
			}
		}
		if got := m.entries(); got != want {
			t.Errorf("%.20q: %d entries, want %d", parts, got, want)
		}
	}
	f("a", 1, 0)
	f("a", 5, 1)
	f(fmt.Sprintf("%*d", memoParts, 1), 3, 2)
	f(fmt.Sprintf("%*d", memoParts+1, 1), 3, 2)
	for i := range 100_000 {
		f(fmt.Sprint("once ", i), 1, 2)
	}
	f("a", 3, 2)
}

func TestMemoAllocatesNothing(t *testing.T) {
	m := &NewSeeded([SeedSize]byte{}).memo
	parts := make([]byte, 100)
	if n := testing.AllocsPerRun(100, func() { m.key(parts) }); n > 0 {
		t.Errorf("%v allocations for what is known, want 0", n)
	}
	n := byte(0)
	if n := testing.AllocsPerRun(100, func() { n++; parts[0] = n; m.key(parts) }); n > 0 {
		t.Errorf("%v allocations for what is new, want 0", n)
	}
}

// Many come to the same cells at once: every key is that of its parts.
func TestHammerMemo(t *testing.T) {
	m := &NewSeeded([SeedSize]byte{}).memo
	var wg sync.WaitGroup
	stop := time.Now().Add(100 * time.Millisecond)
	for g := range 4 {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(uint64(g), 1))
			for n := 0; n < 100 || time.Now().Before(stop); n++ { // however busy the machine is
				parts := fmt.Sprint("parts ", r.IntN(4*memoCells)/(1+r.IntN(100)))
				if m.key([]byte(parts)) != sum(parts) {
					t.Errorf("%q: a wrong key", parts)
				}
			}
		})
	}
	wg.Wait()
	if m.entries() == 0 {
		t.Error("nothing was remembered")
	}
}
