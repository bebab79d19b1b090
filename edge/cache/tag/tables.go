package tag

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"strings"
	"sync"
	"sync/atomic"
)

// Options bounds what the tables take.
type Options struct {
	// Memory is what the tables of all owners may grow to, in bytes, above the
	// first 2 KiB of each; 0 means 16 MiB. When it is used up nothing is
	// forgotten, but more objects are taken for purged.
	Memory int64
	// Prefixes is how many purges by prefix an owner may have outstanding; 0
	// means 256. An older one is then taken for a purge of its whole host.
	Prefixes int
	// Seed is the secret of the hashes. Marks that outlive the process need the
	// same one again; zero takes one of this process.
	Seed [16]byte
}

// Tables is every owner's purges under one sequence of numbers.
//
// States: the sequence only rises. A purge takes the next number, writes it
// into its owner's tables, and then returns; a fetch that reads the sequence
// before it asks its origin is older than every purge with a larger number.
// A fetch that has read a purge's own number began after the purge was asked
// for, so it saw what the purge wants to be seen, even while the purge is
// still writing.
type Tables struct {
	opts Options
	seq  atomic.Uint64
	left atomic.Int64 // bytes by which tables may still grow

	mu     sync.RWMutex // before Owner.mu; never held while a purge writes
	owners map[string]*Owner
}

// New makes empty tables: nothing has been purged.
func New(o Options) *Tables {
	if o.Memory == 0 {
		o.Memory = 16 << 20
	}
	if o.Prefixes == 0 {
		o.Prefixes = 256
	}
	if o.Seed == ([16]byte{}) {
		rand.Read(o.Seed[:]) // never fails (crypto/rand)
	}
	t := &Tables{opts: o, owners: map[string]*Owner{}}
	t.left.Store(o.Memory)
	return t
}

// Sequence is the number of the newest purge that has begun. A fetch records
// it before it asks its origin.
func (t *Tables) Sequence() uint64 { return t.seq.Load() }

// Owner is the tables of that owner. Owners come from the configuration, so
// there are few, and they stay.
func (t *Tables) Owner(name string) *Owner {
	t.mu.RLock()
	o := t.owners[name]
	t.mu.RUnlock()
	if o != nil {
		return o
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if o = t.owners[name]; o == nil {
		name = strings.Clone(name) // it may be a view
		o = &Owner{tables: t, name: name}
		t.owners[name] = o
	}
	return o
}

// Advance raises the sequence to n at least: what was given numbers before the
// process began stays older than what comes.
func (t *Tables) Advance(n uint64) {
	for {
		old := t.seq.Load()
		if old >= n || t.seq.CompareAndSwap(old, n) {
			return
		}
	}
}

// Hash is the hash of a tag or a URL, as marks keep it. It is the same in every
// process that has the seed, and nobody without it finds two names with one hash.
func (t *Tables) Hash(s string) uint32 {
	var room [256]byte
	b := append(room[:0], t.opts.Seed[:]...)
	sum := sha256.Sum256(append(b, s...))
	return binary.LittleEndian.Uint32(sum[:])
}

// room takes bytes out of what is left, if there are enough.
func (t *Tables) room(bytes int) bool {
	if t.left.Add(-int64(bytes)) >= 0 {
		return true
	}
	t.left.Add(int64(bytes))
	return false
}
