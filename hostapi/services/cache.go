package services

import (
	"context"
	"time"
)

// Cache is the node's cache as a store of values that may vanish at any time.
type Cache interface {
	// Get appends the value to dst and tells whether there is one.
	Get(ctx context.Context, owner Owner, key, dst []byte) (value []byte, found bool, err error)
	// Put keeps a value for at most ttl, which is above 0.
	Put(ctx context.Context, owner Owner, key, value []byte, ttl time.Duration, tags []string) error
	// Begin begins the insert of values under the tags that take time to make: they
	// are as old as the call, and a purge that comes after it takes them.
	Begin(owner Owner, tags []string) Insert
	// Delete removes a value and tells whether there was one.
	Delete(ctx context.Context, owner Owner, key []byte) (existed bool, err error)
	// PurgeTag purges everything of the owner under the tag, responses too; soft
	// makes it stale. It returns how many objects that were, 0 if it does not know.
	PurgeTag(ctx context.Context, owner Owner, tag string, soft bool) (n int, err error)
}

// Insert is values on their way into the cache. It is safe for concurrent use.
type Insert interface {
	// Put is Cache's, with the owner and the tags of the insert. What has been
	// purged since it began is not kept, which is no error.
	Put(ctx context.Context, key, value []byte, ttl time.Duration) error
	// Purged tells whether a purge has taken it since it began, softly or not.
	Purged() bool
	// As is the same insert, as old as this one, of values under these tags, for when those are known later only. url is
	// what they are the response of, which purges of URLs take; "" is nothing.
	As(tags []string, url string) Insert
}

// Counters count rates in the node's memory, bounded in number.
type Counters interface {
	// Add adds to the counter of a key over a sliding window and returns what the
	// window holds. It does not wait.
	Add(owner Owner, key []byte, window time.Duration, delta int64) (sum int64, err error)
	// Read returns what the window holds.
	Read(owner Owner, key []byte, window time.Duration) (sum int64, err error)
	// Penalise puts a key aside for d; 0 ends it.
	Penalise(owner Owner, key []byte, d time.Duration) error
	// Penalty returns for how long the key is still put aside.
	Penalty(owner Owner, key []byte) (left time.Duration, err error)
}
