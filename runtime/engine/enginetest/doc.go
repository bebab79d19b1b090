// Package enginetest assembles small WebAssembly modules by hand, and builds Go ones, for the tests of runtime/engine and
// runtime/sandbox and of whoever tests against real guests.
package enginetest
