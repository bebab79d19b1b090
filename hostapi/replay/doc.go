// Package replay runs a function again in the world that a journal has written down: each hook finds what it found, each call
// of a service is answered as it was, clocks show the same, random numbers are the same. It needs no node.
//
// The same module does the same again, to the bit and the unit of fuel, compiled or interpreted; another module shows what it
// does otherwise. wedge replay is its caller.
package replay
