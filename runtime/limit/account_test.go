package limit_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/wedgecdn/wedge/runtime/limit"
)

// An account names every budget with the same words and numbers as the error of one that is spent.
func TestLines(t *testing.T) {
	f := func(l limit.Limits, u limit.Used, want string) {
		t.Helper()
		b := limit.New(l)
		b.Add(u)
		if got := fmt.Sprint(b.Lines()); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
	f(limit.Default(), limit.Used{Fuel: 1234, CPU: 1234000, Wall: 80 * time.Microsecond, Memory: 3<<20 + 1<<19, HostCalls: 7},
		"[fuel 1234 cpu 1.23ms of 50ms wall 80µs of 2s memory 3.5 MiB of 32 MiB host_calls 7 of 1000000]")
	f(limit.Limits{Fuel: 10, Memory: 64 << 10}, limit.Used{Fuel: 11, Memory: 64 << 10}, "[fuel 11 of 10 cpu 0s wall 0s memory 64 KiB of 64 KiB host_calls 0]")
}

// Every budget of Limits has a line, so that a new one is not forgotten.
func TestLinesAreAll(t *testing.T) {
	b := limit.New(limit.Default())
	seen := map[limit.Kind]bool{}
	for _, l := range b.Lines() {
		if seen[l.Budget] {
			t.Errorf("%s twice", l.Budget)
		}
		seen[l.Budget] = true
	}
	for k := limit.Fuel; k.String() != fmt.Sprintf("kind(%d)", byte(k)); k++ {
		if !seen[k] && k != limit.NodeMemory { // which is nobody's own
			t.Errorf("%s has no line", k)
		}
	}
}
