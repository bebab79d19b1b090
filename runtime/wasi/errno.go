package wasi

import "fmt"

// errno is a result of preview 1's functions.
//
// https://github.com/WebAssembly/WASI/blob/main/legacy/preview1/docs.md#-errno-variant
type errno uint32

const (
	success    errno = 0
	badf       errno = 8  // no such descriptor
	fault      errno = 21 // a pointer outside the memory
	intr       errno = 27 // a wait was cut short
	inval      errno = 28
	nosys      errno = 52
	notsock    errno = 57
	spipe      errno = 70 // a stream has no position
	notcapable errno = 76
)

// Exit is the error of a guest that called proc_exit.
type Exit struct{ Code uint32 }

// Error says which code the guest gave.
func (e *Exit) Error() string { return fmt.Sprintf("guest called proc_exit(%d)", e.Code) }

// ExitCode returns the code the guest gave.
func (e *Exit) ExitCode() uint32 { return e.Code }
