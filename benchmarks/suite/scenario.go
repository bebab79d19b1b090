package main

import "github.com/wedgecdn/wedge/benchmarks/rival"

// A Scenario is what is asked of every server alike.
type Scenario struct {
	Name  string
	Title string
	Kind  Kind
	// Main scenarios are run by make bench, the others by make bench-full.
	Main     bool
	Class    string // of the origin's responses
	Size     int    // of a body
	Objects  int    // that are asked for
	Conns    int
	Requests int // a round and server
	Function string
	MemoryMB int // for stored responses; 256 if it says nothing
	DiskMB   int
	// Open adds rounds with a fixed arrival rate, 70 % of what nginx answered.
	Open bool
	// Over is how clients ask, if not by HTTP/1.1 as it is.
	Over string
	// Vary says what else is drawn over scenarios that are alike but for it: "size" or "conns".
	Vary []string
}

// A Kind says how a scenario goes, and what the origin must have seen in the end.
type Kind string

const (
	Hit        Kind = "hit"        // everything is stored before; the origin sees nothing
	Miss       Kind = "miss"       // every request is for something new; the origin sees each
	Revalidate Kind = "revalidate" // everything is stored and stale; the origin confirms each
	Collapse   Kind = "collapse"   // all connections ask for one new thing at once; the origin's count is a result
	Zipf       Kind = "zipf"       // few things are asked for often, many seldom; the origin's count is a result
	Slow       Kind = "slow"       // as Hit, beside clients who read slowly
	Cold       Kind = "cold"       // from the start of the process to the first hit; what was stored before is on disk
	Idle       Kind = "idle"       // as Hit, beside connections on which nothing happens
	Hostile    Kind = "hostile"    // as Hit at a fixed rate, alone, and beside clients of a function that never ends
	Deploy     Kind = "deploy"     // the function is replaced, and asked for until the new one answers
)

// scenarios are all, in the order of a report.
func scenarios() []Scenario {
	const kib, mib = 1 << 10, 1 << 20
	return []Scenario{
		{Name: "hit-1k", Title: "Hit, 1 KiB", Kind: Hit, Main: true, Class: "keep", Size: kib, Objects: 1, Conns: 16, Requests: 10000, Open: true, Vary: []string{"size", "conns"}},
		{Name: "hit-16k", Title: "Hit, 16 KiB", Kind: Hit, Main: true, Class: "keep", Size: 16 * kib, Objects: 1, Conns: 16, Requests: 6000, Vary: []string{"size"}},
		{Name: "hit-1m", Title: "Hit, 1 MiB", Kind: Hit, Main: true, Class: "keep", Size: mib, Objects: 1, Conns: 16, Requests: 400, Vary: []string{"size"}},
		{Name: "start", Title: "Process start to the first hit", Kind: Cold, Class: "keep", Size: kib, Objects: 1, Conns: 1, Requests: 1, DiskMB: 256},
		{Name: "hit-1k-many", Title: "Hit, 1 KiB, 10 000 objects", Kind: Hit, Class: "keep", Size: kib, Objects: 10000, Conns: 16, Requests: 10000},
		{Name: "hit-128k", Title: "Hit, 128 KiB", Kind: Hit, Class: "keep", Size: 128 * kib, Objects: 1, Conns: 16, Requests: 2000, Vary: []string{"size"}},
		{Name: "hit-1k-c1", Title: "Hit, 1 KiB, one connection", Kind: Hit, Class: "keep", Size: kib, Objects: 1, Conns: 1, Requests: 4000, Vary: []string{"conns"}},
		{Name: "hit-1k-c128", Title: "Hit, 1 KiB, 128 connections", Kind: Hit, Class: "keep", Size: kib, Objects: 1, Conns: 128, Requests: 10000, Vary: []string{"conns"}},
		{Name: "hit-1k-c1024", Title: "Hit, 1 KiB, 1 024 connections", Kind: Hit, Class: "keep", Size: kib, Objects: 1, Conns: 1024, Requests: 10000, Vary: []string{"conns"}},
		{Name: "hit-16k-disk", Title: "Hit, 16 KiB, on disk", Kind: Hit, Class: "keep", Size: 16 * kib, Objects: 8000, Conns: 16, Requests: 6000, MemoryMB: 32, DiskMB: 1024},
		{Name: "hit-1m-disk", Title: "Hit, 1 MiB, on disk", Kind: Hit, Class: "keep", Size: mib, Objects: 200, Conns: 16, Requests: 400, MemoryMB: 32, DiskMB: 1024},
		{Name: "ua", Title: "Hit, 1 KiB, with a header made from User-Agent", Kind: Hit, Main: true, Class: "keep", Size: kib, Objects: 1, Conns: 16, Requests: 8000, Function: "ua"},
		{Name: "ab", Title: "Hit, 1 KiB, with a header made from a cookie", Kind: Hit, Class: "keep", Size: kib, Objects: 1, Conns: 16, Requests: 6000, Function: "ab"},
		{Name: "jwt", Title: "Hit, 1 KiB, after the check of a signed token", Kind: Hit, Class: "keep", Size: kib, Objects: 1, Conns: 16, Requests: 6000, Function: "jwt"},
		{Name: "rewrite", Title: "Hit, 16 KiB, with a rewritten body", Kind: Hit, Class: "keep", Size: 16 * kib, Objects: 1, Conns: 16, Requests: 3000, Function: "rewrite"},
		{Name: "json", Title: "Hit, 4 KiB of JSON, read and answered by its sum", Kind: Hit, Class: "json", Size: 4 * kib, Objects: 1, Conns: 16, Requests: 3000, Function: "json"},
		{Name: "kv", Title: "Hit, 1 KiB, with a header from a store of 1 000 keys", Kind: Hit, Class: "keep", Size: kib, Objects: 100, Conns: 16, Requests: 6000, Function: "kv"},
		{Name: "hostile", Title: "Hit, 1 KiB, with a header made from User-Agent, beside 4 clients of a function that never ends", Kind: Hostile, Class: "keep", Size: kib, Objects: 1, Conns: 16, Requests: 4000, Function: "ua"},
		{Name: "deploy", Title: "From a deploy to the first answer of the new function", Kind: Deploy, Class: "keep", Size: kib, Objects: 1, Conns: 1, Requests: 1, Function: "ua"},
		{Name: "miss", Title: "Miss, 1 KiB", Kind: Miss, Main: true, Class: "keep", Size: kib, Conns: 16, Requests: 2500},
		{Name: "pass", Title: "Pass through, 1 KiB, not stored", Kind: Miss, Class: "pass", Size: kib, Conns: 16, Requests: 2500},
		{Name: "revalidate", Title: "Revalidation, 1 KiB", Kind: Revalidate, Class: "brief", Size: kib, Objects: 2500, Conns: 16, Requests: 2500},
		{Name: "collapse", Title: "1 000 clients, one cold key of 64 KiB", Kind: Collapse, Class: "slow", Size: 64 * kib, Objects: 1, Conns: 1000, Requests: 1000},
		{Name: "zipf", Title: "Zipf traffic, 400 MiB of objects in 64 MiB", Kind: Zipf, Class: "keep", Size: 16 * kib, Objects: 25600, Conns: 16, Requests: 6000, MemoryMB: 64},
		{Name: "large", Title: "Hit, 64 MiB", Kind: Hit, Class: "keep", Size: 64 * mib, Objects: 1, Conns: 2, Requests: 8},
		{Name: "tls", Title: "Hit, 1 KiB, HTTP/1.1 over TLS", Kind: Hit, Class: "keep", Size: kib, Objects: 1, Conns: 16, Requests: 8000, Over: rival.TLS},
		{Name: "http2", Title: "Hit, 1 KiB, HTTP/2 over TLS, 8 streams a connection", Kind: Hit, Class: "keep", Size: kib, Objects: 1, Conns: 16, Requests: 8000, Over: rival.HTTP2},
		{Name: "http3", Title: "Hit, 1 KiB, HTTP/3", Kind: Hit, Class: "keep", Size: kib, Objects: 1, Conns: 16, Requests: 8000, Over: rival.HTTP3},
		{Name: "slow", Title: "Hit, 1 KiB, beside 200 slow readers of 1 MiB", Kind: Slow, Class: "keep", Size: kib, Objects: 1, Conns: 16, Requests: 8000},
		{Name: "idle", Title: "Hit, 1 KiB, beside 10 000 idle connections", Kind: Idle, Class: "keep", Size: kib, Objects: 1, Conns: 16, Requests: 8000},
	}
}
