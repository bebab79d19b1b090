package store

import (
	"encoding/binary"
	"slices"
)

// A Cause says why an object left the index.
type Cause uint8

// The causes.
const (
	Replaced Cause = iota // by a newer response
	Evicted               // the index was full
	Lost                  // a chunk of its body was evicted
	Removed               // the caller asked for it
)

// String is the cause's word in metrics.
func (c Cause) String() string { return [...]string{"replaced", "evicted", "lost", "removed"}[c] }

// Options are the bounds of a store.
type Options[M any] struct {
	// Bodies is the size of the arena and Index the bound of the index, in
	// bytes; 0 means 128 MiB and 64 MiB.
	Bodies, Index int64
	// Gone is told of each object that left the index, without a lock held.
	// nil means nobody.
	Gone func(*Object[M], Cause)
}

// A Store is the index and the arena.
type Store[M any] struct {
	chunks *Chunks
	shards []shard[M] // a power of two
	gone   func(*Object[M], Cause)
}

// shardLeast is how much index a shard has at least: a head may be as large as
// a node's header limit, and must not push out half a shard.
const shardLeast = 1 << 20

// New makes an empty store. The arena is allocated at once.
func New[M any](o Options[M]) *Store[M] {
	if o.Bodies == 0 {
		o.Bodies = 128 << 20
	}
	if o.Index == 0 {
		o.Index = 64 << 20
	}
	n := 1
	for n < 64 && o.Index/int64(2*n) >= shardLeast {
		n *= 2
	}
	s := &Store[M]{chunks: newChunks(o.Bodies), shards: make([]shard[M], n), gone: o.Gone}
	for i := range s.shards {
		s.shards[i].sets = map[Key]*Set[M]{}
		s.shards[i].limit = int(o.Index) / n
	}
	return s
}

// shard is where k belongs: a key is a hash already.
func (s *Store[M]) shard(k Key) *shard[M] {
	return &s.shards[binary.LittleEndian.Uint64(k[:])&uint64(len(s.shards)-1)]
}

// Chunks is the arena, in which bodies are made.
func (s *Store[M]) Chunks() *Chunks { return s.chunks }

// Find is what is stored under the key, nil if nothing.
func (s *Store[M]) Find(k Key) *Set[M] {
	sh := s.shard(k)
	sh.mu.Lock()
	set := sh.sets[k]
	sh.mu.Unlock()
	return set
}

// Open makes a body of o and counts as a use of it. If a chunk is missing the
// object leaves the index.
func (s *Store[M]) Open(o *Object[M]) (*Body, bool) {
	b, ok := o.Content.open()
	if !ok {
		s.Remove(o, Lost)
		return nil, false
	}
	s.Use(o)
	return b, true
}

// Use counts as a use of o, for a response that has no body (HEAD).
func (s *Store[M]) Use(o *Object[M]) {
	// Fast path: a popular object is marked already, and its line of memory
	// stays shared between the processors.
	if !o.used.Load() {
		o.used.Store(true)
	}
}

// Insert puts o into the index, in place of the variant that it replaces, and
// evicts others while the index is too large. If the names differ from those of
// the other variants these go: they cannot be told apart by the new names. It
// is false if o is older than what is there, its content is gone, or it would
// take an eighth of a shard; then nothing has changed.
//
// Preconditions: the caller holds o.Content, o has not been inserted before.
func (s *Store[M]) Insert(o *Object[M], names []string) bool {
	sh := s.shard(o.Key)
	o.cost = objectCost(o)
	for _, n := range names {
		o.cost += len(n) + 16
	}
	if o.cost > sh.limit/8 || o.Content.Lost() || !o.Content.hold() {
		return false
	}
	type departed struct {
		o *Object[M]
		c Cause
	}
	var room [4]departed
	out := room[:0]

	sh.mu.Lock()
	old := sh.sets[o.Key]
	next := &Set[M]{names: names}
	if old != nil && slices.Equal(old.names, names) {
		next.names = old.names
	}
	ok := true
	if old != nil {
		next.objects = make([]*Object[M], 0, len(old.objects)+1)
		for _, v := range old.objects {
			stays := v.Variant != o.Variant && slices.Equal(old.names, names)
			switch {
			case stays:
				next.objects = append(next.objects, v)
			case v.Born > o.Born:
				ok = false
			default:
				out = append(out, departed{v, Replaced})
			}
		}
	}
	if ok {
		if len(next.objects) == MaxVariants {
			out = append(out, departed{next.objects[0], Evicted})
			next.objects = next.objects[1:]
		}
		next.objects = append(next.objects, o)
		for _, d := range out {
			sh.unlink(d.o)
		}
		sh.put(o.Key, next)
		sh.link(o)
		for sh.bytes > sh.limit {
			v := sh.evict(o)
			if v == nil {
				break
			}
			out = append(out, departed{v, Evicted})
		}
	}
	sh.mu.Unlock()

	if !ok {
		o.Content.release()
		return false
	}
	for _, d := range out {
		s.depart(d.o, d.c)
	}
	return true
}

// Remove takes o out of the index, if it is there.
func (s *Store[M]) Remove(o *Object[M], c Cause) bool {
	sh := s.shard(o.Key)
	sh.mu.Lock()
	in := o.in
	if in {
		sh.take(o)
	}
	sh.mu.Unlock()
	if in {
		s.depart(o, c)
	}
	return in
}

func (s *Store[M]) depart(o *Object[M], c Cause) {
	o.Content.release()
	if s.gone != nil {
		s.gone(o, c)
	}
}

// Stats are what a store holds and has lost.
type Stats struct {
	Objects, Keys int
	IndexBytes    int64
	IndexLimit    int64
	Chunks        int64
	ChunkSize     int
	// LostChunks counts bodies that were cut because a chunk was evicted while
	// they were being read.
	LostChunks int64
}

// Stats counts. It takes each shard's lock once.
func (s *Store[M]) Stats() Stats {
	st := Stats{Chunks: s.chunks.arena.EntryCount(), ChunkSize: s.chunks.size, LostChunks: s.chunks.lost.Load()}
	for i := range s.shards {
		sh := &s.shards[i]
		sh.mu.Lock()
		st.Objects += sh.count
		st.Keys += len(sh.sets)
		st.IndexBytes += int64(sh.bytes)
		st.IndexLimit += int64(sh.limit)
		sh.mu.Unlock()
	}
	return st
}
