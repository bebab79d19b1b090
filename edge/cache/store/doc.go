// Package store keeps responses in memory: bodies as chunks in freecache's
// arena, and an index of heads and policy facts on the Go heap. Both are
// bounded in bytes.
//
// The index decides what goes when either is full (S3-FIFO, see queues), and
// freecache evicts nothing by itself: before each write the store looks at what
// freecache would overwrite, and moves what is to stay (see ring). Only where
// readers hold on to much that has been evicted does a chunk go that its object
// still needs; the index learns of it when it opens the body, and forgets the
// object. A chunk is found under its object's number and its own, which stand
// beside its bytes, so what comes back is the right chunk or none. Expiry is the
// caller's business: nothing here looks at a clock.
//
// The bodies that are asked for most have a copy beside the arena, from which
// they are sent without being copied (see hot).
//
// The package knows no freshness, no purges and no keys beyond their hashes;
// the cache's door keeps its own facts with each object (the type parameter M)
// and asks.
package store
