// Package cases holds a function against a conversation: settings, stores and an origin that a file describes, requests, and what came of each, to the
// byte. It runs on a whole node, made for that conversation and thrown away: routes, hooks, cache and origin are those of production, on loopback.
//
// A conversation is text with sections, of which the author writes some and Run the others (see [Parse]). A run gives the text anew, as things went:
// it is right if the two are equal, and recording is writing it to the file. The command wedge function test is its caller.
package cases
