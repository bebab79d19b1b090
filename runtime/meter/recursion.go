package meter

import (
	"slices"

	"github.com/wedgecdn/wedge/runtime/wasm"
)

// recursion finds which functions can be on the call stack more than once, and how much stack each takes.
//
// Only they count the stack: each takes its frame off a global when it is entered, and gives it back when it is left; below
// zero it calls the host with [StackSpent], which ends the call. All others together are on the stack once at most. If the
// longest chain of them takes more than stackFree, they count too.
//
// A frame is an estimate from what the function declares and does, equal on all machines. With the engine of today 99 of 100 Go
// functions take less, the worst twice as much; a hostile one may take some ten times as much. It makes a recursion
// end after the same calls everywhere, and keeps the engine's own stack, which doubles and never shrinks, at some MiB.
type recursion struct {
	frame   []int64
	counted []bool

	edges [][]uint32 // callees of each function, and behind the functions those of a call by reference
	index []int32    // order of discovery, from 1; see visit
	low   []int32
	depth []int64 // stack of the longest chain of uncounted functions from there
	stack []uint32
	onIt  []bool
	next  int32
}

// StackSpent is what tick gets instead of the counter when the call stack is spent. It does not return then.
const StackSpent = -1 << 63

// stackFree is how much the functions that do not count may take.
const stackFree = 256 << 10

// Parts of a frame, in bytes.
const (
	frameBase  = 64
	frameValue = 8    // for each parameter, local and result
	frameSet   = 2    // for each instruction that sets a local
	frameMost  = 2048 // of what instructions add, more counts an eighth
)

// findRecursion looks at all code once. What is malformed is found later.
func (w *rewriter) findRecursion() {
	n := len(w.m.Funcs)
	c := &recursion{
		frame: make([]int64, n), counted: make([]bool, n), edges: make([][]uint32, n+1),
		index: make([]int32, n+1), low: make([]int32, n+1), depth: make([]int64, n+1), onIt: make([]bool, n+1),
	}
	for i := range n {
		w.survey(c, uint32(i))
	}
	for _, u := range w.m.FuncUses {
		if u.Index >= w.imported {
			c.edges[n] = append(c.edges[n], u.Index-w.imported)
		}
	}
	var most int64
	for i := range n {
		if c.index[i] == 0 {
			c.visit(uint32(i))
		}
		most = max(most, c.depth[i])
	}
	for i := range n {
		tiny := w.callees.cost[i] > 0
		c.counted[i] = !tiny && (c.counted[i] || most > stackFree)
	}
	c.edges = nil
	w.recursion = c
	w.written.settle(w)
	if slices.Contains(c.counted, true) {
		w.look = w.inject(lookOp, 0, 0)
		w.stack = w.addGlobal(StackGlobal, wasm.ValType{Code: wasm.I64}, wasm.AppendS64([]byte{byte(wasm.I64Const)}, int64(w.caps.Stack))...)
	}
}

// survey finds the callees and the frame of one function.
func (w *rewriter) survey(c *recursion, i uint32) {
	b := &w.m.Bodies[i]
	r := wasm.NewReader(b.Raw, b.Offset)
	r.Bytes(b.Code, "locals")
	var in wasm.Instr
	var instructions int64
	byReference := false
	for r.Left() > 0 {
		r.Instr(&in)
		instructions++
		w.written.see(w, i, &in)
		switch in.Op {
		case wasm.LocalSet, wasm.LocalTee:
			instructions += 2 * frameSet
		case wasm.Call, wasm.ReturnCall:
			if in.Index >= w.imported && in.Index < w.functions {
				c.edges[i] = append(c.edges[i], in.Index-w.imported)
			}
		case wasm.CallIndirect, wasm.CallRef, wasm.ReturnCallIndirect, wasm.ReturnCallRef:
			byReference = true
		}
	}
	if byReference {
		c.edges[i] = append(c.edges[i], uint32(len(w.m.Funcs)))
	}
	t := w.m.Types[w.m.Funcs[i]]
	values := int64(b.Locals) + int64(len(t.Params)+len(t.Results))
	code := instructions / 2
	c.frame[i] = frameBase + frameValue*values + min(code, frameMost) + max(code-frameMost, 0)/8
}

// visit finds the strongly connected components that can be reached from a function, with Tarjan's algorithm and a stack of its own:
// a chain of calls may be as long as the module. A component of several, or one that calls itself, is a recursion.
func (c *recursion) visit(root uint32) {
	type step struct{ node, edge uint32 }
	begin := func(v uint32) {
		c.next++
		c.index[v], c.low[v] = c.next, c.next
		c.stack = append(c.stack, v)
		c.onIt[v] = true
	}
	begin(root)
	for todo := []step{{node: root}}; len(todo) > 0; {
		s := &todo[len(todo)-1]
		v := s.node
		if int(s.edge) < len(c.edges[v]) {
			to := c.edges[v][s.edge]
			s.edge++
			switch {
			case c.index[to] == 0:
				begin(to)
				todo = append(todo, step{node: to})
			case c.onIt[to]:
				c.low[v] = min(c.low[v], c.index[to])
			}
			continue
		}
		todo = todo[:len(todo)-1]
		if len(todo) > 0 {
			up := todo[len(todo)-1].node
			c.low[up] = min(c.low[up], c.low[v])
		}
		if c.low[v] == c.index[v] {
			c.component(v)
		}
	}
}

// component takes one off the stack; all that it calls besides itself is known.
func (c *recursion) component(root uint32) {
	n := len(c.stack) - 1
	for c.stack[n] != root {
		n--
	}
	members := c.stack[n:]
	recursive := len(members) > 1
	var below int64
	for _, v := range members {
		for _, to := range c.edges[v] {
			recursive = recursive || to == v
			if !c.onIt[to] || c.index[to] < c.index[root] {
				below = max(below, c.depth[to])
			}
		}
	}
	for _, v := range members {
		c.onIt[v] = false
		if int(v) == len(c.frame) { // calls by reference as such
			c.depth[v] = below
			continue
		}
		c.counted[v] = recursive
		c.depth[v] = below
		if !recursive {
			c.depth[v] += c.frame[v]
		}
	}
	c.stack = c.stack[:n]
}
