// Package restore puts right, in a guest whose memory the node has put back to what it was after initialisation, what must not be as it was then.
//
// It exports wedge_restored, which the node calls after each reset, and gives Go's own generator of random numbers a new seed there: the one behind
// the global functions of math/rand and math/rand/v2, the seeds of maps and the order in which they are walked. Go has no way to do that, so
// the package looks, once, during initialisation, where in memory the generator lies. Package wedge imports it, and random asks it for the Era.
package restore
