package meter

import "github.com/wedgecdn/wedge/runtime/wasm"

// injected is a function that stands in for one kind of bulk operation, with the same parameters and results. It is
// metered by hand, below.
type injected struct {
	name string
	typ  wasm.FuncType
	body []byte // size, locals, code
	key  injectKey
}

type injectKey struct {
	op   wasm.Op
	a, b uint32 // segment, table or tables
}

// lookOp stands for the function that looks at the stack and the counter.
const lookOp = wasm.Unreachable

// inject returns the index of the function for an operation whose operands exist, and adds it if it is the first of its
// kind. Its code is made when all is known: see generate.
func (w *rewriter) inject(op wasm.Op, a, b uint32) uint32 {
	key := injectKey{op, a, b}
	if i, ok := w.injectedAt[key]; ok {
		return i
	}
	index := w.functions + 1 + uint32(len(w.injected))
	w.injected = append(w.injected, injected{key: key})
	w.injectedAt[key] = index
	return index
}

// generate makes the code of those injected functions that have none.
func (w *rewriter) generate() {
	for i := range w.injected {
		if in := &w.injected[i]; in.body == nil {
			*in = w.operation(in.key)
		}
	}
}

// operation is the function that stands in for an operation. On entry the parameters are locals 0, 1, 2.
func (w *rewriter) operation(key injectKey) (in injected) {
	f := function{code: w.assembler(), op: key}
	if key.op != lookOp {
		f.charge(costEntry)
	}
	switch key.op {
	case lookOp:
		in = f.lookAt()
	case wasm.MemoryFill:
		in = f.memoryFill()
	case wasm.MemoryCopy:
		in = f.memoryCopy()
	case wasm.MemoryInit:
		w.unlessDropped(&f, segment{false, key.a})
		in = f.memoryInit(uint32(len(w.m.Data[key.a].Init)))
	case wasm.MemoryGrow:
		in = f.memoryGrow(w.memoryMax())
	case wasm.TableInit:
		w.unlessDropped(&f, segment{true, key.a})
		in = f.tableInit(uint32(w.m.Elements[key.a].Count))
	case wasm.TableCopy:
		in = f.tableCopy()
	case wasm.TableFill:
		in = f.tableFill(w.tables[key.a].Type)
	default:
		in = f.tableGrow(w.tables[key.a], w.caps.TableEntries)
	}
	f.ops(wasm.End)
	in.key, in.body = key, f.finish()
	return in
}

// memoryMax is the number of pages beyond which memory.grow is sure to fail.
func (w *rewriter) memoryMax() uint32 {
	for _, m := range w.m.AllMemories() {
		if m.Limits.HasMax {
			return min(m.Limits.Max, maxPages)
		}
	}
	return maxPages
}

// function assembles an injected function.
type function struct {
	code
	op     injectKey
	locals []byte // types of locals after the parameters
}

func (f *function) finish() []byte {
	b := wasm.AppendU32(nil, uint32(len(f.locals)))
	for _, t := range f.locals {
		b = append(b, 1, t)
	}
	b = append(b, f.b...)
	return append(wasm.AppendU32(nil, uint32(len(b))), b...)
}

func signature(results int, params ...wasm.ValType) wasm.FuncType {
	t := wasm.FuncType{Params: params}
	for range results {
		t.Results = append(t.Results, wasm.ValType{Code: wasm.I32})
	}
	return t
}

var i32Type = wasm.ValType{Code: wasm.I32}

// local pushes a local; wide pushes it as an unsigned 64-bit number.
func (f *function) local(i uint32) { f.idx(wasm.LocalGet, i) }
func (f *function) wide(i uint32) {
	f.local(i)
	f.ops(wasm.I64ExtendI32U)
}

// original is the operation itself, on the locals a, b, c.
func (f *function) original(locals ...uint32) {
	for _, l := range locals {
		f.local(l)
	}
	f.operate()
}

// operate is the operation on what is on the stack.
func (f *function) operate() {
	f.ops(f.op.op)
	switch f.op.op {
	case wasm.MemoryFill, wasm.MemoryGrow:
		f.b = append(f.b, 0)
	case wasm.MemoryCopy:
		f.b = append(f.b, 0, 0)
	case wasm.MemoryInit:
		f.b = append(wasm.AppendU32(f.b, f.op.a), 0)
	case wasm.TableInit, wasm.TableCopy:
		f.b = wasm.AppendU32(wasm.AppendU32(f.b, f.op.a), f.op.b)
	default:
		f.b = wasm.AppendU32(f.b, f.op.a)
	}
}

// payBytes and payEntries charge for the length in a local, and check.
func (f *function) payBytes(n uint32) {
	f.pay(func() {
		f.wide(n)
		f.i64(byteShift)
		f.ops(wasm.I64ShrU)
	})
}

func (f *function) payEntries(n uint32) {
	f.pay(func() {
		f.wide(n)
		f.i64(entryShift)
		f.ops(wasm.I64Shl)
	})
}

func (f *function) pay(units func()) {
	f.idx(wasm.GlobalGet, f.counter)
	units()
	f.ops(wasm.I64Sub)
	f.idx(wasm.GlobalSet, f.counter)
	f.check()
}

// when runs the body if the 32-bit number on the stack is not zero.
func (f *function) when(body func()) {
	f.open(wasm.If)
	body()
	f.ops(wasm.End)
}

// beyondMemory pushes whether n bytes from address at do not fit into the memory.
func (f *function) beyondMemory(at, n uint32) {
	f.wide(at)
	f.wide(n)
	f.ops(wasm.I64Add)
	f.idx(wasm.MemorySize, 0)
	f.ops(wasm.I64ExtendI32U)
	f.i64(16)
	f.ops(wasm.I64Shl, wasm.I64GtU)
}

// add changes a local by a constant.
func (f *function) add(local uint32, by int32) {
	f.local(local)
	f.i32(by)
	f.ops(wasm.I32Add)
	f.idx(wasm.LocalSet, local)
}

// beyondTable pushes whether n entries from at do not fit into a table.
func (f *function) beyondTable(at, n, table uint32) {
	f.wide(at)
	f.wide(n)
	f.ops(wasm.I64Add)
	f.idx(wasm.TableSize, table)
	f.ops(wasm.I64ExtendI32U, wasm.I64GtU)
}

// whileMore repeats the body as long as more than a piece is left in n.
func (f *function) whileMore(n uint32, piece int32, units int64, body func()) {
	f.open(wasm.Loop)
	f.charge(units)
	f.check()
	body()
	f.local(n)
	f.i32(piece)
	f.ops(wasm.I32GtU)
	f.idx(wasm.BrIf, 0)
	f.ops(wasm.End)
}

// inPieces repeats an operation on bytes, or on entries of a table; body is one piece.
func (f *function) inPieces(n uint32, body func()) { f.whileMore(n, Piece, Piece>>byteShift, body) }
func (f *function) inTablePieces(n uint32, body func()) {
	f.whileMore(n, tablePiece, tablePiece<<entryShift, body)
}

// short pays for and does an operation on at most a piece of bytes, shortTable one of entries; both return.
func (f *function) short(d, s, n uint32) {
	f.atMost(n, Piece, func(n uint32) { f.payBytes(n); f.announceRest(d, n) }, d, s)
}
func (f *function) shortTable(d, s, n uint32) { f.atMost(n, tablePiece, f.payEntries, d, s) }

func (f *function) atMost(n uint32, piece int32, pay func(n uint32), d, s uint32) {
	f.local(n)
	f.i32(piece)
	f.ops(wasm.I32LeU)
	f.when(func() {
		pay(n)
		f.original(d, s, n)
		f.ops(wasm.Return)
	})
}
