// Package disk is the cache's part on disk: responses in append-only segment
// files, found by an index in memory.
//
// A body lies in stretches of segments, with a checksum for each block of
// 64 KiB; behind it stands a head, with the response's key, what the caller
// keeps of it, and where the body is. Only a complete body gets a head, so what
// a crash leaves half-written is never found. What is read is checked: what is
// not what was written is as if it were not there. The oldest segment makes room
// as a whole; what was popular in it is copied to the end first.
//
// At the start the index is made of the lists beside the segments, and of the
// heads that stand behind what a list covers. Memory is [EntryCost] bytes for
// each response.
//
// The package knows no HTTP, no freshness and no purges: the cache's door keeps
// those facts as bytes with each response, and judges them. It syncs nothing:
// what a power cut takes was a copy. The file system is edge/cache/disk/vfs, so
// that edge/cache/disk/faultfs can stand in for it.
package disk
