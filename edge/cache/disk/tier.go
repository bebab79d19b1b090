package disk

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/wedgecdn/wedge/edge/cache/disk/vfs"
)

// ErrLost is the error of a body of which a part is not to be had any more, or
// is not what was written. The response is cut; its receiver must be able to
// see that.
var ErrLost = errors.New("disk: a part of the stored body is lost")

// Options are the bounds of a tier.
type Options struct {
	FS vfs.FS
	// ID is this cache's: what another one left is dropped.
	ID ID
	// Size is how many bytes of disk the segments may take.
	Size int64
	// Index is how many bytes of memory the index may take; 0 means 32 MiB.
	Index int64
	// Segment is the size of a segment file; 0 means a sixty-fourth of Size,
	// from 1 to 256 MiB.
	Segment int64
	// Unchecked takes what is read for what was written. It is for tests that
	// must then find wrong bytes, and prove by that that they can.
	Unchecked bool
	Events    Events
}

// Events are told what happens in the tier. A nil function is not called. They
// must be quick, and must not call the tier.
type Events struct {
	// Loading: so many of all segments have been read at the start.
	Loading func(segments, all int)
	// Evicted: the oldest segment has made room, and with it so many responses.
	// The age is that of the segment.
	Evicted func(objects int, bytes int64, age time.Duration)
	// Crowded: a segment makes room since the index has no place for more responses.
	Crowded func()
	// Fault: reading, writing or a checksum failed; the tier goes on without
	// what it concerned.
	Fault func(err error)
}

// A Tier is the cache's part on disk. It is safe for concurrent use.
//
// Writing: wmu puts regions in order. Who writes a body reserves a stretch under
// it, and fills that without it. Heads and deaths are written under it, so that
// their order in the log is that of the index.
//
// mu guards the index and the set of segments, and is never held while the disk
// is used. Lock order: wmu, mu.
//
// INVARIANT: an entry's segments, from its first on, are in segments; what is
// below oldest is evicted.
type Tier struct {
	fs      vfs.FS
	o       Options
	epoch   time.Time
	seen    seen
	checks  bool // sums are compared; only a test that must then fail turns it off
	trust   time.Duration
	wake    chan struct{}
	over    chan struct{}
	tending sync.WaitGroup
	rest    atomic.Int64 // until when nothing new is taken, since epoch
	oldest  atomic.Uint32

	faults, evicted, readmitted, written atomic.Int64

	wmu    sync.Mutex
	active *segment // nil: the next reservation makes one
	newest uint32   // the highest number given to a segment
	buffer []byte

	mu       sync.Mutex
	index    *index
	segments map[uint32]*segment
	sealed   int64 // bytes of all sealed segments
	doomed   []*segment
}

// ErrOptions tells that a tier cannot be made of such options.
var ErrOptions = errors.New("disk: a tier needs a file system and a size of at least four segments")

// restTime is how long nothing new is taken after a failed write.
const restTime = time.Second

// trustTime is how long a block that was found right may be sent by the kernel
// without being looked at again. What is sent often is in the system's memory,
// and was right when it came there; what is not is checked each time.
const trustTime = time.Minute

func (o *Options) complete() error {
	if o.Index == 0 {
		o.Index = 32 << 20
	}
	if o.Segment == 0 {
		o.Segment = min(max(o.Size/64, 1<<20), 256<<20) &^ (unit - 1)
	}
	if o.FS == nil || o.Segment < 2*block || o.Size < 4*o.Segment {
		return ErrOptions
	}
	return nil
}

// MaxObject is the longest body that the tier takes: half of it, so that a body
// does not push out its own beginning.
func (t *Tier) MaxObject() int64 { return t.o.Size / 2 }

// Oldest is the number of the oldest segment, at least 1. What was stored in a
// lower one is gone.
func (t *Tier) Oldest() uint32 { return max(1, t.oldest.Load()) }

// fault tells of a failure.
func (t *Tier) fault(doing string, err error) {
	t.faults.Add(1)
	if t.o.Events.Fault != nil {
		t.o.Events.Fault(fmt.Errorf("disk: %s: %w", doing, err))
	}
}

// failedWrite tells of a failed write: for a while nothing new is taken. If the
// disk is full of other things the oldest segment makes room for them.
func (t *Tier) failedWrite(doing string, err error) {
	t.fault(doing, err)
	t.rest.Store(int64(time.Since(t.epoch) + restTime))
	t.mu.Lock()
	several := len(t.segments) > 1
	t.mu.Unlock()
	if several && errors.Is(err, syscall.ENOSPC) {
		t.evict()
	}
}

// Resting tells that a write has just failed, and nothing new is taken.
func (t *Tier) Resting() bool {
	until := t.rest.Load()
	return until != 0 && int64(time.Since(t.epoch)) < until
}

// Roomy tells that what is written pushes nothing out: there is more space than
// the tender keeps free in a full tier.
func (t *Tier) Roomy() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.sealed+3*t.o.Segment <= t.o.Size && int64(t.index.count)*EntryCost < t.o.Index/8*7
}

// Admit tells whether something that nobody has asked for before may be written.
// While there is room everything may. When the tier is full a thing has to be
// asked for twice, so that what is asked for once wears nothing and pushes
// nothing out: the first time it is only remembered.
func (t *Tier) Admit(k Key) bool {
	if t.Resting() {
		return false
	}
	return t.Roomy() || t.seen.before(k)
}

// Stats are what a tier holds and has seen.
type Stats struct {
	Objects, Segments   int
	Bytes, Limit        int64
	IndexBytes          int64
	IndexLimit          int64
	Faults              int64
	Evicted, Readmitted int64 // responses
	Written             int64 // bytes, since the start
}

// Stats counts.
func (t *Tier) Stats() Stats {
	t.wmu.Lock()
	var active int64
	if t.active != nil {
		active = t.active.size
	}
	t.wmu.Unlock()
	t.mu.Lock()
	defer t.mu.Unlock()
	return Stats{
		Objects: t.index.count, Segments: len(t.segments), Bytes: t.sealed + active, Limit: t.o.Size,
		IndexBytes: int64(t.index.count) * EntryCost, IndexLimit: t.o.Index, Faults: t.faults.Load(),
		Evicted: t.evicted.Load(), Readmitted: t.readmitted.Load(), Written: t.written.Load(),
	}
}

// Close writes down what the next start wants to know, and closes the files.
// Bodies that are being read keep theirs. Nobody may use the tier afterwards.
func (t *Tier) Close() {
	close(t.over)
	t.tending.Wait()
	t.wmu.Lock()
	if t.active != nil {
		t.writeSidecar(t.active)
	}
	t.active = nil
	t.wmu.Unlock()
	t.mu.Lock()
	all := t.segments
	t.segments, t.index = map[uint32]*segment{}, newIndex()
	t.mu.Unlock()
	for _, s := range all {
		s.release()
	}
}
