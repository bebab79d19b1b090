package meter

import "github.com/wedgecdn/wedge/runtime/wasm"

// code assembles instructions.
type code struct {
	b       []byte
	counter uint32 // index of the counter's global
	tick    uint32 // index of the imported function

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

// open begins a block, loop or if without parameters and results.
func (c *code) open(op wasm.Op) { c.b = append(c.b, byte(op), 0x40) }

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
