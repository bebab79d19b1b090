// Package client asks a node's operators' API: it sends one request over
// HTTP, with the bearer token if there is one, and turns what comes back into
// Go values or into an error that says whose fault it is. It never follows a
// redirect and uses no proxy, so that a token goes to the one place that its
// owner named.
//
// It does not find the node, print or ask anybody anything: the commands of
// edge/cmd/wedge do. What the JSON means is edge/admin's to say.
package client
