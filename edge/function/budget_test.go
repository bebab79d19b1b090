package function

import (
	"errors"
	"sync"
	"testing"
	"time"
)

func TestParseRules(t *testing.T) {
	f := func(text, want string) {
		t.Helper()
		rules, err := ParseRules(text)
		if want == "" {
			if !errors.Is(err, ErrTrial) {
				t.Errorf("%q: %v, %v", text, rules, err)
			}
			return
		}
		if got := (Budget{Rules: rules}).String(); err != nil || got != want {
			t.Errorf("%q: %q (%v), want %q", text, got, err, want)
		}
	}
	f("errors 1%", "errors 1%")
	f("errors 0%", "errors 0%")
	f(" errors  0.5% , p99 5ms", "errors 0.5%, p99 5ms")
	f("p99.9 cpu 500us", "p99.9 500µs")
	f("p50 wall 20ms", "p50 wall 20ms")
	f("", "")
	f("errors", "")
	f("errors 1", "")
	f("errors 100%", "")
	f("p99", "")
	f("p99 5", "")
	f("p0 5ms", "")
	f("p100 5ms", "")
	f("p99 0s", "")
	f("q99 5ms", "")
	f("p99 fuel 5ms", "")
	f("errors 1%,", "")
	f("errors 1%,errors 1%,errors 1%,errors 1%,errors 1%,errors 1%,errors 1%,errors 1%,errors 1%", "")
}

func FuzzParseRules(f *testing.F) {
	for _, s := range []string{"errors 1%", "p99 5ms, p99.99 wall 1h", "errors 0.25%,p50 cpu 1ns"} {
		f.Add(s)
	}
	// What is read is written in one way, and that is read as the same.
	f.Fuzz(func(t *testing.T, text string) {
		rules, err := ParseRules(text)
		if err != nil {
			return
		}
		written := Budget{Rules: rules}.String()
		again, err := ParseRules(written)
		if err != nil || (Budget{Rules: again}).String() != written {
			t.Errorf("%q is written %q, and that is read as %v (%v)", text, written, again, err)
		}
		if b := (Budget{Rules: rules}); b.Check() != nil {
			t.Errorf("%q: %v", text, b.Check())
		}
	})
}

// TestWatch plays calls by the second and says at which of them the verdict came.
func TestWatch(t *testing.T) {
	begin := time.Date(2026, 5, 6, 7, 8, 9, 0, time.UTC)
	f := func(rules string, least, calls int, gap time.Duration, of func(i int) Call, at int, verdict string) {
		t.Helper()
		parsed, err := ParseRules(rules)
		if err != nil {
			t.Fatal(err)
		}
		w := NewWatch(Budget{Rules: parsed, Least: least}, begin)
		now, when, said := begin, -1, ""
		for i := range calls {
			if v := w.Add(now, of(i)); v != "" {
				if when >= 0 {
					t.Errorf("%s: a second verdict: %s", rules, v)
				}
				when, said = i+1, v
			}
			now = now.Add(gap)
		}
		if when != at || said != verdict {
			t.Errorf("%s: at call %d %q, want at %d %q", rules, when, said, at, verdict)
		}
		s := w.Standing(now)
		if s.Calls != int64(calls) || (s.Broken != "") != (at >= 0) || s.Held && at >= 0 {
			t.Errorf("%s: %+v", rules, s)
		}
	}
	every := func(n int) func(int) Call { return func(i int) Call { return Call{Failed: i%n == n-1} } }
	good := func(int) Call { return Call{CPU: time.Millisecond, Wall: 2 * time.Millisecond} }
	f("errors 1%", 100, 1000, time.Millisecond, good, -1, "")
	f("errors 1%", 100, 1000, time.Millisecond, every(100), -1, "") // just as many as may
	f("errors 1%", 100, 1000, time.Millisecond, every(99), 198, "2 of 198 calls within 1m0s (1.0%) failed: the budget is errors 1%")
	// One that always fails is found before the least number of calls.
	f("errors 1%", 100, 1000, time.Millisecond, every(1), 2, "2 of 2 calls within 1m0s (100.0%) failed: the budget is errors 1%")
	f("errors 0%", 100, 1000, time.Millisecond, every(50), 50, "1 of 50 calls within 1m0s (2.0%) failed: the budget is errors 0%")
	// What is older than the window does not count: a failure each ten seconds, then each two.
	f("errors 1%", 1000, 400, 10*time.Second, every(1), -1, "")
	f("errors 1%", 1000, 400, 2*time.Second, every(1), 11, "11 of 11 calls within 1m0s (100.0%) failed: the budget is errors 1%")
	slow := func(n int) func(int) Call {
		return func(i int) Call {
			if i%n == n-1 {
				return Call{CPU: 6 * time.Millisecond, Wall: 30 * time.Millisecond}
			}
			return good(i)
		}
	}
	f("p99 5ms", 100, 1000, time.Millisecond, slow(100), -1, "")
	f("p99 5ms", 100, 1000, time.Millisecond, slow(50), 100, "2 of 100 calls within 1m0s (2.0%) took more than 5ms of processor time: the budget is p99 5ms")
	f("p99 6ms", 100, 1000, time.Millisecond, slow(50), -1, "")
	f("p90 wall 20ms", 10, 1000, time.Millisecond, slow(5), 10, "2 of 10 calls within 1m0s (20.0%) took longer than 20ms: the budget is p90 wall 20ms")
	f("errors 1%, p90 wall 20ms", 10, 1000, time.Millisecond, slow(5), 10, "2 of 10 calls within 1m0s (20.0%) took longer than 20ms: the budget is p90 wall 20ms")
}

// A canary has held when a window has passed with calls enough, and not before.
func TestHeld(t *testing.T) {
	begin := time.Date(2026, 5, 6, 7, 8, 9, 0, time.UTC)
	rules, _ := ParseRules("errors 1%")
	w := NewWatch(Budget{Rules: rules, Least: 50, Window: Duration(time.Minute)}, begin)
	f := func(at time.Duration, calls int, held bool) {
		t.Helper()
		for range calls {
			w.Add(begin.Add(at), Call{})
		}
		if s := w.Standing(begin.Add(at)); s.Held != held {
			t.Errorf("after %s: %+v", at, s)
		}
	}
	f(30*time.Second, 100, false)
	f(59*time.Second, 0, false)
	f(60*time.Second, 0, true)
	f(2*time.Minute, 0, false) // those calls are over
	f(2*time.Minute, 50, true)
}

func TestHammerWatch(t *testing.T) {
	rules, _ := ParseRules("errors 1%, p99 5ms")
	w := NewWatch(Budget{Rules: rules, Least: 10}, time.Now())
	var wg sync.WaitGroup
	verdicts := make(chan string, 1000)
	end := time.Now().Add(100 * time.Millisecond)
	var calls [4]int64
	for g := range 4 {
		wg.Go(func() {
			for i := 0; time.Now().Before(end); i++ {
				if v := w.Add(time.Now(), Call{Failed: i%7 == 0}); v != "" {
					verdicts <- v
				}
				calls[g]++
				w.Standing(time.Now())
			}
		})
	}
	wg.Wait()
	if s := w.Standing(time.Now()); len(verdicts) != 1 || s.Calls != calls[0]+calls[1]+calls[2]+calls[3] || s.Broken == "" {
		t.Errorf("%d verdicts, %+v, calls %v", len(verdicts), s, calls)
	}
}
