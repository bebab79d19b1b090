// Package wasm reads and writes core WebAssembly binaries: sections, types, imports, exports, segments, names, and
// instructions with their immediates.
//
// It knows every instruction that the engine can be told to run: the MVP, sign extension, saturating conversions,
// multi-value, bulk memory, reference types, SIMD, tail calls, extended constants, threads, exceptions with try_table and
// typed function references. What is read is not thereby allowed: package meter refuses some of it.
//
// The reader is a parser, not a validator. It does not check types, indices or nesting; an accepted module may be
// invalid. It never panics, whatever the input, and allocates in proportion to the input: a count is believed only if the
// bytes that remain could hold so many items. Its errors are [*Error] values with the byte offset.
//
// A module that is read and written unchanged is equal byte for byte, so a rewriter need only replace the sections that it
// means to change. Package meter calls this package; nothing here knows an engine.
package wasm
