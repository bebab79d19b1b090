// Package journal keeps the purges that must outlive a restart, and with them
// what else a cache on disk cannot be read without: its secrets.
//
// A purge is on disk before [Journal.Append] returns. Those that wait at the
// same time share one sync. The file is written anew at each start and when it
// has grown: purges that later ones cover are left out, and of very many the
// oldest are taken for purges of everything their owners had then.
//
// Numbers of purges never come twice: each start begins a new epoch of them,
// above everything that a response on disk, or a purge that a crash took, can
// have.
//
// The package knows no tags and no HTTP. edge/cache calls it, and does to its
// tables what the journal tells it at the start.
package journal
