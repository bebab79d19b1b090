// Package adapter is the shape of a guest ABI: what hostapi/guest asks of each contract between guests and the node,
// Wedge's own and those of others.
//
// An ABI tells its modules from others, lists its host functions, and binds a module to what the operator says of it. A
// Binding makes one Session an exchange; guest lends it an instance, and the session turns hooks into calls of the guest.
// The packages that satisfy these interfaces do not know each other, and guest knows nothing of what they do.
package adapter
