// Package place tells where an address is: country, subdivision, city and autonomous system, from database files in
// MaxMind's format (.mmdb), which MaxMind and others offer. It guesses nothing: what no file tells is not known.
//
// Functions ask it through the client functions of their ABI; edge/node joins the two, and opens the files again when
// the node reloads.
package place
