package cache

import (
	"errors"
	"slices"
	"time"

	"github.com/wedgecdn/wedge/edge/cache/key"
	"github.com/wedgecdn/wedge/edge/cache/store"
	"github.com/wedgecdn/wedge/edge/cache/tag"
)

// Values is the cache as a store of an owner's values, apart from responses:
// what functions compute once and keep for a while. Values stand in the same
// memory, give way to others like responses do, and carry tags of the same
// table: a purge by tag, or of all, takes both. A purge by URL or prefix takes
// those that have been put as the response of a URL.
//
// A value may be gone at any time. It is safe for concurrent use.
type Values struct{ c *Cache }

// Bounds of values.
const (
	// MaxValueKey is the longest key of a value, in bytes.
	MaxValueKey = 1 << 10
	// MaxValue is the longest value, in bytes; Options.ObjectSize may be less.
	MaxValue = 8 << 20
	// MaxValueTTL is the longest life of a value; more is taken for as much.
	MaxValueTTL = 366 * 24 * time.Hour
)

// Errors of Put.
var (
	// ErrValueKey: the key is of no use.
	ErrValueKey = errors.New("cache: the key of a value has 1 to 1024 bytes")
	// ErrValueTTL: the value would not live.
	ErrValueTTL = errors.New("cache: the life of a value is above 0")
	// ErrValueSize: the value is longer than the cache takes.
	ErrValueSize = errors.New("cache: the value is larger than a stored object may be")
)

// Values is the door for values.
func (c *Cache) Values() Values { return Values{c} }

// Get appends the owner's value to dst and tells whether there is one.
func (v Values) Get(owner string, key, dst []byte) (value []byte, found bool) {
	if len(key) == 0 || len(key) > MaxValueKey {
		return dst, false
	}
	o := v.find(owner, key)
	if o == nil {
		return dst, false
	}
	b, ok := v.c.store.Open(o)
	if !ok {
		return dst, false
	}
	defer b.Close()
	n := len(dst)
	dst = slices.Grow(dst, int(b.Len()))
	for b.Len() > 0 {
		m, err := b.Read(dst[len(dst):cap(dst)])
		if err != nil {
			return dst[:n], false // a part of it has been evicted meanwhile
		}
		dst = dst[:len(dst)+m]
	}
	return dst, true
}

// find is the value that is there, if it has neither been purged nor outlived
// itself. A soft purge takes it as well: nobody could confirm it.
func (v Values) find(owner string, key []byte) *store.Object[kept] {
	o := v.c.store.Find(v.key(owner, key)).Object(store.Key{})
	if o == nil {
		return nil
	}
	f := &o.Meta.facts
	if o.Meta.mark.State() != tag.Current || v.c.now().UnixNano()-f.Received >= int64(f.Lifetime) {
		v.c.store.Remove(o, store.Removed)
		return nil
	}
	return o
}

func (v Values) key(owner string, key []byte) store.Key { return store.Key(v.c.keys.Value(owner, key)) }

// Put keeps a value of the owner for at most ttl, in place of an older one.
// When a purge of one of its tags has begun before Put returns, the value may
// be gone. The error is one of those above; that the value did not find room is
// none, since it could be gone a moment later as well.
func (v Values) Put(owner string, key, value []byte, ttl time.Duration, tags []string) error {
	return v.Begin(owner, tags).Put(key, value, ttl)
}

// An Insert is values of an owner on their way into the cache. Immutable; safe
// for concurrent use.
type Insert struct {
	v     Values
	owner string
	tags  []string
	url   string
	mark  tag.Mark
}

// Begin begins the insert of values that take time to make: what is put through
// it is as old as Begin, so a purge of one of its tags that came meanwhile takes
// it. The tags are kept.
func (v Values) Begin(owner string, tags []string) *Insert {
	i := &Insert{v: v, owner: owner, tags: tags}
	i.mark.Set(v.c.tags.Owner(owner), v.c.tags.Sequence(), "", "")
	i.mark.SetTags(slices.Values(tags), nil)
	return i
}

// As is an insert that began when i did, of what carries the tags and is the
// response of a URL; "", and one that is none, is no response. The tags are kept.
func (i *Insert) As(tags []string, url string) *Insert {
	as := &Insert{v: i.v, owner: i.owner, tags: tags}
	if u, err := key.ParseURL(url); err == nil {
		as.url = u.String()
	}
	as.mark.Set(i.v.c.tags.Owner(i.owner), i.mark.Born(), as.url, "")
	as.mark.SetTags(slices.Values(tags), nil)
	return as
}

// Purged tells whether a purge has taken the values since the insert began.
func (i *Insert) Purged() bool { return i.mark.State() != tag.Current }

// Put is that of Values, with the owner and the tags of the insert.
func (i *Insert) Put(key, value []byte, ttl time.Duration) error {
	v, owner := i.v, i.owner
	switch {
	case len(key) == 0 || len(key) > MaxValueKey:
		return ErrValueKey
	case ttl <= 0:
		return ErrValueTTL
	case int64(len(value)) > min(MaxValue, v.c.ramObject):
		return ErrValueSize
	}
	if i.Purged() {
		return nil // it must not take the place of what has not been purged
	}
	o := &store.Object[kept]{Key: v.key(owner, key), Born: i.mark.Born()}
	o.Meta.facts.Received, o.Meta.facts.Lifetime = v.c.now().UnixNano(), min(ttl, MaxValueTTL)
	o.Meta.mark.Set(v.c.tags.Owner(owner), o.Born, i.url, "")
	o.Meta.mark.SetTags(slices.Values(i.tags), nil)
	o.Extra = int32(o.Meta.mark.Size())
	w := v.c.store.Chunks().Create()
	defer w.Close()
	for b := range slices.Chunk(value, w.Size()) {
		if w.Put(b) != nil {
			return nil
		}
	}
	o.Content = w.Content()
	v.c.store.Insert(o, nil)
	return nil
}

// Delete removes the owner's value and tells whether there was one.
func (v Values) Delete(owner string, key []byte) (existed bool) {
	if len(key) == 0 || len(key) > MaxValueKey {
		return false
	}
	o := v.find(owner, key)
	return o != nil && v.c.store.Remove(o, store.Removed)
}
