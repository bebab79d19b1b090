package project

import "slices"

// Language is what a function is written in.
type Language string

// The languages. Those that have an SDK here come first; JavaScript and TypeScript are built by @fastly/js-compute, as handlers.
const (
	Go             Language = "go"
	Rust           Language = "rust"
	AssemblyScript Language = "assemblyscript"
	C              Language = "c"
	JavaScript     Language = "javascript"
	TypeScript     Language = "typescript"
)

// Languages lists them.
func Languages() []Language { return []Language{Go, Rust, AssemblyScript, C, JavaScript, TypeScript} }

// Known tells whether it is one of them.
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
	case JavaScript:
		return "JavaScript"
	case TypeScript:
		return "TypeScript"
	}
	return string(l)
}

// source is where a project of the language has the code that its author writes, in slashes.
func (l Language) source() string {
	return map[Language]string{Go: "main.go", Rust: "src/lib.rs", AssemblyScript: "index.ts", C: "main.c", JavaScript: "src/index.js", TypeScript: "src/index.ts"}[l]
}

// Handler tells that functions in it answer requests by themselves, instead of having hooks.
func (l Language) Handler() bool { return l == JavaScript || l == TypeScript }

// folder is where sdk/ has the language's SDK.
func (l Language) folder() string { return string(l) }
