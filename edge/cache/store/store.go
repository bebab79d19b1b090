package store

import (
	"encoding/binary"
	"slices"
	"sync"
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
	// Bodies is the size of the arena, the copies of hot bodies included, and
	// Index the bound of the index, in bytes; 0 means 128 MiB and 64 MiB. About a thirtieth of both comes on top:
	// freecache's tables and the names of what has gone.
	Bodies, Index int64
	// Gone is told of each object that left the index, without a lock held.
	// nil means nobody.
	Gone func(*Object[M], Cause)
}

// A Store is the index and the arena.
//
// Lookups take the lock of a shard and nothing else. What changes the index
// takes mu first, so that the order in which objects go is one for all of them:
// an object of some MiB would fill a shard of its own.
//
// INVARIANTS: an object is in a shard's sets exactly if it is in a queue; used is
// the sum of cost over the queues, plus keyCost for each set; chunks.indexed is
// the sum of their contents' space.
type Store[M any] struct {
	chunks *Chunks
	shards []shard[M] // a power of two
	gone   func(*Object[M], Cause)
	limit  int64 // of used

	mu   sync.Mutex
	used int64 // bytes of the index
	keys int
	// near are the objects whose bodies stand in the arena, far those whose bodies
	// lie elsewhere: evicting one of these makes no room for bodies.
	near, far queues[M]
}

// New makes an empty store. The arena is allocated at once.
func New[M any](o Options[M]) *Store[M] {
	if o.Bodies == 0 {
		o.Bodies = 128 << 20
	}
	if o.Index == 0 {
		o.Index = 64 << 20
	}
	s := &Store[M]{chunks: newChunks(o.Bodies - hotLimit(o.Bodies)), shards: make([]shard[M], 64), gone: o.Gone, limit: o.Index}
	for i := range s.shards {
		s.shards[i].sets = map[Key]*Set[M]{}
	}
	s.near.ghosts = newGhosts(o.Bodies + o.Index)
	s.far.ghosts = newGhosts(o.Index)
	s.chunks.full = s.makeRoom
	s.chunks.hot.init(hotLimit(o.Bodies))
	return s
}

// shard is where k belongs: a key is a hash already.
func (s *Store[M]) shard(k Key) *shard[M] {
	return &s.shards[binary.LittleEndian.Uint64(k[:])&uint64(len(s.shards)-1)]
}

// Chunks is the arena, in which bodies are made.
func (s *Store[M]) Chunks() *Chunks { return s.chunks }

// Find is what is stored under the key, nil if nothing.
func (s *Store[M]) Find(k Key) *Set[M] { return s.shard(k).find(k) }

// Open makes a body of o and counts as a use of it. If a chunk is missing the
// object leaves the index.
func (s *Store[M]) Open(o *Object[M]) (*Body, bool) {
	b, ok := o.Content.open()
	if !ok {
		s.Remove(o, Lost)
		return nil, false
	}
	s.Use(o)
	if o.uses.Load() >= hotUses && o.Content.hot.Load() == nil {
		s.chunks.hot.offer(o.Content)
	}
	return b, true
}

// Use counts as a use of o, for a response that has no body (HEAD).
func (s *Store[M]) Use(o *Object[M]) { o.use() }

// A departed object has left the index, its caller has yet to be told.
type departed[M any] struct {
	o *Object[M]
	c Cause
}

// Insert puts o into the index, in place of the variant that it replaces, and
// evicts others while the index is too large. If the names differ from those of
// the other variants these go: they cannot be told apart by the new names. It
// is false if o is older than what is there, its content is gone, or it would
// take an eighth of the index; then nothing has changed.
//
// Preconditions: the caller holds o.Content, o has not been inserted before.
func (s *Store[M]) Insert(o *Object[M], names []string) bool {
	cost := objectCost(o)
	for _, n := range names {
		cost += len(n) + 16
	}
	if len(names) > 0 {
		cost += 24
	}
	if int64(cost) > min(s.limit/8, 1<<30) || o.Content.Lost() || !o.Content.hold() {
		return false
	}
	o.cost = int32(cost)
	var room [4]departed[M]
	out, ok := s.insert(o, names, room[:0])
	if !ok {
		o.Content.release()
		return false
	}
	s.depart(out)
	return true
}

func (s *Store[M]) insert(o *Object[M], names []string, out []departed[M]) ([]departed[M], bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	sh := s.shard(o.Key)
	old := sh.find(o.Key)
	next := new(Set[M])
	if len(names) > 0 {
		next.names = &names
	}
	instead := outside
	if old != nil {
		same := slices.Equal(old.Names(), names)
		if same {
			next.names = old.names
		}
		next.objects = make([]*Object[M], 0, len(old.objects)+1)
		for _, v := range old.objects {
			switch {
			case same && v.Variant != o.Variant:
				next.objects = append(next.objects, v)
				continue
			case v.Born > o.Born:
				return nil, false
			case same:
				// What takes its place is as popular as it was.
				instead = v.place
				o.uses.Store(v.uses.Load())
			}
			out = append(out, departed[M]{v, Replaced})
		}
	}
	if len(next.objects) == MaxVariants {
		out = append(out, departed[M]{next.objects[0], Evicted})
		next.objects = next.objects[1:]
	}
	next.objects = append(next.objects, o)
	for _, d := range out {
		s.unlink(d.o)
	}
	s.put(o.Key, next)
	s.queues(o).add(o, instead)
	s.used += int64(o.cost)
	s.chunks.indexed.Add(o.Content.space())
	if o.Content.chunks != nil {
		o.Content.settle()
	}
	for s.used > s.limit || !s.chunks.fits() {
		v := s.evict()
		if v == nil {
			break
		}
		out = append(out, departed[M]{v, Evicted})
	}
	return out, true
}

// queues is where o belongs.
func (s *Store[M]) queues(o *Object[M]) *queues[M] {
	if o.Content.chunks == nil {
		return &s.far
	}
	return &s.near
}

// evict takes out the object that is to go next.
// Preconditions: mu is held.
func (s *Store[M]) evict() *Object[M] {
	q := &s.near
	if s.chunks.fits() && (s.far.bytes() > s.limit/2 || q.bytes() == 0) {
		q = &s.far // it is the index that is full
	}
	o := q.evict()
	if o != nil {
		s.forget(o)
		s.put(o.Key, s.shard(o.Key).find(o.Key).without(o))
	}
	return o
}

// makeRoom evicts until what is being written fits.
func (s *Store[M]) makeRoom() {
	var out []departed[M]
	s.mu.Lock()
	for !s.chunks.fits() {
		o := s.evict()
		if o == nil {
			break
		}
		out = append(out, departed[M]{o, Evicted})
	}
	s.mu.Unlock()
	s.depart(out)
}

// unlink takes o out of its queue, but not out of its set.
func (s *Store[M]) unlink(o *Object[M]) {
	s.queues(o).remove(o)
	s.forget(o)
}

// forget stops counting o.
func (s *Store[M]) forget(o *Object[M]) {
	s.used -= int64(o.cost)
	s.chunks.indexed.Add(-o.Content.space())
}

func (s *Store[M]) put(k Key, set *Set[M]) {
	grown := s.shard(k).put(k, set)
	s.keys += grown
	s.used += int64(grown) * keyCost
}

// Remove takes o out of the index, if it is there.
func (s *Store[M]) Remove(o *Object[M], c Cause) bool {
	s.mu.Lock()
	in := o.place != outside
	if in {
		s.unlink(o)
		s.put(o.Key, s.shard(o.Key).find(o.Key).without(o))
	}
	s.mu.Unlock()
	if in {
		s.depart([]departed[M]{{o, c}})
	}
	return in
}

func (s *Store[M]) depart(out []departed[M]) {
	for _, d := range out {
		d.o.Content.release()
		if s.gone != nil {
			s.gone(d.o, d.c)
		}
	}
}

// Stats are what a store holds and has lost.
type Stats struct {
	Objects, Keys int
	IndexBytes    int64
	IndexLimit    int64
	// BodyBytes is what stored bodies take of the arena, BodyLimit what they may,
	// Writing what those take that are on their way.
	BodyBytes, BodyLimit, Writing int64
	Chunks                        int64
	ChunkSize                     int
	// LostChunks counts bodies that were cut because a chunk was evicted while
	// they were being read, Displaced the chunks that went because too much of
	// the arena was held by readers.
	LostChunks, Displaced int64
	// Hot is what copies beside the arena take, HotLimit what they may.
	Hot, HotLimit int64
	// Moved is how many bytes were written anew to stay in the arena.
	Moved int64
}

// Stats counts. It is for metrics, not for requests.
func (s *Store[M]) Stats() Stats {
	c := s.chunks
	st := Stats{
		Chunks: c.arena.EntryCount(), ChunkSize: c.size, LostChunks: c.lost.Load(), Displaced: c.displaced.Load(), Moved: c.moved.Load(),
		BodyBytes: c.indexed.Load(), BodyLimit: c.limit, Writing: c.writing.Load(), IndexLimit: s.limit,
		Hot: c.hot.bytes(), HotLimit: c.hot.limit(),
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	st.Objects = s.near.small.count + s.near.main.count + s.far.small.count + s.far.main.count
	st.Keys, st.IndexBytes = s.keys, s.used
	return st
}
