package store

import "sync"

// A shard is a part of the index with a lock of its own, which lookups take.
//
// Lock order: Store.mu, then mu, which is a leaf.
type shard[M any] struct {
	mu   sync.Mutex
	sets map[Key]*Set[M]
}

// put makes set the one of key; nil removes it. It is by how much the number of
// keys has grown.
func (s *shard[M]) put(key Key, set *Set[M]) (grown int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, had := s.sets[key]
	switch {
	case set == nil && had:
		delete(s.sets, key)
		return -1
	case set != nil:
		s.sets[key] = set
		if !had {
			return 1
		}
	}
	return 0
}

func (s *shard[M]) find(key Key) *Set[M] {
	s.mu.Lock()
	set := s.sets[key]
	s.mu.Unlock()
	return set
}
