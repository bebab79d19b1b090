// Package limit says what a guest may spend on one exchange (fuel, CPU time, wall time, memory, host calls), keeps the
// account, and names what ran out.
//
// It measures nothing itself: runtime/sandbox reads the clocks and the fuel counter and books them on a Budget. The
// configuration turns words such as "none" into Limits; edge/hook makes one Budget an exchange and function and hands it
// to each call.
package limit
