package main

import "testing"

// The trace is the one that was fixed before the store was tuned.
func TestTraceIsFixed(t *testing.T) {
	const want = 0x43ad10a671f766a5
	if got := checksum(newTrace(mixes()["mixed"])); got != want {
		t.Errorf("the trace's checksum is %#x, want %#x: the scores of another trace cannot be compared with those in results", got, want)
	}
}

// Each of the other traces has the cause that it is named after, and no other.
func TestMixes(t *testing.T) {
	f := func(name string, distinct, atMost int) {
		t.Helper()
		m := mixes()[name]
		m.requests = 100_000
		seen := map[uint64]bool{}
		for _, r := range newTrace(m) {
			seen[r.Object] = true
		}
		if len(seen) < distinct || len(seen) > atMost {
			t.Errorf("%s asks for %d objects, wanted %d to %d", name, len(seen), distinct, atMost)
		}
	}
	f("zipf", 30_000, 60_000)
	f("shift", 30_000, 60_000)
	f("once", 65_000, 90_000)
	f("scan", 60_000, 90_000)
}
