package main

import (
	"fmt"
	"math"
	"math/rand/v2"
	"time"

	"github.com/wedgecdn/wedge/benchmarks/guest"
	"github.com/wedgecdn/wedge/benchmarks/load"
	"github.com/wedgecdn/wedge/benchmarks/origin"
	"github.com/wedgecdn/wedge/benchmarks/proc"
	"github.com/wedgecdn/wedge/benchmarks/rival"
)

// A bench runs scenarios.
type bench struct {
	self                     string // this program
	rivals                   []rival.Rival
	modules                  map[string]map[string]guest.Module // by function and language
	made                     string                             // the folder in which they are
	many                     []rival.Function                   // of a node with many
	words                    map[string][]string                // by server: modules that say a word each
	clientCores, serverCores []int
	bodies                   *origin.Bodies
	rounds                   int
	progress                 func(format string, args ...any)
	commit                   string
}

// run measures one scenario: all servers run, and each round measures every one of them once, in turn.
func (b *bench) run(s *Scenario) (rows []Row, err error) {
	if s.Kind == Cold {
		return b.cold(s)
	}
	var all, good []*server
	defer func() {
		for _, v := range all {
			v.end()
		}
	}()
	for _, r := range b.rivals {
		row := Row{Scenario: s.Name, Server: r.Name()}
		if row.Reason = r.Lacks(b.job(s)); row.Reason == "" {
			if _, err := r.Version(); err != nil {
				row.Reason = err.Error()
			}
		}
		if row.Reason == rival.Elsewhere {
			continue
		}
		v := &server{row: row}
		if row.Reason == "" {
			v, err = b.start(s, r)
			if err == nil {
				err = b.warm(s, v)
			}
			if err != nil {
				v.row.Reason = err.Error()
				b.progress("%s: %s: %v\n", s.Name, r.Name(), err)
				v.end()
			}
		}
		all = append(all, v)
		if v.row.Reason == "" {
			good = append(good, v)
		}
	}
	drop := func(v *server, err error) {
		b.progress("%s: %s: %v\n", s.Name, v.row.Server, err)
		v.row = Row{Scenario: s.Name, Server: v.row.Server, Reason: err.Error()}
	}
	phases := []func(*Scenario, *server, float64) error{b.closed}
	switch s.Kind {
	case Hostile:
		phases[0] = b.hostile
	case Deploy:
		phases[0] = b.deploy
	}
	if s.Open {
		phases = append(phases, b.open)
	}
	for phase, measure := range phases {
		rate := 0.0
		if phase == 1 {
			rate = openRate(good)
		}
		first := 0
		if phase == 0 && s.Kind != Collapse {
			first = -1 // a round that warms up and is not kept
		}
		for round := first; round < b.rounds; round++ {
			for i := range good {
				v := good[(i+max(round, 0))%len(good)]
				if v.row.Reason != "" {
					continue
				}
				kept := v.row
				err := measure(v.portion(s), v, rate)
				if round < 0 && err == nil {
					v.row = kept
				}
				if err != nil {
					drop(v, err)
				}
			}
			b.progress("\r%s: round %d of %d%s", s.Name, round+1, b.rounds, map[int]string{0: "", 1: " at a fixed rate"}[phase])
		}
	}
	b.progress("\r%s: done, load average %s%20s\n", s.Name, proc.Load(), "")
	for _, v := range all {
		if v.row.Reason == "" {
			v.row.Commit, v.row.At = b.commit, time.Now().UTC().Format(time.RFC3339)
		}
		rows = append(rows, v.row)
	}
	return rows, nil
}

// openRate is 70 % of what nginx answered, or of the slowest if it is not there.
func openRate(servers []*server) float64 {
	rate := 0.0
	for _, v := range servers {
		if m := median(v.row.Throughput); v.row.Server == "nginx" {
			return 0.7 * m
		} else if m > 0 && (rate == 0 || m < rate) {
			rate = m
		}
	}
	return 0.7 * rate
}

// warm brings a server into the state that the scenario begins with.
func (b *bench) warm(s *Scenario, v *server) error {
	switch s.Kind {
	case Hit, Slow, Idle, Revalidate, Hostile, Deploy:
		for i := range s.Objects {
			v.shots = append(v.shots, *b.shot(s, i+1))
		}
	case Zipf:
		for i := range s.Objects {
			v.shots = append(v.shots, *b.shot(s, i+1))
		}
	}
	if s.Over != "" {
		_, err := b.secure(s, v, 3*s.Conns)
		return err
	}
	for range 3 { // some store a thing when they see it again, some write it a little later
		if s.Kind == Zipf || len(v.shots) == 0 {
			break
		}
		if _, err := v.client.Closed(len(v.shots), func(i int) *load.Shot { return &v.shots[i] }); err != nil {
			return err
		}
		time.Sleep(100 * time.Millisecond)
	}
	if s.Function == "jwt" {
		if _, err := v.client.Closed(1, func(int) *load.Shot { return b.refused(s) }); err != nil {
			return fmt.Errorf("a token that has ended: %w", err)
		}
	}
	if s.Kind == Zipf {
		next := b.zipf(s, v, 1)
		if _, err := v.client.Closed(4*s.Objects, next); err != nil {
			return err
		}
	}
	v.fresh = 1000
	if s.Kind == Slow {
		c, err := gather(v.proc.Addr, slowReaders, true, b.shotOf(s, "keep", 1<<20, 1))
		if err != nil {
			return err
		}
		v.stop = append(v.stop, c.leave)
	}
	return nil
}

// How many connections stand beside those that are measured.
const (
	slowReaders = 200
	idlers      = 10000
)

// zipf gives requests by a distribution in which the n-th object has a share of 1/n^0.9. A seed gives every server the same.
func (b *bench) zipf(s *Scenario, v *server, seed uint64) func(int) *load.Shot {
	sum := make([]float64, s.Objects)
	total := 0.0
	for i := range sum {
		total += math.Pow(float64(i+1), -0.9)
		sum[i] = total
	}
	r := rand.New(rand.NewPCG(seed, 9))
	return func(int) *load.Shot {
		x := r.Float64() * total
		lo, hi := 0, len(sum)-1
		for lo < hi {
			if m := (lo + hi) / 2; sum[m] < x {
				lo = m + 1
			} else {
				hi = m
			}
		}
		return &v.shots[lo]
	}
}

// next gives the shots of a round and what the origin must have seen after them; a negative count is not checked.
func (b *bench) next(s *Scenario, v *server) (next func(int) *load.Shot, want origin.Counts) {
	switch s.Kind {
	case Hit, Slow, Idle:
		return func(i int) *load.Shot { return &v.shots[i%len(v.shots)] }, origin.Counts{}
	case Revalidate:
		time.Sleep(2100 * time.Millisecond) // what is stored has a second, and clocks of servers may have no finer unit
		return func(i int) *load.Shot { return &v.shots[i%len(v.shots)] }, origin.Counts{Requests: s.Requests, NotModified: s.Requests}
	case Miss:
		return func(int) *load.Shot { v.fresh++; return b.shot(s, v.fresh) }, origin.Counts{Requests: s.Requests}
	case Collapse:
		v.fresh++
		shot := b.shot(s, v.fresh)
		return func(int) *load.Shot { return shot }, origin.Counts{Requests: -1}
	case Zipf:
		v.fresh++
		return b.zipf(s, v, uint64(v.fresh)), origin.Counts{Requests: -1}
	}
	panic("BUG: a kind of scenario without requests")
}

func (b *bench) closed(s *Scenario, v *server, _ float64) error {
	next, want := b.next(s, v)
	if s.Kind == Idle { // a process may not open so many files that all servers could have them at one time
		c, err := gather(v.proc.Addr, idlers, false, b.shot(s, 1))
		if err != nil {
			return err
		}
		defer c.leave()
	}
	var r *load.Result
	cpu, seen, err := v.used(func() (err error) {
		if s.Over != "" {
			r, err = b.secure(s, v, s.Requests)
			return err
		}
		r, err = v.client.Closed(s.Requests, next)
		return err
	})
	if err == nil && s.Over != "" {
		err = b.inspect(s, v)
	}
	if err == nil {
		err = asWanted(want, seen, s.Requests)
	}
	if err != nil {
		return err
	}
	if err := v.weigh(); err != nil {
		return err
	}
	v.row.Requests = s.Requests
	v.row.CPU = append(v.row.CPU, perRequest(cpu, r))
	v.row.Throughput = append(v.row.Throughput, float64(r.Requests)/r.Took.Seconds())
	v.row.Origin = append(v.row.Origin, seen.Requests)
	if !s.Open {
		v.row.Latency = append(v.row.Latency, latencies(&r.Latency))
	}
	return nil
}

func (b *bench) open(s *Scenario, v *server, rate float64) error {
	next, want := b.next(s, v)
	n := s.Requests * 2
	want.Requests *= 2
	var r *load.Result
	cpu, seen, err := v.used(func() (err error) {
		r, err = v.client.Open(n, rate, next)
		return err
	})
	if err == nil {
		err = asWanted(want, seen, n)
	}
	if err != nil {
		return err
	}
	v.row.Rate = rate
	v.row.OpenCPU = append(v.row.OpenCPU, perRequest(cpu, r))
	v.row.Latency = append(v.row.Latency, latencies(&r.Latency))
	return nil
}

func asWanted(want, seen origin.Counts, n int) error {
	if want.Requests >= 0 && want != seen {
		return fmt.Errorf("of %d requests the origin saw %d (%d of them confirmed), wanted %d (%d)", n, seen.Requests, seen.NotModified, want.Requests, want.NotModified)
	}
	return nil
}

func perRequest(cpu time.Duration, r *load.Result) float64 {
	return rounded(float64(cpu.Nanoseconds())/1e3/float64(r.Requests), 3)
}

func latencies(h *load.Histogram) Latencies {
	q := func(q float64) float64 { return rounded(float64(h.Quantile(q).Nanoseconds())/1e3, 1) }
	return Latencies{q(0.5), q(0.9), q(0.99), q(0.999), q(1)}
}

func rounded(v float64, digits int) float64 {
	p := math.Pow(10, float64(digits))
	return math.Round(v*p) / p
}
