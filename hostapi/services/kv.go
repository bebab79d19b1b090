package services

import (
	"context"
	"fmt"
	"time"
)

// KV gives stores that keep what was put.
type KV interface {
	// Open returns the owner's store of that name, which need not hold anything
	// yet. It does not wait.
	Open(owner Owner, name string) (Store, error)
}

// Store is one store of one owner. Its operations are linearizable.
type Store interface {
	// Get reads the entry of key into e and tells whether there is one. It copies
	// into the buffers that e.Value and e.Metadata bring along, growing them if
	// need be.
	Get(ctx context.Context, key []byte, e *Entry) (found bool, err error)
	// Put stores a value and returns its version; a *ConflictError if the
	// condition does not hold.
	Put(ctx context.Context, key, value []byte, o PutOptions) (version uint64, err error)
	// Delete removes an entry and tells whether there was one. If ifVersion is
	// not 0 and the entry has another version, or is not there, it is a
	// *ConflictError.
	Delete(ctx context.Context, key []byte, ifVersion uint64) (existed bool, err error)
	// Add adds to a number and returns the sum. A key without an entry counts as
	// 0 and is made with the time to live (0: for ever). ErrNotNumber if the value
	// is none; ErrLimit if the sum does not fit into 64 bits.
	Add(ctx context.Context, key []byte, delta int64, ttl time.Duration) (sum int64, err error)
	// List returns at most limit entries whose keys begin with prefix, in
	// ascending order, behind the cursor of the page before ("" for the first).
	List(ctx context.Context, prefix []byte, cursor string, limit int) (Page, error)
}

// Entry is what a store keeps under a key.
type Entry struct {
	Value    []byte
	Metadata []byte
	Version  uint64
	Expires  time.Time // zero: never
}

// PutOptions are the conditions and the life of a value.
type PutOptions struct {
	TTL       time.Duration // 0: for ever
	Metadata  []byte
	IfVersion uint64 // only if the entry has this version; 0: no condition
	IfAbsent  bool   // only if there is no entry
}

// Listed is an entry without its value.
type Listed struct {
	Key      []byte
	Metadata []byte
	Version  uint64
	Expires  time.Time // zero: never
}

// Page is a part of a listing; its slices belong to the caller.
type Page struct {
	Entries []Listed
	Next    string // cursor of the next page, "" after the last
}

// ConflictError says that the condition of a write did not hold.
type ConflictError struct {
	Current uint64 // the version that is there, 0 if there is no entry
}

// Error names the present version.
func (e *ConflictError) Error() string {
	if e.Current == 0 {
		return "conflict: there is no entry"
	}
	return fmt.Sprintf("conflict: the entry is at version %d", e.Current)
}
