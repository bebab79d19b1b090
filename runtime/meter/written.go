package meter

import (
	"slices"

	"github.com/wedgecdn/wedge/runtime/wasm"
)

// A rewritten module notes which pages of its memory it writes to, so that a host that puts an instance back need neither copy
// all of it nor ask the kernel: see [Module.NotesWrites]. To do so at each store would cost every loop of every guest. So stores are only
// noted in code that a call from outside runs once for each time that it stands there: outside of loops, in functions that
// no loop calls, that no recursion is in and no reference leads to. Whatever else may write says once, before it begins, that nothing is
// known any more: in front of a loop in which something is written, of a call of a function that writes and notes nothing.
//
// So in the small hooks for which putting back is what counts, all is known; in a parser, nothing; and no loop pays for it.

const (
	// WrittenGlobal is the export of what was noted, a mutable i64, if [Module.NotesWrites]. Bit n is the n-th page of WrittenPage
	// bytes, counted from [Module.NotedFrom]; the last bit, WrittenUnknown, stands for all other pages. A store that begins in a page may end
	// in the next. Zero when an instance begins; its host sets it to zero again.
	WrittenGlobal = "wedge_meter_written"

	// WrittenPage is how many bytes a bit stands for.
	WrittenPage = 1 << pageShift

	// WrittenUnknown is the bit that says that any page may have been written to.
	WrittenUnknown = 1 << 63

	// WrittenBeyond is how many bytes beyond its page a store may write.
	WrittenBeyond = 15

	pageShift = 12
	// unknownPage is the number of the last bit.
	unknownPage = 63
	// notedStores is how many stores of a function are noted. Of one that has more nothing is known.
	notedStores = 64
)

// written is what is known of functions that write to memory, by their number among those that the module defines. Behind
// them stands what is called by reference, as one.
type written struct {
	global uint32 // index of the global that takes the notes
	from   uint32 // number of the first page

	writes   []bool // the function, or one that it calls, may write
	repeated []bool // it may run more than once for each call of an export, or for each time that a call of it stands in one that does not
	forgets  []bool // it says at its beginning that nothing is known
	types    []valueTypes
	loops    [][]bool // of its outermost loops, in their order: something in them may write

	// What follows is gone when all is known.
	found []writes
	refs  []bool // some code refers to it
}

// writes is what the code of one function says.
type writes struct {
	stores  int
	writes  bool // it stores, or has bulk operations
	byRef   bool // it calls by reference
	callees []uint32
	inLoop  []bool // the call of that callee stands in a loop
	loops   []outermost
	depth   int    // of loops
	open    []bool // for each open block: it is a loop
}

// outermost is a loop in no other: what it does and which of the callees it calls.
type outermost struct {
	writes, byRef bool
	from, to      int
}

// valueTypes is a set of types of stored values, in the order in which locals for them are declared.
type valueTypes uint8

var storedTypes = [...]byte{wasm.I32, wasm.I64, wasm.F32, wasm.F64, wasm.V128}

func (t valueTypes) with(code byte) valueTypes {
	return t | 1<<slices.Index(storedTypes[:], code)
}

// local is which of the locals that notes need keeps a value of that type. The first two are addresses.
func (t valueTypes) local(code byte) uint32 {
	n := uint32(2)
	for i, c := range storedTypes {
		if c == code {
			break
		}
		n += uint32(t >> i & 1)
	}
	return n
}

// locals are the types of all that notes need.
func (t valueTypes) locals() (list []byte) {
	if t == 0 {
		return nil
	}
	list = append(list, wasm.I32, wasm.I32)
	for i, c := range storedTypes {
		if t>>i&1 != 0 {
			list = append(list, c)
		}
	}
	return list
}

// noteWrites begins to find out what notes are needed, if the module has a memory of its own. The code is read by survey.
func (w *rewriter) noteWrites() {
	if len(w.m.Memories) != 1 || len(w.m.AllMemories()) != 1 {
		return
	}
	n := len(w.m.Funcs)
	w.written = &written{
		from: w.notedFrom(), writes: make([]bool, n+1), repeated: make([]bool, n+1), forgets: make([]bool, n), types: make([]valueTypes, n),
		loops: make([][]bool, n), found: make([]writes, n), refs: make([]bool, n),
	}
	w.written.global = w.addGlobal(WrittenGlobal, wasm.ValType{Code: wasm.I64}, byte(wasm.I64Const), 0)
}

// notedFrom is the first page that a bit is for: of a large memory those around where the stack begins, where compilers put it into the
// first global. If it is something else, only less is known.
func (w *rewriter) notedFrom() uint32 {
	const below = 16 // pages for the stack, which grows downwards
	pages := w.m.AllMemories()[0].Limits.Min << (16 - pageShift)
	section, is := wasm.Place(w.m.Sections, wasm.GlobalSection)
	if pages <= unknownPage || !is || len(w.m.Globals) == 0 || !w.m.Globals[0].Mutable || w.m.Globals[0].Type.Code != wasm.I32 {
		return 0
	}
	r := wasm.NewReader(w.m.Sections[section].Data, 0)
	r.U32("a count")
	r.ValType()
	r.Byte("a mutability")
	var in wasm.Instr
	if r.Instr(&in); r.Err() != nil || in.Op != wasm.I32Const {
		return 0
	}
	return uint32(max(int64(uint32(in.Value)>>pageShift)-below, 0))
}

// see takes one instruction of a function into account.
func (t *written) see(w *rewriter, i uint32, in *wasm.Instr) {
	if t == nil {
		return
	}
	f := &t.found[i]
	switch in.Op {
	case wasm.Block, wasm.If, wasm.TryTable:
		f.open = append(f.open, false)
	case wasm.Loop:
		f.open = append(f.open, true)
		if f.depth++; f.depth == 1 {
			f.loops = append(f.loops, outermost{from: len(f.callees), to: len(f.callees)})
		}
	case wasm.End:
		if n := len(f.open) - 1; n >= 0 { // else it is the function's
			if f.open[n] {
				f.depth--
			}
			f.open = f.open[:n]
		}
	case wasm.Call, wasm.ReturnCall:
		if in.Index >= w.imported && in.Index < w.functions {
			f.callees = append(f.callees, in.Index-w.imported)
			f.inLoop = append(f.inLoop, f.depth > 0)
			if f.depth > 0 { // and not where the loop ends: of what is malformed it may not
				f.loops[len(f.loops)-1].to = len(f.callees)
			}
		}
	case wasm.CallIndirect, wasm.CallRef, wasm.ReturnCallIndirect, wasm.ReturnCallRef:
		f.byRef = true
		if f.depth > 0 {
			f.loops[len(f.loops)-1].byRef = true
		}
	case wasm.RefFunc:
		if in.Index >= w.imported && in.Index < w.functions {
			t.refs[in.Index-w.imported] = true
		}
	case wasm.MemoryFill, wasm.MemoryCopy, wasm.MemoryInit:
		f.writing()
	default:
		if typ := in.Op.Stores(); typ != 0 {
			f.writing()
			if f.depth == 0 {
				f.stores++
				t.types[i] = t.types[i].with(typ)
			}
		}
	}
}

func (f *writes) writing() {
	f.writes = true
	if f.depth > 0 {
		f.loops[len(f.loops)-1].writes = true
	}
}

// settle finds what follows from what was seen.
func (t *written) settle(w *rewriter) {
	if t == nil {
		return
	}
	exported := make([]bool, len(t.found))
	t.references(w, exported)
	t.spread()
	t.repeat()
	for i := range t.found {
		f := &t.found[i]
		if t.repeated[i] {
			t.forgets[i] = exported[i] && t.writes[i]
		} else {
			t.forgets[i] = f.stores > notedStores
		}
		if t.repeated[i] || t.forgets[i] {
			t.types[i] = 0
			continue
		}
		for _, l := range f.loops {
			writes := l.writes || l.byRef && t.writes[len(t.found)]
			for _, c := range f.callees[l.from:l.to] {
				writes = writes || t.writes[c]
			}
			t.loops[i] = append(t.loops[i], writes)
		}
	}
	t.found, t.refs = nil, nil
}

// references finds which functions may be called by reference, and by the host.
func (t *written) references(w *rewriter, exported []bool) {
	from, to := 0, 0 // the export section
	if i, ok := wasm.Place(w.m.Sections, wasm.ExportSection); ok {
		from = w.m.Sections[i].Offset
		to = from + len(w.m.Sections[i].Data)
	}
	for _, u := range w.m.FuncUses {
		switch i := u.Index - w.imported; {
		case u.Index < w.imported:
		case u.Offset >= from && u.Offset < to:
			exported[i] = true
		default:
			t.refs[i] = true
		}
	}
}

// spread has who calls a function that writes be one.
func (t *written) spread() {
	n := len(t.found)
	callers := make([][]uint32, n+1)
	var todo []uint32
	mark := func(i uint32) {
		if !t.writes[i] {
			t.writes[i] = true
			todo = append(todo, i)
		}
	}
	for i := range t.found {
		f := &t.found[i]
		for _, c := range f.callees {
			callers[c] = append(callers[c], uint32(i))
		}
		if f.byRef {
			callers[n] = append(callers[n], uint32(i))
		}
		if t.refs[i] {
			callers[i] = append(callers[i], uint32(n))
		}
		if f.writes {
			mark(uint32(i))
		}
	}
	for len(todo) > 0 {
		i := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		for _, c := range callers[i] {
			mark(c)
		}
	}
}

// repeat finds which functions may be run again and again: each function comes after all that call it, and those that this leaves out are
// in a recursion, or called from one.
func (t *written) repeat() {
	n := len(t.found)
	waits := make([]int, n) // calls by functions that did not come yet
	for i := range t.found {
		for _, c := range t.found[i].callees {
			waits[c]++
		}
	}
	t.repeated[n] = true
	var todo []uint32
	for i := range t.found {
		t.repeated[i] = t.refs[i]
		if waits[i] == 0 {
			todo = append(todo, uint32(i))
		}
	}
	done := make([]bool, n)
	for len(todo) > 0 {
		i := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		done[i] = true
		f := &t.found[i]
		for k, c := range f.callees {
			if f.inLoop[k] || t.repeated[i] {
				t.repeated[c] = true
			}
			if waits[c]--; waits[c] == 0 {
				todo = append(todo, c)
			}
		}
	}
	for i := range done {
		if !done[i] {
			t.repeated[i] = true
		}
	}
}

// noting is what a plan knows of the notes of its function.
type noting struct {
	*written
	index int
	on    bool   // it takes notes
	first uint32 // of the locals for it
	depth int    // of loops
	loop  int    // of the outermost loops, the next
}

func (t *written) noting(index int, first uint32) noting {
	n := noting{written: t, index: index, first: first}
	n.on = t != nil && !t.repeated[index] && !t.forgets[index]
	return n
}

// store notes a store outside of loops.
func (p *plan) store() {
	n := &p.notes
	typ := p.in.Op.Stores()
	if !n.on || n.depth > 0 || !p.live || typ == 0 {
		return
	}
	p.edits = append(p.edits, edit{at: p.in.Pos, to: p.in.Pos, kind: note, index: n.first, units: p.in.Value, block: int64(n.first + n.types[n.index].local(typ))})
}

// unknown has the code forget what was noted, in front of the instruction.
func (p *plan) unknown(writes bool) {
	if n := &p.notes; writes && n.on && n.depth == 0 && p.live {
		p.edits = append(p.edits, edit{at: p.in.Pos, to: p.in.Pos, kind: forget})
	}
}

// calls looks at a call of a function, or at one by reference if it is that behind all.
func (p *plan) calls(callee uint32) {
	if n := &p.notes; n.on {
		p.unknown(n.writes[callee] && n.repeated[callee])
	}
}

// enters notes a loop that begins.
func (p *plan) enters() {
	n := &p.notes
	if !n.on {
		return
	}
	if n.depth == 0 {
		p.unknown(n.loops[n.index][n.loop])
		n.loop++
	}
	n.depth++
}

// forget says that nothing is known of what was written to.
func (c *code) forget() {
	c.i64(-1)
	c.idx(wasm.GlobalSet, c.written)
}

// note notes the page of an address that is on the stack, and an offset beyond it; local is one of its own.
func (c *code) note(offset int64, local uint32) {
	if offset != 0 {
		c.i32(int32(uint32(offset))) // if the sum has no room in 32 bits, the store traps
		c.ops(wasm.I32Add)
	}
	c.i32(pageShift)
	c.ops(wasm.I32ShrU)
	if c.from != 0 {
		c.i32(int32(c.from))
		c.ops(wasm.I32Sub)
	}
	c.idx(wasm.LocalSet, local)
	c.i64(1)
	c.idx(wasm.LocalGet, local)
	c.i32(unknownPage)
	c.idx(wasm.LocalGet, local)
	c.i32(unknownPage)
	c.ops(wasm.I32LtU, wasm.Select, wasm.I64ExtendI32U, wasm.I64Shl)
	c.idx(wasm.GlobalGet, c.written)
	c.ops(wasm.I64Or)
	c.idx(wasm.GlobalSet, c.written)
}

// noteStore notes a store, whose address and value are on the stack and stay there.
func (c *code) noteStore(address, value uint32, offset int64) {
	c.idx(wasm.LocalSet, value)
	c.idx(wasm.LocalTee, address)
	c.note(offset, address+1)
	c.idx(wasm.LocalGet, address)
	c.idx(wasm.LocalGet, value)
}

// noteRange notes n bytes from an address on, both in locals: all is known of a few bytes only.
func (f *function) noteRange(at, n uint32) {
	if !f.notes {
		return
	}
	local := uint32(3 + len(f.locals))
	f.locals = append(f.locals, wasm.I32)
	f.local(n)
	f.i32(WrittenPage)
	f.ops(wasm.I32GtU)
	f.open(wasm.If)
	f.forget()
	f.ops(wasm.Else)
	f.local(at)
	f.note(0, local)
	f.local(at)
	f.local(n)
	f.i32(1)
	f.ops(wasm.I32Sub, wasm.I32Add)
	f.note(0, local)
	f.ops(wasm.End)
}
