package main

import "testing"

// The trace is the one that was fixed before the store was tuned.
func TestTraceIsFixed(t *testing.T) {
	const want = 0x43ad10a671f766a5
	if got := checksum(newTrace()); got != want {
		t.Errorf("the trace's checksum is %#x, want %#x: the scores of another trace cannot be compared with those in results", got, want)
	}
}
