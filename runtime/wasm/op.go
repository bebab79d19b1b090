package wasm

import "fmt"

// Op is an instruction: its byte, or for prefixed ones the prefix in the high byte and the number after it in the low one.
type Op uint16

// Instructions that somebody asks for by name. The rest are numbers.
const (
	Unreachable        Op = 0x00
	Nop                Op = 0x01
	Block              Op = 0x02
	Loop               Op = 0x03
	If                 Op = 0x04
	Else               Op = 0x05
	Throw              Op = 0x08
	ThrowRef           Op = 0x0a
	End                Op = 0x0b
	Br                 Op = 0x0c
	BrIf               Op = 0x0d
	BrTable            Op = 0x0e
	Return             Op = 0x0f
	Call               Op = 0x10
	CallIndirect       Op = 0x11
	ReturnCall         Op = 0x12
	ReturnCallIndirect Op = 0x13
	CallRef            Op = 0x14
	ReturnCallRef      Op = 0x15
	Drop               Op = 0x1a
	Select             Op = 0x1b
	SelectTyped        Op = 0x1c
	TryTable           Op = 0x1f
	LocalGet           Op = 0x20
	LocalSet           Op = 0x21
	LocalTee           Op = 0x22
	GlobalGet          Op = 0x23
	GlobalSet          Op = 0x24
	TableGet           Op = 0x25
	TableSet           Op = 0x26
	MemorySize         Op = 0x3f
	MemoryGrow         Op = 0x40
	I32Const           Op = 0x41
	I64Const           Op = 0x42
	F32Const           Op = 0x43
	F64Const           Op = 0x44
	I32Eqz             Op = 0x45
	I32Eq              Op = 0x46
	I32Ne              Op = 0x47
	I32LtS             Op = 0x48
	I32LtU             Op = 0x49
	I32GtU             Op = 0x4b
	I32LeU             Op = 0x4d
	I32GeU             Op = 0x4f
	I64LtS             Op = 0x53
	I64GtU             Op = 0x56
	I64GeS             Op = 0x59
	I64GeU             Op = 0x5a
	I32Add             Op = 0x6a
	I32Sub             Op = 0x6b
	I32Mul             Op = 0x6c
	I32DivS            Op = 0x6d
	I32RemU            Op = 0x70
	I32And             Op = 0x71
	I32Or              Op = 0x72
	I32Shl             Op = 0x74
	I32ShrU            Op = 0x76
	I64Add             Op = 0x7c
	I64Sub             Op = 0x7d
	I64Mul             Op = 0x7e
	I64DivS            Op = 0x7f
	I64RemU            Op = 0x82
	I64And             Op = 0x83
	I64Or              Op = 0x84
	I64Shl             Op = 0x86
	I64ShrU            Op = 0x88
	F32Sqrt            Op = 0x91
	F32Div             Op = 0x95
	F64Sqrt            Op = 0x9f
	F64Div             Op = 0xa3
	I64ExtendI32U      Op = 0xad
	RefNull            Op = 0xd0
	RefIsNull          Op = 0xd1
	RefFunc            Op = 0xd2
	RefAsNonNull       Op = 0xd4
	BrOnNull           Op = 0xd5
	BrOnNonNull        Op = 0xd6

	MemoryInit Op = 0xfc08
	DataDrop   Op = 0xfc09
	MemoryCopy Op = 0xfc0a
	MemoryFill Op = 0xfc0b
	TableInit  Op = 0xfc0c
	ElemDrop   Op = 0xfc0d
	TableCopy  Op = 0xfc0e
	TableGrow  Op = 0xfc0f
	TableSize  Op = 0xfc10
	TableFill  Op = 0xfc11

	V128Const        Op = 0xfd0c
	F32x4Sqrt        Op = 0xfde3
	I64x2Splat       Op = 0xfd12
	I64x2ExtractLane Op = 0xfd1d
	I64x2ReplaceLane Op = 0xfd1e
	F32x4Div         Op = 0xfde7
	F64x2Sqrt        Op = 0xfdef
	F64x2Div         Op = 0xfdf3
	AtomicNotify     Op = 0xfe00
	AtomicWait32     Op = 0xfe01
	AtomicWait64     Op = 0xfe02
	AtomicFence      Op = 0xfe03
	atomicLast       Op = 0xfe4e
	prefixMisc          = 0xfc
	prefixVector        = 0xfd
	prefixAtomic        = 0xfe
)

// Stores returns the type of what the instruction stores in memory, if it is a store; 0 else. Atomic ones and bulk operations do not count.
func (op Op) Stores() byte {
	switch op {
	case 0x36, 0x3a, 0x3b: // i32.store, i32.store8, i32.store16
		return I32
	case 0x37, 0x3c, 0x3d, 0x3e: // i64.store, i64.store8, i64.store16, i64.store32
		return I64
	case 0x38: // f32.store
		return F32
	case 0x39: // f64.store
		return F64
	case 0xfd0b, 0xfd58, 0xfd59, 0xfd5a, 0xfd5b: // v128.store, and of one lane
		return V128
	}
	return 0
}

// IsAtomic says whether the instruction has the prefix of the threads proposal.
func (op Op) IsAtomic() bool { return op>>8 == prefixAtomic }

func (op Op) String() string {
	if op > 0xff {
		return fmt.Sprintf("0x%02x 0x%02x", uint8(op>>8), uint8(op))
	}
	return fmt.Sprintf("0x%02x", uint8(op))
}

// form is the shape of an instruction's immediates.
type form uint8

const (
	unknown form = iota
	bare
	block      // block type
	label      // label, in Index
	labels     // br_table
	function   // function index
	indirect   // type index, table index
	index      // one index of another kind: local, global, table, type, tag, data or element segment
	indexPair  // two of them
	memoryByte // memory index, which must be 0
	memoryPair // two
	memorySeg  // data segment, memory index
	memarg     // alignment, offset
	memargLane
	lane
	lanes // 16 bytes: lanes of a shuffle or a v128 constant
	i32
	i64
	f32
	f64
	heapType
	typeVector
	tryTable
	zeroByte
)

// formOf tells the immediates of an instruction. Vector numbers follow the SIMD proposal, where 0x9a and a few others
// are not assigned.
// https://webassembly.github.io/spec/core/appendix/index-instructions.html
func formOf(op Op) form {
	switch {
	case op <= 0xff:
		return plainForm(op)
	case op>>8 == prefixMisc:
		return miscForm(op)
	case op>>8 == prefixVector:
		return vectorForm(op)
	}
	switch { // atomics
	case op == AtomicFence:
		return zeroByte
	case op <= AtomicWait64, op >= 0xfe10 && op <= atomicLast:
		return memarg
	}
	return unknown
}

func plainForm(op Op) form {
	switch op {
	case Unreachable, Nop, Else, End, Return, Drop, Select, RefIsNull, RefAsNonNull, ThrowRef:
		return bare
	case Block, Loop, If:
		return block
	case Br, BrIf, BrOnNull, BrOnNonNull:
		return label
	case BrTable:
		return labels
	case Call, ReturnCall, RefFunc:
		return function
	case CallIndirect, ReturnCallIndirect:
		return indirect
	case LocalGet, LocalSet, LocalTee, GlobalGet, GlobalSet, TableGet, TableSet, CallRef, ReturnCallRef, Throw:
		return index
	case SelectTyped:
		return typeVector
	case TryTable:
		return tryTable
	case MemorySize, MemoryGrow:
		return memoryByte
	case I32Const:
		return i32
	case I64Const:
		return i64
	case F32Const:
		return f32
	case F64Const:
		return f64
	case RefNull:
		return heapType
	}
	switch {
	case op >= 0x28 && op <= 0x3e:
		return memarg
	case op >= 0x45 && op <= 0xc4:
		return bare
	}
	return unknown
}

func miscForm(op Op) form {
	switch {
	case op <= 0xfc07:
		return bare
	case op == MemoryInit:
		return memorySeg
	case op == MemoryCopy:
		return memoryPair
	case op == MemoryFill:
		return memoryByte
	case op == TableInit, op == TableCopy:
		return indexPair
	case op <= TableFill:
		return index
	}
	return unknown
}

func vectorForm(op Op) form {
	switch n := op & 0xff; {
	case n <= 0x0b, n == 0x5c, n == 0x5d:
		return memarg
	case n == 0x0c, n == 0x0d:
		return lanes
	case n >= 0x15 && n <= 0x22:
		return lane
	case n >= 0x54 && n <= 0x5b:
		return memargLane
	case n == 0x9a, n == 0xa2, n == 0xa5, n == 0xa6, n == 0xaf, n == 0xb0, n == 0xb2, n == 0xb3, n == 0xb4,
		n == 0xbb, n == 0xc2, n == 0xc5, n == 0xc6, n == 0xcf, n == 0xd0, n == 0xd2, n == 0xd3, n == 0xd4,
		n == 0xe2, n == 0xee:
		return unknown
	}
	return bare
}

// forms is plainForm as a table, never written after it is made.
var forms = func() (t [256]form) {
	for i := range t {
		t[i] = plainForm(Op(i))
	}
	return
}()
