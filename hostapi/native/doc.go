// Package native is Wedge's own ABI: the bodies of the host functions that hostapi/abi declares, one file an area.
//
// A Binding is a function with what the operator gave it; it is made once and read by all. A Session is one function in
// one exchange: it is bound to the instance, host functions find it there, and it keeps what must not outlive the
// exchange (handles, bodies that were read, variables' copies). Whatever a hook changes of the exchange is undone by
// Rollback and settled by Commit.
//
// The package starts no guest: hostapi/guest does, and is the only caller of Begin, Commit, Rollback and Close. What it
// needs of the node comes through hostapi/services.
package native
