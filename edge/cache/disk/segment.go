package disk

import (
	"fmt"
	"os"
	"sync/atomic"
	"time"

	"github.com/wedgecdn/wedge/edge/cache/disk/vfs"
)

// A segment is one file of the log.
//
// States: active (the newest; regions are added), sealed (complete), evicted
// (its file is removed, but bodies that are being sent still read from it),
// closed. An evicted one may be cut: when too much stands in evicted segments
// its file is emptied, and who still reads from it is told that it is lost.
//
// refs counts the holders: the tier until eviction, bodies and writers. When it
// is 0, which is final, the file is closed.
//
// size and log are guarded by Tier.wmu while the segment is active; a sealed
// one's size does not change. sealed is guarded by Tier.mu.
type segment struct {
	tier    *Tier
	number  uint32
	file    vfs.File
	os      *os.File // file, if the kernel can send from it
	created time.Time
	refs    atomic.Int32
	cut     atomic.Bool

	size   int64
	sealed bool
	log    []spot // the heads and deaths in it, for the sidecar
}

func newSegment(t *Tier, number uint32, file vfs.File, created time.Time) *segment {
	s := &segment{tier: t, number: number, file: file, created: created}
	if f, ok := file.(vfs.OSFile); ok {
		s.os = f.OS()
	}
	s.refs.Store(1)
	return s
}

func segmentName(number uint32) string { return fmt.Sprintf("%08x.seg", number) }

// segmentNumber is the number of the segment, or of the sidecar, of that name.
func segmentNumber(name, suffix string) (n uint32, ok bool) {
	if len(name) != 8+len(suffix) || name[8:] != suffix {
		return 0, false
	}
	_, err := fmt.Sscanf(name[:8], "%08x", &n)
	return n, err == nil && n > 0
}

// acquire adds a holder, if there is one still.
func (s *segment) acquire() bool {
	for {
		n := s.refs.Load()
		if n == 0 || s.cut.Load() {
			return false
		}
		if s.refs.CompareAndSwap(n, n+1) {
			return true
		}
	}
}

// release gives up a hold. Tier.mu must not be held.
func (s *segment) release() {
	if n := s.refs.Add(-1); n == 0 {
		s.file.Close()
		s.tier.closed(s)
	} else if n < 0 {
		panic("BUG: disk: a segment is released more often than it is held")
	}
}
