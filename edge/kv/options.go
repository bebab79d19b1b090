package kv

import "time"

const (
	// DefaultMaxValue is the largest value unless Options.MaxValue says otherwise.
	DefaultMaxValue = 1 << 20
	// LargestMaxValue is the most that Options.MaxValue may ask for: a value is held in memory whole.
	LargestMaxValue = 64 << 20

	defaultLockTimeout = time.Second
)

// Options are the settings of Open. The zero value is the default.
type Options struct {
	// Now tells the time that expiries are measured with; nil is time.Now. It is called outside transactions.
	Now func() time.Time
	// MaxValue is the largest value in bytes; 0 is DefaultMaxValue.
	MaxValue int
	// Quota tells how many bytes an owner may keep, 0 for no limit; nil is no limit for anybody. It is asked
	// before each write, outside transactions, so it may change while the node runs. What counts is
	// key, value, metadata and EntryOverhead of each entry.
	Quota func(Owner) int64
	// LockTimeout is how long Open waits for another process to leave the file; 0 is one second.
	LockTimeout time.Duration
	// Events tell an observer what happens.
	Events Events
}

// Events are told after the fact, outside transactions and locks; nil ones are skipped. Put and Delete run on the
// caller's goroutine, Expire and Commit on the committing one, where a slow observer delays the next commit.
type Events struct {
	// Put: a write was acknowledged (Put, Add, or a line of an import); bytes is the size of its value.
	Put func(o Owner, s StoreName, bytes int)
	// Delete: n entries were removed by Delete or Drop.
	Delete func(o Owner, s StoreName, n int)
	// Expire: n expired entries of the owner were removed from the file.
	Expire func(o Owner, n int)
	// Commit: a batch ended.
	Commit func(Commit)
}

// Commit describes one batch of writes.
type Commit struct {
	Ops      int           // operations in the batch, refused ones too
	Refused  int           // of these, those answered with an error: conflicts, quotas, not a number
	Bytes    int           // bytes of the records in it
	Duration time.Duration // from its begin to after the sync, by the wall clock
	Err      error         // the file refused it
}

func (o *Options) setDefaults() error {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.MaxValue == 0 {
		o.MaxValue = DefaultMaxValue
	}
	if o.LockTimeout == 0 {
		o.LockTimeout = defaultLockTimeout
	}
	if o.MaxValue < 0 || o.MaxValue > LargestMaxValue {
		return invalidf("kv: max value of %d bytes: use 1 to %d, or 0 for %d", o.MaxValue, LargestMaxValue, DefaultMaxValue)
	}
	if o.LockTimeout < 0 {
		return invalidf("kv: lock timeout of %s is negative: use 0 for %s", o.LockTimeout, defaultLockTimeout)
	}
	return nil
}
