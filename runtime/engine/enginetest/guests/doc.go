// Package guests builds the same small programs from C, Rust, AssemblyScript and Go, for tests and benchmarks of what runs
// real compilers' output.
//
// Canary leaves a mark wherever a program of its language can keep one, and looks for marks. Work does what functions at the
// edge do: header fields, JSON, a tiny loop, a checksum, allocation; its results are the same in all languages. Both have
// plain exports, described beside their constants, and import nothing but WASI (those in Go).
//
// A language whose compiler is missing skips the test: .ci/tools installs all of them. What was built is kept in the user's
// cache folder, under a hash of sources, compiler and flags.
package guests
