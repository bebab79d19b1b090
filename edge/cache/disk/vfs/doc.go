// Package vfs is the little that the disk tier asks of a file system, so that a
// test can put a faulty one in its place. It knows one flat folder, and nothing
// of what stands in the files.
//
// edge/cache/disk and edge/cache/journal are written against it, edge/cache
// gives them [Dir], tests give them edge/cache/disk/faultfs.
package vfs
