package meter

import "github.com/wedgecdn/wedge/runtime/wasm"

// fusion finds comparisons that the engine's compiler gets wrong, so that they can be put differently.
//
// Version 1.12.0 of the engine turns "compare (x & y) with 0 and branch" into a test of bits and a branch on its flags, and forgets
// two things. If 0 stands on the left, the flags are those of the comparison the other way round: 0 < x & y
// branches as x & y < 0 does. And on arm64 that test clears the carry, where a comparison with 0 sets it, so all unsigned
// comparisons are wrong, on whichever side 0 stands. Only comparisons for equality are right in any case.
//
// It does so for a comparison that is used once, by a branch. So what is compared here is compared with 0 again: that
// comparison is the one that is used by the branch, and the first has its result in a register. A comparison is
// meant if one side may be an "and" and the other may be 0, as far as a single look at the code can tell; which way it
// comes there, by locals, globals or shifts by nothing, makes no difference to the engine, and so not here either.
type fusion struct {
	values []origin // of the stack, as far as they are known; below them anything
	locals []origin
	global origin // of all globals together that were set so far
}

// origin is what a value may be.
type origin uint8

const (
	isAnd      origin = 1 << iota
	isZero            // the constant
	shifts32          // a constant by which a shift of 32 bits is one
	shifts64          // the same for 64 bits
	computed   origin = 0
	anything          = isAnd | isZero
	ofTheValue        = isAnd | isZero // what stays if the value goes elsewhere
)

// begin is for a function with so many locals, the first of which are parameters.
func (f *fusion) begin(locals, params int) {
	f.values, f.locals, f.global = f.values[:0], f.locals[:0], computed
	for i := range locals {
		o := isZero // as locals are at first
		if i < params {
			o = computed
		}
		f.locals = append(f.locals, o)
	}
}

func (f *fusion) push(o origin) { f.values = append(f.values, o) }

func (f *fusion) pop() origin {
	n := len(f.values)
	if n == 0 {
		return anything
	}
	o := f.values[n-1]
	f.values = f.values[:n-1]
	return o
}

// operate replaces n operands by a result that is neither.
func (f *fusion) operate(n int) {
	for range n {
		f.pop()
	}
	f.push(computed)
}

// forget is for where control may come from elsewhere, and for instructions that are too rare to be known.
func (f *fusion) forget() { f.values = f.values[:0] }

// step takes one instruction into account, and says whether it is such a comparison.
func (f *fusion) step(in *wasm.Instr) bool {
	switch op := in.Op; {
	case op == wasm.LocalGet:
		f.push(f.local(in.Index))
	case op == wasm.LocalSet:
		f.set(in.Index, f.pop())
	case op == wasm.LocalTee:
		o := f.pop() & ofTheValue
		f.set(in.Index, o)
		f.push(o)
	case op == wasm.GlobalGet:
		f.push(f.global)
	case op == wasm.GlobalSet:
		f.global |= f.pop() & ofTheValue
	case op == wasm.I32Const, op == wasm.I64Const:
		f.push(constant(in.Value))
	case op == wasm.I32And, op == wasm.I64And:
		f.operate(2)
		f.values[len(f.values)-1] = isAnd
	case op >= wasm.I32Shl && op <= wasm.I32ShrU:
		f.shift(shifts32)
	case op >= wasm.I64Shl && op <= wasm.I64ShrU:
		f.shift(shifts64)
	case op >= wasm.I32LtS && op <= wasm.I32GeU:
		return f.compare(op - wasm.I32LtS)
	case op >= wasm.I64LtS && op <= wasm.I64GeU:
		return f.compare(op - wasm.I64LtS)
	case op == wasm.BrIf, op == wasm.Drop:
		f.pop()
	case op == wasm.Nop:
	default:
		f.other(op)
	}
	return false
}

// compare is for an ordering, by its number: lt_s, lt_u, gt_s, gt_u, le_s, le_u, ge_s, ge_u.
func (f *fusion) compare(ordering wasm.Op) bool {
	y := f.pop()
	x := f.pop()
	f.push(computed)
	unsigned := ordering%2 == 1
	return x&isZero != 0 && y&isAnd != 0 || unsigned && x&isAnd != 0 && y&isZero != 0
}

// shift is for shifts to either side. One by a multiple of the width is the value itself for the engine.
func (f *fusion) shift(known origin) {
	by := f.pop()
	x := f.pop()
	if by&known != 0 {
		x = computed
	}
	f.push(x & ofTheValue)
}

func constant(v int64) (o origin) {
	if v == 0 {
		return isZero
	}
	if v%32 != 0 {
		o |= shifts32
	}
	if v%64 != 0 {
		o |= shifts64
	}
	return o
}

// local may be asked about one that there is not: that is refused later.
func (f *fusion) local(i uint32) origin {
	if int64(i) >= int64(len(f.locals)) {
		return anything
	}
	return f.locals[i]
}

// set adds to what a local may be. A value that reaches a place was set further up in the text, also in a loop: where two
// values may come from, the engine has a third one.
func (f *fusion) set(i uint32, o origin) {
	if int64(i) < int64(len(f.locals)) {
		f.locals[i] |= o & ofTheValue
	}
}

// called is for a call: its results are new.
func (f *fusion) called(t *wasm.FuncType, operands int) {
	for range len(t.Params) + operands {
		f.pop()
	}
	for range t.Results {
		f.push(computed)
	}
}

// other is for instructions of which only the numbers of operands and results matter.
func (f *fusion) other(op wasm.Op) {
	switch {
	case op >= 0x36 && op <= 0x3e: // stores
		f.pop()
		f.pop()
	case op == wasm.MemorySize, op == wasm.F32Const, op == wasm.F64Const:
		f.push(computed)
	case op == wasm.Select, op == wasm.SelectTyped:
		f.operate(3)
	case op >= 0x28 && op <= 0x35, op == wasm.MemoryGrow, op == 0x45, op == 0x50, // loads, eqz
		op >= 0x67 && op <= 0x69, op >= 0x79 && op <= 0x7b, op >= 0x8b && op <= 0x91, op >= 0x99 && op <= 0x9f, // of one number
		op >= 0xa7 && op <= 0xc4, op >= 0xfc00 && op <= 0xfc07: // conversions
		f.operate(1)
	case op >= 0x46 && op <= 0xa6: // comparisons and arithmetic
		f.operate(2)
	default:
		f.forget()
	}
}

// fused looks whether the instruction is such a comparison, and has it compared with 0 again.
func (p *plan) fused() {
	in, f := &p.in, &p.values
	switch in.Op {
	case wasm.Call:
		if t := p.w.typeOf(in.Index); t != nil {
			f.called(t, 0)
			return
		}
		f.forget()
	case wasm.CallIndirect:
		if int64(in.Index) < int64(len(p.w.m.Types)) {
			f.called(&p.w.m.Types[in.Index], 1)
			return
		}
		f.forget()
	default:
		if f.step(in) && p.live {
			p.edits = append(p.edits, edit{at: in.End, to: in.End, kind: again, parent: -1, alt: -1})
		}
	}
}

// typeOf returns the type of a function of the module, or nil.
func (w *rewriter) typeOf(function uint32) *wasm.FuncType {
	var t uint32
	switch {
	case function < w.imported:
		t = w.imports[function]
	case function < w.functions:
		t = w.m.Funcs[function-w.imported]
	default:
		return nil
	}
	if int64(t) >= int64(len(w.m.Types)) {
		return nil
	}
	return &w.m.Types[t]
}
