package counter

import (
	"errors"
	"hash/maphash"
	"math"
	"strings"
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
	// Keys is how many keys are counted at once, each window and the penalty of a
	// key by itself; beyond it the owner that has most forgets those that were
	// used least recently, of a few looked at. What one takes does not depend on
	// its length. Default 131072.
	Keys int
	// Now is the clock; nil is time.Now.
	Now func() time.Time
}

// Counters is a set of counters. It is safe for concurrent use.
type Counters struct {
	now   func() time.Time
	seeds [2]maphash.Seed
	most  int // keys a shard
	shard [shards]shard
}

// A shard is a part of the keys. mu guards owners and n.
//
// INVARIANTS: n is the number of entries of all owners, n ≤ Counters.most;
// no owner's map is empty.
type shard struct {
	mu     sync.Mutex
	owners map[string]map[key]*entry
	n      int
}

// A key is the hash of a key under its owner, 128 bits with seeds of this
// process: two keys that share one cannot be found by trying. window tells what
// is counted; 0 is for penalties.
type key struct {
	hash   [2]uint64
	window time.Duration
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
	c := &Counters{now: o.Now, seeds: [2]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed()}, most: max(1, o.Keys/shards)}
	for i := range c.shard {
		c.shard[i].owners = map[string]map[key]*entry{}
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
	id, s := c.of(owner, k, window)
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.take(c.most, owner, id, now)
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
	id, s := c.of(owner, k, window)
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.owners[owner][id]
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
	id, s := c.of(owner, k, 0)
	s.mu.Lock()
	defer s.mu.Unlock()
	if d == 0 {
		s.forget(owner, id)
		return nil
	}
	s.take(c.most, owner, id, now).until = now.Add(d)
	return nil
}

// Penalty returns for how long an owner's key is still put aside, 0 if it is not.
func (c *Counters) Penalty(owner string, k []byte) (time.Duration, error) {
	if len(k) == 0 || len(k) > MaxKey {
		return 0, ErrKey
	}
	now := c.now()
	id, s := c.of(owner, k, 0)
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.owners[owner][id]
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

// of is where a key stands. The shard comes from owner and key.
func (c *Counters) of(owner string, k []byte, window time.Duration) (key, *shard) {
	id := key{window: window}
	for i, seed := range c.seeds {
		var h maphash.Hash
		h.SetSeed(seed)
		h.WriteString(owner)
		h.WriteByte(0) // no owner's name has one
		h.Write(k)
		id.hash[i] = h.Sum64()
	}
	return id, &c.shard[id.hash[0]%shards]
}

// looked is how many entries are looked at to find one to forget. Go's maps
// begin their iteration at a random place, so this is eviction by sampling.
const looked = 8

// take finds the entry, or makes one and makes room for it. Preconditions: s.mu is held.
func (s *shard) take(most int, owner string, id key, now time.Time) *entry {
	if e := s.owners[owner][id]; e != nil {
		e.used = now
		return e
	}
	if s.n >= most {
		s.evict()
	}
	mine := s.owners[owner]
	if mine == nil {
		mine = map[key]*entry{}
		s.owners[strings.Clone(owner)] = mine
	}
	e := &entry{begin: now, used: now}
	mine[id] = e
	s.n++
	return e
}

// evict forgets an entry of the owner that has most: whoever counts a flood of
// keys pushes out his own, not another owner's. Preconditions: s.mu is held.
func (s *shard) evict() {
	var largest string
	for owner, m := range s.owners {
		if len(m) > len(s.owners[largest]) {
			largest = owner
		}
	}
	var oldest key
	var at time.Time
	n := 0
	for id, e := range s.owners[largest] {
		used := e.used
		if e.until.After(used) {
			used = e.until // a penalty is used until it ends
		}
		if n == 0 || used.Before(at) {
			oldest, at = id, used
		}
		if n++; n == looked {
			break
		}
	}
	s.forget(largest, oldest)
}

// forget removes an entry, if it is there. Preconditions: s.mu is held.
func (s *shard) forget(owner string, id key) {
	m := s.owners[owner]
	if _, ok := m[id]; !ok {
		return
	}
	delete(m, id)
	s.n--
	if len(m) == 0 {
		delete(s.owners, owner)
	}
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
	// In parts of 1/4096, so that the arithmetic is exact. Who read the clock
	// before the lock was his may come to a window that begins later.
	left := 4096 - int64(max(now.Sub(e.begin), 0)*4096/window)
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
