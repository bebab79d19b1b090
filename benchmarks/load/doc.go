// Package load is a client that costs little: one thread, one epoll, keep-alive connections on which it sends what it is given
// and compares what comes back byte for byte.
//
// Closed sends the next request as soon as a connection is free, which measures throughput. Open sends requests at fixed points
// in time, and a latency counts from that point: a server that stops for a second is late for all that should have been sent in
// it. It asks plain HTTP/1.1 of one address on loopback, on Linux. It starts no servers and knows no scenarios; the suite calls it.
package load
