package cache

import (
	"crypto/rand"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"

	"github.com/wedgecdn/wedge/edge/cache/disk"
	"github.com/wedgecdn/wedge/edge/cache/fill"
	"github.com/wedgecdn/wedge/edge/cache/key"
	"github.com/wedgecdn/wedge/edge/cache/policy"
	"github.com/wedgecdn/wedge/edge/cache/store"
	"github.com/wedgecdn/wedge/edge/cache/tag"
)

// Options are the bounds of a cache.
type Options struct {
	// Memory is what the cache may take, in bytes; 0 means 256 MiB, the least
	// is 4 MiB. Of 32 parts 23 are for bodies, 4 for heads and facts, 3 for
	// responses on their way, the rest for what these need to find their things.
	Memory int64
	// ObjectSize is the longest body that is stored, in bytes; 0 means half of
	// Disk.Size, or without a disk a quarter of Memory. More than a quarter of
	// Memory is never kept in memory: bodies on their way may take half of the
	// room for bodies, see store.Chunks.
	ObjectSize int64
	// ReadAhead is how far a fetch may run before its fastest reader, in bytes;
	// 0 means 512 KiB, or less in a cache under 64 MiB.
	ReadAhead int64
	// HitForMiss is how long requests for a response that could not be shared
	// do not wait for one another; 0 means 10 s.
	HitForMiss time.Duration
	// Disk is the cache's part on disk; the zero value has none.
	Disk Disk
	// Now is the clock of what is stored; nil is time.Now.
	Now func() time.Time
	// Events is told what happens; see there.
	Events Events
}

// Events are told what happens in the cache. A nil function is not called.
// They are called on the way of requests, so they must be quick, and must not
// call the cache.
type Events struct {
	// Stored: a response of so many bytes has been stored.
	Stored func(bytes int64)
	// Evicted: a response has made room for others at that age.
	Evicted func(age time.Duration)
	// LostChunk: a stored response is gone because a part of its body is.
	LostChunk func()
	// Purged: a purge is complete, and how long it took.
	Purged func(p PurgeRequest, took time.Duration)
	// Collapsed: a request waits for another's fetch.
	Collapsed func()
	// FromDisk: a stored response was found on disk that memory did not have.
	FromDisk func()
	// Loading: so many of the files on disk have been read at the start.
	Loading func(files, all int)
	// DiskEvicted: the oldest file on disk has made room, with so many responses.
	DiskEvicted func(objects int, bytes int64, age time.Duration)
	// DiskIndexFull: the oldest file on disk makes room although there is space: the
	// index has no room in memory for more responses.
	DiskIndexFull func()
	// DiskFault: the disk failed, or did not give back what was written. What
	// that concerns counts as not stored.
	DiskFault func(err error)
}

// A Cache is one node's cache. It is safe for concurrent use.
type Cache struct {
	keys    *key.Maker
	store   *store.Store[kept]
	tags    *tag.Tables
	fills   *fill.Table
	refused fill.Refused // keys whose last response could not be shared
	paused  fill.Refused // keys whose last fetch failed
	entire  fill.Refused // keys whose response could not be fetched by segments
	events  Events
	now     func() time.Time
	hfm     time.Duration
	tier    *tier // nil: in memory only
	// objectSize is the longest body that is stored, and ramObject the longest
	// one in memory, in bytes.
	objectSize, ramObject int64
	blocks                sync.Pool // *[]byte of blockSize
	secret                [16]byte  // in front of the bytes that variants are hashed from

	purges, collapsed atomic.Int64
}

// kept is what the cache keeps with each stored response, or value.
type kept struct {
	facts policy.Facts
	mark  tag.Mark
	disk  *onDisk // nil without a disk (but see segmented), and of values; set before it is shared
}

// onDisk is where a response stands that is not, or not only, in memory.
type onDisk struct {
	// body is set if the body stands on disk only; it does not change.
	body *disk.Content
	// copied is the oldest segment in which a copy of the body lies; 0 if there
	// is none, pending while it waits to be made.
	copied atomic.Uint32
	// sent is tier.sent when the body was last sent from disk; 0 if it was not.
	sent atomic.Int64
	// segments is set if the body stands in segments; it does not change.
	segments *segmented
	// over tells that another response has taken the object's place in memory, or
	// that it must not be used any more.
	over atomic.Bool
}

// diskIndex is how much of a cache's memory goes to the index of what is on disk:
// enough for responses of 32 KiB on an average, within a sixteenth and an eighth.
// More is for whoever gives the cache more memory: see [Cache.Indexable].
func diskIndex(memory, disk int64) int64 {
	return min(max(disk/(32<<10)*entryCost, memory/16), memory/8)
}

// entryCost is what the index takes for a response, in bytes.
const entryCost = int64(disk.EntryCost)

// Indexable is how many responses on disk the cache can find again, and how long
// they are on an average if they are to fill the disk. Shorter ones do not: then
// the index is what limits, and Events.DiskIndexFull tells.
func (c *Cache) Indexable() (responses, average int64) {
	if c.tier == nil {
		return 0, 0
	}
	s := c.tier.disk.Stats()
	n := s.IndexLimit / entryCost
	return n, s.Limit / max(n, 1)
}

// join makes o an object that may stand elsewhere than in memory.
func join(o *store.Object[kept]) {
	o.Meta.disk = new(onDisk)
	o.Extra += int32(unsafe.Sizeof(*o.Meta.disk))
}

// New makes a cache: an empty one, or with what is on disk. The room for bodies
// in memory is allocated at once.
func New(o Options) (*Cache, error) {
	const least = 4 << 20
	if o.Memory == 0 {
		o.Memory = 256 << 20
	}
	if err := o.validate(least); err != nil {
		return nil, err
	}
	// freecache's own tables take 1 MiB at least, beside the bytes it is given.
	bodies, index, fills := o.Memory/32*23-1<<20, o.Memory/8, o.Memory/32*3
	if o.Disk.Size != 0 {
		bodies -= diskIndex(o.Memory, o.Disk.Size)
	}
	if o.ReadAhead == 0 {
		o.ReadAhead = min(512<<10, fills/16)
	}
	if o.HitForMiss == 0 {
		o.HitForMiss = 10 * time.Second
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	c := &Cache{keys: key.New(), events: o.Events, now: o.Now, hfm: o.HitForMiss}
	c.blocks.New = func() any { b := make([]byte, blockSize); return &b }
	rand.Read(c.secret[:]) // never fails (crypto/rand)
	c.store = store.New(store.Options[kept]{Bodies: bodies, Index: index, Gone: c.gone})
	most := o.Memory / 4
	if o.Disk.Size == 0 {
		c.tags = tag.New(tag.Options{Memory: min(o.Memory/64, 16<<20)})
	} else {
		if err := c.openTier(&o); err != nil {
			return nil, err
		}
		c.keys, c.secret = key.NewSeeded(c.tier.journal.Secret("keys")), c.tier.journal.Secret("variants")
		most = max(most, c.tier.disk.MaxObject())
	}
	if o.ObjectSize == 0 {
		o.ObjectSize = most
	}
	c.objectSize = min(o.ObjectSize, most)
	c.ramObject = min(o.ObjectSize, o.Memory/4)
	c.fills = fill.NewTable(fill.Options{
		ReadAhead:  o.ReadAhead,
		Memory:     fills,
		ObjectSize: c.objectSize,
		Joined: func() {
			c.collapsed.Add(1)
			if c.events.Collapsed != nil {
				c.events.Collapsed()
			}
		},
	})
	return c, nil
}

// gone hears what left the store.
func (c *Cache) gone(o *store.Object[kept], why store.Cause) {
	switch why {
	case store.Evicted:
		if c.events.Evicted != nil {
			c.events.Evicted(c.now().Sub(time.Unix(0, o.Meta.facts.Received)))
		}
	case store.Lost:
		if c.events.LostChunk != nil {
			c.events.LostChunk()
		}
	case store.Replaced, store.Removed:
		if o.Meta.disk != nil {
			o.Meta.disk.over.Store(true)
		}
	}
}

// Stats are what a cache holds and has seen.
type Stats struct {
	Store store.Stats
	// Disk is what stands on disk; zero without one.
	Disk disk.Stats
	// Fills are the fetches under way that requests may join, and Reserved what
	// their bodies may take, in bytes.
	Fills    int
	Reserved int64
	// Sequence is the number of the newest purge.
	Sequence          uint64
	Purges, Collapsed int64
}

// Stats counts. It takes every lock of the store once: it is for metrics, not
// for requests.
func (c *Cache) Stats() Stats {
	var onDisk disk.Stats
	if c.tier != nil {
		onDisk = c.tier.disk.Stats()
	}
	return Stats{
		Disk:     onDisk,
		Store:    c.store.Stats(),
		Fills:    c.fills.Live(),
		Reserved: c.fills.Reserved(),
		Sequence: c.tags.Sequence(),
		Purges:   c.purges.Load(), Collapsed: c.collapsed.Load(),
	}
}
