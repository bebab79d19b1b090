// Package kv keeps the stores that functions and operators use.
//
// A [Store] is a name under an [Owner] (a tenant); nothing crosses owners. An entry is a key, a value, metadata,
// an optional expiry, and a version. Versions come from one persisted sequence of the whole file that only
// rises ([DB.NextSequence] draws from it too), so a version names one write for ever: compare-and-swap cannot
// be fooled by a delete and a put in between.
//
// All writes go through one goroutine, which puts those that wait into one transaction and one sync. A call
// returns after that commit, so what it reports survives the process. Conditions, additions and quotas are
// decided inside that goroutine, which makes them linearizable. Reads take a transaction of their own, copy
// out, and end it before any caller's code runs.
//
// An expired entry is never returned. Its space comes back when a read has met it and the next commit passes by,
// when its key is written, when its owner's quota needs the room, and by [DB.Sweep], which the node calls from
// time to time: this package starts no timer. The file does not shrink; freed pages are used again.
//
// The package knows no guests, no HTTP and no logger. edge/node opens it and joins it to the host's services and
// to edge/admin; observers listen through [Events].
package kv
