// Package rival starts what is measured: the node, other caches and proxies, and bare handlers, each with a configuration that is
// a readable file below the folder of its name.
//
// A Rival starts in a folder, before an origin, and tells its address and its process. It does not measure; the suite does. What
// is not installed, or has no such feature, says so: its row in a report shows the reason.
package rival
