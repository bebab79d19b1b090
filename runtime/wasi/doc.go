// Package wasi is WASI preview 1 for functions at the edge: the part of it that toolchains need to start a program, and
// an honest refusal of the rest.
//
// A guest gets arguments, environment, clocks, random bytes, and lines on stdout and stderr that go to a log. It has no
// files, no sockets, and an empty stdin. Nothing it does here outlives the exchange: there is no table of descriptors to
// close or renumber. Every wait ends at the wall deadline. proc_exit unwinds the guest with *Exit and leaves the module
// as it is; the sandbox decides what becomes of the instance.
//
// Funcs declares the functions as hostcall.Func, for runtime/engine to link. What differs between instances is a State,
// which the state bound to the instance provides by Env.
package wasi
