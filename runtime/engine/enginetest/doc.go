// Package enginetest assembles small WebAssembly modules by hand, and builds Go ones, for the tests of runtime/engine and
// runtime/sandbox, of whoever tests against real guests, and for benchmarks that want a small guest without a compiler.
package enginetest
