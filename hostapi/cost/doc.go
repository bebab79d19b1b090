// Package cost measures what a function's hooks cost in fuel: on the runtime of the node, with the node's numbers, and with clock and
// random bytes fixed, so that the same function and the same request cost the same on every machine.
//
// There is no node behind it: stores are empty, nothing can be fetched, logs go nowhere. It is for tests of those who
// write functions, through the command line or from Go, and never for requests of clients.
package cost
