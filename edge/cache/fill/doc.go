// Package fill is where the two sides of a request meet: requests that want
// the same thing at the same time share one fetch. The first to ask leads: it
// fetches, and says what comes of it; the others wait for that, and then either
// read the response from its first byte while it still arrives, or are told to
// fetch for themselves, or that the origin failed.
//
// The package knows no HTTP: heads, keys and variants are opaque, and what the
// leader stores goes into a [Sink]. It decides nothing about caching either:
// the cache's door calls it, tells it who may share with whom, and serves what
// it returns.
package fill
