// Package faultfs is a file system in memory that fails as disks do: no room is
// left, a read fails or returns flipped bits, a write stops half-way, and a
// power cut keeps any of the sectors that were not synced and drops the others.
//
// It is for tests of what is written against edge/cache/disk/vfs. Everything is
// decided by a seed, so that a failure can be repeated.
package faultfs
