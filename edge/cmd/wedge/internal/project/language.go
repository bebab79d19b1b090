package project

import "slices"

// Language is what a function is written in.
type Language string

// The languages that have an SDK here.
const (
	Go             Language = "go"
	Rust           Language = "rust"
	AssemblyScript Language = "assemblyscript"
	C              Language = "c"
)

// Languages lists them.
func Languages() []Language { return []Language{Go, Rust, AssemblyScript, C} }

// Known tells whether there is an SDK for it.
func (l Language) Known() bool { return slices.Contains(Languages(), l) }

// String is the name as people write it.
func (l Language) String() string {
	switch l {
	case Go:
		return "Go"
	case Rust:
		return "Rust"
	case AssemblyScript:
		return "AssemblyScript"
	case C:
		return "C"
	}
	return string(l)
}

// source is where a project of the language has the code that its author writes, in slashes.
func (l Language) source() string {
	return map[Language]string{Go: "main.go", Rust: "src/lib.rs", AssemblyScript: "index.ts", C: "main.c"}[l]
}

// folder is where sdk/ has the language's SDK.
func (l Language) folder() string { return string(l) }
