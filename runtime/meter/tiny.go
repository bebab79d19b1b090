package meter

import "github.com/wedgecdn/wedge/runtime/wasm"

// callees knows of each function what its callers have to know: whether it pays for itself.
//
// A tiny function has no loop, calls nothing but tiny functions, and costs at most tinyMost with all its branches. It has no
// metering code: who calls it pays for it, by the number of its function if the call is direct, and by the number of the
// costliest tiny one otherwise. Functions that the host calls, exported ones and the start function, are never tiny.
type callees struct {
	cost     []int64 // of defined functions: 0 unknown, -1 not tiny, -2 being looked at
	called   []bool  // by the host
	most     int64   // tinyMost, or for tests 0
	indirect int64   // what each call pays whose callee is not known
}

const (
	notTiny = -1
	looking = -2
)

// tinyBytes is the length of a body that is looked at: no longer one can be tiny, as almost each byte is an instruction
// or belongs to one of at most six bytes.
const tinyBytes = 8 * tinyMost

func (w *rewriter) findCallees(most int64) {
	c := &w.callees
	c.most = most
	c.cost = make([]int64, len(w.m.Funcs))
	c.called = make([]bool, len(w.m.Funcs))
	mark := func(index uint32) {
		if index >= w.imported && index < w.functions {
			c.called[index-w.imported] = true
		}
	}
	for _, e := range w.m.Exports {
		if e.Kind == wasm.FuncKind {
			mark(e.Index)
		}
	}
	if w.m.HasStart {
		mark(w.m.Start)
	}
	if w.sharesReferences() { // others call what is here, or what is here is theirs
		for _, u := range w.m.FuncUses {
			mark(u.Index)
		}
	}
	for _, u := range w.m.FuncUses {
		c.indirect = max(c.indirect, w.tiny(u.Index, 0))
	}
}

// sharesReferences says whether another instance may see a table of this one, or a global that may hold a reference. The engine
// above links instances with the host's modules and with nothing else, but this package does not rely on it.
func (w *rewriter) sharesReferences() bool {
	first := uint32(w.m.Imported(wasm.GlobalKind))
	for _, e := range w.m.Exports {
		if e.Kind == wasm.TableKind || e.Kind == wasm.GlobalKind && e.Index >= first && !isNumber(w.m.Globals[e.Index-first].Type) {
			return true
		}
	}
	for _, im := range w.m.Imports {
		if im.Kind == wasm.TableKind || im.Kind == wasm.GlobalKind && !isNumber(im.Global.Type) {
			return true
		}
	}
	return false
}

// tiny returns what a call of that function costs its caller beyond the call: 0 if it is not tiny.
func (w *rewriter) tiny(index uint32, depth int) int64 {
	if index < w.imported || index >= w.functions {
		return 0
	}
	i := index - w.imported
	if w.callees.cost[i] == 0 {
		w.callees.cost[i] = looking
		w.callees.cost[i] = w.tinyBody(i, depth)
	}
	return max(w.callees.cost[i], 0)
}

// tinyBody reads a body, and what it calls. It gives up at whatever it does not expect: the body is planned later, with errors.
func (w *rewriter) tinyBody(i uint32, depth int) int64 {
	b := &w.m.Bodies[i]
	if w.callees.called[i] || len(b.Raw) > tinyBytes || depth > tinyMost {
		return notTiny
	}
	r := wasm.NewReader(b.Raw, b.Offset)
	r.Bytes(b.Code, "locals")
	var in wasm.Instr
	sum := int64(costEntry)
	for r.Left() > 0 {
		r.Instr(&in)
		sum += cost(in.Op)
		switch in.Op {
		case wasm.Call:
			n := w.tiny(in.Index, depth+1)
			if n == 0 {
				return notTiny
			}
			sum += n
		case wasm.Loop, wasm.CallIndirect, wasm.CallRef, wasm.ReturnCall, wasm.ReturnCallIndirect, wasm.ReturnCallRef,
			wasm.MemoryGrow, wasm.MemoryInit, wasm.MemoryCopy, wasm.MemoryFill,
			wasm.TableInit, wasm.TableCopy, wasm.TableGrow, wasm.TableFill:
			return notTiny
		}
		if sum > w.callees.most {
			return notTiny
		}
	}
	if r.Err() != nil {
		return notTiny
	}
	return sum
}
