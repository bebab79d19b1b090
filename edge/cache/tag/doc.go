// Package tag decides whether a stored object has been purged since it was
// made. It keeps no list of objects: a purge writes its sequence number into
// small tables, and each object compares these with the number at which its
// own fetch began. So a purge costs the same whatever it hits, nothing can get
// out of step, and an object that a purge missed cannot exist.
//
// The tables are hashed and of bounded size: two tags may share a number, and
// then a purge of one takes objects of the other with it. That costs a fetch,
// never a wrong answer. Owners have tables of their own, so one owner's purges
// never touch another's objects.
//
// The package knows no HTTP and stores no bodies. The cache's door calls it:
// [Tables.Owner] and the Purge methods when somebody purges, [Mark.State] on
// every hit.
package tag
