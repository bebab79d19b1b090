package abi

import "github.com/wedgecdn/wedge/hostapi/exchange"

// Module is the name from which guests import the functions.
const Module = "wedge"

// Kind is the form of a parameter.
type Kind uint8

// The kinds of parameters. Text, Bytes and Buffer take two places in the
// signature, a pointer and a length or capacity.
const (
	I32    Kind = iota
	I64         // any number
	F64         // any number
	Enum        // i32: one of the numbers of an enum
	Handle      // i32: what a function with the result Handle returned
	Text        // pointer and length of a string of the guest's
	Bytes       // pointer and length of bytes of the guest's
	Buffer      // pointer and capacity of memory that the host may write
	Out8        // pointer to 8 bytes that the host writes
	Out16       // pointer to 16 bytes that the host writes
)

// Result is the form of a result. All but ResultI64 are an i32 that is a
// [Status] if it is negative.
type Result uint8

// The kinds of results.
const (
	ResultStatus Result = iota // 0
	ResultLength               // the length of a value, which may be more than the buffer's capacity
	ResultHandle               // a handle, above 0
	ResultCount                // a number
	ResultFlag                 // 0 or 1
	ResultI64                  // an i64, any number
)

// Param is a parameter of a host function.
type Param struct {
	Name string
	Kind Kind
	Type string // the enum's name, if Kind is Enum
}

// Func is a host function as guests see it.
type Func struct {
	Area, Name string
	Params     []Param
	Result     Result
	// Needs is what the hook must permit: for a function whose first parameter
	// is a message, the first of the two counts for the request, the second for
	// the response; for all others they are equal.
	Needs [2]Permit
	// Waits tells that it may wait for the network or a disk.
	Waits bool
}

// Grant says when a permit is given.
type Grant struct {
	Name string
	// Hooks are those at which it is given.
	Hooks exchange.HookSet
	// Answered are those at which it is given once the guest has made a response
	// in the same hook.
	Answered exchange.HookSet
	// Outside tells that it is given during initialisation as well.
	Outside bool
}
