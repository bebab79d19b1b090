// Package services is what every guest ABI needs of the node, as small interfaces: stores, the cache as a store,
// fetches, counters, logs, metrics, facts about clients, spans.
//
// The packages of hostapi call them; the rooms of edge satisfy them, and edge/node joins both. Any of them may be nil:
// then the node does not offer it, and guests are told so. Who calls (owner, function, exchange) always comes from the
// host, never from a guest. Implementations are called by many goroutines at once; they do not keep byte slices or
// strings that they are given after they have returned, unless it says so.
package services
