package meter

import "github.com/wedgecdn/wedge/runtime/wasm"

// The cost table. One unit is about one simple instruction of compiled code. To change a number here is to change
// [Version].
//
//	1      every instruction that is not named below
//	0      nop, block, end, else, drop: they compile to nothing
//	1      a loop header, each time it is passed
//	2      a function entry
//	3      call; 5 call_indirect, call_ref and their return_ forms (return_call: 3)
//	4      integer division and remainder, float division and square root
//	16     each bulk operation, table.grow and memory.grow, and then by length:
//	       memory.fill, memory.copy, memory.init: 1 for each 8 bytes
//	       table.fill, table.copy, table.init, table.grow: 8 for each entry, as many bytes as it has
//	       memory.grow: 8192 for each page, which is a fill of it; paid back if it fails
const (
	costLoop     = 1
	costEntry    = 2
	costCall     = 3
	costIndirect = 5
	costDivide   = 4
	costBulk     = 16
	byteShift    = 3    // bytes to units of memory operations
	entryShift   = 3    // entries to units of table operations, the other way
	costPage     = 8192 // memory.grow
)

// Bounds of straight-line code. They decide where checks stand, not what anything costs.
const (
	// Stretch is the most units that one function runs without a check.
	Stretch = 4096
	// Tail is the most units that a function runs without a check after a call in it has returned: a recursion
	// that unwinds passes no function entries, and takes Tail units for each level.
	Tail = 256
)

// What is paid for before it is sure to run: see fold, and callees. They change what things cost.
const (
	foldMost = 32 // units by which one payment may be too high, each time it is made
	tinyMost = 24 // cost of a function that its callers pay for
)

// Bulk operations of a constant length up to inlineBytes stay as they are and cost as part of their segment. Others run
// in pieces of at most Piece bytes, each paid for and followed by a check, so that none holds up the process.
const (
	inlineBytes = 4 << 10
	Piece       = 256 << 10
	tablePiece  = 4 << 10 // entries of a table
)

// cost is what the instruction costs apart from a length.
func cost(op wasm.Op) int64 {
	switch op {
	case wasm.Nop, wasm.Block, wasm.Loop, wasm.Else, wasm.End, wasm.Drop:
		return 0
	case wasm.Call, wasm.ReturnCall:
		return costCall
	case wasm.CallIndirect, wasm.ReturnCallIndirect, wasm.CallRef, wasm.ReturnCallRef:
		return costIndirect
	case wasm.F32Div, wasm.F64Div, wasm.F32Sqrt, wasm.F64Sqrt,
		wasm.F32x4Div, wasm.F64x2Div, wasm.F32x4Sqrt, wasm.F64x2Sqrt:
		return costDivide
	case wasm.MemoryGrow, wasm.MemoryInit, wasm.MemoryCopy, wasm.MemoryFill,
		wasm.TableInit, wasm.TableCopy, wasm.TableGrow, wasm.TableFill:
		return costBulk
	}
	if op >= wasm.I32DivS && op <= wasm.I32RemU || op >= wasm.I64DivS && op <= wasm.I64RemU {
		return costDivide
	}
	return 1
}
