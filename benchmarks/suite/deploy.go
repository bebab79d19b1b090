package main

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/wedgecdn/wedge/benchmarks/load"
	"github.com/wedgecdn/wedge/benchmarks/origin"
	"github.com/wedgecdn/wedge/benchmarks/proc"
)

// words is how many new functions a server can be given; the rounds are fewer.
const words = 40

// word is what the n-th function says: as long as "desktop", whose place it takes in a module.
func word(n int) string { return fmt.Sprintf("desk%03d", n) }

// deploy replaces the function, asks until the new one answers, and measures how long that took, and that answer.
func (b *bench) deploy(s *Scenario, v *server, _ float64) error {
	v.fresh++
	n := v.fresh - 1000 // where warm lets it begin
	if n >= words {
		return errors.New("there are no more functions to deploy")
	}
	pids, err := proc.Tree(v.proc.PID)
	if err != nil {
		return err
	}
	before, err := origin.Count(v.origin)
	if err != nil {
		return err
	}
	used, err := proc.CPU(pids)
	if err != nil {
		return err
	}
	start := time.Now()
	if err := v.proc.Deploy(word(n), b.words[strings.TrimPrefix(strings.TrimPrefix(v.rival.Name(), "base"), "wedge")][n]); err != nil {
		return err
	}
	shot := b.worded(s, word(n))
	var first *load.Result
	for {
		// A new connection each time: those of old processes stay with them.
		c, err := load.Dial(v.proc.Addr, 1)
		if err == nil {
			c.Patience = time.Second
			first, err = c.Closed(1, func(int) *load.Shot { return shot })
			c.Close()
		}
		if err == nil {
			break
		}
		if time.Since(start) > 30*time.Second {
			return fmt.Errorf("30 s after the deploy: %w", err)
		}
	}
	live := time.Since(start)
	var cpu time.Duration
	for range 5 { // processes of before may end while they are looked at
		if pids, err = proc.Tree(v.proc.PID); err == nil {
			if cpu, err = proc.CPU(pids); err == nil {
				err = v.weigh()
			}
		}
		if err == nil {
			break
		}
	}
	if err != nil {
		return err
	}
	after, err := origin.Count(v.origin)
	if err != nil {
		return err
	}
	v.row.Requests = 1
	v.row.CPU = append(v.row.CPU, micros(cpu-used))
	v.row.Throughput = append(v.row.Throughput, rounded(1/live.Seconds(), 2))
	v.row.Live = append(v.row.Live, micros(live))
	v.row.Latency = append(v.row.Latency, latencies(&first.Latency))
	v.row.Origin = append(v.row.Origin, after.Requests-before.Requests)
	return nil
}
