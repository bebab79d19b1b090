package counter

import (
	"fmt"
	"math"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := New(Options{})
		add := func(after time.Duration, delta, want int64) {
			t.Helper()
			time.Sleep(after)
			if got, err := c.Add("o", []byte("k"), 10*time.Second, delta); got != want || err != nil {
				t.Errorf("%v later, +%d: %d, %v; want %d", after, delta, got, err, want)
			}
		}
		add(0, 1, 1)
		add(0, 9, 10)
		add(9*time.Second, 0, 10)
		add(time.Second, 0, 10)  // the window before counts whole
		add(5*time.Second, 0, 5) // half of it has left
		add(4*time.Second, 2, 3) // a tenth of 10, and 2
		add(time.Second, 0, 2)
		add(20*time.Second, 1, 1)
		add(0, math.MaxInt64, math.MaxInt64)
		add(time.Hour, -5, -5)
	})
}

func TestKeysAreApart(t *testing.T) {
	c := New(Options{})
	c.Add("a", []byte("k"), time.Minute, 1)
	f := func(owner, key string, window time.Duration, want int64) {
		t.Helper()
		if got, err := c.Read(owner, []byte(key), window); got != want || err != nil {
			t.Errorf("%s %s %v: %d, %v; want %d", owner, key, window, got, err, want)
		}
	}
	f("a", "k", time.Minute, 1)
	f("a", "k", time.Hour, 0)
	f("a", "K", time.Minute, 0)
	f("b", "k", time.Minute, 0)
	if left, _ := c.Penalty("a", []byte("k")); left != 0 {
		t.Errorf("a counter is a penalty of %v", left)
	}
}

func TestPenalty(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := New(Options{})
		left := func(want time.Duration) {
			t.Helper()
			if got, err := c.Penalty("o", []byte("k")); got != want || err != nil {
				t.Errorf("penalty %v, %v; want %v", got, err, want)
			}
		}
		left(0)
		c.Penalise("o", []byte("k"), time.Minute)
		time.Sleep(20 * time.Second)
		left(40 * time.Second)
		time.Sleep(time.Hour)
		left(0)
		c.Penalise("o", []byte("k"), time.Minute)
		c.Penalise("o", []byte("k"), 0)
		left(0)
	})
}

func TestBounds(t *testing.T) {
	c := New(Options{})
	f := func(key string, window time.Duration, want error) {
		t.Helper()
		if _, err := c.Add("o", []byte(key), window, 1); err != want {
			t.Errorf("%q %v: %v, want %v", key, window, err, want)
		}
		if _, err := c.Read("o", []byte(key), window); err != want {
			t.Errorf("read %q %v: %v, want %v", key, window, err, want)
		}
	}
	f("k", time.Second, nil)
	f(strings.Repeat("k", MaxKey), MaxWindow, nil)
	f("", time.Second, ErrKey)
	f(strings.Repeat("k", MaxKey+1), time.Second, ErrKey)
	f("k", time.Second-1, ErrWindow)
	f("k", MaxWindow+1, ErrWindow)
}

func TestNumberIsBounded(t *testing.T) {
	c := New(Options{Keys: 640})
	c.Penalise("o", []byte("held"), time.Hour)
	for i := range 100_000 {
		c.Add("o", fmt.Appendf(nil, "k%d", i), time.Minute, 1)
	}
	n := 0
	for i := range c.shard {
		n += c.shard[i].n
		if m := len(c.shard[i].owners["o"]); m != c.shard[i].n {
			t.Errorf("%d entries, %d counted", m, c.shard[i].n)
		}
	}
	if n > 640 {
		t.Errorf("%d keys, want at most 640", n)
	}
	if left, _ := c.Penalty("o", []byte("held")); left == 0 {
		t.Error("a flood of keys ended a penalty")
	}
}

func TestHammer(t *testing.T) {
	c := New(Options{})
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for i := range 2000 {
				c.Add("o", []byte{byte(i % 3)}, time.Hour, 1)
				c.Penalise("o", []byte{byte(i % 3)}, time.Second)
				c.Penalty("o", []byte{byte(i % 3)})
			}
		})
	}
	wg.Wait()
	var sum int64
	for i := range 3 {
		n, _ := c.Read("o", []byte{byte(i)}, time.Hour)
		sum += n
	}
	if sum != 16000 {
		t.Errorf("sum %d, want 16000", sum)
	}
}

// A flood of one owner's keys leaves what others count, and what no owner has any more takes no place.
func TestOwnersAreApart(t *testing.T) {
	c := New(Options{Keys: 640})
	const quiet = 30 // one a shard: nowhere the most of those who count there
	for i := range quiet {
		c.Add("quiet", fmt.Appendf(nil, "k%d", i), time.Hour, 1)
	}
	for i := range 50_000 {
		c.Add("loud", fmt.Appendf(nil, "k%d", i), time.Hour, 1)
	}
	for i := range quiet {
		if n, _ := c.Read("quiet", fmt.Appendf(nil, "k%d", i), time.Hour); n != 1 {
			t.Errorf("k%d is %d", i, n)
		}
	}
	if n, _ := c.Read("quie", []byte("tk1"), time.Hour); n != 0 {
		t.Errorf("another owner's key: %d", n)
	}
	c = New(Options{})
	for i := range 1000 {
		c.Penalise("o", fmt.Append(nil, i), time.Hour)
	}
	for i := range 1000 {
		c.Penalise("o", fmt.Append(nil, i), 0)
	}
	for i := range c.shard {
		if c.shard[i].n != 0 || len(c.shard[i].owners) != 0 {
			t.Errorf("%d entries of %d owners are left", c.shard[i].n, len(c.shard[i].owners))
		}
	}
}

// Whoever read the clock before others, and came after them, makes no sum larger than it is.
func TestClockBeforeTheWindow(t *testing.T) {
	now := time.Unix(1000, 0)
	c := New(Options{Now: func() time.Time { return now }})
	c.Add("o", []byte("k"), time.Second, 1<<62)
	now = now.Add(time.Second)
	c.Add("o", []byte("k"), time.Second, 0)
	now = now.Add(-500 * time.Millisecond)
	if n, _ := c.Read("o", []byte("k"), time.Second); n != 1<<62 {
		t.Errorf("%d, want %d", n, 1<<62)
	}
}
