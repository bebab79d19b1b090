// Package pipeline is the life of a request: its steps, their order, and where
// each may lead. There are two small state machines. The client's side
// (serve.go) begins with what a front end has read and ends with a response to
// send:
//
//	receive ─ route ─ on_request ─ lookup ─┬ hit ────────────────┬─ on_response ─ encode ─ conditional ─ finish
//	   │        │         │ │              ├ miss, stale ─ await ┤
//	   │        │         │ │              ├ pass ─────── pass ──┤
//	   │        │         │ └ handle ──────┴─────────────────────┘
//	   └────────┴─────────┴── refuse, fail
//
// The origin's side (fetch.go) works on a clone of the request, in its own
// exchange; it may outlive its client and serve many who wait:
//
//	on_fetch ─ origin ─┬───────────── on_fetched ─ judge ─ deliver
//	              └ on_error ┘
//
// They meet in edge/cache, whose tickets collapse requests for one thing into
// one fetch.
//
// A function's own request that wants the cache (own.go) is a client's side that
// begins at the lookup: no route, no hooks, no log line, and keys of its own.
//
// It is the only package that knows several rooms of a request: route, hook,
// cache, origin. It opens no sockets and reads no configuration; edge/node
// makes it, front ends call it, observers hear from it by [Events].
package pipeline
