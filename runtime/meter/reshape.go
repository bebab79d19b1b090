package meter

import (
	"slices"

	"github.com/wedgecdn/wedge/runtime/wasm"
)

// shape is a body in which innermost loops, if nothing is called in them, are written in other words, with the same meaning, so
// that metering them costs less. A loop becomes two, one in the other:
//
//	loop B end    →    loop loop B end end
//
// The host is called at the header of the outer one and nowhere else: the inner one only looks at the counter, and branches there if it is
// below zero. If it called the host itself, the engine's compiler would in each round write all that the loop changes to the
// stack, where it is to be found after the call. And if B is short, it stands there several times:
//
//	loop B end    →    block loop loop block B br 3 end block B br 3 end br 0 end end end
//
// A branch that begins the loop again goes to the next copy, and all copies are paid for and checked at once. Those that are not
// reached have been paid for to no purpose, as other code is (see fold). The check stands before the last branch, the
// latch.
//
// Between two copies stands a constant that nobody wants. It costs what the header costs that the original passes there, and
// compiles to nothing. The branches that were added cost nothing.
type shape struct {
	raw   []byte
	spans []span // what of raw is the original's, in the order of raw
	pairs []pair // in the order of raw
}

// pair is a loop that became two: where in raw the outer begins, and where its latch is, 0 if the inner checks at its header.
type pair struct{ outer, latch int }

// Bounds of what is reshaped.
const (
	copiesMost   = 4
	copiedMost   = foldMost // units of a body times its copies beside the first
	pairedMost   = 64       // units of a body: a round of a longer one takes longer than what it saves, and the branch out costs as well
	shapedLocals = 100      // functions with more stay as they are: another loop is dear to compile there
	shapedDepth  = 4        // by which it grows
)

// round is an innermost loop in which nothing is called.
type round struct {
	pos, begin, end, after int   // the instruction, B, its end, and what comes behind the loop
	units                  int64 // of B with all its branches, and the header
	jumps                  []jumpAt
}

// jumpAt is a branch in a loop: its labels stand from imm to end.
type jumpAt struct {
	imm, end int
	depth    uint32 // of frames in the loop that it is in
	labels   []uint32
	table    bool
}

// reshape returns the shape of a body with so many locals, or nil if it stays as it is. What is malformed stays: it is found later.
func reshape(b *wasm.Body, locals, nesting int) *shape {
	if locals > shapedLocals {
		return nil
	}
	loops := innermost(b, nesting)
	if len(loops) == 0 {
		return nil
	}
	s := &shape{raw: make([]byte, 0, len(b.Raw)+len(b.Raw)/2)}
	done := 0
	for i := range loops {
		l := &loops[i]
		s.keep(b.Raw, done, l.pos)
		s.loop(b.Raw, l)
		done = l.after
	}
	s.keep(b.Raw, done, len(b.Raw))
	return s
}

// innermost finds the loops that are reshaped: they are short, nothing is called in them, and nothing is on the stack when
// they begin again.
func innermost(b *wasm.Body, nesting int) (list []round) {
	r := wasm.NewReader(b.Raw, b.Offset)
	r.Bytes(b.Code, "locals")
	var in wasm.Instr
	var l *round // the one that is open
	var at int   // depth of its body
	depth := 0
	for r.Left() > 0 {
		r.Instr(&in)
		if r.Err() != nil {
			return nil
		}
		if l != nil {
			l.units += cost(in.Op)
		}
		switch in.Op {
		case wasm.Block, wasm.If:
			depth++
		case wasm.Loop:
			depth++
			l = nil
			if in.Value < 0 {
				l, at = &round{pos: in.Pos, begin: in.End, units: costLoop}, depth
			}
		case wasm.End:
			if l != nil && depth == at {
				if l.end, l.after = in.Pos, in.End; l.units <= pairedMost {
					list = append(list, *l)
				}
				l = nil
			}
			depth--
		case wasm.Call, wasm.CallIndirect, wasm.CallRef, wasm.MemoryGrow, wasm.MemoryInit, wasm.MemoryCopy, wasm.MemoryFill,
			wasm.TableInit, wasm.TableCopy, wasm.TableGrow, wasm.TableFill, wasm.TryTable,
			wasm.ReturnCall, wasm.ReturnCallIndirect, wasm.ReturnCallRef:
			l = nil
		case wasm.Br, wasm.BrIf, wasm.BrTable, wasm.BrOnNull, wasm.BrOnNonNull:
			if l != nil {
				j := jumpAt{imm: in.Imm, end: in.End, depth: uint32(depth - at), labels: slices.Clone(in.Labels), table: true}
				if in.Op != wasm.BrTable {
					j.end, j.labels, j.table = in.Imm+in.IndexN, []uint32{in.Index}, false
				}
				l.jumps = append(l.jumps, j)
			}
		}
		if depth > nesting-shapedDepth {
			return nil
		}
	}
	return list
}

// loop writes one loop.
func (s *shape) loop(raw []byte, l *round) {
	block := raw[l.pos+1 : l.begin] // its type
	open := func(op wasm.Op) { s.raw = append(append(s.raw, byte(op)), block...) }
	copies := min(copiesMost, 1+int(copiedMost/l.units))
	if copies == 1 {
		s.pairs = append(s.pairs, pair{outer: len(s.raw)})
		open(wasm.Loop)
		s.keep(raw, l.pos, l.begin)
		s.body(raw, l, 1)
		s.keep(raw, l.end, l.after)
		s.raw = append(s.raw, byte(wasm.End))
		return
	}
	open(wasm.Block)
	outer := len(s.raw)
	open(wasm.Loop)
	s.keep(raw, l.pos, l.begin)
	for i := range copies {
		if i > 0 {
			s.raw = append(s.raw, byte(wasm.I32Const), 0, byte(wasm.Drop)) // costLoop
		}
		s.raw = append(s.raw, byte(wasm.Block), empty)
		s.body(raw, l, 3)
		s.raw = append(s.raw, byte(wasm.Br), 3, byte(wasm.End))
	}
	s.pairs = append(s.pairs, pair{outer, len(s.raw)})
	s.raw = append(s.raw, byte(wasm.Br), 0)
	s.keep(raw, l.end, l.after)
	s.raw = append(s.raw, byte(wasm.End), byte(wasm.End))
}

// body writes the body of a loop, in which labels beyond the loop are so much further away.
func (s *shape) body(raw []byte, l *round, shift uint32) {
	done := l.begin
	for _, j := range l.jumps {
		s.keep(raw, done, j.imm)
		if j.table {
			s.raw = wasm.AppendU32(s.raw, uint32(len(j.labels)-1))
		}
		for _, label := range j.labels {
			if label > j.depth {
				label += shift
			}
			s.raw = wasm.AppendU32(s.raw, label)
		}
		done = j.end
	}
	s.keep(raw, done, l.end)
}

func (s *shape) keep(raw []byte, from, to int) {
	s.spans = append(s.spans, span{from, len(s.raw), to - from})
	s.raw = append(s.raw, raw[from:to]...)
}

// isOwn says whether an instruction that begins there was copied.
func (s *shape) isOwn(at int) bool {
	if s == nil {
		return true
	}
	sp := &s.spans[s.spanOf(at)]
	return at < sp.to+sp.n
}

// spanOf is the last span that begins there or before.
func (s *shape) spanOf(at int) int {
	k, ok := slices.BinarySearchFunc(s.spans, at, func(s span, at int) int { return s.to - at })
	for ok && k+1 < len(s.spans) && s.spans[k+1].to == at {
		k++ // those before are empty
	}
	if !ok {
		k--
	}
	return k
}

// original is where in the original stands what stands there in the shape.
func (s *shape) original(at int) int {
	if s == nil {
		return at
	}
	sp := &s.spans[s.spanOf(at)]
	return sp.from + min(at-sp.to, sp.n)
}

// pair says whether the outer of two loops begins there, and where its latch is.
func (s *shape) pair(at int) (latch int, is bool) {
	if s == nil {
		return 0, false
	}
	i, is := slices.BinarySearchFunc(s.pairs, at, func(p pair, at int) int { return p.outer - at })
	if !is {
		return 0, false
	}
	return s.pairs[i].latch, true
}
