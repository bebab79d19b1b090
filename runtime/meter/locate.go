package meter

import (
	"slices"

	"github.com/wedgecdn/wedge/runtime/wasm"
)

// Place is where an instruction of a rewritten module comes from in the original.
type Place struct {
	Function uint32 // its index, imports included
	Code     int    // offset of the instruction from the begin of the code section's contents, as DWARF counts
	Offset   int    // the same from the begin of the module, as disassemblers count
}

// Locate finds where instructions of a rewritten module come from. module is the original and caps are those that it was
// rewritten with; offsets are counted from the begin of the contents of the rewritten module's code section. An instruction that
// the rewriter put in comes from the one that it stands in front of. What stands in a function of the rewriter's own, or in no
// function, is not in the answer.
//
// It rewrites the module once more, which is much work for somebody who wants to know one line of it, but it needs nothing
// to be kept of modules in which nobody ever looks. The caller remembers answers and limits how often it asks.
func Locate(module []byte, caps Caps, offsets []int) (map[int]Place, error) {
	m, err := wasm.Decode(module)
	if err != nil {
		return nil, asRefused(err)
	}
	t := &trace{want: slices.Clone(offsets), found: map[int]Place{}}
	slices.Sort(t.want)
	if i, ok := wasm.Place(m.Sections, wasm.CodeSection); ok {
		t.original = m.Sections[i].Offset
	}
	// How long the number of functions is written is known only at the end: there are the rewriter's own, too.
	t.head = len(wasm.AppendU32(nil, uint32(len(m.Bodies))))
	for range 2 {
		w, err := rewrite(module, caps, t)
		if err != nil {
			return nil, err
		}
		head := len(wasm.AppendU32(nil, uint32(len(w.m.Bodies)+len(w.injected))))
		if head == t.head {
			break
		}
		t.head = head
		clear(t.found)
	}
	return t.found, nil
}

// trace notes, while a module is rewritten, where the wanted instructions come from. A nil trace notes nothing.
type trace struct {
	want     []int // sorted
	head     int   // bytes in front of the first body in the rewritten section
	original int   // offset of the original section's contents in the module
	found    map[int]Place
}

// span is a run of bytes that was copied as it is: n bytes at from of the original body stand at to of the rewritten one.
type span struct{ from, to, n int }

// body looks which of the wanted instructions are in a body: it is the one of that function, came out as c, and stands at
// that position among the rewritten ones.
func (t *trace) body(function uint32, b wasm.Body, shape *shape, c *code, at int) {
	if t == nil {
		return
	}
	at += t.head
	i, _ := slices.BinarySearch(t.want, at)
	for ; i < len(t.want) && t.want[i] < at+len(c.b); i++ {
		pos := t.want[i] - at
		k, ok := slices.BinarySearchFunc(c.spans, pos, func(s span, pos int) int { return s.to - pos })
		if !ok {
			k--
		}
		if k < 0 {
			continue
		}
		s := c.spans[k]
		from := b.Offset + shape.original(s.from+min(pos-s.to, s.n)) // behind a span stands what the rewriter put in front of what follows
		t.found[t.want[i]] = Place{Function: function, Code: from - t.original, Offset: from}
	}
}
