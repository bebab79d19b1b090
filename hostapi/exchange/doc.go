// Package exchange is the vocabulary of the node: one request, its response,
// and what the node learned on the way from one to the other.
//
// Front ends fill an [Exchange], hand it to the pipeline and send the response
// that stands in it afterwards; guest ABIs read and change it at the hooks;
// observers read it when it has ended. The package knows no sockets, no cache
// and no wasm, and imports nothing but the standard library (and of that not
// net/http, whose types bring maps and allocations into every request).
//
// # Lifetimes
//
// Strings in a request may be views of a network buffer, and strings made with
// [Exchange.Text] live in the exchange's own arena. All of them are valid until
// the response body has been closed, and not a moment longer. Whoever keeps one
// clones it (strings.Clone, [Request.CloneInto]). With the build tag
// "invariants" the arena is overwritten when the exchange ends: a kept view
// then reads as 0xCC.
package exchange
