package sandbox

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/wedgecdn/wedge/runtime/limit"
)

// Room is the memory that all instances of a node share, with whatever else is booked on it. One is made for a node, and
// all its pools use it. What does not fit is refused, after idle instances have been closed to make place: those first
// that have been idle for longest, of whichever pool.
//
// An instance is booked with the whole of its linear memory as soon as it may touch it, and not with the part that is
// resident: there is no moment later at which a guest that touches its own memory could be refused.
//
// INVARIANT: used is the sum of what is taken and not given back. mu is a leaf: no pool is touched while it is held.
type Room struct {
	most    int64
	refused atomic.Int64

	mu    sync.Mutex
	used  int64
	pools []*Pool
}

// NewRoom makes a room of so many bytes. A nil *Room has no end.
func NewRoom(most int64) *Room { return &Room{most: most} }

// Used returns what is taken, Most what can be, and Refused how often something did not fit.
func (r *Room) Used() int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.used
}

// Most returns the size of the room.
func (r *Room) Most() int64 { return r.most }

// Refused counts what did not fit.
func (r *Room) Refused() int64 { return r.refused.Load() }

// Take takes n bytes, closing idle instances if need be, and tells whether they were there.
func (r *Room) Take(n int64) bool {
	for !r.fits(n) {
		if !r.evict() {
			r.refused.Add(1)
			return false
		}
	}
	return true
}

// fits takes n bytes if they are free.
func (r *Room) fits(n int64) bool {
	if r == nil {
		return true
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.used+n > r.most {
		return false
	}
	r.used += n
	return true
}

// Give gives n bytes back.
func (r *Room) Give(n int64) {
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.used -= n; r.used < 0 {
		panic("BUG: sandbox: more memory is given back than was taken")
	}
}

// evict closes the instance that has been idle for longest, and tells whether there was one.
func (r *Room) evict() bool {
	r.mu.Lock()
	pools := slices.Clone(r.pools)
	r.mu.Unlock()
	var from *Pool
	var since time.Time
	for _, p := range pools {
		if t, ok := p.oldest(); ok && (from == nil || t.Before(since)) {
			from, since = p, t
		}
	}
	// Another may have taken it: then there is room, or another one to close.
	return from != nil && (from.evict() || r.evict())
}

func (r *Room) join(p *Pool) {
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.pools = append(r.pools, p)
}

func (r *Room) leave(p *Pool) {
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if n := slices.Index(r.pools, p); n >= 0 {
		r.pools = slices.Delete(r.pools, n, n+1)
	}
}

// account is what one pool has taken of the room. A nil *account has no end.
type account struct {
	room *Room
	held atomic.Int64
}

func (a *account) take(n int64) bool {
	if a == nil {
		return true
	}
	if a.room != nil && !a.room.Take(n) {
		return false
	}
	a.held.Add(n)
	return true
}

func (a *account) give(n int64) {
	if a == nil || n == 0 {
		return
	}
	a.held.Add(-n)
	a.room.Give(n)
}

// owe takes n bytes that are in use already, whether or not they are there.
func (a *account) owe(n int64) {
	a.held.Add(n)
	if a.room != nil {
		a.room.mu.Lock()
		a.room.used += n
		a.room.mu.Unlock()
	}
}

// spare tells whether n bytes are there without closing anything for them.
func (a *account) spare(n int64) bool {
	if a == nil || a.room == nil {
		return true
	}
	return a.room.Used()+n <= a.room.most
}

// ErrNoRoom is what Acquire returns when the memory for all functions is in use. It is an ErrNoInstance.
var ErrNoRoom = fmt.Errorf("%w: the memory of the node is in use", ErrNoInstance)

func (a *account) noRoom(wanted int64) error {
	return errors.Join(ErrNoRoom, &limit.Exceeded{Budget: limit.NodeMemory, Limit: a.room.most, Spent: a.room.Used() + wanted})
}

// What an instance takes beside its linear memory, about: the engine's instance, a call stack that has grown a little, and
// a word for each entry of its tables.
const (
	instanceBytes = 64 << 10
	entryBytes    = 8
)

// beside is what an instance takes beside its linear memory. A guest that makes a table longer asks nobody, so its tables are
// booked at their longest from the begin.
func (o *Options) beside() int64 {
	return instanceBytes + o.Module.Metered().Entries*entryBytes
}

// oldest tells since when the instance is idle that has been so for longest.
func (p *Pool) oldest() (time.Time, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.idle) == 0 {
		return time.Time{}, false
	}
	return p.epoch.Add(p.idle[0].since), true
}

// evict closes the instance that has been idle for longest, if there is one.
func (p *Pool) evict() bool {
	p.mu.Lock()
	if len(p.idle) == 0 {
		p.mu.Unlock()
		return false
	}
	i := p.idle[0].instance
	p.idle[0] = idleInstance{}
	p.idle = p.idle[1:]
	p.live-- // nobody queues, or it would not be idle
	p.mu.Unlock()
	p.close(i, Evicted)
	return true
}
