// Package wedge is what functions on a Wedge node are written with: the request, the response, the cache's decisions, and the node's
// stores, counters, fetches, configuration, secrets, cryptography, logs and traces.
//
// A function is a program of package main, built for wasip1. It has a hook if it exports one: a function without parameters that returns what
// OnRequest, OnFetch, OnFetched, OnError or OnResponse of this package returns.
//
//	package main
//
//	import wedge "github.com/wedgecdn/wedge/sdk/go"
//
//	//go:wasmexport on_request
//	func onRequest() int32 { return wedge.OnRequest(greet) }
//
//	func greet(h *wedge.RequestHook) error {
//		if h.Request.Path() != "/hello" {
//			return nil // go on: the cache, then the origin
//		}
//		_, err := h.Respond(200, "Hello from the edge\n")
//		return err
//	}
//
//	func main() {} // never runs
//
// Each hook gets a type of its own, and that type has only what the hook may do: what the node would refuse does mostly not compile. An error
// that a hook returns makes it fail, and the binding's on_failure says what the client gets; nothing that a failed hook changed takes effect.
//
// The package does not import fmt, time, net/http or a JSON package, so that a function that needs none of them stays small. It does not keep
// anything between exchanges. Functions are tested natively with package wedgetest; generators of random numbers that survive a reset are in
// package random.
package wedge
