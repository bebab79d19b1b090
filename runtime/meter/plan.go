package meter

import "github.com/wedgecdn/wedge/runtime/wasm"

// edit is one change to a function body: bytes from at to to are replaced. Edits stand in the order of the text.
type edit struct {
	at, to int
	kind   editKind
	check  bool   // payment: look at the counter afterwards
	round  bool   // payment: before it, leave the inner of two loops if the counter is below zero; see shape
	units  int64  // payment
	parent int    // payment: see fold; -1 for none
	alt    int    // payment of an else: that of its if; else -1
	index  uint32 // moved, bulk: function; drop: global; jump: label;
	// enter, exit, leave: the local that keeps what was left of the stack; note: the first of its locals
	block int64 // enter: the block's type; note: the local for the value, while units is the offset

	// For fold.
	root   int   // the payment that this one is part of, itself if it is not merged
	spare  int64 // what may be merged into it
	folded int64 // what of it, and of those below it, has been merged into its root
	credit int64 // what the other branch has paid for
}

type editKind uint8

const (
	payment editKind = iota // units are taken off the counter; none and no check: nothing
	moved                   // a function index
	bulk                    // an operation becomes a call of an injected function
	drop                    // a drop of a segment sets a flag
	enter                   // the function takes units of stack, and its code becomes a block
	exit                    // that block ends, and the function gives the stack back
	leave                   // it gives the stack back before it becomes another
	jump                    // a return goes to the end of that block
	again                   // a comparison is compared with 0: see fusion
	note                    // a store is noted: see written
	forget                  // nothing is known any more of what was written
)

// frame is a block, loop or if that is open, or the function itself.
type frame struct {
	op      wasm.Op
	entry   int   // the payment in force where it was opened
	branch  int   // the payment of an if's first branch, -1 if it is not reached
	live    bool  // whether it can be entered
	since   int64 // units since the last check, at most, where it was opened
	hasElse bool
	then    bool  // the end of the first branch of an if can be reached
	target  bool  // something branches to its end
	join    int64 // since, the largest of those that reach its end otherwise than from above
	reach   int   // the outermost frame that something in it branches to
	outer   bool  // a loop that reshape added
	latch   int   // of the inner one: where it begins again, if it checks there
}

// plan finds where a body pays and where it checks.
//
// A segment is code that runs as often as its first instruction; it is paid for there, at once. Segments end where control
// may go elsewhere or come from elsewhere. One that would begin after a construct out of which nothing branches is the
// same as the one before it: either both run or none, unless the construct traps or never ends. So code after an if, a
// loop or a block usually costs nothing extra.
//
// Code that cannot be reached is not charged and has no checks.
type plan struct {
	w       *rewriter
	limits  stretches
	advance int64 // foldMost, or for tests 0
	r       *wasm.Reader
	in      wasm.Instr
	edits   []edit
	frames  []frame

	seg    int    // index in edits of the payment in force
	live   bool   // whether the next instruction can be reached
	since  int64  // units run since the last check, at most, on all ways that lead here
	before uint32 // the local that keeps what was left of the stack
	frame  int64  // what the function takes of the stack; 0 if it does not count
	leaf   bool   // no loop, no call, no bulk operation seen
	values fusion
	notes  noting

	loops, loopDepth, deepest int
	last                      wasm.Instr // the instruction before, if it is sure to run just before; its Op is Nop else
}

// stretches are Stretch and Tail, or for tests less.
type stretches struct{ straight, tail int64 }

func newPlan(w *rewriter) *plan {
	return &plan{w: w, limits: stretches{Stretch, Tail}, advance: foldMost}
}

// body plans one function, with so many locals. The edits are valid until the next call.
func (p *plan) body(index int, locals int) ([]edit, error) {
	b := p.w.m.Bodies[index]
	p.r = wasm.NewReader(b.Raw, b.Offset)
	p.r.Bytes(b.Code, "locals")
	p.edits = append(p.edits[:0], edit{at: b.Code, to: b.Code, check: true, units: costEntry, parent: -1, alt: -1})
	p.frames = append(p.frames[:0], frame{op: wasm.Block, live: true})
	p.frame = 0
	if c := p.w.recursion; c != nil && c.counted[index] {
		p.frame = c.frame[index]
		p.before = uint32(locals)
		p.edits = append(p.edits, edit{at: b.Code, to: b.Code, kind: enter, units: p.frame, index: p.before, block: p.w.blockType(index)})
	}
	first := uint32(locals)
	if p.frame > 0 {
		first++
	}
	if p.notes = p.w.written.noting(index, first); p.notes.written != nil && p.notes.forgets[index] {
		p.edits = append(p.edits, edit{at: b.Code, to: b.Code, kind: forget})
	}
	p.seg, p.live, p.since, p.leaf = 0, true, costEntry, true
	p.loops, p.loopDepth, p.deepest = 0, 0, 0
	p.last.Op = wasm.Nop
	p.values.begin(locals, len(p.w.m.Types[p.w.m.Funcs[index]].Params))
	for len(p.frames) > 0 {
		p.r.Instr(&p.in)
		if err := p.r.Err(); err != nil {
			return nil, asRefused(err)
		}
		if err := p.step(); err != nil {
			return nil, err
		}
	}
	if p.r.Left() > 0 {
		return nil, malformed(p.r.Offset(), "expected the end of the function body")
	}
	p.fold()
	if p.frame > 0 { // one look for both
		p.edits[1].check, p.edits[0].check = p.edits[0].check, false
	}
	if p.w.callees.cost[index] > 0 { // its callers pay
		for i := range p.edits {
			if p.edits[i].kind == payment {
				p.edits[i].units, p.edits[i].check = 0, false
			}
		}
	}
	if err := p.w.caps.function(&p.w.effort, b.Offset, locals, p.loops, p.deepest); err != nil {
		return nil, err
	}
	return p.edits, nil
}

// step takes one instruction into account.
func (p *plan) step() error {
	in := &p.in
	if in.Op != wasm.Br || p.w.shape.isOwn(in.Pos) {
		p.pay(cost(in.Op))
	}
	if in.Pos == p.frames[len(p.frames)-1].latch && p.live {
		p.edits = append(p.edits, edit{at: in.Pos, to: in.Pos, round: true, parent: -1, alt: -1})
	}
	p.fused()
	last := in.Op
	var err error
	switch in.Op {
	case wasm.Block, wasm.Loop, wasm.If:
		err = p.open()
	case wasm.Else:
		err = p.alternative()
	case wasm.End:
		if len(p.frames) == 1 && p.frame > 0 {
			p.edits = append(p.edits, edit{at: in.Pos, to: in.Pos, kind: exit, index: p.before})
		}
		p.close()
	case wasm.Br, wasm.BrTable, wasm.Return, wasm.ReturnCall, wasm.ReturnCallIndirect, wasm.ReturnCallRef, wasm.Unreachable:
		err = p.leave()
	case wasm.BrIf, wasm.BrOnNull, wasm.BrOnNonNull:
		if err = p.branch(in.Index); err == nil {
			p.segment(in.End, p.seg)
		}
	case wasm.Call, wasm.RefFunc:
		err = p.function()
	case wasm.CallIndirect, wasm.CallRef:
		if err = p.typeIndex(); err == nil && in.Op == wasm.CallIndirect {
			err = p.table(in.Index2)
		}
		p.calls(uint32(len(p.w.m.Funcs)))
		p.pay(p.w.callees.indirect) // whether it is a tiny one, or one with checks
		p.called()
	case wasm.GlobalGet, wasm.GlobalSet:
		if in.Index >= p.w.globals {
			err = p.invalid("unknown global %d", in.Index)
		}
	case wasm.MemoryGrow, wasm.MemoryInit, wasm.MemoryCopy, wasm.MemoryFill,
		wasm.TableInit, wasm.TableCopy, wasm.TableGrow, wasm.TableFill:
		err = p.bulk()
	case wasm.TableGet, wasm.TableSize:
		err = p.table(in.Index)
	case wasm.TableSet:
		p.changes(in.Index)
		err = p.table(in.Index)
	case wasm.DataDrop, wasm.ElemDrop:
		err = p.drop()
	case wasm.TryTable, wasm.Throw, wasm.ThrowRef:
		err = refuse(p.r.Offset(), hintExcept, "exception instruction %v", in.Op)
	default:
		p.store()
		if in.Op.IsAtomic() {
			err = refuse(p.r.Offset(), hintThreads, "atomic instruction %v", in.Op)
		}
	}
	p.last = p.in
	if last != wasm.I32Const {
		p.last.Op = wasm.Nop
	}
	if p.live && p.since > p.limits.straight && len(p.frames) > 0 {
		p.edits = append(p.edits, edit{at: in.End, to: in.End, check: true, parent: -1, alt: -1})
		p.since = 0
	}
	return err
}

func (p *plan) invalid(format string, args ...any) error {
	return malformed(p.r.Offset()-(p.in.End-p.in.Pos), format, args...)
}

// pay adds to the payment in force.
func (p *plan) pay(units int64) {
	if p.live {
		p.edits[p.seg].units += units
		p.since += units
	}
}

// segment begins a new one at that place, if it can be reached. For its parent see fold.
func (p *plan) segment(at, parent int) {
	if p.live {
		p.seg = len(p.edits)
		p.edits = append(p.edits, edit{at: at, to: at, parent: parent, alt: -1})
	}
}

// header begins the segment of a loop, with a check. A function that runs into its first loop without doing anything that could go
// on without bound needs no check before.
func (p *plan) header(at int) {
	if !p.live {
		return
	}
	if p.leaf && p.seg == 0 {
		p.edits[0].check = false
	}
	p.leaf = false
	p.segment(at, -1)
	p.edits[p.seg].check = true
	p.since = 0
}

func (p *plan) open() error {
	in := &p.in
	if in.Value >= 0 && in.Value >= int64(len(p.w.m.Types)) {
		return p.invalid("unknown type %d", in.Value)
	}
	if len(p.frames) > p.w.caps.Nesting {
		return refuse(p.r.Offset(), hintSplit, "blocks nested more than %d deep", p.w.caps.Nesting)
	}
	p.frames = append(p.frames, frame{op: in.Op, entry: p.seg, branch: -1, live: p.live, since: p.since, reach: len(p.frames)})
	switch in.Op {
	case wasm.Loop:
		p.enters()
		f := &p.frames[len(p.frames)-1]
		if latch, is := p.w.shape.pair(in.Pos); is { // the inner one, which comes next, counts
			f.outer, f.latch = true, latch
			p.header(in.End)
			break
		}
		p.loops++
		p.loopDepth++
		p.deepest = max(p.deepest, p.loopDepth)
		p.header(in.End)
		if outer := &p.frames[len(p.frames)-2]; outer.outer {
			f.latch, outer.latch = outer.latch, 0
			if p.live {
				p.edits[p.seg].check, p.edits[p.seg].round = false, f.latch == 0
			}
		}
		p.pay(costLoop)
	case wasm.If:
		if p.live {
			p.frames[len(p.frames)-1].branch = len(p.edits)
		}
		p.segment(in.End, p.seg)
	}
	return nil
}

func (p *plan) alternative() error {
	f := &p.frames[len(p.frames)-1]
	if f.op != wasm.If || f.hasElse {
		return p.invalid("else without if")
	}
	f.hasElse = true
	f.then = p.live
	if p.live {
		f.join = max(f.join, p.since)
	}
	p.live, p.since = f.live, f.since
	p.segment(p.in.End, f.entry)
	if p.live {
		p.edits[p.seg].alt = f.branch
	}
	return nil
}

func (p *plan) close() {
	f := p.frames[len(p.frames)-1]
	p.frames = p.frames[:len(p.frames)-1]
	self := len(p.frames)
	if self > 0 {
		outer := &p.frames[self-1]
		outer.reach = min(outer.reach, f.reach)
	}
	others := f.target || f.then // ways to the end other than from above
	if f.op == wasm.If && !f.hasElse && f.live {
		others = true
		f.join = max(f.join, f.since)
	}
	if f.op == wasm.Loop {
		p.notes.depth--
		if !f.outer {
			p.loopDepth--
		}
	}
	if others {
		if !p.live {
			p.since = 0
		}
		p.since = max(p.since, f.join)
	}
	p.live = p.live || others
	switch {
	case self == 0 || !p.live:
	case f.reach >= self: // nothing in it branches out: what follows runs as often as what went before
		p.seg = f.entry
	case others, f.op == wasm.Loop: // what follows a loop runs once, what is in it perhaps often
		p.segment(p.in.End, f.entry)
	}
}

// branch notes a way to the end of a frame, or back to the header of a loop.
func (p *plan) branch(label uint32) error {
	if int64(label) >= int64(len(p.frames)) {
		return p.invalid("unknown label %d", label)
	}
	if !p.live {
		return nil
	}
	to := len(p.frames) - 1 - int(label)
	p.reaches(to)
	if f := &p.frames[to]; f.op != wasm.Loop {
		f.target = true
		f.join = max(f.join, p.since)
	}
	return nil
}

// reaches notes that the innermost frame is left towards another; close passes it on to those between.
func (p *plan) reaches(to int) {
	top := &p.frames[len(p.frames)-1]
	top.reach = min(top.reach, to)
}

// leave handles instructions after which nothing runs. A trap ends the call and does not count as a way out.
func (p *plan) leave() error {
	in := &p.in
	var err error
	switch in.Op {
	case wasm.Br:
		err = p.branch(in.Index)
	case wasm.BrTable:
		for _, l := range in.Labels {
			if err = p.branch(l); err != nil {
				break
			}
		}
	case wasm.Return:
		p.reaches(0)
		if p.live && p.frame > 0 {
			p.edits = append(p.edits, edit{at: in.Pos, to: in.End, kind: jump, index: uint32(len(p.frames) - 1)})
		}
	case wasm.ReturnCall:
		p.reaches(0)
		p.becomes()
		err = p.function()
	case wasm.ReturnCallIndirect, wasm.ReturnCallRef:
		p.reaches(0)
		p.becomes()
		p.leaf = false
		if err = p.typeIndex(); err == nil && in.Op == wasm.ReturnCallIndirect {
			err = p.table(in.Index2)
		}
		p.calls(uint32(len(p.w.m.Funcs)))
		p.pay(p.w.callees.indirect)
	}
	p.live = false
	return err
}

// becomes gives the frame back before another function takes its place.
func (p *plan) becomes() {
	if p.live && p.frame > 0 {
		p.edits = append(p.edits, edit{at: p.in.Pos, to: p.in.Pos, kind: leave, index: p.before})
	}
}

// function checks a function index, and moves it if the import in front of it does.
func (p *plan) function() error {
	in := &p.in
	if in.Index >= p.w.functions {
		return p.invalid("unknown function %d", in.Index)
	}
	if in.Index >= p.w.imported {
		if in.Op != wasm.RefFunc {
			p.calls(in.Index - p.w.imported)
		}
		p.edits = append(p.edits, edit{at: in.Imm, to: in.Imm + in.IndexN, kind: moved, index: in.Index + 1})
	}
	if in.Op == wasm.RefFunc {
		return nil
	}
	if n := p.w.tiny(in.Index, 0); n > 0 {
		p.pay(n)
	} else {
		p.called()
	}
	return nil
}

func (p *plan) typeIndex() error {
	if int64(p.in.Index) >= int64(len(p.w.m.Types)) {
		return p.invalid("unknown type %d", p.in.Index)
	}
	return nil
}

// table checks a table index: there are tables behind the module's own.
func (p *plan) table(index uint32) error {
	if int64(index) >= int64(len(p.w.tables)) {
		return p.invalid("unknown table %d", index)
	}
	return nil
}

// changes notes that reachable code writes to a table.
func (p *plan) changes(table uint32) {
	if p.live {
		p.w.changed[table] = true
	}
}

// segmentIndex checks the index of a segment: there are some behind the module's own.
func (p *plan) segmentIndex(element bool, index uint32) error {
	n := len(p.w.m.Data)
	if element {
		n = len(p.w.m.Elements)
	} else {
		p.w.namesData = true
	}
	if int64(index) >= int64(n) {
		return p.invalid("unknown segment %d", index)
	}
	return nil
}

func (p *plan) drop() error {
	in := &p.in
	s := segment{in.Op == wasm.ElemDrop, in.Index}
	if err := p.segmentIndex(s.element, s.index); err != nil || !p.live {
		return err
	}
	p.edits = append(p.edits, edit{at: in.Pos, to: in.End, kind: drop, index: p.w.drop(s)})
	return nil
}

// called accounts for what a callee ran after its last check.
func (p *plan) called() {
	p.leaf = false
	p.since = max(p.since, p.limits.straight-p.limits.tail)
}

// bulk replaces an operation on a length by a call that pays for the length, unless the length is a small constant.
func (p *plan) bulk() error {
	in := &p.in
	if err := p.operands(); err != nil || !p.live {
		return err
	}
	switch in.Op {
	case wasm.MemoryCopy, wasm.MemoryFill:
		if n := uint32(p.last.Value); p.last.Op == wasm.I32Const && n <= inlineBytes {
			p.pay(int64(n >> byteShift))
			p.unknown(true)
			return nil
		}
	}
	p.edits = append(p.edits, edit{at: in.Pos, to: in.End, kind: bulk, index: p.w.inject(in.Op, in.Index, in.Index2)})
	p.called()
	return nil
}

// operands checks the segment and the tables of a bulk operation, and notes the table that it writes to.
func (p *plan) operands() error {
	in := &p.in
	switch in.Op {
	case wasm.MemoryInit:
		return p.segmentIndex(false, in.Index)
	case wasm.TableInit:
		p.changes(in.Index2)
		if err := p.segmentIndex(true, in.Index); err != nil {
			return err
		}
		return p.table(in.Index2)
	case wasm.TableCopy:
		if err := p.table(in.Index2); err != nil {
			return err
		}
		fallthrough
	case wasm.TableGrow, wasm.TableFill:
		p.changes(in.Index)
		return p.table(in.Index)
	}
	return nil
}
