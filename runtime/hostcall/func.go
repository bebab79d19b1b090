package hostcall

import (
	"fmt"
	"strings"
)

// ValueType is the type of one parameter or result. The values are WebAssembly's own codes.
//
// https://webassembly.github.io/spec/core/binary/types.html#number-types
type ValueType byte

const (
	I32 ValueType = 0x7f
	I64 ValueType = 0x7e
	F32 ValueType = 0x7d
	F64 ValueType = 0x7c
)

// String returns the type's name in the text format: i32, i64, f32, f64.
func (t ValueType) String() string {
	switch t {
	case I32:
		return "i32"
	case I64:
		return "i64"
	case F32:
		return "f32"
	case F64:
		return "f64"
	}
	return fmt.Sprintf("valuetype(%#x)", byte(t))
}

// Func is one function that guests can import. It is read by many instances at once and never changes once linked.
type Func struct {
	Module, Name string
	Params       []ValueType
	Results      []ValueType

	// Fuel is charged for each call, beside what Body adds by Call.Charge.
	Fuel int64

	// Waits says that Body may block on the network, a disk, a timer, another guest, or a lock held by somebody who does.
	// The guest's CPU clock stands still while Body runs, and its turn on the processors goes to others; its wall clock
	// runs on.
	Waits bool

	// Body finds the parameters in stack and leaves the results there, from index 0 on. The stack is as long as the
	// longer of the two lists.
	//
	// An i32 is in the lower half of its slot. The upper half of a parameter is garbage: decode with uint32(stack[i]).
	// An i32 result is stored with uint64(uint32(v)).
	Body func(c *Call, stack []uint64)
}

// Signature returns the function as a reader knows it: "wedge.log(i32, i32) i32".
func (f *Func) Signature() string {
	var b strings.Builder
	b.WriteString(f.Module + "." + f.Name)
	b.WriteByte('(')
	list(&b, f.Params)
	b.WriteByte(')')
	if len(f.Results) > 0 {
		b.WriteByte(' ')
		list(&b, f.Results)
	}
	return b.String()
}

func list(b *strings.Builder, types []ValueType) {
	for i, t := range types {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(t.String())
	}
}
