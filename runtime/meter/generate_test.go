package meter

import (
	"math/rand/v2"

	"github.com/wedgecdn/wedge/runtime/wasm"
)

// generator makes valid modules at random: a few functions of i32 and i64, with everything in them that the rewriter
// looks at. Two runs of one seed are equal.
type generator struct {
	*rand.Rand
	b      []byte
	funcs  []fn // types first, code later
	this   int
	labels []string // the types of what branches carry, innermost last
	next   int      // locals that count loops, taken so far
	calls  int      // in the function so far: they multiply
}

const (
	genLocals   = "iill" // after the parameters
	genCounters = "iiii"
)

// generate returns a module that exports each function, its memory and its global. Memory is one page, of at most three.
func generate(seed uint64) []byte {
	g := &generator{Rand: rand.New(rand.NewPCG(seed, 77))}
	types := []string{"", "i", "l", "il", "ii"}
	for range 2 + g.IntN(5) {
		g.funcs = append(g.funcs, fn{params: types[g.IntN(len(types))], results: []string{"", "i", "l"}[g.IntN(3)], locals: genLocals + genCounters})
	}
	s := sketch{memory: []uint32{1, 3}, global: true, table: []uint32{8, 16}, data: [][]byte{[]byte("some data"), make([]byte, 100)}}
	for i := range g.funcs {
		g.this, g.b, g.labels, g.next, g.calls = i, nil, []string{g.funcs[i].results}, 0, 0
		g.statements(4)
		if t := g.funcs[i].results; t != "" {
			g.value(t[0], 4)
		}
		g.funcs[i].code = []any{g.b}
		s.element = append(s.element, uint32(i))
	}
	if seed%3 != 0 { // else nobody knows how often a function is called, and nothing is noted
		s.element = s.element[len(s.element)-1:]
	}
	for i := range g.funcs {
		g.funcs[i].name = string(rune('a' + i))
	}
	if g.IntN(2) == 0 { // not each function is known to the host
		g.funcs[len(g.funcs)-1].name = ""
	}
	s.funcs = g.funcs
	s.exports = [][]byte{append(wasm.AppendName(nil, "global"), wasm.GlobalKind, 0)}
	return s.build()
}

func (g *generator) op(ops ...wasm.Op) {
	for _, op := range ops {
		g.b = wasm.AppendOp(g.b, op)
	}
}

func (g *generator) with(op wasm.Op, imm ...byte) {
	g.op(op)
	g.b = append(g.b, imm...)
}

func (g *generator) number(t byte) {
	if t == 'i' {
		g.b = wasm.AppendS64(append(g.b, byte(wasm.I32Const)), []int64{0, 1, -1, 2, 7, 100, 65530, int64(int32(g.Uint32()))}[g.IntN(8)])
	} else {
		g.b = wasm.AppendS64(append(g.b, byte(wasm.I64Const)), []int64{0, 1, -1, 3, int64(g.Uint64())}[g.IntN(5)])
	}
}

// local picks one of a type.
func (g *generator) local(t byte) byte {
	all := g.funcs[g.this].params + genLocals
	for {
		if i := g.IntN(len(all)); all[i] == t {
			return byte(i)
		}
	}
}

func valueType(t string) byte {
	if t == "" {
		return empty
	}
	return letters(t)[0].Code
}

// inside makes what a block has in it; arity is the type of what a branch to it carries.
func (g *generator) inside(arity string, f func()) {
	g.labels = append(g.labels, arity)
	f()
	g.labels = g.labels[:len(g.labels)-1]
	g.op(wasm.End)
}

// value leaves a value of a type on the stack.
func (g *generator) value(t byte, depth int) {
	if depth == 0 {
		if g.IntN(2) == 0 {
			g.number(t)
		} else {
			g.with(wasm.LocalGet, g.local(t))
		}
		return
	}
	d := depth - 1
	switch g.IntN(14) {
	case 0:
		g.number(t)
	case 1:
		g.with(wasm.LocalGet, g.local(t))
	case 2, 3:
		g.value(t, d)
		g.value(t, d)
		g.op(wasm.Op([]byte{0x6a, 0x6b, 0x6c, 0x71, 0x72, 0x73, 0x74, 0x76}[g.IntN(8)]) + map[byte]wasm.Op{'i': 0, 'l': 0x12}[t])
	case 4: // division traps
		g.value(t, d)
		g.value(t, d)
		g.op(wasm.Op(0x6d+g.IntN(4)) + map[byte]wasm.Op{'i': 0, 'l': 0x12}[t])
	case 5: // a comparison, and a conversion
		if t == 'i' {
			g.value('l', d)
			g.value('l', d)
			g.op(wasm.Op(0x51 + g.IntN(10)))
		} else {
			g.value('i', d)
			g.op(wasm.I64ExtendI32U)
		}
	case 6: // a load, perhaps outside
		g.value('i', d)
		g.with(map[byte]wasm.Op{'i': 0x28, 'l': 0x29}[t], 0, byte(g.IntN(100)))
	case 7:
		g.with(wasm.Block, valueType(string(t)))
		g.inside(string(t), func() { g.statements(d); g.value(t, d) })
	case 8:
		g.value('i', d)
		g.with(wasm.If, valueType(string(t)))
		g.labels = append(g.labels, string(t))
		g.statements(d)
		g.value(t, d)
		g.op(wasm.Else)
		g.value(t, d)
		g.labels = g.labels[:len(g.labels)-1]
		g.op(wasm.End)
	case 9:
		if !g.call(string(t), d) {
			g.number(t)
		}
	case 10:
		g.value(t, d)
		g.value(t, d)
		g.value('i', d)
		g.op(wasm.Select)
	case 11:
		if t == 'i' {
			g.with(wasm.MemorySize, 0)
		} else {
			g.number(t)
		}
	case 12:
		if t == 'i' {
			g.number('i')
			g.with(wasm.MemoryGrow, 0)
		} else {
			g.value(t, d)
		}
	case 13:
		g.value(t, d)
		g.with(wasm.LocalTee, g.local(t))
	}
}

// call calls a function with that result, if there is one.
func (g *generator) call(result string, depth int) bool {
	i := g.IntN(len(g.funcs))
	if g.funcs[i].results != result || g.calls > 3 {
		return false
	}
	g.calls++
	for _, p := range g.funcs[i].params {
		g.value(byte(p), depth)
	}
	switch g.IntN(4) {
	case 0: // perhaps of another type
		g.number('i')
		g.with(wasm.CallIndirect, byte(i), 0)
	case 1:
		g.b = wasm.AppendS64(append(g.b, byte(wasm.I32Const)), int64(i))
		g.with(wasm.CallIndirect, byte(i), 0)
	default:
		g.with(wasm.Call, byte(i))
	}
	return true
}

func (g *generator) statements(depth int) {
	for range g.IntN(3) + 1 {
		g.statement(depth)
	}
}

func (g *generator) statement(depth int) {
	if depth == 0 {
		g.op(wasm.Nop)
		return
	}
	d := depth - 1
	t := "il"[g.IntN(2)]
	switch g.IntN(19) {
	case 0, 1:
		g.value(t, d)
		g.with(wasm.LocalSet, g.local(t))
	case 2, 3: // a store, often outside
		g.number('i')
		g.value(t, d)
		g.with(map[byte]wasm.Op{'i': 0x36, 'l': 0x37}[t], 0, byte(g.IntN(100)))
	case 4, 5:
		g.value('i', d)
		g.with(wasm.If, empty)
		g.labels = append(g.labels, "")
		g.statements(d)
		if g.IntN(2) == 0 {
			g.op(wasm.Else)
			g.statements(d)
		}
		g.labels = g.labels[:len(g.labels)-1]
		g.op(wasm.End)
	case 6:
		g.with(wasm.Block, empty)
		g.inside("", func() { g.statements(d) })
	case 7, 8:
		g.loop(d)
	case 9, 10, 11:
		g.branch(d)
	case 12:
		if r := g.funcs[g.this].results; r != "" {
			g.value(r[0], d)
		}
		g.op(wasm.Return)
	case 13:
		if !g.call("", d) {
			g.op(wasm.Nop)
		}
	case 14:
		g.value(t, d)
		g.op(wasm.Drop)
	case 15:
		g.value('i', d)
		g.with(wasm.GlobalSet, 0)
	case 16:
		g.bulk(d)
	case 17:
		if g.IntN(8) == 0 {
			g.op(wasm.Unreachable)
		}
	case 18:
		g.number('i')
		g.with(wasm.RefFunc, byte(g.IntN(len(g.funcs))))
		g.with(wasm.TableSet, 0)
	}
}

// loop goes round as often as a local of its own says, or by other branches.
func (g *generator) loop(depth int) {
	if g.next == len(genCounters) {
		return
	}
	c := byte(len(g.funcs[g.this].params) + len(genLocals) + g.next)
	g.next++
	g.b = wasm.AppendS64(append(g.b, byte(wasm.I32Const)), int64(g.IntN(30)))
	g.with(wasm.LocalSet, c)
	g.with(wasm.Loop, empty)
	g.inside("", func() {
		g.statements(depth)
		g.with(wasm.LocalGet, c)
		g.number('i')
		if g.IntN(10) > 0 { // otherwise it may go on for long
			g.op(wasm.Drop)
			g.with(wasm.I32Const, 1)
		}
		g.op(wasm.I32Sub)
		g.with(wasm.LocalTee, c)
		g.with(wasm.BrIf, 0)
	})
}

// branch leaves for a label that carries nothing, or as much as it wants.
func (g *generator) branch(depth int) {
	to := g.IntN(len(g.labels))
	arity := g.labels[len(g.labels)-1-to]
	if arity != "" {
		g.value(arity[0], depth)
	}
	switch {
	case g.IntN(4) == 0:
		g.with(wasm.Br, byte(to))
	case g.IntN(3) == 0:
		g.value('i', depth)
		g.with(wasm.BrTable, 1, byte(to), byte(to))
	default:
		g.value('i', depth)
		g.with(wasm.BrIf, byte(to))
		if arity != "" {
			g.op(wasm.Drop)
		}
	}
}

func (g *generator) bulk(depth int) {
	small := func() {
		g.b = wasm.AppendS64(append(g.b, byte(wasm.I32Const)), []int64{0, 1, 8, 50, 70_000}[g.IntN(5)])
	}
	three := func() { small(); small(); small() }
	switch g.IntN(7) {
	case 0:
		three()
		g.with(wasm.MemoryFill, 0)
	case 1:
		g.value('i', depth)
		small()
		small()
		g.with(wasm.MemoryCopy, 0, 0)
	case 2:
		three()
		g.with(wasm.MemoryInit, byte(g.IntN(2)), 0)
	case 3:
		g.with(wasm.DataDrop, byte(g.IntN(2)))
	case 4:
		three()
		g.with(wasm.TableCopy, 0, 0)
	case 5:
		small()
		g.with(wasm.RefFunc, byte(g.IntN(len(g.funcs))))
		small()
		g.with(wasm.TableFill, 0)
	case 6:
		g.with(wasm.RefNull, wasm.FuncRef)
		small()
		g.with(wasm.TableGrow, 0)
		g.op(wasm.Drop)
	}
}
