// Package observe turns what the rooms of a node tell into metrics, an access
// log, the operator's event log and the logs of functions. Rooms tell, this
// package decides what is written where; no room imports a logger.
//
// Nothing here may hold up a request: lines that cannot be written in time are
// dropped and counted, names of metrics come from the configuration and never
// from a request, and every buffer has a bound. Secrets do not appear because
// nobody gives them to this package.
//
// edge/node makes an [Observer] and hands it to the rooms; edge/admin serves
// its metrics and function logs.
package observe
