package wasm

import "fmt"

// Error says why a binary could not be read, and where.
type Error struct {
	Offset      int    // of the offending byte, counted from the start of the module
	Problem     string // what was expected and what stands there instead
	Unsupported bool   // well formed as far as one can see, but of a proposal that this package does not read
}

func (e *Error) Error() string {
	return fmt.Sprintf("wasm: offset 0x%x: %s", e.Offset, e.Problem)
}
