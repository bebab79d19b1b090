package fastly

import (
	"time"

	"github.com/wedgecdn/wedge/hostapi/services"
)

// rateKey and penaltyKey are the names of counters: store and entry, with the store's length in front so that no two
// pairs are one.
func rateKey(kind, store, entry string) []byte {
	return append(append([]byte(kind+itoa(int64(len(store)))+":"), store...), entry...)
}

func (c *call) counters() (services.Counters, bool) {
	return c.b.o.Services.Counters, c.b.o.Services.Counters != nil
}

// windows are those that a rate or a count can be asked for, up to a minute.
func windows() [3]time.Duration { return [3]time.Duration{time.Second, 10 * time.Second, time.Minute} }

func validEntry(store, entry string) bool {
	return store != "" && len(store) <= maxKey && entry != "" && len(entry) <= 4096
}

func (c *call) increment(store, entry string, delta uint32) status {
	n, there := c.counters()
	if !there {
		return unsupported
	}
	if !validEntry(store, entry) {
		return invalid
	}
	for _, w := range windows() {
		if _, err := n.Add(c.b.o.Owner, rateKey("rc"+w.String(), store, entry), w, int64(delta)); err != nil {
			return statusOf(err)
		}
	}
	return ok
}

// count is what the window holds; d is rounded up to a window that is counted.
func (c *call) count(store, entry string, d time.Duration) (int64, status) {
	n, there := c.counters()
	if !there {
		return 0, unsupported
	}
	if !validEntry(store, entry) || d <= 0 || d > time.Minute {
		return 0, invalid
	}
	for _, w := range windows() {
		if d <= w {
			sum, err := n.Read(c.b.o.Owner, rateKey("rc"+w.String(), store, entry), w)
			if err != nil {
				return 0, statusOf(err)
			}
			// Asked for 20 seconds of a minute, a third of them is the best guess.
			return sum * int64(d) / int64(w), ok
		}
	}
	return 0, invalid
}

func rateIncrement(c *call) status { return c.increment(c.text(0), c.text(1), c.u32(2)) }

// rateLookup is the rate a second over a window of 1, 10 or 60 seconds.
func rateLookup(c *call) status {
	w := int64(c.u32(2))
	if w != 1 && w != 10 && w != 60 {
		return invalid
	}
	n, st := c.count(c.text(0), c.text(1), time.Duration(w)*time.Second)
	if st == ok {
		c.put32(3, clamp(n/w))
	}
	return st
}

func clamp(n int64) uint32 { return uint32(min(max(n, 0), 1<<32-1)) }

// countLookup is the count over the last 10 to 60 seconds.
func countLookup(c *call) status {
	n, st := c.count(c.text(0), c.text(1), time.Duration(c.u32(2))*time.Second)
	if st == ok {
		c.put32(3, clamp(n))
	}
	return st
}

// checkRate counts, and puts the entry into the penalty box if its rate is
// above the limit; blocked tells that it is in there.
func checkRate(c *call) status {
	rc, entry, delta, w, limit, pb, ttl := c.text(0), c.text(1), c.u32(2), int64(c.u32(3)), int64(c.u32(4)), c.text(5), c.u32(6)
	if w != 1 && w != 10 && w != 60 || !validEntry(pb, entry) {
		return invalid
	}
	if st := c.increment(rc, entry, delta); st != ok {
		return st
	}
	n, st := c.count(rc, entry, time.Duration(w)*time.Second)
	if st != ok {
		return st
	}
	counters, _ := c.counters()
	if n/w > limit {
		if err := counters.Penalise(c.b.o.Owner, rateKey("pb", pb, entry), penalty(ttl)); err != nil {
			return statusOf(err)
		}
	}
	left, err := counters.Penalty(c.b.o.Owner, rateKey("pb", pb, entry))
	if err != nil {
		return statusOf(err)
	}
	c.put32(7, number(left > 0))
	return ok
}

// penalty is a time in the box: from a minute to an hour, in whole minutes.
func penalty(seconds uint32) time.Duration {
	d := min(max(time.Duration(seconds)*time.Second, time.Minute), time.Hour)
	return d.Truncate(time.Minute)
}

func penaltyAdd(c *call) status {
	n, there := c.counters()
	if !there {
		return unsupported
	}
	if !validEntry(c.text(0), c.text(1)) {
		return invalid
	}
	return statusOf(n.Penalise(c.b.o.Owner, rateKey("pb", c.text(0), c.text(1)), penalty(c.u32(2))))
}

func penaltyHas(c *call) status {
	n, there := c.counters()
	if !there {
		return unsupported
	}
	if !validEntry(c.text(0), c.text(1)) {
		return invalid
	}
	left, err := n.Penalty(c.b.o.Owner, rateKey("pb", c.text(0), c.text(1)))
	if err != nil {
		return statusOf(err)
	}
	c.put32(2, number(left > 0))
	return ok
}
