// Package hostcalltest drives host functions in tests, without an engine: a guest that is nothing but memory and a
// bound state.
//
// Tests of the ABI packages and of runtime/wasi use it. It enforces no budget: it records what was charged.
package hostcalltest
