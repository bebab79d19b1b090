package meter

import "github.com/wedgecdn/wedge/runtime/wasm"

// keeper makes the state of an instance that is neither memory nor a number in a global such that it can be put back.
//
// Dropped segments: a drop sets a flag, a global like others, and nothing is dropped. The functions that stand in for
// memory.init and table.init look at the flag, and use an empty segment in place of one that is dropped.
//
// Tables that code changes, and globals whose value a host cannot see whole, have a shadow: [SaveName] copies to it and
// [RestoreName] copies back.
type keeper struct {
	changed map[uint32]bool   // tables that code writes to
	dropped map[segment]int32 // flags by segment, as numbers of added globals

	added   []addedGlobal
	tables  []wasm.Table // added
	copied  []uint32     // the tables that these are copies of
	element []wasm.ValType
	data    bool   // an empty data segment is added
	saveAt  uint32 // index of the function that saves, the one that restores is next; 0 if there are none

	keptReference bool // a global holds a reference
	fixed         bool // something changes that cannot be put back
}

// segment names a data segment, or an element segment.
type segment struct {
	element bool
	index   uint32
}

// addedGlobal is one behind the module's own. Those with a name are exported.
type addedGlobal struct {
	name string
	typ  wasm.ValType
	init []byte // an expression
}

// addGlobal returns the index of a new mutable global that begins with that expression.
func (w *rewriter) addGlobal(name string, typ wasm.ValType, init ...byte) uint32 {
	w.added = append(w.added, addedGlobal{name, typ, append(init, byte(wasm.End))})
	return w.globals + uint32(len(w.added)-1)
}

// stateGlobal adds a number that a host saves and puts back with the module's own globals.
func (w *rewriter) stateGlobal(typ byte) uint32 {
	zero := byte(wasm.I32Const)
	if typ == wasm.I64 {
		zero = byte(wasm.I64Const)
	}
	return w.addGlobal(globalName(w.globals+uint32(len(w.added))), wasm.ValType{Code: typ}, zero, 0)
}

// drop returns the flag that says whether a segment is dropped.
func (w *rewriter) drop(s segment) uint32 {
	if i, ok := w.dropped[s]; ok {
		return w.globals + uint32(i)
	}
	g := w.stateGlobal(wasm.I32)
	w.dropped[s] = int32(g - w.globals)
	return g
}

// emptySegment is one that stands for a dropped one.
func (w *rewriter) emptySegment(s segment) uint32 {
	if !s.element {
		w.data = true
		return uint32(len(w.m.Data))
	}
	t := w.m.Elements[s.index].Type
	for i, have := range w.element {
		if have == t {
			return uint32(len(w.m.Elements) + i)
		}
	}
	w.element = append(w.element, t)
	return uint32(len(w.m.Elements) + len(w.element) - 1)
}

// unlessDropped runs the operation on an empty segment, and returns, if the segment is dropped.
func (w *rewriter) unlessDropped(f *function, s segment) {
	i, ok := w.dropped[s]
	if !ok {
		return
	}
	f.idx(wasm.GlobalGet, w.globals+uint32(i))
	f.when(func() {
		g := function{op: f.op}
		g.op.a = w.emptySegment(s)
		g.original(0, 1, 2)
		f.b = append(f.b, g.b...)
		f.ops(wasm.Return)
	})
}

// nullable is the type of a shadow: that of what it shadows, or null.
func nullable(t wasm.ValType) wasm.ValType {
	if t.Code == wasm.RefNonNull {
		t.Code = wasm.RefNullable
	}
	return t
}

// null is the expression for a null reference of a type.
func null(t wasm.ValType) []byte {
	heap := int64(t.Code) - 0x80
	if t.Code == wasm.RefNullable || t.Code == wasm.RefNonNull {
		heap = t.Heap
	}
	return wasm.AppendS64([]byte{byte(wasm.RefNull)}, heap)
}

// keepState adds the functions that save and restore, if there is something for them to do.
func (w *rewriter) keepState() {
	save := function{code: code{counter: w.counter, tick: w.imported}}
	restore := function{code: save.code}
	for _, f := range []*function{&save, &restore} {
		f.charge(costEntry)
		f.check()
	}
	any := false
	for i := range len(w.tables) {
		if w.changed[uint32(i)] {
			any = w.keepTable(&save, &restore, uint32(i)) || any
		}
	}
	first := w.globals - uint32(len(w.m.Globals))
	for i, g := range w.m.Globals {
		if g.Mutable && w.keepGlobal(&save, &restore, first+uint32(i), g.Type) {
			any = true
		}
	}
	if !any {
		return
	}
	restore.i32(1)
	for _, f := range []*function{&save, &restore} {
		f.ops(wasm.End)
	}
	w.saveAt = w.functions + 1 + uint32(len(w.injected))
	w.injected = append(w.injected,
		injected{name: "wedge_meter.save", typ: signature(0), body: save.finish()},
		injected{name: "wedge_meter.restore", typ: signature(1), body: restore.finish()})
}

// keepTable gives a table a shadow, which begins empty and grows to its size when it is saved. A table cannot shrink: one
// that has grown since makes restore answer 0.
func (w *rewriter) keepTable(save, restore *function, table uint32) bool {
	t := w.tables[table].Type
	if t.Code == wasm.RefNonNull {
		w.fixed = true
		return false
	}
	shadow := uint32(len(w.m.AllTables()) + len(w.keeper.tables))
	w.keeper.tables = append(w.keeper.tables, wasm.Table{Type: t})
	w.keeper.copied = append(w.keeper.copied, table)
	w.tables = append(w.tables, wasm.Table{Type: t})
	grow := w.inject(wasm.TableGrow, shadow, 0)
	save.b = append(save.b, null(t)...)
	save.idx(wasm.TableSize, table)
	save.idx(wasm.TableSize, shadow)
	save.ops(wasm.I32Sub)
	save.idx(wasm.Call, grow)
	save.i32(-1)
	save.ops(wasm.I32Eq)
	save.when(func() { save.ops(wasm.Unreachable) })
	w.copyTable(save, shadow, table)
	restore.idx(wasm.TableSize, table)
	restore.idx(wasm.TableSize, shadow)
	restore.ops(wasm.I32Eq, wasm.I32Eqz)
	restore.when(func() {
		restore.i32(0)
		restore.ops(wasm.Return)
	})
	w.copyTable(restore, table, shadow)
	return true
}

func (w *rewriter) copyTable(f *function, to, from uint32) {
	index := w.inject(wasm.TableCopy, to, from)
	f.i32(0)
	f.i32(0)
	f.idx(wasm.TableSize, from)
	f.idx(wasm.Call, index)
}

// keepGlobal gives a shadow to a global that is no number of at most 64 bits. A vector's halves are numbers which a host
// can see, a reference's shadow is a reference.
func (w *rewriter) keepGlobal(save, restore *function, global uint32, t wasm.ValType) bool {
	switch t.Code {
	case wasm.I32, wasm.I64, wasm.F32, wasm.F64:
		return false
	case wasm.V128:
		low, high := w.stateGlobal(wasm.I64), w.stateGlobal(wasm.I64)
		for lane, half := range []uint32{low, high} {
			save.idx(wasm.GlobalGet, global)
			save.b = append(wasm.AppendOp(save.b, wasm.I64x2ExtractLane), byte(lane))
			save.idx(wasm.GlobalSet, half)
			restore.idx(wasm.GlobalGet, half)
			if lane == 0 {
				restore.ops(wasm.I64x2Splat)
			} else {
				restore.b = append(wasm.AppendOp(restore.b, wasm.I64x2ReplaceLane), 1)
			}
		}
		restore.idx(wasm.GlobalSet, global)
		return true
	}
	shadow := w.addGlobal("", nullable(t), null(t)...)
	w.keptReference = true
	save.idx(wasm.GlobalGet, global)
	save.idx(wasm.GlobalSet, shadow)
	restore.idx(wasm.GlobalGet, shadow)
	if t.Code == wasm.RefNonNull {
		restore.ops(wasm.RefAsNonNull)
	}
	restore.idx(wasm.GlobalSet, global)
	return true
}
