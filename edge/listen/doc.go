// Package listen opens the node's TCP sockets: with a limit on connections,
// an Accept that survives a moment without file descriptors, and an end that
// resets nobody. It speaks no protocol; fronts get the connections.
//
// Called by edge/node.
package listen
