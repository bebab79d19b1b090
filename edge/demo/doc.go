// Package demo is a node, an origin with a small real site, and the example functions, all in one process and on free loopback ports.
//
// It writes the files that such a node needs into a folder, as somebody would who sets one up: a wedge.yaml, the functions, keys, an operator's
// token. It starts the node of edge/node on them and fills its stores over the operators' API. Guide says what to try; Tour plays it, as a client
// that sees only what clients, operators and the origin see, and compares what it saw with what it told. Nothing in here is known to the node.
//
// edge/cmd/wedge calls it for "wedge demo".
package demo
