package guests

import (
	"errors"
	"fmt"
	"testing"
)

// Language is what a guest is written in.
type Language string

const (
	C              Language = "C"
	Rust           Language = "Rust"
	AssemblyScript Language = "AssemblyScript"
	Go             Language = "Go"
)

// Languages lists all of them.
func Languages() []Language { return []Language{C, Rust, AssemblyScript, Go} }

// Program is one of the programs that exist in each language.
type Program string

const (
	// Canary exports
	//
	//	mark(m i64)           writes m wherever it can
	//	find(sought i64) i32  searches, and returns the sum of what it found
	//	grow(pages i32) i32   grows its memory by that many pages or a little more; 0 if it was refused, or a trap
	//
	// sought is Sought(m), so that a search does not find its own arguments.
	Canary Program = "canary"

	// Work exports functions of a number of rounds, an i32, with a checksum, an i64:
	//
	//	headers  parses a request's header fields, lowers and looks up names, splits a cookie
	//	json     parses an order of 370 bytes and adds up its members
	//	loop     multiplies and adds once a round: the body of the loop is three instructions
	//	crc      computes a CRC-32 of 4 KiB a round, by table
	//	alloc    builds and drops a tree of 511 nodes a round
	//	touch    writes one byte to each of so many pages of 4 KiB, 32 at most
	//	empty    does nothing
	Work Program = "work"
)

// What find of a canary adds up. Not each language can keep something in each place.
const (
	InMemory = 1 << iota // all languages
	InGlobal             // C, AssemblyScript: a global of the module
	InTable              // C: a changed entry, whoever changed it
	InWASI               // Go: a closed stderr, whoever closed it; wazero has it closed, runtime/wasi keeps nothing
)

// Sought hides a mark from a search for it.
func Sought(mark uint64) uint64 { return mark * 0x9e3779b97f4a7c15 }

// ErrMissing is the error of Build if this machine lacks a language's compiler.
var ErrMissing = errors.New("a compiler is missing")

// Module returns a program's WebAssembly module. It skips the test if the language's compiler is missing.
func Module(t testing.TB, l Language, p Program) []byte {
	t.Helper()
	b, err := Build(l, p)
	if errors.Is(err, ErrMissing) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// Build is Module for who has no test.
func Build(l Language, p Program) ([]byte, error) {
	var c compiler
	switch l {
	case C:
		c = clang(p)
	case Rust:
		c = rust(p)
	case AssemblyScript:
		c = assemblyScript(p)
	case Go:
		c = golang(p)
	default:
		return nil, fmt.Errorf("guests: no language %q", l)
	}
	b, err := c.build()
	if err != nil {
		return nil, fmt.Errorf("guests: %s of %s: %w", p, l, err)
	}
	return b, nil
}
