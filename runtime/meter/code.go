package meter

import "github.com/wedgecdn/wedge/runtime/wasm"

// code assembles instructions.
type code struct {
	b       []byte
	counter uint32 // index of the counter's global
	tick    uint32 // index of the imported function
	stack   uint32 // index of the global that counts the stack
	look    uint32 // index of the function that calls the host if either is below zero
	written uint32 // index of the global that takes notes of what is written
	from    uint32 // number of the first page that can be noted
	notes   bool   // such notes are taken

	traced bool   // note what is copied
	spans  []span // what was, in order
}

func (c *code) ops(ops ...wasm.Op) {
	for _, op := range ops {
		c.b = wasm.AppendOp(c.b, op)
	}
}

func (c *code) idx(op wasm.Op, i uint32) { c.b = wasm.AppendU32(wasm.AppendOp(c.b, op), i) }
func (c *code) i32(v int32)              { c.b = wasm.AppendS64(append(c.b, byte(wasm.I32Const)), int64(v)) }
func (c *code) i64(v int64)              { c.b = wasm.AppendS64(append(c.b, byte(wasm.I64Const)), v) }

// empty is the type of a block without parameters and results.
const empty byte = 0x40

// open begins a block, loop or if without parameters and results.
func (c *code) open(op wasm.Op) { c.b = append(c.b, byte(op), empty) }

// charge takes a constant off the counter.
func (c *code) charge(units int64) {
	if units == 0 {
		return
	}
	c.idx(wasm.GlobalGet, c.counter)
	c.i64(units)
	c.ops(wasm.I64Sub)
	c.idx(wasm.GlobalSet, c.counter)
}

// check calls the host if the counter is below zero.
//
// The shape is chosen for the engine's compiler. Where the two ways join, it takes values to be where the first of them
// leaves them, so that has to be the one without a call: a call leaves nothing in registers. And a comparison is one
// instruction with the branch of an if, and three with that of a br_if to a place that others branch to as well.
func (c *code) check() {
	c.idx(wasm.GlobalGet, c.counter)
	c.i64(0)
	c.ops(wasm.I64GeS)
	c.open(wasm.If)
	c.ops(wasm.Else)
	c.idx(wasm.GlobalGet, c.counter)
	c.idx(wasm.Call, c.tick)
	c.idx(wasm.GlobalSet, c.counter)
	c.ops(wasm.End)
}

// checkRound leaves the inner of two loops for the outer if the counter is below zero.
func (c *code) checkRound() {
	c.idx(wasm.GlobalGet, c.counter)
	c.i64(0)
	c.ops(wasm.I64GeS)
	c.open(wasm.If)
	c.ops(wasm.Else)
	c.idx(wasm.Br, 2)
	c.ops(wasm.End)
}

// push takes a frame off the stack, keeps in a local what was left before, and looks at what is left, and at the counter too
// if wanted.
func (c *code) push(frame int64, both bool, before uint32) {
	c.idx(wasm.GlobalGet, c.stack)
	c.idx(wasm.LocalTee, before)
	c.i64(frame)
	c.ops(wasm.I64Sub)
	c.idx(wasm.GlobalSet, c.stack)
	c.idx(wasm.GlobalGet, c.stack)
	if both {
		c.idx(wasm.GlobalGet, c.counter)
		c.ops(wasm.I64Or)
	}
	c.i64(0)
	c.ops(wasm.I64GeS)
	c.open(wasm.If)
	c.ops(wasm.Else)
	c.idx(wasm.Call, c.look)
	c.ops(wasm.End)
}

// pop gives a frame back.
func (c *code) pop(before uint32) {
	c.idx(wasm.LocalGet, before)
	c.idx(wasm.GlobalSet, c.stack)
}

// lookAt is the body of the function that push calls.
func (f *function) lookAt() injected {
	f.idx(wasm.GlobalGet, f.stack)
	f.i64(0)
	f.ops(wasm.I64LtS)
	f.when(func() {
		f.i64(StackSpent)
		f.idx(wasm.Call, f.tick)
		f.ops(wasm.Unreachable)
	})
	f.check()
	return injected{name: "wedge_meter.look", typ: signature(0)}
}
