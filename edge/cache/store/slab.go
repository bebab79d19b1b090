package store

import (
	"os"
	"sync/atomic"
)

// hugePage is the size of the pages that slabs are made of, if the system has
// them.
const hugePage = 2 << 20

// A slab is a file in memory, in which the copies of several large bodies stand
// one behind the other: the kernel sends from it, and nobody copies.
//
// What stands in it is never written to again, also when its copy was dropped:
// the kernel may still have it in a queue of a socket long after everybody let
// go. So a slab goes as a whole.
//
// The ring and the readers hold it; the last one that lets go closes it, after
// which nobody can hold it.
type slab struct {
	file *os.File
	size int64
	held atomic.Int32
	used atomic.Bool // since the hand came by

	// All of these are guarded by hot.mu.
	place    int        // in hot.ring
	end      int64      // where the next copy goes
	live     int64      // bytes of what has a copy here
	contents []*Content // that have one
}

// slabAlign is where copies begin: with pages of their own.
const slabAlign = 4 << 10

func slabRoom(size int64) int64 { return (size + slabAlign - 1) &^ (slabAlign - 1) }

// hold adds a holder, if there is one still.
func (s *slab) hold() bool {
	for {
		n := s.held.Load()
		if n == 0 {
			return false
		}
		if s.held.CompareAndSwap(n, n+1) {
			return true
		}
	}
}

// use tells that something in it is asked for.
func (s *slab) use() {
	if !s.used.Load() { // a line of memory that many processors read is not written to again
		s.used.Store(true)
	}
}

// sparse tells whether more of what was written has gone than is left.
// Preconditions: hot.mu is held.
func (s *slab) sparse() bool { return s.live < s.end/2 }
