// Package counter counts what functions count by key over a time: requests of
// an address, logins of a user. It keeps sums over sliding windows and
// penalties in memory, bounded in number, and forgets them with the node.
//
// It decides nothing: whether a sum is too much is the function's business.
// Guests reach it through the counter functions of their ABI; edge/node joins
// the two.
package counter
