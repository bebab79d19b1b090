// Package random has generators of random numbers that are right in a function whose memory is put back after each exchange.
//
// The node may give each exchange an instance in the state that it had after initialisation. A generator in a package variable that was seeded before then
// gives every request the same numbers: any rand.New there, of math/rand or math/rand/v2. A Source of this package begins anew after each reset.
//
// Safe without it are crypto/rand and wedge.Random, which ask the node each time, and the global functions of math/rand and math/rand/v2, which package
// wedge seeds again after each reset. It is not for secrets: use crypto/rand or wedge.Random for tokens and keys.
package random
