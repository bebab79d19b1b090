package main

import (
	"fmt"
	"math"
	"runtime"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

// cell is one figure: what one way of doing one thing costs, measured in rounds.
type cell struct {
	name string
	do   func() error // once
	// before makes ready for each call of do. It is not measured. Nil is nothing.
	before func()
	long   bool // a round spends five times as long on it

	times   int       // do is called that often a round
	samples []float64 // ns of processor time a call of do, by round
	allocs  float64   // objects allocated by a call of do
}

// used is the processor time of this process so far. Other processes that make the machine busy are not in it.
func used() time.Duration {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_PROCESS_CPUTIME_ID, &ts); err != nil {
		panic("BUG: " + err.Error())
	}
	return time.Duration(ts.Nano())
}

// prepare warms a cell up, counts what it allocates, and finds out how often a round has to call it to take a while.
func (c *cell) prepare(while time.Duration) error {
	if c.long {
		while *= 5
	}
	c.times = 5 // the first one makes an instance, and the caches are cold
	if _, err := c.once(); err != nil {
		return fmt.Errorf("%s: %w", c.name, err)
	}
	for c.times = 1; ; c.times *= 2 {
		took, err := c.once()
		if err != nil {
			return fmt.Errorf("%s: %w", c.name, err)
		}
		if took >= while/2 {
			c.times = max(int(float64(c.times)*float64(while)/float64(took)), 1)
			break
		}
	}
	c.allocs = math.Inf(1)
	var before, after runtime.MemStats
	for range 3 { // what else the process does now and then may allocate too
		const times = 20
		runtime.ReadMemStats(&before)
		for range times {
			if c.before != nil {
				c.before()
			}
			if err := c.do(); err != nil {
				return fmt.Errorf("%s: %w", c.name, err)
			}
		}
		runtime.ReadMemStats(&after)
		c.allocs = min(c.allocs, float64(after.Mallocs-before.Mallocs)/times)
	}
	return nil
}

func (c *cell) once() (took time.Duration, err error) {
	if c.before == nil {
		begin := used()
		for range c.times {
			if err := c.do(); err != nil {
				return 0, err
			}
		}
		return used() - begin, nil
	}
	for range c.times {
		c.before()
		begin := used()
		if err := c.do(); err != nil {
			return 0, err
		}
		took += used() - begin
	}
	return took, nil
}

// measure fills the cells, each once a round, beginning with another one in each: what disturbs a while disturbs all.
func measure(cells []*cell, rounds int, while time.Duration) error {
	for _, c := range cells {
		runtime.GC()
		if err := c.prepare(while); err != nil {
			return err
		}
	}
	for r := range rounds {
		// A collection costs milliseconds, and would be booked on whoever allocates the last object before it.
		runtime.GC()
		for i := range cells {
			c := cells[(i+r)%len(cells)]
			took, err := c.once()
			if err != nil {
				return fmt.Errorf("%s: %w", c.name, err)
			}
			c.samples = append(c.samples, float64(took.Nanoseconds())/float64(c.times))
		}
	}
	return nil
}

// spread is a median with the quartiles around it.
type spread struct{ low, median, high float64 }

func spreadOf(v []float64) spread {
	s := slices.Sorted(slices.Values(v))
	return spread{s[len(s)/4], s[len(s)/2], s[len(s)*3/4]}
}

func (c *cell) median() float64 { return spreadOf(c.samples).median }

// ratio compares two cells round by round: both were measured under the same weather.
func ratio(a, b *cell) spread {
	var r []float64
	for i := range a.samples {
		r = append(r, a.samples[i]/b.samples[i])
	}
	return spreadOf(r)
}

// above is how much more a costs than b, in ns, round by round.
func above(a, b *cell) spread {
	var r []float64
	for i := range a.samples {
		r = append(r, a.samples[i]-b.samples[i])
	}
	return spreadOf(r)
}

func geometric(v []float64) float64 {
	sum := 0.0
	for _, x := range v {
		sum += math.Log(x)
	}
	return math.Exp(sum / float64(len(v)))
}
