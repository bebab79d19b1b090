package cache

import (
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/wedgecdn/wedge/edge/cache/disk"
	"github.com/wedgecdn/wedge/edge/cache/disk/vfs"
	"github.com/wedgecdn/wedge/edge/cache/journal"
	"github.com/wedgecdn/wedge/edge/cache/store"
	"github.com/wedgecdn/wedge/edge/cache/tag"
)

// Disk says where responses outlive the process, and those that memory has no
// room for. The zero value is a cache in memory only.
type Disk struct {
	// Size is how many bytes of disk the cache may take; 0 turns it off, the
	// least is 16 MiB.
	Size int64
	// Folder is the cache's own folder, which exists. No other process may use
	// it: whoever owns the data folder has locked that.
	Folder string
	// FS takes the place of Folder if it is not nil.
	FS vfs.FS
	// Segment is the size of a segment file; 0 leaves it to the tier.
	Segment int64
	// Unchecked compares no checksums: for tests that must then fail.
	Unchecked bool
}

// inKernel is the length from which on bodies stand on disk only, and are sent
// from there by the kernel: the pages are in the system's memory once, not in
// ours as well.
const inKernel = 128 << 10

// atOnce is the length up to which what is found on disk is copied to memory at
// once: the kernel sends longer ones from there for as little as from memory, as
// long as the system has them in its own. They follow when they are asked for
// again so soon that memory would have kept them; else what is copied pushes out
// what was copied before, and nobody ever finds it.
const atOnce = 12 << 10

// A tier is the cache's part on disk, joined to the door.
//
// What may be written: a response when it is stored, as long as there is room
// that nothing has been written to; else when it is asked for again. A body of
// 128 KiB or more streams to disk while it arrives. A shorter one is copied by
// one goroutine, from the queue; the request that caused it does not wait.
//
// The order that keeps an older response from taking the place of a newer one,
// in memory and on disk: who stores a new response forgets the old one on disk
// before and after it enters the index in memory. Who brings a response from disk
// to memory looks, once it is in the index, whether the disk has it still; who
// copies one to disk looks, once it is there, whether another has taken its
// place in memory. Whatever the two do in between, one of them sees the other.
type tier struct {
	c       *Cache
	disk    *disk.Tier
	journal *journal.Journal
	room    int64 // of memory, for bodies

	queue chan *store.Object[kept]
	over  chan struct{}
	done  sync.WaitGroup

	// sent is how many bytes of bodies that may yet be copied to memory were sent
	// from disk: the clock by which a return is soon.
	sent atomic.Int64

	mu sync.Mutex // below no other lock, and none is taken under it
	// loading are the keys of which somebody reads a response from disk.
	loading map[store.Key]chan struct{}
	// rising are the keys whose body goes to memory when it is read next.
	rising map[store.Key]struct{}
}

// mostRising is how many keys may stand in tier.rising: those that nobody asks
// for again would stay.
const mostRising = 1 << 10

// sends counts a use of o, whose body stands on disk, by a request that it is
// fresh for. One that returns soon leaves the index: whoever asks next copies it
// to memory. One that the origin is asked to confirm must not leave: its new head
// could not be kept.
func (t *tier) sends(o *store.Object[kept]) {
	size := o.Content.Size()
	if size >= inKernel {
		return
	}
	now := t.sent.Add(size)
	last := o.Meta.disk.sent.Swap(now)
	// The head of a response that is fresh for a short time may be newer than on disk.
	if last == 0 || now-last > t.room || o.Meta.facts.Lifetime < reheadWorth {
		return
	}
	t.mu.Lock()
	if len(t.rising) == mostRising {
		for k := range t.rising { // any: at worst it takes two more uses
			delete(t.rising, k)
			break
		}
	}
	t.rising[o.Key] = struct{}{}
	t.mu.Unlock()
	t.c.store.Remove(o, store.Replaced)
}

// rises tells whether the body under the key is to be copied to memory, once.
func (t *tier) rises(k store.Key) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	_, ok := t.rising[k]
	delete(t.rising, k)
	return ok
}

// turn makes the caller the one that reads the response of a key from disk, until
// it calls over; or, if there is one, others is closed when that has read it.
func (t *tier) turn(k store.Key) (over func(), others <-chan struct{}) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if ch := t.loading[k]; ch != nil {
		return nil, ch
	}
	ch := make(chan struct{})
	t.loading[k] = ch
	return func() {
		t.mu.Lock()
		delete(t.loading, k)
		t.mu.Unlock()
		close(ch)
	}, nil
}

// queued is how many responses may wait to be copied to disk. They hold no body
// alive: what leaves memory first is not copied.
const queued = 1 << 12

// pending is the value of kept.copied while an object waits to be copied.
const pending = ^uint32(0)

// openTier joins a cache to what is on disk: secrets first, then purges, then
// responses.
func (c *Cache) openTier(o *Options) error {
	fsys := o.Disk.FS
	if fsys == nil {
		fsys = vfs.Dir(o.Disk.Folder)
	}
	j, entries, err := journal.Open(journal.Options{FS: fsys, Layout: layout()})
	if err != nil {
		return fmt.Errorf("cache: on disk: %w", err)
	}
	t := &tier{c: c, journal: j, queue: make(chan *store.Object[kept], queued), over: make(chan struct{}),
		room: c.store.Stats().BodyLimit, loading: map[store.Key]chan struct{}{}, rising: map[store.Key]struct{}{}}
	c.tags = tag.New(tag.Options{Memory: min(o.Memory/64, 16<<20), Seed: j.Secret("tags")})
	for i := range entries {
		c.apply(&entries[i])
	}
	// Whatever has had a number is older than what is fetched from now on.
	c.tags.Advance(j.First())
	t.disk, err = disk.Open(disk.Options{
		FS: fsys, ID: disk.ID(j.Secret("segments")), Size: o.Disk.Size, Index: diskIndex(o.Memory, o.Disk.Size), Segment: o.Disk.Segment, Unchecked: o.Disk.Unchecked,
		Events: disk.Events{
			Loading: o.Events.Loading,
			Evicted: func(n int, bytes int64, age time.Duration) {
				if o.Events.DiskEvicted != nil {
					o.Events.DiskEvicted(n, bytes, age)
				}
			},
			Crowded: o.Events.DiskIndexFull,
			Fault:   o.Events.DiskFault,
		},
	})
	if err != nil {
		j.Close()
		return fmt.Errorf("cache: on disk: %w", err)
	}
	c.tier = t
	t.done.Go(t.copyAll)
	return nil
}

// Close writes down what the next start needs. Nobody may use the cache any more.
// A cache in memory has nothing to write.
func (c *Cache) Close() error {
	if c.tier == nil {
		return nil
	}
	return c.tier.close()
}

// close writes down what the next start needs.
func (t *tier) close() error {
	close(t.over)
	t.done.Wait()
	t.disk.Close()
	return t.journal.Close()
}

// want has an object copied to disk, if it is not there already, or has been
// pushed out since. It does not wait.
func (t *tier) want(o *store.Object[kept]) {
	if o.Meta.disk == nil || o.Meta.disk.body != nil || o.Meta.disk.segments != nil {
		return
	}
	// Fast path: it has been copied, and its segment is there still.
	at := o.Meta.disk.copied.Load()
	if at == pending || at >= t.disk.Oldest() || t.disk.Resting() || !o.Meta.disk.copied.CompareAndSwap(at, pending) {
		return
	}
	select {
	case t.queue <- o:
	default:
		o.Meta.disk.copied.Store(at) // another time
	}
}

// copyAll copies what is in the queue until the cache is closed, and then what
// is left in it.
func (t *tier) copyAll() {
	for {
		select {
		case o := <-t.queue:
			t.copy(o)
		case <-t.over:
			for {
				select {
				case o := <-t.queue:
					t.copy(o)
				default:
					return
				}
			}
		}
	}
}

// copy writes an object of the arena to disk.
func (t *tier) copy(o *store.Object[kept]) {
	set := t.c.store.Find(o.Key)
	if set.Object(o.Variant) != o {
		return // it has left memory meanwhile
	}
	c, ok := t.write(o)
	if !ok || !t.disk.Commit(record(o, set.Names()), c) {
		o.Meta.disk.copied.Store(0)
		return
	}
	o.Meta.disk.copied.Store(max(1, c.Segment()))
	if o.Meta.disk.over.Load() {
		t.disk.Forget(disk.Key(o.Key), disk.Key(o.Variant))
		return
	}
	if c.Size() >= inKernel {
		// The next request finds it on disk, and leaves its room to others.
		t.c.store.Remove(o, store.Replaced)
	}
}

// write puts a body of the arena on disk.
func (t *tier) write(o *store.Object[kept]) (*disk.Content, bool) {
	b, ok := t.c.store.Open(o)
	if !ok {
		return nil, false
	}
	defer b.Close()
	w := t.disk.Create(b.Len())
	defer w.Close()
	buf := t.c.blocks.Get().(*[]byte)
	defer t.c.blocks.Put(buf)
	for b.Len() > 0 {
		n, err := fullRead(b, *buf)
		if err != nil || w.Put((*buf)[:n]) != nil {
			return nil, false
		}
	}
	return w.Content(), true
}

// fullRead fills p, but at the end of the body.
func fullRead(b interface {
	Len() int64
	Read([]byte) (int, error)
}, p []byte) (n int, err error) {
	for n < len(p) && b.Len() > 0 {
		m, err := b.Read(p[n:])
		if err != nil {
			return n, err
		}
		n += m
	}
	return n, nil
}

// forget forgets on disk what o is about to take the place of, or has: its
// variant, or all of them if there are none any more. Variants that were told
// apart by other names are not found while o is there.
func (t *tier) forget(o *store.Object[kept], names []string) {
	k := disk.Key(o.Key)
	switch {
	case !t.disk.Has(k):
	case len(names) == 0:
		t.disk.ForgetAll(k)
	default:
		t.disk.Forget(k, disk.Key(o.Variant))
	}
}

// reheadWorth is how long a confirmed response has to be fresh for its new head
// to be written to disk.
const reheadWorth = 10 * time.Second

// rehead writes the new head of a response that the origin has confirmed. One
// that will not be fresh for long is not worth it: what is on disk is stale, and
// has to be confirmed after a restart.
func (t *tier) rehead(o, old *store.Object[kept], names []string) {
	same := o.Variant == old.Variant && slices.Equal(t.c.store.Find(o.Key).Names(), names)
	switch at := old.Meta.disk.copied.Load(); {
	case !same:
		t.forget(o, names)
	case o.Meta.disk.body != nil:
		if o.Meta.facts.Lifetime >= reheadWorth {
			t.disk.Commit(record(o, names), o.Meta.disk.body)
		}
	case at == 0 || at == pending || o.Meta.facts.Lifetime < reheadWorth:
		if at != pending {
			o.Meta.disk.copied.Store(at)
		}
	default:
		r, content, ok := t.disk.Find(disk.Key(o.Key), func([]string) disk.Key { return disk.Key(o.Variant) })
		if ok && r.Born == old.Born && content.Size() == o.Content.Size() && t.disk.Commit(record(o, names), content) {
			o.Meta.disk.copied.Store(max(1, content.Segment()))
		}
	}
}

// load brings a response from disk. The object may be in the index by then or
// not; either way its body can be opened until release is called.
func (t *tier) load(k store.Key, match func(names []string) store.Key) (o *store.Object[kept], release func()) {
	r, content, ok := t.disk.Find(disk.Key(k), func(names []string) disk.Key { return disk.Key(match(names)) })
	if !ok {
		return nil, nil
	}
	set := t.c.store.Find(k)
	if o, ok = t.c.unpack(&r); !ok || o.Meta.mark.State() == tag.Gone || set != nil && !slices.Equal(set.Names(), r.Names) {
		t.disk.Discard(content)
		return nil, nil
	}
	size := content.Size()
	if up := size < atOnce || size < inKernel && t.rises(k); !up || !t.promote(o, content, &release) {
		release = t.keep(o, content)
	}
	// What is in memory is as new, or newer.
	if set.Object(o.Variant) == nil && t.c.store.Insert(o, r.Names) && !t.disk.Holds(content) {
		t.c.store.Remove(o, store.Removed)
	}
	return o, release
}

// peek is what load would bring, without bringing it, and the names that it varies by.
func (t *tier) peek(k store.Key, match func(names []string) store.Key) (*store.Object[kept], []string) {
	r, content, ok := t.disk.Find(disk.Key(k), func(names []string) disk.Key { return disk.Key(match(names)) })
	if !ok {
		return nil, nil
	}
	o, ok := t.c.unpack(&r)
	if !ok || o.Meta.mark.State() == tag.Gone {
		return nil, nil
	}
	o.Content = store.Elsewhere(content.Size())
	o.Meta.disk.body = content
	return o, r.Names
}

// keep makes o an object whose body stays on disk.
func (t *tier) keep(o *store.Object[kept], content *disk.Content) (release func()) {
	o.Content = store.Elsewhere(content.Size())
	o.Meta.disk.body = content
	o.Extra += int32(content.Memory())
	content.OnLost = o.Content.Lose
	return o.Content.Release
}

// promote copies the body to the arena.
func (t *tier) promote(o *store.Object[kept], content *disk.Content, release *func()) bool {
	b, ok := content.Open()
	if !ok {
		return false
	}
	defer b.Close()
	w := t.c.store.Chunks().Create()
	buf := t.c.blocks.Get().(*[]byte)
	defer t.c.blocks.Put(buf)
	for b.Len() > 0 {
		n, err := fullRead(b, (*buf)[:min(len(*buf), w.Size())])
		if err != nil || w.Put((*buf)[:n]) != nil {
			w.Close()
			return false
		}
	}
	o.Content = w.Content()
	o.Meta.disk.copied.Store(max(1, content.Segment()))
	*release = w.Close
	return true
}
