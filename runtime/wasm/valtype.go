package wasm

import "fmt"

// ValType is a value type. Abstract references in their short form have only a Code; (ref ht) and (ref null ht) have the
// Code [RefNonNull] or [RefNullable] and a Heap type: a type index, or negative.
type ValType struct {
	Code byte
	Heap int64
}

// Codes of value types.
// https://webassembly.github.io/spec/core/binary/types.html
const (
	I32         = 0x7f
	I64         = 0x7e
	F32         = 0x7d
	F64         = 0x7c
	V128        = 0x7b
	FuncRef     = 0x70
	ExternRef   = 0x6f
	ExnRef      = 0x69
	RefNonNull  = 0x64
	RefNullable = 0x63
	noValue     = 0x40 // block type
)

func (t ValType) String() string {
	switch t.Code {
	case I32:
		return "i32"
	case I64:
		return "i64"
	case F32:
		return "f32"
	case F64:
		return "f64"
	case V128:
		return "v128"
	case FuncRef:
		return "funcref"
	case ExternRef:
		return "externref"
	case ExnRef:
		return "exnref"
	case RefNonNull:
		return fmt.Sprintf("(ref %d)", t.Heap)
	case RefNullable:
		return fmt.Sprintf("(ref null %d)", t.Heap)
	}
	return fmt.Sprintf("0x%02x", t.Code)
}

// IsExn says whether values of the type are exceptions.
func (t ValType) IsExn() bool { return t.Code == ExnRef || t.Heap == heapExn }

// Abstract heap types, as signed 7-bit numbers.
const (
	heapFunc   = FuncRef - 0x80
	heapExtern = ExternRef - 0x80
	heapExn    = ExnRef - 0x80
)

// ValType reads a value type.
func (r *Reader) ValType() ValType {
	at := r.Offset()
	t := ValType{Code: r.Byte("a value type")}
	switch t.Code {
	case I32, I64, F32, F64, V128, FuncRef, ExternRef, ExnRef:
	case RefNonNull, RefNullable:
		t.Heap = r.heapType()
	default:
		r.unsupported(at, "unknown value type 0x%02x", t.Code)
	}
	return t
}

func (r *Reader) heapType() int64 {
	at := r.Offset()
	h := r.S33("a heap type")
	if h < 0 && h != heapFunc && h != heapExtern && h != heapExn {
		r.unsupported(at, "unknown heap type %d", h)
	}
	return h
}

// BlockType reads the type of a block: a type index, or a negative number for none or one result.
func (r *Reader) BlockType() int64 {
	at := r.Offset()
	v := r.S33("a block type")
	switch {
	case v >= 0 || v == noValue-0x80:
	case v == RefNonNull-0x80 || v == RefNullable-0x80:
		r.heapType()
	default:
		switch v + 0x80 {
		case I32, I64, F32, F64, V128, FuncRef, ExternRef, ExnRef:
		default:
			r.unsupported(at, "unknown block type %d", v)
		}
	}
	return v
}

// FuncType is the type of a function.
type FuncType struct {
	Params, Results []ValType
}

func (r *Reader) valTypes(what string) []ValType {
	n := r.Count(1, what)
	if n == 0 {
		return nil
	}
	ts := make([]ValType, 0, n)
	for ; n > 0 && r.err == nil; n-- {
		ts = append(ts, r.ValType())
	}
	return ts
}

// "0x60" heads a function type; 0x4e heads a group of types that may refer to each other.
func (r *Reader) funcType() FuncType {
	at := r.Offset()
	if c := r.Byte("a function type"); c != 0x60 {
		r.unsupported(at, "expected a function type, found form 0x%02x", c)
	}
	return FuncType{Params: r.valTypes("parameters"), Results: r.valTypes("results")}
}

// Limits bound a memory (in pages of 64 KiB) or a table (in entries).
type Limits struct {
	Min, Max uint32
	HasMax   bool
	Shared   bool
}

// Bit 0: has a maximum; bit 1: shared between threads; bit 2: 64-bit addresses; bit 3: pages of another size.
func (r *Reader) limits() Limits {
	at := r.Offset()
	var l Limits
	flags := r.Byte("limits")
	if flags > 3 {
		r.unsupported(at, "unknown limits 0x%02x: 64-bit addresses and other page sizes are not supported", flags)
	}
	l.HasMax, l.Shared = flags&1 != 0, flags&2 != 0
	l.Min = r.U32("a minimum")
	if l.HasMax {
		l.Max = r.U32("a maximum")
	}
	return l
}
