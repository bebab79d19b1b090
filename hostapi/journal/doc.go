// Package journal is what a function saw of the world in one exchange, written down so that it can see the same again.
//
// An exchange's record holds, for each function that ran in it, its version and settings, what it found at each hook, each
// call that it made of the node's services with what came back, each look at a clock, the seed of its random numbers, and
// what it made of the exchange. Tape journals services while a function runs in production, or answers out of a
// record; Look and Put take the state of an exchange and put it back; Redact takes secrets out; Writer and Reader are the
// file, JSON lines.
//
// It runs no guests and knows no node: hostapi/replay runs a record again, edge/node makes one.
package journal
