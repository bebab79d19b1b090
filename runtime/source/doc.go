// Package source finds the file and the line that an instruction of a module was made from, in the debug information that
// the module brings along: the line tables of DWARF, as compilers of C, C++, Rust, Zig and AssemblyScript's relatives
// write them, and the function table that Go programs carry for their own stack traces.
//
// All of it is a stranger's data. Nothing here panics, recurses or allocates by a count that was merely stated, and the work
// grows with the module's size and with nothing else: debug/dwarf of the standard library allocates by counts of version 5
// tables, which ends a process and not a call.
//
// It knows no engine and keeps nothing. Package engine calls it when a trap is to be explained, with the original module
// and places in it.
package source
