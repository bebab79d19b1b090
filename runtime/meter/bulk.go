package meter

import "github.com/wedgecdn/wedge/runtime/wasm"

// The injected functions. Each gives the result, or the trap, of the operation that it stands for; while one works
// in pieces, only the host function behind a check can run in between, and memory does not shrink. An operation that is
// out of bounds writes nothing: bounds are looked at before the first piece, and if they do not hold the original
// operation runs on the whole length, and traps.

// memory.fill: d is where, v what, n how much.
func (f *function) memoryFill() injected {
	const d, v, n = 0, 1, 2
	f.noteRange(d, n)
	f.short(d, v, n)
	f.beyondMemory(d, n)
	f.when(func() { f.original(d, v, n); f.ops(wasm.Unreachable) })
	f.inPieces(n, func() {
		f.announcePiece(d)
		f.local(d)
		f.local(v)
		f.i32(Piece)
		f.operate()
		f.add(d, Piece)
		f.add(n, -Piece)
	})
	f.payBytes(n)
	f.announceRest(d, n)
	f.original(d, v, n)
	return injected{name: "wedge_meter.memory.fill", typ: signature(0, i32Type, i32Type, i32Type)}
}

// memory.copy: from s to d. The pieces go upwards when the destination is below the source, and downwards when it is
// not, so that no piece overwrites what a later one reads.
func (f *function) memoryCopy() injected {
	const d, s, n = 0, 1, 2
	f.noteRange(d, n)
	f.short(d, s, n)
	for _, at := range []uint32{d, s} {
		f.beyondMemory(at, n)
		f.when(func() { f.original(d, s, n); f.ops(wasm.Unreachable) })
	}
	f.local(d)
	f.local(s)
	f.ops(wasm.I32LeU)
	f.open(wasm.If)
	f.inPieces(n, func() {
		f.announcePiece(d)
		f.local(d)
		f.local(s)
		f.i32(Piece)
		f.operate()
		f.add(d, Piece)
		f.add(s, Piece)
		f.add(n, -Piece)
	})
	f.ops(wasm.Else)
	f.inPieces(n, func() {
		f.add(n, -Piece)
		f.announcePiece(d, n)
		for _, at := range []uint32{d, s} {
			f.local(at)
			f.local(n)
			f.ops(wasm.I32Add)
		}
		f.i32(Piece)
		f.operate()
	})
	f.ops(wasm.End)
	f.payBytes(n)
	f.announceRest(d, n)
	f.original(d, s, n)
	return injected{name: "wedge_meter.memory.copy", typ: signature(0, i32Type, i32Type, i32Type)}
}

// memory.init: from byte s of a data segment of that size to d.
//
// Whether the segment has been dropped cannot be read. But the operation with a length of zero traps exactly if its start
// is behind the end of what is left of the segment, and writes nothing: that is the look at its bounds.
func (f *function) memoryInit(size uint32) injected {
	const d, s, n = 0, 1, 2
	f.noteRange(d, n)
	f.short(d, s, n)
	if size > Piece {
		f.beyondMemory(d, n)
		f.wide(s)
		f.wide(n)
		f.ops(wasm.I64Add)
		f.i64(int64(size))
		f.ops(wasm.I64GtU, wasm.I32Or)
		f.when(func() { f.original(d, s, n); f.ops(wasm.Unreachable) })
		f.i32(0) // is it dropped?
		f.local(s)
		f.local(n)
		f.ops(wasm.I32Add)
		f.i32(0)
		f.operate()
		f.inPieces(n, func() {
			f.announcePiece(d)
			f.local(d)
			f.local(s)
			f.i32(Piece)
			f.operate()
			f.add(d, Piece)
			f.add(s, Piece)
			f.add(n, -Piece)
		})
		f.payBytes(n)
		f.announceRest(d, n)
	}
	f.original(d, s, n) // of a segment that is smaller than n: traps
	return injected{name: "wedge_meter.memory.init", typ: signature(0, i32Type, i32Type, i32Type)}
}

// memory.grow: by n pages. One that is sure to fail costs nothing extra; one that fails all the same, because the
// host has no more, gets back what it paid.
func (f *function) memoryGrow(most uint32) injected {
	const n, got = 0, 1
	f.locals = []byte{wasm.I32}
	units := func() {
		f.wide(n)
		f.i64(costPage)
		f.ops(wasm.I64Mul)
	}
	f.idx(wasm.MemorySize, 0)
	f.ops(wasm.I64ExtendI32U)
	f.wide(n)
	f.ops(wasm.I64Add)
	f.i64(int64(most))
	f.ops(wasm.I64GtU)
	f.when(func() {
		f.i32(-1)
		f.ops(wasm.Return)
	})
	f.pay(units)
	f.original(n)
	f.idx(wasm.LocalTee, got)
	f.i32(-1)
	f.ops(wasm.I32Eq)
	f.when(func() {
		f.idx(wasm.GlobalGet, f.counter)
		units()
		f.ops(wasm.I64Add)
		f.idx(wasm.GlobalSet, f.counter)
	})
	f.local(got)
	return injected{name: "wedge_meter.memory.grow", typ: signature(1, i32Type)}
}

// table.init: n entries of a segment of that length, from s to d. Whether it has been dropped is found out as above.
func (f *function) tableInit(count uint32) injected {
	const d, s, n = 0, 1, 2
	f.shortTable(d, s, n)
	if count > tablePiece {
		f.beyondTable(d, n, f.op.b)
		f.wide(s)
		f.wide(n)
		f.ops(wasm.I64Add)
		f.i64(int64(count))
		f.ops(wasm.I64GtU, wasm.I32Or)
		f.when(func() { f.original(d, s, n); f.ops(wasm.Unreachable) })
		f.i32(0) // is it dropped?
		f.local(s)
		f.local(n)
		f.ops(wasm.I32Add)
		f.i32(0)
		f.operate()
		f.inTablePieces(n, func() {
			f.local(d)
			f.local(s)
			f.i32(tablePiece)
			f.operate()
			f.add(d, tablePiece)
			f.add(s, tablePiece)
			f.add(n, -tablePiece)
		})
		f.payEntries(n)
	}
	f.original(d, s, n) // of a segment that is smaller than n: traps
	return injected{name: "wedge_meter.table.init", typ: signature(0, i32Type, i32Type, i32Type)}
}

// table.copy: n entries from s to d, upwards or downwards like memory.copy.
func (f *function) tableCopy() injected {
	const d, s, n = 0, 1, 2
	f.shortTable(d, s, n)
	for _, x := range []struct{ at, table uint32 }{{d, f.op.a}, {s, f.op.b}} {
		f.beyondTable(x.at, n, x.table)
		f.when(func() { f.original(d, s, n); f.ops(wasm.Unreachable) })
	}
	f.local(d)
	f.local(s)
	f.ops(wasm.I32LeU)
	f.open(wasm.If)
	f.inTablePieces(n, func() {
		f.local(d)
		f.local(s)
		f.i32(tablePiece)
		f.operate()
		f.add(d, tablePiece)
		f.add(s, tablePiece)
		f.add(n, -tablePiece)
	})
	f.ops(wasm.Else)
	f.inTablePieces(n, func() {
		f.add(n, -tablePiece)
		for _, at := range []uint32{d, s} {
			f.local(at)
			f.local(n)
			f.ops(wasm.I32Add)
		}
		f.i32(tablePiece)
		f.operate()
	})
	f.ops(wasm.End)
	f.payEntries(n)
	f.original(d, s, n)
	return injected{name: "wedge_meter.table.copy", typ: signature(0, i32Type, i32Type, i32Type)}
}

// table.fill: n entries from i on with v.
func (f *function) tableFill(t wasm.ValType) injected {
	const i, v, n = 0, 1, 2
	f.shortTable(i, v, n)
	f.beyondTable(i, n, f.op.a)
	f.when(func() { f.original(i, v, n); f.ops(wasm.Unreachable) })
	f.inTablePieces(n, func() {
		f.local(i)
		f.local(v)
		f.i32(tablePiece)
		f.operate()
		f.add(i, tablePiece)
		f.add(n, -tablePiece)
	})
	f.payEntries(n)
	f.original(i, v, n)
	return injected{name: "wedge_meter.table.fill", typ: signature(0, i32Type, t, i32Type)}
}

// table.grow: by n entries with value v. Beyond the cap, or the table's own maximum, it fails, and costs nothing extra;
// otherwise no piece of it does, so that it is done as a whole or not at all.
//
// "Failure must occur if the referenced table instance defines a maximum size that would be exceeded. However, failure
// can occur in other cases as well."
// https://webassembly.github.io/spec/core/exec/instructions.html#xref-syntax-instructions-syntax-instr-table-mathsf-table-grow-x
func (f *function) tableGrow(t wasm.Table, most uint32) injected {
	const v, n, size = 0, 1, 2
	f.locals = []byte{wasm.I32}
	if t.Limits.HasMax {
		most = min(most, t.Limits.Max)
	}
	f.idx(wasm.TableSize, f.op.a)
	f.idx(wasm.LocalTee, size)
	f.ops(wasm.I64ExtendI32U)
	f.wide(n)
	f.ops(wasm.I64Add)
	f.i64(int64(most))
	f.ops(wasm.I64GtU)
	f.when(func() {
		f.i32(-1)
		f.ops(wasm.Return)
	})
	f.local(n)
	f.i32(tablePiece)
	f.ops(wasm.I32GtU)
	f.when(func() {
		f.inTablePieces(n, func() {
			f.local(v)
			f.i32(tablePiece)
			f.operate()
			f.ops(wasm.Drop)
			f.add(n, -tablePiece)
		})
	})
	f.payEntries(n)
	f.original(v, n)
	f.ops(wasm.Drop)
	f.local(size)
	return injected{name: "wedge_meter.table.grow", typ: signature(1, t.Type, i32Type)}
}
