// Package fastly is the core ABI of Fastly Compute as a handler: programs that were built for it, JavaScript by
// @fastly/js-compute among them, answer requests on this node as they are.
//
// Such a program is run once for a request: it asks for the request, makes requests of its own to backends, sends a
// response and ends. Requests, responses, bodies and what else the host keeps for it are small numbers, its handles; a
// function returns a status and writes its results to where its last parameters point. What is not offered answers
// unsupported; edge/docs/compatibility.md has the list.
//
// A Binding is a function with what the operator gave it; a Session is one run of it for one exchange. Backends are the
// named origins and hosts that the binding may fetch from, reached through the node's cache. hostapi/guest is the only
// caller; the package starts no guest, and needs of the node what hostapi/services says.
package fastly
