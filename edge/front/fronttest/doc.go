// Package fronttest is what every front end must do, as tests: a front's own
// tests call [Run] with a function that starts it. The client is net/http's,
// over connections in memory ([Wire]) with small buffers, half-close and
// resets, in a synctest bubble: nothing is slow, and back-pressure shows.
//
// Called by tests only.
package fronttest
