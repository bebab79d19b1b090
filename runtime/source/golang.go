package source

import (
	"bytes"
	"encoding/binary"
	"slices"
	"sort"

	"github.com/wedgecdn/wedge/runtime/wasm"
)

// goTable is what a Go program keeps in its memory to print stack traces, as Go 1.20 and later lay it out: a head, and
// tables at offsets from it.
//
// A position in a Go function is a "PC": the number of the function, from 4096 on, above 16 bits that count places in it. Code knows
// its own at two kinds of places. In front of each call it stores the one to go on with. And it begins with a br_table that leads
// from each PC to a block, so the ends of those blocks are places whose PC can be read there.
type goTable struct {
	memory segments
	head   uint32
	count  uint32 // of functions

	files, units, names, values, funcs uint32 // addresses
}

// goMagic is how the head begins: the version's number, no padding, instructions of 1 byte, pointers of 8.
var goMagic = []byte{0xf1, 0xff, 0xff, 0xff, 0, 0, 1, 8}

// The first function's number, as Go's linker counts. https://go.dev/src/cmd/link/internal/wasm/asm.go
const goFirst = 0x1000

// isGo is the name of a section that Go's linker writes in each program, and in nothing else.
const isGo = "go:buildid"

// findGo returns a program's table, or nil.
func findGo(m *wasm.Module) *goTable {
	memory := newSegments(m.Data)
	for _, s := range memory {
		for at := 0; ; at++ {
			i := bytes.Index(s.bytes[at:], goMagic)
			if i < 0 {
				break
			}
			at += i
			t := &goTable{memory: memory, head: s.at + uint32(at)}
			if t.read(len(m.Funcs)) {
				return t
			}
		}
	}
	return nil
}

// read reads the head, and says whether it may be one: it has one entry for each function of the module, but for those that only lead to imports.
func (t *goTable) read(functions int) bool {
	field := func(i uint32) uint32 {
		lower, upper := t.memory.u32(t.head+8+8*i), t.memory.u32(t.head+12+8*i)
		if upper != 0 {
			return 0
		}
		return lower
	}
	t.count = field(0)
	t.names, t.units, t.files = t.head+field(3), t.head+field(4), t.head+field(5)
	t.values, t.funcs = t.head+field(6), t.head+field(7)
	return t.count > 0 && int64(t.count) <= int64(functions) && field(5) > 0 && field(6) > 0 && field(7) > 0
}

// position finds the file and the line of a PC, or of a call in front of it.
func (t *goTable) position(pc uint32) (Position, bool) {
	// Entries are sorted by the functions' numbers.
	n := pc >> 16
	entry := func(i int) uint32 { return t.memory.u32(t.funcs + 8*uint32(i)) }
	i := sort.Search(int(t.count), func(i int) bool { return entry(i) >= n })
	if i == int(t.count) || entry(i) != n {
		return Position{}, false
	}
	f := t.funcs + t.memory.u32(t.funcs+8*uint32(i)+4)
	file := t.value(t.memory.u32(f+5*4), pc&0xffff)
	line := t.value(t.memory.u32(f+6*4), pc&0xffff)
	if file < 0 || line <= 0 {
		return Position{}, false
	}
	at := t.memory.u32(t.units + 4*(t.memory.u32(f+8*4)+uint32(file)))
	if at == 1<<32-1 {
		return Position{}, false
	}
	name := t.memory.text(t.files + at)
	return Position{File: clean(name), Line: int(line)}, name != ""
}

// value reads a table of values by PC: pairs of a difference of the value and one of the PC up to which it holds.
func (t *goTable) value(table, pc uint32) int32 {
	if table == 0 {
		return -1
	}
	at, value, upTo := t.values+table, int32(-1), uint32(0)
	for first := true; upTo <= 0xffff; first = false {
		d := t.memory.uint(&at)
		if d == 0 && !first {
			break
		}
		value += int32(-(d & 1) ^ d>>1)
		step := t.memory.uint(&at)
		if step == 0 && !first || step > 0xffff {
			break
		}
		if upTo += step; pc < upTo {
			return value
		}
	}
	return -1
}

// positions adds those of places to out.
func (t *goTable) positions(m *wasm.Module, code int, places []Place, out map[int]Position) {
	imported := uint32(m.Imported(wasm.FuncKind))
	for _, p := range places {
		n := p.Function - imported
		if p.Function < imported || int64(n) >= int64(len(m.Bodies)) {
			continue
		}
		pc, ok := goPC(&m.Bodies[n], n, p.Code+code)
		if !ok {
			continue
		}
		if at, ok := t.position((goFirst+n)<<16 | pc); ok {
			out[p.Code] = at
		}
	}
}

// goPC is the place's number within its function: for a call that of the place before the one to go on with, as Go does it, else that
// where the block begins.
func goPC(b *wasm.Body, function uint32, offset int) (uint32, bool) {
	r := wasm.NewReader(b.Raw, b.Offset)
	r.Bytes(b.Code, "locals")
	var in wasm.Instr
	var table []uint32 // blocks by PC
	var stored uint32  // the PC that was stored last
	var constant int64
	since := callAfter + 1 // instructions since it was
	depth, outer, block := 0, -1, 0
	for r.Left() > 0 {
		r.Instr(&in)
		if r.Err() != nil {
			return 0, false
		}
		if b.Offset+in.Pos >= offset {
			if (in.Op == wasm.Call || in.Op == wasm.CallIndirect) && since <= callAfter && stored > 0 {
				return stored - 1, true
			}
			break
		}
		since++
		switch in.Op {
		case wasm.I64Const:
			constant = in.Value
		case i64Store:
			if uint64(constant)>>16 == uint64(goFirst+function) {
				stored, since = uint32(constant)&0xffff, 0
			}
			constant = 0
		case wasm.Block, wasm.Loop, wasm.If:
			depth++
		case wasm.BrTable:
			if table == nil {
				table, outer = slices.Clone(in.Labels), depth
			}
		case wasm.End:
			if depth--; outer > 0 && depth == outer-1 {
				outer, block = depth, block+1 // the end of one of the blocks that the table leads to
			}
		}
	}
	if table == nil {
		return 0, true // there is no other place
	}
	// The first end is that of the block in which the table stands.
	pc := slices.Index(table, uint32(max(block-1, 0)))
	return uint32(pc), pc >= 0 && pc <= 0xffff
}

const (
	i64Store wasm.Op = 0x37
	// callAfter is the most instructions between storing a PC and the call: what leads from a PC on the stack to a function.
	callAfter = 12
)

// segments are the parts of a memory that a module fills, sorted; the rest is zero.
type segments []segment

type segment struct {
	at    uint32
	bytes []byte
}

func newSegments(data []wasm.Data) (all segments) {
	for _, d := range data {
		if d.Const && !d.Passive && len(d.Init) > 0 {
			all = append(all, segment{d.At, d.Init})
		}
	}
	slices.SortStableFunc(all, func(a, b segment) int { return int(int64(a.at) - int64(b.at)) })
	return all
}

// byte returns what the memory has at an address.
func (s segments) byte(at uint32) byte {
	i := sort.Search(len(s), func(i int) bool { return s[i].at > at }) - 1
	if i < 0 || int64(at-s[i].at) >= int64(len(s[i].bytes)) {
		return 0
	}
	return s[i].bytes[at-s[i].at]
}

func (s segments) u32(at uint32) uint32 {
	var b [4]byte
	for i := range b {
		b[i] = s.byte(at + uint32(i))
	}
	return binary.LittleEndian.Uint32(b[:])
}

// uint reads a number in groups of seven bits, of at most 32 bits, and goes behind it.
func (s segments) uint(at *uint32) (v uint32) {
	for shift := 0; shift < 35; shift += 7 {
		b := s.byte(*at)
		*at++
		v |= uint32(b&0x7f) << shift
		if b < 0x80 {
			break
		}
	}
	return v
}

func (s segments) text(at uint32) string {
	var b []byte
	for len(b) < maxText {
		c := s.byte(at + uint32(len(b)))
		if c == 0 {
			break
		}
		b = append(b, c)
	}
	return string(b)
}
