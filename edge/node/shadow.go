package node

import (
	"encoding/binary"
	"sync"
	"sync/atomic"
	"time"

	"github.com/wedgecdn/wedge/edge/function"
	"github.com/wedgecdn/wedge/edge/hook"
	"github.com/wedgecdn/wedge/hostapi/exchange"
)

// Bounds of shadows.
const (
	// shadowQueue is how many copies of an owner's exchanges may wait; what comes
	// while there are so many is not copied. shadowQueues is how many of all owners
	// may: then who has most loses some to who has less.
	shadowQueue  = 32
	shadowQueues = 4 * shadowQueue
	// shadowRest is how long shadows rest after each copy, as a multiple of the time
	// that it took: so all of them together have a quarter of a processor.
	shadowRest = 3
	// shadowNamed is how many kinds of differences are told apart.
	shadowNamed = 20
)

// A shadow is a version of a function that is run on copies of what another one
// serves.
type shadow struct {
	l      *loaded
	share  uint64
	tally  *shadowTally
	copies *copyQueue
}

// A copied exchange waits for the shadow to be run on it.
type copied struct {
	*hook.Copy
	s *shadow
}

// A shadowTally is what came of a shadow.
type shadowTally struct {
	began   time.Time
	skipped atomic.Int64 // exchanges for which there was no room, or that a shadow cannot be run on

	mu                        sync.Mutex // guards what follows
	exchanges, differ, failed int64
	unread, asked             int64
	fuelServed, fuel          int64
	differences               []shadowDifference
	unnamed                   int64 // differences beyond shadowNamed
}

type shadowDifference struct {
	what  string
	count int64
}

// shadowOf joins a loaded shadow with its tally, which outlives tables.
func (v *live) shadowOf(l *loaded, s function.Shadow) *shadow {
	key := watchKey{l.owner, l.name, l.hash}
	v.mu.Lock()
	defer v.mu.Unlock()
	t := v.tallies[key]
	if t == nil || !t.began.Equal(s.Began) {
		t = &shadowTally{began: s.Began}
		v.tallies[key] = t
	}
	return &shadow{l, uint64(s.Share), t, v.copies}
}

// tallyOf is what came of a shadow so far; nil if it is none.
func (v *live) tallyOf(owner, name, version string) *shadowTally {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.tallies[watchKey{owner, name, version}]
}

// Sampled takes exchanges by their ids, which nobody can choose so that they hit.
func (s *shadow) Sampled(x *exchange.Exchange) bool {
	if binary.BigEndian.Uint64(x.ID[8:])%10_000 >= s.share {
		return false
	}
	if s.copies.full(s.l.owner) {
		s.tally.skipped.Add(1)
		return false
	}
	return true
}

// Take queues a copy.
func (s *shadow) Take(c *hook.Copy) {
	if dropped := s.copies.put(copied{c, s}); dropped.Copy != nil {
		dropped.s.tally.skipped.Add(1)
		dropped.Release()
	}
}

// follow runs shadows on copies, one after the other, until the node ends. What
// they ask is told by asked.
func (n *Node) follow(asked *atomic.Int64) {
	var rest <-chan time.Time
	for {
		waits := n.live.copies.waits
		if rest != nil {
			waits = nil
		}
		select {
		case <-waits:
			c, ok := n.live.copies.take()
			if !ok {
				continue
			}
			begin, before := time.Now(), asked.Load()
			o, err := c.Replay(c.s.l)
			c.s.tally.add(&o, c.Fuel, err, asked.Load() != before)
			c.Release()
			rest = time.After(shadowRest * time.Since(begin))
		case <-rest:
			rest = nil
		case <-n.closed:
			return
		}
	}
}

// add counts what came of one copy. What a shadow asked of others it was not
// told, so how it went on says nothing.
func (t *shadowTally) add(o *hook.Outcome, served int64, err error, asked bool) {
	if err != nil { // no instance, or the shadow has ended meanwhile
		t.skipped.Add(1)
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if asked {
		t.asked++
		return
	}
	t.exchanges++
	t.fuelServed += served
	t.fuel += o.Fuel
	if o.Failed {
		t.failed++
	}
	if o.Unread {
		t.unread++
	}
	if len(o.Differences) > 0 {
		t.differ++
	}
next:
	for _, what := range o.Differences {
		for i := range t.differences {
			if t.differences[i].what == what {
				t.differences[i].count++
				continue next
			}
		}
		if len(t.differences) == shadowNamed {
			t.unnamed++
			continue
		}
		t.differences = append(t.differences, shadowDifference{what, 1})
	}
}
