// Package engine turns the bytes of a WebAssembly module into a compiled one that can be limited.
//
// It refuses what cannot run here, in words for the module's author, has the rest metered by runtime/meter, checks that
// every import is a function of the host with the right type, and compiles. Compiling takes seconds and can be made to take
// minutes by a small hostile module, so a node does it in a child process with limits (CompileChild) and loads the result
// from disk; nothing is compiled while a request waits. Modules that differ in their data only, as all do that are made of one
// JavaScript engine, share compiled code.
//
// An Engine holds one wazero runtime, into which all host functions are linked once. It knows no function's name, owner or
// hooks: edge/function does, and calls Compile. runtime/sandbox makes instances of a Module. wazero's own cancellation
// (close on context done) is off: it costs several times what metering does, and kills the module.
package engine
