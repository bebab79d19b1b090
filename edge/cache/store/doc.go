// Package store keeps responses in memory: bodies as chunks in freecache's
// arena, and an index of heads and policy facts on the Go heap. Both are
// bounded in bytes.
//
// The index decides what goes when it is full (SIEVE); freecache decides by
// itself when the arena is, and tells nobody: the index learns of a lost chunk
// when it opens a body, and then forgets the object. A chunk is found under its
// object's number and its own, which stand beside its bytes, so what comes back
// is the right chunk or none. Expiry is the caller's business: nothing here
// looks at a clock.
//
// The package knows no freshness, no purges and no keys beyond their hashes;
// the cache's door keeps its own facts with each object (the type parameter M)
// and asks.
package store
