package node

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
)

// An owner has one place at a time, however much he asks for, so that the others are left to the others.
func TestTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newTurns(2)
		first, ok := p.enter(t.Context(), "a")
		if !ok {
			t.Fatal("no place")
		}
		again := make(chan func())
		for range 5 {
			go func() {
				leave, ok := p.enter(t.Context(), "a")
				if !ok {
					leave = func() {}
				}
				again <- leave
			}()
		}
		synctest.Wait()
		second, ok := p.enter(t.Context(), "b") // would stand still for ever, if a's were in the way
		if !ok {
			t.Fatal("a keeps b out")
		}
		over, cancel := context.WithCancel(t.Context())
		cancel()
		if _, ok := p.enter(over, "c"); ok {
			t.Error("a third place")
		}
		first()
		for range 5 {
			(<-again)()
		}
		second()
		if len(p.all) != 0 {
			t.Errorf("%d places are left over", len(p.all))
		}
	})
}

func TestHammerTurns(t *testing.T) {
	p := newTurns(2)
	var all sync.WaitGroup
	var mu sync.Mutex
	in := map[string]int{}
	for i := range 8 {
		all.Go(func() {
			owner := string(rune('a' + i%3))
			for range 500 {
				leave, _ := p.enter(t.Context(), owner)
				mu.Lock()
				in[owner]++
				in["all"]++
				if in[owner] > 1 || in["all"] > 2 {
					t.Error("too many at once:", in)
				}
				mu.Unlock()
				mu.Lock()
				in[owner]--
				in["all"]--
				mu.Unlock()
				leave()
			}
		})
	}
	all.Wait()
}

// Of each owner one recording goes on, of four owners at most.
func TestRecorderByOwner(t *testing.T) {
	var r recorder
	begin := func(owner string, want bool, wantFull bool) {
		t.Helper()
		if ok, full := r.begin(&recording{owner: owner}); ok != want || full != wantFull {
			t.Errorf("%s: begins %v, full %v", owner, ok, full)
		}
	}
	if r.of("a") != nil {
		t.Error("nobody records")
	}
	begin("a", true, false)
	begin("a", false, false)
	begin("b", true, false)
	if r.of("a").owner != "a" || r.of("b").owner != "b" || r.of("c") != nil {
		t.Error("recordings are mixed up")
	}
	begin("c", true, false)
	begin("d", true, false)
	begin("e", false, true)
	r.end("b")
	begin("e", true, false)
	for _, owner := range []string{"a", "c", "d", "e"} {
		r.end(owner)
	}
	if r.now.Load() != nil {
		t.Error("nobody records, and exchanges ask")
	}
}
