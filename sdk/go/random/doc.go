// Package random has generators of random numbers that are right in a function whose memory is put back after each exchange.
//
// The node may give each exchange an instance in the state that it had after initialisation. Whatever was seeded before that state is seeded the
// same in every exchange: the global functions of math/rand and math/rand/v2 and any rand.New in a package variable then give every request
// the same numbers, and maps the same order of iteration. Safe without this package are crypto/rand and wedge.Random, which ask the node each time.
//
// A Source of this package begins anew after each reset. The package exports wedge_restored, which the node calls then; so a function that
// imports it must not export that name itself. It is not for secrets: use crypto/rand or wedge.Random for tokens and keys.
package random
