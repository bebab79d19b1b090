package counter

import (
	"errors"
	"hash/maphash"
	"math"
	"sync"
	"time"
)

// Bounds of what is counted.
const (
	MinWindow = time.Second
	MaxWindow = 24 * time.Hour
	MaxKey    = 512 // bytes, as the guests' ABI has it
)

// Errors of calls whose arguments are out of bounds.
var (
	ErrKey    = errors.New("counter: the key is empty or longer than 512 bytes")
	ErrWindow = errors.New("counter: the window is shorter than 1 s or longer than 24 h")
)

// shards share the keys, so that requests seldom wait for each other.
const shards = 32

// Options configure a set of counters. The zero value has defaults.
type Options struct {
	// Keys is how many keys are counted at once, per owner and window; beyond
	// it those that were used least recently, of a few looked at, are forgotten.
	// Default 131072.
	Keys int
	// Now is the clock; nil is time.Now.
	Now func() time.Time
}

// Counters is a set of counters. It is safe for concurrent use.
type Counters struct {
	now   func() time.Time
	seed  maphash.Seed
	most  int // keys a shard
	shard [shards]shard
}

// A shard is a part of the keys. mu guards m.
//
// INVARIANT: len(m) ≤ Counters.most.
type shard struct {
	mu sync.Mutex
	m  map[key]*entry
}

// A key is whose key it is and what it counts; window 0 is for penalties.
type key struct {
	owner, key string
	window     time.Duration
}

// An entry is a sliding window made of two fixed ones: the sum is all of the
// one that runs, and of the one before the part that the sliding window still
// covers. The error is at most what came unevenly in the window before.
type entry struct {
	begin     time.Time // of the running window
	cur, prev int64
	until     time.Time // of a penalty
	used      time.Time
}

// New makes a set of counters.
func New(o Options) *Counters {
	if o.Keys <= 0 {
		o.Keys = 1 << 17
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	c := &Counters{now: o.Now, seed: maphash.MakeSeed(), most: max(1, o.Keys/shards)}
	for i := range c.shard {
		c.shard[i].m = map[key]*entry{}
	}
	return c
}

// Add adds delta to the counter of an owner's key over a sliding window and
// returns what the window holds, delta included. Sums stay within int64.
func (c *Counters) Add(owner string, k []byte, window time.Duration, delta int64) (int64, error) {
	if err := check(k, window); err != nil {
		return 0, err
	}
	now := c.now()
	s := c.of(owner, k)
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.take(c.most, key{owner, string(k), window}, now)
	e.turn(now, window)
	e.cur = add(e.cur, delta)
	return e.sum(now, window), nil
}

// Read returns what the window of an owner's key holds.
func (c *Counters) Read(owner string, k []byte, window time.Duration) (int64, error) {
	if err := check(k, window); err != nil {
		return 0, err
	}
	now := c.now()
	s := c.of(owner, k)
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.m[key{owner, string(k), window}]
	if e == nil {
		return 0, nil
	}
	e.turn(now, window)
	return e.sum(now, window), nil
}

// Penalise puts an owner's key aside for d, at most MaxWindow; 0 ends it.
func (c *Counters) Penalise(owner string, k []byte, d time.Duration) error {
	if len(k) == 0 || len(k) > MaxKey {
		return ErrKey
	}
	if d < 0 || d > MaxWindow {
		return ErrWindow
	}
	now := c.now()
	s := c.of(owner, k)
	s.mu.Lock()
	defer s.mu.Unlock()
	id := key{owner, string(k), 0}
	if d == 0 {
		delete(s.m, id)
		return nil
	}
	s.take(c.most, id, now).until = now.Add(d)
	return nil
}

// Penalty returns for how long an owner's key is still put aside, 0 if it is not.
func (c *Counters) Penalty(owner string, k []byte) (time.Duration, error) {
	if len(k) == 0 || len(k) > MaxKey {
		return 0, ErrKey
	}
	now := c.now()
	s := c.of(owner, k)
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.m[key{owner, string(k), 0}]
	if e == nil {
		return 0, nil
	}
	return max(0, e.until.Sub(now)), nil
}

func check(k []byte, window time.Duration) error {
	if len(k) == 0 || len(k) > MaxKey {
		return ErrKey
	}
	if window < MinWindow || window > MaxWindow {
		return ErrWindow
	}
	return nil
}

func (c *Counters) of(owner string, k []byte) *shard {
	var h maphash.Hash
	h.SetSeed(c.seed)
	h.WriteString(owner)
	h.WriteByte(0)
	h.Write(k)
	return &c.shard[h.Sum64()%shards]
}

// looked is how many entries are looked at to find one to forget. Go's maps
// begin their iteration at a random place, so this is eviction by sampling.
const looked = 8

// take finds the entry, or makes one and makes room for it. Preconditions: s.mu is held.
func (s *shard) take(most int, id key, now time.Time) *entry {
	if e := s.m[id]; e != nil {
		e.used = now
		return e
	}
	if len(s.m) >= most {
		var oldest key
		var at time.Time
		n := 0
		for k, e := range s.m {
			used := e.used
			if e.until.After(used) {
				used = e.until // a penalty is used until it ends
			}
			if n == 0 || used.Before(at) {
				oldest, at = k, used
			}
			if n++; n == looked {
				break
			}
		}
		delete(s.m, oldest)
	}
	e := &entry{begin: now, used: now}
	s.m[id] = e
	return e
}

// turn goes to the window in which now is.
func (e *entry) turn(now time.Time, window time.Duration) {
	past := now.Sub(e.begin)
	switch {
	case past < window:
	case past < 2*window:
		e.prev, e.cur, e.begin = e.cur, 0, e.begin.Add(window)
	default:
		e.prev, e.cur, e.begin = 0, 0, now
	}
}

func (e *entry) sum(now time.Time, window time.Duration) int64 {
	// In parts of 1/4096, so that the arithmetic is exact.
	left := 4096 - int64(now.Sub(e.begin)*4096/window)
	if e.prev > math.MaxInt64/4096 || e.prev < math.MinInt64/4096 {
		return add(e.cur, e.prev/4096*left)
	}
	return add(e.cur, e.prev*left/4096)
}

// add adds and stays within int64.
func add(a, b int64) int64 {
	switch s := a + b; {
	case a > 0 && b > 0 && s < 0:
		return math.MaxInt64
	case a < 0 && b < 0 && s >= 0:
		return math.MinInt64
	default:
		return s
	}
}
